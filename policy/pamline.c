#include "policy/pamline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define BLANKS " \t\n"

/* The order is libpam's: the index is the return value. */
static const char *const code_names[PAMLINE_CODES] = { "success", "open_err", "symbol_err",
	"service_err", "system_err", "buf_err", "perm_denied", "auth_err", "cred_insufficient",
	"authinfo_unavail", "user_unknown", "maxtries", "new_authtok_reqd", "acct_expired",
	"session_err", "cred_unavail", "cred_expired", "cred_err", "no_module_data", "conv_err",
	"authtok_err", "authtok_recover_err", "authtok_lock_busy", "authtok_disable_aging",
	"try_again", "ignore", "abort", "authtok_expired", "module_unknown", "bad_item",
	"conv_again", "incomplete" };

enum { CODE_SUCCESS = 0, CODE_NEW_AUTHTOK_REQD = 12, CODE_IGNORE = 25 };

static const struct {
	const char *name;
	short action;
} action_names[] = {
	{ "ignore", PAMLINE_IGNORE },
	{ "ok", PAMLINE_OK },
	{ "done", PAMLINE_DONE },
	{ "bad", PAMLINE_BAD },
	{ "die", PAMLINE_DIE },
	{ "reset", PAMLINE_RESET },
};

static const struct {
	const char *name;
	short success, ignore, otherwise;
} plain_controls[] = {
	{ "required", PAMLINE_OK, PAMLINE_IGNORE, PAMLINE_BAD },
	{ "requisite", PAMLINE_OK, PAMLINE_IGNORE, PAMLINE_DIE },
	{ "optional", PAMLINE_OK, PAMLINE_IGNORE, PAMLINE_IGNORE },
	{ "sufficient", PAMLINE_DONE, PAMLINE_IGNORE, PAMLINE_IGNORE },
};

