#include "helper/cli/filter_refused.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/config.h"
#include "helper/cli/filter_words.h"
#include "helper/learn/args.h"
#include "helper/learn/decode.h"
#include "helper/learn/tally.h"
#include "policy/base/cleanup.h"
#include "policy/filter.h"

/* Calls are one when all of this is the same. Arguments are not among it, but for the one that a
 * rule decided by. */
struct refused_call {
	struct seccomp_data call; /* number and ABI alone */
	uint32_t verdict;
	const struct origin *at;
	const struct arg_rule *rule; /* NULL: whatever the arguments */
	uint64_t value;
	char program[PROGRAM_NAME_MAX];
	uint64_t count;
};

#define REFUSED_MAX 1000

static const struct arg_rule *rule_at(const struct filter *f, const struct origin *at)
{
	for (size_t i = 0; i < f->n_args; i++)
		if (&f->args[i].at == at)
			return &f->args[i];
	return NULL;
}

static bool is_same(const struct refused_call *a, const struct refused_call *b)
{
	return a->call.nr == b->call.nr && a->call.arch == b->call.arch &&
	       a->verdict == b->verdict && a->at == b->at && a->value == b->value &&
	       strcmp(a->program, b->program) == 0;
}

void refused_add(struct refused *r, const struct refusals *by, const struct seccomp_notif *n,
	uint32_t verdict, const struct origin *at)
{
	struct refused_call c = {
		.call = { .nr = n->data.nr, .arch = n->data.arch },
		.verdict = verdict,
		.at = at,
		.rule = rule_at(by->filter, at),
		.count = 1,
	};
	struct refused_call *more;

	r->count++;
	program_name((int)n->pid, c.program);
	if (c.rule)
		c.value = n->data.args[c.rule->arg->index] & syscall_arg_mask(c.rule->arg);
	for (size_t i = 0; i < r->n; i++) {
		if (is_same(&r->calls[i], &c)) {
			r->calls[i].count++;
			return;
		}
	}
	more = r->n < REFUSED_MAX ? reallocarray(r->calls, r->n + 1, sizeof(*more)) : NULL;
	if (!more) {
		r->lost++;
		return;
	}
	r->calls = more;
	r->calls[r->n++] = c;
}

void refused_done(struct refused *r)
{
	free(r->calls);
	*r = (struct refused){ 0 };
}

static int more_often(const void *a, const void *b)
{
	const struct refused_call *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->call.nr != y->call.nr ? (x->call.nr > y->call.nr ? 1 : -1)
					: strcmp(x->program, y->program);
}

/* As `carrel filter why` has it: a call may be refused for the sake of a rule about another one. */
static const struct origin *decided_by(
	const struct refused_call *c, const struct refusals *by, const char **ret_note)
{
	const struct verdict_table *t = verdicts_abi(by->verdicts, c->call.arch);

	*ret_note = NULL;
	if (!t) {
		*ret_note = "the filter has no 'arches' line that lets calls of this ABI in";
		return NULL;
	}
	if (c->rule || c->call.nr < 0 || c->call.nr >= SYSCALLS_MAX)
		return c->at;
	return call_decided_by(by->filter, t, c->call.nr, ret_note);
}

static json_t *call_json(const struct refused_call *c, const struct refusals *by)
{
	bool refuses = (c->verdict & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
	int error = (int)(c->verdict & SECCOMP_RET_DATA);
	_cleanup_free_ char *subject = c->rule ? rule_subject(c->rule) : NULL;
	char name[64], value[ARG_WORDS_MAX] = "";
	const char *note;
	const struct origin *at = decided_by(c, by, &note);
	json_t *o;

	decode_name(&c->call, name);
	if (c->rule)
		arg_value_words(c->rule->arg, c->value, '|', value);
	o = json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:s?}", "call", json_text(name), "program",
		json_text(c->program), "count", (json_int_t)c->count, "argument",
		json_text(subject), "value", json_text(c->rule ? value : NULL), "decided-by",
		decided_json(at), "note", note);
	(void)json_object_update_new(o, verdict_json(refuses ? CALL_REFUSE : CALL_KILL, error));
	return o;
}

json_t *refused_json(struct refused *r, const struct refusals *by)
{
	json_t *list = json_array();

	if (r->n)
		qsort(r->calls, r->n, sizeof(*r->calls), more_often);
	for (size_t i = 0; i < r->n; i++)
		(void)json_array_append_new(list, call_json(&r->calls[i], by));
	return list;
}

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void print_line(const json_t *call)
{
	const json_t *by = json_object_get(call, "decided-by");
	const char *text = text_of(by, "text"), *reason = text_of(by, "reason"),
		   *note = text_of(call, "note");

	if (text_of(by, "file")) {
		_cleanup_free_ char *place = place_words(by);

		(void)fprintf(
			stderr, "          %s%s%s\n", place, text ? ": " : "", text ? text : "");
		(void)fprintf(stderr, "            because: %s\n",
			reason ? reason : "no reason is given");
	} else if (!note) {
		(void)fputs("          no line mentions it\n", stderr);
	}
	if (note)
		(void)fprintf(stderr, "          %s\n", note);
}

void refused_print(const json_t *list)
{
	json_t *call;
	size_t i;

	json_array_foreach(list, i, call)
	{
		const char *error = text_of(call, "error"), *argument = text_of(call, "argument");

		(void)fprintf(stderr, "%8lld  %s by %s: %s%s",
			(long long)json_integer_value(json_object_get(call, "count")),
			text_of(call, "call"), text_of(call, "program"),
			error ? "refused with " : "killed", error ? error : "");
		if (argument)
			(void)fprintf(stderr, ", as %s is %s", argument, text_of(call, "value"));
		(void)fputc('\n', stderr);
		print_line(call);
	}
}
