/*
 * filter_export_regions - the argument rules of one call as regions that do not overlap.
 *
 * Others' languages have no order of rules, or none that is documented. So all arguments there are
 * get cut along every rule in turn, as filter_verdict() goes through them.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/filter_export.h"
#include "helper/cli/match_set.h"

#define REGIONS_MAX 2048

void regions_done(struct regions *r)
{
	free(r->v);
	*r = (struct regions){ 0 };
}

static int region_add(struct regions *r, const struct region *one)
{
	struct region *grown;

	if (r->n == REGIONS_MAX)
		return -E2BIG;
	if ((r->n & (r->n - 1)) == 0) {
		grown = reallocarray(r->v, r->n ? 2 * r->n : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		r->v = grown;
	}
	r->v[r->n++] = *one;
	return 0;
}

/* Adds `from` with one of its arguments in each member of the set. */
static int regions_add(
	struct regions *r, const struct region *from, unsigned arg, const struct match_set *set)
{
	int code = 0;

	for (size_t i = 0; i < set->n && code == 0; i++) {
		struct region one = *from;

		one.args[arg] = set->v[i];
		code = region_add(r, &one);
	}
	return code;
}

/* One argument of a region, parted by a set: what is in, what is not. */
static int arg_part(const struct region *from, unsigned arg, const struct match_set *by,
	struct match_set *ret_in, struct match_set *ret_out)
{
	struct match own = from->args[arg];
	const struct match_set whole = { .v = &own, .n = 1 };
	int r;

	*ret_out = (struct match_set){ 0 };
	r = match_set_intersect(&whole, by, ret_in);
	if (r == 0)
		r = match_set_subtract(&whole, by, ret_out);
	return r;
}

static int set_of(const struct match *m, size_t n, struct match_set *ret)
{
	const struct match_set everything = { .v = &(struct match){ 0 }, .n = 1 };
	int r = 0;

	/* Members of a rule may overlap; those of a set must not. */
	*ret = (struct match_set){ 0 };
	for (size_t i = 0; i < n && r == 0; i++) {
		struct match one = m[i];
		const struct match_set single = { .v = &one, .n = 1 };
		struct match_set fresh = { 0 };

		r = match_set_intersect(&everything, &single, &fresh);
		if (r == 0) {
			struct match_set rest = { 0 };

			r = match_set_subtract(&fresh, ret, &rest);
			for (size_t k = 0; k < rest.n && r == 0; k++)
				r = match_set_add(ret, rest.v[k]);
			match_set_done(&rest);
		}
		match_set_done(&fresh);
	}
	return r;
}

/* The values with which a call breaks the rule; the quiet ones are a matter of their own. */
static int hits_of(const struct arg_rule *rule, bool quiet, struct match_set *ret)
{
	const struct match_set everything = { .v = &(struct match){ 0 }, .n = 1 };
	struct match_set values = { 0 }, calm = { 0 }, loud = { 0 };
	int r = set_of(rule->quiet, rule->n_quiet, &calm);

	*ret = (struct match_set){ 0 };
	if (r == 0 && quiet) {
		*ret = calm;
		return 0;
	}
	if (r == 0 && rule->n_values > 0) {
		r = set_of(rule->values, rule->n_values, &values);
		if (r == 0)
			r = rule->exclude ? match_set_copy(&values, &loud)
					  : match_set_subtract(&everything, &values, &loud);
		if (r == 0)
			r = match_set_subtract(&loud, &calm, ret);
	}
	match_set_done(&values);
	match_set_done(&calm);
	match_set_done(&loud);
	return r;
}

/* Parts one region by the rule's argument. */
static int hit_cut(const struct arg_rule *rule, const struct match_set *hits,
	const struct region *from, struct regions *to)
{
	struct match_set in = { 0 }, out = { 0 };
	struct region hit = *from;
	int r = arg_part(from, rule->arg->index, hits, &in, &out);

	hit.verdict = call_action_verdict(rule->action, rule->error);
	hit.settled = rule->action != CALL_LOG;
	if (r == 0)
		r = regions_add(to, &hit, rule->arg->index, &in);
	if (r == 0)
		r = regions_add(to, from, rule->arg->index, &out);
	match_set_done(&in);
	match_set_done(&out);
	return r;
}

/* The same for the part of it that the rule's selecting argument picks. */
static int region_cut(const struct arg_rule *rule, const struct match_set *hits,
	const struct region *from, struct regions *to)
{
	struct match picked;
	const struct match_set pick = { .v = &picked, .n = 1 };
	struct match_set in = { 0 }, out = { 0 };
	int r;

	if (from->settled)
		return region_add(to, from);
	if (!rule->selector)
		return hit_cut(rule, hits, from, to);
	picked = (struct match){ syscall_arg_mask(rule->selector), rule->selected };
	r = arg_part(from, rule->selector->index, &pick, &in, &out);
	for (size_t i = 0; i < in.n && r == 0; i++) {
		struct region one = *from;

		one.args[rule->selector->index] = in.v[i];
		r = hit_cut(rule, hits, &one, to);
	}
	if (r == 0)
		r = regions_add(to, from, rule->selector->index, &out);
	match_set_done(&in);
	match_set_done(&out);
	return r;
}

static int rule_cut(const struct arg_rule *rule, bool quiet, struct regions *all)
{
	struct match_set hits;
	struct regions next = { 0 };
	int r = hits_of(rule, quiet, &hits);

	/* A quiet value of a rule that only logs is let pass without a record. */
	for (size_t i = 0; i < all->n && r == 0; i++)
		r = quiet && rule->action == CALL_LOG ? region_add(&next, &all->v[i])
						      : region_cut(rule, &hits, &all->v[i], &next);
	match_set_done(&hits);
	regions_done(all);
	*all = next;
	return r;
}

/* Two regions that differ in one bit of one argument are one. */
static bool regions_join(struct region *a, const struct region *b)
{
	int differ = -1;
	uint64_t bit;

	for (int i = 0; i < REGION_ARGS; i++) {
		if (a->args[i].mask != b->args[i].mask)
			return false;
		if (a->args[i].value == b->args[i].value)
			continue;
		if (differ >= 0)
			return false;
		differ = i;
	}
	if (differ < 0 || a->verdict != b->verdict)
		return false;
	bit = a->args[differ].value ^ b->args[differ].value;
	if (bit & (bit - 1))
		return false;
	a->args[differ].mask &= ~bit;
	a->args[differ].value &= ~bit;
	return true;
}

static void regions_compact(struct regions *r)
{
	for (size_t i = 0; i < r->n; i++) {
		for (size_t j = i + 1; j < r->n; j++) {
			if (!regions_join(&r->v[i], &r->v[j]))
				continue;
			r->v[j] = r->v[--r->n];
			i = (size_t)-1; /* from the start: what is joined may join again */
			break;
		}
	}
}

int regions_cut(
	const struct filter *f, const struct verdict_table *t, int number, struct regions *ret)
{
	struct region everything = {
		.verdict = t->call[number].action == CALL_LOG ? SECCOMP_RET_LOG : SECCOMP_RET_ALLOW
	};
	struct regions all = { 0 };
	int r = region_add(&all, &everything);

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < f->n_args && r == 0; i++)
			if (t->rule_call[i] == number)
				r = rule_cut(&f->args[i], pass == 0, &all);
	if (r < 0) {
		regions_done(&all);
		return r;
	}
	regions_compact(&all);
	*ret = all;
	return 0;
}
