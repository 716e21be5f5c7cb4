#ifndef CARREL_HELPER_LAUNCH_TOLD_H
#define CARREL_HELPER_LAUNCH_TOLD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "helper/image/manifest.h"

struct err;

/*
 * What the command of a launch was told, for who runs one more in its container. It is kept where it
 * costs nothing more and goes when the container does: in pid 1's arguments and environment, which
 * the kernel shows to root alone, and in its descriptors.
 */
struct launch_told {
	struct manifest as; /* environment and directory, as if an image gave them */
	uint32_t caps_lost[2];
	unsigned flags; /* RELAY_* */
	char user[33]; /* empty: none */
	int narrow_fd; /* the caller's own filter; -1: none */
	char *text; /* what as points into */
};

#define LAUNCH_TOLD_MAX 32768 /* bytes of environment; of more than this nothing is kept */

/*
 * An environment for pid 1 that tells it, of a completed payload (launch_command.h) with argc
 * arguments; the words are the payload's, which must stay. malloc'ed; NULL: no memory.
 */
char **launch_told_environment(const char *payload, size_t bytes, uint32_t argc, const uint32_t caps_lost[2]);

/* Of pid 1. -ESRCH: it cannot be read, so it has ended. */
int launch_told_read(int proc_fd, pid_t pid, struct launch_told *ret, struct err *e);
void launch_told_done(struct launch_told *t);

#endif
