/*
 * What two filters say differently, for people: calls that both decide by the same lines stand
 * together, then arguments, then ABIs.
 */
#include "helper/cli/filter_diff.h"

#include <stdlib.h>
#include <string.h>

#include "helper/cli/config.h"
#include "helper/cli/filter_words.h"
#include "helper/cli/paragraph.h"
#include "policy/base/cleanup.h"

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void print_verdict(const char *side, const json_t *o)
{
	const char *verdict = text_of(o, "verdict"), *error = text_of(o, "error");

	(void)printf("%s: %s%s%s", side,
		strcmp(verdict, "refuse") == 0  ? "refused with "
		: strcmp(verdict, "kill") == 0  ? "killed"
		: strcmp(verdict, "allow") == 0 ? "allowed"
						: "allowed and logged",
		error ? error : "", "");
}

/* Where a side says so, and why. */
static void print_why(const char *side, const json_t *o)
{
	_cleanup_free_ char *first = NULL, *place = NULL;
	const char *reason = text_of(o, "reason");

	if (!text_of(o, "file")) {
		(void)printf("    %s: no line mentions it\n", side);
		return;
	}
	place = place_words(o);
	if (asprintf(&first, "    %s: %s: ", side, place) < 0)
		first = NULL;
	print_paragraph(first ? first : "    ", "      ", reason ? reason : "no reason given");
}

/* Same verdicts by the same lines: one paragraph for all such calls. */
static bool same_case(const json_t *x, const json_t *y)
{
	return json_equal(json_object_get(x, "a"), json_object_get(y, "a")) &&
	       json_equal(json_object_get(x, "b"), json_object_get(y, "b"));
}

/* A path's last part, where that tells the two apart. */
static const char *short_name(const char *word, const char *other)
{
	const char *slash = strrchr(word, '/'), *other_slash = strrchr(other, '/');
	const char *last = slash ? slash + 1 : word;

	return strcmp(last, other_slash ? other_slash + 1 : other) == 0 ? word : last;
}

/* What the two are called. */
struct sides {
	const char *a, *b;
};

static void print_both(const struct sides *s, const json_t *o)
{
	(void)fputs(colour(stdout, BOLD), stdout);
	print_verdict(s->a, json_object_get(o, "a"));
	(void)fputs("; ", stdout);
	print_verdict(s->b, json_object_get(o, "b"));
	(void)printf("%s\n", colour(stdout, PLAIN));
}

static void print_reasons(const struct sides *s, const json_t *o)
{
	print_why(s->a, json_object_get(o, "a"));
	print_why(s->b, json_object_get(o, "b"));
	(void)putchar('\n');
}

static void print_calls(const struct sides *s, const json_t *calls)
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
			print_both(s, first);
			print_wrapped("  ", names);
			print_reasons(s, first);
		}
		json_decref(names);
	}
}

static void print_rule_side(const char *side, const json_t *o)
{
	_cleanup_free_ char *first = NULL;
	const char *rule = text_of(o, "rule");

	if (asprintf(&first, "  %s: ", side) < 0)
		first = NULL;
	print_paragraph(first ? first : "  ", "    ", rule ? rule : "no rule");
	if (rule)
		print_why(side, o);
}

static void print_rules(const struct sides *s, const json_t *rules)
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
		print_rule_side(s->a, json_object_get(rule, "a"));
		print_rule_side(s->b, json_object_get(rule, "b"));
		(void)putchar('\n');
	}
}

static void print_abis(const struct sides *s, const json_t *abis)
{
	json_t *abi;
	size_t i;

	json_array_foreach(abis, i, abi)
	{
		print_both(s, abi);
		(void)printf("  every call of %s\n", text_of(abi, "arch"));
		print_reasons(s, abi);
	}
}

void filter_diff_print(const json_t *diff)
{
	const json_t *calls = json_object_get(diff, "calls"),
		     *rules = json_object_get(diff, "rules");
	const json_t *abis = json_object_get(diff, "abis");
	const char *a = text_of(diff, "a"), *b = text_of(diff, "b");
	const struct sides s = { short_name(a, b), short_name(b, a) };
	size_t n_calls = json_array_size(calls), n_rules = json_array_size(rules);

	print_calls(&s, calls);
	print_rules(&s, rules);
	print_abis(&s, abis);
	if (!json_is_true(json_object_get(diff, "same")))
		(void)printf("%zu call%s and %zu argument%s differ%s\n", n_calls, plural(n_calls),
			n_rules, plural(n_rules),
			json_array_size(abis) ? ", and another ABI as a whole" : "");
}
