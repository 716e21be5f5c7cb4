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
	const struct verdict_table *t = &s->v.abi[0];
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
	const struct verdict_table *ta = &a->v.abi[0], *tb = &b->v.abi[0];
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
		if (s->v.abi[0].rule_call[i] >= 0 && arg_rule_same_subject(&s->f->args[i], like))
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
		if (name[0] < '0' || name[0] > '9')
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
	int n = syscall_number(s->v.abi[0].arch, call);

	return n >= 0 && s->v.abi[0].call[n].action >= CALL_LOG;
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
		if (a->v.abi[0].rule_call[i] >= 0)
			rule_compare(a, b, &a->f->args[i], out);
	for (size_t i = 0; i < b->f->n_args; i++)
		if (b->v.abi[0].rule_call[i] >= 0 && !rule_find(a, &b->f->args[i]))
			rule_compare(a, b, &b->f->args[i], out);
}

/* ---- other ABIs ---- */

static void abis_compare(const struct side *a, const struct side *b, json_t *out)
{
	const struct side *more = a->v.n > b->v.n ? a : b;
	json_t *o;

	if (a->v.n == b->v.n)
		return;
	o = json_pack("{s:s, s:s, s:s}", "arch", arch_name(more->v.abi[1].arch), "a",
		more == a ? "let in" : "killed", "b", more == b ? "let in" : "killed");
	origin_into_json(o, &more->f->i386_at);
	(void)json_array_append_new(out, o);
}

/* ---- for people ---- */

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void print_verdict(const struct side *s, const json_t *o)
{
	const char *verdict = text_of(o, "verdict"), *error = text_of(o, "error");

	(void)printf("%s: %s%s%s", s->word,
		strcmp(verdict, "refuse") == 0  ? "refused with "
		: strcmp(verdict, "kill") == 0  ? "killed"
		: strcmp(verdict, "allow") == 0 ? "allowed"
						: "allowed and logged",
		error ? error : "", "");
}

/* Where a side says so, and why. */
static void print_why(const struct side *s, const json_t *o)
{
	_cleanup_free_ char *first = NULL;
	const char *file = text_of(o, "file"), *reason = text_of(o, "reason");

	if (!file) {
		(void)printf("    %s: no line mentions it\n", s->word);
		return;
	}
	if (asprintf(&first, "    %s: %s:%d: ", s->word, file,
		    (int)json_integer_value(json_object_get(o, "line"))) < 0)
		first = NULL;
	print_paragraph(first ? first : "    ", "      ", reason ? reason : "no reason given");
}

/* Same verdicts by the same lines: one paragraph for all such calls. */
static bool same_case(const json_t *x, const json_t *y)
{
	return json_equal(json_object_get(x, "a"), json_object_get(y, "a")) &&
	       json_equal(json_object_get(x, "b"), json_object_get(y, "b"));
}

static void print_calls(const struct side *a, const struct side *b, const json_t *calls)
{
	size_t n = json_array_size(calls);

	for (size_t i = 0; i < n; i++) {
		const json_t *first = json_array_get(calls, i);
		json_t *names = json_array();
		bool said = false;

		for (size_t j = 0; j < n; j++) {
			const json_t *call = json_array_get(calls, j);

			if (!same_case(first, call))
				continue;
			said |= j < i;
			(void)json_array_append(names, json_object_get(call, "call"));
		}
		if (!said) {
			(void)printf("%s", colour(stdout, BOLD));
			print_verdict(a, json_object_get(first, "a"));
			(void)printf("; ");
			print_verdict(b, json_object_get(first, "b"));
			(void)printf("%s\n", colour(stdout, PLAIN));
			print_wrapped("  ", names);
			print_why(a, json_object_get(first, "a"));
			print_why(b, json_object_get(first, "b"));
			(void)putchar('\n');
		}
		json_decref(names);
	}
}

static void print_rule_side(const struct side *s, const json_t *o)
{
	_cleanup_free_ char *first = NULL;
	const char *rule = text_of(o, "rule");

	if (asprintf(&first, "  %s: ", s->word) < 0)
		first = NULL;
	print_paragraph(first ? first : "  ", "    ", rule ? rule : "no rule");
	if (rule)
		print_why(s, o);
}

static void print_rules(const struct side *a, const struct side *b, const json_t *rules)
{
	json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule)
	{
		const json_t *values = json_object_get(rule, "values");

		(void)printf("%s%s%s\n", colour(stdout, BOLD), text_of(rule, "argument"),
			colour(stdout, PLAIN));
		if (json_array_size(values) > 0) {
			(void)puts("  they differ about");
			print_wrapped("    ", values);
		}
		print_rule_side(a, json_object_get(rule, "a"));
		print_rule_side(b, json_object_get(rule, "b"));
		(void)putchar('\n');
	}
}

static void print_people(const struct side *a, const struct side *b, const json_t *out)
{
	const json_t *calls = json_object_get(out, "calls"), *rules = json_object_get(out, "rules");
	const json_t *abis = json_object_get(out, "abis");
	size_t n_calls = json_array_size(calls), n_rules = json_array_size(rules), i;
	json_t *abi;

	print_calls(a, b, calls);
	print_rules(a, b, rules);
	json_array_foreach(abis, i, abi)
	{
		(void)printf("calls of %s: %s: %s; %s: %s\n", text_of(abi, "arch"), a->word,
			text_of(abi, "a"), b->word, text_of(abi, "b"));
		print_why(json_object_get(abi, "a") ? a : b, abi);
	}
	if (n_calls + n_rules + json_array_size(abis) > 0)
		(void)printf("%zu call%s and %zu argument%s differ\n", n_calls, plural(n_calls),
			n_rules, plural(n_rules));
}

static int compare(struct side *a, struct side *b, const struct filter_options *o)
{
	json_t *calls = json_array(), *rules = json_array(), *abis = json_array(), *out;
	int status;

	filter_resolve(a->f, o->arch, &a->v);
	filter_resolve(b->f, o->arch, &b->v);
	calls_compare(a, b, calls);
	rules_compare(a, b, rules);
	abis_compare(a, b, abis);
	status = json_array_size(calls) + json_array_size(rules) + json_array_size(abis) > 0;
	out = json_pack("{s:b, s:s, s:s, s:s, s:o, s:o, s:o}", "same", !status, "a", a->word, "b",
		b->word, "arch", arch_name(o->arch), "calls", calls, "rules", rules, "abis", abis);
	if (o->json) {
		(void)json_dumpf(out, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else {
		print_people(a, b, out);
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
	if (filter_finder_open(o.config, &ff, &e) < 0 ||
		filter_find(&ff, a.word, flags, &a.f, &e) < 0 ||
		filter_find(&ff, b.word, flags, &b.f, &e) < 0)
		return filter_fail("diff", "%s", e.text);
	return compare(&a, &b, &o);
}
