/*
 * carrel trace - runs a command under a filter and says which calls were refused, with their arguments. For a person who
 * looks for a reason: sessions are never traced, as a listener would take the place of one that the user may want.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/cli/cli.h"
#include "helper/cli/filter_find.h"
#include "helper/learn/decode.h"
#include "helper/learn/refusals.h"
#include "helper/learn/supervise.h"
#include "helper/learn/tally.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/filter.h"

static const char usage_text[] =
	"usage: carrel trace [--filter NAME] [--root yes|no] [-o FILE] [--config PATH] -- COMMAND [ARGUMENT...]\n"
	"\n"
	"  --filter NAME      the filter it runs under: a name or the path of a .filter file (default)\n"
	"  --root yes|no      as in a session whose user may become root inside, or not (no)\n"
	"  -o FILE            writes there, and not to standard error\n"
	"  --config PATH      this configuration instead of the installed one\n"
	"\n"
	"Every refused call is answered as the filter says and told, with arguments and the line that decided.\n"
	"Exit status: that of the command, 128 + N when signal N ended it; 125 carrel failed; 126, 127 the command\n"
	"cannot be executed or found; 2 wrong usage.\n";

#define WHO "carrel trace"
#define FAILED 125

struct tracing {
	struct refusals refusals;
	struct tally tally;
	FILE *out;
};

static const char *verdict_name(uint32_t verdict)
{
	if ((verdict & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
		return strerrorname_np((int)(verdict & SECCOMP_RET_DATA));
	return "killed";
}

/* "default.filter:40": the directory is told by `carrel filter why`. */
static void place_name(const struct origin *at, char *ret, size_t size)
{
	const char *slash = at ? strrchr(at->file, '/') : NULL;

	if (at)
		(void)snprintf(ret, size, "%.80s:%u", slash ? slash + 1 : at->file, at->line);
	else
		(void)snprintf(ret, size, "no line allows it");
}

static int call(void *data, const struct listener *l, const struct seccomp_notif *n)
{
	struct tracing *t = data;
	const struct origin *at = NULL;
	uint32_t verdict = refusals_verdict(&t->refusals, &n->data, &at);
	const char *name = verdict_name(verdict);
	char text[DECODE_MAX], place[128], program[PROGRAM_NAME_MAX], short_name[64], sum[320];

	if (!name)
		name = "an unknown error";
	/* An unknown ABI and x32 are no matter of any line. */
	place_name(at, place, sizeof(place));
	decode_call(l, n, text);
	decode_name(&n->data, short_name);
	program_name((int)n->pid, program);
	(void)fprintf(t->out, "%s[%u] %s = %s  %s\n", program, n->pid, text, name, place);
	(void)snprintf(sum, sizeof(sum), "%s = %s by %s  %s", short_name, name, program, place);
	tally_add(&t->tally, sum);
	return refusals_do(verdict, n);
}

static void print_summary(struct tracing *t, const char *filter)
{
	uint64_t all = t->tally.lost;

	tally_sort(&t->tally);
	for (size_t i = 0; i < t->tally.n; i++)
		all += t->tally.lines[i].count;
	(void)fprintf(t->out, WHO ": filter '%s' refused %llu call%s\n", filter, (unsigned long long)all,
		all == 1 ? "" : "s");
	for (size_t i = 0; all > 1 && i < t->tally.n; i++)
		(void)fprintf(t->out, "%8llu  %s\n", (unsigned long long)t->tally.lines[i].count, t->tally.lines[i].text);
}

static int trace(const struct filter *f, char **argv, FILE *out, struct err *e)
{
	struct tracing t = { .out = out };
	struct supervision s = { .who = WHO, .argv = argv, .call = call, .data = &t };
	struct supervised run;
	int r;

	if (supervise_is_filtered())
		(void)fputs(WHO ": a filter is above this process already; what that one refuses is not told here\n", stderr);
	r = refusals_make(f, &t.refusals, e);
	if (r < 0)
		return r;
	s.insns = t.refusals.insns;
	s.n_insns = t.refusals.n_insns;
	r = supervise(&s, &run, e);
	if (r == 0 && run.exec_error)
		(void)fprintf(stderr, WHO ": cannot execute '%s': %s\n", argv[0], strerror(run.exec_error));
	if (r == 0)
		print_summary(&t, f->name);
	refusals_done(&t.refusals);
	tally_done(&t.tally);
	return r == 0 ? run.status : r;
}

static int fail(const char *text)
{
	(void)fprintf(stderr, WHO ": %s\n", text);
	return FAILED;
}

static int trace_named(const char *config, const char *name, unsigned flags, const char *output, char **argv)
{
	_cleanup_(filter_finder_close) struct filter_finder ff = { .n_dirs = 0 };
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	_cleanup_file_ FILE *file = NULL;
	struct err e;
	int r;

	if (filter_finder_open(config, &ff, &e) < 0 || filter_find(&ff, name, flags, &f, &e) < 0)
		return fail(e.text);
	if (output && !(file = fopen(output, "we"))) {
		(void)err_set(&e, errno, "%s: %s", output, strerror(errno));
		return fail(e.text);
	}
	if (file)
		(void)setvbuf(file, NULL, _IOLBF, 0);
	r = trace(f, argv, file ? file : stderr, &e);
	if (r < 0)
		return fail(e.text);
	if (file && (fflush(file) != 0 || ferror(file))) {
		(void)err_set(&e, errno, "%s: %s", output, strerror(errno));
		return fail(e.text);
	}
	return r;
}

int cmd_trace(int argc, char **argv)
{
	static const struct option options[] = {
		{ "filter", required_argument, NULL, 'f' },
		{ "root", required_argument, NULL, 'r' },
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *config = NULL, *filter = "default", *output = NULL;
	unsigned flags = 0;
	int c;

	while ((c = getopt_long(argc, argv, "+o:", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			filter = optarg;
			break;
		case 'r':
			if (strcmp(optarg, "yes") != 0 && strcmp(optarg, "no") != 0) {
				(void)fprintf(stderr, WHO ": --root %s: yes or no\n", optarg);
				return 2;
			}
			flags = strcmp(optarg, "yes") == 0 ? FILTER_ROOT_INSIDE : 0;
			break;
		case 'o':
			output = optarg;
			break;
		case 'c':
			config = optarg;
			break;
		case 'h':
			(void)fputs(usage_text, stdout);
			return 0;
		default:
			return 2; /* getopt has named it */
		}
	}
	if (optind == argc) {
		(void)fputs(WHO ": no command; see 'carrel trace --help'\n", stderr);
		return 2;
	}
	return trace_named(config, filter, flags, output, argv + optind);
}
