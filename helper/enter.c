/*
 * enter - the child that serves REQ_ENTER: takes a door's program into the container of its session.
 *
 * Trust:  the caller is the user's process. Its uid, gid and groups are the kernel's word; which session it belongs to follows
 *         from its mount namespace, which only root can be in the making of. Nothing it sent is looked at here but a fixed
 *         struct and the kind of three descriptors; the strings are the relay's, who has no power on the host.
 * Order:  find the session; copy what PAM gave the door; join (join.c).
 * Fails:  ENTER is answered "refused" with a line, or, once it was answered, EVENT_FAILED is sent.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "helper/filters.h"
#include "helper/join.h"
#include "helper/peer.h"
#include "helper/public/message.h"
#include "helper/public/relay.h"
#include "helper/worker.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/policy.h"

struct entry {
	const struct task *task;
	const struct container *container;
	const struct profile *profile;
	gid_t *groups;
	int pidfd; /* of the door */
	struct joining joining;
};

static int find_session(struct entry *n, struct err *e)
{
	const struct peer *p = &n->task->peer;
	const struct session *s;
	uint64_t door_ns, ns;
	int r = peer_open(n->task->conn_fd, server.proc_fd, &n->pidfd, e);

	if (r < 0)
		return r;
	if (process_ns(server.proc_fd, p->pid, "mnt", &door_ns) < 0)
		return err_set(e, ESRCH, "the calling process is gone");
	for (s = server.registry.sessions; s; s = s->next) {
		if (s->container->uid != p->uid || !s->container->ready || s->container->ending)
			continue;
		if (process_ns(server.proc_fd, s->pid, "mnt", &ns) == 0 && ns == door_ns) {
			n->container = s->container;
			break;
		}
	}
	if (!n->container)
		return err_set(e, EPERM, "this process belongs to no open session of yours; log in again");
	n->profile = server.policy ? policy_profile(server.policy, n->container->profile) : NULL;
	if (!n->profile)
		return err_set(e, ENOENT, "profile '%s' is no longer in the configuration; log in again",
			n->container->profile);
	return 0;
}

static void answer(int fd, enum answer verdict, const char *text)
{
	struct enter_answer a;

	memset(&a, 0, sizeof(a));
	a.head = (struct wire_head){ WIRE_VERSION, REQ_ENTER, sizeof(a) };
	a.answer = verdict;
	(void)snprintf(a.text, sizeof(a.text), "%s", text);
	(void)message_send(fd, &a, sizeof(a), NULL, 0);
}

static int prepare(struct entry *n, struct err *e)
{
	struct joining *j = &n->joining;
	int r;

	r = find_session(n, e);
	if (r == 0)
		r = stdio_check(j->fds, e);
	if (r == 0)
		r = peer_groups(n->task->conn_fd, &n->groups, &j->n_groups, e);
	if (r == 0)
		r = filter_ready(n->profile, &j->filter_fd, e);
	if (r < 0)
		return r;
	j->groups = n->groups;
	j->flags = n->profile->root ? 0 : RELAY_NNP;
	j->container_pidfd = registry_pidfd(&server.registry, n->container);
	if (j->container_pidfd < 0)
		return err_set(e, ESRCH, "the container of this session has ended; log in again");
	r = attributes_take(n->task->conn_fd, n->container->cgroup, &j->attributes, e);
	/* If the door still lives now, every look at its pid was a look at the door. */
	if (r == 0)
		r = peer_still_there(n->pidfd, e);
	return r < 0 ? r : joining_prepare(j, e);
}

int enter_child(const struct task *t)
{
	const struct enter_request *q = t->request;
	struct entry n = { .task = t, .pidfd = -1 };
	struct err e;

	n.joining = (struct joining){ .conn_fd = t->conn_fd, .request = q, .fds = t->fds, .filter_fd = -1, .narrow_fd = -1,
		.gid = t->peer.gid, .uid = t->peer.uid, .inside_gid = t->peer.gid };
	if (prepare(&n, &e) < 0) {
		answer(t->conn_fd, ANSWER_REFUSED, e.text);
		return turn_away();
	}
	answer(n.joining.conn_fd, ANSWER_CONFINED, "");
	joining_go(&n.joining);
	return 0;
}
