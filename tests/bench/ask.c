/*
 * ask - the module's own questions, timed where the module asks them: root, in a world with a running helper.
 *
 * Usage: ask first|next|join USER SERVICE TIMES. Prints microseconds, one line each.
 * first: the user has no container (its profile says linger = no, so that it ends with the session); next: there is one;
 * join: what hook_join() takes in a child, as sshd forks it.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pam_module/hook.h"
#include "pam_module/session.h"
#include "policy/base/err.h"

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void pause_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

static void die(const char *what)
{
	(void)fprintf(stderr, "ask: %s\n", what);
	exit(1);
}

/* Returns what it took. */
static double session_open(struct carrel_data *d, const char *user, const char *service)
{
	struct session_request q = { .head = { WIRE_VERSION, REQ_SESSION, sizeof(q) },
		.timeout_ms = 5000,
		.hook = strcmp(service, "sshd") == 0 };
	enum answer verdict = ANSWER_REFUSED;
	char text[256] = "";
	struct err e;
	double from;

	memset(d, 0, sizeof(*d));
	d->program = HOOK_SERVES;
	d->opener = getpid();
	d->opener_gid = getgid();
	(void)getrlimit(RLIMIT_NPROC, &d->processes);
	d->conn_fd = d->pidfd = d->filter_fd = d->cgroup_fd = d->doors_fd = -1;
	(void)snprintf(q.user, sizeof(q.user), "%s", user);
	(void)snprintf(q.service, sizeof(q.service), "%s", service);
	from = now_us();
	if (session_ask(d, &q, &verdict, text, &e) < 0)
		die(e.text);
	from = now_us() - from;
	if (verdict != ANSWER_CONFINED)
		die(text[0] ? text : "the session is not confined");
	return from;
}

/* Until the container is gone and the helper knows it; or not, if another session is in it. */
static void session_end(struct carrel_data *d, bool with_container)
{
	struct pollfd p = { .fd = d->pidfd, .events = POLLIN };

	session_close(d, 1000);
	if (with_container && poll(&p, 1, 5000) != 1)
		die("the container does not end with its session; its profile must say linger = no");
	session_forget(d);
	pause_ms(20);
}

static double join_once(struct carrel_data *d)
{
	double *took = mmap(NULL, sizeof(*took), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	struct err e;
	double ret;
	pid_t pid;

	if (took == MAP_FAILED)
		die("no memory");
	pid = fork();
	if (pid == 0) {
		double from = now_us();

		if (hook_join(d, &e) < 0) {
			(void)fprintf(stderr, "ask: %s\n", e.text);
			_exit(1);
		}
		*took = now_us() - from;
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("the child did not join");
	ret = *took;
	(void)munmap(took, sizeof(*took));
	return ret;
}

int main(int argc, char **argv)
{
	bool first = argc == 5 && strcmp(argv[1], "first") == 0;
	bool join = argc == 5 && strcmp(argv[1], "join") == 0;
	struct carrel_data holder, d;
	int i, times = argc == 5 ? atoi(argv[4]) : 0;

	if (times < 1 || (!first && !join && strcmp(argv[1], "next") != 0)) {
		(void)fputs("usage: ask first|next|join USER SERVICE TIMES\n", stderr);
		return 2;
	}
	if (!first)
		(void)session_open(&holder, argv[2], argv[3]);
	for (i = 0; i < times; i++) {
		double took;

		if (join) {
			took = join_once(&holder);
			pause_ms(5);
		} else {
			took = session_open(&d, argv[2], argv[3]);
			session_end(&d, first);
		}
		(void)printf("%.0f\n", took);
	}
	if (!first)
		session_end(&holder, false);
	return 0;
}
