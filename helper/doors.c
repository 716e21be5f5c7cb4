/*
 * doors - the directories in which every program's name is carrel-door.
 *
 * Trust:  names come from the system's own program directories, which are root's.
 * Order:  one inode of carrel-door on a tmpfs, a hard link for every name. Links are only ever added: a name too many opens a
 *         door to a program that is not there, a name too few refuses one that is.
 * Fails:  refuses the session; a program installed a moment ago is linked at the next session at the latest.
 */
#include "helper/doors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/public/doors.h"
#include "helper/public/syscalls.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/paths.h"

#define DOOR_PROGRAM CARREL_LIBEXECDIR "/carrel-door"

static int failed(struct err *e, const char *what, const char *path)
{
	return err_set(e, errno, "doors: cannot %s '%s': %s", what, path, strerror(errno));
}

static int door_copy(int farm_fd, struct err *e)
{
	_cleanup_fd_ int from = open(DOOR_PROGRAM, O_RDONLY | O_CLOEXEC);
	_cleanup_fd_ int to = -1;
	char buffer[65536];
	ssize_t n;

	if (from < 0)
		return failed(e, "open", DOOR_PROGRAM);
	to = openat(farm_fd, DOORS_DOOR, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	if (to < 0)
		return failed(e, "make", DOORS_DOOR);
	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		if (write(to, buffer, (size_t)n) != n)
			return failed(e, "write", DOORS_DOOR);
	/* Not readable: a process that executes it is not dumpable, from its first instruction on. */
	if (n < 0 || fchmod(to, 0711) < 0)
		return failed(e, "copy", DOOR_PROGRAM);
	return 0;
}

/* mkdir for each component of path ("/usr/bin") below the farm. */
static int dirs_make(int farm_fd, const char *path, struct err *e)
{
	char part[64];
	const char *slash = path + 1;

	do {
		slash = strchrnul(slash, '/');
		(void)snprintf(part, sizeof(part), "%.*s", (int)(slash - path - 1), path + 1);
		if (mkdirat(farm_fd, part, 0755) < 0 && errno != EEXIST)
			return failed(e, "make directory", path);
	} while (*slash++);
	return 0;
}

/*
 * When the real directory last changed, noted as the farm directory's own mtime. Two children may link at the same
 * time; both do the same.
 */
static bool up_to_date(int farm_dir_fd, const struct stat *real)
{
	struct stat mine;

	return fstat(farm_dir_fd, &mine) == 0 && mine.st_mtim.tv_sec == real->st_mtim.tv_sec &&
		mine.st_mtim.tv_nsec == real->st_mtim.tv_nsec;
}

static int names_link(int farm_fd, const char *path, struct err *e)
{
	_cleanup_dir_ DIR *dir = NULL;
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), to = -1;
	const struct dirent *entry;
	struct timespec times[2];
	struct stat real;

	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENOTDIR ? 0 : failed(e, "open", path);
	to = openat(farm_fd, path + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0) {
		if (dirs_make(farm_fd, path, e) < 0)
			return -EIO;
		to = openat(farm_fd, path + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (to < 0 || fstat(fd, &real) < 0)
		return failed(e, "open", path);
	if (up_to_date(to, &real))
		return 0;
	dir = fdopendir(fd);
	if (!dir)
		return failed(e, "read", path);
	fd = -1;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && entry->d_type != DT_DIR &&
			linkat(farm_fd, DOORS_DOOR, to, entry->d_name, 0) < 0 && errno != EEXIST)
			return failed(e, "link", entry->d_name);
	times[0] = times[1] = real.st_mtim;
	(void)futimens(to, times);
	return 0;
}

static int farm_update(int farm_fd, struct err *e)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < N_DOOR_DIRS; i++)
		r = names_link(farm_fd, door_dirs[i], e);
	return r;
}

int doors_prepare(struct err *e)
{
	_cleanup_fd_ int farm = -1;
	int r;

	if (mkdir(DOORS_AT, 0755) < 0 && errno != EEXIST)
		return failed(e, "make directory", DOORS_AT);
	if (sys_mount("carrel-doors", DOORS_AT, "tmpfs", MS_NOSUID | MS_NODEV,
		    "mode=0755,size=16m,nr_inodes=200k") < 0)
		return failed(e, "mount tmpfs at", DOORS_AT);
	farm = open(DOORS_AT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (farm < 0)
		return failed(e, "open", DOORS_AT);
	r = door_copy(farm, e);
	return r < 0 ? r : farm_update(farm, e);
}

int doors_open(int *ret_fd, struct err *e)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		.propagation = MS_PRIVATE };
	_cleanup_fd_ int farm = open(DOORS_AT, O_RDONLY | O_DIRECTORY | O_CLOEXEC), tree = -1;
	int r;

	if (farm < 0)
		return failed(e, "open", DOORS_AT);
	r = farm_update(farm, e);
	if (r < 0)
		return r;
	tree = sys_open_tree(AT_FDCWD, DOORS_AT, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr) < 0)
		return failed(e, "clone", DOORS_AT);
	*ret_fd = fd_take(&tree);
	return 0;
}
