/*
 * enter - the child that serves REQ_ENTER: takes a door's program into the container of its session.
 *
 * Trust:  the caller is the user's process. Its uid, gid and groups are the kernel's word; which session it belongs to follows
 *         from its mount namespace, which only root can be in the making of. Nothing it sent is looked at here but a fixed
 *         struct and the kind of three descriptors; the strings are the relay's, who has no power on the host.
 * Order:  find the session; copy what PAM gave the door; gids while they still mean the host's; join all namespaces but the
 *         pid one; become container root; close, chdir; and only then the fork that the container can see.
 * Fails:  ENTER is answered "refused" with a line, or, once it was answered, EVENT_FAILED is sent.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/attributes.h"
#include "helper/filters.h"
#include "helper/public/message.h"
#include "helper/public/relay.h"
#include "helper/public/syscalls.h"
#include "helper/worker.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/policy.h"

#define FD_SAFE 32	/* above every number that the relay's contract gives a meaning */
#define FD_RELAY_FILE 10 /* carrel-relay itself, closed by its own execution */

struct entry {
	const struct task *task;
	struct enter_request request;
	int fds[WIRE_MAX_FDS]; /* that came with it */
	const struct container *container;
	const struct profile *profile;
	gid_t *groups;
	size_t n_groups;
	int pidfd; /* of the door */
	int filter_fd;
	struct attributes attributes; /* of the door */
};

static int find_session(struct entry *n, struct err *e)
{
	const struct peer *p = &n->task->peer;
	const struct session *s;
	uint64_t door_ns, ns;

	n->pidfd = sys_pidfd_open(p->pid);
	if (n->pidfd < 0 || process_ns(server.proc_fd, p->pid, "mnt", &door_ns) < 0)
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

/* A directory or O_PATH descriptor of the host would be a way back out (openat). The door sends none, but it is the user's. */
static int check_stdio(const int *fds, struct err *e)
{
	struct stat st;
	int i, flags;

	for (i = 0; i < 3; i++) {
		flags = fcntl(fds[i], F_GETFL);
		if (flags < 0 || fstat(fds[i], &st) < 0 || (flags & O_PATH) || S_ISDIR(st.st_mode) ||
			S_ISBLK(st.st_mode))
			return err_set(e, EINVAL, "descriptor %d is nothing to read from or write to", i);
	}
	return 0;
}

/* If the door still lives now, every look at its pid was a look at the door. */
static int still_the_door(const struct entry *n, struct err *e)
{
	struct pollfd p = { .fd = n->pidfd, .events = POLLIN };

	return poll(&p, 1, 0) == 0 ? 0 : err_set(e, ESRCH, "the calling process is gone");
}

static int request_file(const struct entry *n, int *ret_fd, struct err *e)
{
	_cleanup_fd_ int fd = memfd_create("carrel-request", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || write(fd, &n->request, sizeof(n->request)) != (ssize_t)sizeof(n->request))
		return err_set(e, errno, "cannot pass the request on: %s", strerror(errno));
	*ret_fd = fd_take(&fd);
	return 0;
}

/* Every descriptor to its number in the relay's contract, and nothing else left. */
static int fds_arrange(const struct entry *n, int *container_pidfd, int request_fd, struct err *e)
{
	const int from[] = { n->task->conn_fd, n->fds[3], n->filter_fd, n->fds[0], n->fds[1], n->fds[2],
		request_fd };
	int high[9], i;

	for (i = 0; i < 7; i++)
		high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, FD_SAFE);
	high[7] = fcntl(server.relay_fd, F_DUPFD_CLOEXEC, FD_SAFE);
	high[8] = fcntl(n->container->pidfd, F_DUPFD_CLOEXEC, FD_SAFE);
	for (i = 0; i < 9; i++)
		if (high[i] < 0)
			return err_set(e, errno, "cannot pass descriptors on: %s", strerror(errno));
	for (i = 0; i < 7; i++)
		if (dup2(high[i], RELAY_CONN + i) < 0)
			return err_set(e, errno, "cannot pass descriptors on: %s", strerror(errno));
	if (dup3(high[7], FD_RELAY_FILE, O_CLOEXEC) < 0 || dup3(high[8], FD_RELAY_FILE + 1, O_CLOEXEC) < 0)
		return err_set(e, errno, "cannot pass descriptors on: %s", strerror(errno));
	(void)sys_close_range(FD_RELAY_FILE + 2, ~0u);
	*container_pidfd = FD_RELAY_FILE + 1;
	return 0;
}

static void failed(const char *step)
{
	struct enter_event event = { .kind = EVENT_FAILED, .value = errno };

	(void)snprintf(event.text, sizeof(event.text), "%s", step);
	(void)message_send(RELAY_CONN, &event, sizeof(event), NULL, 0);
	_exit(1);
}

static void become_relay(const struct entry *n)
{
	static char name[] = "carrel-relay";
	char uid[16], gid[16], flags[16];
	char *const argv[] = { name, uid, gid, flags, NULL }, *const envp[] = { NULL };

	(void)snprintf(uid, sizeof(uid), "%u", (unsigned)n->task->peer.uid);
	(void)snprintf(gid, sizeof(gid), "%u", (unsigned)n->task->peer.gid);
	(void)snprintf(flags, sizeof(flags), "%u", n->profile->root ? 0 : RELAY_NNP);
	(void)syscall(SYS_execveat, FD_RELAY_FILE, "", argv, envp, AT_EMPTY_PATH);
	failed("execute carrel-relay");
}

static void join(const struct entry *n, int container_pidfd)
{
	pid_t pid;

	attributes_apply(&n->attributes);
	if (setgroups(n->n_groups, n->groups) < 0 ||
		setresgid(n->task->peer.gid, n->task->peer.gid, n->task->peer.gid) < 0)
		failed("take on the groups");
	if (setns(container_pidfd, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
				CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWNET) < 0)
		failed("join the container");
	if (setresuid(0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || chdir("/") < 0)
		failed("become root of the container");
	(void)close(container_pidfd);
	pid = fork();
	if (pid == 0)
		become_relay(n);
	if (pid < 0)
		failed("start carrel-relay");
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

static int prepare(struct entry *n, int *container_pidfd, struct err *e)
{
	_cleanup_fd_ int request_fd = -1;
	int r;

	r = find_session(n, e);
	if (r == 0)
		r = check_stdio(n->fds, e);
	if (r == 0)
		r = peer_groups(n->task->conn_fd, &n->groups, &n->n_groups, e);
	if (r == 0)
		r = filter_ready(n->profile, &n->filter_fd, e);
	if (r == 0)
		r = request_file(n, &request_fd, e);
	if (r < 0)
		return r;
	attributes_take(n->task->peer.pid, n->container->cgroup, &n->attributes);
	r = still_the_door(n, e);
	return r < 0 ? r : fds_arrange(n, container_pidfd, request_fd, e);
}

int enter_child(const struct task *t)
{
	struct entry n = { .task = t, .pidfd = -1, .filter_fd = -1 };
	int container_pidfd = -1;
	struct err e;

	memcpy(&n.request, t->request, sizeof(n.request));
	memcpy(n.fds, t->fds, sizeof(n.fds));
	if (prepare(&n, &container_pidfd, &e) < 0) {
		answer(t->conn_fd, ANSWER_REFUSED, e.text);
		return turn_away();
	}
	answer(RELAY_CONN, ANSWER_CONFINED, "");
	join(&n, container_pidfd);
	return 0;
}
