/*
 * dispatch - everything that anybody may ask of the helper stands in the table of this file.
 *
 * Trust:  the bytes are hostile until length, version and sender fit a row; the sender is who the kernel says.
 * Order:  root's requests are read in the main process, others' in a child of their own (guests.c).
 * Fails:  what fits no row is dropped without an answer.
 */
#include "helper/dispatch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "helper/lifetime.h"
#include "helper/public/message.h"
#include "helper/public/wire.h"
#include "helper/server.h"
#include "helper/worker.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

enum sender { FROM_ROOT, FROM_ANY };

union any_request {
	struct wire_head head;
	struct session_request session;
	struct close_request close;
	struct enter_request enter;
	struct denials_request denials;
	struct launch_request launch;
	struct exec_request exec;
	struct list_request list;
	struct kill_request kill;
};

struct request_kind {
	enum request request;
	enum sender from;
	size_t length;
	size_t fds; /* exactly */
	void (*serve)(struct connection *c, const union any_request *r); /* in the main process */
	child_main *child;						 /* or in the child that has read it */
	bool inside; /* heard at the socket for who is inside a container, too; no other is */
};

static void serve_session(struct connection *c, const union any_request *r)
{
	const struct session_request *q = &r->session;

	server_policy_refresh();
	worker_start(c, session_child, q, q->timeout_ms);
}

static void serve_close(struct connection *c, const union any_request *r)
{
	struct session *s = registry_session_by_id(&server.registry, r->close.id);

	/* Only the process that opened it, so that no other program of root ends sessions by a wrong number. */
	if (s && s->pid == c->peer.pid)
		session_end(s);
	connection_drop(c);
}

/* clang-format off */
static const struct request_kind kinds[] = {
	{ REQ_SESSION, FROM_ROOT, sizeof(struct session_request), 0, serve_session, NULL, false },  /* pam_carrel.so */
	{ REQ_CLOSE,   FROM_ROOT, sizeof(struct close_request),   0, serve_close,   NULL, false },  /* pam_carrel.so */
	{ REQ_ENTER,   FROM_ANY,  sizeof(struct enter_request),   4, NULL, enter_child,   false },  /* carrel-door */
	{ REQ_DENIALS, FROM_ANY,  sizeof(struct denials_request), 0, NULL, denials_child, true },   /* carrel denials */
	{ REQ_LAUNCH,  FROM_ANY,  sizeof(struct launch_request),  4, NULL, launch_child,  true },   /* carrel run */
	{ REQ_LAUNCH,  FROM_ANY,  sizeof(struct launch_request),  5, NULL, launch_child,  true },   /* ... with a filter of its own */
	{ REQ_EXEC,    FROM_ANY,  sizeof(struct exec_request),    4, NULL, exec_child,    true },   /* carrel exec */
	{ REQ_LIST,    FROM_ANY,  sizeof(struct list_request),    0, NULL, list_child,    true },   /* carrel list */
	{ REQ_KILL,    FROM_ANY,  sizeof(struct kill_request),    0, NULL, kill_child,    true },   /* carrel kill */
};
/* clang-format on */

static const struct request_kind *kind_of(enum sender from, const struct wire_head *head, size_t n, size_t n_fds)
{
	size_t i;

	if (n < sizeof(*head) || head->version != WIRE_VERSION || head->length != n)
		return NULL;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct request_kind *k = &kinds[i];

		if (k->request == head->request && k->from == from && n == k->length && n_fds == k->fds)
			return k;
	}
	return NULL;
}

/* The place of who asks in vain stays taken for a moment, so that asking in vain is no way to keep us busy. */
int turn_away(void)
{
	const struct timespec pause = { 0, 100000000 };

	(void)nanosleep(&pause, NULL);
	return 1;
}

/*
 * A service that gave up its rights inside must not have its user's back by asking for a container with the user's home. Root
 * inside may become the user anyway.
 */
int task_check_speaker(const struct task *t, struct err *e)
{
	if (t->stranger)
		return err_set(e, EPERM, "inside a session, its user and its root alone may ask for the user's containers");
	return 0;
}

/* It may take as long as the main process gives us. */
int guest_child(const struct task *t)
{
	const struct request_kind *kind = NULL;
	int fds[WIRE_MAX_FDS], flags = fcntl(t->conn_fd, F_GETFL);
	struct task served = *t;
	union any_request r;
	size_t n_fds = 0;
	ssize_t n;

	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)fcntl(t->conn_fd, F_SETFL, flags & ~O_NONBLOCK);
	memset(&r, 0, sizeof(r));
	n = message_recv(t->conn_fd, &r, sizeof(r), fds, WIRE_MAX_FDS, &n_fds);
	if (n > 0)
		kind = kind_of(FROM_ANY, &r.head, (size_t)n, n_fds);
	if (!kind || (t->inside && !kind->inside))
		return turn_away();
	served.request = &r;
	served.fds = fds;
	return kind->child(&served);
}

void dispatch(struct connection *c)
{
	union any_request r;
	const struct request_kind *kind = NULL;
	int fds[WIRE_MAX_FDS];
	size_t i, n_fds = 0;
	ssize_t n;

	memset(&r, 0, sizeof(r));
	n = message_recv(c->fd, &r, sizeof(r), fds, WIRE_MAX_FDS, &n_fds);
	if (n > 0)
		kind = kind_of(FROM_ROOT, &r.head, (size_t)n, n_fds);
	if (kind)
		kind->serve(c, &r);
	else
		connection_drop(c);
	for (i = 0; i < WIRE_MAX_FDS; i++)
		cleanup_fd(&fds[i]);
}
