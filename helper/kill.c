/*
 * kill - the child that serves REQ_KILL: ends a container, or passes a signal to its command.
 *
 * Trust:  a user reaches the own containers alone; root of the host all. The signal goes to the process that
 *         was recorded as pid 1 and to no other, and that is ours (carrel-init, carrel-relay).
 * Order:  SIGTERM, which pid 1 takes for "end"; a while later SIGKILL, which the kernel gives to all.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "helper/public/message.h"
#include "helper/public/syscalls.h"
#include "helper/worker.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define END_WAIT_MS 1500 /* pid 1 gives its processes 1 s; a guest's child has 2 s for all */

static const struct container *find(uid_t uid, const char *name)
{
	if (name[0] == '@')
		return registry_container(&server.registry, uid, name + 1);
	return registry_launch(&server.registry, uid, name);
}

static int end(int pidfd, const char *name, struct err *e)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (sys_pidfd_send_signal(pidfd, SIGTERM) < 0)
		return errno == ESRCH ? 0 : err_set(e, errno, "cannot end '%s': %s", name, strerror(errno));
	if (poll(&p, 1, END_WAIT_MS) == 0)
		(void)sys_pidfd_send_signal(pidfd, SIGKILL);
	return 0;
}

static bool passed_on(uint32_t signal)
{
	static const int known[] = { SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP };
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if ((uint32_t)known[i] == signal)
			return true;
	return false;
}

static int serve(const struct task *t, const struct kill_request *q, struct err *e)
{
	uid_t uid = q->uid == (uint32_t)-1 ? t->peer.uid : q->uid;
	_cleanup_fd_ int pidfd = -1;
	const struct container *c;

	if (task_check_speaker(t, e) < 0)
		return -EPERM;
	if (!memchr(q->name, '\0', sizeof(q->name)))
		return err_set(e, EINVAL, "the request is not well-formed");
	if (uid != t->peer.uid && t->peer.uid != 0)
		return err_set(e, EPERM, "only root ends other people's containers");
	c = find(uid, q->name);
	if (!c || !c->ready)
		return err_set(e, ENOENT, "there is no running container '%s' (carrel list)", q->name);
	pidfd = registry_pidfd(&server.registry, c);
	if (pidfd < 0 && (q->signal == 0 || q->signal == SIGTERM || q->signal == SIGKILL))
		return 0; /* it has ended */
	if (q->signal == 0 || q->signal == SIGTERM)
		return end(pidfd, q->name, e);
	if (q->signal == SIGKILL)
		return sys_pidfd_send_signal(pidfd, SIGKILL) < 0 && errno != ESRCH ?
			err_set(e, errno, "cannot kill '%s': %s", q->name, strerror(errno)) : 0;
	if (!c->launch || !passed_on(q->signal))
		return err_set(e, EINVAL, "signal %u cannot be passed on; HUP, INT, QUIT, USR1, USR2, ALRM, TSTP, TERM and KILL can%s",
			q->signal, c->launch ? "" : ", the last two to a session's container");
	if (pidfd < 0)
		return err_set(e, ESRCH, "'%s' has just ended", q->name);
	return sys_pidfd_send_signal(pidfd, (int)q->signal) < 0 ?
		err_set(e, errno, "cannot signal '%s': %s", q->name, strerror(errno)) : 0;
}

int kill_child(const struct task *t)
{
	struct kill_answer a;
	struct err e = { "" };
	int r = serve(t, t->request, &e);

	memset(&a, 0, sizeof(a));
	a.head = (struct wire_head){ WIRE_VERSION, REQ_KILL, sizeof(a) };
	a.answer = r == 0 ? ANSWER_CONFINED : ANSWER_REFUSED;
	(void)snprintf(a.text, sizeof(a.text), "%.*s", (int)sizeof(a.text) - 1, e.text);
	(void)message_send(t->conn_fd, &a, sizeof(a), NULL, 0);
	return r == 0 ? 0 : turn_away();
}
