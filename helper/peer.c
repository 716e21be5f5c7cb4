#include "helper/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/public/syscalls.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/io.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59 /* Linux 4.13 */
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

int peer_of(int socket_fd, struct peer *ret, struct err *e)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
		return err_set(e, errno, "cannot tell who asks: %s", strerror(errno));
	/* pid 0: the peer lives in a pid namespace from which we cannot see it; nobody of ours does. */
	if (cred.pid <= 0)
		return err_set(e, EPERM, "cannot tell who asks: its process is not visible here");
	*ret = (struct peer){ cred.pid, cred.uid, cred.gid };
	return 0;
}

/* Of all its user IDs; /proc/PID itself is root's when the process is not dumpable. */
static int process_check_uids(int proc_fd, pid_t pid, uid_t uid, struct err *e)
{
	_cleanup_file_ FILE *f = NULL;
	char path[32], line[128];
	unsigned long long real, effective, saved, fs;
	int fd;

	(void)snprintf(path, sizeof(path), "%d/status", (int)pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	f = fd >= 0 ? fdopen(fd, "re") : NULL;
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Uid: %llu %llu %llu %llu", &real, &effective, &saved, &fs) != 4)
			continue;
		if (real == uid && effective == uid && saved == uid && fs == uid)
			return 0;
		return err_set(e, EPERM, "the calling process has other user IDs than who asked: it runs a set-user-ID program");
	}
	return err_set(e, ESRCH, "the calling process is gone");
}

int peer_check_uids(int socket_fd, int proc_fd, struct err *e)
{
	struct peer peer;
	int r = peer_of(socket_fd, &peer, e);

	return r < 0 ? r : process_check_uids(proc_fd, peer.pid, peer.uid, e);
}

int peer_open(int socket_fd, int proc_fd, int *ret_pidfd, struct err *e)
{
	_cleanup_fd_ int pidfd = -1;
	struct pollfd p = { .events = POLLIN };
	socklen_t n = sizeof(pidfd);
	struct peer peer;
	int r = peer_of(socket_fd, &peer, e);

	if (r < 0)
		return r;
	/* An older kernel: the number may be another process's by now, but then one of the same user's. */
	if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &n) < 0 && errno == ENOPROTOOPT)
		pidfd = sys_pidfd_open(peer.pid);
	p.fd = pidfd;
	if (pidfd < 0 || poll(&p, 1, 0) != 0)
		return err_set(e, ESRCH, "the calling process is gone");
	r = process_check_uids(proc_fd, peer.pid, peer.uid, e);
	if (r < 0)
		return r;
	*ret_pidfd = fd_take(&pidfd);
	return 0;
}

int peer_still_there(int pidfd, struct err *e)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) == 0 ? 0 : err_set(e, ESRCH, "the calling process is gone");
}

int peer_groups(int socket_fd, gid_t **ret, size_t *ret_n, struct err *e)
{
	socklen_t n = 64 * sizeof(gid_t);
	_cleanup_free_ gid_t *groups = malloc(n);

	if (groups && getsockopt(socket_fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n) < 0) {
		if (errno != ERANGE) /* n says how many bytes it takes */
			return err_set(e, errno, "cannot read the caller's groups: %s", strerror(errno));
		free(groups);
		groups = malloc(n);
		if (groups && getsockopt(socket_fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n) < 0)
			return err_set(e, errno, "cannot read the caller's groups: %s", strerror(errno));
	}
	if (!groups)
		return err_set(e, ENOMEM, "out of memory");
	*ret_n = n / sizeof(gid_t);
	*ret = ptr_take(&groups);
	return 0;
}

#define PF_EXITING 0x4 /* linux/sched.h; from the beginning of do_exit() on */

/* Field `which` of proc(5) stat, one of the numbers from 3 up. */
static int stat_number(int proc_fd, pid_t pid, int which, uint64_t *ret)
{
	_cleanup_fd_ int fd = -1;
	char path[32], text[1024], *field;
	unsigned long long number;
	ssize_t n;
	int i;

	(void)snprintf(path, sizeof(path), "%d/stat", (int)pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	/* The name stands in parentheses and may hold anything, so count from the last one. */
	field = strrchr(text, ')');
	for (i = 2; field && i < which; i++)
		field = strchr(field + 1, ' ');
	if (!field || sscanf(field, " %llu", &number) != 1)
		return -ESRCH;
	*ret = number;
	return 0;
}

int process_start(int proc_fd, pid_t pid, uint64_t *ret)
{
	return stat_number(proc_fd, pid, 22, ret);
}

bool process_is_ending(int proc_fd, pid_t pid)
{
	uint64_t flags;

	return stat_number(proc_fd, pid, 9, &flags) < 0 || flags & PF_EXITING;
}

uint32_t process_audit_session(int proc_fd, pid_t pid)
{
	_cleanup_fd_ int fd = -1;
	char path[32], text[16] = "";
	uint32_t session;

	(void)snprintf(path, sizeof(path), "%d/sessionid", (int)pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || sscanf(text, "%u", &session) != 1 || session == UINT32_MAX)
		return 0;
	return session;
}

int process_gid_outside(int proc_fd, pid_t pid, gid_t inside, gid_t *ret)
{
	_cleanup_fd_ int fd = -1;
	_cleanup_free_ char *text = NULL;
	unsigned first, host, count;
	char path[32], *line;
	struct err e;
	size_t n;

	(void)snprintf(path, sizeof(path), "%d/gid_map", (int)pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, 1u << 16, &text, &n, &e) < 0)
		return -ESRCH;
	for (line = text; sscanf(line, "%u %u %u", &first, &host, &count) == 3; line++) {
		if (inside >= first && inside - first < count) {
			*ret = host + (inside - first);
			return 0;
		}
		line = strchr(line, '\n');
		if (!line)
			break;
	}
	return -ESRCH;
}

int process_ns(int proc_fd, pid_t pid, const char *ns, uint64_t *ret)
{
	struct stat st;
	char path[48];

	(void)snprintf(path, sizeof(path), "%d/ns/%s", (int)pid, ns);
	if (fstatat(proc_fd, path, &st, 0) < 0)
		return -ESRCH;
	*ret = st.st_ino;
	return 0;
}
