/*
 * filter_import_plan - the rules of one call, as another notation has them, in our words.
 *
 * Every argument's values fall into cells that no condition tells apart. What the source says of
 * each combination of cells is a table; our rules say products of sets, one for each value of a
 * selecting argument, so the table either is such a thing or the rule is refused.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/filter_import.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define CELLS_MAX 256
#define TABLE_MAX 65536
#define SINGLES_MAX 20

/* One argument that some condition looks at. */
struct axis {
	const struct syscall_arg *arg;
	struct match_set cells[CELLS_MAX];
	size_t n_cells;
};

struct table {
	const struct import_call *call;
	const char *where; /* of the first rule with conditions */
	struct axis axes[CALL_ARGS];
	size_t n_axes;
	size_t size;
	uint32_t *verdicts; /* one for each combination of cells */
	uint32_t best; /* the most permissive of them; rules say what falls short of it */
	struct reference reference; /* with rules of different actions that overlap */
	bool referred;
};

/* What one value of the selecting argument leaves of the others; or, without one, all there is. */
struct section {
	bool any;
	uint32_t verdict; /* on what is not allowed; 0: everything is */
	bool allowed[CALL_ARGS][CELLS_MAX];
};

const char *import_constant(const struct syscall_arg *arg, uint64_t value)
{
	for (const struct arg_constant *c = arg->constants; c && c->name; c++)
		if ((c->value & syscall_arg_mask(arg)) == value)
			return c->name;
	return NULL;
}

static void table_done(struct table *t)
{
	for (size_t a = 0; a < t->n_axes; a++)
		for (size_t i = 0; i < t->axes[a].n_cells; i++)
			match_set_done(&t->axes[a].cells[i]);
	free(t->verdicts);
	reference_done(&t->reference);
	free(t);
}

static void cleanup_table(struct table **t)
{
	if (*t)
		table_done(*t);
}

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->n_rules; i++)
		match_set_done(&p->rules[i].values);
	*p = (struct plan){ .n_rules = 0 };
}

