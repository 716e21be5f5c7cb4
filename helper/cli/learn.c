/*
 * carrel learn - what system calls a command needs: heard while it runs, read in the code of what it runs, and proven by
 * running it again under the filter that comes of it. Writes a text; what becomes of that a person decides.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "helper/cli/cli.h"
#include "helper/cli/denials.h"
#include "helper/cli/filter_find.h"
#include "helper/cli/learn_observed.h"
#include "helper/cli/learn_report.h"
#include "helper/cli/learn_run.h"
#include "helper/cli/learn_text.h"
#include "helper/learn/code.h"
#include "helper/learn/learnt.h"
#include "helper/learn/scan_ahead.h"
#include "helper/learn/supervise.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"
#include "policy/config.h"
#include "policy/filter.h"

static const char usage_text[] =
	"usage: carrel learn [-o FILE] [--merge FILE] [--runs N] [OPTION...] -- COMMAND [ARGUMENT...]\n"
	"       carrel learn --observed USER [--since TIME] [--from FILE] [-o FILE] [--force] [--config PATH]\n"
	"\n"
	"  -o FILE            writes the filter there, and not to standard output\n"
	"  --merge FILE       adds to what FILE, an earlier output, knows; may be given several times\n"
	"  --runs N           runs the command N times (1)\n"
	"  --no-proof         does not run it once more under the filter\n"
	"  --force            replaces FILE although it is not merged\n"
	"  --config PATH      this configuration, for its 'default' filter\n"
	"  --json             prints what was learned as an object\n"
	"  --observed USER    instead of a run: what the log has of this user's sessions under the filter 'observe'\n"
	"  --since TIME       not before: '2026-11-22 10:30', '10:30', today, yesterday, or 10m, 2h, 7d ago\n"
	"  --from FILE        reads this file instead of this machine's logs\n"
	"\n"
	"When the command has ended, what it left running is waited for; Ctrl-C ends that.\n"
	"Exit status: that of the command, 128 + N when signal N ended it; 125 carrel failed, or the proof did; 126, 127\n"
	"the command cannot be executed or found; 2 wrong usage.\n";

#define WHO "carrel learn"
#define FAILED 125
#define RUNS_MAX 1000

struct options {
	const char *output;
	const char *config;
	struct strv merge;
	unsigned runs;
	bool no_proof, force, json;
	const char *observed, *from; /* instead of a run */
	uint64_t since_us;
	char **argv;
};

/* ---- what came of it ---- */

