/*
 * carrel filter why - what becomes of one system call, and which line of which file says so.
 *
 * Arguments that are not given make an answer that may depend on them. Every answer is compared
 * with what the compiled program does, in the interpreter.
 */
#include <errno.h>
#include <jansson.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/filter.h"
#include "helper/cli/filter_find.h"
#include "helper/cli/filter_words.h"
#include "helper/cli/paragraph.h"
#include "policy/account.h"
#include "policy/base/cleanup.h"
#include "policy/bpf_eval.h"
#include "policy/call_words.h"
#include "policy/filter.h"
#include "policy/filter_rules.h"

struct question {
	const char *text; /* the call as it was asked about */
	const char *user, *profile; /* whose filter it is; NULL: asked for by name */
	struct filter *f;
	uint32_t arch; /* ABI of the call */
	struct verdicts v;
	const struct verdict_table *t; /* of the ABI; NULL: the filter does not let it in */
	struct call_words call;
	struct seccomp_data data; /* arguments that are not given are 0 */
};

struct answer {
	uint32_t verdict; /* SECCOMP_RET_*; without the rules that depend */
	bool depends;
	const struct origin *at;
	const char *note; /* what the line does not say by itself; or NULL */
	size_t checked; /* cases in which the program was asked as well */
};

/* How a call stands to an argument rule. */
enum standing {
	RULE_ELSEWHERE, /* it is about something else */
	RULE_KEPT,
	RULE_OPEN, /* an argument is not given that decides it */
	RULE_BROKEN,
};

static enum standing rule_stands(const struct question *q, size_t i)
{
	const struct arg_rule *rule = &q->f->args[i];
	const struct syscall_arg *by = rule->selector;
	uint64_t call_args[6], all = by ? syscall_arg_mask(by) : 0;
	bool quiet;

	if (q->t->rule_call[i] != q->call.number)
		return RULE_ELSEWHERE;
	memcpy(call_args, q->call.args, sizeof(call_args));
	if (by && q->call.given[by->index] && (call_args[by->index] & all) != rule->selected)
		return RULE_ELSEWHERE;
	if (!q->call.given[rule->arg->index])
		return RULE_OPEN;
	if (by)
		call_args[by->index] = rule->selected;
	if (!arg_rule_hits(rule, call_args, &quiet))
		return RULE_KEPT;
	return by && !q->call.given[by->index] ? RULE_OPEN : RULE_BROKEN;
}

/* ---- the answer ---- */

static void answer_args(const struct question *q, struct answer *a)
{
	struct seccomp_data data = q->data;

	for (size_t i = 0; i < q->f->n_args; i++) {
		const struct arg_rule *rule = &q->f->args[i];

		switch (rule_stands(q, i)) {
		case RULE_OPEN:
			a->depends = true;
			break;
		case RULE_BROKEN:
			if (rule->action == CALL_LOG)
				break;
			a->verdict = call_action_verdict(rule->action, rule->error);
			a->at = &rule->at;
			a->depends = false;
			return;
		default:
			break;
		}
	}
	/* All that counts is known: then the rules themselves say it. */
	if (!a->depends)
		a->verdict = filter_verdict(q->f, &q->v, &data, &a->at);
}

static void answer_find(const struct question *q, struct answer *a)
{
	const struct call_verdict *v;

	*a = (struct answer){ .verdict = SECCOMP_RET_KILL_PROCESS };
	if (!q->t) {
		a->note = "the filter has no 'arches' line that lets calls of this ABI in";
		return;
	}
	v = &q->t->call[q->call.number];
	a->verdict = filter_verdict(q->f, &q->v, &q->data, NULL);
	a->at = call_decided_by(q->f, q->t, q->call.number, &a->note);
	if (v->action < CALL_LOG)
		return;
	a->verdict = v->action == CALL_LOG ? SECCOMP_RET_LOG : SECCOMP_RET_ALLOW;
	if (strcmp(q->call.name, "socketcall") == 0)
		a->note =
			"its arguments lie in memory: what rules say about socket, socketpair and "
			"setsockopt does not hold for it";
	answer_args(q, a);
}

/* ---- does the program agree? ---- */

static int case_check(const struct question *q, const void *program,
	const struct seccomp_data *data, struct answer *a, struct err *e)
{
	uint32_t rules = filter_verdict(q->f, &q->v, data, NULL);
	uint32_t run = bpf_eval_file(program, data);
	_cleanup_free_ char *says = verdict_words_of(rules);
	_cleanup_free_ char *does = verdict_words_of(run);

	a->checked++;
	if (rules == run)
		return 0;
	return err_set(e, EUCLEAN,
		"the rules say '%s' and the compiled program does '%s': please report this filter",
		says, does);
}

