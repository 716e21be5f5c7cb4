#include "helper/door/ask.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "helper/public/wire.h"

int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void pause_ms(unsigned int ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	(void)nanosleep(&t, NULL);
}

int ask_connect(const char *place, int *ret_conn)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t n = strlen(place);
	int conn, code;

	if (n >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, place, n);

	conn = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (conn < 0)
		return -errno;
	if (connect(conn, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		code = -errno;
		(void)close(conn);
		return code;
	}
	*ret_conn = conn;
	return 0;
}

int ask_send(int conn, const void *request, size_t n, const int *fds, size_t n_fds)
{
	struct iovec data = { (void *)(uintptr_t)request, n };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(WIRE_MAX_FDS * sizeof(int))];
	} control;
	struct msghdr m = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(n_fds * sizeof(int)),
	};

	if (n_fds > WIRE_MAX_FDS)
		return -E2BIG;
	memset(&control, 0, sizeof(control));
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
	memcpy(CMSG_DATA(&control.head), fds, n_fds * sizeof(int));
	return sendmsg(conn, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int ask_wait(int conn, uint16_t request, int64_t end_ms, void *ret, size_t n)
{
	struct pollfd p = { .fd = conn, .events = POLLIN };
	struct wire_head head;
	ssize_t got;

	for (;;) {
		int64_t left = end_ms - now_ms();

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) > 0)
			break;
	}
	got = recv(conn, ret, n, 0);
	if (got < 0)
		return -errno;
	if (got == 0)
		return -ECONNRESET;
	memcpy(&head, ret, sizeof(head));
	if (got != (ssize_t)n || head.version != WIRE_VERSION || head.request != request)
		return -EBADMSG;
	return 0;
}
