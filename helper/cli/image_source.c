#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "helper/cli/image.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

static bool holds(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What the image's directory of another store is called in this one is settled by its manifest. */
static bool is_image(int dir_fd, enum image_kind *ret)
{
	static const enum image_kind kinds[] = { IMAGE_TREE, IMAGE_SQUASHFS, IMAGE_EROFS };

	if (!holds(dir_fd, STORE_MANIFEST))
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (holds(dir_fd, image_kind_file(kinds[i]))) {
			*ret = kinds[i];
			return true;
		}
	return false;
}

static int recognise(struct image_source *s, struct err *e)
{
	struct stat st;

	if (fstat(s->fd, &st) < 0)
		return err_set(e, errno, "'%s': %s", s->path, strerror(errno));
	if (S_ISDIR(st.st_mode)) {
		if (holds(s->fd, "oci-layout") && holds(s->fd, "index.json"))
			s->kind = SOURCE_OCI;
		else
			s->kind = is_image(s->fd, &s->file) ? SOURCE_IMAGE : SOURCE_DIRECTORY;
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "'%s': neither a directory nor a file", s->path);
	if (st.st_size == 0)
		return err_set(e, EINVAL, "'%s': is empty", s->path);
	s->file = file_kind(s->fd);
	if (s->file != IMAGE_NONE) {
		s->kind = SOURCE_FILE;
		return 0;
	}
	if (image_archive_kind(s->fd, &s->kind, e) < 0)
		return err_wrap(e, -EINVAL, "'%s': no squashfs, no EROFS, no tar", s->path);
	return 0;
}

/* O_NONBLOCK: a FIFO would wait for somebody who writes. */
static int open_path(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* "PATH:TAG", where no file is called so. */
static int open_tagged(const char *path, const char **ret_tag)
{
	const char *colon = strrchr(path, ':');
	_cleanup_free_ char *shorter = NULL;
	int fd;

	if (!colon || !colon[1])
		return -1;
	shorter = strndup(path, (size_t)(colon - path));
	fd = shorter ? open_path(shorter) : -1;
	if (fd >= 0)
		*ret_tag = colon + 1;
	return fd;
}

int image_source_open(const char *path, struct image_source *ret, struct err *e)
{
	struct image_source s = { .path = path, .fd = open_path(path) };
	int code = errno, r;

	if (s.fd < 0 && code == ENOENT)
		s.fd = open_tagged(path, &s.tag);
	if (s.fd < 0)
		return err_set(e, code, "'%s': %s", path, strerror(code));
	r = recognise(&s, e);
	if (r == 0 && s.tag && s.kind != SOURCE_OCI && s.kind != SOURCE_OCI_ARCHIVE && s.kind != SOURCE_DOCKER_ARCHIVE)
		r = err_set(e, ENOENT, "'%s': %s, and only images of OCI have tags", path, strerror(ENOENT));
	if (r < 0)
		cleanup_fd(&s.fd);
	else
		*ret = s;
	return r;
}
