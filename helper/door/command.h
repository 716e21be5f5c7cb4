#ifndef CARREL_DOOR_COMMAND_H
#define CARREL_DOOR_COMMAND_H

#include <stdint.h>
#include <sys/types.h>

#include "helper/public/wire.h"

/* What the relay was asked to run. */
struct command {
	struct enter_request req;
	uid_t uid;
	gid_t gid;
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