/* Every value of a rule that depends, in turn. */
static int rule_check(const struct question *q, const struct arg_rule *rule, const void *program,
	struct answer *a, struct err *e)
{
	struct seccomp_data data = q->data;
	int r = 0;

	if (rule->selector && !q->call.given[rule->selector->index])
		data.args[rule->selector->index] = rule->selected;
	for (size_t i = 0; i < rule->n_values && r == 0; i++) {
		if (!q->call.given[rule->arg->index])
			data.args[rule->arg->index] = rule->values[i].value;
		r = case_check(q, program, &data, a, e);
		data.args[rule->arg->index] ^= rule->values[i].mask & -rule->values[i].mask;
		if (r == 0 && !q->call.given[rule->arg->index])
			r = case_check(q, program, &data, a, e);
	}
	return r;
}

static int answer_check(const struct question *q, struct answer *a, struct err *e)
{
	_cleanup_free_ void *program = NULL;
	size_t len;
	int r;

	r = filter_compile(q->f, arch_machine(q->arch), &program, &len, e);
	if (r == 0)
		r = case_check(q, program, &q->data, a, e);
	for (size_t i = 0; i < q->f->n_args && q->t && r == 0; i++)
		if (rule_stands(q, i) == RULE_OPEN)
			r = rule_check(q, &q->f->args[i], program, a, e);
	return r;
}

/* ---- telling it ---- */

static void set(json_t *o, const char *key, json_t *value)
{
	(void)json_object_set_new(o, key, value);
}

static json_t *open_rules_json(const struct question *q)
{
	json_t *list = json_array();

	for (size_t i = 0; i < q->f->n_args && q->t; i++) {
		_cleanup_free_ char *subject = NULL, *sentence = NULL;
		json_t *o;

		if (rule_stands(q, i) != RULE_OPEN)
			continue;
		subject = rule_subject(&q->f->args[i]);
		sentence = rule_sentence(&q->f->args[i]);
		o = decided_json(&q->f->args[i].at);
		set(o, "argument", json_string(subject));
		set(o, "rule", json_string(sentence));
		(void)json_array_append_new(list, o);
	}
	return list;
}

static json_t *answer_json(const struct question *q, const struct answer *a)
{
	uint32_t action = a->verdict & SECCOMP_RET_ACTION_FULL;
	const char *verdict = a->depends                    ? "depends"
			      : action == SECCOMP_RET_ALLOW ? "allow"
			      : action == SECCOMP_RET_LOG   ? "log"
			      : action == SECCOMP_RET_ERRNO ? "refuse"
							    : "kill";

	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:s, s:s?, s:o, s:s?, s:o, s:I}", "user",
		json_text(q->user), "profile", json_text(q->profile), "call", json_text(q->text),
		"filter", json_text(q->f->name), "arch", arch_name(q->arch), "verdict", verdict,
		"error",
		strcmp(verdict, "refuse") == 0
			? strerrorname_np((int)(a->verdict & SECCOMP_RET_DATA))
			: NULL,
		"decided-by", decided_json(a->at), "note", a->note, "depends-on",
		a->depends ? open_rules_json(q) : json_array(), "checked", (json_int_t)a->checked);
}

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void print_decided(const char *indent, const json_t *o)
{
	_cleanup_free_ char *first = NULL, *rest = NULL, *place = NULL;
	const char *text = text_of(o, "text"), *reason = text_of(o, "reason");

	if (!text_of(o, "file"))
		return;
	place = place_words(o);
	(void)printf("%s%s%s%s\n", indent, place, text ? ": " : "", text ? text : "");
	if (asprintf(&first, "%s  because: ", indent) < 0 || asprintf(&rest, "%s    ", indent) < 0)
		return;
	print_paragraph(first, rest, reason ? reason : "no reason is given");
}

static void print_open_rules(const json_t *list)
{
	json_t *rule;
	size_t i;

	(void)puts("  as far as");
	json_array_foreach(list, i, rule)
	{
		_cleanup_free_ char *all = NULL;

		if (asprintf(&all, "%s %s", text_of(rule, "argument"), text_of(rule, "rule")) < 0)
			all = NULL;
		print_paragraph("    ", "      ", all ? all : "");
		print_decided("      ", rule);
	}
}

