#ifndef CARREL_CGROUP_H
#define CARREL_CGROUP_H

#include <stddef.h>

/* Where a process is in one hierarchy of control groups, cgroups(7). */
struct cgroup_place {
	const char *hierarchy; /* "memory", "cpu,cpuacct", "systemd"; empty: that of cgroup v2 */
	const char *path;      /* from the root of the hierarchy: "/", "/user.slice/x"; no "..", nothing empty */
};

#define CGROUP_PLACES_MAX 64

/*
 * Reads the whole text of /proc/PID/cgroup. Users choose the names in its paths, so that a line counts as a whole or not at all:
 * -EBADMSG if one is anything but NUMBER:HIERARCHY:PATH, or leads out of its hierarchy; -ENAMETOOLONG: the kernel may have cut one;
 * -E2BIG: more than CGROUP_PLACES_MAX. text is taken apart, and what is returned points into it.
 */
int cgroup_places_read(char *text, size_t len, struct cgroup_place ret[static CGROUP_PLACES_MAX], size_t *ret_n);

#endif
