/*
 * kill - the child that serves REQ_KILL: ends a container, or passes a signal to its command.
 *
 * Trust:  a user reaches the own containers alone; root of the host all. The signal goes to the process that
 *         was recorded as pid 1 and to no other, and that is ours (carrel-init, carrel-relay).
 * Order:  SIGTERM, which pid 1 takes for "end", and a look whether it does. Who asks decides when
 *         that has lasted too long, and asks for SIGKILL then: no caller's place is held so long.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "helper/public/message.h"
#include "helper/public/relay.h"
#include "helper/public/syscalls.h"
#include "helper/worker.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define END_WAIT_MS 1500 /* a guest's child has 2 s for all */

static const struct container *find(uid_t uid, const char *name)
{
	if (name[0] == '@')
		return registry_container(&server.registry, uid, name + 1);
	return registry_launch(&server.registry, uid, name);
}

static int failed(const char *name, struct err *e)
{
	if (errno == ESRCH)
		return 0; /* it has ended */
	return err_set(e, errno, "cannot signal '%s': %s", name, strerror(errno));
}

/* *ret_pid: it has not ended so far. */
static int end(int pidfd, const struct container *c, const char *name, int32_t *ret_pid,
	struct err *e)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (sys_pidfd_send_signal(pidfd, SIGTERM) < 0)
		return failed(name, e);
	if (poll(&p, 1, END_WAIT_MS) == 0)
		*ret_pid = c->pid;
	return 0;
}

/* helper/public/relay.h says which cannot come as they are. */
static int signal_pass(int pidfd, const struct kill_request *q, struct err *e)
{
	int sig = (int)q->signal;
	int r;

	if (sig == SIGTERM || sig == SIGCHLD || sig == SIGSTOP)
		r = sys_pidfd_queue_signal(pidfd, RELAY_CARRIER, sig);
	else
		r = sys_pidfd_send_signal(pidfd, sig);
	if (r < 0 && errno == ESRCH)
		return err_set(e, ESRCH, "'%s' has just ended", q->name);
	return r < 0 ? failed(q->name, e) : 0;
}

static int serve(const struct task *t, const struct kill_request *q, int32_t *ret_pid,
	struct err *e)
{
	uid_t uid = q->uid == (uint32_t)-1 ? t->peer.uid : q->uid;
	bool is_end = q->signal == 0 || q->signal == SIGKILL;
	_cleanup_fd_ int pidfd = -1;
	const struct container *c;

	if (task_check_speaker(t, e) < 0)
		return -EPERM;
	if (!memchr(q->name, '\0', sizeof(q->name)) || q->signal >= NSIG)
		return err_set(e, EINVAL, "the request is not well-formed");
	if (uid != t->peer.uid && t->peer.uid != 0)
		return err_set(e, EPERM, "only root ends other people's containers");
	c = find(uid, q->name);
	if (q->pid != 0 && (!c || c->pid != q->pid))
		return 0; /* it has ended */
	if (!c || !c->ready)
		return err_set(e, ENOENT, "there is no running container '%s' (carrel list)", q->name);
	pidfd = registry_pidfd(&server.registry, c);
	if (pidfd < 0)
		return is_end ? 0 : err_set(e, ESRCH, "'%s' has just ended", q->name);
	if (q->signal == 0)
		return end(pidfd, c, q->name, ret_pid, e);
	if (q->signal == SIGKILL)
		return sys_pidfd_send_signal(pidfd, SIGKILL) < 0 ? failed(q->name, e) : 0;
	if (!c->launch)
		return err_set(e, EINVAL, "a session's container has no command to signal; "
					  "it can be ended, or killed (-s KILL)");
	return signal_pass(pidfd, q, e);
}

int kill_child(const struct task *t)
{
	struct kill_answer a;
	struct err e = { "" };
	int32_t pid = 0;
	int r = serve(t, t->request, &pid, &e);

	memset(&a, 0, sizeof(a));
	a.pid = pid;
	a.head = (struct wire_head){ WIRE_VERSION, REQ_KILL, sizeof(a) };
	a.answer = r == 0 ? ANSWER_CONFINED : ANSWER_REFUSED;
	(void)snprintf(a.text, sizeof(a.text), "%.*s", (int)sizeof(a.text) - 1, e.text);
	(void)message_send(t->conn_fd, &a, sizeof(a), NULL, 0);
	return r == 0 ? 0 : turn_away();
}