uint32_t import_action_verdict(struct import_action a)
{
	switch (a.kind) {
	case CALL_ALLOW:
		return SECCOMP_RET_ALLOW;
	case CALL_LOG:
		return SECCOMP_RET_LOG;
	case CALL_REFUSE:
		return SECCOMP_RET_ERRNO | (uint32_t)a.error;
	default:
		return SECCOMP_RET_KILL_PROCESS;
	}
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

bool import_cond_holds(const struct import_cond *c, const uint64_t args[static CALL_ARGS])
{
	uint64_t v = args[c->arg];

	switch (c->op) {
	case OP_NE:
		return v != c->value;
	case OP_LT:
		return v < c->value;
	case OP_LE:
		return v <= c->value;
	case OP_EQ:
		return v == c->value;
	case OP_GE:
		return v >= c->value;
	case OP_GT:
		return v > c->value;
	default:
		return (v & c->value) == c->second;
	}
}

/* The values from 0 to the argument's largest for which the condition holds. */
static int cond_set(const struct import_cond *c, unsigned bits, struct match_set *ret)
{
	const uint64_t all = match_bits(bits), v = c->value;
	struct match_set s = { 0 };
	int r = 0;

	switch (c->op) {
	case OP_NE:
		if (v > 0)
			r = match_set_add_range(&s, 0, v - 1, bits);
		if (v < all && r == 0)
			r = match_set_add_range(&s, v + 1, all, bits);
		break;
	case OP_LT:
		if (v > 0)
			r = match_set_add_range(&s, 0, v - 1 < all ? v - 1 : all, bits);
		break;
	case OP_LE:
		r = match_set_add_range(&s, 0, v < all ? v : all, bits);
		break;
	case OP_EQ:
		r = match_set_add(&s, (struct match){ .mask = all, .value = v });
		break;
	case OP_GE:
		if (v <= all)
			r = match_set_add_range(&s, v, all, bits);
		break;
	case OP_GT:
		if (v < all)
			r = match_set_add_range(&s, v + 1, all, bits);
		break;
	default: /* a bit that is asked for and masked off is never there */
		if ((c->second & ~v) == 0)
			r = match_set_add(
				&s, (struct match){ .mask = v & all, .value = c->second });
		break;
	}
	if (r < 0)
		match_set_done(&s);
	else
		*ret = s;
	return r;
}

/* Each cell that the condition divides becomes two. -ENOENT: it never holds. */
static int axis_cut(struct axis *a, const struct import_cond *c)
{
	struct match_set holds;
	const size_t before = a->n_cells;
	int r = cond_set(c, a->arg->bits, &holds);

	if (r < 0)
		return r;
	if (holds.n == 0)
		return -ENOENT;
	for (size_t i = 0; i < before && r == 0; i++) {
		struct match_set in = { 0 }, out = { 0 };

		r = match_set_intersect(&a->cells[i], &holds, &in);
		if (r == 0)
			r = match_set_subtract(&a->cells[i], &holds, &out);
		if (r == 0 && in.n > 0 && out.n > 0) {
			if (a->n_cells == CELLS_MAX) {
				r = -E2BIG;
			} else {
				match_set_done(&a->cells[i]);
				a->cells[i] = in;
				a->cells[a->n_cells++] = out;
				continue;
			}
		}
		match_set_done(&in);
		match_set_done(&out);
	}
	match_set_done(&holds);
	return r;
}

static int axis_find(struct table *t, const struct import_rule *rule, const struct import_cond *c,
	struct axis **ret, struct err *e)
{
	const struct syscall_arg *arg = syscall_arg_at(t->call->name, c->arg);
	uint64_t high;

	if (!arg)
		return err_set(e, EINVAL,
			"%s: argument %u of %s: carrel-filter(5) has no name for it", rule->where,
			c->arg, t->call->name);
	/* A comparison that must fail for every value the kernel can see is somebody's mistake. */
	high = (c->op == OP_MASKED_EQ                     ? c->second
		       : c->op == OP_EQ || c->op == OP_NE ? c->value
							  : 0) &
	       ~syscall_arg_mask(arg);
	if (high)
		return err_set(e, EINVAL, "%s: %s.%s has %u bits, 0x%llx asks for more of them",
			rule->where, arg->call, arg->name, arg->bits,
			(unsigned long long)(c->op == OP_MASKED_EQ ? c->second : c->value));
	for (size_t i = 0; i < t->n_axes; i++) {
		if (t->axes[i].arg == arg) {
			*ret = &t->axes[i];
			return 0;
		}
	}
	*ret = &t->axes[t->n_axes];
	(*ret)->arg = arg;
	if (match_set_add(&(*ret)->cells[0], (struct match){ 0 }) < 0)
		return err_set(e, ENOMEM, "out of memory");
	(*ret)->n_cells = 1;
	t->n_axes++;
	return 0;
}

static int axes_build(struct table *t, struct err *e)
{
	for (size_t i = 0; i < t->call->n_rules; i++) {
		const struct import_rule *rule = &t->call->rules[i];

		for (size_t j = 0; j < rule->n_conds; j++) {
			struct axis *a = NULL;
			int r = axis_find(t, rule, &rule->conds[j], &a, e);

			if (r < 0)
				return r;
			t->where = t->where ? t->where : rule->where;
			r = axis_cut(a, &rule->conds[j]);
			if (r < 0)
				return err_set(e, EINVAL, "%s: %s %s.%s", rule->where,
					r == -ENOENT ? "a condition that cannot be met on"
						     : "too many conditions on",
					a->arg->call, a->arg->name);
		}
	}
	t->size = 1;
	for (size_t a = 0; a < t->n_axes; a++)
		t->size *= t->axes[a].n_cells;
	if (t->size > TABLE_MAX)
		return err_set(e, EINVAL, "%s: too many conditions on %s", t->where, t->call->name);
	return 0;
}

/* Cell numbers of entry i, and arguments that lie in those cells. */
static void table_entry(const struct table *t, size_t i, size_t cells[static CALL_ARGS],
	uint64_t args[static CALL_ARGS])
{
	memset(args, 0, CALL_ARGS * sizeof(*args));
	for (size_t a = 0; a < t->n_axes; a++) {
		cells[a] = i % t->axes[a].n_cells;
		i /= t->axes[a].n_cells;
		args[t->axes[a].arg->index] = t->axes[a].cells[cells[a]].v[0].value;
	}
}

int import_call_verdict(
	const struct import_call *c, const uint64_t args[static CALL_ARGS], uint32_t *ret)
{
	bool found = false;

	*ret = import_action_verdict(c->otherwise);
	for (size_t i = 0; i < c->n_rules; i++) {
		const struct import_rule *rule = &c->rules[i];
		uint32_t v = import_action_verdict(rule->action);
		bool holds = true;

		for (size_t j = 0; j < rule->n_conds; j++)
			holds = holds && import_cond_holds(&rule->conds[j], args);
		if (!holds)
			continue;
		if (found && *ret != v)
			return -EBUSY;
		found = true;
		*ret = v;
	}
	return 0;
}

static int source_verdict(
	const struct table *t, const uint64_t args[static CALL_ARGS], uint32_t *ret)
{
	if (!t->referred)
		return import_call_verdict(t->call, args, ret);
	*ret = reference_verdict(&t->reference, args);
	return 0;
}

static int table_fill(struct table *t, uint32_t arch, struct err *e)
{
	size_t cells[CALL_ARGS];
	uint64_t args[CALL_ARGS];

	t->verdicts = calloc(t->size, sizeof(*t->verdicts));
	if (!t->verdicts)
		return err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < t->size; i++) {
		table_entry(t, i, cells, args);
		if (source_verdict(t, args, &t->verdicts[i]) == 0)
			continue;
		if (reference_build(t->call, arch, &t->reference, e) < 0)
			return err_wrap(e, -EINVAL, "%s", t->where);
		t->referred = true;
		i = (size_t)-1; /* from the start, all from one source */
	}
	return 0;
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
			if (source_verdict(t, args, &v) < 0)
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
	_cleanup_(cleanup_table) struct table *t = NULL;
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
	t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(e, ENOMEM, "out of memory");
	t->call = c;
	r = axes_build(t, e);
	if (r == 0)
		r = table_fill(t, o->arch, e);
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
