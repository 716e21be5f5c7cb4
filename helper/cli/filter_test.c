/*
 * carrel filter test - runs a command under a filter, here and as whoever asks.
 *
 * Trust:  no privilege; the filter is attached with no_new_privs, so set-user-ID programs stay what
 * the caller is.
 * Order:  compile, fork; in the child no_new_privs, attach, exec. The parent only waits, so that
 * nothing that it does is filtered.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/cli/filter.h"
#include "helper/cli/filter_find.h"
#include "helper/public/program.h"
#include "policy/base/cleanup.h"
#include "policy/base/io.h"
#include "policy/filter.h"

/* As for env(1) and nohup(1). */
#define EXIT_TROUBLE 125
#define EXIT_CANNOT 126
#define EXIT_MISSING 127

static int fail(const char *what, int code, int status)
{
	(void)filter_fail("test", "%s: %s", what, strerror(code));
	return status;
}

static int program_make(const struct filter *f, int *ret_fd, struct err *e)
{
	_cleanup_free_ void *program = NULL;
	_cleanup_fd_ int fd = -1;
	size_t len;
	int r;

	r = filter_compile(f, 0, &program, &len, e);
	if (r < 0)
		return r;
	fd = memfd_create("filter", MFD_CLOEXEC);
	if (fd < 0 || write(fd, program, len) != (ssize_t)len)
		return err_set(e, errno, "memfd: %s", strerror(errno));
	*ret_fd = fd_take(&fd);
	return 0;
}

static void __attribute__((noreturn)) child(int fd, char **argv)
{
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(fail("no_new_privs", errno, EXIT_TROUBLE));
	r = program_attach(fd);
	if (r < 0)
		_exit(fail("the filter cannot be attached", -r, EXIT_TROUBLE));
	(void)execvp(argv[0], argv);
	r = command_error(argv[0], errno);
	_exit(fail(argv[0], r, r == ENOENT ? EXIT_MISSING : EXIT_CANNOT));
}

/* The terminal's signals are for the command; we stay to tell how it ended. */
static int wait_for(pid_t pid)
{
	int status;

	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail("wait", errno, EXIT_TROUBLE);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Refusals are for the kernel's log, which users cannot read; a killing is plain to see. */
static void say_how_it_ended(const char *word, bool root, int status)
{
	/* The last three are ours, and have been told. */
	if (status == 0 || (status >= EXIT_TROUBLE && status <= EXIT_MISSING))
		return;
	if (status == 128 + SIGSYS)
		(void)filter_fail(
			"test", "the command was killed by SIGSYS: '%s' kills for a call", word);
	else
		(void)filter_fail("test", "the command ended with status %d", status);
	(void)filter_fail("test",
		"'carrel trace --filter %s%s -- COMMAND' shows which calls were refused", word,
		root ? " --root yes" : "");
}

/* argv: the filter's name, then the command. */
static int run(const struct filter *f, bool root, char **argv)
{
	_cleanup_fd_ int fd = -1;
	struct err e;
	pid_t pid;
	int status;

	if (program_make(f, &fd, &e) < 0) {
		(void)filter_fail("test", "%s", e.text);
		return EXIT_TROUBLE;
	}
	(void)fflush(NULL);
	pid = fork();
	if (pid < 0)
		return fail("fork", errno, EXIT_TROUBLE);
	if (pid == 0)
		child(fd, argv + 1);
	status = wait_for(pid);
	say_how_it_ended(argv[0], root, status);
	return status;
}

int cmd_filter_test(int argc, char **argv)
{
	_cleanup_(filter_finder_close) struct filter_finder ff = { .n_dirs = 0 };
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	struct filter_options o;
	struct err e;
	int r;

	r = filter_options_read(argc, argv, "cr", &o);
	if (r != 0)
		return r < 0 ? 2 : 0;
	if (argc - o.first < 2)
		return filter_fail("test", "expected a filter and a command, as in: "
					   "carrel filter test default -- ls -l");
	if (filter_finder_open(o.config, &ff, &e) < 0 ||
		filter_find(&ff, argv[o.first], o.root ? FILTER_ROOT_INSIDE : 0, &f, &e) < 0) {
		(void)filter_fail("test", "%s", e.text);
		return EXIT_TROUBLE;
	}
	return run(f, o.root, argv + o.first);
}
