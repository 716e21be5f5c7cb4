#include "helper/cli/learn_report.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "helper/cli/config.h"
#include "helper/learn/base.h"

static const char *const sources[] = {
	[LEARNT_WAITING] = "waiting",
	[LEARNT_FAMILY] = "family",
	[LEARNT_STATIC] = "static",
	[LEARNT_SEEN] = "seen",
};

bool learn_proved(const struct learn_report *r)
{
	return r->proof && r->proof->refused.n == 0 && r->proof->run.status == r->status;
}

static unsigned count(const struct learnt *l, enum learnt_source source)
{
	unsigned n = 0;

	for (size_t i = 0; i < l->n_calls; i++)
		n += l->calls[i].source == source;
	return n;
}

static void print_waiting(const struct learnt *l)
{
	const char *before = "carrel learn: waiting for you in the text:";

	for (size_t i = 0; i < l->n_calls; i++) {
		if (l->calls[i].source != LEARNT_WAITING)
			continue;
		(void)fprintf(stderr, "%s %s", before, l->calls[i].name);
		before = "";
	}
	if (!*before)
		(void)fputc('\n', stderr);
}

static void print_rating(const struct learn_report *r)
{
	if (!r->rating) {
		(void)fprintf(stderr, "carrel learn: not compared with default: %s\n", r->not_rated);
		return;
	}
	(void)fprintf(stderr, "carrel learn: allows %u calls, default %u, both %u; wider than default:", r->rating->ours,
		r->rating->theirs, r->rating->both);
	for (size_t i = 0; i < r->rating->wider.n; i++)
		(void)fprintf(stderr, "%s %s", i ? "," : "", r->rating->wider.v[i]);
	(void)fputs(r->rating->wider.n ? "\n" : " nothing\n", stderr);
}

static void print_proof(const struct learn_report *r)
{
	if (r->proof_failed)
		(void)fprintf(stderr, "carrel learn: no proof: %s\n", r->proof_failed);
	if (!r->proof)
		return;
	if (learn_proved(r)) {
		(void)fprintf(stderr, "carrel learn: proof: under the filter it ends as before (status %d), and nothing is refused\n",
			r->status);
		return;
	}
	(void)fprintf(stderr, "carrel learn: the proof FAILED: status %d under the filter, %d without\n",
		r->proof->run.status, r->status);
	for (size_t i = 0; i < r->proof->refused.n; i++)
		(void)fprintf(stderr, "carrel learn: refused %llu times: %s\n",
			(unsigned long long)r->proof->refused.lines[i].count, r->proof->refused.lines[i].text);
	if (r->proof->refused.n == 0)
		(void)fputs("carrel learn: nothing was refused, so it may end differently by itself each time\n", stderr);
}

void learn_report_print(const struct learn_report *r)
{
	const struct learnt *l = r->learnt;

	(void)fprintf(stderr,
		"carrel learn: %u run%s, %zu programs and libraries; besides the base %u calls seen, %u read in the code, %u of "
		"their families\n",
		l->runs, plural(l->runs), l->files.n, count(l, LEARNT_SEEN), count(l, LEARNT_STATIC),
		count(l, LEARNT_FAMILY));
	print_waiting(l);
	print_rating(r);
	print_proof(r);
	if (r->file)
		(void)fprintf(stderr, "carrel learn: written to %s; nothing uses it until a profile names it\n", r->file);
}

static json_t *words_json(const struct strv *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->n; i++)
		(void)json_array_append_new(list, json_text(v->v[i]));
	return list;
}

static json_t *calls_json(const struct learnt *l)
{
	json_t *list = json_array(), *call;

	for (size_t i = 0; i < l->n_calls; i++) {
		const struct learnt_call *c = &l->calls[i];

		call = json_pack("{s:s, s:s, s:b, s:o}", "call", c->name, "source", sources[c->source], "allowed",
			c->source != LEARNT_WAITING && !base_is_absent(c->name), "programs", words_json(&c->programs));
		if (c->source == LEARNT_SEEN) {
			(void)json_object_set_new(call, "runs", json_integer(c->runs));
			(void)json_object_set_new(call, "count", json_integer((json_int_t)c->count));
			(void)json_object_set_new(call, "first-ms", json_integer((json_int_t)c->first_ms));
		}
		if (c->source == LEARNT_FAMILY)
			(void)json_object_set_new(call, "family", json_text(c->family));
		(void)json_array_append_new(list, call);
	}
	return list;
}

static json_t *values_json(const struct learnt *l)
{
	json_t *all = json_object();

	for (size_t i = 0; arg_interests()[i].call; i++) {
		json_t *list = json_array();
		char key[ARG_KEY_MAX], words[ARG_WORDS_MAX];

		arg_interest_key(&arg_interests()[i], key);
		for (size_t j = 0; j < l->values[i].n; j++) {
			arg_value_words(arg_interest_arg(&arg_interests()[i]), l->values[i].values[j], '|', words);
			(void)json_array_append_new(list, json_text(words));
		}
		if (l->values[i].n)
			(void)json_object_set_new(all, key, list);
		else
			json_decref(list);
	}
	return all;
}

static json_t *rating_json(const struct learn_report *r)
{
	if (!r->rating)
		return json_null();
	return json_pack("{s:i, s:i, s:i, s:o}", "allowed", (int)r->rating->ours, "default", (int)r->rating->theirs, "both",
		(int)r->rating->both, "wider", words_json(&r->rating->wider));
}

static json_t *proof_json(const struct learn_report *r)
{
	json_t *refused = json_array();

	for (size_t i = 0; r->proof && i < r->proof->refused.n; i++)
		(void)json_array_append_new(refused, json_pack("{s:o, s:I}", "call",
			json_text(r->proof->refused.lines[i].text), "count",
			(json_int_t)r->proof->refused.lines[i].count));
	if (!r->proof) {
		json_decref(refused);
		return json_null();
	}
	return json_pack("{s:b, s:i, s:o}", "ok", learn_proved(r), "status", r->proof->run.status, "refused", refused);
}

void learn_report_json(const struct learn_report *r)
{
	const struct learnt *l = r->learnt;
	json_t *out = json_pack("{s:i, s:i, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "runs", (int)l->runs,
		"status", r->status, "seconds", (double)r->microseconds / 1e6, "commands", words_json(&l->commands), "calls", calls_json(l), "arguments",
		values_json(l), "files", words_json(&l->files), "unresolved", words_json(&l->unresolved), "rating",
		rating_json(r), "i386", l->foreign_runs > 0, "proof", proof_json(r), "not-rated", json_text(r->not_rated),
		"file", json_text(r->file), "filter", json_text(r->text));

	(void)json_dumpf(out, stdout, JSON_INDENT(2));
	(void)putchar('\n');
	json_decref(out);
}