static const struct {
	const char *name;
	enum pamline_type type;
} type_names[] = {
	{ "auth", PAMLINE_AUTH },
	{ "account", PAMLINE_ACCOUNT },
	{ "password", PAMLINE_PASSWORD },
	{ "session", PAMLINE_SESSION },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void actions_set(struct pamline *l, short action)
{
	for (size_t i = 0; i < PAMLINE_CODES; i++)
		if (l->action[i] == PAMLINE_UNSET)
			l->action[i] = action;
}

/* Takes the next word off *rest; NULL when there is none. Words end at a blank. */
static char *word_take(char **rest)
{
	char *word = *rest + strspn(*rest, BLANKS);

	if (*word == '\0')
		return NULL;

	*rest = word + strcspn(word, BLANKS);
	if (**rest)
		*(*rest)++ = '\0';
	return word;
}

static int action_parse(const char *word, short *ret)
{
	long jump = 0;

	for (size_t i = 0; i < COUNT(action_names); i++) {
		if (!strcmp(word, action_names[i].name)) {
			*ret = action_names[i].action;
			return 0;
		}
	}

	if (*word == '\0')
		return -EINVAL;
	for (; *word; word++) {
		if (*word < '0' || *word > '9')
			return -EINVAL;
		jump = jump * 10 + (*word - '0');
		if (jump > 999) /* nobody's stack is that long; libpam's own arithmetic overflows
				   later */
			return -ERANGE;
	}
	if (jump == 0)
		return -EINVAL;
	*ret = (short)jump;
	return 0;
}

static int code_find(const char *word)
{
	for (int i = 0; i < PAMLINE_CODES; i++)
		if (!strcmp(word, code_names[i]))
			return i;
	return -1;
}

/* One "code=action" of a bracketed control. Blanks around '=' are allowed by libpam, used by
 * nobody, refused here. */
static int pair_parse(struct pamline *l, char *pair, struct err *e)
{
	char *value = strchr(pair, '=');
	short action;
	int code;

	if (!value)
		return err_set(e, EINVAL, "'%s' in a control: expected CODE=ACTION", pair);
	*value++ = '\0';
	if (action_parse(value, &action) < 0)
		return err_set(e, EINVAL, "'%s=%s': unknown action '%s'", pair, value, value);

	if (!strcmp(pair, "default")) {
		actions_set(l, action);
		return 0;
	}
	code = code_find(pair);
	if (code < 0)
		return err_set(e, EINVAL, "'%s=%s': unknown return code '%s'", pair, value, pair);
	l->action[code] = action;
	return 0;
}

static int bracket_parse(struct pamline *l, char **rest, struct err *e)
{
	char *open = *rest + strspn(*rest, BLANKS) + 1;
	char *close = strchr(open, ']');
	char *pair;

	if (!close)
		return err_set(e, EINVAL, "control '[%s' has no ']'", open);
	if (close[1] && !strchr(BLANKS, close[1]))
		return err_set(e, EINVAL, "'%s': expected a blank after ']'", close);
	*close = '\0';
	*rest = close + 1;

	while ((pair = word_take(&open))) {
		int r = pair_parse(l, pair, e);

		if (r < 0)
			return r;
	}
	actions_set(l, PAMLINE_BAD);
	return 0;
}

static int control_parse(struct pamline *l, char **rest, struct err *e)
{
	const char *word;

	if ((*rest)[strspn(*rest, BLANKS)] == '[') {
		l->kind = PAMLINE_MODULE;
		return bracket_parse(l, rest, e);
	}

	word = word_take(rest);
	if (!word)
		return err_set(e, EINVAL, "no control word");
	if (!strcasecmp(word, "include") || !strcasecmp(word, "substack")) {
		l->kind = strcasecmp(word, "include") ? PAMLINE_SUBSTACK : PAMLINE_INCLUDE;
		return 0;
	}
	for (size_t i = 0; i < COUNT(plain_controls); i++) {
		if (strcasecmp(word, plain_controls[i].name))
			continue;
		l->kind = PAMLINE_MODULE;
		l->action[CODE_SUCCESS] = plain_controls[i].success;
		l->action[CODE_NEW_AUTHTOK_REQD] = plain_controls[i].success;
		l->action[CODE_IGNORE] = plain_controls[i].ignore;
		actions_set(l, plain_controls[i].otherwise);
		return 0;
	}
	return err_set(e, EINVAL, "unknown control '%s'", word);
}

static int type_parse(struct pamline *l, const char *word, struct err *e)
{
	const char *name = *word == '-' ? word + 1 : word;

	for (size_t i = 0; i < COUNT(type_names); i++) {
		if (!strcasecmp(name, type_names[i].name)) {
			l->type = type_names[i].type;
			return 0;
		}
	}
	return err_set(e, EINVAL, "unknown type '%s'", word);
}

/* l->words holds the logical line; cuts it up in place. */
static int words_parse(struct pamline *l, struct err *e)
{
	char *rest = l->words;
	char *word = word_take(&rest);
	int r;

	if (!strcasecmp(word, "@include")) {
		l->kind = PAMLINE_INCLUDE_ALL;
	} else {
		r = type_parse(l, word, e);
		if (r < 0)
			return r;
		r = control_parse(l, &rest, e);
		if (r < 0)
			return r;
	}

	l->target = word_take(&rest);
	if (!l->target)
		return err_set(e, EINVAL, "'%s' without a %s", word,
			l->kind == PAMLINE_MODULE ? "module" : "file name");
	rest += strspn(rest, BLANKS);
	for (size_t n = strlen(rest); n > 0 && strchr(BLANKS, rest[n - 1]); n--)
		rest[n - 1] = '\0';
	l->args = rest;
	return 0;
}

/*
 * Appends one physical line's content to l->words. Returns 1 when a backslash asks for the next
 * one, 0 when the logical line is complete (or nothing was there).
 */
static int physical_add(struct pamline *l, const char *from, size_t n, struct err *e)
{
	size_t have = l->words ? strlen(l->words) : 0;
	bool more = false;
	const char *hash;
	char *grown;

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)from[i] < ' ' && from[i] != '\t')
			return err_set(e, EINVAL, "control character 0x%02x", (unsigned)from[i]);
	while (n > 0 && strchr(BLANKS, *from)) {
		from++;
		n--;
	}
	if (n == 0 || *from == '#')
		return have > 0; /* libpam passes over such lines, also in a continuation */

	hash = memchr(from, '#', n);
	if (hash) {
		n = (size_t)(hash - from);
	} else {
		size_t bare = n;

		while (bare > 0 && strchr(BLANKS, from[bare - 1]))
			bare--;
		more = from[bare - 1] == '\\';
		if (more && bare < n)
			return err_set(e, EINVAL, "blank after the '\\' that ends the line");
		if (more)
			n = bare - 1;
	}

	if (have + n + 2 > PAMLINE_LENGTH_MAX)
		return err_set(e, EINVAL, "longer than %d bytes", PAMLINE_LENGTH_MAX);
	grown = realloc(l->words, have + n + 2);
	if (!grown)
		return err_set(e, ENOMEM, "out of memory");
	memcpy(grown + have, from, n);
	strcpy(grown + have + n, more ? " " : "");
	l->words = grown;
	return more;
}

