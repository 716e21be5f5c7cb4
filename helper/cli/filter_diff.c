/*
 * carrel filter diff - every call and every argument about which two filters say different things,
 * and why each of them says so. Exit status as diff(1).
 *
 * What differs is found by asking both, not by comparing lines: two ways to write the same are the
 * same. One JSON object holds all of it.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/filter.h"
#include "helper/cli/filter_diff.h"
#include "helper/cli/filter_find.h"
#include "helper/cli/filter_words.h"
#include "policy/base/cleanup.h"
#include "policy/filter.h"
#include "policy/filter_rules.h"

/* One of the two. */
struct side {
	const char *word; /* as it was named */
	struct filter *f;
	struct verdicts v;
	const struct verdict_table *t; /* of the ABI that is asked about; NULL: it is not let in */
};

static void side_done(struct side *s)
{
	filter_free(s->f);
}

static void set(json_t *o, const char *key, json_t *value)
{
	(void)json_object_set_new(o, key, value);
}

/* ---- calls ---- */

static json_t *call_side(const struct side *s, int number)
{
	const struct verdict_table *t = s->t;
	const struct call_verdict *v = &t->call[number];
	const char *note;
	const struct origin *at = call_decided_by(s->f, t, number, &note);
	json_t *o = verdict_json(v->action, v->error);

	origin_into_json(o, at);
	if (note)
		set(o, "reason", json_string(note));
	return o;
}

static void calls_compare(const struct side *a, const struct side *b, json_t *out)
{
	const struct verdict_table *ta = a->t, *tb = b->t;
	char name[SYSCALL_NAME_MAX];

	for (int n = 0; n < SYSCALLS_MAX; n++) {
		const struct call_verdict *va = &ta->call[n], *vb = &tb->call[n];

		if ((va->action == vb->action && va->error == vb->error) ||
			!syscall_name(ta->arch, n, name))
			continue;
		(void)json_array_append_new(out, json_pack("{s:s, s:o, s:o}", "call", name, "a",
							 call_side(a, n), "b", call_side(b, n)));
	}
}

/* ---- argument rules ---- */

/* The rule of a side on the same subject, and NULL when it has none that counts. */
static const struct arg_rule *rule_find(const struct side *s, const struct arg_rule *like)
{
	for (size_t i = 0; i < s->f->n_args; i++)
		if (s->t->rule_call[i] >= 0 && arg_rule_same_subject(&s->f->args[i], like))
			return &s->f->args[i];
	return NULL;
}

/* What becomes of a call with this argument; the action and its errno in one number. */
static unsigned rule_verdict(
	const struct arg_rule *rule, const struct arg_rule *like, uint64_t value)
{
	uint64_t call_args[6] = { 0 };
	bool quiet;

	if (!rule)
		return CALL_ALLOW;
	if (like->selector)
		call_args[like->selector->index] = like->selected;
	call_args[like->arg->index] = value;
	if (!arg_rule_hits(rule, call_args, &quiet))
		return CALL_ALLOW;
	return (unsigned)rule->action | (unsigned)rule->error << 8;
}

/* A value that another rule of the side already refuses makes no difference here. */
static unsigned side_verdict(const struct side *s, const struct arg_rule *like, uint64_t value)
{
	unsigned selected = CALL_ALLOW;

	if (like->selector) {
		const struct arg_rule on_selector = { .arg = like->selector };

		selected = rule_verdict(rule_find(s, &on_selector), &on_selector, like->selected);
	}
	return selected != CALL_ALLOW ? selected : rule_verdict(rule_find(s, like), like, value);
}

/* The values at which rules on one subject could part; only they need to be asked. */
struct probes {
	uint64_t *v;
	size_t n, room;
};

static void probe_add(struct probes *p, uint64_t value)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i] == value)
			return;
	if (p->n == p->room) {
		uint64_t *grown = reallocarray(p->v, p->room ? 2 * p->room : 64, sizeof(*grown));

		if (!grown)
			abort(); /* out of memory, in a program that has nothing to lose */
		p->v = grown;
		p->room = p->room ? 2 * p->room : 64;
	}
	p->v[p->n++] = value;
}

static void probe_matches(struct probes *p, const struct match *m, size_t n, unsigned bits)
{
	for (size_t i = 0; i < n; i++) {
		probe_add(p, m[i].value);
		for (unsigned b = 0; b < bits; b++)
			probe_add(p, m[i].value ^ UINT64_C(1) << b);
	}
}

static void probe_rule(struct probes *p, const struct arg_rule *rule)
{
	if (!rule)
		return;
	probe_matches(p, rule->values, rule->n_values, rule->arg->bits);
	probe_matches(p, rule->quiet, rule->n_quiet, rule->arg->bits);
}

/* Names first, as they are what people want to read. */
static void probes_make(struct probes *p, const struct arg_rule *like, const struct arg_rule *other)
{
	uint64_t all = syscall_arg_mask(like->arg);

	for (const struct arg_constant *c = like->arg->constants; c->name; c++)
		probe_add(p, c->value & all);
	probe_add(p, 0);
	probe_add(p, all);
	probe_rule(p, like);
	probe_rule(p, other);
}

