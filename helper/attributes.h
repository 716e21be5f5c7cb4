#ifndef CARREL_HELPER_ATTRIBUTES_H
#define CARREL_HELPER_ATTRIBUTES_H

#include <sched.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

struct err;

/* What would hinder the caller's own work if it held at once. */
struct attributes {
	struct rlimit limits[RLIM_NLIMITS];
	bool limited[RLIM_NLIMITS]; /* limits[i] is known */
	int nice;
	bool niced;
	cpu_set_t cpus;
	bool bound;
};

/*
 * Gives the calling process the cgroup (or the container's own, if cgroup is not empty; NULL: it stays where it is), loginuid and
 * OOM score of the process that connected, which PAM and the service set up, and notes its limits, nice value and processors for
 * attributes_apply(). Best effort but for the cgroup, as limits_follow() says: what needs rights that this machine has taken from
 * root stays as it is. The caller looked before whose process it is (peer_open()) and proves afterwards that it is still the same
 * (peer_still_there()); -EPERM: by now it is not the user's alone (peer_check_uids()). Only in a child that becomes the user's program.
 */
int attributes_take(int conn_fd, const char *cgroup, struct attributes *ret, struct err *e);

/* Parts of it alone. */
int cgroup_take(pid_t pid, const char *cgroup, struct err *e);
void limits_take(pid_t pid, struct attributes *ret);

void attributes_apply(const struct attributes *a);

/* Root of the host, before a child gives that up: hard limits, nice value and processors that only root may give. Best effort. */
void attributes_raise(const struct attributes *a);

#define CEILINGS 4

/* What ceilings_return() needs. */
struct ceilings {
	struct rlimit before[CEILINGS];
	bool changed[CEILINGS];
};

/*
 * Between these two a user namespace gets its ceilings: what processes, locked memory, message queues and pending signals may come
 * to in it, for all its IDs together, is the caller's hard limit, and for processes `spare` more. They lie as well over what else the
 * kernel counts for the namespace's owner. Best effort, and nothing before Linux 5.14.
 */
void ceilings_take(const struct attributes *a, unsigned spare, struct ceilings *ret);
void ceilings_return(const struct ceilings *c);

#endif
