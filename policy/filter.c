/*
 * filter - filter files to rules: reading, includes, groups, and what the rules say of one call.
 *
 * A file's lines stand in order and the later one wins. What a filter does not mention: known calls
 * are refused with EPERM, so that the refusal is heard of; numbers newer than this program are
 * ENOSYS, for which every libc has a way out.
 */
#include "policy/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"
#include "policy/config.h"
#include "policy/filter_rules.h"

#define INCLUDE_DEPTH 8
#define ERRNO_MAX 133
#define BLANKS " \t"

/* One file being read. */
struct reading {
	struct filter *f;
	const char *const *dirs;
	size_t n_dirs;
	size_t dir; /* of this file */
	const char *name; /* of this file */
	bool must_be_root_owned;
	int depth;
	size_t first_arg; /* rules from here on are this file's own */
	struct arg_rule *rule; /* that an indented line goes on with */
	bool rule_ended; /* by "else ERRNO" */
	bool rule_begun; /* it has had a word */
	bool rule_any; /* and that was "any" */
	bool statements; /* something else than a description was read */
};

static int load_into(struct reading *r, struct err *e);

static int errno_by_name(const char *name)
{
	for (int n = 1; n <= ERRNO_MAX; n++) {
		const char *known = strerrorname_np(n);

		if (known && strcmp(known, name) == 0)
			return n;
	}
	return -EINVAL;
}

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
	struct call_line line = { .action = action, .at = *at };
	char *colon = strchr(word, ':');

	if (action == CALL_REFUSE)
		line.error = EPERM;
	if (colon) {
		*colon = '\0';
		if (action != CALL_REFUSE)
			return err_set(
				e, EINVAL, "only refuse takes an error: '%s:%s'", word, colon + 1);
		line.error = errno_by_name(colon + 1);
		if (line.error < 0)
			return err_set(e, EINVAL, "unknown error '%s'", colon + 1);
	}
	if (word[0] == '@')
		return group_add(r->f, word, &line, e);
	if (word[0] == '?')
		return name_add(r->f, word + 1, true, &line, e);
	return name_add(r->f, word, false, &line, e);
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
		.dirs = r->dirs,
		.n_dirs = r->n_dirs,
		.dir = strcmp(name, r->name) == 0 ? r->dir + 1 : 0,
		.name = name,
		.must_be_root_owned = r->must_be_root_owned,
		.depth = r->depth + 1,
	};
	int code;

	if (r->statements)
		return err_set(e, EINVAL, "include comes before everything but the description");
	if (inner.depth > INCLUDE_DEPTH)
		return err_set(e, EINVAL, "'%s' includes itself, or too many files", name);
	code = load_into(&inner, e);
	if (code == -ENOENT)
		code = -EINVAL;
	r->first_arg = r->f->n_args;
	return code;
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
	if (strcmp(l->key, "allow") == 0)
		return call_words(r, value, CALL_ALLOW, &l->at, e);
	if (strcmp(l->key, "refuse") == 0)
		return call_words(r, value, CALL_REFUSE, &l->at, e);
	if (strcmp(l->key, "kill") == 0)
		return call_words(r, value, CALL_KILL, &l->at, e);
	return err_set(e, EINVAL, "unknown key '%s'", l->key);
}

static int value_add(struct arg_rule *rule, const char *word, struct err *e)
{
	uint64_t value;

	if (syscall_constant(rule->arg, word, &value) < 0)
		return err_set(e, EINVAL, "unknown value '%s' for %s.%s", word, rule->arg->call,
			rule->arg->name);
	if (rule->n_values == ARG_VALUES_MAX)
		return err_set(e, EINVAL, "more than %d values", ARG_VALUES_MAX);
	rule->values[rule->n_values++] = value;
	return 0;
}

