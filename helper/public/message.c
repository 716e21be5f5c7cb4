#include "helper/public/message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/public/wire.h"

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int) * WIRE_MAX_FDS)];
};

int message_send(int fd, const void *data, size_t n, const int *fds, size_t n_fds)
{
	struct iovec iov = { .iov_base = (void *)data, .iov_len = n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;
	struct cmsghdr *c;

	if (n_fds > WIRE_MAX_FDS)
		return -E2BIG;
	if (n_fds) {
		memset(&control, 0, sizeof(control));
		m.msg_control = control.room;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -errno;
}

static void take_fds(const struct cmsghdr *c, int *fds, size_t max_fds, size_t *n_fds)
{
	size_t i, n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
		if (*n_fds < max_fds)
			fds[(*n_fds)++] = fd;
		else
			(void)close(fd);
	}
}

ssize_t message_recv(int fd, void *data, size_t n, int *fds, size_t max_fds, size_t *ret_n_fds)
{
	struct iovec iov = { .iov_base = data, .iov_len = n };
	union control control;
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	struct cmsghdr *c;
	size_t i, n_fds = 0;
	ssize_t got;

	for (i = 0; i < max_fds; i++)
		fds[i] = -1;
	if (ret_n_fds)
		*ret_n_fds = 0;
	got = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	if (got < 0)
		return -errno;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take_fds(c, fds, max_fds, &n_fds);
	if (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		for (i = 0; i < n_fds; i++) {
			(void)close(fds[i]);
			fds[i] = -1;
		}
		return -EMSGSIZE;
	}
	if (ret_n_fds)
		*ret_n_fds = n_fds;
	return got;
}
