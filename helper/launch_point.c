/*
 * launch_point - mount points in a tree of the user's own.
 *
 * Trust:  the tree is the user's, who can change it meanwhile: all is done in the user's guise, which makes nothing there that the
 *         user could not make by hand; and every path is looked up in the tree alone.
 * Order:  places as they will lie one over the other; what lies in another place needs no point in the tree.
 * Fails:  one line; what was made before stays, and is the user's.
 */
#include "helper/launch_point.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/launch_open.h"
#include "helper/public/syscalls.h"
#include "helper/user.h"
#include "policy/account.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"

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

int tree_point_make(int root_fd, const char *path, bool is_dir, struct err *e)
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
			"'%s' is not in the tree, where something is to be bound, and cannot be made: %s", path, strerror(-r));
	return 0;
}

static bool lies_in(const char *tree, const char *path)
{
	return path_inside(tree, path) && strcmp(tree, path) != 0;
}

/* Directories that every container has of its own where the tree cannot be written. */
static const char *scratch(const struct launch_places *p, const char *at)
{
	static const char *const dirs[] = { "/tmp", "/var/tmp", "/run" };
	size_t i;

	for (i = 0; !p->v[0].writable && i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (lies_in(dirs[i], at))
			return dirs[i];
	return NULL;
}

/* There is no such place, or what lies over it has the point. */
static bool is_needless(const struct launch_places *p, size_t i, bool net_host)
{
	const struct launch_place *at = &p->v[i];
	size_t k;

	for (k = 1; k < i; k++)
		if (lies_in(p->v[k].at, at->at))
			return true;
	return path_inside("/dev", at->at) || (at->kind == PLACE_RESOLV && !net_host);
}

int launch_points_make(const struct account *a, const struct launch_places *p, bool net_host, struct err *e)
{
	struct user_guise guise;
	mode_t saved;
	size_t i;
	int r;

	if (!p->own_tree || p->n < 2)
		return 0;
	r = user_become(a, &guise, e);
	if (r < 0)
		return r;
	saved = umask(022);
	for (i = 1; r == 0 && i < p->n; i++) {
		const struct launch_place *at = &p->v[i];
		const char *over = scratch(p, at->at);

		if (!is_needless(p, i, net_host))
			r = tree_point_make(p->v[0].fd, over ? over : at->at, over || at->is_dir, e);
		/* Names are of use, and no more. */
		if (at->kind != PLACE_SHOWN && at->kind != PLACE_TMPFS)
			r = 0;
	}
	(void)umask(saved);
	user_return(&guise);
	return r;
}
