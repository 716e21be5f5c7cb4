/*
 * open - an image of the store, verified and ready to be mounted.
 *
 * Trust:  the store, the manifest and the keys are root's, or refused; what the manifest says holds only after all of the content was
 *         compared with it; what the content says is never asked.
 * In:     a disposable process with CAP_SYS_ADMIN, for the mount.
 * Order:  everything is watched before it is read, so that a change is in what was read or in what the watch tells. The kernel
 *         parses a file only after its digest was compared, through the same open file.
 * Fails:  *ret untouched, nothing left mounted or watched.
 */
#include "helper/image/image.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "helper/image/attach.h"
#include "helper/image/store.h"
#include "helper/image/sum.h"
#include "helper/image/tree.h"
#include "helper/image/watch.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

static long long nanoseconds(const struct timespec *t)
{
	return (long long)t->tv_sec * 1000000000 + t->tv_nsec;
}

static int stamp_take(int fd, struct image_stamp *ret, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "cannot be examined: %s", strerror(errno));
	*ret = (struct image_stamp){
		.size = st.st_size,
		.mtime_ns = nanoseconds(&st.st_mtim),
		.ctime_ns = nanoseconds(&st.st_ctim),
		.dev = st.st_dev,
		.ino = st.st_ino,
	};
	return 0;
}

static bool stamp_is(int fd, const struct image_stamp *s)
{
	struct image_stamp now = { 0 };
	struct err e;

	return stamp_take(fd, &now, &e) == 0 && now.size == s->size && now.mtime_ns == s->mtime_ns &&
	       now.ctime_ns == s->ctime_ns && now.dev == s->dev && now.ino == s->ino;
}

static int verify_tree(int fd, struct watch *w, struct image *i, struct err *e)
{
	struct tree_sum sum;
	int r = tree_sum(fd, NULL, w, &sum, e);

	if (r < 0)
		return err_wrap(e, r, "tree");
	if (strcmp(sum.digest, i->manifest.digest) != 0 || sum.size != i->manifest.size)
		return err_set(e, EBADMSG, "tree: is not what the manifest's digest says; carrel image verify tells what differs");
	return attach_tree(fd, &i->tree_fd, e);
}

static int verify_file(int fd, struct image *i, struct err *e)
{
	const char *file = image_kind_file(i->manifest.kind);
	int r = stamp_take(fd, &i->stamp, e);

	if (r == 0)
		r = fd_check_sum(fd, &i->manifest, e);
	if (r == 0)
		r = attach_file(fd, i->manifest.kind, &i->tree_fd, e);
	return r < 0 ? err_wrap(e, r, "%s", file) : 0;
}

static int open_content(int image_fd, struct watch *w, struct image *i, struct err *e)
{
	_cleanup_fd_ int fd = -1;
	int r = store_content(image_fd, &i->manifest, &fd, e);

	if (r < 0)
		return r;
	if (i->manifest.kind == IMAGE_TREE)
		return verify_tree(fd, w, i, e);
	r = verify_file(fd, i, e);
	if (r == 0)
		i->file_fd = fd_take(&fd);
	return r;
}

static int open_parts(int image_fd, const char *name, int keys_fd, struct watch *w, struct image *i, struct err *e)
{
	_cleanup_(manifest_text_done) struct manifest_text t = { 0 };
	int r;

	watch_directory(w, image_fd);
	if (keys_fd >= 0)
		watch_directory(w, keys_fd);
	r = store_manifest(image_fd, name, &t, e);
	if (r == 0)
		r = store_signer(image_fd, &t, keys_fd, i->signer, sizeof(i->signer), e);
	if (r < 0)
		return r;
	i->manifest = t.m;
	t.m = (struct manifest){ 0 };
	return open_content(image_fd, w, i, e);
}

static int open_all(int store_fd, const char *name, int keys_fd, struct watch *w, struct image *i, struct err *e)
{
	_cleanup_fd_ int image_fd = -1;
	int r = store_check(store_fd, e);

	if (r == 0)
		r = store_open(store_fd, name, &image_fd, e);
	if (r < 0)
		return r;
	r = open_parts(image_fd, name, keys_fd, w, i, e);
	/* What is missing of an image or of the machine does not mean that there is no such image. */
	return r < 0 ? err_wrap(e, r == -ENOENT ? -EIO : r, "image '%s'", name) : 0;
}

int image_open(int store_fd, const char *name, int keys_fd, struct image *ret, struct err *e)
{
	struct image i = { .tree_fd = -1, .file_fd = -1, .watch_fd = -1 };
	struct watch w = watch_begin(store_fd);
	int r = open_all(store_fd, name, keys_fd, &w, &i, e);

	i.watch_fd = w.fd;
	if (r == 0 && i.watch_fd >= 0 && !image_unchanged(&i))
		r = err_set(e, EBADMSG, "image '%s': was changed while it was verified; try again", name);
	if (r < 0) {
		image_done(&i);
		return r;
	}
	*ret = i;
	return 0;
}

void image_done(struct image *i)
{
	manifest_done(&i->manifest);
	cleanup_fd(&i->tree_fd);
	cleanup_fd(&i->file_fd);
	cleanup_fd(&i->watch_fd);
}

bool image_unchanged(struct image *i)
{
	if (i->watch_fd < 0)
		return false;
	if (watch_is_quiet(i->watch_fd, i->manifest.name) && (i->file_fd < 0 || stamp_is(i->file_fd, &i->stamp)))
		return true;
	/* What the watch told is eaten: without it, false stays false. */
	cleanup_fd(&i->watch_fd);
	return false;
}
