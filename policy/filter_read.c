/*
 * filter_read - filter files to rules: sections, includes, groups, arguments. What they mean is
 * filter.c's.
 *
 * A section whose condition does not hold for the profile is read all the same, so that a mistake
 * in it is heard of today and not when the profile changes; its rules are then thrown away.
 */
#include "policy/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"
#include "policy/config.h"
#include "policy/filter_args.h"
#include "policy/filter_rules.h"

#define INCLUDE_DEPTH 8
#define BLANKS " \t"

/* One file being read. */
struct reading {
	struct filter *f; /* takes the rules that count */
	struct filter *sink; /* takes those that do not; f or this is `to` */
	struct filter *to;
	const char *const *dirs;
	size_t n_dirs;
	size_t dir; /* of this file */
	const char *name; /* of this file */
	unsigned flags; /* FILTER_* */
	int depth;
	char section[8]; /* "filter" or "args", "" before the first */
	uint32_t arch; /* that the section is for; 0: every one */
	bool conditional;
	size_t first_arg; /* rules from here on are this section's own */
	struct arg_draft draft;
	bool statements; /* something else than a description was read */
};

static int load_into(struct reading *r, struct err *e);

static void *grow(void *array, size_t n, size_t size)
{
	/* By doubling at powers of two; the caller keeps no capacity. */
	if (n & (n - 1))
		return array;
	return reallocarray(array, n ? 2 * n : 1, size);
}

static int call_add(struct filter *f, const struct call_line *line, struct err *e)
{
	struct call_line *grown = grow(f->calls, f->n_calls, sizeof(*grown));

	if (!grown)
		return err_set(e, ENOMEM, "out of memory");
	f->calls = grown;
	f->calls[f->n_calls++] = *line;
	return 0;
}

/*
 * `tolerant`: members of a group may be unknown to an old libseccomp; a name that somebody typed
 * may not.
 */
static int name_add(
	struct filter *f, const char *name, bool tolerant, struct call_line *line, struct err *e)
{
	if (!syscall_known(name)) {
		if (tolerant)
			return 0;
		return err_set(e, EINVAL, "unknown system call '%s'", name);
	}
	if (strlen(name) >= sizeof(line->name))
		return err_set(e, EINVAL, "'%s' is too long", name);
	strcpy(line->name, name);
	return call_add(f, line, e);
}

static int group_add(struct filter *f, const char *group, struct call_line *line, struct err *e)
{
	_cleanup_free_ char *members = NULL;
	const char *list;
	char *save = NULL;
	int r = 0;

	if (strcmp(group, "@known") == 0) {
		strcpy(line->name, group);
		return call_add(f, line, e);
	}
	list = syscall_group(group);
	if (!list)
		return err_set(e, EINVAL, "unknown group '%s'", group);
	members = strdup(list);
	if (!members)
		return err_set(e, ENOMEM, "out of memory");
	for (char *m = strtok_r(members, " ", &save); m && r == 0; m = strtok_r(NULL, " ", &save))
		r = m[0] == '@' ? group_add(f, m, line, e) : name_add(f, m, true, line, e);
	return r;
}

/* [?]NAME[:ERRNO] or @GROUP[:ERRNO] */
static int call_word(struct reading *r, char *word, enum call_action action,
	const struct origin *at, struct err *e)
{
	struct call_line line = { .action = action, .arch = r->arch, .at = *at };
	char *colon = strchr(word, ':');

	if (action == CALL_REFUSE)
		line.error = EPERM;
	if (colon) {
		*colon = '\0';
		if (action != CALL_REFUSE)
			return err_set(
				e, EINVAL, "only refuse takes an error: '%s:%s'", word, colon + 1);
		line.error = parse_errno(colon + 1);
		if (line.error < 0)
			return err_set(e, EINVAL, "unknown error '%s'", colon + 1);
	}
	if (word[0] == '@')
		return group_add(r->to, word, &line, e);
	if (word[0] == '?')
		return name_add(r->to, word + 1, true, &line, e);
	return name_add(r->to, word, false, &line, e);
}

static int call_words(struct reading *r, char *value, enum call_action action,
	const struct origin *at, struct err *e)
{
	char *save = NULL;
	int code = 0;

	for (char *w = strtok_r(value, BLANKS, &save); w && code == 0;
		w = strtok_r(NULL, BLANKS, &save))
		code = call_word(r, w, action, at, e);
	return code;
}

