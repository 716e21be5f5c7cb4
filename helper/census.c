/*
 * census - the child that finds out whether anything still lives in a container.
 *
 * Trust:  runs as root of the container, in its pid namespace, for one system call.
 * Order:  kill(-1, 0) reaches everybody in the caller's pid namespace but the caller and pid 1 (kill(2)), so the question is
 *         exact: also for processes whose parent is outside and which pid 1 therefore never sees die.
 * Fails:  silently: nobody is declared gone by mistake.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/public/message.h"
#include "helper/worker.h"

int census_child(const struct task *t)
{
	struct note n = { .word = WORD_EMPTY };
	int status = 0, pidfd = registry_pidfd(&server.registry, t->container);
	pid_t pid;

	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (pidfd < 0 || setns(pidfd, CLONE_NEWUSER | CLONE_NEWPID) < 0 || setresuid(0, 0, 0) < 0)
		return 1;
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	pid = fork();
	if (pid == 0)
		_exit(kill(-1, 0) < 0 && errno == ESRCH ? 0 : 1);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return 1;
	return message_send(t->main_fd, &n, sizeof(n), NULL, 0) < 0;
}