/* Reads one logical line from *pos on and moves *pos and *number behind it. */
static int logical_read(
	const char *text, size_t *pos, unsigned *number, struct pamline *ret, struct err *e)
{
	struct pamline l = { .number = *number, .start = *pos, .args = "" };
	int more;

	for (size_t i = 0; i < PAMLINE_CODES; i++)
		l.action[i] = PAMLINE_UNSET;
	do {
		size_t n = strcspn(text + *pos, "\n");

		if (text[*pos] == '\0') {
			free(l.words);
			return err_set(e, EINVAL, "ends in a '\\'");
		}
		more = physical_add(&l, text + *pos, n, e);
		if (more < 0) {
			free(l.words);
			return more;
		}
		*pos += n + (text[*pos + n] == '\n');
		(*number)++;
	} while (more);

	l.end = *pos;
	*ret = l;
	return 0;
}

static int line_add(struct pamfile *f, size_t *pos, unsigned *number, struct err *e)
{
	struct pamline *grown = reallocarray(f->lines, f->n_lines + 1, sizeof(*grown));
	unsigned first = *number;
	struct pamline *l;
	int r;

	if (!grown)
		return err_set(e, ENOMEM, "out of memory");
	f->lines = grown;
	l = &grown[f->n_lines];

	r = logical_read(f->text, pos, number, l, e);
	if (r == 0) {
		f->n_lines++;
		/* words of blanks alone are possible through continuation lines: nothing, for
		 * libpam an error */
		if (l->words && l->words[strspn(l->words, BLANKS)] == '\0')
			r = err_set(e, EINVAL, "nothing but continuation");
		else if (l->words)
			r = words_parse(l, e);
	}
	if (r < 0)
		return err_wrap(e, r, "%s:%u", f->path, first);
	return 0;
}

int pamfile_parse(const char *path, const char *text, struct pamfile *ret, struct err *e)
{
	_cleanup_(pamfile_free) struct pamfile f = { 0 };
	unsigned number = 1;
	size_t pos = 0;

	if (strlen(text) > PAMLINE_TEXT_MAX)
		return err_set(e, EFBIG, "%s: larger than %d bytes", path, PAMLINE_TEXT_MAX);
	f.path = strdup(path);
	f.text = strdup(text);
	if (!f.path || !f.text)
		return err_set(e, ENOMEM, "out of memory");

	while (f.text[pos]) {
		int r = line_add(&f, &pos, &number, e);

		if (r < 0)
			return r;
	}
	*ret = f;
	f = (struct pamfile){ 0 };
	return 0;
}

void pamfile_free(struct pamfile *f)
{
	for (size_t i = 0; i < f->n_lines; i++)
		free(f->lines[i].words);
	free(f->lines);
	free(f->text);
	free(f->path);
	*f = (struct pamfile){ 0 };
}

bool pamline_is_module(const struct pamline *l, enum pamline_type type, const char *name)
{
	const char *slash;

	if (l->kind != PAMLINE_MODULE || l->type != type)
		return false;
	slash = strrchr(l->target, '/');
	return !strcmp(slash ? slash + 1 : l->target, name);
}

bool pamline_text_is(const struct pamfile *f, const struct pamline *l, const char *text)
{
	size_t n = l->end - l->start;

	if (n > 0 && f->text[l->end - 1] == '\n')
		n--;
	return strlen(text) == n && !memcmp(f->text + l->start, text, n);
}

bool pamline_refuses(const struct pamline *l)
{
	for (int i = 0; i < PAMLINE_CODES; i++) {
		if (i == CODE_SUCCESS || i == CODE_NEW_AUTHTOK_REQD || i == CODE_IGNORE)
			continue;
		if (l->action[i] != PAMLINE_BAD && l->action[i] != PAMLINE_DIE)
			return false;
	}
	return true;
}
