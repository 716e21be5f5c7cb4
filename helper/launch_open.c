/*
 * launch_open - finds and opens what a launch shows of the user's own storage.
 *
 * Trust:  every path is the caller's: any component may be a link, may be on a server that never answers. Policy is asked about
 *         what was opened, not about what was said.
 * Order:  become the user, open without magic links (those of /proc would be this process's), come back; mounts are cloned from
 *         what is open.
 * Fails:  one line; the process is disposable.
 */
#include "helper/launch_open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "helper/public/syscalls.h"
#include "helper/user.h"
#include "helper/view.h"
#include "policy/account.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"

/* O_RDONLY makes an automount happen, which O_PATH does not; a directory one may only search still opens with O_PATH. */
static int open_as_is(const char *path)
{
	int fd = sys_openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_NOCTTY, RESOLVE_NO_MAGICLINKS);

	if (fd >= 0 || (errno != EACCES && errno != ENOTDIR))
		return fd;
	return sys_openat2(AT_FDCWD, path, O_PATH, RESOLVE_NO_MAGICLINKS);
}

static int real_path(int fd, char ret[static LAUNCH_PATH_MAX])
{
	char link[64];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, LAUNCH_PATH_MAX);
	if (n <= 0 || n >= LAUNCH_PATH_MAX || ret[0] != '/')
		return -ENAMETOOLONG;
	ret[n] = '\0';
	return 0;
}

static int place_open(const char *what, const char *path, struct launch_place *p, struct err *e)
{
	_cleanup_fd_ int fd = open_as_is(path);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "%s '%s': %s", what, path, strerror(errno));
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode) && !S_ISSOCK(st.st_mode))
		return err_set(e, EINVAL, "%s '%s': only directories, files and sockets can be shown", what, path);
	/* O_PATH asks for no right to the thing itself. */
	if (syscall(SYS_faccessat2, fd, "", S_ISDIR(st.st_mode) ? X_OK : R_OK, AT_EMPTY_PATH | AT_EACCESS) < 0)
		return err_set(e, errno, "%s '%s': %s", what, path, strerror(errno));
	if (real_path(fd, p->real) < 0)
		return err_set(e, ENAMETOOLONG, "%s '%s': its real path is longer than %d bytes", what, path, LAUNCH_PATH_MAX - 1);
	if (!view_may_show(path, p->real))
		return err_set(e, EPERM, "%s '%s': it leads to '%s', which is not to be seen under another name", what, path,
			p->real);
	p->is_dir = S_ISDIR(st.st_mode);
	p->fd = fd_take(&fd);
	return 0;
}

/* The next string of a list that must end with a NUL. */
static const char *string_take(const char **at, const char *end)
{
	const char *s = *at, *nul = s < end ? memchr(s, '\0', (size_t)(end - s)) : NULL;

	if (!nul)
		return NULL;
	*at = nul + 1;
	return s;
}

/* What each container has of its own where there is a network, or a name: asked for as the host's, as tools write it. */
static bool is_name(const char *src, const char *at, struct launch_place *p)
{
	static const struct {
		const char *at;
		enum view_place kind;
	} names[] = { { "/etc/resolv.conf", PLACE_RESOLV }, { "/etc/hosts", PLACE_HOSTS }, { "/etc/hostname", PLACE_HOSTNAME } };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(src, names[i].at) == 0 && strcmp(at, names[i].at) == 0) {
			p->kind = names[i].kind;
			return true;
		}
	return false;
}

static int bind_open(const char *src, const char *at, const char *mode, bool is_tree, struct launch_place *p, struct err *e)
{
	if (!src || !at || !mode)
		return err_set(e, EINVAL, "the request's binds are cut short");
	p->fd = p->mount_fd = -1;
	if (src[0] != '/' && (is_tree || src[0] != '\0'))
		return err_set(e, EINVAL, "bind '%s': not an absolute path", src);
	if (!is_tree && (!path_valid(at) || strlen(at) >= sizeof(p->at)))
		return err_set(e, EINVAL, "bind at '%.300s': not an absolute path without '.' and '..', of at most %d bytes", at,
			LAUNCH_PATH_MAX - 1);
	if (!is_tree && view_at_is_taken(at))
		return err_set(e, EINVAL, "bind at '%s': that is the container's own", at);
	(void)snprintf(p->at, sizeof(p->at), "%s", is_tree ? "/" : at);
	if (!is_tree && src[0] == '\0')
		return launch_tmpfs_take(mode, p, e);
	if (!is_tree && is_name(src, at, p))
		return 0;
	p->writable = strcmp(mode, "rw") == 0;
	return place_open(is_tree ? "bundle" : "bind", src, p, e);
}

