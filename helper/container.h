#ifndef CARREL_HELPER_CONTAINER_H
#define CARREL_HELPER_CONTAINER_H

#include <stdint.h>
#include <sys/types.h>

#include "helper/view_open.h"
#include "policy/idrange.h"

struct account;
struct err;

/* What a build needs, all decided before it begins. */
struct container_spec {
	const struct account *account;
	const struct profile *profile;
	struct id_map uids, gids;
	uint32_t root_uid, root_gid; /* host IDs of inside 0 */
	bool deny_setgroups;
	int base_mntns_fd;
	int init_fd, root_program_fd; /* carrel-init, carrel-root */
	int proc_fd;		      /* the host's /proc, opened before any namespace was entered */
};

/* A container that stands but whose pid 1 still waits for container_go(). */
struct container_born {
	pid_t pid;
	int pidfd;
	int go_fd;
	uint64_t user_ns; /* inode number of its user namespace */
};

/*
 * Builds a container in the calling process, which is used up by it: its namespaces and credentials are not what they were.
 * Until container_go(), pid 1 dies with its builder. -ENOSPC: a namespace limit, the text says which sysctl.
 */
int container_build(const struct container_spec *spec, struct container_born *ret, struct err *e);

/* Lets pid 1 become carrel-init; from now on the container lives by itself. */
void container_go(struct container_born *c);

#endif
