/*
 * join - the way into a container that stands, for one program.
 *
 * Trust:  who asked is a user's process; all that it sent is the relay's, who has no power on the host.
 * Order:  groups while they still mean the host's; join all namespaces but the pid one; become container root; close, chdir;
 *         and only then the fork that the container can see.
 * Fails:  before the answer by a line, afterwards by EVENT_FAILED.
 */
#include "helper/join.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/public/message.h"
#include "helper/public/relay.h"
#include "helper/public/syscalls.h"
#include "helper/server.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define FD_SAFE 32	/* above every number that the relay's contract gives a meaning */
#define FD_RELAY_FILE RELAY_FDS_END /* carrel-relay itself, closed by its own execution */

int stdio_check(const int *fds, struct err *e)
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

void launch_answer(int conn_fd, enum request request, const char *name, enum answer verdict, const char *text)
{
	struct launch_answer a;

	memset(&a, 0, sizeof(a));
	a.head = (struct wire_head){ WIRE_VERSION, request, sizeof(a) };
	a.answer = verdict;
	(void)snprintf(a.name, sizeof(a.name), "%.*s", LAUNCH_NAME_MAX, name);
	(void)snprintf(a.text, sizeof(a.text), "%s", text);
	(void)message_send(conn_fd, &a, sizeof(a), NULL, 0);
}

int request_file(const struct enter_request *r, int *ret_fd, struct err *e)
{
	_cleanup_fd_ int fd = memfd_create("carrel-request", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || write(fd, r, sizeof(*r)) != (ssize_t)sizeof(*r))
		return err_set(e, errno, "cannot pass the request on: %s", strerror(errno));
	*ret_fd = fd_take(&fd);
	return 0;
}

static int fds_failed(struct err *e)
{
	return err_set(e, errno, "cannot pass descriptors on: %s", strerror(errno));
}

int joining_prepare(struct joining *j, struct err *e)
{
	_cleanup_fd_ int request = -1;
	int high[10], n = j->narrow_fd < 0 ? 9 : 10, i, r = request_file(j->request, &request, e);
	const int from[] = { j->conn_fd, j->fds[3], j->filter_fd, j->fds[0], j->fds[1], j->fds[2], request, server.relay_fd,
		j->container_pidfd, j->narrow_fd };

	if (r < 0)
		return r;
	for (i = 0; i < n; i++) {
		high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, FD_SAFE);
		if (high[i] < 0)
			return fds_failed(e);
	}
	request = -1; /* its number may be another's in a moment, and all that are not wanted go below */
	for (i = 0; i < 7; i++)
		if (dup2(high[i], RELAY_CONN + i) < 0)
			return fds_failed(e);
	if (j->narrow_fd >= 0 && dup2(high[9], RELAY_NARROW) < 0)
		return fds_failed(e);
	if (dup3(high[7], FD_RELAY_FILE, O_CLOEXEC) < 0 || dup3(high[8], FD_RELAY_FILE + 1, O_CLOEXEC) < 0)
		return fds_failed(e);
	(void)sys_close_range(FD_RELAY_FILE + 2, ~0u);
	j->conn_fd = RELAY_CONN;
	j->container_pidfd = FD_RELAY_FILE + 1;
	return 0;
}

static void failed(const char *step)
{
	struct enter_event event = { .kind = EVENT_FAILED, .value = errno };

	(void)snprintf(event.text, sizeof(event.text), "%s", step);
	(void)message_send(RELAY_CONN, &event, sizeof(event), NULL, 0);
	_exit(1);
}

static void become_relay(const struct joining *j)
{
	static char name[] = "carrel-relay";
	char uid[16], gid[16], flags[16], user[40];
	char *const argv[] = { name, uid, gid, flags, j->user ? user : NULL, NULL }, *const envp[] = { NULL };

	(void)snprintf(uid, sizeof(uid), "%u", (unsigned)j->uid);
	(void)snprintf(gid, sizeof(gid), "%u", (unsigned)j->inside_gid);
	(void)snprintf(flags, sizeof(flags), "%u", j->flags);
	(void)snprintf(user, sizeof(user), "%s", j->user ? j->user : "");
	(void)syscall(SYS_execveat, FD_RELAY_FILE, "", argv, envp, AT_EMPTY_PATH);
	failed("execute carrel-relay");
}

void joining_go(struct joining *j)
{
	pid_t pid;

	attributes_apply(&j->attributes);
	if (setgroups(j->n_groups, j->groups) < 0 || (j->gid != 0 && setresgid(j->gid, j->gid, j->gid) < 0))
		failed("take on the groups");
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (setns(j->container_pidfd, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
				CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWNET) < 0)
		failed("join the container");
	if ((j->gid == 0 && setresgid(0, 0, 0) < 0) || setresuid(0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
		chdir("/") < 0)
		failed("become root of the container");
	(void)close(j->container_pidfd);
	pid = fork();
	if (pid == 0)
		become_relay(j);
	if (pid < 0)
		failed("start carrel-relay");
}
