#include "helper/image/manifest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/image/escape.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"

static const struct {
	const char *name, *file;
} kinds[] = {
	[IMAGE_NONE] = { "none", "none" },
	[IMAGE_TREE] = { "tree", "tree" },
	[IMAGE_SQUASHFS] = { "squashfs", "root.squashfs" },
	[IMAGE_EROFS] = { "erofs", "root.erofs" },
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *image_kind_name(enum image_kind kind)
{
	return kinds[kind].name;
}

const char *image_kind_file(enum image_kind kind)
{
	return kinds[kind].file;
}

bool image_name_valid(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return n > 0 && n <= IMAGE_NAME_MAX && !s[n] && s[0] != '.' && s[0] != '_' && s[0] != '-';
}

void manifest_done(struct manifest *m)
{
	strv_done(&m->command);
	strv_done(&m->env);
	free(m->workdir);
	*m = (struct manifest){ 0 };
}

/* --- values --- */

typedef int take_fn(struct manifest *m, const char *value, struct err *e);

static int out_of_memory(struct err *e)
{
	return err_set(e, ENOMEM, "out of memory");
}

static int take_name(struct manifest *m, const char *value, struct err *e)
{
	if (!image_name_valid(value))
		return err_set(e, EINVAL, "name '%s': not [a-z0-9][a-z0-9._-]*, at most %d bytes", value, IMAGE_NAME_MAX);
	(void)snprintf(m->name, sizeof(m->name), "%s", value);
	return 0;
}

static int take_kind(struct manifest *m, const char *value, struct err *e)
{
	for (size_t i = IMAGE_NONE + 1; i < N_KINDS; i++)
		if (strcmp(kinds[i].name, value) == 0) {
			m->kind = (enum image_kind)i;
			return 0;
		}
	return err_set(e, EINVAL, "kind '%s': not tree, squashfs or erofs", value);
}

static bool is_hash(const char *value, const char *algorithm, size_t digits)
{
	size_t n = strlen(algorithm);

	return strncmp(value, algorithm, n) == 0 && strspn(value + n, "0123456789abcdef") == digits && !value[n + digits];
}

static int take_digest(struct manifest *m, const char *value, struct err *e)
{
	if (!is_hash(value, "sha256:", 64))
		return err_set(e, EINVAL, "digest '%s': not sha256: and 64 digits 0-9a-f", value);
	(void)snprintf(m->digest, sizeof(m->digest), "%s", value);
	return 0;
}

static int take_verity(struct manifest *m, const char *value, struct err *e)
{
	if (!is_hash(value, "sha256:", 64) && !is_hash(value, "sha512:", 128))
		return err_set(e, EINVAL, "verity '%s': not sha256: or sha512: and its digits", value);
	(void)snprintf(m->verity, sizeof(m->verity), "%s", value);
	return 0;
}

static int take_size(struct manifest *m, const char *value, struct err *e)
{
	if (parse_u64(value, INT64_MAX, &m->size) < 0)
		return err_set(e, EINVAL, "size '%s': not a number of bytes", value);
	return 0;
}

static int take_command(struct manifest *m, const char *value, struct err *e)
{
	return strv_add(&m->command, value, strlen(value)) < 0 ? out_of_memory(e) : 0;
}

static int take_env(struct manifest *m, const char *value, struct err *e)
{
	if (*value == '=' || !strchr(value, '='))
		return err_set(e, EINVAL, "env '%s': not NAME=VALUE", value);
	return strv_add(&m->env, value, strlen(value)) < 0 ? out_of_memory(e) : 0;
}

static int take_workdir(struct manifest *m, const char *value, struct err *e)
{
	if (!path_valid(value))
		return err_set(e, EINVAL, "workdir '%s': not an absolute path without empty parts, '.' and '..'", value);
	m->workdir = strdup(value);
	return m->workdir ? 0 : out_of_memory(e);
}

/* In the order in which they are written. */
static const struct key {
	const char *name;
	bool needed, repeats;
	take_fn *take;
} keys[] = {
	{ "name", true, false, take_name },
	{ "kind", true, false, take_kind },
	{ "digest", true, false, take_digest },
	{ "verity", false, false, take_verity },
	{ "size", true, false, take_size },
	{ "command", false, true, take_command },
	{ "env", false, true, take_env },
	{ "workdir", false, false, take_workdir },
};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

/* --- reading --- */

/* What was read so far, and how often each key. */
struct draft {
	struct manifest m;
	unsigned seen[N_KEYS];
};

static int take_value(struct draft *d, size_t k, char *value, struct err *e)
{
	if (d->seen[k]++ && !keys[k].repeats)
		return err_set(e, EINVAL, "'%s' a second time", keys[k].name);
	if (escape_undo(value) < 0)
		return err_set(e, EINVAL, "'%s': a backslash begins \\ooo, the three octal digits of a byte other than 0", keys[k].name);
	return keys[k].take(&d->m, value, e);
}

/* "key = value", with one blank on each side of '=': all behind it is the value, blanks included. "key =" is an empty one. */
static int take_line(struct draft *d, char *line, struct err *e)
{
	size_t n = strcspn(line, " =");
	char *value = line + n;

	for (const char *c = line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return err_set(e, EINVAL, "control character 0x%02x", (unsigned char)*c);
	if (!*line || *line == '#')
		return 0;
	if (strncmp(value, " = ", 3) == 0)
		value += 3;
	else if (strcmp(value, " =") == 0)
		value += 2;
	else
		return err_set(e, EINVAL, "'%s' is no 'key = value'", line);
	for (size_t k = 0; k < N_KEYS; k++)
		if (strlen(keys[k].name) == n && strncmp(keys[k].name, line, n) == 0)
			return take_value(d, k, value, e);
	return err_set(e, EINVAL, "unknown key '%.*s'", (int)n, line);
}

static int take_text(struct draft *d, char *text, size_t len, struct err *e)
{
	char *line = text, *end = text + len;

	for (unsigned number = 1; line < end; number++) {
		char *newline = memchr(line, '\n', (size_t)(end - line));
		int r;

		if (!newline)
			return err_set(e, EINVAL, "line %u does not end", number);
		*newline = '\0';
		if (strlen(line) != (size_t)(newline - line))
			return err_set(e, EINVAL, "line %u: control character 0x00", number);
		r = take_line(d, line, e);
		if (r < 0)
			return err_wrap(e, r, "line %u", number);
		line = newline + 1;
	}
	for (size_t k = 0; k < N_KEYS; k++)
		if (keys[k].needed && !d->seen[k])
			return err_set(e, EINVAL, "no '%s'", keys[k].name);
	return 0;
}

int manifest_parse(const char *text, size_t len, struct manifest *ret, struct err *e)
{
	_cleanup_free_ char *copy = NULL;
	struct draft d = { 0 };
	int r;

	if (len > MANIFEST_MAX)
		return err_set(e, EINVAL, "larger than %u bytes", MANIFEST_MAX);
	copy = malloc(len + 1);
	if (!copy)
		return out_of_memory(e);
	memcpy(copy, text, len);
	copy[len] = '\0';
	r = take_text(&d, copy, len, e);
	if (r < 0)
		manifest_done(&d.m);
	else
		*ret = d.m;
	return r;
}

/* --- writing --- */

static void write_value(FILE *f, const char *key, const char *value)
{
	(void)fprintf(f, "%s = ", key);
	escape_write(f, value, strlen(value), ESCAPE_LINE);
	(void)fputc('\n', f);
}

static void write_words(FILE *f, const char *key, const struct strv *words)
{
	for (size_t i = 0; i < words->n; i++)
		write_value(f, key, words->v[i]);
}

int manifest_write(const struct manifest *m, char **ret, size_t *ret_len, struct err *e)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	bool full;

	if (!f)
		return out_of_memory(e);
	write_value(f, "name", m->name);
	write_value(f, "kind", image_kind_name(m->kind));
	write_value(f, "digest", m->digest);
	if (m->verity[0])
		write_value(f, "verity", m->verity);
	(void)fprintf(f, "size = %llu\n", (unsigned long long)m->size);
	write_words(f, "command", &m->command);
	write_words(f, "env", &m->env);
	if (m->workdir)
		write_value(f, "workdir", m->workdir);
	full = ferror(f);
	if (fclose(f) != 0 || full) {
		free(text);
		return out_of_memory(e);
	}
	*ret = text;
	*ret_len = len;
	return 0;
}
