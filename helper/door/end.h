#ifndef CARREL_DOOR_END_H
#define CARREL_DOOR_END_H

#include <signal.h>

#include <stdint.h>
#include <sys/types.h>

enum end_how {
	END_HANG_UP, /* all hear SIGHUP, SIGCONT and SIGTERM at once: a session is over */
	END_TERM,    /* SIGTERM and SIGCONT, and SIGHUP half of the time later */
};

/* Of a clock that nobody sets. */
int64_t end_clock_ms(void);

/*
 * For pid 1: asks all others to end and waits for that, 1 s at most; set holds SIGCHLD, blocked. The
 * kernel kills who is left when pid 1 exits. Returns how pid ended, as waitpid() tells it, or -1.
 */
int all_end(const sigset_t *set, enum end_how how, pid_t pid);

#endif
