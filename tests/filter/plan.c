/*
 * plan - writes down what a filter's rules say of many system calls, for tests/filter/sweep.c to
 * try.
 *
 * plan [--root-inside] NAME FILE: NAME from the directories in which the helper looks. The verdicts
 * come from the rules as they were read, never from a compiled program. On standard output, how
 * many cases there are of each kind.
 *
 * Every number below 512 and odd ones, natively and by int 0x80, without arguments, with all bits
 * set and at random; and for each argument rule the edges of its values, the same with bits that
 * the kernel does not look at, and mixtures.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/paths.h"
#include "policy/filter.h"
#include "policy/filter_rules.h"
#include "policy/syscalls.h"
#include "tests/filter/sweep.h"

enum { MIXTURES = 200, EDGES_MAX = 6 * ARG_VALUES_MAX + 66 };

struct plan {
	const struct filter *filter;
	struct verdicts verdicts;
	FILE *out;
	uint64_t seed;
	unsigned n, passed, refused, killed;
};

/* splitmix64: the same plan each time. */
static uint64_t random_bits(struct plan *p)
{
	uint64_t z = p->seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static void add(struct plan *p, enum way way, uint64_t nr, const uint64_t args[6])
{
	struct plan_case c = { .way = way, .nr = nr };
	struct seccomp_data data = { .nr = (int)(uint32_t)nr,
		.arch = way == WAY_INT80 ? AUDIT_ARCH_I386 : p->verdicts.abi[0].arch };

	for (size_t i = 0; i < 6; i++) {
		c.args[i] = args[i];
		data.args[i] = way == WAY_INT80 ? (uint32_t)args[i] : args[i];
	}
	c.expected = filter_verdict(p->filter, &p->verdicts, &data, NULL);
	switch (c.expected & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
		p->passed++;
		break;
	case SECCOMP_RET_ERRNO:
		p->refused++;
		break;
	default:
		p->killed++;
	}
	p->n++;
	(void)fwrite(&c, sizeof(c), 1, p->out);
}

static void add_number(struct plan *p, enum way way, uint64_t nr)
{
	uint64_t args[6] = { 0 };

	add(p, way, nr, args);
	memset(args, 0xff, sizeof(args));
	add(p, way, nr, args);
	for (size_t i = 0; i < 6; i++)
		args[i] = random_bits(p);
	add(p, way, nr, args);
}

static void add_numbers(struct plan *p)
{
	static const uint64_t odd[] = { 512, 513, 547, 548, 600, 999, 1000, 0xffff, 0x3fffffff,
		0x40000000 + 512, 0x40000000 + 547, 0x7fffffff, 0x80000000, 0xfffffffe,
		0xffffffff };

	for (uint64_t nr = 0; nr < SYSCALLS_MAX; nr++) {
		add_number(p, WAY_NATIVE, nr);
		/* The kernel takes 32 bits of the register: this is the same call. */
		add_number(p, WAY_NATIVE, nr | random_bits(p) << 32);
#ifdef __x86_64__
		add(p, WAY_NATIVE, X32_FIRST + nr, (const uint64_t[6]){ 0 });
		add(p, WAY_INT80, nr, (const uint64_t[6]){ 0 });
#endif
	}
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		add_number(p, WAY_NATIVE, odd[i]);
#ifdef __x86_64__
		add_number(p, WAY_INT80, odd[i]);
#endif
	}
}

/* What a rule's author and a compiler may get wrong by one, or by one bit. */
static size_t list_edges(const struct arg_rule *rule, uint64_t edges[static EDGES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < rule->n_values + rule->n_quiet; i++) {
		const struct match *m =
			i < rule->n_values ? &rule->values[i] : &rule->quiet[i - rule->n_values];

		edges[n++] = m->value;
		edges[n++] = m->value + 1;
		edges[n++] = m->value - 1;
	}
	for (unsigned bit = 0; bit < rule->arg->bits; bit++)
		edges[n++] = UINT64_C(1) << bit;
	edges[n++] = 0;
	edges[n++] = UINT64_MAX;
	return n;
}

/* Bits that the kernel does not look at, where there are some. */
static uint64_t with_noise(struct plan *p, const struct syscall_arg *a, uint64_t value)
{
	return value | (random_bits(p) & ~syscall_arg_mask(a));
}

