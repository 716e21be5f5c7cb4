/*
 * image_copy - a directory becomes an image's tree.
 *
 * Trust:  the source may be anybody's, and may change while it is read: every entry is found by one name below an open directory, no
 *         link is followed, no mount entered. The copy goes into a fresh directory that only root reaches.
 * Fails:  at the first entry that cannot be copied as it is, and names it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "helper/cli/image.h"
#include "helper/image/attributes.h"
#include "helper/image/tree.h"
#include "helper/public/syscalls.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

/* A file with several names, and the first of them in the copy. */
struct twin {
	dev_t dev;
	ino_t ino;
	char path[];
};

struct copy {
	int to_root;
	char path[PATH_MAX]; /* of the entry, below both roots */
	void *twins; /* tsearch(3) */
	unsigned left_out;
	struct err *e;
};

static int refuse(struct copy *c, int code, const char *why)
{
	return err_set(c->e, code, "'%s': %s", c->path[0] ? c->path : ".", why);
}

static int failed(struct copy *c)
{
	return refuse(c, errno, strerror(errno));
}

/* --- content --- */

static int copy_bytes(int from, int to)
{
	char block[65536];
	ssize_t n;

	while ((n = copy_file_range(from, NULL, to, NULL, 1u << 30, 0)) > 0)
		;
	if (n == 0)
		return 0;
	if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
		return -errno;
	/* Nothing was copied yet: it fails at the first call or not for such reasons. */
	while ((n = read(from, block, sizeof(block))) > 0)
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(to, block + done, (size_t)(n - done));
			if (w < 0)
				return -errno;
		}
	return n < 0 ? -errno : 0;
}

