/*
 * filter_prove - does a compiled program do what the rules say?
 *
 * The rules are evaluated as written and the program as the kernel would run it, both programs
 * together. Calls without argument rules depend on the number alone and are tried all. For the
 * others each argument that a rule looks at gets a list of values worth trying: those of the rules
 * with their neighbours, each bit, and the bits that the kernel does not look at. All pairs of such
 * values are tried while they are few, and a fixed random choice of the rest.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "helper/public/program.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/bpf_eval.h"
#include "policy/filter_rules.h"

#define ARGS 6
#define VALUES_MAX 4096 /* of one argument; more are left to chance */
#define PAIRS_MAX 40000 /* of two arguments */
#define RANDOM_CALLS 4000

struct proof {
	const struct filter *f;
	const struct verdicts *v;
	const void *file;
	uint64_t random;
	struct err *e;
};

/* What is worth trying for each argument of one call. */
struct worth {
	uint64_t value[ARGS][VALUES_MAX];
	size_t n[ARGS];
};

static int try(const struct proof *p, const struct seccomp_data *d)
{
	uint32_t said = filter_verdict(p->f, p->v, d, NULL);
	uint32_t done = bpf_eval_file(p->file, d);

	if (said == done)
		return 0;
	return err_set(p->e, EUCLEAN,
		"miscompiled: arch 0x%x call %d (0x%llx, 0x%llx, 0x%llx, 0x%llx): rules say 0x%x, "
		"program 0x%x",
		d->arch, d->nr, (unsigned long long)d->args[0], (unsigned long long)d->args[1],
		(unsigned long long)d->args[2], (unsigned long long)d->args[3], said, done);
}

static int prove_numbers(const struct proof *p, uint32_t arch)
{
	static const uint32_t odd[] = { SYSCALLS_MAX, SYSCALLS_MAX + 1, 1024, X32_FIRST - 1,
		X32_FIRST, X32_FIRST + 41, X32_FIRST + SYSCALLS_MAX, INT32_MAX, 0x80000000u,
		0x80000029u, 0xc0000000u, (uint32_t)-10000, (uint32_t)-2, (uint32_t)-1 };
	int r = 0;

	for (int high = 0; high < 2; high++) {
		struct seccomp_data d = { .arch = arch };

		for (size_t i = 0; i < ARGS; i++)
			d.args[i] = high ? UINT64_MAX : 0;
		for (d.nr = 0; d.nr < SYSCALLS_MAX && r == 0; d.nr++)
			r = try(p, &d);
		for (size_t i = 0; i < sizeof(odd) / sizeof(*odd) && r == 0; i++) {
			d.nr = (int)odd[i];
			r = try(p, &d);
		}
	}
	return r;
}

/* ---- arguments ---- */

static void worth_add(struct worth *w, unsigned index, uint64_t value)
{
	if (w->n[index] < VALUES_MAX)
		w->value[index][w->n[index]++] = value;
}

/* As the kernel sees it, and with bits that it does not look at. */
static void worth_add_wide(struct worth *w, const struct syscall_arg *a, uint64_t value)
{
	uint64_t mask = syscall_arg_mask(a);

	worth_add(w, a->index, value & mask);
	if (mask == UINT64_MAX)
		return;
	worth_add(w, a->index, value | ~mask);
	worth_add(w, a->index, (value & mask) | (mask + 1));
	worth_add(w, a->index, (value & mask) | UINT64_C(1) << 63);
}

static void worth_add_match(struct worth *w, const struct syscall_arg *a, struct match m)
{
	worth_add_wide(w, a, m.value);
	worth_add_wide(w, a, m.value | ~m.mask);
	worth_add_wide(w, a, m.value + 1);
	worth_add_wide(w, a, m.value - 1);
	worth_add_wide(w, a, ~m.value);
	for (int bit = 0; bit < a->bits; bit++)
		worth_add(w, a->index, m.value ^ UINT64_C(1) << bit);
}

