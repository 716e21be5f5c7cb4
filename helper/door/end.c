/*
 * The end of a container, as its pid 1 brings it about.
 */
#include "helper/door/end.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>

#define END_WAIT_MS 1000 /* a new login waits for the end of the old container, 1.8 s at most */
#define END_STEP_MS 20

/*
 * All but pid 1 are gone. Those whose parent stands outside count too, and no SIGCHLD tells of
 * them.
 */
static bool is_empty(void)
{
	return kill(-1, 0) < 0 && errno == ESRCH;
}

int64_t end_clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int all_end(const sigset_t *set, enum end_how how, pid_t pid)
{
	const struct timespec step = { 0, END_STEP_MS * 1000000L };
	int64_t begun_ms = end_clock_ms(), waited_ms = 0;
	bool is_hung_up = how == END_HANG_UP;
	int status = -1, one;
	pid_t who;

	/*
	 * Interactive shells do not mind SIGTERM, but they end on SIGHUP; who is stopped must wake
	 * up to end. Whoever has a handler for SIGTERM needs time before the hang-up.
	 */
	if (is_hung_up)
		(void)kill(-1, SIGHUP);
	(void)kill(-1, SIGTERM);
	(void)kill(-1, SIGCONT);

	for (; waited_ms < END_WAIT_MS; waited_ms = end_clock_ms() - begun_ms) {
		while ((who = waitpid(-1, &one, WNOHANG | __WALL)) > 0)
			if (who == pid)
				status = one;
		if (is_empty())
			break;
		if (!is_hung_up && waited_ms >= END_WAIT_MS / 2) {
			(void)kill(-1, SIGHUP);
			is_hung_up = true;
		}
		(void)sigtimedwait(set, NULL, &step);
	}
	return status;
}
