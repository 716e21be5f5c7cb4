#ifndef CARREL_HELPER_CONTAINER_H
#define CARREL_HELPER_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/idrange.h"

struct attributes;
struct err;

struct view;

/* What becomes of pid 1 when the container may go. */
struct first_process {
	int program_fd;
	char *const *argv; /* its environment is empty */
	const int *fds;	   /* become 3, 4, ...; nothing else is left open */
	size_t n_fds;
	const struct attributes *limits; /* that it sets for itself; NULL: none */
};

/* What a build needs, all decided before it begins. */
struct container_spec {
	uid_t uid; /* whose it is: charged for it */
	bool net_own;
	struct id_map uids, gids;
	bool deny_setgroups;
	const gid_t *groups; /* host gids that pid 1 begins with */
	size_t n_groups;
	const char *hostname; /* NULL: the host's */
	int base_mntns_fd;
	int proc_fd; /* the host's /proc, opened before any namespace was entered */
	struct first_process first;
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
int container_build(const struct container_spec *spec, const struct view *view, struct container_born *ret, struct err *e);

/* Lets pid 1 become what it is to be; from now on the container lives by itself. */
void container_go(struct container_born *c);

#endif
