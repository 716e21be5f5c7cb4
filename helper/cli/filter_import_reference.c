/*
 * filter_import_reference - one call's rules as libseccomp compiles them.
 *
 * Rules of different actions that hold at once are no error to libseccomp: the order of the tree it
 * builds decides, and nothing documents that order. So libseccomp itself is asked. There are rules
 * for which it never comes back, hence the child.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/cli/filter_import.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/io.h"
#include "policy/bpf_eval.h"

#define SECONDS_MAX 5
#define PROGRAM_MAX (BPF_MAXINSNS * sizeof(struct sock_filter))

static uint32_t library_action(struct import_action a)
{
	switch (a.kind) {
	case CALL_ALLOW:
		return SCMP_ACT_ALLOW;
	case CALL_LOG:
		return SCMP_ACT_LOG;
	case CALL_REFUSE:
		return SCMP_ACT_ERRNO((uint32_t)a.error);
	default:
		return SCMP_ACT_KILL_PROCESS;
	}
}

static int rule_hand_over(scmp_filter_ctx ctx, int number, const struct import_rule *rule)
{
	static const enum scmp_compare ops[] = {
		[OP_NE] = SCMP_CMP_NE,
		[OP_LT] = SCMP_CMP_LT,
		[OP_LE] = SCMP_CMP_LE,
		[OP_EQ] = SCMP_CMP_EQ,
		[OP_GE] = SCMP_CMP_GE,
		[OP_GT] = SCMP_CMP_GT,
		[OP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
	};
	struct scmp_arg_cmp conds[CALL_ARGS] = { 0 };

	for (size_t i = 0; i < rule->n_conds; i++) {
		conds[i].arg = rule->conds[i].arg;
		conds[i].op = ops[rule->conds[i].op];
		conds[i].datum_a = rule->conds[i].value;
		conds[i].datum_b = rule->conds[i].second;
	}
	return seccomp_rule_add_array(
		ctx, library_action(rule->action), number, (unsigned)rule->n_conds, conds);
}

/* In the child: the program into fd; a positive errno. */
static int program_write(const struct import_call *c, uint32_t arch, int number, int fd)
{
	scmp_filter_ctx ctx = seccomp_init(library_action(c->otherwise));
	int r;

	if (!ctx)
		return ENOMEM;
	if (arch != seccomp_arch_native() && (seccomp_arch_remove(ctx, seccomp_arch_native()) < 0 ||
						     seccomp_arch_add(ctx, arch) < 0))
		return EINVAL;
	for (size_t i = 0; i < c->n_rules; i++) {
		/* Both runtimes drop rules that only say what holds anyway. */
		if (import_action_verdict(c->rules[i].action) ==
			import_action_verdict(c->otherwise))
			continue;
		r = rule_hand_over(ctx, number, &c->rules[i]);
		if (r < 0)
			return -r;
	}
	r = seccomp_export_bpf(ctx, fd);
	seccomp_release(ctx);
	return -r;
}

static int child_outcome(pid_t pid, const char *call, struct err *e)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(e, errno, "wait for libseccomp: %s", strerror(errno));
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		return err_set(
			e, EINVAL, "libseccomp does not finish with these rules of %s", call);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EEXIST)
		return err_set(e, EINVAL,
			"two rules of %s say different things under the same conditions; runc and "
			"crun "
			"refuse that",
			call);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(e, EINVAL, "libseccomp refuses the rules of %s%s%s", call,
			WIFEXITED(status) ? ": " : "",
			WIFEXITED(status) ? strerror(WEXITSTATUS(status)) : "");
	return 0;
}

int reference_build(
	const struct import_call *c, uint32_t arch, struct reference *ret, struct err *e)
{
	_cleanup_fd_ int fd = memfd_create("carrel-reference", MFD_CLOEXEC);
	_cleanup_free_ char *program = NULL;
	int number = syscall_number(arch, c->name), r;
	size_t len;
	pid_t pid;

	if (fd < 0)
		return err_set(e, errno, "memfd_create: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		return err_set(e, errno, "fork: %s", strerror(errno));
	if (pid == 0) {
		(void)alarm(SECONDS_MAX);
		_exit(program_write(c, arch, number, fd));
	}
	r = child_outcome(pid, c->name, e);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "lseek: %s", strerror(errno));
	r = fd_read_all(fd, PROGRAM_MAX, &program, &len, e);
	if (r < 0)
		return r;
	ret->insns = (void *)ptr_take(&program);
	ret->n = len / sizeof(struct sock_filter);
	ret->arch = arch;
	ret->number = number;
	return 0;
}

uint32_t reference_verdict(const struct reference *r, const uint64_t args[static CALL_ARGS])
{
	struct seccomp_data d = { .nr = r->number, .arch = r->arch };

	memcpy(d.args, args, sizeof(d.args));
	return bpf_eval(r->insns, r->n, &d);
}

void reference_done(struct reference *r)
{
	free(r->insns);
	r->insns = NULL;
}

bool reference_knows(const char *call, uint32_t arch)
{
	return seccomp_syscall_resolve_name_arch(arch, call) != __NR_SCMP_ERROR;
}

void reference_version(char buf[static REFERENCE_VERSION_MAX])
{
	const struct scmp_version *v = seccomp_version();

	(void)snprintf(buf, REFERENCE_VERSION_MAX, "libseccomp %u.%u.%u", v->major, v->minor, v->micro);
}
