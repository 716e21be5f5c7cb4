#include "pam_module/session.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "helper/public/message.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

/* The path is root's alone, so only root can listen there; that it does is checked all the same. */
static int helper_connect(uint32_t timeout_ms, int *ret_fd, struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = WIRE_SOCKET };
	struct timeval wait = { timeout_ms / 1000, (timeout_ms % 1000) * 1000 };
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct ucred server;
	socklen_t n = sizeof(server);

	/* The send timeout also ends a connect(2) that finds the queue full, socket(7). */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0)
		return err_set(e, errno, "socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set(e, errno, "carrel-helper does not answer at %s: %s (is carrel-helper.socket started?)",
			WIRE_SOCKET, strerror(errno));
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &server, &n) < 0 || server.uid != 0)
		return err_set(e, EPERM, "%s is not served by root", WIRE_SOCKET);
	*ret_fd = fd_take(&fd);
	return 0;
}

static int answer_check(const struct session_answer *a, ssize_t n, size_t n_fds, struct err *e)
{
	size_t expected = 2;

	if (n == 0 || n == -ECONNRESET)
		return err_set(e, EPIPE, "carrel-helper hung up without an answer");
	if (n == -EAGAIN)
		return err_set(e, ETIMEDOUT, "carrel-helper did not answer in time");
	if (n < 0)
		return err_set(e, (int)-n, "carrel-helper's answer cannot be read: %s", strerror((int)-n));
	if (n != (ssize_t)sizeof(*a) || a->head.length != sizeof(*a) || a->head.version != WIRE_VERSION ||
		a->head.request != REQ_SESSION || a->answer > ANSWER_EXEMPT ||
		(a->flags & ~(SESSION_NNP | SESSION_CGROUP | SESSION_DOORS)))
		return err_set(e, EBADMSG, "carrel-helper's answer makes no sense (of another version?)");
	expected += !!(a->flags & SESSION_CGROUP) + !!(a->flags & SESSION_DOORS);
	if (n_fds != (a->answer == ANSWER_CONFINED ? expected : 0))
		return err_set(e, EBADMSG, "carrel-helper's answer came with %zu descriptors", n_fds);
	return 0;
}

static void take_answer(struct carrel_data *d, const struct session_answer *a, int *fds)
{
	size_t i = 0;

	d->flags = a->flags;
	d->id = a->id;
	d->pidfd = fd_take(&fds[i++]);
	d->filter_fd = fd_take(&fds[i++]);
	if (a->flags & SESSION_CGROUP)
		d->cgroup_fd = fd_take(&fds[i++]);
	if (a->flags & SESSION_DOORS)
		d->doors_fd = fd_take(&fds[i++]);
}

int session_ask(struct carrel_data *d, const struct session_request *request, enum answer *ret, char *ret_text,
	struct err *e)
{
	_cleanup_fd_ int fd = -1;
	struct session_answer a;
	int fds[WIRE_MAX_FDS], r;
	size_t i, n_fds = 0;
	ssize_t n;

	r = helper_connect(request->timeout_ms, &fd, e);
	if (r < 0)
		return r;
	r = message_send(fd, request, sizeof(*request), NULL, 0);
	if (r < 0)
		return err_set(e, -r, "carrel-helper cannot be asked: %s", strerror(-r));
	n = message_recv(fd, &a, sizeof(a), fds, WIRE_MAX_FDS, &n_fds);
	r = answer_check(&a, n, n_fds, e);
	if (r == 0) {
		*ret = a.answer;
		a.text[sizeof(a.text) - 1] = '\0';
		memcpy(ret_text, a.text, sizeof(a.text));
		if (a.answer == ANSWER_CONFINED) {
			take_answer(d, &a, fds);
			d->conn_fd = fd_take(&fd);
		}
	}
	for (i = 0; i < WIRE_MAX_FDS; i++)
		cleanup_fd(&fds[i]);
	return r;
}

void session_close(struct carrel_data *d, uint32_t timeout_ms)
{
	struct close_request q = { .head = { WIRE_VERSION, REQ_CLOSE, sizeof(q) }, .id = d->id };
	_cleanup_fd_ int fd = -1;
	struct err e;

	/* On the session's own connection any word means "close"; it fails when that helper is gone. */
	if (message_send(d->conn_fd, &q, sizeof(q), NULL, 0) == 0)
		return;
	if (helper_connect(timeout_ms, &fd, &e) == 0)
		(void)message_send(fd, &q, sizeof(q), NULL, 0);
}

void session_forget(struct carrel_data *d)
{
	cleanup_fd(&d->conn_fd);
	cleanup_fd(&d->pidfd);
	cleanup_fd(&d->filter_fd);
	cleanup_fd(&d->cgroup_fd);
	cleanup_fd(&d->doors_fd);
}
