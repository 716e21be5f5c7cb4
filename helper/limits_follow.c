/*
 * limits_follow - joins the control groups of the process that asked.
 *
 * Trust:  the kernel says where that is, but users choose the names: whoever has groups of their own (a user manager's) moves and
 *         renames them while we look. So all of /proc/PID/cgroup is read or nothing (policy/cgroup.c), and root writes only to
 *         what lies in a file system of control groups, below its root, without links.
 * Order:  all is read before anything is written.
 * Fails:  who cannot be followed is refused: the container would live among the helper's own limits. A hierarchy that is not
 *         there, or not for us to write, is none.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "helper/limits.h"
#include "helper/public/syscalls.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/io.h"
#include "policy/cgroup.h"

#define CGROUP "/sys/fs/cgroup"
#define TEXT_MAX (CGROUP_PLACES_MAX * 4352) /* of each a path, and what stands before it */
#define BELOW (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

struct places {
	char *text;
	struct cgroup_place v[CGROUP_PLACES_MAX];
	size_t n;
};

static void places_done(struct places *p)
{
	cleanup_free(&p->text);
}

static int places_of(int proc_fd, const char *process, struct places *ret, struct err *e)
{
	_cleanup_fd_ int fd = -1;
	char path[32];
	size_t len;
	int r;

	(void)snprintf(path, sizeof(path), "%s/cgroup", process);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ESRCH, "limits: process %s is gone", process);
	/* Older kernels refuse to tell a path that is too long. */
	r = fd_read_all(fd, TEXT_MAX, &ret->text, &len, e);
	if (r < 0)
		return err_wrap(e, r, "limits: cannot make out the control groups of process %s", process);
	r = cgroup_places_read(ret->text, len, ret->v, &ret->n);
	return r < 0 ? err_set(e, -r, "limits: cannot make out the control groups of process %s: %s", process, strerror(-r)) : 0;
}

static bool is_fs(int fd, long type)
{
	struct statfs fs;

	return fd >= 0 && fstatfs(fd, &fs) == 0 && (long)fs.f_type == type;
}

/* -1: this machine has none, or none that we may write (a container's). Links here are root's: "cpu" for "cpu,cpuacct". */
static int hierarchy_open(const char *name)
{
	_cleanup_fd_ int top = open(CGROUP, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;

	if (name[0] == '\0' && is_fs(top, CGROUP2_SUPER_MAGIC))
		fd = fd_take(&top);
	else if (top >= 0)
		fd = openat(top, name[0] ? name : "unified", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!is_fs(fd, name[0] ? CGROUP_SUPER_MAGIC : CGROUP2_SUPER_MAGIC) ||
		faccessat(fd, "cgroup.procs", W_OK, AT_EACCESS) < 0)
		return -1;
	return fd_take(&fd);
}

static int place_join(const struct cgroup_place *p)
{
	_cleanup_fd_ int root = hierarchy_open(p->hierarchy), group = -1, fd = -1;

	if (root < 0)
		return 0;
	/* In two steps, as the whole may be longer than a path can be. */
	group = sys_openat2(root, p->path[1] ? p->path + 1 : ".", O_PATH | O_DIRECTORY, BELOW);
	if (group >= 0)
		fd = sys_openat2(group, "cgroup.procs", O_WRONLY, BELOW);
	return fd < 0 || write(fd, "0", 1) != 1 ? -errno : 0;
}

static bool has_place(const struct places *p, const struct cgroup_place *at)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].hierarchy, at->hierarchy) == 0 && strcmp(p->v[i].path, at->path) == 0)
			return true;
	return false;
}

int limits_follow(int proc_fd, pid_t pid, struct err *e)
{
	_cleanup_(places_done) struct places theirs = { 0 }, own = { 0 };
	char process[16];
	struct err ignored;
	int r;

	(void)snprintf(process, sizeof(process), "%d", (int)pid);
	r = places_of(proc_fd, process, &theirs, e);
	if (r < 0)
		return r;
	if (places_of(proc_fd, "self", &own, &ignored) < 0)
		own.n = 0;
	for (size_t i = 0; r == 0 && i < theirs.n; i++)
		/* A move that changes nothing waits for every processor all the same, for milliseconds where they are busy. */
		if (!has_place(&own, &theirs.v[i]))
			r = place_join(&theirs.v[i]);
	return r < 0 ? err_set(e, -r, "limits: cannot join the control group of process %d: %s", (int)pid,
		r == -ENOENT ? "it is not where the kernel says it is" : strerror(-r)) : 0;
}
