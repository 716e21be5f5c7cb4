/*
 * turns - programs that are compared, each run as often as the others and in turns, timed from fork to the end: root.
 *
 * Usage: turns TIMES PAUSE_MS [FILE…] -- USER COMMAND… [-- USER COMMAND…]…
 * Prints microseconds, a line a turn, a column a command. The files are open in every command, from their beginning, as 10
 * and up (bwrap takes filters so). What a command leaves to be cleared away has PAUSE_MS before the next.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 16
#define FIRST_FILE 10

struct command {
	char **argv;
	uid_t uid;
	gid_t gid, groups[64];
	int n_groups;
	double took_us;
};

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "turns: %s: %s\n", what, why);
	exit(1);
}

static void file_open(const char *path, int number)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || dup2(fd, number) < 0)
		die(path, strerror(errno));
	(void)close(fd);
}

static void command_read(struct command *c, char **words)
{
	const struct passwd *pw = words[0] ? getpwnam(words[0]) : NULL;

	if (!pw || !words[1])
		die(words[0] ? words[0] : "--", "USER COMMAND is wanted, and a user of this machine");
	c->argv = words + 1;
	c->uid = pw->pw_uid;
	c->gid = pw->pw_gid;
	c->n_groups = 64;
	if (getgrouplist(words[0], c->gid, c->groups, &c->n_groups) < 0)
		die(words[0], "too many groups");
}

/* After vfork(2), so that this program's size is nobody's time; it changes nothing in the memory they share. */
static void child_run(const struct command *c, int null)
{
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || setgroups((size_t)c->n_groups, c->groups) < 0 ||
		setresgid(c->gid, c->gid, c->gid) < 0 || setresuid(c->uid, c->uid, c->uid) < 0)
		_exit(126);
	(void)execvp(c->argv[0], c->argv);
	_exit(127);
}

static void run(struct command *c, int null, int n_files)
{
	int i, status = 0;
	double from;
	pid_t pid;

	for (i = 0; i < n_files; i++)
		(void)lseek(FIRST_FILE + i, 0, SEEK_SET);
	from = now_us();
	pid = vfork();
	if (pid == 0)
		child_run(c, null);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die(c->argv[0], strerror(errno));
	c->took_us = now_us() - from;
	if (status != 0) {
		(void)fprintf(stderr, "turns: %s: wait status %d\n", c->argv[0], status);
		exit(1);
	}
}

static void pause_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

int main(int argc, char **argv)
{
	static struct command commands[COMMANDS_MAX];
	int times = argc > 2 ? atoi(argv[1]) : 0, n = 0, n_files = 0, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int i, turn;

	for (i = 3; i < argc && strcmp(argv[i], "--") != 0; i++)
		file_open(argv[i], FIRST_FILE + n_files++);
	for (; i < argc; i++)
		if (strcmp(argv[i], "--") == 0 && n < COMMANDS_MAX) {
			argv[i] = NULL; /* the end of the one before */
			command_read(&commands[n++], argv + i + 1);
		}
	if (times < 1 || n == 0) {
		(void)fputs("usage: turns TIMES PAUSE_MS [FILE...] -- USER COMMAND... [-- USER COMMAND...]...\n", stderr);
		return 2;
	}
	for (turn = -1; turn < times; turn++) { /* the first warms the caches */
		for (i = 0; i < n; i++) {
			run(&commands[(i + turn + n) % n], null, n_files);
			pause_ms(atoi(argv[2]));
		}
		for (i = 0; turn >= 0 && i < n; i++)
			(void)printf("%.0f%c", commands[i].took_us, i + 1 < n ? ' ' : '\n');
		(void)fflush(stdout);
	}
	return 0;
}
