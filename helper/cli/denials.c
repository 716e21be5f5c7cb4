/*
 * carrel denials - which calls the filters refused, to whom, how often, and by which line.
 *
 * Root reads the logs; everybody else asks carrel-helper, which tells what the caller himself did.
 */
#include "helper/cli/denials.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "helper/cli/cli.h"
#include "policy/base/cleanup.h"
#include "policy/base/paths.h"

static const char usage_text[] =
	"usage: carrel denials [--since TIME] [--until TIME] [--all] [--json | --suggest]\n"
	"                      [--from FILE] [--config PATH] [USER]\n"
	"\n"
	"  --since TIME    not before: '2026-11-22 10:30', '10:30', today, yesterday, or 10m, 2h, 7d ago\n"
	"  --until TIME    not after\n"
	"  --all           also what was refused outside the sessions of carrel\n"
	"  --suggest       print what an own filter would have to say\n"
	"  --json          for programs\n"
	"  --from FILE     this audit or kernel log, maybe another machine's, instead of the logs of this one\n"
	"  --config PATH   this configuration instead of the installed one\n"
	"\n"
	"Root sees everybody's, others see their own.\n"
	"Exit status: 0, 1 it cannot be told, 2 wrong usage.\n";

static int take(const struct record *r, void *data)
{
	struct gathered *g = data;
	uint32_t holder;

	if (!people_holder(&g->people, r->uid, r->time_us, &holder))
		holder = RECORD_UNSET;
	return denial_add(&g->table, r, holder);
}

static int read_logs(struct gathered *g, struct source *s, const struct reading_limits *limits, struct err *e)
{
	int r = source_read(s, limits, take, g, e);

	if (r == -ENOMEM)
		return err_set(e, ENOMEM, "out of memory");
	if (r < 0)
		return r;
	g->n_notes = source_notes(s, g->notes);
	return 0;
}

/* Without a helper's records, as where it never ran, the configuration alone must do. */
static int read_people(struct gathered *g, struct source *s, const struct denials_options *o, struct err *e)
{
	_cleanup_fd_ int state = open(PEOPLE_STATE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_fd_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t day = 86400000000u, since = o->since_us > 30 * day ? o->since_us - 30 * day : 0;
	int r = 0;

	if (state >= 0 && proc >= 0)
		r = people_read_state(&g->people, state, proc, RECORD_UNSET, e);
	/* A session of which something is told may have been opened long before. */
	return r < 0 ? r : people_read_log(&g->people, s, since, RECORD_UNSET, e);
}

int denials_gather(const struct denials_options *o, struct gathered *ret, struct err *e)
{
	const struct reading_limits limits = { .since_us = o->since_us, .until_us = o->until_us };
	_cleanup_(source_cleanup) struct source *s = NULL;
	int r;

	if (!o->from && (geteuid() != 0 || denials_inside()))
		return denials_ask(o, ret, e);
	r = o->from ? source_open_file(o->from, &s, e) : source_open(o->since_us, &s, e);
	if (r == 0 && !o->from)
		r = read_people(ret, s, o, e);
	return r == 0 ? read_logs(ret, s, &limits, e) : r;
}

void gathered_done(struct gathered *g)
{
	denial_table_done(&g->table);
	people_done(&g->people);
}

static int show(const char *config, const struct denials_options *o)
{
	_cleanup_(gathered_done) struct gathered g = { 0 };
	_cleanup_(findings_done) struct findings f = { 0 };
	struct filter_finder ff;
	struct err e;
	int r = filter_finder_open(config, &ff, &e);

	if (r == 0) {
		r = denials_gather(o, &g, &e);
		if (r == 0)
			r = findings_make(&ff, o, &g, &f, &e);
		if (r == 0 && o->json)
			findings_print_json(&f, &g);
		else if (r == 0 && o->suggest)
			findings_suggest(&ff, &f);
		else if (r == 0)
			findings_print(&f, &g);
		filter_finder_close(&ff);
	}
	if (r < 0)
		(void)fprintf(stderr, "carrel denials: %s\n", e.text);
	return r < 0;
}

static int wrong(const char *what, const char *word)
{
	(void)fprintf(stderr, "carrel denials: %s '%s'; see 'carrel denials --help'\n", what, word);
	return 2;
}

static uint64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

int cmd_denials(int argc, char **argv)
{
	static const struct option options[] = {
		{ "since", required_argument, NULL, 's' },
		{ "until", required_argument, NULL, 'u' },
		{ "all", no_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "suggest", no_argument, NULL, 'S' },
		{ "from", required_argument, NULL, 'f' },
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct denials_options o = { 0 };
	const char *config = NULL;
	uint64_t now = now_us();
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			(void)fputs(usage_text, stdout);
			return 0;
		case 's':
		case 'u':
			if (denials_when(optarg, now, c == 's' ? &o.since_us : &o.until_us) < 0)
				return wrong("no such time:", optarg);
			break;
		case 'a':
			o.all = true;
			break;
		case 'j':
			o.json = true;
			break;
		case 'S':
			o.suggest = true;
			break;
		case 'f':
			o.from = optarg;
			break;
		case 'c':
			config = optarg;
			break;
		default:
			return 2; /* getopt has named it */
		}
	}
	if (argc - optind > 1)
		return wrong("one user at a time, not also", argv[optind + 1]);
	if (o.json && o.suggest)
		return wrong("--json and", "--suggest");
	o.user = argv[optind];
	/* Inside, the host's root is nobody: its files cannot be told from others', but nobody there can write them. */
	if (!config && denials_inside())
		config = CARREL_SYSCONFDIR;
	return show(config, &o);
}
