#include "helper/denials/blame.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>

#include "policy/filter_rules.h"

/* The action of a rule that the kernel records with this code. False: no rule of ours has it. */
static bool action_of(uint32_t code, enum call_action *ret)
{
	switch (code) {
	case SECCOMP_RET_ERRNO:
		*ret = CALL_REFUSE;
		return true;
	case SECCOMP_RET_KILL_PROCESS:
		*ret = CALL_KILL;
		return true;
	case SECCOMP_RET_LOG:
		*ret = CALL_LOG;
		return true;
	}
	return false;
}

static void blame_rules(const struct filter *f, const struct verdict_table *t, int32_t call, enum call_action action,
	struct blame *ret)
{
	for (size_t i = 0; i < f->n_args && ret->n_rules < BLAME_RULES_MAX; i++) {
		const struct arg_rule *rule = &f->args[i];

		if (t->rule_call[i] != call || rule->action != action || (rule->n_values == 0 && !rule->exclude))
			continue;
		ret->error = ret->n_rules == 0 || ret->error == rule->error ? rule->error : 0;
		ret->rules[ret->n_rules++] = rule;
	}
	if (ret->n_rules)
		ret->kind = BLAME_RULES;
}

void blame_find(const struct filter *f, const struct verdicts *v, uint32_t arch, int32_t call, uint32_t code, struct blame *ret)
{
	const struct verdict_table *t = NULL;
	const struct call_verdict *c;
	enum call_action action;

	*ret = (struct blame){ .kind = BLAME_NOTHING };
	if (!action_of(code, &action))
		return;
	for (size_t i = 0; i < v->n; i++)
		if (v->abi[i].arch == arch)
			t = &v->abi[i];
	if (!t || (arch == AUDIT_ARCH_X86_64 && call >= 0 && (uint32_t)call >= X32_FIRST)) {
		ret->kind = action == CALL_KILL ? BLAME_ABI : BLAME_NOTHING;
		return;
	}
	if (call < 0 || call >= SYSCALLS_MAX || t->call[call].quiet)
		return;
	c = &t->call[call];
	if (c->action == action) {
		ret->kind = BLAME_CALL;
		ret->error = action == CALL_REFUSE ? c->error : 0;
		ret->at = c->at;
		return;
	}
	/* Rules judge what is allowed, logged or not. */
	if (c->action == CALL_ALLOW || c->action == CALL_LOG)
		blame_rules(f, t, call, action, ret);
}