/* Mount points in a tree of the user's own are the user's files: made with the user's rights, where links lead nowhere. */
static int tree_prepare(const struct account *a, const struct launch_place *tree, struct err *e)
{
	struct stat st;
	size_t i;

	if (!tree->is_dir)
		return err_set(e, ENOTDIR, "bundle '%s': its root is no directory", tree->real);
	/* Policy has not named it: it is the user's own, or it would be a way to see what the profile does not show. */
	if (fstat(tree->fd, &st) < 0 || st.st_uid != a->uid)
		return err_set(e, EPERM, "bundle '%s': its root belongs to somebody else", tree->real);
	for (i = 0; view_points[i]; i++)
		if (mkdirat(tree->fd, view_points[i] + 1, 0755) < 0 &&
			(errno != EEXIST || fstatat(tree->fd, view_points[i] + 1, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
				!S_ISDIR(st.st_mode)))
			return err_set(e, errno, "bundle '%s': '%s' is no directory of it and cannot be made: %s", tree->real,
				view_points[i], strerror(errno));
	return 0;
}

static int places_take(const struct account *a, const struct launch_request *q, struct launch_places *p, struct err *e)
{
	const char *at = q->binds, *end = q->binds + q->binds_bytes;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < q->n_binds; i++) {
		const char *src = string_take(&at, end), *dst = string_take(&at, end), *mode = string_take(&at, end);
		bool is_tree = i == 0 && p->own_tree;

		r = bind_open(src, dst, mode, is_tree, &p->v[p->n], e);
		if (r == 0)
			p->n++;
		/* Said twice; what policy is asked about must be what is mounted. */
		if (r == 0 && is_tree && (q->flags & LAUNCH_READONLY))
			p->v[0].writable = false;
		if (r == 0 && is_tree)
			r = tree_prepare(a, &p->v[0], e);
	}
	if (r == 0 && (q->flags & LAUNCH_HOME)) {
		struct launch_place *home = &p->v[p->n];

		home->fd = home->mount_fd = -1;

		if (!a->home || a->home[0] != '/')
			return err_set(e, ENOENT, "you have no home directory");
		r = place_open("home", a->home, home, e);
		if (r < 0)
			return r;
		memcpy(home->at, home->real, sizeof(home->at));
		home->writable = true;
		p->home = (int)p->n++;
	}
	return r;
}

int launch_places_open(const struct account *a, const struct launch_request *q, struct launch_places *ret, struct err *e)
{
	struct user_guise guise;
	int r;

	ret->n = 0;
	ret->home = -1;
	ret->own_tree = q->flags & LAUNCH_ROOTFS;
	if (q->n_binds > LAUNCH_BINDS_MAX || q->binds_bytes > sizeof(q->binds) || (ret->own_tree && q->n_binds == 0))
		return err_set(e, EINVAL, "the request's binds are not well-formed");
	if (q->n_binds == 0 && !(q->flags & LAUNCH_HOME))
		return 0;
	r = user_become(a, &guise, e);
	if (r == 0) {
		r = places_take(a, q, ret, e);
		user_return(&guise);
	}
	if (r < 0)
		launch_places_done(ret);
	return r;
}

bool launch_places_show(const struct launch_places *p)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->v[i].kind == PLACE_SHOWN)
			return true;
	return false;
}

void launch_places_done(struct launch_places *p)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		cleanup_fd(&p->v[i].fd);
		cleanup_fd(&p->v[i].mount_fd);
	}
	p->n = 0;
}

/*
 * With all that is mounted below it: what root has covered with a mount is not for those who could not see it. Private: what root
 * mounts there later would come without nosuid and with other IDs, and the container's would be on its disk.
 */
int launch_place_mount(struct launch_place *p, int idmap_fd, struct err *e)
{
	struct mount_attr change = { .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (p->writable ? 0 : MOUNT_ATTR_RDONLY),
		.propagation = MS_PRIVATE };
	_cleanup_fd_ int fd = sys_open_tree(p->fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (fd < 0)
		return err_set(e, errno, "cannot clone '%s': %s", p->real, strerror(errno));
	if (idmap_fd >= 0) {
		change.attr_set |= MOUNT_ATTR_IDMAP;
		change.userns_fd = (uint64_t)idmap_fd;
	}
	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &change) == 0) {
		p->mount_fd = fd_take(&fd);
		return 0;
	}
	if (idmap_fd >= 0 && (errno == EINVAL || errno == EOPNOTSUPP || errno == EPERM))
		return err_set(e, EOPNOTSUPP, "'%s', or what is mounted below it, cannot be shown with other IDs than it has", p->real);
	return err_set(e, errno, "cannot show '%s': %s", p->real, strerror(errno));
}
