/*
 * image_work - the hidden directory of the store: imports in the making, and images that were removed.
 *
 * Trust:  0700 and root's; what is in it came out of archives, and is taken away by descriptor and single name only.
 * Order:  the lock before anything is looked at; a finished import leaves by one rename.
 * Fails:  what is left stays hidden, and the next one takes it away.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/cli/image.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/io.h"

#define WORK ".work"
#define LOCK "lock"
#define GONE "gone." /* images that were removed: gone.NUMBER */
#define HOISTED "up." /* directories on their way out */

static int failed(struct err *e, const char *what)
{
	return err_set(e, errno, "cannot %s of the store's work: %s", what, strerror(errno));
}

static int lock_take(int work_fd, int *ret_fd, struct err *e)
{
	_cleanup_fd_ int fd = openat(work_fd, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return failed(e, "open the lock");
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return failed(e, "take the lock");
		(void)fputs("carrel image: waiting for another one that changes the store\n", stderr);
		while (flock(fd, LOCK_EX) < 0)
			if (errno != EINTR)
				return failed(e, "take the lock");
	}
	*ret_fd = fd_take(&fd);
	return 0;
}

int work_begin(const struct image_place *p, struct image_work *ret, struct err *e)
{
	struct image_work w = { .place = p, .fd = -1, .lock_fd = -1 };
	int r;

	r = store_check(p->store_fd, e);
	if (r < 0)
		return r;
	if (mkdirat(p->store_fd, WORK, 0700) < 0 && errno != EEXIST)
		return failed(e, "make the directory");
	w.fd = openat(p->store_fd, WORK, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (w.fd < 0)
		return failed(e, "open the directory");
	r = fd_check_owner(w.fd, e);
	if (r == 0)
		r = lock_take(w.fd, &w.lock_fd, e);
	if (r == 0)
		r = work_clean(&w, e);
	if (r < 0)
		work_end(&w);
	else
		*ret = w;
	return r;
}

void work_end(struct image_work *w)
{
	cleanup_fd(&w->fd);
	cleanup_fd(&w->lock_fd);
}

/* --- taking away --- */

static DIR *directory(int dir_fd, const char *name)
{
	_cleanup_fd_ int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir)
		(void)fd_take(&fd);
	return dir;
}

/* Directories are not walked but lifted up beside the others, so that no depth is too deep. */
static int hoist(int dir_fd, const char *name, int work_fd, unsigned *number)
{
	char up[32];

	do
		(void)snprintf(up, sizeof(up), HOISTED "%u", (*number)++);
	while (renameat(dir_fd, name, work_fd, up) < 0 && (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR));
	return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? -1 : 0;
}

/* Empties the directory and removes it; what it held of directories stands beside it then. */
static int flatten(int work_fd, const char *name, unsigned *number, bool *again)
{
	_cleanup_dir_ DIR *dir = directory(work_fd, name);
	const struct dirent *d;

	if (!dir)
		return errno == ENOTDIR || errno == ELOOP ? unlinkat(work_fd, name, 0) : -1;
	while (errno = 0, (d = readdir(dir))) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(dir), d->d_name, 0) == 0)
			continue;
		if (errno != EISDIR || hoist(dirfd(dir), d->d_name, work_fd, number) < 0)
			return -1;
		*again = true;
	}
	return errno ? -1 : unlinkat(work_fd, name, AT_REMOVEDIR);
}

/* A removed tree that containers still run from. One of a file lives on in its mounts. */
static bool is_used(int work_fd, const char *name, const struct strv *users, bool known)
{
	_cleanup_(manifest_text_done) struct manifest_text t = { 0 };
	_cleanup_fd_ int fd = openat(work_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct err e;

	if (fd < 0 || store_manifest(fd, NULL, &t, &e) < 0)
		return false; /* was not run, as it is no image */
	return t.m.kind == IMAGE_TREE && (!known || strv_has(users, t.m.digest));
}

/* One round over all that lies there. */
static int clean_round(struct image_work *w, const struct strv *users, bool known, unsigned *number, bool *again)
{
	_cleanup_dir_ DIR *dir = directory(w->fd, ".");
	const struct dirent *d;

	w->held = 0;
	if (!dir)
		return -1;
	while (errno = 0, (d = readdir(dir))) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 || strcmp(d->d_name, LOCK) == 0)
			continue;
		if (strncmp(d->d_name, GONE, strlen(GONE)) == 0 && is_used(w->fd, d->d_name, users, known))
			w->held++;
		else if (flatten(w->fd, d->d_name, number, again) < 0)
			return -1;
	}
	return errno ? -1 : 0;
}

int work_clean(struct image_work *w, struct err *e)
{
	_cleanup_(strv_done) struct strv users = { 0 };
	struct err why;
	/* Who uses another machine's store cannot be asked here; nobody does. */
	bool known = !w->place->here || image_users(&users, &why) == 0;
	unsigned number = 0;
	bool again;

	do {
		again = false;
		if (clean_round(w, &users, known, &number, &again) < 0)
			return failed(e, "take away what is left");
	} while (again);
	return 0;
}

int work_retire(struct image_work *w, const char *name, struct err *e)
{
	char gone[32];

	for (unsigned i = 0;; i++) {
		(void)snprintf(gone, sizeof(gone), GONE "%u", i);
		if (faccessat(w->fd, gone, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			break;
	}
	if (renameat(w->place->store_fd, name, w->fd, gone) < 0)
		return err_set(e, errno, errno == ENOENT ? "there is no image '%s'" : "cannot remove '%s'", name);
	(void)fsync(w->place->store_fd);
	return 0;
}