int image_copy_file(int from_fd, int to_fd, const char *name, struct err *e)
{
	_cleanup_fd_ int to = openat(to_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (to < 0)
		return err_set(e, errno, "cannot make %s: %s", name, strerror(errno));
	r = lseek(from_fd, 0, SEEK_SET) < 0 ? -errno : copy_bytes(from_fd, to);
	if (r == 0 && fchmod(to, 0644) < 0)
		r = -errno;
	return r < 0 ? err_set(e, -r, "cannot copy %s: %s", name, strerror(-r)) : 0;
}

/* --- what all entries have --- */

static int copy_attribute(struct copy *c, int from, int to, const char *name, char *value)
{
	ssize_t n = fgetxattr(from, name, value, XATTR_SIZE_MAX);

	if (n < 0)
		return failed(c);
	if (fsetxattr(to, name, value, (size_t)n, 0) < 0)
		return err_set(c->e, errno, "'%s': cannot keep its attribute %s: %s", c->path, name, strerror(errno));
	return 0;
}

static int copy_attributes(struct copy *c, int from, int to)
{
	_cleanup_free_ char *names = NULL, *value = NULL;
	ssize_t n = flistxattr(from, NULL, 0);
	int r = 0;

	if (n == 0 || (n < 0 && errno == ENOTSUP))
		return 0;
	names = malloc(XATTR_LIST_MAX);
	value = malloc(XATTR_SIZE_MAX);
	if (!names || !value)
		return refuse(c, ENOMEM, "out of memory");
	n = flistxattr(from, names, XATTR_LIST_MAX);
	if (n < 0)
		return failed(c);
	for (char *name = names; r == 0 && name < names + n; name += strlen(name) + 1)
		if (attribute_counts(name) && !attribute_is_overlays(name))
			r = copy_attribute(c, from, to, name, value);
	return r;
}

/* The owner first, as changing it takes setuid bits and capabilities away. */
static int copy_rest(struct copy *c, int from, int to, const struct stat *st)
{
	const struct timespec times[2] = { st->st_mtim, st->st_mtim };
	int r;

	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return failed(c);
	r = copy_attributes(c, from, to);
	if (r == 0 && futimens(to, times) < 0)
		r = failed(c);
	return r;
}

/* --- entries --- */

static int copy_regular(struct copy *c, int from, int to_dir, const char *name, const struct stat *st)
{
	_cleanup_fd_ int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (to < 0)
		return failed(c);
	r = copy_bytes(from, to);
	return r < 0 ? refuse(c, -r, strerror(-r)) : copy_rest(c, from, to, st);
}

static int copy_link(struct copy *c, int from, int to_dir, const char *name, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, "", target, sizeof(target) - 1);

	if (n < 0)
		return failed(c);
	target[n] = '\0';
	if (symlinkat(target, to_dir, name) < 0 || fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(c);
	return 0;
}

static int copy_fifo(struct copy *c, int to_dir, const char *name, const struct stat *st)
{
	if (mkfifoat(to_dir, name, 0600) < 0 || fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0)
		return failed(c);
	return 0;
}

static int twin_order(const void *a, const void *b)
{
	const struct twin *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->dev < y->dev ? -1 : x->dev > y->dev;
}

/* 1: it is a further name of a file that was copied already. */
static int copy_twin(struct copy *c, int to_dir, const char *name, const struct stat *st)
{
	struct twin *t = malloc(sizeof(*t) + strlen(c->path) + 1), **found;

	if (!t)
		return refuse(c, ENOMEM, "out of memory");
	t->dev = st->st_dev;
	t->ino = st->st_ino;
	(void)strcpy(t->path, c->path);
	found = tsearch(t, &c->twins, twin_order);
	if (found && *found == t)
		return 0;
	free(t);
	if (!found)
		return refuse(c, ENOMEM, "out of memory");
	return linkat(c->to_root, (*found)->path, to_dir, name, 0) < 0 ? failed(c) : 1;
}

static int copy_directory(struct copy *c, int from, int to, const struct stat *st, unsigned depth);

static int copy_below(struct copy *c, int from, int to_dir, const char *name, const struct stat *st, unsigned depth)
{
	_cleanup_fd_ int to = -1;

	if (mkdirat(to_dir, name, 0700) < 0)
		return failed(c);
	to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return to < 0 ? failed(c) : copy_directory(c, from, to, st, depth + 1);
}

static int copy_entry(struct copy *c, int from_dir, int to_dir, const char *name, unsigned depth)
{
	_cleanup_fd_ int from = -1;
	int flags = O_PATH | O_NOFOLLOW;
	struct stat st;
	int r = 0;

	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(c);
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	from = sys_openat2(from_dir, name, (uint64_t)flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	if (from < 0 && errno == EXDEV)
		return refuse(c, EBADMSG, "is a mount; unmount it, or copy without it");
	if (from < 0 || fstat(from, &st) < 0)
		return failed(c);
	if ((flags & O_PATH) && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return refuse(c, EBADMSG, "was replaced while it was read");
	if ((S_ISREG(st.st_mode) || S_ISLNK(st.st_mode) || S_ISFIFO(st.st_mode)) && st.st_nlink > 1)
		r = copy_twin(c, to_dir, name, &st);
	if (r != 0)
		return r < 0 ? r : 0;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return copy_regular(c, from, to_dir, name, &st);
	case S_IFDIR:
		return copy_below(c, from, to_dir, name, &st, depth);
	case S_IFLNK:
		return copy_link(c, from, to_dir, name, &st);
	case S_IFIFO:
		return copy_fifo(c, to_dir, name, &st);
	default:
		c->left_out++;
		return 0;
	}
}

static int copy_named(struct copy *c, int from, int to, const char *name, unsigned depth)
{
	size_t here = strlen(c->path);
	int r;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if ((size_t)snprintf(c->path + here, sizeof(c->path) - here, "%s%s", here ? "/" : "", name) >= sizeof(c->path) - here)
		return refuse(c, ENAMETOOLONG, "its path is too long");
	r = copy_entry(c, from, to, name, depth);
	if (r == 0)
		c->path[here] = '\0';
	return r;
}

static int copy_directory(struct copy *c, int from, int to, const struct stat *st, unsigned depth)
{
	_cleanup_fd_ int own = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_dir_ DIR *dir = own < 0 ? NULL : fdopendir(own);
	const struct dirent *d;
	int r = 0;

	if (!dir)
		return failed(c);
	(void)fd_take(&own); /* dir's now */
	if (depth > TREE_DEPTH)
		return refuse(c, EBADMSG, "lies too deep");
	while (r == 0 && (errno = 0, (d = readdir(dir))))
		r = copy_named(c, from, to, d->d_name, depth);
	if (r == 0 && errno)
		r = failed(c);
	return r < 0 ? r : copy_rest(c, from, to, st);
}

int image_copy_tree(int from_fd, int to_fd, unsigned *ret_left_out, struct err *e)
{
	_cleanup_free_ struct copy *c = calloc(1, sizeof(*c));
	struct stat st;
	int r;

	if (!c)
		return err_set(e, ENOMEM, "out of memory");
	c->to_root = to_fd;
	c->e = e;
	if (fstat(from_fd, &st) < 0)
		return failed(c);
	r = copy_directory(c, from_fd, to_fd, &st, 0);
	tdestroy(c->twins, free);
	if (r == 0)
		*ret_left_out = c->left_out;
	return r;
}