static void add_edges(struct plan *p, enum way way, int nr, const struct arg_rule *rule)
{
	uint64_t edges[EDGES_MAX];
	const size_t n = list_edges(rule, edges);

	for (size_t i = 0; i < 4 * n; i++) {
		uint64_t args[6];

		for (size_t k = 0; k < 6; k++)
			args[k] = i % 2 ? random_bits(p) : 0;
		if (rule->selector)
			args[rule->selector->index] =
				i % 4 < 2 ? rule->selected
					  : with_noise(p, rule->selector, rule->selected);
		args[rule->arg->index] =
			i % 2 ? with_noise(p, rule->arg, edges[i / 4]) : edges[i / 4];
		add(p, way, (uint64_t)nr, args);
	}
}

/* Arguments that each come from some rule of the call, or from nowhere. */
static void add_mixtures(struct plan *p, enum way way, const struct verdict_table *t, int nr)
{
	for (unsigned i = 0; i < MIXTURES; i++) {
		uint64_t args[6];

		for (size_t k = 0; k < 6; k++)
			args[k] = random_bits(p) >> random_bits(p) % 64;
		for (size_t r = 0; r < p->filter->n_args; r++) {
			const struct arg_rule *rule = &p->filter->args[r];
			uint64_t edges[EDGES_MAX];
			size_t n;

			if (t->rule_call[r] != nr || random_bits(p) % 3 == 0)
				continue;
			n = list_edges(rule, edges);
			args[rule->arg->index] =
				with_noise(p, rule->arg, edges[random_bits(p) % n]);
			if (rule->selector && random_bits(p) % 2)
				args[rule->selector->index] =
					with_noise(p, rule->selector, rule->selected);
		}
		add(p, way, (uint64_t)nr, args);
	}
}

static void add_rules(struct plan *p)
{
	for (size_t abi = 0; abi < p->verdicts.n; abi++) {
		const struct verdict_table *t = &p->verdicts.abi[abi];
		const enum way way = abi == 0 ? WAY_NATIVE : WAY_INT80;

		for (size_t r = 0; r < p->filter->n_args; r++)
			if (t->rule_call[r] >= 0) {
				add_edges(p, way, t->rule_call[r], &p->filter->args[r]);
				add_mixtures(p, way, t, t->rule_call[r]);
			}
	}
}

static int write_plan(struct plan *p, const char *path)
{
	const struct plan_head empty = { PLAN_MAGIC, 0 };

	p->out = fopen(path, "we");
	if (!p->out)
		return -errno;

	(void)fwrite(&empty, sizeof(empty), 1, p->out);
	add_numbers(p);
	add_rules(p);
	rewind(p->out);
	(void)fwrite(&(struct plan_head){ PLAN_MAGIC, p->n }, sizeof(struct plan_head), 1, p->out);
	if (ferror(p->out))
		return -EIO;
	return fclose(p->out) == 0 ? 0 : -errno;
}

int main(int argc, char **argv)
{
	static const char *const dirs[] = { CARREL_SYSCONFDIR "/filters",
		CARREL_DATADIR "/filters" };
	const bool root = argc > 1 && strcmp(argv[1], "--root-inside") == 0;
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	static struct plan plan;
	struct err e = { "" };
	int r;

	argv += root;
	argc -= root;
	if (argc != 3) {
		(void)fprintf(stderr, "usage: plan [--root-inside] NAME FILE\n");
		return 2;
	}
	if (filter_load(dirs, 2, argv[1], FILTER_ROOT_OWNED | (root ? FILTER_ROOT_INSIDE : 0), &f,
		    &e) < 0) {
		(void)fprintf(stderr, "plan: %s\n", e.text);
		return 1;
	}
	plan.filter = f;
	filter_resolve(f, 0, &plan.verdicts);
	r = write_plan(&plan, argv[2]);
	if (r < 0) {
		(void)fprintf(stderr, "plan: %s: %s\n", argv[2], strerror(-r));
		return 1;
	}
	printf("%u cases, %u passed on, %u refused, %u killed\n", plan.n, plan.passed, plan.refused,
		plan.killed);
	return 0;
}
