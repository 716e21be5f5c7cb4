/*
 * What our own compiler makes of rules beside what libseccomp makes of the same rules, told to it in the shapes that it is
 * known to get right: single comparisons under a mask, one rule at a time. The proof that every program goes through
 * shares the reading of the rules with the compiler; this does not.
 */

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "helper/public/program.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/bpf_eval.h"
#include "policy/filter.h"
#include "policy/filter_rules.h"
#include "tests/lib/test.h"

static const char *const names[] = { "default", "login", "root", "strict", "hpc", "nested", "observe" };
#define N_NAMES (sizeof(names) / sizeof(*names))

static struct filter *load(const char *name)
{
	const char *src = getenv("CARREL_SRCDIR");
	struct filter *f = NULL;
	const char *dirs[1];
	struct err e;
	char dir[4096];

	(void)snprintf(dir, sizeof(dir), "%s/etc/filters", src ? src : ".");
	dirs[0] = dir;
	if (filter_load(dirs, 1, name, FILTER_ROOT_INSIDE, &f, &e) < 0)
		test_fail(__FILE__, __LINE__, e.text);
	return f;
}

static uint32_t action_of(enum call_action action, int error)
{
	switch (action) {
	case CALL_REFUSE:
		return SCMP_ACT_ERRNO((uint32_t)error);
	case CALL_LOG:
		return SCMP_ACT_LOG;
	case CALL_ALLOW:
		return SCMP_ACT_ALLOW;
	case CALL_KILL:
		break;
	}
	return SCMP_ACT_KILL_PROCESS;
}

struct program {
	struct sock_filter insns[PROGRAM_INSNS];
	size_t n;
};

static void export(scmp_filter_ctx ctx, struct program *ret)
{
	_cleanup_fd_ int fd = memfd_create("oracle", MFD_CLOEXEC);
	ssize_t n;

	CHECK_EQ(seccomp_export_bpf(ctx, fd), 0);
	n = pread(fd, ret->insns, sizeof(ret->insns), 0);
	CHECK(n > 0);
	ret->n = n > 0 ? (size_t)n / sizeof(struct sock_filter) : 0;
	seccomp_release(ctx);
}

static void numbers(const struct filter *f, const struct verdict_table *t, const void *file)
{
	static struct program oracle;
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	struct seccomp_data d = { .arch = t->arch };
	bool args[SYSCALLS_MAX] = { false };
	int compared = 0;

	for (size_t i = 0; i < f->n_args; i++)
		if (t->rule_call[i] >= 0)
			args[t->rule_call[i]] = true;
	for (int n = 0; n < SYSCALLS_MAX; n++) {
		uint32_t action = action_of(t->call[n].action, t->call[n].error);

		if (action != SCMP_ACT_ERRNO(ENOSYS))
			CHECK_EQ(seccomp_rule_add(ctx, action, n, 0), 0);
	}
	export(ctx, &oracle);
	for (d.nr = 0; d.nr < SYSCALLS_MAX; d.nr++) {
		if (args[d.nr])
			continue;
		compared++;
		if (bpf_eval(oracle.insns, oracle.n, &d) != bpf_eval_file(file, &d))
			CHECK_EQ(d.nr, -1);
	}
	CHECK(compared > 400);
}

/* A filter of this rule alone. */
static int compare_rule(const struct arg_rule *rule, int number)
{
	static struct program oracle;
	char name[] = "one";
	struct call_line line = { .action = CALL_ALLOW };
	struct arg_rule only = *rule;
	struct filter f = { .name = name, .calls = &line, .n_calls = 1, .args = &only, .n_args = 1 };
	uint32_t kept = SCMP_ACT_ALLOW, broken = action_of(rule->action, rule->error);
	struct seccomp_data d = { .arch = syscall_native_arch(), .nr = number };
	_cleanup_free_ void *file = NULL;
	scmp_filter_ctx ctx;
	struct err e;
	size_t len;
	int tried = 0;

	(void)snprintf(line.name, sizeof(line.name), "%s", rule->arg->call);
	only.n_quiet = 0;
	if (filter_compile(&f, 0, &file, &len, &e) < 0) {
		test_fail(__FILE__, __LINE__, e.text);
		return 0;
	}
	ctx = seccomp_init(rule->exclude ? kept : broken);
	for (size_t i = 0; i < rule->n_values; i++) {
		const struct match *m = &rule->values[i];

		CHECK_EQ(seccomp_rule_add(ctx, rule->exclude ? broken : kept, number, 1,
				 SCMP_CMP64(rule->arg->index, SCMP_CMP_MASKED_EQ, m->mask, m->value)),
			0);
	}
	export(ctx, &oracle);
	if (rule->selector)
		d.args[rule->selector->index] = rule->selected;
	for (size_t i = 0; i < rule->n_values; i++) {
		for (int bit = -1; bit < 64; bit++, tried++) {
			uint64_t flip = bit < 0 ? 0 : UINT64_C(1) << bit;

			d.args[rule->arg->index] = rule->values[i].value ^ flip;
			if (bpf_eval(oracle.insns, oracle.n, &d) != bpf_eval_file(file, &d))
				test_fail(__FILE__, __LINE__, rule->arg->call);
		}
	}
	return tried;
}

static void shipped_filters_are_what_libseccomp_makes_of_them(void)
{
	int tried = 0;

	for (size_t i = 0; i < N_NAMES; i++) {
		_cleanup_(filter_cleanup) struct filter *f = load(names[i]);
		_cleanup_free_ struct verdicts *v = malloc(sizeof(*v));
		_cleanup_free_ void *file = NULL;
		struct err e;
		size_t len;

		if (!f || !v || filter_compile(f, 0, &file, &len, &e) < 0) {
			test_fail(__FILE__, __LINE__, names[i]);
			continue;
		}
		filter_resolve(f, 0, v);
		numbers(f, &v->abi[0], file);
		for (size_t j = 0; j < f->n_args; j++)
			if (v->abi[0].rule_call[j] >= 0 && f->args[j].n_values > 0)
				tried += compare_rule(&f->args[j], v->abi[0].rule_call[j]);
	}
	CHECK(tried > 1000);
}

int main(void)
{
	TEST(shipped_filters_are_what_libseccomp_makes_of_them);
	return test_done();
}
