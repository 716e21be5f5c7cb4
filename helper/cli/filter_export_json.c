/*
 * filter_export_json - a resolved filter as a seccomp profile for Docker and OCI runtimes.
 *
 * What the runtimes' libseccomp compiles without fault, and nothing else: conjunctions of masked
 * equalities, no two of which hold at once. A mask keeps the comparison to the bits that the kernel
 * looks at.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "helper/cli/filter_export.h"
#include "policy/base/err.h"

struct writing {
	const struct filter *f;
	const struct verdict_table *t;
	FILE *out;
	bool begun; /* a rule was written */
};

/* Numbers that nobody knows, and so everything that is ENOSYS anyway. */
#define DEFAULT_VERDICT (SECCOMP_RET_ERRNO | ENOSYS)

static void action_put(FILE *out, uint32_t verdict)
{
	switch (verdict & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		(void)fputs("\"action\": \"SCMP_ACT_ALLOW\"", out);
		break;
	case SECCOMP_RET_LOG:
		(void)fputs("\"action\": \"SCMP_ACT_LOG\"", out);
		break;
	case SECCOMP_RET_ERRNO:
		(void)fprintf(out, "\"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": %u",
			verdict & SECCOMP_RET_DATA);
		break;
	default:
		(void)fputs("\"action\": \"SCMP_ACT_KILL_PROCESS\"", out);
		break;
	}
}

static void rule_begin(struct writing *p)
{
	(void)fputs(p->begun ? ",\n\t\t{\n" : "\n\t\t{\n", p->out);
	p->begun = true;
}

static bool ruled(const struct writing *p, int number)
{
	for (size_t i = 0; i < p->f->n_args; i++)
		if (p->t->rule_call[i] == number)
			return true;
	return false;
}

/* All calls that have this verdict whatever their arguments are: one rule. */
static void names_put(struct writing *p, uint32_t verdict)
{
	char name[SYSCALL_NAME_MAX];
	int count = 0;

	for (int n = 0; n < SYSCALLS_MAX; n++) {
		if (!syscall_name(p->t->arch, n, name) || ruled(p, n) ||
			call_action_verdict(p->t->call[n].action, p->t->call[n].error) != verdict)
			continue;
		if (count == 0) {
			rule_begin(p);
			(void)fputs("\t\t\t\"names\": [", p->out);
		}
		(void)fprintf(p->out, "%s\n\t\t\t\t\"%s\"", count++ ? "," : "", name);
	}
	if (count == 0)
		return;
	(void)fputs("\n\t\t\t],\n\t\t\t", p->out);
	action_put(p->out, verdict);
	(void)fputs("\n\t\t}", p->out);
}

static void region_put(struct writing *p, const char *name, const struct region *r)
{
	const char *comma = "";

	rule_begin(p);
	(void)fprintf(p->out, "\t\t\t\"names\": [\"%s\"],\n\t\t\t", name);
	action_put(p->out, r->verdict);
	(void)fputs(",\n\t\t\t\"args\": [", p->out);
	for (int i = 0; i < REGION_ARGS; i++) {
		const struct match *m = &r->args[i];

		if (m->mask == UINT64_MAX)
			(void)fprintf(p->out,
				"%s\n\t\t\t\t{ \"index\": %d, \"value\": %llu, \"op\": "
				"\"SCMP_CMP_EQ\" }",
				comma, i, (unsigned long long)m->value);
		else if (m->mask)
			(void)fprintf(p->out,
				"%s\n\t\t\t\t{ \"index\": %d, \"value\": %llu, \"valueTwo\": %llu, "
				"\"op\": \"SCMP_CMP_MASKED_EQ\" }",
				comma, i, (unsigned long long)m->mask,
				(unsigned long long)m->value);
		else
			continue;
		comma = ",";
	}
	(void)fputs("\n\t\t\t]\n\t\t}", p->out);
}

static int ruled_put(struct writing *p, struct err *e)
{
	char name[SYSCALL_NAME_MAX];

	for (int n = 0; n < SYSCALLS_MAX; n++) {
		struct regions r;

		if (!ruled(p, n) || !syscall_name(p->t->arch, n, name))
			continue;
		if (regions_cut(p->f, p->t, n, &r) < 0)
			return err_set(e, E2BIG,
				"the argument rules of %s need too many rules there", name);
		for (size_t i = 0; i < r.n; i++)
			if (r.v[i].verdict != DEFAULT_VERDICT)
				region_put(p, name, &r.v[i]);
		regions_done(&r);
	}
	return 0;
}

static void head_put(const struct writing *p, enum export_form form)
{
	const char *arch = p->t->arch == AUDIT_ARCH_X86_64    ? "SCMP_ARCH_X86_64"
			   : p->t->arch == AUDIT_ARCH_AARCH64 ? "SCMP_ARCH_AARCH64"
							      : "SCMP_ARCH_X86";

	(void)fprintf(p->out,
		"{\n\t\"defaultAction\": \"SCMP_ACT_ERRNO\",\n\t\"defaultErrnoRet\": %d,\n",
		ENOSYS);
	if (form == EXPORT_DOCKER)
		(void)fprintf(p->out,
			"\t\"archMap\": [{ \"architecture\": \"%s\", \"subArchitectures\": [] "
			"}],\n",
			arch);
	else
		(void)fprintf(p->out, "\t\"architectures\": [\"%s\"],\n", arch);
	(void)fputs("\t\"syscalls\": [", p->out);
}

int export_json(const struct filter *f, const struct verdicts *v, enum export_form form, FILE *out,
	FILE *report, struct err *e)
{
	struct writing p = { .f = f, .t = &v->abi[0], .out = out };
	uint32_t done[SYSCALLS_MAX];
	size_t n_done = 0;
	int r;

	head_put(&p, form);
	for (int n = 0; n < SYSCALLS_MAX; n++) {
		const struct call_verdict *call = &p.t->call[n];
		uint32_t verdict = call_action_verdict(call->action, call->error);
		size_t i = 0;

		while (i < n_done && done[i] != verdict)
			i++;
		if (i < n_done || verdict == DEFAULT_VERDICT)
			continue;
		done[n_done++] = verdict;
		names_put(&p, verdict);
	}
	r = ruled_put(&p, e);
	(void)fputs("\n\t]\n}\n", out);
	if (v->n > 1)
		(void)fputs("not said: the i386 ABI\n", report);
	return r;
}
