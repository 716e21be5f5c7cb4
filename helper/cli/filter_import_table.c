/*
 * filter_import_table - the conditions of one call cut every argument's values into cells; the
 * source is asked about one value of each.
 */
#include "helper/cli/filter_import_table.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define TABLE_MAX 65536

const char *import_constant(const struct syscall_arg *arg, uint64_t value)
{
	for (const struct arg_constant *c = arg->constants; c && c->name; c++)
		if ((c->value & syscall_arg_mask(arg)) == value)
			return c->name;
	return NULL;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t a = 0; a < t->n_axes; a++)
		for (size_t i = 0; i < t->axes[a].n_cells; i++)
			match_set_done(&t->axes[a].cells[i]);
	free(t->verdicts);
	reference_done(&t->reference);
	free(t);
}

uint32_t import_action_verdict(struct import_action a)
{
	return call_action_verdict(a.kind, a.error);
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

void table_entry(const struct table *t, size_t i, size_t cells[static CALL_ARGS],
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

int table_verdict(const struct table *t, const uint64_t args[static CALL_ARGS], uint32_t *ret)
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
		if (table_verdict(t, args, &t->verdicts[i]) == 0)
			continue;
		if (reference_build(t->call, arch, &t->reference, e) < 0)
			return err_wrap(e, -EINVAL, "%s", t->where);
		t->referred = true;
		i = (size_t)-1; /* from the start, all from one source */
	}
	return 0;
}

int table_build(const struct import_call *c, uint32_t arch, struct table **ret, struct err *e)
{
	_cleanup_(table_cleanup) struct table *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return err_set(e, ENOMEM, "out of memory");
	t->call = c;
	r = axes_build(t, e);
	if (r == 0)
		r = table_fill(t, arch, e);
	if (r == 0)
		*ret = ptr_take(&t);
	return r;
}
