/*
 * filter_import_write - imported rules as the text of a filter.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/filter_import.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define COLUMNS 96

/* Words of one value, on as many lines as they need. */
struct words {
	FILE *out;
	const char *key;
	size_t column; /* 0: nothing written yet */
};

static void word_put(struct words *w, const char *word)
{
	const size_t n = strlen(word);

	if (w->column == 0) {
		w->column = (size_t)fprintf(w->out, "%s = %s", w->key, word);
	} else if (w->column + 1 + n > COLUMNS) {
		(void)fprintf(w->out, "\n\t%s", word);
		w->column = 8 + n;
	} else {
		(void)fprintf(w->out, " %s", word);
		w->column += 1 + n;
	}
}

static void words_end(struct words *w)
{
	if (w->column)
		(void)fputc('\n', w->out);
	w->column = 0;
}

static const char *const keys[] = {
	[CALL_KILL] = "kill",
	[CALL_REFUSE] = "refuse",
	[CALL_LOG] = "log",
	[CALL_ALLOW] = "allow",
};

static void call_put(struct words *w, const char *name, struct import_action a)
{
	char word[SYSCALL_NAME_MAX + 24];

	if (a.kind == CALL_REFUSE)
		(void)snprintf(word, sizeof(word), "%s:%s", name, strerrorname_np(a.error));
	else
		(void)snprintf(word, sizeof(word), "%s", name);
	word_put(w, word);
}

static bool action_same(struct import_action a, struct import_action b)
{
	return import_action_verdict(a) == import_action_verdict(b);
}

static void calls_put(
	const struct import *im, const struct plan *plans, enum call_action kind, FILE *out)
{
	struct words w = { .out = out, .key = keys[kind] };

	for (size_t i = 0; i < im->n_calls; i++) {
		char name[SYSCALL_NAME_MAX + 1];

		if (plans[i].whole.kind != kind ||
			(action_same(plans[i].whole, im->otherwise) && plans[i].n_rules == 0))
			continue;
		(void)snprintf(name, sizeof(name), "%s%s",
			syscall_known(im->calls[i].name) ? "" : "?", im->calls[i].name);
		call_put(&w, name, plans[i].whole);
	}
	words_end(&w);
}

/* Protocols are numbered anew in each family: without one a number has no name. */
static const char *value_name(const struct plan_rule *rule, uint64_t value)
{
	if (strcmp(rule->arg->name, "protocol") == 0 && !rule->selects)
		return NULL;
	return import_constant(rule->arg, value);
}

static void number_put(struct words *w, uint64_t value)
{
	char word[24];

	(void)snprintf(
		word, sizeof(word), value > 9999 ? "0x%llx" : "%llu", (unsigned long long)value);
	word_put(w, word);
}

/* Flags by name, and what has no name as one number. */
static void flags_put(struct words *w, const struct plan_rule *rule, uint64_t flags)
{
	const uint64_t all = syscall_arg_mask(rule->arg);

	for (const struct arg_constant *c = rule->arg->constants; c && c->name; c++) {
		uint64_t v = c->value & all;

		if (v && (flags & v) == v) {
			word_put(w, c->name);
			flags &= ~v;
		}
	}
	if (flags)
		number_put(w, flags);
}

static void match_put(struct words *w, const struct plan_rule *rule, struct match m)
{
	const char *name = value_name(rule, m.value);
	char word[48];

	if (m.mask == syscall_arg_mask(rule->arg) && rule->arg->kind == ARG_VALUE) {
		if (name)
			word_put(w, name);
		else
			number_put(w, m.value);
		return;
	}
	(void)snprintf(word, sizeof(word), "0x%llx/0x%llx", (unsigned long long)m.value,
		(unsigned long long)m.mask);
	word_put(w, word);
}

static void rule_put(const struct plan_rule *rule, const struct import_call *call, FILE *out)
{
	const uint64_t all = syscall_arg_mask(rule->arg);
	const struct match_set *s = &rule->values;
	const struct syscall_arg *selector = syscall_selector(call->name);
	const char *selected = rule->selects ? import_constant(selector, rule->selected) : NULL;
	char key[128], otherwise[32];
	struct words w = { .out = out, .key = key };

	if (!rule->selects)
		(void)snprintf(key, sizeof(key), "%s.%s", call->name, rule->arg->name);
	else if (selected)
		(void)snprintf(
			key, sizeof(key), "%s(%s).%s", call->name, selected, rule->arg->name);
	else
		(void)snprintf(key, sizeof(key), "%s(%llu).%s", call->name,
			(unsigned long long)rule->selected, rule->arg->name);
	if (rule->arg->kind == ARG_FLAGS && !rule->exclude && s->n == 1 && s->v[0].value == 0 &&
		s->v[0].mask != all) {
		/* None of these flags; or, with more than half of all, no flag but the others. */
		bool few = __builtin_popcountll(s->v[0].mask) * 2 <= rule->arg->bits;

		if (few)
			word_put(&w, "not");
		flags_put(&w, rule, few ? s->v[0].mask : all & ~s->v[0].mask);
	} else {
		if (rule->exclude)
			word_put(&w, "not");
		for (size_t i = 0; i < s->n; i++)
			match_put(&w, rule, s->v[i]);
	}
	/* On one line: what follows else is looked for there. */
	(void)snprintf(otherwise, sizeof(otherwise), "else %s",
		rule->action.kind == CALL_REFUSE ? strerrorname_np(rule->action.error)
						 : keys[rule->action.kind]);
	word_put(&w, otherwise);
	words_end(&w);
}

