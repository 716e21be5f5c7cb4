/*
 * filter - what the rules of a filter mean: for every call number of an ABI, and for one call.
 *
 * A file's lines stand in order and the later one wins. What a filter does not mention: known calls
 * are refused with EPERM, so that the refusal is heard of; numbers newer than this program are
 * ENOSYS, for which every libc has a way out.
 */
#include "policy/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "policy/filter_rules.h"

static bool applies(uint32_t line_arch, uint32_t arch)
{
	return !line_arch || line_arch == arch;
}

static void call_set(struct call_verdict *v, const struct call_line *line)
{
	v->known = true;
	v->action = line->action;
	v->error = line->error;
	v->at = &line->at;
}

static void calls_resolve(const struct filter *f, struct verdict_table *t)
{
	for (size_t i = 0; i < f->n_calls; i++) {
		const struct call_line *line = &f->calls[i];
		bool all = strcmp(line->name, "@known") == 0;
		int number;

		if (!applies(line->arch, t->arch))
			continue;
		for (int n = 0; n < SYSCALLS_MAX && all; n++)
			if (t->call[n].known)
				call_set(&t->call[n], line);
		number = all ? -1 : syscall_number(t->arch, line->name);
		if (number >= 0)
			call_set(&t->call[number], line);
	}
}

bool arg_rule_same_subject(const struct arg_rule *a, const struct arg_rule *b)
{
	return a->arg == b->arg && a->selector == b->selector && a->selected == b->selected;
}

/* Is rule i the last word on its subject, and does it say anything? */
static bool rule_counts(const struct filter *f, size_t i, uint32_t arch)
{
	const struct arg_rule *rule = &f->args[i];

	for (size_t j = i + 1; j < f->n_args; j++)
		if (applies(f->args[j].arch, arch) && arg_rule_same_subject(&f->args[j], rule))
			return false;
	return applies(rule->arch, arch) && rule->n_values + rule->n_quiet > 0;
}

static void rules_resolve(const struct filter *f, struct verdict_table *t)
{
	for (size_t i = 0; i < f->n_args; i++) {
		int n = syscall_number(t->arch, f->args[i].arg->call);

		if (n >= 0 && (t->call[n].action < CALL_LOG || !rule_counts(f, i, t->arch)))
			n = -1;
		t->rule_call[i] = n < 0 ? -1 : n;
	}
}

/*
 * clone3's flags lie in memory, where no filter can look; callers take clone when it is not there.
 */
static void hide_clone3(const struct filter *f, struct verdict_table *t)
{
	int clone = syscall_number(t->arch, "clone"), clone3 = syscall_number(t->arch, "clone3");
	bool filtered = false;

	for (size_t i = 0; i < f->n_args; i++)
		filtered |= clone >= 0 && t->rule_call[i] == clone;
	if (filtered && clone3 >= 0 && t->call[clone3].action >= CALL_LOG) {
		t->call[clone3].action = CALL_REFUSE;
		t->call[clone3].error = ENOSYS;
	}
}

static void divide(struct verdict_table *t)
{
	int seccomp = syscall_number(t->arch, "seccomp");

	for (int n = 0; n < SYSCALLS_MAX; n++)
		t->call[n].quiet = t->call[n].action == CALL_REFUSE && t->call[n].error == ENOSYS;
	/* Attached first, the loud program must not keep the quiet one out. */
	if (seccomp >= 0)
		t->call[seccomp].quiet = true;
}

static void table_resolve(const struct filter *f, uint32_t arch, struct verdict_table *ret)
{
	char name[SYSCALL_NAME_MAX];

	*ret = (struct verdict_table){ .arch = arch };
	for (int n = 0; n < SYSCALLS_MAX; n++) {
		struct call_verdict *v = &ret->call[n];

		v->known = syscall_name(arch, n, name) != NULL;
		v->action = CALL_REFUSE;
		v->error = v->known ? EPERM : ENOSYS;
	}
	calls_resolve(f, ret);
	rules_resolve(f, ret);
	hide_clone3(f, ret);
	divide(ret);
}

