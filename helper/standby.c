/*
 * standby - the children that serve guests, one of them forked before its guest is there.
 *
 * A child is a copy of the main process, with all the libraries of that, and to make one takes a tenth of a launch. It is made
 * ahead while nothing else is to be done, and is of use as long as nothing happens: any event may change what it is a copy of.
 *
 * Trust:  ours; of the guest it knows what the main process tells it.
 * Order:  fork; every descriptor closed but those of the server; the guest's word and connection; the main process's word that it
 *         has closed its own copy.
 * Fails:  when the main process is gone the line ends, and so does the child.
 */
#include "helper/standby.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/descriptors.h"
#include "helper/public/message.h"
#include "helper/public/syscalls.h"
#include "helper/server.h"
#include "helper/worker.h"
#include "policy/base/cleanup.h"

#define QUIET_US 2000u
#define IN_VAIN_MAX 16 /* made for nobody, one after the other: then, as in the beginning, a guest has to come first */

static struct attendant ahead = { -1, -1 };
static unsigned in_vain = IN_VAIN_MAX;

static int attendant_main(int line)
{
	struct task t = { .main_fd = line };
	struct guest_who who;
	char closed;

	if (message_recv(line, &who, sizeof(who), &t.conn_fd, 1, NULL) != (ssize_t)sizeof(who) || t.conn_fd < 0 ||
		recv(line, &closed, 1, 0) != 1)
		return 0;
	t.peer = who.peer;
	t.inside = who.inside;
	t.stranger = who.stranger;
	return worker_run(guest_child, &t);
}

static int attendant_fork(struct attendant *ret)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		descriptors_keep(&pair[1], 1);
		_exit(attendant_main(pair[1]));
	}
	(void)close(pair[1]);
	*ret = (struct attendant){ pid > 0 ? sys_pidfd_open(pid) : -1, pair[0] };
	if (ret->pidfd >= 0)
		return 0;
	if (pid > 0)
		(void)kill(pid, SIGKILL);
	cleanup_fd(&ret->line);
	return -1;
}

static void attendant_dismiss(struct attendant *a)
{
	if (a->pidfd >= 0)
		(void)sys_pidfd_send_signal(a->pidfd, SIGKILL);
	cleanup_fd(&a->line);
	cleanup_fd(&a->pidfd);
}

/* False: it is dead, or there is no memory, and the child has nothing. What a child dies with unread, its own end closes. */
static bool attendant_give(const struct attendant *a, const struct guest_who *who, int fd)
{
	return a->pidfd >= 0 && message_send(a->line, who, sizeof(*who), &fd, 1) >= 0;
}

int attendant_send(const struct guest_who *who, int *fd, struct attendant *ret)
{
	*ret = ahead;
	ahead = (struct attendant){ -1, -1 };
	in_vain = 0;
	if (!attendant_give(ret, who, *fd)) {
		attendant_dismiss(ret);
		if (attendant_fork(ret) < 0)
			return -1;
		if (!attendant_give(ret, who, *fd)) {
			attendant_dismiss(ret);
			return -1;
		}
	}
	cleanup_fd(fd);
	(void)send(ret->line, "", 1, MSG_NOSIGNAL);
	return 0;
}

void standby_dismiss(void)
{
	attendant_dismiss(&ahead);
}

void standby_prepare(void)
{
	if (ahead.pidfd < 0 && in_vain < IN_VAIN_MAX) {
		in_vain++;
		(void)attendant_fork(&ahead);
	}
}

uint64_t standby_wait(void)
{
	return ahead.pidfd < 0 && in_vain < IN_VAIN_MAX ? QUIET_US : UINT64_MAX;
}