/* A filter that includes its own name means the one that it stands before. */
static int include(struct reading *r, const char *name, struct err *e)
{
	struct reading inner = {
		.f = r->f,
		.sink = r->sink,
		.dirs = r->dirs,
		.n_dirs = r->n_dirs,
		.dir = strcmp(name, r->name) == 0 ? r->dir + 1 : 0,
		.name = name,
		.flags = r->flags,
		.depth = r->depth + 1,
	};
	int code;

	if (r->conditional)
		return err_set(e, EINVAL, "include stands in a [filter] without conditions");
	if (r->statements)
		return err_set(e, EINVAL, "include comes before everything but the description");
	if (inner.depth > INCLUDE_DEPTH)
		return err_set(e, EINVAL, "'%s' includes itself, or too many files", name);
	code = load_into(&inner, e);
	return code == -ENOENT ? -EINVAL : code;
}

/* What stands there counts, not what an included filter said. */
static int abis(struct reading *r, const struct config_line *l, char *value, struct err *e)
{
	char *save = NULL;

	if (!l->more)
		r->to->i386 = false;
	for (char *w = strtok_r(value, BLANKS, &save); w; w = strtok_r(NULL, BLANKS, &save)) {
		if (strcmp(w, "i386") == 0) {
			r->to->i386 = true;
			r->to->i386_at = l->at;
		} else if (strcmp(w, "native") != 0) {
			return err_set(e, EINVAL, "unknown ABI '%s'; there are native and i386", w);
		}
	}
	return 0;
}

static int filter_line(struct reading *r, const struct config_line *l, char *value, struct err *e)
{
	if (strcmp(l->key, "description") == 0)
		return 0;
	if (strcmp(l->key, "include") == 0) {
		if (l->more)
			return err_set(e, EINVAL, "include takes one name");
		return include(r, value, e);
	}
	r->statements = true;
	if (strcmp(l->key, "arches") == 0)
		return abis(r, l, value, e);
	if (strcmp(l->key, "allow") == 0)
		return call_words(r, value, CALL_ALLOW, &l->at, e);
	if (strcmp(l->key, "log") == 0)
		return call_words(r, value, CALL_LOG, &l->at, e);
	if (strcmp(l->key, "refuse") == 0)
		return call_words(r, value, CALL_REFUSE, &l->at, e);
	if (strcmp(l->key, "kill") == 0)
		return call_words(r, value, CALL_KILL, &l->at, e);
	return err_set(e, EINVAL, "unknown key '%s'", l->key);
}

/* Within a section a subject stands once; later sections and the including file may speak of it
 * again. */
static int rule_add(struct reading *r, const struct arg_rule *rule, struct err *e)
{
	struct filter *f = r->to;
	struct arg_rule *grown;

	for (size_t i = r->first_arg; i < f->n_args; i++)
		if (arg_rule_same_subject(&f->args[i], rule))
			return err_set(e, EINVAL, "%s.%s is repeated; first on line %u",
				rule->arg->call, rule->arg->name, f->args[i].at.line);
	if (f->n_args == ARG_RULES_MAX)
		return err_set(e, EINVAL, "more than %d argument rules", ARG_RULES_MAX);
	grown = grow(f->args, f->n_args, sizeof(*grown));
	if (!grown)
		return err_set(e, ENOMEM, "out of memory");
	f->args = grown;
	f->args[f->n_args++] = *rule;
	return 0;
}

/* When the next line shows that it goes on no further. */
static int rule_finish(struct reading *r, struct err *e)
{
	struct arg_draft *d = &r->draft;
	int code;

	if (!d->open)
		return 0;
	code = arg_draft_finish(d, e);
	if (code == 0)
		code = rule_add(r, &d->rule, e);
	/* The caller names the line that it is at, which is a later one. */
	return code < 0 ? err_wrap(e, code, "line %u", d->rule.at.line) : 0;
}

static int args_line(struct reading *r, const struct config_line *l, char *value, struct err *e)
{
	int code;

	r->statements = true;
	if (!l->more) {
		code = arg_draft_begin(&r->draft, l->key, e);
		if (code < 0)
			return code;
		r->draft.rule.arch = r->arch;
		r->draft.rule.at = l->at;
	}
	return arg_draft_words(&r->draft, value, e);
}

/* ---- sections ---- */

/* root=yes, root=no, arch=ARCH; *ret_holds is cleared by one that is not so. */
static int condition(struct reading *r, const char *word, bool *ret_holds, struct err *e)
{
	uint32_t arch = strncmp(word, "arch=", 5) == 0 ? arch_by_name(word + 5) : 0;
	bool inside = r->flags & FILTER_ROOT_INSIDE;

	if (arch) {
		if (r->arch)
			return err_set(e, EINVAL, "'%s' is a second arch=", word);
		r->arch = arch;
		return 0;
	}
	if (strcmp(word, "root=yes") != 0 && strcmp(word, "root=no") != 0)
		return err_set(e, EINVAL,
			"unknown condition '%s'; there are root=yes|no and "
			"arch=x86-64|aarch64|i386",
			word);
	if (inside != (strcmp(word, "root=yes") == 0))
		*ret_holds = false;
	return 0;
}

