/*
 * image_cache - images that were verified and have not changed since, with their trees attached.
 *
 * Trust:  the main process alone keeps it; its children see the copy of the moment they began. What a child hands over it has read
 *         and verified itself (launch_place.c).
 * Fails:  what cannot be kept is read again by the next launch.
 */
#include "helper/image_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/launches.h"
#include "helper/paths.h"
#include "helper/public/syscalls.h"
#include "helper/server.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

static uint64_t last_serial;

const struct cached_image *image_cache_find(const char *name)
{
	const struct cached_image *i;

	for (i = server.images; i; i = i->next)
		if (strcmp(i->image.manifest.name, name) == 0)
			return i;
	return NULL;
}

/*
 * Attached, as kernels before 6.15 clone no mount that is not. In the helper's own mount namespace, whose mounts go with it; what
 * containers have is their own clone.
 */
static int image_attach(const struct cached_image *i)
{
	_cleanup_fd_ int at = -1;
	char path[64];

	(void)snprintf(path, sizeof(path), IMAGES_DIR "/%llu", (unsigned long long)i->serial);
	if ((mkdir(IMAGES_DIR, 0700) < 0 && errno != EEXIST) || (mkdir(path, 0700) < 0 && errno != EEXIST))
		return -errno;
	at = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return at < 0 || sys_move_mount(i->image.tree_fd, at) < 0 ? -errno : 0;
}

static void image_detach(const struct cached_image *i)
{
	char path[64];

	(void)snprintf(path, sizeof(path), IMAGES_DIR "/%llu", (unsigned long long)i->serial);
	(void)sys_umount2(path, MNT_DETACH);
	(void)rmdir(path);
}

static void image_forget(const char *name)
{
	struct cached_image **at, *gone;

	for (at = &server.images; *at; at = &(*at)->next)
		if (strcmp((*at)->image.manifest.name, name) == 0) {
			gone = *at;
			*at = gone->next;
			image_detach(gone);
			image_done(&gone->image);
			free(gone);
			return;
		}
}

bool image_cache_same(uint64_t serial)
{
	struct cached_image *i;

	for (i = server.images; i; i = i->next)
		if (i->serial == serial) {
			if (image_unchanged(&i->image))
				return true;
			image_forget(i->image.manifest.name);
			return false;
		}
	return false;
}

static int manifest_of(int fd, struct manifest *ret)
{
	_cleanup_free_ char *text = malloc(MANIFEST_MAX);
	ssize_t n = text ? pread(fd, text, MANIFEST_MAX, 0) : -1;
	struct err e;

	return n < 0 ? -ENOMEM : manifest_parse(text, (size_t)n, ret, &e);
}

/* A place holder is no file of an image's. */
static int real_fd(int *fd)
{
	struct stat st;

	if (*fd >= 0 && fstat(*fd, &st) == 0 && S_ISCHR(st.st_mode))
		cleanup_fd(fd);
	return fd_take(fd);
}

/* Several may have read it at once: who comes later finds it here, and must not take it away from those who clone it. */
static bool image_is_here(const struct image *image)
{
	struct cached_image *i;

	for (i = server.images; i; i = i->next)
		if (strcmp(i->image.manifest.name, image->manifest.name) == 0)
			return strcmp(i->image.manifest.digest, image->manifest.digest) == 0 &&
				strcmp(i->image.signer, image->signer) == 0 && image_unchanged(&i->image);
	return false;
}

bool image_cache_take(const struct launch_note *n, int fds[static LAUNCH_FDS])
{
	struct cached_image *i = calloc(1, sizeof(*i));

	if (!i || manifest_of(fds[LAUNCH_FD_MANIFEST], &i->image.manifest) < 0) {
		free(i);
		return false;
	}
	i->image.tree_fd = i->image.file_fd = i->image.watch_fd = -1;
	memcpy(i->image.signer, n->signer, sizeof(i->image.signer));
	i->image.signer[sizeof(i->image.signer) - 1] = '\0';
	if (image_is_here(&i->image)) {
		image_done(&i->image);
		free(i);
		return false;
	}
	image_forget(i->image.manifest.name);
	i->image.stamp = n->stamp;
	i->image.tree_fd = fd_take(&fds[LAUNCH_FD_TREE]);
	i->image.file_fd = real_fd(&fds[LAUNCH_FD_FILE]);
	i->image.watch_fd = real_fd(&fds[LAUNCH_FD_WATCH]);
	i->serial = ++last_serial;
	if (image_attach(i) < 0) {
		image_detach(i);
		image_done(&i->image);
		free(i);
		return false;
	}
	i->next = server.images;
	server.images = i;
	return true;
}
