#ifndef CARREL_TEST_FILTERED_CHILD_H
#define CARREL_TEST_FILTERED_CHILD_H

/* For tests that execute something under a compiled filter: only ever in a child. */

#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/public/program.h"

/* In a child: attach, or die by a status that no test expects. */
static inline void confine_self(int program_fd)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || program_attach(program_fd) < 0)
		_exit(250);
}

static inline int wait_status(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

#endif
