#ifndef CARREL_TEST_LOADED_H
#define CARREL_TEST_LOADED_H

/* The filter of a running process, as the kernel has it. Needs root, and no filter of one's own. */

#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "policy/base/err.h"

/* Number 0 is the first that was loaded; a process with more than one is not what is asked for. */
static inline int loaded_read(pid_t pid, struct sock_filter **ret, size_t *ret_n, struct err *e)
{
	struct sock_filter *insns = NULL;
	long n;
	int status;

	if (ptrace(PTRACE_ATTACH, pid, 0, 0) < 0)
		return err_set(e, errno, "attach to process %d: %s", (int)pid, strerror(errno));
	if (waitpid(pid, &status, __WALL) < 0 || !WIFSTOPPED(status))
		return err_set(e, ESRCH, "process %d does not stop", (int)pid);
	n = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, 0, NULL);
	if (n < 0)
		return err_set(e, errno, "the filter of process %d: %s", (int)pid, strerror(errno));
	if (ptrace(PTRACE_SECCOMP_GET_FILTER, pid, 1, NULL) >= 0)
		return err_set(e, EINVAL, "process %d has more filters than one", (int)pid);
	insns = calloc((size_t)n, sizeof(*insns));
	if (!insns)
		return err_set(e, ENOMEM, "out of memory");
	n = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, 0, insns);
	if (n < 0) {
		free(insns);
		return err_set(e, errno, "the filter of process %d: %s", (int)pid, strerror(errno));
	}
	(void)ptrace(PTRACE_DETACH, pid, 0, 0);
	*ret = insns;
	*ret_n = (size_t)n;
	return 0;
}

#endif