/* [not] VALUE... [else ERRNO], or "any", which takes an included rule back. */
static int arg_words(struct reading *r, char *value, struct err *e)
{
	struct arg_rule *rule = r->rule;
	char *save = NULL;

	for (char *w = strtok_r(value, BLANKS, &save); w; w = strtok_r(NULL, BLANKS, &save)) {
		bool first = !r->rule_begun;
		int code;

		r->rule_begun = true;
		if (r->rule_ended)
			return err_set(e, EINVAL, "'%s' after the rule's end", w);
		if (first && strcmp(w, "any") == 0) {
			r->rule_any = r->rule_ended = true;
			continue;
		}
		if (first && strcmp(w, "not") == 0) {
			rule->exclude = true;
			continue;
		}
		if (strcmp(w, "else") != 0) {
			code = value_add(rule, w, e);
			if (code < 0)
				return code;
			continue;
		}
		w = strtok_r(NULL, BLANKS, &save);
		rule->error = w ? errno_by_name(w) : -EINVAL;
		if (rule->error < 0)
			return err_set(e, EINVAL, "unknown error '%s' after else", w ? w : "");
		r->rule_ended = true;
	}
	return 0;
}

/*
 * CALL.ARG, or CALL(VALUE).ARG for the calls whose other arguments mean what the selecting one
 * says.
 */
static int arg_key(char *key, struct arg_rule *rule, struct err *e)
{
	char *dot = strrchr(key, '.'), *open = strchr(key, '('), *close;

	if (!dot)
		return err_set(e, EINVAL, "'%s' is not CALL.ARGUMENT", key);
	*dot = '\0';
	if (open) {
		close = strchr(open, ')');
		if (!close || close[1])
			return err_set(e, EINVAL, "'%s' is not CALL(VALUE).ARGUMENT", key);
		*open = *close = '\0';
		rule->selector = syscall_selector(key);
		if (!rule->selector)
			return err_set(e, EINVAL, "no argument of '%s' can select", key);
		if (syscall_constant(rule->selector, open + 1, &rule->selected) < 0)
			return err_set(e, EINVAL, "unknown value '%s' for %s.%s", open + 1, key,
				rule->selector->name);
	}
	rule->arg = syscall_arg(key, dot + 1);
	if (!rule->arg)
		return err_set(e, EINVAL, "unknown argument '%s' of '%s'", dot + 1, key);
	if (rule->arg == rule->selector)
		return err_set(e, EINVAL, "'%s' cannot select itself", dot + 1);
	return 0;
}

static bool same_subject(const struct arg_rule *a, const struct arg_rule *b)
{
	return a->arg == b->arg && a->selector == b->selector && a->selected == b->selected;
}

/* The place for a rule: that of the included one it replaces, or a new one. */
static int rule_place(struct reading *r, const struct arg_rule *rule, struct err *e)
{
	struct filter *f = r->f;
	struct arg_rule *grown;
	size_t i = 0;

	while (i < f->n_args && !same_subject(&f->args[i], rule))
		i++;
	if (i < f->n_args && (i >= r->first_arg || f->args[i].at.file == rule->at.file))
		return err_set(e, EINVAL, "repeated; first on line %u", f->args[i].at.line);
	if (i == ARG_RULES_MAX)
		return err_set(e, EINVAL, "more than %d argument rules", ARG_RULES_MAX);
	if (i == f->n_args) {
		grown = grow(f->args, f->n_args, sizeof(*grown));
		if (!grown)
			return err_set(e, ENOMEM, "out of memory");
		f->args = grown;
		f->n_args++;
	}
	f->args[i] = *rule;
	r->rule = &f->args[i];
	r->rule_begun = r->rule_ended = r->rule_any = false;
	return 0;
}

static int rule_finish(struct reading *r, struct err *e)
{
	const struct arg_rule *rule = r->rule;

	r->rule = NULL;
	if (!rule || rule->n_values > 0 || r->rule_any)
		return 0;
	return err_set(e, EINVAL, "%s.%s on line %u has no values", rule->arg->call,
		rule->arg->name, rule->at.line);
}

