/*
 * pamtree_write - replaces and removes the files of /etc/pam.d.
 *
 * Order:  backup on disk, new text on disk, then one rename: at any instant the service's file is
 *         the old or the new one.
 * Fails:  with the file as it was. A name that starts with a dot, left by a crash, is no service to
 *         libpam's callers and is cleared by the next run.
 */
#include "helper/cli/pamtree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"

static const char backup_dir[] = "/var/lib/carrel/pam-backup";

static int text_write(int fd, const char *text, struct err *e)
{
	size_t n = strlen(text);

	while (n > 0) {
		ssize_t wrote = write(fd, text, n);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return err_set(e, errno, "write: %s", strerror(errno));
		text += wrote;
		n -= (size_t)wrote;
	}
	if (fsync(fd) < 0)
		return err_set(e, errno, "fsync: %s", strerror(errno));
	return 0;
}

/* What is about the content must not be carried over: a signature of the old text is none of the
 * new. */
static bool attribute_is_kept(const char *name)
{
	return strcmp(name, "security.ima") != 0 && strcmp(name, "security.evm") != 0;
}

static int attribute_copy(int from_fd, int to_fd, const char *name, struct err *e)
{
	_cleanup_free_ char *value = NULL;
	ssize_t n = fgetxattr(from_fd, name, NULL, 0);

	if (n < 0)
		return err_set(e, errno, "attribute '%s': %s", name, strerror(errno));
	value = malloc((size_t)n + 1);
	if (!value)
		return err_set(e, ENOMEM, "out of memory");
	n = fgetxattr(from_fd, name, value, (size_t)n);
	if (n < 0 || fsetxattr(to_fd, name, value, (size_t)n, 0) < 0)
		return err_set(e, errno, "attribute '%s': %s", name, strerror(errno));
	return 0;
}

