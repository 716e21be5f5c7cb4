/*
 * listener - a program under seccomp's user notification: how it is started, heard and answered.
 *
 * Trust:  the supervised program is whatever a user asked for, with the user's own rights; what it says about its calls
 *         is recorded or printed and decides nothing. Calls go on as the caller made them: this is no fence.
 * In:     argv, the seccomp program, the signal mask that argv shall have.
 * Order:  share the table of descriptors, attach, tell the descriptor, exec. The listener appears in the parent's table
 *         at the moment of its birth, so that no call between attach and exec needs to be answered, or exempted.
 * Fails:  a story in struct err, and the child is dead. Without a listener nothing was executed.
 */
#include "helper/learn/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/prctl.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/io.h"

/* Linux 5.19 and 6.6; older headers do not know them, older kernels refuse them. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

/* Written by the child, read by the parent after it was told to. */
struct listener_shared {
	int fd; /* the listener; -errno when there is none */
	bool no_new_privs;
	int exec_error;
};

static int attach(const struct sock_filter *insns, size_t n)
{
	struct sock_fprog prog = { .len = (unsigned short)n, .filter = (struct sock_filter *)(uintptr_t)insns };
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);

	if (fd < 0 && errno == EINVAL)
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	return fd < 0 ? -errno : (int)fd;
}

static void silence(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	/* Whoever looks at a terminal shall see one; everything else has been written once. */
	for (int out = 1; out <= 2; out++)
		if (!isatty(out))
			(void)dup2(fd, out);
}

static bool promise(struct listener_shared *shared)
{
	shared->no_new_privs = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
	return shared->no_new_privs;
}

/* Shares descriptors with the parent until exec: closes and replaces none before silence(), which must not be shared. */
static void __attribute__((noreturn)) child(const struct listener_start *s, int told_fd, struct listener_shared *shared)
{
	const uint64_t one = 1;
	int fd;

	if (s->no_new_privs && !promise(shared))
		_exit(125);
	/* Root needs no promise to attach; everybody else makes it. */
	fd = attach(s->insns, s->n_insns);
	if (fd == -EACCES && promise(shared))
		fd = attach(s->insns, s->n_insns);
	shared->fd = fd;
	if (write(told_fd, &one, sizeof(one)) != sizeof(one) || fd < 0)
		_exit(125);
	/* Descriptors of its own, by a call that every filter allows: unshare() is none. */
	if (s->silent && syscall(SYS_close_range, ~0U, ~0U, CLOSE_RANGE_UNSHARE) == 0)
		silence();
	(void)sigprocmask(SIG_SETMASK, s->mask, NULL);
	(void)execvp(s->argv[0], s->argv);
	shared->exec_error = command_error(s->argv[0], errno);
	_exit(shared->exec_error == ENOENT ? 127 : 126);
}

/* Until the child has told, or died before it could. */
static int wait_told(int told_fd, pid_t pid)
{
	_cleanup_fd_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd fds[] = { { .fd = told_fd, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };

	if (pidfd < 0)
		return -errno;
	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int start_failed(int code, struct err *e)
{
	switch (-code) {
	case EBUSY:
		return err_set(e, EBUSY,
			"somebody listens to this process's system calls already (a container manager, or another carrel learn "
			"or trace), and the kernel allows one listener: run it outside of that");
	case EACCES:
	case EPERM:
	case ENOSYS:
		return err_set(e, -code,
			"a filter above this process forbids seccomp(2) or its listeners (%s): run it outside of that",
			strerror(-code));
	default:
		return err_set(e, -code, "attaching the filter: %s", strerror(-code));
	}
}

int listener_start(const struct listener_start *s, struct listener *ret, struct err *e)
{
	uint64_t wake = SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP;
	_cleanup_fd_ int told_fd = -1;
	int r;

	*ret = (struct listener){ .pid = -1, .fd = -1 };
	told_fd = eventfd(0, EFD_CLOEXEC);
	if (told_fd < 0)
		return err_set(e, errno, "eventfd: %s", strerror(errno));
	ret->shared = mmap(NULL, sizeof(*ret->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ret->shared == MAP_FAILED) {
		ret->shared = NULL;
		return err_set(e, errno, "mmap: %s", strerror(errno));
	}
	ret->shared->fd = -ECHILD;
	ret->pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (ret->pid == 0)
		child(s, told_fd, ret->shared);
	if (ret->pid < 0)
		return err_set(e, errno, "cannot start a process: %s", strerror(errno));
	r = wait_told(told_fd, ret->pid);
	if (r == 0 && ret->shared->fd < 0)
		r = ret->shared->fd;
	if (r < 0) {
		(void)kill(ret->pid, SIGKILL);
		(void)waitpid(ret->pid, NULL, 0);
		ret->pid = -1;
		return start_failed(r, e);
	}
	ret->fd = ret->shared->fd;
	ret->no_new_privs = ret->shared->no_new_privs;
	/* Where the kernel can, caller and listener then take turns on one CPU. */
	(void)ioctl(ret->fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, wake);
	return 0;
}

void listener_close(struct listener *l)
{
	cleanup_fd(&l->fd);
	if (l->shared)
		(void)munmap(l->shared, sizeof(*l->shared));
	l->shared = NULL;
}

int listener_exec_error(const struct listener *l)
{
	return l->shared->exec_error;
}

int listener_receive(const struct listener *l, struct seccomp_notif *ret, struct err *e)
{
	memset(ret, 0, sizeof(*ret));
	if (ioctl(l->fd, SECCOMP_IOCTL_NOTIF_RECV, ret) == 0)
		return 1;
	/* ENOENT: killed before it could be heard. */
	if (errno == ENOENT || errno == EINTR)
		return 0;
	return err_set(e, errno, "listening for system calls: %s", strerror(errno));
}

void listener_answer(const struct listener *l, uint64_t id, int error)
{
	struct seccomp_notif_resp resp = { .id = id, .error = -error };

	if (error == 0)
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	/* ENOENT: the caller was interrupted or killed meanwhile; then nobody waits for the answer. */
	(void)ioctl(l->fd, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

bool listener_is_valid(const struct listener *l, uint64_t id)
{
	return ioctl(l->fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}
