/*
 * Programs of every day under the shipped filters, tests/filter/everyday.tests: what works without
 * a filter must work with it.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/public/program.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/filter.h"
#include "tests/lib/filtered_child.h"
#include "tests/lib/test.h"

/* The first ones are meant by "*"; the others allow more than default does. */
static const char *const names[] = { "default", "login", "strict", "root", "hpc", "nested",
	"observe" };
enum { N_ALWAYS = 3, N_NAMES = 7, NONE };
static int programs[N_NAMES];

static bool compile_all(void)
{
	const char *src = getenv("CARREL_SRCDIR");
	char dir[4096];
	const char *dirs[] = { dir };

	(void)snprintf(dir, sizeof(dir), "%s/etc/filters", src ? src : ".");
	for (int i = 0; i < N_NAMES; i++) {
		_cleanup_(filter_cleanup) struct filter *f = NULL;
		_cleanup_free_ void *file = NULL;
		struct err e = { "" };
		size_t len = 0;

		if (filter_load(dirs, 1, names[i], FILTER_ROOT_INSIDE, &f, &e) < 0 ||
			filter_compile(f, 0, &file, &len, &e) < 0) {
			test_fail(__FILE__, __LINE__, e.text);
			return false;
		}
		programs[i] = memfd_create("program", MFD_CLOEXEC);
		if (programs[i] < 0 || write(programs[i], file, len) != (ssize_t)len)
			return false;
	}
	return true;
}

static void confine(int filter)
{
	if (filter != NONE)
		confine_self(programs[filter]);
}

static bool installed(const char *program)
{
	char command[160];

	(void)snprintf(command, sizeof(command), "command -v %.100s >/dev/null 2>&1", program);
	return system(command) == 0;
}

/* The last of what the command said: there it says why it gave up. */
static void tell(int out)
{
	char text[2000];
	const off_t end = lseek(out, 0, SEEK_END);
	const off_t from = end > (off_t)sizeof(text) - 1 ? end - (off_t)sizeof(text) + 1 : 0;
	const ssize_t n = pread(out, text, sizeof(text) - 1, from);

	text[n > 0 ? n : 0] = '\0';
	for (char *save = NULL, *l = strtok_r(text, "\n", &save); l;
		l = strtok_r(NULL, "\n", &save))
		printf("#   | %s\n", l);
}

/* What a daemon of the command's still writes while it ends is no failure of the program. */
static void remove_tree(const char *dir)
{
	char line[128];

	(void)snprintf(
		line, sizeof(line), "rm -rf %s 2>/dev/null || { sleep 1; rm -rf %s; }", dir, dir);
	if (system(line) != 0)
		printf("# left behind: %s\n", dir);
}

enum { EVERYDAY_SECONDS = 120 };

/* A line of shell in a directory of its own. */
struct job {
	char dir[32];
	pid_t pid;
	int out;
};

static void start(struct job *j, int filter, const char *command)
{
	char seconds[16];
	const char *made;

	(void)snprintf(j->dir, sizeof(j->dir), "/tmp/everyday.XXXXXX");
	(void)snprintf(seconds, sizeof(seconds), "%d", EVERYDAY_SECONDS);
	made = mkdtemp(j->dir);
	j->out = memfd_create("out", MFD_CLOEXEC);
	j->pid = fork();
	if (j->pid == 0) {
		int null = open("/dev/null", O_RDWR);

		if (dup2(null, 0) < 0 || dup2(j->out, 1) < 0 || dup2(j->out, 2) < 0)
			_exit(253);
		/*
		 * Without SHELL tmux takes the account's, and nobody's is nologin: the session then
		 * ends at once, before the next command sees it or after.
		 */
		if (!made || chdir(j->dir) < 0 || setenv("HOME", j->dir, 1) < 0 ||
			setenv("SHELL", "/bin/sh", 1) < 0 || setsid() < 0)
			_exit(252);
		confine(filter);
		execlp("timeout", "timeout", seconds, "bash", "-c", command, NULL);
		_exit(251);
	}
}

/* The exit status; 1000 + signal for death. */
static int finish(struct job *j)
{
	int status = wait_status(j->pid);

	remove_tree(j->dir);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static const char *status_text(int status)
{
	switch (status) {
	case 124:
		return "took too long";
	case 127:
		return "not found, or not all of it";
	case 250:
		return "the filter was not attached";
	case 251:
	case 252:
	case 253:
		return "not started";
	default:
		return status > 1000 ? strsignal(status - 1000) : "exit status";
	}
}

static bool is_meant(const char *filters, int filter)
{
	return strcmp(filters, "*") == 0 ? filter < N_ALWAYS
					 : strstr(filters, names[filter]) != NULL;
}

/* Under all filters at once; each has its own directory, and nothing in the table is the machine's.
 */
static void everyday(const char *program, const char *filters, const char *command, int line)
{
	struct job jobs[N_NAMES];
	int bare;

	start(&jobs[0], NONE, command);
	bare = finish(&jobs[0]);
	if (bare != 0) {
		printf("# %s does not work here without a filter either (%d, %s)\n", program, bare,
			status_text(bare));
		tell(jobs[0].out);
	}
	(void)close(jobs[0].out);
	for (int i = 0; i < N_NAMES && bare == 0; i++)
		if (is_meant(filters, i))
			start(&jobs[i], i, command);
	for (int i = 0; i < N_NAMES && bare == 0; i++) {
		char what[256];
		int seen;

		if (!is_meant(filters, i))
			continue;
		seen = finish(&jobs[i]);
		(void)snprintf(what, sizeof(what), "%.64s under %s: %s", program, names[i],
			status_text(seen));
		test_check_int("everyday.tests", line, what, seen, 0);
		if (seen != 0)
			tell(jobs[i].out);
		(void)close(jobs[i].out);
	}
}

static void everyday_programs_work(void)
{
	const char *src = getenv("CARREL_SRCDIR");
	_cleanup_file_ FILE *file = NULL;
	char path[4096], text[1024];
	int line = 0, tried = 0;

	(void)snprintf(path, sizeof(path), "%s/tests/filter/everyday.tests", src ? src : ".");
	file = fopen(path, "re");
	CHECK(file);
	while (file && fgets(text, sizeof(text), file)) {
		char *program = text, *filters = strchr(text, '\t'), *command;

		line++;
		if (text[0] == '#' || text[0] == '\n')
			continue;
		command = filters ? strchr(filters + 1, '\t') : NULL;
		if (!command) {
			test_fail("everyday.tests", line, text);
			continue;
		}
		*filters++ = *command++ = '\0';
		if (!installed(program)) {
			printf("# %s is not installed\n", program);
			continue;
		}
		everyday(program, filters, command, line);
		tried++;
	}
	CHECK(tried >= 5);
}

int main(void)
{
	if (!compile_all())
		return 1;
	TEST(everyday_programs_work);
	return test_done();
}
