/*
 * config - INI text to statements, through inih, without inih's surprises.
 *
 * The library cuts long lines and names, tells its handler no line number, goes on after an error,
 * says nothing of empty sections, ignores what follows a section's ']' and takes ':' for '='. Its
 * reader callback sees every line first, so the reader here classifies each one and refuses all
 * that the library would quietly change.
 */
#include "policy/config.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/io.h"

/* Stands for ':' on its way through the library; no line may hold control characters of its own. */
#define COLON '\x1f'
#define KEY_MAX 128
#define SECTION_MAX 48 /* the library cuts at 49 */

struct reader {
	const char *pos, *end;
	config_line_fn *fn;
	void *data;
	struct err *e;
	struct origin at;
	char section[SECTION_MAX + 1];
	char key[KEY_MAX + 1]; /* of the last statement of this section, "" when there is none */
	bool more;
	int error; /* negative errno, the story is in e */
};

static int refuse(struct reader *r, int code)
{
	r->error = err_wrap(r->e, code, "%s:%u", r->at.file, r->at.line);
	return code;
}

static int statement(struct reader *r, const char *key, const char *value)
{
	const struct config_line l = {
		.section = r->section,
		.key = key,
		.value = value,
		.more = r->more,
		.at = r->at,
	};
	int code = r->fn(r->data, &l, r->e);

	return code < 0 ? refuse(r, code) : 0;
}

static int section_begin(struct reader *r, const char *line, size_t len)
{
	const char *close = memchr(line, ']', len);
	size_t n, rest;

	if (!close)
		return refuse(r, err_set(r->e, EINVAL, "']' is missing"));
	rest = (size_t)(close - line) + 1;
	while (rest < len && (line[rest] == ' ' || line[rest] == '\t'))
		rest++;
	if (rest < len && line[rest] != ';')
		return refuse(r, err_set(r->e, EINVAL, "'%.*s' after the section's name",
					 (int)(len - rest), line + rest));
	n = (size_t)(close - line) - 1;
	if (n > SECTION_MAX)
		return refuse(
			r, err_set(r->e, EINVAL, "section name longer than %d bytes", SECTION_MAX));
	memcpy(r->section, line + 1, n);
	r->section[n] = '\0';
	r->key[0] = '\0';
	r->more = false;
	return statement(r, NULL, NULL);
}

static int check_characters(struct reader *r, const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return refuse(r, err_set(r->e, EINVAL, "control character 0x%02x", c));
	}
	if (len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
		return refuse(r, err_set(r->e, EINVAL, "byte order mark"));
	return 0;
}

/*
 * What kind of line is it? Sections are dealt with here, the rest when the library hands back key
 * and value.
 */
static int classify(struct reader *r, const char *line, size_t len)
{
	size_t blank = 0;

	while (blank < len && (line[blank] == ' ' || line[blank] == '\t'))
		blank++;
	if (blank == len || line[blank] == ';' || line[blank] == '#')
		return 0;
	if (blank == 0 && line[0] == '[')
		return section_begin(r, line, len);
	r->more = blank > 0;
	if (r->more && !r->key[0])
		return refuse(r, err_set(r->e, EINVAL, "indented line continues no key"));
	return 0;
}

/* fgets() for the library: one line, or NULL to make it stop. */
static char *next_line(char *buf, int size, void *stream)
{
	struct reader *r = stream;
	const char *newline;
	size_t len;

	if (r->error || r->pos == r->end)
		return NULL;
	newline = memchr(r->pos, '\n', (size_t)(r->end - r->pos));
	len = (size_t)((newline ? newline : r->end) - r->pos);
	r->at.line++;
	if (check_characters(r, r->pos, len) < 0)
		return NULL;
	if (size < 8 || len + 3 > (size_t)size) {
		(void)refuse(r, err_set(r->e, EINVAL,
					"line longer than %d bytes; indented lines may continue it",
					size - 3));
		return NULL;
	}
	if (classify(r, r->pos, len) < 0)
		return NULL;
	memcpy(buf, r->pos, len);
	buf[len] = '\n';
	buf[len + 1] = '\0';
	for (size_t i = 0; i < len && buf[i] != '='; i++)
		if (buf[i] == ':')
			buf[i] = COLON;
	r->pos += len + (newline != NULL);
	return buf;
}

static void restore_colons(char *s)
{
	for (; *s; s++)
		if (*s == COLON)
			*s = ':';
}

/* The library knows comments after a value, but not after a value's continuation. */
static void cut_comment(char *s)
{
	for (char *p = s; *p; p++)
		if (*p == ';' && (p == s || p[-1] == ' ' || p[-1] == '\t')) {
			*p = '\0';
			return;
		}
}

static int take_key(struct reader *r, const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > KEY_MAX)
		return refuse(r, err_set(r->e, EINVAL, "a key has 1 to %d bytes", KEY_MAX));
	memcpy(r->key, name, n + 1);
	restore_colons(r->key);
	return 0;
}

static int handle(void *user, const char *section, const char *name, const char *value)
{
	_cleanup_free_ char *copy = NULL;
	struct reader *r = user;

	(void)section; /* may be cut; ours is not */
	if (r->error)
		return 0;
	if (!name)
		return 1; /* some builds of the library report sections so; classify() has done it
			   */
	if (!r->more && take_key(r, name) < 0)
		return 0;
	if (!value)
		return refuse(r, err_set(r->e, EINVAL, "'=' is missing after '%s'", r->key)) == 0;
	copy = strdup(value);
	if (!copy)
		return refuse(r, err_set(r->e, ENOMEM, "out of memory")) == 0;
	restore_colons(copy);
	if (r->more)
		cut_comment(copy);
	return statement(r, r->key, copy) == 0;
}

int config_read(const char *text, size_t len, const char *file, config_line_fn *fn, void *data,
	struct err *e)
{
	struct reader r = {
		.pos = text,
		.end = text + len,
		.fn = fn,
		.data = data,
		.e = e,
		.at = { .file = file },
	};
	int bad = ini_parse_stream(next_line, &r, handle, &r);

	if (r.error)
		return r.error;
	if (bad == -2)
		return err_set(e, ENOMEM, "%s: out of memory", file);
	if (bad > 0)
		return err_set(
			e, EINVAL, "%s:%d: neither '[section]' nor 'key = value'", file, bad);
	return 0;
}

int config_slurp(int dir_fd, const char *name, bool must_be_root_owned, char **ret, size_t *ret_len,
	struct err *e)
{
	_cleanup_fd_ int fd = -1;
	int r;

	/*
	 * O_NONBLOCK: a FIFO put here must not hang us; O_NOFOLLOW: the judged file is the named
	 * one.
	 */
	fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_set(
			e, errno, "%s", errno == ELOOP ? "is a symbolic link" : strerror(errno));
	r = fd_check_type(fd, S_IFREG, e);
	if (r == 0 && must_be_root_owned)
		r = fd_check_owner(fd, e);
	if (r == 0)
		r = fd_read_all(fd, CONFIG_FILE_MAX, ret, ret_len, e);
	return r;
}

int strv_add(struct strv *v, const char *s, size_t len)
{
	char **grown = reallocarray(v->v, v->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	v->v = grown;
	v->v[v->n] = strndup(s, len);
	if (!v->v[v->n])
		return -ENOMEM;
	v->n++;
	return 0;
}

bool strv_has(const struct strv *v, const char *s)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->v[i], s) == 0)
			return true;
	return false;
}

void strv_done(struct strv *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->v[i]);
	free(v->v);
	*v = (struct strv){ 0 };
}
