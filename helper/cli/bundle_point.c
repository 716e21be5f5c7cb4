#include "helper/cli/bundle_point.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/public/syscalls.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

static int look(int root_fd, const char *path)
{
	return sys_openat2(
		root_fd, path, O_PATH | O_CLOEXEC, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

/* name is new, or a link that leads nowhere, and then it is not followed. */
static int make(int parent_fd, const char *name, bool is_dir)
{
	int fd;

	if (is_dir)
		return mkdirat(parent_fd, name, 0755);
	fd = openat(parent_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd >= 0)
		(void)close(fd);
	return fd < 0 ? -1 : 0;
}

/* path up to the slash at `end`, or all of it. */
static int step(int root_fd, int *parent_fd, char *path, char *name, bool is_dir)
{
	_cleanup_fd_ int fd = look(root_fd, path);

	if (fd < 0 && errno == ENOENT && make(*parent_fd, name, is_dir) == 0)
		fd = look(root_fd, path);
	if (fd < 0)
		return -errno;
	cleanup_fd(parent_fd);
	*parent_fd = fd_take(&fd);
	return 0;
}

int bundle_point_make(int root_fd, const char *path, bool is_dir, struct err *e)
{
	_cleanup_fd_ int parent = look(root_fd, "/");
	char copy[PATH_MAX], *name, *slash = NULL;
	size_t n = strlen(path);
	int r = parent < 0 ? -errno : 0;

	if (n >= sizeof(copy))
		return err_set(e, ENAMETOOLONG, "'%.100s...' is too long a path", path);
	memcpy(copy, path, n + 1);
	for (name = copy + 1; r == 0; name = slash + 1) {
		slash = strchr(name, '/');
		if (slash)
			*slash = '\0';
		r = step(root_fd, &parent, copy, name, slash || is_dir);
		if (!slash)
			break;
		*slash = '/';
	}
	if (r < 0)
		return err_set(e, -r,
			"'%s' is not in the bundle's tree, where something is to be bound, and "
			"cannot be made: %s",
			path, strerror(-r));
	return 0;
}
