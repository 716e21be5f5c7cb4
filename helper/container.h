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
	char *const *argv, *const *envp; /* arrays and words must stay where they are until the calling process ends */
	const int *fds;	   /* become 3, 4, ...; the next is where it reads one byte before it begins. Nothing else is left open */
	size_t n_fds;
	const struct attributes *limits; /* that it sets for itself; NULL: none */
};

/* What a build needs, all decided before it begins. */
struct container_spec {
	uid_t uid;   /* whose it is: RLIMIT_NPROC is taken from it */
	uid_t owner; /* of the user namespace, id_owner() */
	bool net_own;
	bool mqueue; /* its view has a /dev/mqueue */
	const struct id_map *uids, *gids;
	bool deny_setgroups;
	const struct attributes *most; /* its hard limits hold for all in the container together; NULL: the builder's do */
	unsigned spare; /* of processes, so many more: for ours */
	const gid_t *groups; /* host gids that pid 1 begins with */
	size_t n_groups;
	const char *hostname, *domainname; /* NULL: the host's */
	int base_mntns_fd;
	int proc_fd; /* the host's /proc, opened before any namespace was entered */
	struct first_process first;
};

/* A container whose pid 1 waits. */
struct container_born {
	pid_t pid;
	int pidfd;	  /* the caller's */
	int line_fd;	  /* to pid 1 */
	int user_ns_fd;	  /* its user namespace, with both maps */
	uint64_t user_ns; /* inode number of that */
};

/*
 * These build a container in the calling process, which is used up by it: namespaces and credentials are not what they were, and
 * pid 1 shares its memory until it is its program. Until container_go() pid 1 dies with its builder.
 */

/* All namespaces but that of the mounts, and pid 1; spec must stay until container_await(). -ENOSPC: the text says which sysctl. */
int container_raise(const struct container_spec *spec, struct container_born *ret, struct err *e);

/* The view, which pid 1 begins to move into. */
int container_place(const struct container_born *c, const struct view *view, struct err *e);

/* Until pid 1 has mounts of its own in the view, and is about to become its program. -EPIPE: the other end of owner_fd is gone. */
int container_await(const struct container_born *c, int owner_fd, struct err *e);

/* Lets pid 1's program begin; from now on the container lives by itself. */
void container_go(struct container_born *c);

/* Ends it before that. */
void container_drop(struct container_born *c);

#endif
