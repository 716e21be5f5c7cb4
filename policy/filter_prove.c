/*
 * filter_prove - does a compiled program do what the rules say?
 *
 * The rules are evaluated as written and the program as the kernel would run it, both programs
 * together. Calls without argument rules depend on the number alone and are tried all; for the
 * others every value of a rule is tried with its neighbours, each bit, the bits above the
 * argument's width, and each combination of those with a selecting argument.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>

#include "helper/public/program.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/bpf_eval.h"
#include "policy/filter_rules.h"

struct proof {
	const struct filter *f;
	const struct verdict_table *t;
	const void *file;
	struct err *e;
};

static int try(const struct proof *p, const struct seccomp_data *d)
{
	uint32_t said = filter_verdict(p->f, p->t, d, NULL);
	uint32_t done = bpf_eval_file(p->file, d);

	if (said == done)
		return 0;
	return err_set(p->e, EUCLEAN,
		"miscompiled: arch 0x%x call %d (0x%llx, 0x%llx, 0x%llx, 0x%llx): rules say 0x%x, "
		"program 0x%x",
		d->arch, d->nr, (unsigned long long)d->args[0], (unsigned long long)d->args[1],
		(unsigned long long)d->args[2], (unsigned long long)d->args[3], said, done);
}

static int prove_numbers(const struct proof *p)
{
	static const int odd[] = { -1, -2, -10000, SYSCALLS_MAX, 1023, 1024, 0x3fffffff, 0x40000000,
		0x40000000 + 41, 0x7fffffff };
	int r = 0;

	for (int high = 0; high < 2; high++) {
		struct seccomp_data d = { .arch = p->t->arch };

		for (size_t i = 0; i < 6; i++)
			d.args[i] = high ? UINT64_MAX : 0;
		for (int n = 0; n < SYSCALLS_MAX && r == 0; n++) {
			d.nr = n;
			r = try(p, &d);
		}
		for (size_t i = 0; i < sizeof(odd) / sizeof(*odd) && r == 0; i++) {
			d.nr = odd[i];
			r = try(p, &d);
		}
	}
	return r;
}

static int prove_other_arches(const struct proof *p)
{
	static const uint32_t arches[] = { AUDIT_ARCH_I386, AUDIT_ARCH_X86_64, AUDIT_ARCH_ARM,
		AUDIT_ARCH_AARCH64, AUDIT_ARCH_RISCV64, 0 };
	int r = 0;

	for (size_t i = 0; i < sizeof(arches) / sizeof(*arches); i++) {
		struct seccomp_data d = { .arch = arches[i] };

		for (d.nr = 0; d.nr < SYSCALLS_MAX && r == 0 && d.arch != p->t->arch; d.nr++)
			r = try(p, &d);
	}
	return r;
}

/* One value of one argument, alone, one off, and with bits that the kernel does not look at. */
static int prove_near(
	const struct proof *p, struct seccomp_data *d, const struct syscall_arg *a, uint64_t v)
{
	const uint64_t mask = syscall_arg_mask(a);
	const uint64_t near[] = { v, v + 1, v - 1, ~v };
	int r = 0;

	for (size_t i = 0; i < sizeof(near) / sizeof(*near) && r == 0; i++) {
		d->args[a->index] = near[i] & mask;
		r = try(p, d);
		if (r == 0) {
			d->args[a->index] = near[i] | ~mask;
			r = try(p, d);
		}
	}
	for (int bit = a->bits; bit < 64 && r == 0; bit++) {
		d->args[a->index] = (v & mask) | UINT64_C(1) << bit;
		r = try(p, d);
	}
	return r;
}

static int prove_arg(const struct proof *p, struct seccomp_data *d, const struct arg_rule *rule)
{
	uint64_t before = d->args[rule->arg->index];
	int r = prove_near(p, d, rule->arg, 0);

	for (size_t i = 0; i < rule->n_values && r == 0; i++)
		r = prove_near(p, d, rule->arg, rule->values[i]);
	for (int bit = 0; bit < rule->arg->bits && r == 0; bit++)
		r = prove_near(p, d, rule->arg, UINT64_C(1) << bit);
	d->args[rule->arg->index] = before;
	return r;
}

/* Everything about `rule` while another argument of the call, that of `outer`, has one value. */
static int prove_with(const struct proof *p, const struct arg_rule *rule,
	const struct arg_rule *outer, uint64_t value, int n)
{
	struct seccomp_data d = { .nr = n, .arch = p->t->arch };
	int r;

	d.args[outer->arg->index] = value;
	r = prove_arg(p, &d, rule);
	if (r < 0 || !rule->selector)
		return r;
	d.args[rule->selector->index] = rule->selected;
	r = prove_arg(p, &d, rule);
	if (r < 0 || rule->selector->bits == 64)
		return r;
	d.args[rule->selector->index] |= UINT64_C(1) << rule->selector->bits;
	return prove_arg(p, &d, rule);
}

/* Rules of one call must not disturb each other, whatever the other's argument is. */
static int prove_pair(
	const struct proof *p, const struct arg_rule *rule, const struct arg_rule *outer, int n)
{
	int r = prove_with(p, rule, outer, 0, n);

	if (rule == outer)
		return r;
	if (r == 0)
		r = prove_with(p, rule, outer, UINT64_MAX, n);
	for (size_t i = 0; i < outer->n_values && r == 0; i++)
		r = prove_with(p, rule, outer, outer->values[i], n);
	return r;
}

int filter_prove(const struct filter *f, const struct verdict_table *t, const void *file,
	size_t len, struct err *e)
{
	const struct proof p = { .f = f, .t = t, .file = file, .e = e };
	int r;

	r = program_check(file, len);
	if (r < 0)
		return err_set(e, -r, "not a program");
	r = prove_numbers(&p);
	if (r == 0)
		r = prove_other_arches(&p);
	for (size_t i = 0; i < f->n_args && r == 0; i++) {
		int n = t->rule_call[i];

		for (size_t j = 0; j < f->n_args && r == 0 && n >= 0; j++)
			if (t->rule_call[j] == n)
				r = prove_pair(&p, &f->args[i], &f->args[j], n);
	}
	return r;
}