static void print_people(const struct question *q, const struct answer *a, const json_t *out)
{
	const json_t *by = json_object_get(out, "decided-by");
	_cleanup_free_ char *verdict = verdict_words_of(a->verdict);

	(void)printf("%s under '%s'", q->text, q->f->name);
	if (q->user)
		(void)printf(", filter of %s's profile '%s'", q->user, q->profile);
	(void)printf(": %s%s%s%s\n", colour(stdout, BOLD), verdict,
		a->depends ? ", depending on its arguments" : "", colour(stdout, PLAIN));
	print_decided("  ", by);
	if (!a->at && !a->note)
		(void)puts("  no line mentions it");
	if (a->note)
		print_paragraph("  ", "  ", a->note);
	if (a->depends)
		print_open_rules(json_object_get(out, "depends-on"));
	(void)printf("  checked: the compiled program does the same (%zu case%s)\n", a->checked,
		plural(a->checked));
}

static int why(struct question *q, const struct filter_options *o)
{
	struct answer a;
	struct err e;
	json_t *out;
	bool open;

	filter_resolve(q->f, arch_machine(q->arch), &q->v);
	q->t = verdicts_abi(&q->v, q->arch);
	if (call_words_parse(q->arch, q->text, &q->call, &e) < 0)
		return filter_fail("why", "%s", e.text);
	q->data = (struct seccomp_data){ .nr = q->call.number, .arch = q->arch };
	for (size_t i = 0; i < 6; i++)
		q->data.args[i] = q->call.args[i];
	answer_find(q, &a);
	if (answer_check(q, &a, &e) < 0)
		return filter_fail("why", "%s", e.text);
	out = answer_json(q, &a);
	if (o->json) {
		(void)json_dumpf(out, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else {
		print_people(q, &a, out);
	}
	json_decref(out);
	open = a.verdict == SECCOMP_RET_ALLOW || a.verdict == SECCOMP_RET_LOG;
	return open && !a.depends ? 0 : 1;
}

/* ---- whose filter ---- */

/* The filter of the session that the user would get. */
static int user_filter(
	const struct config *c, const struct filter_options *o, struct question *q, struct err *e)
{
	_cleanup_(account_done) struct account a = { 0 };
	struct person who;
	struct decision d;
	int r;

	r = account_by_name(o->user, &a, e);
	if (r < 0)
		return r;
	who = account_person(&a);
	d = policy_decide(c->policy, &who, o->service ? o->service : "");
	if (d.verdict == VERDICT_CONFINE) {
		q->user = o->user;
		q->profile = d.profile->name;
		return config_filter(c, d.profile, &q->f, e);
	}
	return err_set(e, ENOENT, "'%s' has no filter: %s; 'carrel explain' says why", o->user,
		d.verdict == VERDICT_EXEMPT ? "exempt" : "no session is opened");
}

static int question_load(const struct filter_finder *ff, const char *name,
	const struct filter_options *o, struct question *q, struct err *e)
{
	if (!o->user)
		return filter_find(ff, name, o->root ? FILTER_ROOT_INSIDE : 0, &q->f, e);
	if (!ff->config.policy)
		return err_set(e, ENOENT, "%s", ff->config_error.text);
	return user_filter(&ff->config, o, q, e);
}

int cmd_filter_why(int argc, char **argv)
{
	_cleanup_(filter_finder_close) struct filter_finder ff = { .n_dirs = 0 };
	_cleanup_free_ struct question *q = calloc(1, sizeof(*q));
	struct filter_options o;
	struct err e;
	int r, words;

	r = filter_options_read(argc, argv, "acjrsu", &o);
	if (r != 0)
		return r < 0 ? 2 : 0;
	words = o.user ? 1 : 2;
	if (argc - o.first != words)
		return filter_fail("why",
			"expected %s, as in: carrel filter why %s 'socket(AF_VSOCK)'",
			o.user ? "one call" : "a filter and one call",
			o.user ? "--user alice" : "default");
	if (o.service && !o.user)
		return filter_fail("why", "--service goes with --user");
	if (o.user && o.root)
		return filter_fail(
			"why", "with --user the profile says whether there is root inside");
	if (!q)
		return filter_fail("why", "out of memory");
	q->text = argv[o.first + words - 1];
	q->arch = o.arch;
	r = filter_finder_open(o.config, &ff, &e);
	ff.arch = o.arch;
	if (r == 0)
		r = question_load(&ff, argv[o.first], &o, q, &e);
	r = r < 0 ? filter_fail("why", "%s", e.text) : why(q, &o);
	filter_free(q->f);
	return r;
}