void filter_resolve(const struct filter *f, uint32_t arch, struct verdicts *ret)
{
	uint32_t own = arch ? arch : syscall_native_arch();

	ret->n = 1;
	table_resolve(f, own, &ret->abi[0]);
	if (f->i386 && own == AUDIT_ARCH_X86_64)
		table_resolve(f, AUDIT_ARCH_I386, &ret->abi[ret->n++]);
}

static bool meets(const struct match *m, size_t n, uint64_t value)
{
	for (size_t i = 0; i < n; i++)
		if ((value & m[i].mask) == m[i].value)
			return true;
	return false;
}

bool arg_rule_hits(const struct arg_rule *rule, const uint64_t call_args[6], bool *ret_quiet)
{
	uint64_t value = call_args[rule->arg->index] & syscall_arg_mask(rule->arg);

	*ret_quiet = false;
	if (rule->selector && (call_args[rule->selector->index] &
				      syscall_arg_mask(rule->selector)) != rule->selected)
		return false;
	*ret_quiet = meets(rule->quiet, rule->n_quiet, value);
	if (*ret_quiet)
		return true;
	if (rule->n_values == 0)
		return false;
	return meets(rule->values, rule->n_values, value) == rule->exclude;
}

uint32_t call_action_verdict(enum call_action action, int error)
{
	switch (action) {
	case CALL_REFUSE:
		return SECCOMP_RET_ERRNO | (uint32_t)error;
	case CALL_LOG:
		return SECCOMP_RET_LOG;
	case CALL_ALLOW:
		return SECCOMP_RET_ALLOW;
	case CALL_KILL:
		break;
	}
	return SECCOMP_RET_KILL_PROCESS;
}

/*
 * The first rule that is broken decides; but quiet values before all others, as the quiet program
 * is the newer one.
 */
static uint32_t args_verdict(const struct filter *f, const struct verdict_table *t, int number,
	const uint64_t call_args[6], uint32_t verdict, const struct origin **at)
{
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < f->n_args; i++) {
			const struct arg_rule *rule = &f->args[i];
			bool quiet;

			if (t->rule_call[i] != number || !arg_rule_hits(rule, call_args, &quiet) ||
				quiet != (pass == 0))
				continue;
			*at = &rule->at;
			if (rule->action != CALL_LOG)
				return call_action_verdict(rule->action, rule->error);
			if (!quiet)
				verdict = SECCOMP_RET_LOG;
		}
	}
	return verdict;
}

static uint32_t number_verdict(const struct filter *f, const struct verdict_table *t,
	const struct seccomp_data *data, const struct origin **at)
{
	uint32_t n = (uint32_t)data->nr, verdict;
	uint64_t call_args[6];

	/* Above lies x32; but -1 is a call that a tracer has taken back. */
	if (t->arch == AUDIT_ARCH_X86_64 && n >= X32_FIRST && data->nr != -1)
		return SECCOMP_RET_KILL_PROCESS;
	if (n >= SYSCALLS_MAX)
		return SECCOMP_RET_ERRNO | ENOSYS;
	*at = t->call[n].at;
	verdict = call_action_verdict(t->call[n].action, t->call[n].error);
	memcpy(call_args, data->args, sizeof(call_args));
	return t->call[n].action < CALL_LOG ? verdict
					    : args_verdict(f, t, data->nr, call_args, verdict, at);
}

uint32_t filter_verdict(const struct filter *f, const struct verdicts *v,
	const struct seccomp_data *data, const struct origin **ret_at)
{
	uint32_t verdict = SECCOMP_RET_KILL_PROCESS;
	const struct origin *at = NULL;

	for (size_t i = 0; i < v->n; i++)
		if (v->abi[i].arch == data->arch)
			verdict = number_verdict(f, &v->abi[i], data, &at);
	if (ret_at)
		*ret_at = at;
	return verdict;
}
