/*
 * carrel-init - pid 1 of a container: reaps, and ends the container when told to.
 *
 * Trust:  runs as root of the container, inside all its namespaces. Everything inside may send it
 *         signals; the kernel gives pid 1 only those it asked for, and it asks for SIGCHLD and
 *         SIGTERM alone.
 * In:     no arguments, no environment; at GO_FD one byte when it may begin, and the end of it
 *         when whoever builds the container is gone before that.
 * Order:  SIGTERM, then SIGHUP, SIGTERM and SIGCONT to all, 1 s at most, exit; the kernel kills who
 *         is left.
 * Fails:  once it has begun, never exits unless told to: with pid 1 the whole container goes.
 * Links:  init.c end.c sys.c; static, no C library.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/door/end.h"

#define GO_FD 3

static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		continue;
}

int main(void)
{
	sigset_t all, set;
	char go;

	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	(void)prctl(PR_SET_NAME, "carrel-init", 0L, 0L, 0L);
	/*
	 * Blocked, a signal waits for sigtimedwait() although pid 1 would not have got it; from before
	 * the word on, as the container may be told to end right after that.
	 */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	if (read(GO_FD, &go, 1) != 1)
		return 1;
	(void)close_range(0, UINT_MAX, 0);
	(void)chdir("/");
	for (int sig = 1; sig < _NSIG; sig++) {
		const struct sigaction dfl = { .sa_handler = SIG_DFL };

		(void)sigaction(sig, &dfl, NULL);
	}

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);

	for (;;) {
		reap();
		if (sigtimedwait(&set, NULL, NULL) == SIGTERM)
			break;
	}
	(void)all_end(&set, END_HANG_UP, 0);
	return 0;
}