static int relatives(struct learnt *l, struct err *e)
{
	const uint32_t archs[] = { syscall_native_arch(), AUDIT_ARCH_I386 };

	if (learnt_families_add(l, archs, l->foreign_runs ? 2 : 1) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

static int compare(const struct filter_finder *ff, const struct filter *f, const struct learnt *l, struct rating *ret,
	struct err *e)
{
	_cleanup_(filter_cleanup) struct filter *other = NULL;
	int r;

	r = filter_find(ff, "default", 0, &other, e);
	return r < 0 ? r : rate(f, l, other, ret, e);
}

static int rating_note(const struct rating *rating, struct strv *notes)
{
	char text[LEARNT_LINE];
	size_t n;

	n = (size_t)snprintf(text, sizeof(text), "allows %u calls, default %u, both %u; wider than default:", rating->ours,
		rating->theirs, rating->both);
	if (rating->wider.n == 0)
		(void)snprintf(text + n, sizeof(text) - n, " nothing");
	if (strv_add(notes, text, strlen(text)) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < rating->wider.n; i++) {
		(void)snprintf(text, sizeof(text), "  %s", rating->wider.v[i]);
		if (strv_add(notes, text, strlen(text)) < 0)
			return -ENOMEM;
	}
	return 0;
}

struct outcome {
	struct learnt learnt;
	struct strv notes;
	char *text;
	struct filter *filter;
	struct rating rating;
	struct proof proof;
};

static void outcome_done(struct outcome *o)
{
	learnt_done(&o->learnt);
	strv_done(&o->notes);
	free(o->text);
	filter_free(o->filter);
	rating_done(&o->rating);
	proof_done(&o->proof);
}

/* Text, rating, text with the rating in it. */
static int conclude(const struct filter_finder *ff, struct outcome *o, struct learn_report *report, struct err *not_rated,
	struct err *e)
{
	int r;

	r = learn_text_make(&o->learnt, NULL, &o->text, e);
	if (r == 0)
		r = learn_text_load(ff, o->text, &o->filter, e);
	if (r < 0)
		return r;
	if (compare(ff, o->filter, &o->learnt, &o->rating, not_rated) == 0) {
		report->rating = &o->rating;
		if (rating_note(&o->rating, &o->notes) < 0)
			return err_set(e, ENOMEM, "out of memory");
	} else {
		report->not_rated = not_rated->text;
	}
	free(ptr_take(&o->text));
	r = learn_text_make(&o->learnt, &o->notes, &o->text, e);
	report->text = o->text;
	return r;
}

static void prove(const struct options *options, struct outcome *o, struct learn_report *report, struct err *e)
{
	(void)fputs(WHO ": now once more under the filter, as a proof (--no-proof leaves it out)\n", stderr);
	if (proof_run(o->filter, WHO, options->argv, &o->proof, e) == 0)
		report->proof = &o->proof;
	else
		report->proof_failed = e->text;
}

static int report_all(const struct options *options, struct outcome *o, struct learn_report *report, struct err *e)
{
	struct err proof_error;

	if (options->output && learn_text_store(options->output, o->text, e) < 0)
		return -EIO;
	report->file = options->output;
	if (!options->no_proof)
		prove(options, o, report, &proof_error);
	learn_report_print(report);
	if (options->json)
		learn_report_json(report);
	else if (!options->output)
		(void)fputs(o->text, stdout);
	if (!options->no_proof && !learn_proved(report))
		return FAILED;
	return report->status;
}

static int learn(const struct options *options, struct err *e)
{
	_cleanup_(filter_finder_close) struct filter_finder ff = { .n_dirs = 0 };
	_cleanup_(outcome_done) struct outcome o = { .text = NULL };
	struct learn_report report = { .learnt = &o.learnt };
	_cleanup_(scan_ahead_cleanup) struct scan_ahead *ahead = scan_ahead_new();
	struct supervised run = { 0 };
	struct err not_rated;
	int r;

	r = filter_finder_open(options->config, &ff, e);
	for (size_t i = 0; i < options->merge.n && r == 0; i++)
		r = learn_merge_file(options->merge.v[i], &o.learnt, e);
	if (r < 0)
		return r;
	if (supervise_is_filtered())
		(void)fputs(WHO ": a filter is above this process already; what that one refuses cannot be learned here\n", stderr);
	r = learn_run(options->argv, options->runs, ahead, &o.learnt, &run, e);
	if (r == 0 && run.exec_error) {
		(void)fprintf(stderr, WHO ": cannot execute '%s': %s\n", options->argv[0], strerror(run.exec_error));
		return run.status;
	}
	if (r == 0)
		r = code_read(&o.learnt, ahead, e);
	if (r == 0)
		r = relatives(&o.learnt, e);
	report.status = run.status;
	report.microseconds = run.microseconds;
	if (r == 0)
		r = conclude(&ff, &o, &report, &not_rated, e);
	return r < 0 ? r : report_all(options, &o, &report, e);
}

/* ---- the command line ---- */

/* "sim.filter": by another name no profile and no command will find it. */
static bool is_filter_name(const char *path)
{
	static const char suffix[] = ".filter";
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	size_t n = strlen(base);
	char name[NAME_BYTES + 1];

	if (n < sizeof(suffix) || n - sizeof(suffix) + 1 > NAME_BYTES || strcmp(base + n - sizeof(suffix) + 1, suffix) != 0)
		return false;
	(void)snprintf(name, sizeof(name), "%.*s", (int)(n - sizeof(suffix) + 1), base);
	return name_valid(name);
}

static bool can_write_beside(const char *path)
{
	_cleanup_free_ char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;

	if (slash)
		slash[slash == dir] = '\0';
	return access(slash ? dir : ".", W_OK | X_OK) == 0;
}

/* Said before anything runs, and not after an hour of work. */
static int check_output(const struct options *o)
{
	struct stat st;
	bool there;

	if (!o->output)
		return 0;
	there = stat(o->output, &st) == 0;
	if (there && !S_ISREG(st.st_mode)) {
		(void)fprintf(stderr, WHO ": %s is no regular file\n", o->output);
		return FAILED;
	}
	if (!can_write_beside(o->output)) {
		(void)fprintf(stderr, WHO ": %s: cannot be written: %s\n", o->output, strerror(errno));
		return FAILED;
	}
	if (!is_filter_name(o->output))
		(void)fprintf(stderr, WHO ": %s: only files called NAME.filter are found as filters (a-z, 0-9, -)\n", o->output);
	if (!there || o->force || strv_has(&o->merge, o->output))
		return 0;
	(void)fprintf(stderr, WHO ": %s exists: '--merge %s' adds to it, --force replaces it\n", o->output, o->output);
	return FAILED;
}

static int take_option(int c, struct options *o)
{
	uint32_t runs;

	switch (c) {
	case 'o':
		o->output = optarg;
		return 0;
	case 'm':
		return strv_add(&o->merge, optarg, strlen(optarg));
	case 'n':
		if (parse_u32(optarg, &runs) < 0 || runs == 0 || runs > RUNS_MAX) {
			(void)fprintf(stderr, WHO ": --runs %s: a number from 1 to %d\n", optarg, RUNS_MAX);
			return 2;
		}
		o->runs = runs;
		return 0;
	case 'c':
		o->config = optarg;
		return 0;
	case 'p':
		o->no_proof = true;
		return 0;
	case 'f':
		o->force = true;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case 'u':
		o->observed = optarg;
		return 0;
	case 'F':
		o->from = optarg;
		return 0;
	case 's':
		if (denials_when(optarg, (uint64_t)time(NULL) * 1000000, &o->since_us) < 0) {
			(void)fprintf(stderr, WHO ": --since %s: no time\n", optarg);
			return 2;
		}
		return 0;
	default:
		return 2; /* getopt has named it */
	}
}

static int learn_log(const struct options *o, struct err *e)
{
	const struct observed_options observed = {
		.user = o->observed, .from = o->from, .config = o->config, .since_us = o->since_us,
	};
	_cleanup_free_ char *text = NULL;
	int r;

	r = learn_observed(&observed, &text, e);
	if (r < 0)
		return r;
	if (!o->output)
		return fputs(text, stdout) == EOF ? FAILED : 0;
	r = learn_text_store(o->output, text, e);
	if (r == 0)
		(void)fprintf(stderr, WHO ": written to %s; nothing uses it until a profile names it\n", o->output);
	return r;
}

/* What belongs to the other way of learning is a mistake, not a detail. */
static int check_options(const struct options *o)
{
	const char *wrong = NULL;

	if (o->observed && *o->argv)
		wrong = "--observed reads the log and runs no command";
	else if (o->observed && (o->merge.n || o->runs != 1 || o->no_proof || o->json))
		wrong = "--observed goes with -o, --since, --from, --force and --config alone";
	else if (!o->observed && (o->since_us || o->from))
		wrong = "--since and --from go with --observed";
	else if (!o->observed && !*o->argv)
		wrong = "no command; see 'carrel learn --help'";
	if (!wrong)
		return 0;
	(void)fprintf(stderr, WHO ": %s\n", wrong);
	return 2;
}

static int run_learn(struct options *o)
{
	struct err e;
	int r;

	r = check_options(o);
	if (r == 0)
		r = check_output(o);
	if (r)
		return r;
	r = o->observed ? learn_log(o, &e) : learn(o, &e);
	if (r >= 0)
		return r;
	(void)fprintf(stderr, WHO ": %s\n", e.text);
	return FAILED;
}

int cmd_learn(int argc, char **argv)
{
	static const struct option options[] = {
		{ "merge", required_argument, NULL, 'm' },
		{ "runs", required_argument, NULL, 'n' },
		{ "config", required_argument, NULL, 'c' },
		{ "no-proof", no_argument, NULL, 'p' },
		{ "force", no_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "observed", required_argument, NULL, 'u' },
		{ "since", required_argument, NULL, 's' },
		{ "from", required_argument, NULL, 'F' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { .runs = 1 };
	int c, r = 0;

	while (r == 0 && (c = getopt_long(argc, argv, "+o:", options, NULL)) != -1) {
		if (c == 'h') {
			(void)fputs(usage_text, stdout);
			strv_done(&o.merge);
			return 0;
		}
		r = take_option(c, &o);
	}
	o.argv = argv + optind;
	if (r == 0)
		r = run_learn(&o);
	strv_done(&o.merge);
	return r < 0 ? FAILED : r;
}