/* runc answers ENOSYS to every number above the largest one that the profile names. */
static void newer_put(struct import *im, const struct import_options *o, FILE *out)
{
	struct words w = { .out = out, .key = "refuse" };
	char name[SYSCALL_NAME_MAX], last[SYSCALL_NAME_MAX];
	int largest = -1, count = 0;

	for (size_t i = 0; i < im->n_calls; i++) {
		int n = syscall_number(o->arch, im->calls[i].name);

		if (n > largest) {
			largest = n;
			strcpy(last, im->calls[i].name);
		}
	}
	if (!im->newer_enosys || largest < 0)
		return;
	for (int n = largest + 1; n < SYSCALLS_MAX; n++) {
		if (!syscall_name(o->arch, n, name))
			continue;
		if (count++ == 0)
			(void)fprintf(out, "\n; Newer than all that the source names.\n");
		call_put(&w, name, (struct import_action){ CALL_REFUSE, ENOSYS });
	}
	words_end(&w);
	if (count > 0)
		import_note(im,
			"%d calls newer than %s, the newest that the source names, are ENOSYS, as "
			"runc "
			"has it; crun gives them the default action",
			count, last);
}

static void head_put(
	struct import *im, const struct import_options *o, const char *source, FILE *out)
{
	struct words w = { .out = out, .key = "; capabilities" };

	(void)fprintf(out,
		"; Imported from %s,\n; %s, by 'carrel filter import' of carrel %s.\n"
		"; Resolved for %s and Linux %u.%u.\n",
		source, im->form, CARREL_VERSION, o->arch_name, o->kernel[0], o->kernel[1]);
	for (size_t i = 0; i < o->caps.n; i++) {
		if (w.column + strlen(o->caps.v[i]) + 1 > COLUMNS) {
			words_end(&w);
		}
		word_put(&w, o->caps.v[i]);
	}
	words_end(&w);
	if (o->caps.n == 0)
		(void)fputs("; capabilities = none\n", out);
	(void)fprintf(out, "\n[filter]\ndescription = imported from %s\n", source);
	if (im->i386)
		(void)fputs("; The source lets 32-bit programs in, whose socketcall no rule about "
			    "sockets "
			    "holds for:\n; arches = native i386\n",
			out);
	(void)fputs("\n; Calls that the source does not name.\n", out);
}

/* Where a runtime would do otherwise, for what its libseccomp is. */
static void notes_library(struct import *im, const struct import_options *o)
{
	char version[REFERENCE_VERSION_MAX], names[160] = "";
	size_t count = 0, len = 0;

	for (size_t i = 0; i < im->n_calls; i++) {
		const char *name = im->calls[i].name;

		if (!syscall_known(name) || syscall_number(o->arch, name) < 0 ||
			reference_knows(name, o->arch))
			continue;
		count++;
		if (len + strlen(name) + 2 < sizeof(names))
			len += (size_t)snprintf(
				names + len, sizeof(names) - len, "%s%s", len ? " " : "", name);
	}
	reference_version(version);
	if (count > 0)
		import_note(im,
			"%zu calls that %s does not know are taken as they stand (%s); runc and crun "
			"with it treat them as not named",
			count, version, names);
}

static void notes_general(struct import *im)
{
	if (im->i386)
		import_note(im,
			"not taken over: the i386 ABI; 'arches = native i386' stands as a comment");
	if (im->x32)
		import_note(im, "not taken over: the x32 ABI");
	if (im->otherwise.kind != CALL_REFUSE || im->otherwise.error != ENOSYS)
		import_note(im,
			"numbers that this carrel does not know are ENOSYS here, whatever the "
			"source says of them");
	for (size_t i = 0; i < im->n_calls; i++)
		if (!syscall_known(im->calls[i].name))
			import_note(im, "unknown system call '%s', passed over", im->calls[i].name);
}

static int plans_make(
	struct import *im, const struct import_options *o, struct plan *plans, struct err *e)
{
	struct import_action clone3 = im->otherwise;
	bool clone_ruled = false;

	for (size_t i = 0; i < im->n_calls; i++) {
		int r = import_plan_call(im, &im->calls[i], o, &plans[i], e);

		if (r < 0)
			return r;
		if (strcmp(im->calls[i].name, "clone") == 0)
			clone_ruled = plans[i].n_rules > 0;
		if (strcmp(im->calls[i].name, "clone3") == 0)
			clone3 = plans[i].whole;
	}
	if (clone_ruled && (clone3.kind == CALL_ALLOW || clone3.kind == CALL_LOG))
		import_note(im,
			"closed: the source filters the flags of clone and lets clone3 pass, "
			"which has the same flags; here clone3 is ENOSYS");
	return 0;
}

int import_write(struct import *im, const struct import_options *o, FILE *out, struct err *e)
{
	static const enum call_action order[] = { CALL_ALLOW, CALL_LOG, CALL_REFUSE, CALL_KILL };
	struct plan *plans = calloc(im->n_calls + 1, sizeof(*plans));
	struct words w = { .out = out, .key = keys[im->otherwise.kind] };
	bool head = false;
	char source[64];
	int r;

	if (!plans)
		return err_set(e, ENOMEM, "out of memory");
	r = plans_make(im, o, plans, e);
	if (r == 0) {
		head_put(im, o, import_printable(o->source, source), out);
		call_put(&w, "@known", im->otherwise);
		words_end(&w);
		(void)fputc('\n', out);
		for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
			calls_put(im, plans, order[i], out);
		newer_put(im, o, out);
	}
	for (size_t i = 0; i < im->n_calls; i++) {
		for (size_t k = 0; k < plans[i].n_rules && r == 0; k++) {
			if (!head)
				(void)fputs("\n[args]\n", out);
			head = true;
			rule_put(&plans[i].rules[k], &im->calls[i], out);
		}
		plan_done(&plans[i]);
	}
	if (r == 0) {
		notes_general(im);
		notes_library(im, o);
	}
	free(plans);
	return r;
}
