/*
 * exec - the child that serves REQ_EXEC: one more program in a container that its caller launched.
 *
 * Trust:  the caller is a user, or in a container of the user's; the container is looked for among that user's alone.
 * Order:  find it; policy; filters, groups, cgroup, environment and user as the launch has them; join (join.c).
 * Fails:  refused with a line, or, once it was answered, EVENT_FAILED is sent.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/filters.h"
#include "helper/join.h"
#include "helper/launch_command.h"
#include "helper/launch_told.h"
#include "helper/launches.h"
#include "helper/peer.h"
#include "helper/public/message.h"
#include "helper/public/relay.h"
#include "helper/worker.h"
#include "policy/account.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/grant.h"
#include "policy/policy.h"

struct execution {
	const struct task *task;
	struct exec_request request;
	struct account account;
	const struct container *container;
	const struct profile *profile;
	int fds[WIRE_MAX_FDS];
	char command[256];
	struct joining joining;
	struct launch_told told; /* what the launch was */
};

static int find_container(struct execution *x, struct err *e)
{
	const char *name = x->request.name;

	if (!memchr(name, '\0', sizeof(x->request.name)) || !memchr(x->request.user, '\0', sizeof(x->request.user)))
		return err_set(e, EINVAL, "the request is not well-formed");
	x->container = registry_launch(&server.registry, x->task->peer.uid, name);
	if (!x->container || !x->container->ready || x->container->ending)
		return err_set(e, ENOENT, "you have no running container '%s' (carrel list)", name);
	x->profile = server.policy ? policy_profile(server.policy, x->container->profile) : NULL;
	if (!x->profile)
		return err_set(e, ENOENT, "profile '%s' of the container is no longer in the configuration",
			x->container->profile);
	if (!x->profile->root && x->request.user[0])
		return err_set(e, EPERM, "profile '%s' has root = no: the command runs as you, without --user", x->profile->name);
	return 0;
}

/* What policy takes away it takes away from containers that run, too. */
static int still_granted(const struct execution *x, struct err *e)
{
	struct person who = account_person(&x->account);
	const struct profile *granted;

	return grant_profile(server.policy, &who, x->profile->name, &granted, e);
}

/* The descriptor comes first: what is read of pid 1 while that lives is pid 1's. */
static int told_find(struct execution *x, struct err *e)
{
	struct joining *j = &x->joining;
	int r;

	j->container_pidfd = registry_pidfd(&server.registry, x->container);
	if (j->container_pidfd < 0)
		return err_set(e, ENOENT, "your container '%s' has just ended", x->request.name);
	r = launch_told_read(server.proc_fd, x->container->pid, &x->told, e);
	if (r < 0)
		return r;
	if (peer_still_there(j->container_pidfd, e) < 0)
		return err_set(e, ENOENT, "your container '%s' has just ended", x->request.name);
	j->narrow_fd = x->told.narrow_fd;
	return 0;
}

/* Over what the launch was told, as if an image said that. */
static int command_complete(struct execution *x, struct err *e)
{
	struct enter_request *q = &x->request.command;
	const struct launch_defaults d = { &x->told.as, NULL };
	_cleanup_free_ char *said = NULL, *text = NULL;
	struct launch_command c;
	size_t bytes;
	int r = launch_payload_read(x->task->fds[3], q->payload, &said, e);

	if (r < 0)
		return r;
	c = (struct launch_command){ said, q->payload, q->argc };
	r = launch_command_complete(&c, &d, &text, &bytes, &q->argc, x->command, sizeof(x->command), e);
	if (r < 0)
		return r;
	q->caps_lost[0] |= x->told.caps_lost[0];
	q->caps_lost[1] |= x->told.caps_lost[1];
	q->payload = (uint32_t)bytes;
	return launch_payload_make(text, bytes, &x->fds[3], e);
}

/* As those of the launch (launch.c). */
static int groups_find(struct execution *x, struct err *e)
{
	struct person who = account_person(&x->account);
	struct joining *j = &x->joining;
	size_t n = x->account.n_gids - 1;
	gid_t *held;

	if (!x->container->launch->groups)
		return 0;
	j->groups = x->account.gids + 1;
	j->n_groups = n;
	if (!policy_keeps_groups(server.policy, &who))
		return 0;
	held = calloc(n + 1, sizeof(*held));
	if (!held)
		return err_set(e, ENOMEM, "out of memory");
	memcpy(held, j->groups, n * sizeof(*held));
	if (process_gid_outside(server.proc_fd, x->container->pid, j->inside_gid, &held[n]) < 0)
		return err_set(e, ENOENT, "your container '%s' has just ended", x->request.name);
	j->groups = held;
	j->n_groups = n + 1;
	return 0;
}

static int prepare(struct execution *x, struct err *e)
{
	struct joining *j = &x->joining;
	_cleanup_fd_ int caller = -1;
	int r = task_check_speaker(x->task, e);

	if (r == 0)
		r = find_container(x, e);
	if (r == 0)
		r = stdio_check(x->task->fds, e);
	if (r == 0)
		r = account_by_uid(x->task->peer.uid, &x->account, e);
	if (r == 0)
		r = still_granted(x, e);
	if (r == 0)
		r = filter_ready(x->profile, &j->filter_fd, e);
	if (r == 0)
		r = told_find(x, e);
	if (r == 0)
		r = command_complete(x, e);
	if (r < 0)
		return r;
	launch_identity(x->profile, &x->account, &j->uid, &j->inside_gid);
	r = groups_find(x, e);
	if (r < 0)
		return r;
	j->user = x->request.user[0] ? x->request.user : x->told.user[0] ? x->told.user : NULL;
	j->flags = RELAY_LAUNCHED | (x->profile->root ? 0 : RELAY_NNP) | (x->told.flags & (RELAY_NNP | RELAY_NARROWED));
	r = peer_open(x->task->conn_fd, server.proc_fd, &caller, e);
	if (r == 0)
		r = attributes_take(x->task->conn_fd, NULL, &j->attributes, e);
	if (r == 0)
		r = peer_still_there(caller, e);
	/* That its number is pid 1's still, shows in that it can be joined. */
	return r == 0 ? cgroup_take(x->container->pid, x->container->cgroup, e) : r;
}

/* Told before the descriptors go: the line to the main process is one of them. */
static void tell_entered(const struct execution *x)
{
	struct launch_note n;

	memset(&n, 0, sizeof(n));
	n.word = LAUNCH_ENTERED;
	n.what = *x->container->launch;
	memcpy(n.what.command, x->command, sizeof(n.what.command));
	(void)snprintf(n.profile, sizeof(n.profile), "%s", x->profile->name);
	(void)message_send(x->task->main_fd, &n, sizeof(n), NULL, 0);
}

int exec_child(const struct task *t)
{
	static struct execution x;
	struct err e;
	int r;

	x = (struct execution){ .task = t };
	memcpy(&x.request, t->request, sizeof(x.request));
	memcpy(x.fds, t->fds, sizeof(x.fds));
	x.joining = (struct joining){ .conn_fd = t->conn_fd, .request = &x.request.command, .fds = x.fds, .filter_fd = -1, .narrow_fd = -1 };
	r = prepare(&x, &e);
	if (r == 0) {
		tell_entered(&x);
		r = joining_prepare(&x.joining, &e);
	}
	if (r < 0) {
		launch_answer(t->conn_fd, REQ_EXEC, x.request.name, ANSWER_REFUSED, e.text);
		return turn_away();
	}
	launch_answer(x.joining.conn_fd, REQ_EXEC, x.request.name, ANSWER_CONFINED, "");
	joining_go(&x.joining);
	return 0;
}
