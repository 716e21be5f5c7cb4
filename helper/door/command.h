#ifndef CARREL_DOOR_COMMAND_H
#define CARREL_DOOR_COMMAND_H

#include <stdint.h>
#include <sys/types.h>

#include "helper/public/wire.h"

#define COMMAND_GROUPS_MAX 256
#define STEP_SAYS_ALL (-4095) /* in place of an errno: the name of the step tells why */

/* What the relay was asked to run. */
struct command {
	struct enter_request req;
	uid_t uid;
	gid_t gid;
	gid_t groups[COMMAND_GROUPS_MAX];
	size_t n_groups; /* 0: those the relay has */
	uint32_t flags; /* RELAY_* */
	int slave; /* of the container's pty, the controlling terminal; -1: none */
};

/*
 * In the forked child, all signals blocked: becomes the command. Returns only on failure, a
 * negative errno with the step's name in *ret_step ("": the execve itself); the child must tell and
 * end then.
 */
int command_become(const struct command *c, const char **ret_step);

#endif
