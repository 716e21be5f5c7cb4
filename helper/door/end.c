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

void all_end(const sigset_t *set)
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
		while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
			continue;
		if (is_empty())
			break;
		(void)sigtimedwait(set, NULL, &step);
	}
}
