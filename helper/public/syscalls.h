#ifndef CARREL_PUBLIC_SYSCALLS_H
#define CARREL_PUBLIC_SYSCALLS_H

/*
 * The mount API and other calls that the glibc of RHEL 9 (2.34) has no functions for, and <sys/mount.h> of glibc 2.36
 * declares in conflict with <linux/mount.h>. Return values as the system calls': -1 and errno.
 */

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/ioctl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef MOUNT_ATTR_NOEXEC
#error "linux/mount.h of Linux 5.12 or newer is needed"
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif

static inline int sys_open_tree(int dir_fd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dir_fd, path, flags);
}

/* Attaches the mount fd on the directory or file target_fd, no path involved. */
static inline int sys_move_mount(int mount_fd, int target_fd)
{
	return (int)syscall(SYS_move_mount, mount_fd, "", target_fd, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static inline int sys_mount_setattr(int dir_fd, const char *path, unsigned flags, struct mount_attr *attr)
{
	return (int)syscall(SYS_mount_setattr, dir_fd, path, flags, attr, sizeof(*attr));
}

/* fsopen(2) and its kin, in man-pages 6.11. */
static inline int sys_fsopen(const char *type)
{
	return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}

static inline int sys_fsconfig(int fs_fd, unsigned cmd, const char *key, const void *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fs_fd, cmd, key, value, aux);
}

static inline int sys_fsmount(int fs_fd, unsigned attr)
{
	return (int)syscall(SYS_fsmount, fs_fd, FSMOUNT_CLOEXEC, attr);
}

static inline int sys_mount(const char *source, const char *target, const char *type, unsigned long flags,
	const void *data)
{
	return (int)syscall(SYS_mount, source, target, type, flags, data);
}

static inline int sys_umount2(const char *target, int flags)
{
	return (int)syscall(SYS_umount2, target, flags);
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

static inline int sys_openat2(int dir_fd, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how;

	memset(&how, 0, sizeof(how));
	how.flags = flags | O_CLOEXEC;
	how.resolve = resolve;
	return (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
}

static inline int sys_pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static inline int sys_pidfd_send_signal(int pidfd, int sig)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

/* With a value, as sigqueue() does. */
static inline int sys_pidfd_queue_signal(int pidfd, int sig, int value)
{
	siginfo_t info = { .si_signo = sig, .si_code = SI_QUEUE };

	info.si_uid = getuid();
	info.si_value.sival_int = value;
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, &info, 0);
}

/* Linux 6.11; -1, ENOTTY before. The number is PIDFD_GET_USER_NAMESPACE of <linux/pidfd.h>. */
static inline int sys_pidfd_user_ns(int pidfd)
{
	return (int)syscall(SYS_ioctl, pidfd, _IO(0xFF, 9), 0);
}

static inline int sys_close_range(unsigned first, unsigned last)
{
	return (int)syscall(SYS_close_range, first, last, 0);
}

#endif
