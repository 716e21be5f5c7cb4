#ifndef CARREL_TEST_FILTER_SIDE_H
#define CARREL_TEST_FILTER_SIDE_H

/* For tests that set filters side by side: a shipped one with the reasons of its lines, and what is
 * tried of one call. */

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/config.h"
#include "policy/filter.h"
#include "policy/filter_reason.h"
#include "policy/filter_rules.h"
#include "tests/lib/test.h"

#define ARCH AUDIT_ARCH_X86_64

struct side {
	struct filter *filter;
	struct verdicts verdicts;
	const struct verdict_table *table; /* of x86-64 */
	char *reasons[SYSCALLS_MAX]; /* of the line that decides over the number */
	char *arg_reasons[ARG_RULES_MAX];
};

static inline char *reason_of(const struct origin *at)
{
	_cleanup_free_ char *text = NULL;
	struct err e = { "" };
	char *reason = NULL;
	size_t len;

	if (!at || config_slurp(AT_FDCWD, at->file, false, &text, &len, &e) < 0 ||
		filter_reason(text, at->line, &reason) < 0)
		return NULL;
	return reason;
}

static inline void side_done(struct side *s)
{
	for (int n = 0; n < SYSCALLS_MAX; n++)
		free(s->reasons[n]);
	for (int i = 0; i < ARG_RULES_MAX; i++)
		free(s->arg_reasons[i]);
	filter_free(s->filter);
	*s = (struct side){ 0 };
}

/* From first_dir, which may be NULL, before the shipped filters and the peers. */
static inline bool side_load(
	struct side *s, const char *first_dir, const char *name, unsigned flags)
{
	const char *src = getenv("CARREL_SRCDIR");
	char filters[4096], peers[4096];
	const char *const dirs[] = { first_dir, filters, peers };
	struct err e = { "" };

	*s = (struct side){ 0 };
	(void)snprintf(filters, sizeof(filters), "%s/etc/filters", src ? src : ".");
	(void)snprintf(peers, sizeof(peers), "%s/etc/peers", src ? src : ".");
	if (filter_load(dirs + !first_dir, 3 - !first_dir, name, flags, &s->filter, &e) < 0) {
		test_fail(__FILE__, __LINE__, e.text);
		return false;
	}
	filter_resolve(s->filter, ARCH, &s->verdicts);
	s->table = &s->verdicts.abi[0];
	for (int n = 0; n < SYSCALLS_MAX; n++)
		s->reasons[n] = reason_of(s->table->call[n].at);
	for (size_t i = 0; i < s->filter->n_args; i++)
		s->arg_reasons[i] = reason_of(&s->filter->args[i].at);
	return true;
}

static inline uint32_t verdict(
	const struct side *s, const struct seccomp_data *d, const struct origin **ret_at)
{
	return filter_verdict(s->filter, &s->verdicts, d, ret_at);
}

/* Every value that a rule of either side names, every single bit, none and all, with and without
 * bits above the width. */
typedef void probe_fn(const struct seccomp_data *d, void *data);

static inline void probe_value(const struct arg_rule *rule, struct seccomp_data *d, uint64_t value,
	probe_fn *fn, void *data)
{
	for (int high = 0; high <= 1; high++) {
		memset(d->args, 0, sizeof(d->args));
		if (rule->selector)
			d->args[rule->selector->index] = rule->selected;
		d->args[rule->arg->index] = value | (high ? UINT64_C(1) << 32 : 0);
		fn(d, data);
	}
}

static inline void probe_call(
	const struct side *a, const struct side *b, int n, probe_fn *fn, void *data)
{
	const struct side *both[] = { a, b };
	struct seccomp_data d = { .arch = ARCH, .nr = n };

	fn(&d, data);
	for (size_t s = 0; s < 2; s++) {
		for (size_t i = 0; i < both[s]->filter->n_args; i++) {
			const struct arg_rule *rule = &both[s]->filter->args[i];

			if (both[s]->table->rule_call[i] != n)
				continue;
			for (size_t k = 0; k < rule->n_values; k++)
				probe_value(rule, &d, rule->values[k].value, fn, data);
			for (size_t k = 0; k < rule->n_quiet; k++)
				probe_value(rule, &d, rule->quiet[k].value, fn, data);
			for (int bit = 0; bit < 32; bit++)
				probe_value(rule, &d, UINT64_C(1) << bit, fn, data);
			probe_value(rule, &d, 0, fn, data);
			probe_value(rule, &d, UINT32_MAX, fn, data);
		}
	}
}

#endif
