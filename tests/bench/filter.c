/*
 * filter - what a filter costs a process: root, in a world of its own.
 *
 * Usage: filter loop NAME TIMES     nanoseconds a call, a line a time: an allowed call without a filter and with it, and one
 *                                   with an argument rule, without and with
 *        filter attach NAME TIMES   microseconds that program_attach() takes
 *        filter compile NAME TIMES  milliseconds from the text to a program that is proven
 *        filter program NAME FILE   writes the program of it
 *        filter run FILE COMMAND…   the command under such a program; "-": without; "+": under one instruction that allows all,
 *                                   which is the least that the kernel takes for any filter
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <time.h>
#include <unistd.h>

#include "helper/public/program.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/paths.h"
#include "policy/filter.h"

enum { CALLS = 400000 };

/* Written by a child, read after its end. */
static double *took;

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what)
{
	(void)fprintf(stderr, "filter: %s\n", what);
	exit(1);
}

/* The program of a filter, in memory. */
static int compiled(const char *name)
{
	static const char *const dirs[] = { CARREL_SYSCONFDIR "/filters", CARREL_DATADIR "/filters" };
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	_cleanup_free_ void *file = NULL;
	struct err e = { "" };
	size_t len;
	int fd;

	if (filter_load(dirs, 2, name, FILTER_ROOT_OWNED, &f, &e) < 0 || filter_compile(f, 0, &file, &len, &e) < 0)
		die(e.text);
	fd = memfd_create("program", MFD_CLOEXEC);
	if (fd < 0 || write(fd, file, len) != (ssize_t)len)
		die(strerror(errno));
	return fd;
}

static void write_program(const char *name, const char *path)
{
	char program[PROGRAM_MAX];
	const ssize_t n = pread(compiled(name), program, sizeof(program), 0);
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (n <= 0 || fd < 0 || write(fd, program, (size_t)n) != n)
		die(path);
}

static void attach_or_die(int program_fd)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || program_attach(program_fd) < 0)
		_exit(1);
}

static void allow_all(void)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog program = { 1, &all };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		die(strerror(errno));
}

/* Runs in a child of its own, as a filter stays; -1: without. */
static double in_child(double (*measure)(int program_fd, long nr, long request), int program_fd, long nr, long request)
{
	const pid_t pid = fork();
	int status;

	if (pid == 0) {
		*took = measure(program_fd, nr, request);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		die("a child failed");
	return *took;
}

static double time_calls(int program_fd, long nr, long request)
{
	double from;

	if (program_fd >= 0)
		attach_or_die(program_fd);
	from = now_us();
	for (int i = 0; i < CALLS; i++)
		(void)syscall(nr, -1L, request, 0L);
	return (now_us() - from) * 1000 / CALLS;
}

static double time_attach(int program_fd, long nr, long request)
{
	double from;

	(void)nr;
	(void)request;
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	from = now_us();
	if (program_attach(program_fd) < 0)
		_exit(1);
	return now_us() - from;
}

static double time_compile(const char *name)
{
	const double from = now_us();
	const int fd = compiled(name);
	const double ms = (now_us() - from) / 1000;

	(void)close(fd);
	return ms;
}

static void loop(int program_fd, int times)
{
	while (times-- > 0) {
		const double bare = in_child(time_calls, -1, SYS_getppid, 0);
		const double allowed = in_child(time_calls, program_fd, SYS_getppid, 0);
		const double bare_rule = in_child(time_calls, -1, SYS_ioctl, TCGETS);
		const double rule = in_child(time_calls, program_fd, SYS_ioctl, TCGETS);

		printf("%.2f %.2f %.2f %.2f\n", bare, allowed, bare_rule, rule);
	}
}

int main(int argc, char **argv)
{
	const int times = argc == 4 ? atoi(argv[3]) : 0;

	took = mmap(NULL, sizeof(*took), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (argc < 4 || took == MAP_FAILED)
		die("usage: filter loop|attach|compile NAME TIMES, filter program NAME FILE, filter run FILE|- COMMAND...");
	if (strcmp(argv[1], "loop") == 0)
		loop(compiled(argv[2]), times);
	else if (strcmp(argv[1], "attach") == 0)
		for (int fd = compiled(argv[2]), i = 0; i < times; i++)
			printf("%.2f\n", in_child(time_attach, fd, 0, 0));
	else if (strcmp(argv[1], "compile") == 0)
		for (int i = 0; i < times; i++)
			printf("%.2f\n", time_compile(argv[2]));
	else if (strcmp(argv[1], "program") == 0)
		write_program(argv[2], argv[3]);
	else if (strcmp(argv[1], "run") == 0) {
		if (strcmp(argv[2], "+") == 0)
			allow_all();
		else if (strcmp(argv[2], "-") != 0)
			attach_or_die(open(argv[2], O_RDONLY | O_CLOEXEC));
		(void)execvp(argv[3], argv + 3);
		die(strerror(errno));
	}
	return 0;
}
