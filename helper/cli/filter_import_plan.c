/*
 * filter_import_plan - the rules of one call, as another notation has them, in our words.
 *
 * Our rules say products of sets, one for each value of a selecting argument. So the table of what
 * the source says either is such a thing, or its rules are refused.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/filter_import_table.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define SINGLES_MAX 20

/* What one value of the selecting argument leaves of the others; or, without one, all there is. */
struct section {
	bool any;
	uint32_t verdict; /* on what is not allowed; 0: everything is */
	bool allowed[CALL_ARGS][CELLS_MAX];
};

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->n_rules; i++)
		match_set_done(&p->rules[i].values);
	*p = (struct plan){ .n_rules = 0 };
}

static struct import_action verdict_action(uint32_t verdict)
{
	switch (verdict & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		return (struct import_action){ .kind = CALL_ALLOW };
	case SECCOMP_RET_LOG:
		return (struct import_action){ .kind = CALL_LOG };
	case SECCOMP_RET_ERRNO:
		return (struct import_action){ CALL_REFUSE, (int)(verdict & SECCOMP_RET_DATA) };
	default:
		return (struct import_action){ .kind = CALL_KILL };
	}
}

static bool permits(uint32_t verdict)
{
	return verdict == SECCOMP_RET_ALLOW || verdict == SECCOMP_RET_LOG;
}

/* The section where axis `fixed` has its cell number `cell`; fixed == n_axes: the whole table. */
static int section_read(
	const struct table *t, size_t fixed, size_t cell, struct section *ret, struct err *e)
{
	size_t cells[CALL_ARGS] = { 0 };
	uint64_t args[CALL_ARGS];

	*ret = (struct section){ .any = false };
	for (size_t i = 0; i < t->size; i++) {
		table_entry(t, i, cells, args);
		if (fixed < t->n_axes && cells[fixed] != cell)
			continue;
		if (t->verdicts[i] != t->best) {
			if (ret->verdict && ret->verdict != t->verdicts[i])
				return err_set(e, EINVAL,
					"%s: different refusals of %s for different arguments",
					t->where, t->call->name);
			ret->verdict = t->verdicts[i];
			continue;
		}
		ret->any = true;
		for (size_t a = 0; a < t->n_axes; a++)
			ret->allowed[a][cells[a]] = true;
	}
	for (size_t i = 0; i < t->size && ret->any; i++) {
		bool all = true;

		table_entry(t, i, cells, args);
		if (fixed < t->n_axes && cells[fixed] != cell)
			continue;
		for (size_t a = 0; a < t->n_axes; a++)
			all = all && ret->allowed[a][cells[a]];
		if (all != (t->verdicts[i] == t->best))
			return err_set(e, EINVAL,
				"%s: conditions on %s that hang together across arguments",
				t->where, t->call->name);
	}
	return 0;
}

/* Single values stay apart, to be named; anything else is put together as far as it goes. */
static void set_tidy(const struct axis *a, struct match_set *s)
{
	bool single = a->arg->kind == ARG_VALUE && s->n <= SINGLES_MAX;

	for (size_t i = 0; i < s->n; i++)
		single = single && s->v[i].mask == syscall_arg_mask(a->arg);
	if (single)
		match_set_sort(s);
	else
		match_set_compact(s);
}

/* Says which cells of an axis are allowed, with the shorter of both lists. */
static int rule_say(const struct table *t, size_t axis, const bool allowed[static CELLS_MAX],
	uint32_t verdict, struct plan *p, struct plan_rule **ret, struct err *e)
{
	const struct axis *a = &t->axes[axis];
	struct match_set in = { 0 }, out = { 0 };
	struct plan_rule *rule;
	int r = 0;

	for (size_t i = 0; i < a->n_cells; i++)
		for (size_t j = 0; j < a->cells[i].n && r == 0; j++)
			r = match_set_add(allowed[i] ? &in : &out, a->cells[i].v[j]);
	set_tidy(a, &in);
	set_tidy(a, &out);
	if (r == 0 && out.n > 0 && p->n_rules < PLAN_RULES_MAX &&
		(in.n <= ARG_VALUES_MAX || out.n <= ARG_VALUES_MAX)) {
		rule = &p->rules[p->n_rules++];
		rule->arg = a->arg;
		rule->exclude = out.n < in.n;
		rule->action = verdict_action(verdict);
		rule->values = rule->exclude ? out : in;
		match_set_done(rule->exclude ? &in : &out);
		*ret = rule;
		return 0;
	}
	r = out.n > 0 ? err_set(e, EINVAL, "%s: too many values of %s.%s", t->where, a->arg->call,
				a->arg->name)
		      : 0;
	match_set_done(&in);
	match_set_done(&out);
	*ret = NULL;
	return r;
}

