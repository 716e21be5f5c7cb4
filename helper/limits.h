#ifndef CARREL_HELPER_LIMITS_H
#define CARREL_HELPER_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "policy/policy.h"

struct err;

/*
 * Moves the calling process (a container's builder, whose pid 1 inherits it) to where the profile's limits hold: under systemd to
 * a scope in user-UID.slice, with the limits on that slice, so that they hold for session scopes too; else to a cgroup v2
 * group of the container's own, whose path is returned (empty: none), which every session then has to join.
 * -ENOTSUP: the profile asks for limits, limits = required, and this machine has neither.
 */
int limits_enter(uid_t uid, const struct profile *p, char ret_cgroup[static 256], struct err *e);

/*
 * The same for a launch, whose limits are its own: a scope that has them, or a group. Without limits only who stays behind
 * (detached) needs a scope. *ret_own false: it is to live where its caller does.
 */
int limits_enter_launch(uid_t uid, const struct profile *p, const char *name, bool detached, char ret_cgroup[static 256],
	bool *ret_own, struct err *e);

/* cgroup.procs of a group from limits_enter(), for writing: who writes "0" there joins. */
int limits_join_open(const char *cgroup, int *ret_fd, struct err *e);

/* The group of a container that ended. */
void limits_remove(const char *cgroup);

/* Of a launch that came to nothing: the group that limits_enter_launch() made for it, if it did. -EBUSY: somebody is in there. */
int limits_remove_launch(uid_t uid, const char *name);

/*
 * Moves the calling process into the control groups of process pid, in each hierarchy under /sys/fs/cgroup that root may write
 * here. -ESRCH: pid is gone; else its groups cannot be told, or one of them takes nobody in.
 */
int limits_follow(int proc_fd, pid_t pid, struct err *e);

#endif
