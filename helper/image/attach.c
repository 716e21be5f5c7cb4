/*
 * attach - makes a verified image a mount.
 *
 * Trust:  the kernel parses a file that was compared with its manifest, from the same open file description; that file is root's, and
 *         others cannot write it.
 * In:     CAP_SYS_ADMIN in the initial user namespace.
 * Order:  flags before anybody can reach the mount: it is detached, and the caller hands on nothing but its descriptor.
 * Fails:  nothing stays mounted, and no loop device bound.
 */
#include "helper/image/attach.h"

#include <errno.h>
#include <linux/loop.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "helper/public/syscalls.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define FLAGS (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define LOOP_TRIES 64

static int failed(struct err *e, const char *what)
{
	return err_set(e, errno, "cannot %s: %s", what, strerror(errno));
}

/* Private: what root mounts below the tree on the host later does not appear in containers. */
static int restrict_mount(int mount_fd, struct err *e)
{
	struct mount_attr attr = { .attr_set = FLAGS, .propagation = MS_PRIVATE };

	if (sys_mount_setattr(mount_fd, "", AT_EMPTY_PATH, &attr) < 0)
		return failed(e, "make its mount read-only, nosuid and nodev");
	return 0;
}

int attach_tree(int fd, int *ret_fd, struct err *e)
{
	_cleanup_fd_ int tree = sys_open_tree(fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	int r;

	if (tree < 0)
		return failed(e, "clone its tree");
	r = restrict_mount(tree, e);
	if (r == 0)
		*ret_fd = fd_take(&tree);
	return r;
}

/* Whoever asks for a free number at the same time may be faster: EBUSY, and another one is tried. */
static int loop_attach(int file_fd, bool writable, int *ret_fd, struct err *e)
{
	struct loop_config config = { .fd = (uint32_t)file_fd,
		.info = { .lo_flags = LO_FLAGS_AUTOCLEAR | (writable ? 0 : LO_FLAGS_READ_ONLY) } };
	_cleanup_fd_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

	if (control < 0)
		return failed(e, "open /dev/loop-control, which mounting a file needs");
	for (int i = 0; i < LOOP_TRIES; i++) {
		_cleanup_fd_ int loop = -1;
		char path[32];
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		if (number < 0)
			return failed(e, "get a free loop device");
		(void)snprintf(path, sizeof(path), "/dev/loop%d", number);
		loop = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW);
		if (loop < 0)
			return err_set(e, errno, "cannot open the loop device %s: %s", path, strerror(errno));
		if (ioctl(loop, LOOP_CONFIGURE, &config) == 0) {
			*ret_fd = fd_take(&loop);
			return 0;
		}
		if (errno != EBUSY)
			return err_set(e, errno, "cannot bind the loop device %s: %s", path, strerror(errno));
	}
	return err_set(e, EBUSY, "others take every free loop device; try again");
}

/* source_fd: a file or a loop device, which is found by its descriptor, not by a name that others could have taken. */
static int file_system_mount(const char *type, int source_fd, bool writable, int *ret_fd, struct err *e)
{
	_cleanup_fd_ int fs = sys_fsopen(type), tree = -1;
	char source[64];

	if (fs < 0)
		return err_set(e, errno, "this kernel has no file system %s: %s", type, strerror(errno));
	(void)snprintf(source, sizeof(source), "/proc/self/fd/%d", source_fd);
	if (sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) < 0 ||
		(!writable && sys_fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0) ||
		sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_set(e, errno, "the kernel does not take it as %s: %s", type, strerror(errno));
	tree = sys_fsmount(fs, writable ? MOUNT_ATTR_NODEV : FLAGS);
	if (tree < 0)
		return failed(e, "mount it");
	*ret_fd = fd_take(&tree);
	return 0;
}

int attach_file(int fd, enum image_kind kind, int *ret_fd, struct err *e)
{
	const char *type = image_kind_name(kind);
	_cleanup_fd_ int loop = -1;
	int r;

	/* EROFS needs no block device since Linux 6.12, on most file systems; where it does, this fails and the long way is gone. */
	if (kind == IMAGE_EROFS && file_system_mount(type, fd, false, ret_fd, e) == 0)
		return 0;
	r = loop_attach(fd, false, &loop, e);
	return r < 0 ? r : file_system_mount(type, loop, false, ret_fd, e);
}

int attach_writable(int fd, const char *type, int *ret_fd, struct err *e)
{
	_cleanup_fd_ int loop = -1;
	int r = loop_attach(fd, true, &loop, e);

	return r < 0 ? r : file_system_mount(type, loop, true, ret_fd, e);
}
