/*
 * carrel-init - pid 1 of a container: reaps, and ends the container when told to.
 *
 * Trust:  runs as root of the container, inside all its namespaces. Everything inside may send it
 *         signals; the kernel gives pid 1 only those it asked for, and it asks for SIGCHLD and
 *         SIGTERM alone.
 * In:     nothing: no arguments, no environment, no descriptors.
 * Order:  SIGTERM, then SIGHUP, SIGCONT and SIGTERM to all, 1 s at most, exit; the kernel kills who
 *         is left.
 * Fails:  never exits unless told to: with pid 1 the whole container goes.
 * Links:  init.c sys.c; static, no C library.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define END_WAIT_MS 1000 /* a new login waits for the end of the old container, 1.8 s at most */
#define END_STEP_MS 20

static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		continue;
}

/*
 * All but pid 1 are gone. Those whose parent stands outside count too, and no SIGCHLD tells of
 * them.
 */
static bool is_empty(void)
{
	return kill(-1, 0) < 0 && errno == ESRCH;
}

static void end_all(const sigset_t *set)
{
	const struct timespec step = { 0, END_STEP_MS * 1000000L };

	/*
	 * Interactive shells do not mind SIGTERM, but they end on SIGHUP; who is stopped must wake
	 * up to end.
	 */
	(void)kill(-1, SIGHUP);
	(void)kill(-1, SIGCONT);
	(void)kill(-1, SIGTERM);

	for (int waited = 0; waited < END_WAIT_MS; waited += END_STEP_MS) {
		reap();
		if (is_empty())
			break;
		(void)sigtimedwait(set, NULL, &step);
	}
}

int main(void)
{
	sigset_t all, set;

	(void)close_range(0, UINT_MAX, 0);
	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	(void)prctl(PR_SET_NAME, "carrel-init", 0L, 0L, 0L);
	(void)chdir("/");
	for (int sig = 1; sig < _NSIG; sig++) {
		const struct sigaction dfl = { .sa_handler = SIG_DFL };

		(void)sigaction(sig, &dfl, NULL);
	}

	/* Blocked, a signal waits for sigtimedwait() although pid 1 would not have got it. */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);

	for (;;) {
		reap();
		if (sigtimedwait(&set, NULL, NULL) == SIGTERM)
			break;
	}
	end_all(&set);
	return 0;
}
