/*
 * net - a mount namespace in which nothing but carrel-door can be executed.
 *
 * Trust:  runs as host root in the service's process. The login shell may be any path a directory server names: the door is
 *         attached over it only where nobody but root could have put it there.
 * Order:  a namespace of its own; private, and that is verified (a shared one would put the door over the host's /bin/sh
 *         for everybody); noexec on everything; only then the doors, from a detached mount that was executable from birth.
 * Fails:  -errno and a line, and the session is refused; what was done by then only takes away.
 *
 * It is a net, not the wall: code that already runs can execute memory. The wall is that no such code exists outside.
 */
#include "pam_module/net.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "helper/public/doors.h"
#include "helper/public/syscalls.h"
#include "pam_module/session.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

static int failed(struct err *e, const char *what, const char *path)
{
	return err_set(e, errno ? errno : EIO, "cannot %s '%s': %s", what, path, strerror(errno));
}

/* mountinfo's optional fields, proc(5): a mount with "shared:N" tells others, one with "master:N" hears from them. */
static int verify_private(struct err *e)
{
	_cleanup_file_ FILE *f = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0, lines = 0;

	if (!f)
		return failed(e, "read", "/proc/self/mountinfo");
	while (getline(&line, &room, f) > 0) {
		char *end = strstr(line, " - ");

		lines++;
		if (end)
			*end = '\0';
		if (strstr(line, " shared:") || strstr(line, " master:"))
			return err_set(e, EBUSY, "a mount did not become private: %s", line);
	}
	return lines ? 0 : err_set(e, EIO, "/proc/self/mountinfo is empty");
}

static int nothing_executable(struct err *e)
{
	struct mount_attr noexec = { .attr_set = MOUNT_ATTR_NOEXEC };
	struct statvfs root;

	if (unshare(CLONE_NEWNS) < 0)
		return err_set(e, errno, "cannot make a mount namespace: %s%s", strerror(errno),
			errno == ENOSPC ? " (raise the sysctl user.max_mnt_namespaces)" : "");
	if (sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return failed(e, "make private", "/");
	if (verify_private(e) < 0)
		return -EBUSY;
	if (sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &noexec) < 0)
		return failed(e, "forbid execution below", "/");
	if (statvfs("/", &root) < 0 || !(root.f_flag & ST_NOEXEC))
		return failed(e, "forbid execution below", "/");
	return 0;
}

static int bind_over(const char *source, const char *target, int target_flags, struct err *e)
{
	_cleanup_fd_ int from = sys_open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	_cleanup_fd_ int to = open(target, O_PATH | O_CLOEXEC | O_NOFOLLOW | target_flags);

	if (from < 0)
		return failed(e, "clone", source);
	if (to < 0 || sys_move_mount(from, to) < 0)
		return failed(e, "put the door over", target);
	return 0;
}

static int doors_attach(int doors_fd, struct err *e)
{
	_cleanup_fd_ int at = open(DOORS_AT, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char source[128];
	struct stat st;
	size_t i;

	if (at < 0 || sys_move_mount(doors_fd, at) < 0)
		return failed(e, "attach the doors at", DOORS_AT);
	for (i = 0; i < N_DOOR_DIRS; i++) {
		(void)snprintf(source, sizeof(source), DOORS_AT "%s", door_dirs[i]);
		if (lstat(door_dirs[i], &st) < 0 || !S_ISDIR(st.st_mode) || access(source, F_OK) < 0)
			continue;
		if (bind_over(source, door_dirs[i], O_DIRECTORY, e) < 0)
			return -EIO;
	}
	return 0;
}

/* Nobody but root can have made any part of this real path. */
static bool is_roots(const char *real)
{
	char part[PATH_MAX];
	struct stat st;
	char *slash;

	(void)snprintf(part, sizeof(part), "%s", real);
	for (;;) {
		if (lstat(part[0] ? part : "/", &st) < 0 || st.st_uid != 0 || (st.st_mode & 022) ||
			S_ISLNK(st.st_mode))
			return false;
		slash = strrchr(part, '/');
		if (!slash || part[0] == '\0')
			return true;
		*slash = '\0';
	}
}

/* A shell outside of the door directories; one that is the door already needs nothing, one in a user's hands gets nothing. */
static int shell_cover(const char *shell, const struct stat *door, struct err *e)
{
	char real[PATH_MAX];
	struct stat st;

	if (!shell || shell[0] != '/' || !realpath(shell, real) || lstat(real, &st) < 0)
		return 0;
	if ((st.st_dev == door->st_dev && st.st_ino == door->st_ino) || !S_ISREG(st.st_mode) || !is_roots(real))
		return 0;
	return bind_over(DOORS_AT "/" DOORS_DOOR, real, 0, e);
}

int net_cast(const struct carrel_data *d, const char *shell, struct err *e)
{
	const char *listed;
	struct stat door;
	int r;

	r = nothing_executable(e);
	if (r == 0)
		r = doors_attach(d->doors_fd, e);
	if (r == 0 && stat(DOORS_AT "/" DOORS_DOOR, &door) < 0)
		r = failed(e, "find", DOORS_AT "/" DOORS_DOOR);
	if (r == 0)
		r = shell_cover("/bin/sh", &door, e);
	if (r == 0)
		r = shell_cover(shell, &door, e);
	setusershell();
	while (r == 0 && (listed = getusershell()))
		r = shell_cover(listed, &door, e);
	endusershell();
	return r;
}

int net_shut(struct err *e)
{
	return nothing_executable(e);
}
