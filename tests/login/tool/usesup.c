/*
 * usesup - takes of what the kernel counts, one after the other, until it gives no more, and keeps it.
 *
 * Usage: usesup inotify|queues|processes TIMES [SECONDS]. Processes are of fifty IDs, and so need root inside. Prints how many it got and why it got no more ("done": it got TIMES), and whether
 * files can still be opened (inotify_init(2) and mq_open(3) say EMFILE for both).
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

static int take_process(void)
{
	static int end[2] = { -1, -1 };
	static unsigned n;
	pid_t pid;

	if (end[0] < 0 && pipe(end) < 0)
		return -1;
	pid = fork();
	n++;
	if (pid != 0)
		return pid;
	(void)close(end[1]);
	if (setuid(1 + n % 50) == 0)
		(void)!read(end[0], &n, 1); /* until the first process is gone */
	_exit(0);
}

static int take(const char *what)
{
	static const char name[] = "/usesup";
	int fd;

	if (strcmp(what, "processes") == 0)
		return take_process();

	if (strcmp(what, "inotify") == 0)
		return inotify_init1(0);
	fd = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
	return fd < 0 || mq_unlink(name) < 0 ? -1 : fd;
}

int main(int argc, char **argv)
{
	int n = 0, times;
	const char *why;

	if (argc < 3)
		return 2;
	times = atoi(argv[2]);
	while (n < times && take(argv[1]) >= 0)
		n++;
	why = n == times ? "done" : strerrorname_np(errno);
	printf("%d %s, files %s\n", n, why, open("/dev/null", O_RDONLY) < 0 ? "too" : "open");
	(void)fflush(stdout);
	if (argc > 3)
		(void)sleep((unsigned)atoi(argv[3]));
	return 0;
}
