/*
 * launch - the helper's part of a launch, seen by who asks: root, in a world with a running helper.
 *
 * Usage: launch USER IMAGE TIMES. Asks as `carrel run IMAGE true` does, by the user, and prints microseconds, a line a time: from
 * before connect(2) to the answer, right after which pid 1 is let go; and to the word that `true` has ended. The first contains
 * all that the helper does: the request is read in a child that the connection begins.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "helper/public/message.h"
#include "helper/public/wire.h"

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what)
{
	(void)fprintf(stderr, "launch: %s\n", what);
	exit(1);
}

static void become(const char *user)
{
	const struct passwd *pw = getpwnam(user);

	if (!pw || initgroups(user, pw->pw_gid) < 0 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
		setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
		die(user);
}

/* The program to look for, no working directory, one argument. */
static int payload_make(uint32_t *ret_bytes)
{
	static const char strings[] = "true\0\0true";
	int fd = memfd_create("payload", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || write(fd, strings, sizeof(strings)) != (ssize_t)sizeof(strings) ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) < 0)
		die("payload");
	*ret_bytes = sizeof(strings);
	return fd;
}

static int helper_connect(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = WIRE_SOCKET };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(strerror(errno));
	return fd;
}

static void launch_once(const struct launch_request *q, int null, int payload)
{
	const int fds[4] = { null, null, null, payload };
	double from = now_us(), answered;
	int conn = helper_connect();
	struct launch_answer a;
	struct enter_event event;

	if (message_send(conn, q, sizeof(*q), fds, 4) < 0 || recv(conn, &a, sizeof(a), 0) != (ssize_t)sizeof(a))
		die("no answer");
	answered = now_us() - from;
	if (a.answer != ANSWER_CONFINED)
		die(a.text);
	if (recv(conn, &event, sizeof(event), 0) != (ssize_t)sizeof(event) || event.kind != EVENT_EXITED || event.value != 0)
		die("true did not run");
	(void)printf("%.0f %.0f\n", answered, now_us() - from);
	(void)fflush(stdout);
	(void)close(conn);
}

int main(int argc, char **argv)
{
	const struct timespec rest = { 0, 20000000 };
	int i, null = open("/dev/null", O_RDWR | O_CLOEXEC), payload, times = argc == 4 ? atoi(argv[3]) : 0;
	static struct launch_request q;

	if (times < 1 || strlen(argv[2]) >= sizeof(q.image)) {
		(void)fputs("usage: launch USER IMAGE TIMES\n", stderr);
		return 2;
	}
	become(argv[1]);
	q.head = (struct wire_head){ WIRE_VERSION, REQ_LAUNCH, sizeof(q) };
	memcpy(q.image, argv[2], strlen(argv[2]));
	q.command.umask = 022;
	q.command.argc = 1;
	payload = payload_make(&q.command.payload);
	for (i = 0; i < times; i++) {
		launch_once(&q, null, payload);
		(void)nanosleep(&rest, NULL);
	}
	return 0;
}
