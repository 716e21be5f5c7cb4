#include "helper/image/watch.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "policy/base/cleanup.h"

/*
 * Two things that root can do make no event: writing through a mapping, until it is closed; and writing through a name outside of the
 * tree that is made after it was verified (the next verification refuses it). To see the second, each file would have
 * to be watched, which pins them all in memory.
 */
#define EVENTS                                                                                                         \
	(IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_DELETE_SELF | \
		IN_MOVE_SELF)

/* inotify(7) counts from 1 in each instance, and the store's directory is the first. */
#define STORE_WATCH 1

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
#define ZFS_MAGIC 0x2fc12fc1
#define BCACHEFS_MAGIC 0xca451a4e
#define JFS_MAGIC 0x3153464a

/* Known to change through this kernel alone. */
static bool is_local(int fd)
{
	static const uint32_t local[] = { EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, TMPFS_MAGIC,
		OVERLAYFS_SUPER_MAGIC, ZFS_MAGIC, BCACHEFS_MAGIC, JFS_MAGIC, SQUASHFS_MAGIC, EROFS_SUPER_MAGIC_V1 };
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		if ((uint32_t)fs.f_type == local[i])
			return true;
	return false;
}

void watch_directory(struct watch *w, int dir_fd)
{
	char path[64];

	if (w->fd < 0)
		return;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", dir_fd);
	if (!is_local(dir_fd) || inotify_add_watch(w->fd, path, EVENTS | IN_ONLYDIR) < 0)
		cleanup_fd(&w->fd);
}

struct watch watch_begin(int store_fd)
{
	struct watch w = { inotify_init1(IN_NONBLOCK | IN_CLOEXEC) };

	watch_directory(&w, store_fd);
	return w;
}

/* Other images come and go in the same store. */
static bool concerns(const struct inotify_event *event, const char *image)
{
	return event->wd != STORE_WATCH || event->len == 0 || strcmp(event->name, image) == 0;
}

bool watch_is_quiet(int watch_fd, const char *image)
{
	alignas(struct inotify_event) char events[4096];
	ssize_t n;

	while ((n = read(watch_fd, events, sizeof(events))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const struct inotify_event *)(events + at);

			if (concerns(event, image))
				return false;
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
	return false;
}