static int args_line(struct reading *r, const struct config_line *l, char *value, struct err *e)
{
	struct arg_rule rule = { .error = EPERM, .at = l->at };
	_cleanup_free_ char *key = NULL;
	int code;

	r->statements = true;
	if (!l->more) {
		key = strdup(l->key);
		if (!key)
			return err_set(e, ENOMEM, "out of memory");
		code = rule_finish(r, e);
		if (code == 0)
			code = arg_key(key, &rule, e);
		if (code == 0)
			code = rule_place(r, &rule, e);
		if (code < 0)
			return code;
	}
	return arg_words(r, value, e);
}

static int read_line(void *data, const struct config_line *l, struct err *e)
{
	_cleanup_free_ char *value = NULL;
	struct reading *r = data;
	int code;

	if (!l->key) {
		code = rule_finish(r, e);
		if (code < 0)
			return code;
		if (strcmp(l->section, "filter") != 0 && strcmp(l->section, "args") != 0)
			return err_set(e, EINVAL, "unknown section '%s'", l->section);
		return 0;
	}
	value = strdup(l->value);
	if (!value)
		return err_set(e, ENOMEM, "out of memory");
	if (strcmp(l->section, "filter") == 0)
		return filter_line(r, l, value, e);
	if (strcmp(l->section, "args") == 0)
		return args_line(r, l, value, e);
	return err_set(e, EINVAL, "'%s' stands before [filter]", l->key);
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

	code = config_slurp(AT_FDCWD, path, r->must_be_root_owned, &text, &len, e);
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

/*
 * Two rules of one call that can both refuse must agree on the errno: which one a compiled program
 * gives would be chance. They cannot meet if one is for a selected value that the other refuses
 * before.
 */
static int check_errors(const struct filter *f, struct err *e)
{
	for (size_t i = 0; i < f->n_args; i++) {
		const struct arg_rule *a = &f->args[i];

		for (size_t j = 0; j < f->n_args; j++) {
			const struct arg_rule *b = &f->args[j];
			uint64_t args[6] = { 0 };

			if (i == j || strcmp(a->arg->call, b->arg->call) != 0 ||
				a->error == b->error || a->n_values == 0 || b->n_values == 0)
				continue;
			if (a->selector && b->selector && a->selected != b->selected)
				continue;
			if (a->selector && !b->selector && b->arg == a->selector) {
				args[a->selector->index] = a->selected;
				if (!arg_rule_refuses(b, args))
					continue;
			}
			if (b->selector && !a->selector && a->arg == b->selector)
				continue; /* judged the other way round */
			return err_set(e, EINVAL,
				"%s:%u and %s:%u may both refuse %s, with different errors",
				a->at.file, a->at.line, b->at.file, b->at.line, a->arg->call);
		}
	}
	return 0;
}

int filter_load(const char *const *dirs, size_t n_dirs, const char *name, bool must_be_root_owned,
	struct filter **ret, struct err *e)
{
	struct filter *f = calloc(1, sizeof(*f));
	struct reading r = {
		.f = f,
		.dirs = dirs,
		.n_dirs = n_dirs,
		.name = name,
		.must_be_root_owned = must_be_root_owned,
	};
	int code;

	if (!f || !(f->name = strdup(name))) {
		filter_free(f);
		return err_set(e, ENOMEM, "out of memory");
	}
	code = load_into(&r, e);
	if (code == 0)
		code = check_errors(f, e);
	if (code < 0) {
		filter_free(f);
		return err_wrap(e, code, "filter '%s'", name);
	}
	*ret = f;
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

static void call_set(struct call_verdict *v, const struct call_line *line)
{
	v->known = true;
	v->action = line->action;
	v->error = line->error;
	v->at = &line->at;
}

static bool clone_is_filtered(const struct filter *f)
{
	for (size_t i = 0; i < f->n_args; i++)
		if (strcmp(f->args[i].arg->call, "clone") == 0 && f->args[i].n_values > 0)
			return true;
	return false;
}

void filter_resolve(const struct filter *f, uint32_t arch, struct verdict_table *ret)
{
	char name[SYSCALL_NAME_MAX];
	int n;

	*ret = (struct verdict_table){ .arch = arch };
	for (n = 0; n < SYSCALLS_MAX; n++) {
		struct call_verdict *v = &ret->call[n];

		v->known = syscall_name(arch, n, name) != NULL;
		v->action = CALL_REFUSE;
		v->error = v->known ? EPERM : ENOSYS;
	}
	for (size_t i = 0; i < f->n_calls; i++) {
		const struct call_line *line = &f->calls[i];

		if (strcmp(line->name, "@known") == 0) {
			for (n = 0; n < SYSCALLS_MAX; n++)
				if (ret->call[n].known)
					call_set(&ret->call[n], line);
			continue;
		}
		n = syscall_number(arch, line->name);
		if (n >= 0)
			call_set(&ret->call[n], line);
	}
	/*
	 * Its flags lie in memory, where no filter can look; callers take clone when it is not
	 * there.
	 */
	n = syscall_number(arch, "clone3");
	if (n >= 0 && ret->call[n].action == CALL_ALLOW && clone_is_filtered(f)) {
		ret->call[n].action = CALL_REFUSE;
		ret->call[n].error = ENOSYS;
	}
	for (n = 0; n < SYSCALLS_MAX; n++)
		ret->call[n].quiet =
			ret->call[n].action == CALL_REFUSE && ret->call[n].error == ENOSYS;
	/* Attached first, the loud program must not keep the quiet one out. */
	n = syscall_number(arch, "seccomp");
	if (n >= 0)
		ret->call[n].quiet = ret->call[n].action == CALL_REFUSE;
	for (size_t i = 0; i < f->n_args; i++) {
		n = syscall_number(arch, f->args[i].arg->call);
		if (n >= 0 && (ret->call[n].action != CALL_ALLOW || f->args[i].n_values == 0))
			n = -1;
		ret->rule_call[i] = n < 0 ? -1 : n;
	}
}

bool arg_rule_refuses(const struct arg_rule *rule, const uint64_t call_args[6])
{
	uint64_t value = call_args[rule->arg->index] & syscall_arg_mask(rule->arg);
	uint64_t bits = 0;

	if (rule->selector && (call_args[rule->selector->index] &
				      syscall_arg_mask(rule->selector)) != rule->selected)
		return false;
	for (size_t i = 0; i < rule->n_values; i++) {
		if (rule->arg->kind == ARG_VALUE && rule->values[i] == value)
			return rule->exclude;
		bits |= rule->values[i];
	}
	if (rule->arg->kind == ARG_VALUE)
		return !rule->exclude && rule->n_values > 0;
	if (rule->n_values == 0)
		return false;
	return rule->exclude ? (value & bits) != 0 : (value & ~bits) != 0;
}

uint32_t filter_verdict(const struct filter *f, const struct verdict_table *t,
	const struct seccomp_data *data, const struct origin **ret_at)
{
	const struct origin *at = NULL;
	uint32_t verdict = SECCOMP_RET_ALLOW;
	uint64_t call_args[6];
	int n = data->nr;

	memcpy(call_args, data->args, sizeof(call_args));
	if (data->arch != t->arch) {
		verdict = SECCOMP_RET_KILL_PROCESS;
	} else if (t->arch == AUDIT_ARCH_X86_64 && n != -1 && (n & 0x40000000)) {
		verdict = SECCOMP_RET_KILL_PROCESS; /* x32 */
	} else if (n < 0 || n >= SYSCALLS_MAX) {
		verdict = SECCOMP_RET_ERRNO | ENOSYS;
	} else {
		at = t->call[n].at;
		if (t->call[n].action == CALL_KILL)
			verdict = SECCOMP_RET_KILL_PROCESS;
		else if (t->call[n].action == CALL_REFUSE)
			verdict = SECCOMP_RET_ERRNO | (uint32_t)t->call[n].error;
	}
	for (size_t i = 0; i < f->n_args && verdict == SECCOMP_RET_ALLOW; i++) {
		if (t->rule_call[i] != n || !arg_rule_refuses(&f->args[i], call_args))
			continue;
		verdict = SECCOMP_RET_ERRNO | (uint32_t)f->args[i].error;
		at = &f->args[i].at;
	}
	if (ret_at)
		*ret_at = at;
	return verdict;
}
