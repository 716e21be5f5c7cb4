/*
 * filter_args - "socket.domain = AF_UNIX AF_INET else EAFNOSUPPORT": the words of one argument
 * rule.
 *
 * However it is written, what comes out are comparisons of one shape, (argument & mask) == value,
 * of the bits that the kernel looks at.
 */
#include "policy/filter_args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"
#include "policy/syscalls.h"

#define BLANKS " \t"

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

int arg_draft_begin(struct arg_draft *d, const char *key, struct err *e)
{
	_cleanup_free_ char *copy = strdup(key);
	int code;

	if (!copy)
		return err_set(e, ENOMEM, "out of memory");
	*d = (struct arg_draft){ .rule = { .action = CALL_REFUSE, .error = EPERM } };
	code = arg_key(copy, &d->rule, e);
	d->open = code == 0;
	return code;
}

/* CONSTANT[|CONSTANT...] */
static int constants(const struct syscall_arg *arg, char *words, uint64_t *ret, struct err *e)
{
	*ret = 0;
	for (char *w = words, *bar; w; w = bar) {
		uint64_t value;

		bar = strchr(w, '|');
		if (bar)
			*bar++ = '\0';
		if (syscall_constant(arg, w, &value) < 0)
			return err_set(
				e, EINVAL, "unknown value '%s' for %s.%s", w, arg->call, arg->name);
		*ret |= value;
	}
	return 0;
}

static int match_add(struct arg_draft *d, struct match m, struct err *e)
{
	struct match *set = d->quiet ? d->rule.quiet : d->rule.values;
	size_t *n = d->quiet ? &d->rule.n_quiet : &d->rule.n_values;

	if (*n == ARG_VALUES_MAX)
		return err_set(e, EINVAL, "more than %d values", ARG_VALUES_MAX);
	set[(*n)++] = m;
	return 0;
}

/* VALUE, or VALUE/MASK; a plain word of a set of flags is one more flag. */
static int value_word(struct arg_draft *d, char *word, struct err *e)
{
	const struct syscall_arg *arg = d->rule.arg;
	char *slash = strchr(word, '/');
	struct match m = { .mask = syscall_arg_mask(arg) };
	int code;

	if (slash) {
		*slash = '\0';
		code = constants(arg, slash + 1, &m.mask, e);
		if (code < 0)
			return code;
	}
	code = constants(arg, word, &m.value, e);
	if (code < 0)
		return code;
	if (m.value & ~m.mask)
		return err_set(e, EINVAL, "'%s' has bits that '%s' masks away", word, slash + 1);
	if (arg->kind == ARG_FLAGS && !d->quiet) {
		if (d->begun && d->plain != !slash && (d->plain || d->rule.n_values))
			return err_set(e, EINVAL, "'%s': flags and VALUE/MASK do not mix", word);
		if (!slash) {
			d->plain = true;
			d->flags |= m.value;
			return 0;
		}
	}
	return match_add(d, m, e);
}

/* kill, log or ERROR */
static int else_word(struct arg_rule *rule, const char *word, struct err *e)
{
	rule->error = 0;
	if (word && strcmp(word, "kill") == 0) {
		rule->action = CALL_KILL;
	} else if (word && strcmp(word, "log") == 0) {
		rule->action = CALL_LOG;
	} else {
		rule->action = CALL_REFUSE;
		rule->error = word ? parse_errno(word) : -EINVAL;
		if (rule->error < 0)
			return err_set(
				e, EINVAL, "unknown error '%s' after else", word ? word : "");
	}
	return 0;
}

/* [not] VALUE... [quiet VALUE...] [else ERROR|kill|log], or "any", which takes back what an earlier
 * line says. */
int arg_draft_words(struct arg_draft *d, char *value, struct err *e)
{
	char *save = NULL;
	int code = 0;

	for (char *w = strtok_r(value, BLANKS, &save); w && code == 0;
		w = strtok_r(NULL, BLANKS, &save)) {
		bool first = !d->begun;

		if (d->ended)
			return err_set(e, EINVAL, "'%s' after the rule's end", w);
		if (first && strcmp(w, "any") == 0) {
			d->any = d->ended = true;
		} else if (first && strcmp(w, "not") == 0) {
			d->rule.exclude = true;
		} else if (!d->quiet && strcmp(w, "quiet") == 0) {
			d->quiet = true;
		} else if (strcmp(w, "else") == 0) {
			code = else_word(&d->rule, strtok_r(NULL, BLANKS, &save), e);
			d->ended = true;
		} else {
			code = value_word(d, w, e);
		}
		d->begun = true;
	}
	return code;
}

int arg_draft_finish(struct arg_draft *d, struct err *e)
{
	struct arg_rule *rule = &d->rule;
	uint64_t all = syscall_arg_mask(rule->arg);

	d->open = false;
	if (d->plain) {
		rule->values[0].mask = rule->exclude ? d->flags : all & ~d->flags;
		rule->values[0].value = 0;
		rule->n_values = 1;
		rule->exclude = false;
	}
	if (rule->n_values == 0 && !d->any && !(rule->exclude && rule->n_quiet))
		return err_set(e, EINVAL, "%s.%s has no values", rule->arg->call, rule->arg->name);
	return 0;
}