static void worth_add_rule(struct worth *w, const struct arg_rule *rule)
{
	for (size_t i = 0; i < rule->n_values; i++)
		worth_add_match(w, rule->arg, rule->values[i]);
	for (size_t i = 0; i < rule->n_quiet; i++)
		worth_add_match(w, rule->arg, rule->quiet[i]);
	worth_add_wide(w, rule->arg, 0);
	worth_add_wide(w, rule->arg, UINT64_MAX);
	for (int bit = 0; bit < 64; bit++)
		worth_add(w, rule->arg->index, UINT64_C(1) << bit);
	if (rule->selector) {
		worth_add_wide(w, rule->selector, rule->selected);
		worth_add_wide(w, rule->selector, ~rule->selected);
	}
}

/* xorshift64*: the same cases each time, so that a refusal can be seen again. */
static uint64_t next_random(struct proof *p)
{
	p->random ^= p->random >> 12;
	p->random ^= p->random << 25;
	p->random ^= p->random >> 27;
	return p->random * UINT64_C(2685821657736338717);
}

static uint64_t random_value(struct proof *p, const struct worth *w, unsigned index)
{
	uint64_t r = next_random(p);

	if (w->n[index] == 0 || r % 8 == 0)
		return next_random(p) >> (r >> 8) % 64;
	return w->value[index][(r >> 8) % w->n[index]];
}

static int prove_pair(
	struct proof *p, struct seccomp_data *d, const struct worth *w, unsigned a, unsigned b)
{
	bool all = w->n[a] * w->n[b] <= PAIRS_MAX;
	int r = 0;

	for (size_t i = 0; i < w->n[a] && r == 0; i++) {
		size_t n = all ? w->n[b] : PAIRS_MAX / w->n[a] + 1;

		d->args[a] = w->value[a][i];
		for (size_t j = 0; j < n && r == 0; j++) {
			d->args[b] = all ? w->value[b][j] : random_value(p, w, b);
			r = try(p, d);
		}
	}
	d->args[a] = d->args[b] = 0;
	return r;
}

static int prove_call(struct proof *p, uint32_t arch, int number, const struct worth *w)
{
	struct seccomp_data d = { .arch = arch, .nr = number };
	int r = 0;

	for (unsigned a = 0; a < ARGS && r == 0; a++) {
		for (size_t i = 0; i < w->n[a] && r == 0; i++) {
			d.args[a] = w->value[a][i];
			r = try(p, &d);
		}
		d.args[a] = 0;
		for (unsigned b = a + 1; b < ARGS && r == 0; b++)
			if (w->n[a] > 0 && w->n[b] > 0)
				r = prove_pair(p, &d, w, a, b);
	}
	for (int i = 0; i < RANDOM_CALLS && r == 0; i++) {
		for (unsigned a = 0; a < ARGS; a++)
			d.args[a] = random_value(p, w, a);
		r = try(p, &d);
	}
	return r;
}

static int prove_args(struct proof *p, const struct verdict_table *t)
{
	_cleanup_free_ struct worth *w = malloc(sizeof(*w));
	int r = 0;

	if (!w)
		return err_set(p->e, ENOMEM, "out of memory");
	for (int n = 0; n < SYSCALLS_MAX && r == 0; n++) {
		bool any = false;

		memset(w->n, 0, sizeof(w->n));
		for (size_t i = 0; i < p->f->n_args; i++)
			if (t->rule_call[i] == n) {
				worth_add_rule(w, &p->f->args[i]);
				any = true;
			}
		if (any)
			r = prove_call(p, t->arch, n, w);
	}
	return r;
}

int filter_prove(const struct filter *f, const struct verdicts *v, const void *file, size_t len,
	struct err *e)
{
	static const uint32_t arches[] = { AUDIT_ARCH_I386, AUDIT_ARCH_X86_64, AUDIT_ARCH_ARM,
		AUDIT_ARCH_AARCH64, AUDIT_ARCH_RISCV64, 0 };
	struct proof p = { .f = f, .v = v, .file = file, .random = 1, .e = e };
	int r;

	r = program_check(file, len);
	if (r < 0)
		return err_set(e, -r, "not a program");
	for (size_t i = 0; i < sizeof(arches) / sizeof(*arches) && r == 0; i++)
		r = prove_numbers(&p, arches[i]);
	for (size_t i = 0; i < v->n && r == 0; i++)
		r = prove_args(&p, &v->abi[i]);
	return r;
}
