#include "helper/image/store.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "helper/public/syscalls.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/io.h"

/* Every part is one name below an open directory: no link, no mount over it. */
#define RESOLVE_PART (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV)

/* Above the store a sticky directory does as well: in it nobody renames or removes what is root's. */
static int check_above(int fd, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "cannot be examined: %s", strerror(errno));
	if (st.st_uid == 0 && (st.st_mode & S_ISVTX))
		return 0;
	return fd_check_owner(fd, e);
}

static bool is_same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

int store_check(int store_fd, struct err *e)
{
	_cleanup_fd_ int here = fcntl(store_fd, F_DUPFD_CLOEXEC, 3);
	int r = here < 0 ? err_set(e, errno, "%s", strerror(errno)) : fd_check_owner(here, e);

	if (r < 0)
		return err_wrap(e, r, "the store of images");
	for (;;) {
		int up = openat(here, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		bool root;

		if (up < 0)
			return err_set(e, errno, "a directory above the store of images: %s", strerror(errno));
		root = is_same(up, here);
		cleanup_fd(&here);
		here = up;
		if (root)
			return 0;
		r = check_above(here, e);
		if (r < 0)
			return err_wrap(e, r, "a directory above the store of images");
	}
}

/* A part that is missing or of another type is not as the manifest says; what the machine fails at keeps its error. */
static int part_error(struct err *e, const char *name)
{
	int code = errno;

	if (code == ELOOP)
		return err_set(e, EBADMSG, "%s: is a symbolic link", name);
	if (code == EXDEV)
		return err_set(e, EBADMSG, "%s: is a mount", name);
	if (code == ENOENT || code == ENOTDIR)
		return err_set(e, EBADMSG, "%s: %s", name, strerror(code));
	return err_set(e, code, "%s: %s", name, strerror(code));
}

/* O_NONBLOCK: a FIFO in a file's place must not make anybody wait. */
static int part_open(int dir_fd, const char *name, mode_t type, int *ret_fd, struct err *e)
{
	_cleanup_fd_ int fd = sys_openat2(dir_fd, name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | (type == S_IFDIR ? (uint64_t)O_DIRECTORY : 0), RESOLVE_PART);
	int r;

	if (fd < 0)
		return part_error(e, name);
	r = fd_check_type(fd, type, e);
	if (r < 0)
		return err_wrap(e, r == -EINVAL ? -EBADMSG : r, "%s", name);
	r = fd_check_owner(fd, e);
	if (r < 0)
		return err_wrap(e, r, "%s", name);
	*ret_fd = fd_take(&fd);
	return 0;
}

int store_open(int store_fd, const char *name, int *ret_fd, struct err *e)
{
	struct stat st;

	if (!image_name_valid(name))
		return err_set(e, ENOENT, "'%s' is no name of an image", name);
	if (fstatat(store_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return err_set(e, ENOENT, "there is no image '%s'", name);
	return part_open(store_fd, name, S_IFDIR, ret_fd, e);
}

void manifest_text_done(struct manifest_text *t)
{
	free(t->text);
	manifest_done(&t->m);
	*t = (struct manifest_text){ 0 };
}

int store_manifest(int image_fd, const char *name, struct manifest_text *ret, struct err *e)
{
	_cleanup_(manifest_text_done) struct manifest_text t = { 0 };
	_cleanup_fd_ int fd = -1;
	int r = part_open(image_fd, STORE_MANIFEST, S_IFREG, &fd, e);

	if (r < 0)
		return r;
	r = fd_read_all(fd, MANIFEST_MAX, &t.text, &t.len, e);
	if (r == 0)
		r = manifest_parse(t.text, t.len, &t.m, e);
	if (r < 0)
		return err_wrap(e, r == -EINVAL || r == -EFBIG ? -EBADMSG : r, STORE_MANIFEST);
	if (name && strcmp(t.m.name, name) != 0)
		return err_set(e, EBADMSG, STORE_MANIFEST ": is of an image '%s', not '%s'", t.m.name, name);
	*ret = t;
	t = (struct manifest_text){ 0 };
	return 0;
}

enum image_kind file_kind(int fd)
{
	static const uint8_t erofs[4] = { 0xe2, 0xe1, 0xf5, 0xe0 };
	uint8_t magic[4];

	if (pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && memcmp(magic, "hsqs", 4) == 0)
		return IMAGE_SQUASHFS;
	if (pread(fd, magic, sizeof(magic), 1024) == sizeof(magic) && memcmp(magic, erofs, 4) == 0)
		return IMAGE_EROFS;
	return IMAGE_NONE;
}

/* Two contents beside one manifest: nobody could tell which of them is meant. */
static int check_alone(int image_fd, enum image_kind kind, struct err *e)
{
	static const enum image_kind all[] = { IMAGE_TREE, IMAGE_SQUASHFS, IMAGE_EROFS };
	struct stat st;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const char *file = image_kind_file(all[i]);

		if (all[i] != kind && fstatat(image_fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return err_set(e, EBADMSG, "%s: is there, but the manifest says kind = %s", file, image_kind_name(kind));
	}
	return 0;
}

/* The tree's own directory is the container's root: its owner is the image's business. Only the one above it keeps others out. */
static int tree_open(int image_fd, int *ret_fd, struct err *e)
{
	_cleanup_fd_ int fd = -1;
	struct stat st;

	if (fstat(image_fd, &st) < 0)
		return err_set(e, errno, "cannot be examined: %s", strerror(errno));
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return err_set(e, EPERM,
			"others than root may enter its directory, and so write what the tree gives to its own users, and run its setuid programs on the host: chmod 0700");
	fd = sys_openat2(image_fd, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, RESOLVE_PART);
	if (fd < 0)
		return part_error(e, "tree");
	*ret_fd = fd_take(&fd);
	return 0;
}

int store_content(int image_fd, const struct manifest *m, int *ret_fd, struct err *e)
{
	_cleanup_fd_ int fd = -1;
	int r = check_alone(image_fd, m->kind, e);

	if (r == 0 && m->kind == IMAGE_TREE)
		return tree_open(image_fd, ret_fd, e);
	if (r == 0)
		r = part_open(image_fd, image_kind_file(m->kind), S_IFREG, &fd, e);
	if (r < 0)
		return r;
	if (file_kind(fd) != m->kind)
		return err_set(e, EBADMSG, "%s: holds no %s", image_kind_file(m->kind), image_kind_name(m->kind));
	*ret_fd = fd_take(&fd);
	return 0;
}
