/*
 * carrel filter test - runs a command under a filter, here and as whoever asks, and tells what that
 * refused.
 *
 * Trust:  no privilege; the filter is attached with no_new_privs, so set-user-ID programs stay what
 * the caller is. It is no fence: what it refuses is asked of us, and done by us as the filter says.
 * Order:  compile, then start under a listener. What the filter allows is never asked, and runs as
 *         it does in a session.
 * Fails:  where there can be no listener, the filter itself is attached: it holds as well, and we
 *         cannot tell.
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
#include "helper/cli/filter_refused.h"
#include "helper/learn/supervise.h"
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

/* The filter alone, when nobody can listen. */
static int run_unheard(const struct filter *f, char **argv)
{
	_cleanup_fd_ int fd = -1;
	struct err e;
	pid_t pid;

	if (program_make(f, &fd, &e) < 0) {
		(void)filter_fail("test", "%s", e.text);
		return EXIT_TROUBLE;
	}
	(void)fflush(NULL);
	pid = fork();
	if (pid < 0)
		return fail("fork", errno, EXIT_TROUBLE);
	if (pid == 0)
		child(fd, argv);
	return wait_for(pid);
}

struct hearing {
	struct refusals refusals;
	struct refused refused;
	struct supervised run;
	bool heard;
};

static int call(void *data, const struct listener *l, const struct seccomp_notif *n)
{
	struct hearing *h = data;
	const struct origin *at = NULL;
	uint32_t verdict = refusals_verdict(&h->refusals, &n->data, &at);

	(void)l;
	refused_add(&h->refused, &h->refusals, n, verdict, at);
	return refusals_do(verdict, n);
}

/* The exit status; -1: nothing was run yet, as nobody can listen. */
static int run_heard(const struct filter *f, char **argv, struct hearing *h)
{
	struct supervision s = { .who = "carrel filter test",
		.argv = argv,
		.no_new_privs = true,
		.call = call,
		.data = h };
	struct err e;

	if (refusals_make(f, &h->refusals, &e) < 0) {
		(void)filter_fail("test", "refused calls cannot be told: %s", e.text);
		return -1;
	}
	s.insns = h->refusals.insns;
	s.n_insns = h->refusals.n_insns;
	if (supervise(&s, &h->run, &e) < 0) {
		(void)filter_fail("test", "%s%s",
			h->run.began ? "" : "refused calls cannot be told: ", e.text);
		return h->run.began ? EXIT_TROUBLE : -1;
	}
	h->heard = true;
	return h->run.exec_error ? fail(argv[0], h->run.exec_error, h->run.status) : h->run.status;
}

/* Said of a failure only, where it may mislead. */
static const char *what_else(const struct hearing *h)
{
	if (!h->heard || h->refused.count > 0)
		return "";
	return supervise_is_filtered() ? ", and nothing was refused; what a filter above this "
					 "process refuses is not told"
				       : ", and nothing was refused";
}

static void say_how_it_ended(const char *word, const struct hearing *h, int status)
{
	/* Of the last three each that is ours has been told. */
	if (status == 0 || (status >= EXIT_TROUBLE && status <= EXIT_MISSING))
		return;
	if (status == 128 + SIGSYS)
		(void)filter_fail(
			"test", "the command was killed by SIGSYS: '%s' kills for a call", word);
	else
		(void)filter_fail(
			"test", "the command ended with status %d%s", status, what_else(h));
}

static void say_what_was_refused(
	const char *word, bool root, const struct hearing *h, const json_t *list)
{
	if (h->refused.count == 0)
		return;
	(void)filter_fail("test", "'%s' refused %llu call%s:", word,
		(unsigned long long)h->refused.count, plural(h->refused.count));
	refused_print(list);
	if (h->refused.lost)
		(void)fprintf(stderr, "%8llu  others\n", (unsigned long long)h->refused.lost);
	(void)filter_fail("test",
		"'carrel trace --filter %s%s -- COMMAND' shows all their arguments, as it happens",
		word, root ? " --root yes" : "");
}

/* argv: the filter's name, then the command. */
static int run(const struct filter *f, const struct filter_options *o, char **argv)
{
	struct hearing h = { .heard = false };
	json_t *list;
	int status;

	status = run_heard(f, argv + 1, &h);
	if (status < 0)
		status = run_unheard(f, argv + 1);
	list = refused_json(&h.refused, &h.refusals);
	if (o->json) {
		json_t *out = json_pack("{s:o, s:i, s:b, s:I, s:O}", "filter", json_text(f->name),
			"status", status, "heard", h.heard, "count", (json_int_t)h.refused.count,
			"refused", list);

		(void)json_dumpf(out, stdout, JSON_INDENT(2));
		(void)putchar('\n');
		json_decref(out);
	} else {
		say_how_it_ended(argv[0], &h, status);
		say_what_was_refused(argv[0], o->root, &h, list);
	}
	json_decref(list);
	refused_done(&h.refused);
	refusals_done(&h.refusals);
	return status;
}

int cmd_filter_test(int argc, char **argv)
{
	_cleanup_(filter_finder_close) struct filter_finder ff = { .n_dirs = 0 };
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	struct filter_options o;
	struct err e;
	int r;

	r = filter_options_read(argc, argv, "cjr", &o);
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
	return run(f, &o, argv + o.first);
}