/* The named values that make a difference; *ret_differ also when only unnamed ones do. */
static json_t *values_compare(const struct side *a, const struct side *b,
	const struct arg_rule *like, const struct arg_rule *other, bool *ret_differ)
{
	struct probes p = { NULL, 0, 0 };
	json_t *names = json_array();

	*ret_differ = false;
	probes_make(&p, like, other);
	for (size_t i = 0; i < p.n; i++) {
		_cleanup_free_ char *name = NULL;

		if (side_verdict(a, like, p.v[i]) == side_verdict(b, like, p.v[i]))
			continue;
		*ret_differ = true;
		name = value_words(like, p.v[i]);
		if ((name[0] < '0' || name[0] > '9') && !strchr(name, '|'))
			(void)json_array_append_new(names, json_string(name));
	}
	free(p.v);
	return names;
}

static json_t *rule_side(const struct arg_rule *rule)
{
	_cleanup_free_ char *sentence = rule ? rule_sentence(rule) : NULL;
	json_t *o = json_pack("{s:s?}", "rule", sentence);

	origin_into_json(o, rule ? &rule->at : NULL);
	return o;
}

static bool allows_call(const struct side *s, const char *call)
{
	int n = syscall_number(s->t->arch, call);

	return n >= 0 && s->t->call[n].action >= CALL_LOG;
}

static void rule_compare(
	const struct side *a, const struct side *b, const struct arg_rule *like, json_t *out)
{
	const struct arg_rule *ra = rule_find(a, like), *rb = rule_find(b, like);
	_cleanup_free_ char *subject = rule_subject(like);
	json_t *values;
	bool differ;

	/* Otherwise the difference is in the call itself. */
	if (!allows_call(a, like->arg->call) || !allows_call(b, like->arg->call))
		return;
	values = values_compare(a, b, like, like == ra ? rb : ra, &differ);
	if (differ)
		(void)json_array_append_new(
			out, json_pack("{s:s, s:O, s:o, s:o}", "argument", subject, "values",
				     values, "a", rule_side(ra), "b", rule_side(rb)));
	json_decref(values);
}

static void rules_compare(const struct side *a, const struct side *b, json_t *out)
{
	for (size_t i = 0; i < a->f->n_args; i++)
		if (a->t->rule_call[i] >= 0)
			rule_compare(a, b, &a->f->args[i], out);
	for (size_t i = 0; i < b->f->n_args; i++)
		if (b->t->rule_call[i] >= 0 && !rule_find(a, &b->f->args[i]))
			rule_compare(a, b, &b->f->args[i], out);
}

/* ---- other ABIs ---- */

static json_t *abi_side(const struct side *s)
{
	json_t *o = verdict_json(s->v.n > 1 ? CALL_ALLOW : CALL_KILL, 0);

	origin_into_json(o, s->v.n > 1 ? &s->f->i386_at : NULL);
	return o;
}

static void abis_compare(const struct side *a, const struct side *b, json_t *out)
{
	const struct side *more = a->v.n > b->v.n ? a : b;

	if (a->v.n != b->v.n)
		(void)json_array_append_new(
			out, json_pack("{s:s, s:o, s:o}", "arch", arch_name(more->v.abi[1].arch),
				     "a", abi_side(a), "b", abi_side(b)));
}

static void side_resolve(struct side *s, uint32_t arch)
{
	filter_resolve(s->f, arch_machine(arch), &s->v);
	s->t = verdicts_abi(&s->v, arch);
}

static int compare(struct side *a, struct side *b, const struct filter_options *o)
{
	json_t *calls = json_array(), *rules = json_array(), *abis = json_array(), *out;
	int status;

	side_resolve(a, o->arch);
	side_resolve(b, o->arch);
	if (a->t && b->t) {
		calls_compare(a, b, calls);
		rules_compare(a, b, rules);
	}
	abis_compare(a, b, abis);
	status = json_array_size(calls) + json_array_size(rules) + json_array_size(abis) > 0;
	out = json_pack("{s:b, s:s, s:s, s:s, s:o, s:o, s:o}", "same", !status, "a", a->word, "b",
		b->word, "arch", arch_name(o->arch), "calls", calls, "rules", rules, "abis", abis);
	if (o->json) {
		(void)json_dumpf(out, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else {
		filter_diff_print(out);
	}
	json_decref(out);
	return status;
}

int cmd_filter_diff(int argc, char **argv)
{
	_cleanup_(filter_finder_close) struct filter_finder ff = { .n_dirs = 0 };
	_cleanup_(side_done) struct side a = { .f = NULL };
	_cleanup_(side_done) struct side b = { .f = NULL };
	struct filter_options o;
	unsigned flags;
	struct err e;
	int r;

	r = filter_options_read(argc, argv, "acjr", &o);
	if (r != 0)
		return r < 0 ? 2 : 0;
	if (argc - o.first != 2)
		return filter_fail("diff", "two filters are compared, not %d", argc - o.first);
	a.word = argv[o.first];
	b.word = argv[o.first + 1];
	flags = o.root ? FILTER_ROOT_INSIDE : 0;
	if (filter_finder_open(o.config, &ff, &e) < 0)
		return filter_fail("diff", "%s", e.text);
	ff.arch = o.arch;
	if (filter_find(&ff, a.word, flags, &a.f, &e) < 0 ||
		filter_find(&ff, b.word, flags, &b.f, &e) < 0)
		return filter_fail("diff", "%s", e.text);
	return compare(&a, &b, &o);
}