static int section_say(
	const struct table *t, const struct section *s, size_t skip, struct plan *p, struct err *e)
{
	struct plan_rule *rule;

	for (size_t a = 0; a < t->n_axes; a++) {
		int r = a == skip ? 0 : rule_say(t, a, s->allowed[a], s->verdict, p, &rule, e);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Is it one value, that a rule can select? */
static bool cell_single(const struct axis *a, size_t cell)
{
	return a->cells[cell].n == 1 && a->cells[cell].v[0].mask == syscall_arg_mask(a->arg);
}

static bool section_same(
	const struct table *t, size_t skip, const struct section *a, const struct section *b)
{
	for (size_t i = 0; i < t->n_axes; i++)
		if (i != skip && memcmp(a->allowed[i], b->allowed[i], sizeof(a->allowed[i])) != 0)
			return false;
	return true;
}

/* What holds for every value that no rule selects; single values may be narrower, never wider. */
static int common_find(const struct table *t, size_t s, const struct section *sections,
	struct section *ret, struct err *e)
{
	const struct section *common = NULL, *first = NULL;
	bool same = true;

	for (size_t c = 0; c < t->axes[s].n_cells; c++) {
		if (!sections[c].any)
			continue;
		first = first ? first : &sections[c];
		same = same && section_same(t, s, first, &sections[c]);
		if (cell_single(&t->axes[s], c))
			continue;
		if (common && !section_same(t, s, common, &sections[c]))
			return err_set(e, EINVAL,
				"%s: other arguments of %s depend on a range of %s.%s", t->where,
				t->call->name, t->call->name, t->axes[s].arg->name);
		common = &sections[c];
	}
	if (common || same) {
		*ret = common ? *common : *first;
		return 0;
	}
	*ret = (struct section){ .any = true };
	for (size_t a = 0; a < t->n_axes; a++)
		for (size_t i = 0; i < t->axes[a].n_cells; i++)
			ret->allowed[a][i] = true;
	return 0;
}

static int selected_say(const struct table *t, size_t s, size_t cell, const struct section *own,
	const struct section *common, struct plan *p, struct err *e)
{
	for (size_t a = 0; a < t->n_axes; a++) {
		struct plan_rule *rule;
		int r;

		if (a == s ||
			memcmp(own->allowed[a], common->allowed[a], sizeof(own->allowed[a])) == 0)
			continue;
		for (size_t i = 0; i < t->axes[a].n_cells; i++)
			if (own->allowed[a][i] && !common->allowed[a][i])
				return err_set(e, EINVAL,
					"%s: %s.%s is wider for one value of %s.%s than for others",
					t->where, t->call->name, t->axes[a].arg->name,
					t->call->name, t->axes[s].arg->name);
		r = rule_say(t, a, own->allowed[a], own->verdict, p, &rule, e);
		if (r < 0)
			return r;
		if (rule) {
			rule->selects = true;
			rule->selected = t->axes[s].cells[cell].v[0].value;
		}
	}
	return 0;
}

/* Axis s selects what the others may be. */
static int selecting_say(const struct table *t, size_t s, struct plan *p, struct err *e)
{
	_cleanup_free_ struct section *sections = calloc(CELLS_MAX + 2, sizeof(*sections));
	struct section *common, *domain;
	struct plan_rule *rule;
	int r = 0;

	if (!sections)
		return err_set(e, ENOMEM, "out of memory");
	common = &sections[CELLS_MAX];
	domain = &sections[CELLS_MAX + 1];
	for (size_t c = 0; c < t->axes[s].n_cells && r == 0; c++) {
		r = section_read(t, s, c, &sections[c], e);
		domain->allowed[s][c] = sections[c].any;
		if (r < 0 || sections[c].any)
			continue;
		if (domain->verdict && domain->verdict != sections[c].verdict)
			r = err_set(e, EINVAL, "%s: different refusals of %s for different %s.%s",
				t->where, t->call->name, t->call->name, t->axes[s].arg->name);
		domain->verdict = sections[c].verdict;
	}
	if (r == 0)
		r = rule_say(t, s, domain->allowed[s], domain->verdict, p, &rule, e);
	if (r == 0)
		r = common_find(t, s, sections, common, e);
	if (r == 0)
		r = section_say(t, common, s, p, e);
	for (size_t c = 0; c < t->axes[s].n_cells && r == 0; c++)
		if (sections[c].any && cell_single(&t->axes[s], c))
			r = selected_say(t, s, c, &sections[c], common, p, e);
	return r;
}

static int table_say(struct table *t, struct plan *p, struct err *e)
{
	_cleanup_free_ struct section *all = NULL;
	bool same = true;
	int r;

	for (size_t i = 0; i < t->size; i++) {
		same = same && t->verdicts[i] == t->verdicts[0];
		if (t->verdicts[i] == SECCOMP_RET_ALLOW ||
			(t->verdicts[i] == SECCOMP_RET_LOG && t->best != SECCOMP_RET_ALLOW))
			t->best = t->verdicts[i];
	}
	p->whole = verdict_action(same ? t->verdicts[0] : t->best);
	if (same)
		return 0;
	if (!t->best)
		return err_set(e, EINVAL, "%s: different refusals of %s, which is never allowed",
			t->where, t->call->name);
	for (size_t a = 0; a < t->n_axes && t->n_axes > 1; a++)
		if (t->axes[a].arg->selector)
			return selecting_say(t, a, p, e);
	all = calloc(1, sizeof(*all));
	if (!all)
		return err_set(e, ENOMEM, "out of memory");
	r = section_read(t, t->n_axes, 0, all, e);
	return r < 0 ? r : section_say(t, all, t->n_axes, p, e);
}

/* Bits above an int: the kernel does not look at them, the source does. */
static void note_high_bits(struct import *im, const struct table *t)
{
	size_t cells[CALL_ARGS];
	uint64_t args[CALL_ARGS];

	for (size_t a = 0; a < t->n_axes; a++) {
		const struct syscall_arg *arg = t->axes[a].arg;
		bool stricter = false, wider = false;
		uint64_t example = 0;
		const char *name;
		char number[24];

		for (size_t i = 0; i < t->size && arg->bits < 64 && !wider; i++) {
			uint32_t v;

			table_entry(t, i, cells, args);
			args[arg->index] |= UINT64_C(1) << arg->bits;
			if (table_verdict(t, args, &v) < 0)
				continue;
			wider = permits(v) && !permits(t->verdicts[i]);
			stricter = stricter || (!permits(v) && permits(t->verdicts[i]));
			example = args[arg->index];
		}
		name = import_constant(arg, example & syscall_arg_mask(arg));
		(void)snprintf(number, sizeof(number), "%llu",
			(unsigned long long)(example & syscall_arg_mask(arg)));
		if (wider)
			import_note(im,
				"closed: %s.%s has %u bits and the source compares 64: 0x%llx "
				"passes it, "
				"and is %s to the kernel",
				arg->call, arg->name, arg->bits, (unsigned long long)example,
				name ? name : number);
		else if (stricter)
			import_note(im,
				"%s.%s: bits above the %u that the kernel looks at are refused by "
				"the "
				"source and do not count here",
				arg->call, arg->name, arg->bits);
	}
}

int import_plan_call(struct import *im, const struct import_call *c, const struct import_options *o,
	struct plan *ret, struct err *e)
{
	_cleanup_(table_cleanup) struct table *t = NULL;
	struct plan p = { .n_rules = 0 };
	int r;

	ret->n_rules = 0;
	ret->whole = c->otherwise;
	/* To libseccomp the first rule without conditions is all there is of a call. */
	for (size_t i = 0; i < c->n_rules; i++) {
		if (c->rules[i].n_conds == 0) {
			ret->whole = c->rules[i].action;
			return 0;
		}
	}
	if (c->n_rules == 0 || syscall_number(o->arch, c->name) < 0)
		return 0;
	r = table_build(c, o->arch, &t, e);
	if (r == 0)
		r = table_say(t, &p, e);
	if (r < 0) {
		plan_done(&p);
		return r;
	}
	if (t->referred)
		import_note(im,
			"%s: several rules of %s say different things of the same call; "
			"which one counts is as libseccomp has it",
			t->where, c->name);
	note_high_bits(im, t);
	*ret = p;
	return 0;
}