static int attributes_copy(int from_fd, int to_fd, struct err *e)
{
	char names[4096];
	ssize_t n = flistxattr(from_fd, names, sizeof(names));

	if (n < 0)
		return errno == ENOTSUP ? 0 : err_set(e, errno, "attributes: %s", strerror(errno));
	for (const char *name = names; name < names + n; name += strlen(name) + 1) {
		int r = attribute_is_kept(name) ? attribute_copy(from_fd, to_fd, name, e) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* Owner before mode: a chown clears mode bits. */
static int owner_copy(int fd, const struct stat *st, struct err *e)
{
	if (fchown(fd, st->st_uid, st->st_gid) < 0)
		return err_set(e, errno, "chown: %s", strerror(errno));
	if (fchmod(fd, st->st_mode & 0777) < 0)
		return err_set(e, errno, "chmod: %s", strerror(errno));
	return 0;
}

static int backup_dir_open(const struct pamtree *t, struct err *e)
{
	_cleanup_fd_ int fd = -1;
	char path[sizeof(backup_dir)];

	/* RESOLVE_IN_ROOT has no mkdir: each step is made in the directory that was opened for it
	 */
	for (const char *slash = strchr(backup_dir + 1, '/');; slash = strchr(slash + 1, '/')) {
		size_t n = slash ? (size_t)(slash - backup_dir) : strlen(backup_dir);
		const char *name;

		memcpy(path, backup_dir, n);
		path[n] = '\0';
		name = strrchr(path, '/') + 1;
		if (mkdirat(fd < 0 ? t->root_fd : fd, name, slash ? 0755 : 0700) < 0 &&
			errno != EEXIST)
			return err_set(
				e, errno, "mkdir '%s%s': %s", t->prefix, path, strerror(errno));

		cleanup_fd(&fd);
		fd = pamtree_openat(t->root_fd, path, O_RDONLY | O_DIRECTORY);
		if (fd < 0)
			return err_set(
				e, errno, "open '%s%s': %s", t->prefix, path, strerror(errno));
		if (!slash)
			return fd_take(&fd);
	}
}

static int backup_write(const struct pamtree *t, const char *service, const struct pamtree_file *f,
	char **ret, struct err *e)
{
	_cleanup_fd_ int dir_fd = backup_dir_open(t, e);
	_cleanup_fd_ int fd = -1;
	char name[160], when[32];
	time_t now = time(NULL);
	struct tm tm;
	int r;

	if (dir_fd < 0)
		return dir_fd;
	(void)strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	for (int i = 0; fd < 0 && i < 1000; i++) {
		(void)snprintf(name, sizeof(name), "%s.%s.%03d", service, when, i);
		fd = openat(
			dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (fd < 0)
		return err_set(e, errno, "create '%s%s/%s': %s", t->prefix, backup_dir, name,
			strerror(errno));

	r = text_write(fd, f->text, e);
	if (r == 0)
		r = owner_copy(fd, &f->st, e);
	if (r < 0)
		(void)unlinkat(dir_fd, name, 0);
	if (r < 0)
		return err_wrap(e, r, "%s%s/%s", t->prefix, backup_dir, name);
	(void)fsync(dir_fd);
	if (asprintf(ret, "%s%s/%s", t->prefix, backup_dir, name) < 0) {
		*ret = NULL;
		return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

/* The new file under its temporary name, complete and on disk. */
static int new_write(const struct pamtree *t, const char *name, const struct pamtree_file *f,
	const char *text, struct err *e)
{
	_cleanup_fd_ int fd = -1;
	int r;

	if (unlinkat(t->pamd_fd, name, 0) < 0 && errno != ENOENT)
		return err_set(e, errno, "unlink '%s': %s", name, strerror(errno));
	fd = openat(t->pamd_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, errno, "create '%s': %s", name, strerror(errno));

	if (f->fd < 0) {
		if (fchmod(fd, 0644) < 0)
			return err_set(e, errno, "chmod: %s", strerror(errno));
	} else {
		r = owner_copy(fd, &f->st, e);
		if (r == 0)
			r = attributes_copy(f->fd, fd, e);
		if (r < 0)
			return r;
	}
	return text_write(fd, text, e);
}

/* -EBUSY unless the service's file is still the one that was read. */
static int file_is_same(
	const struct pamtree *t, const char *service, const struct pamtree_file *f, struct err *e)
{
	struct stat st;

	if (fstatat(t->pamd_fd, service, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT && f->fd < 0)
			return 0;
		return err_set(e, EBUSY, "%s: gone meanwhile", f->path);
	}
	if (f->fd < 0 || st.st_ino != f->st.st_ino || st.st_dev != f->st.st_dev ||
		st.st_size != f->st.st_size || st.st_mtim.tv_sec != f->st.st_mtim.tv_sec ||
		st.st_mtim.tv_nsec != f->st.st_mtim.tv_nsec)
		return err_set(e, EBUSY, "%s: changed meanwhile by somebody else", f->path);
	return 0;
}

int pamtree_file_replace(const struct pamtree *t, const char *service, const struct pamtree_file *f,
	const char *text, char **ret_backup, struct err *e)
{
	_cleanup_free_ char *backup = NULL;
	char name[128];
	int r = 0;

	if (f->fd >= 0)
		r = backup_write(t, service, f, &backup, e);
	if (r < 0)
		return r;

	(void)snprintf(name, sizeof(name), ".carrel-%s", service);
	r = new_write(t, name, f, text, e);
	if (r == 0)
		r = file_is_same(t, service, f, e);
	if (r == 0 && renameat(t->pamd_fd, name, t->pamd_fd, service) < 0)
		r = err_set(e, errno, "rename: %s", strerror(errno));
	if (r < 0) {
		(void)unlinkat(t->pamd_fd, name, 0);
		return err_wrap(e, r, "%s%s/%s", t->prefix, "/etc/pam.d", service);
	}
	(void)fsync(t->pamd_fd);
	*ret_backup = ptr_take(&backup);
	return 0;
}

int pamtree_file_remove(const struct pamtree *t, const char *service, const struct pamtree_file *f,
	char **ret_backup, struct err *e)
{
	_cleanup_free_ char *backup = NULL;
	int r;

	r = backup_write(t, service, f, &backup, e);
	if (r == 0)
		r = file_is_same(t, service, f, e);
	if (r == 0 && unlinkat(t->pamd_fd, service, 0) < 0)
		r = err_set(e, errno, "unlink '%s': %s", f->path, strerror(errno));
	if (r < 0)
		return r;
	(void)fsync(t->pamd_fd);
	*ret_backup = ptr_take(&backup);
	return 0;
}