static int section_begin(struct reading *r, const char *section, struct err *e)
{
	_cleanup_free_ char *copy = strdup(section);
	char *save = NULL, *word;
	bool holds = true;
	int code = 0;

	if (!copy)
		return err_set(e, ENOMEM, "out of memory");
	word = strtok_r(copy, BLANKS, &save);
	if (!word || (strcmp(word, "filter") != 0 && strcmp(word, "args") != 0))
		return err_set(e, EINVAL, "unknown section '%s'", section);
	(void)snprintf(r->section, sizeof(r->section), "%s", word);
	r->arch = 0;
	r->conditional = false;
	while (code == 0 && (word = strtok_r(NULL, BLANKS, &save))) {
		r->conditional = true;
		code = condition(r, word, &holds, e);
	}
	r->to = holds ? r->f : r->sink;
	r->first_arg = r->to->n_args;
	return code;
}

static int read_line(void *data, const struct config_line *l, struct err *e)
{
	_cleanup_free_ char *value = NULL;
	struct reading *r = data;
	int code;

	if (!l->more) {
		code = rule_finish(r, e);
		if (code < 0)
			return code;
	}
	if (!l->key)
		return section_begin(r, l->section, e);
	value = strdup(l->value);
	if (!value)
		return err_set(e, ENOMEM, "out of memory");
	if (strcmp(r->section, "filter") == 0)
		code = filter_line(r, l, value, e);
	else if (strcmp(r->section, "args") == 0)
		code = args_line(r, l, value, e);
	else
		code = err_set(e, EINVAL, "'%s' stands before [filter]", l->key);
	return code;
}

/* Chained, so that the same bytes split otherwise over files make another hash. */
static void content_add(struct filter *f, const char *text, size_t len)
{
	crypto_generichash_state h;

	crypto_generichash_init(&h, NULL, 0, sizeof(f->content));
	crypto_generichash_update(&h, f->content, sizeof(f->content));
	crypto_generichash_update(&h, (const unsigned char *)text, len);
	crypto_generichash_final(&h, f->content, sizeof(f->content));
}

static int read_file(struct reading *r, const char *path, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	const char *file;
	size_t len;
	int code;

	code = config_slurp(AT_FDCWD, path, r->flags & FILTER_ROOT_OWNED, &text, &len, e);
	if (code == -ENOENT)
		return code;
	if (code < 0)
		return err_wrap(e, code, "%s", path);
	if (strv_add(&r->f->files, path, strlen(path)) < 0)
		return err_set(e, ENOMEM, "out of memory");
	file = r->f->files.v[r->f->files.n - 1];

	code = config_read(text, len, file, read_line, r, e);
	if (code == 0) {
		code = rule_finish(r, e);
		if (code < 0)
			code = err_wrap(e, code, "%s", file);
	}
	content_add(r->f, text, len);
	return code;
}

static int load_into(struct reading *r, struct err *e)
{
	if (!name_valid(r->name))
		return err_set(e, EINVAL, "'%s' is no name of a filter", r->name);
	for (; r->dir < r->n_dirs; r->dir++) {
		_cleanup_free_ char *path = NULL;
		int code;

		if (asprintf(&path, "%s/%s.filter", r->dirs[r->dir], r->name) < 0) {
			path = NULL;
			return err_set(e, ENOMEM, "out of memory");
		}
		code = read_file(r, path, e);
		if (code != -ENOENT)
			return code;
	}
	return err_set(e, ENOENT, "no filter '%s'", r->name);
}

int filter_load(const char *const *dirs, size_t n_dirs, const char *name, unsigned flags,
	struct filter **ret, struct err *e)
{
	_cleanup_(filter_cleanup) struct filter *f = calloc(1, sizeof(*f));
	_cleanup_(filter_cleanup) struct filter *sink = calloc(1, sizeof(*sink));
	struct reading r = {
		.f = f,
		.sink = sink,
		.dirs = dirs,
		.n_dirs = n_dirs,
		.name = name,
		.flags = flags,
	};
	int code;

	if (!f || !sink || !(f->name = strdup(name)))
		return err_set(e, ENOMEM, "out of memory");
	code = load_into(&r, e);
	if (code < 0)
		return err_wrap(e, code, "filter '%s'", name);
	*ret = ptr_take(&f);
	return 0;
}

void filter_free(struct filter *f)
{
	if (!f)
		return;
	free(f->name);
	free(f->calls);
	free(f->args);
	strv_done(&f->files);
	free(f);
}
