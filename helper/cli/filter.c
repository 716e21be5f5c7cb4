/*
 * carrel filter - filters for people: which there are, what they say, how two differ, which line
 * decides. This is the table of subcommands, and the options they share.
 */
#include "helper/cli/filter.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "helper/cli/cli.h"
#include "helper/cli/filter_export.h"
#include "helper/cli/filter_import.h"
#include "helper/cli/filter_words.h"
#include "policy/base/parse.h"
#include "policy/syscalls.h"

static const struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *synopsis;
	const char *help;
	const char *options; /* lines of --help about options that it alone has */
} subcommands[] = {
	{ "list", cmd_filter_list, "list [--config PATH] [--json]",
		"all filters: where from, who uses them, which are broken", "" },
	{ "show", cmd_filter_show,
		"show [--root yes|no] [--arch ARCH] [--config PATH] [--json] NAME",
		"what a filter comes to, after includes, groups and conditions", "" },
	{ "diff", cmd_filter_diff,
		"diff [--root yes|no] [--arch ARCH] [--config PATH] [--json] A B",
		"what two filters say differently, by which lines and why", "" },
	{ "why", cmd_filter_why,
		"why [--root yes|no] [--arch ARCH] [--config PATH] [--json] NAME 'CALL(ARG, ...)'\n"
		"       carrel filter why --user USER [--service SERVICE] [--arch ARCH] [--config "
		"PATH] "
		"[--json]\n"
		"                         'CALL(ARG, ...)'",
		"what becomes of one call, and which line decides it",
		"  --user USER        the filter that this user's session would have\n"
		"  --service SERVICE  when it is opened by this PAM service, like sshd or cron\n" },
	{ "test", cmd_filter_test, "test [--root yes|no] [--config PATH] [--json] NAME -- COMMAND [ARG...]",
		"run a command under a filter, here and now, and say what that refused", "" },
	{ "import", cmd_filter_import, IMPORT_SYNOPSIS,
		"a filter out of others' seccomp profiles and units", IMPORT_OPTIONS },
	{ "export", cmd_filter_export, EXPORT_SYNOPSIS,
		"a seccomp profile or a unit's lines out of a filter", EXPORT_OPTIONS },
};

#define N_SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))

static const char shared_options[] =
	"  --root yes|no      for profiles whose users may become root inside, or not (no)\n"
	"  --arch ARCH        x86-64, aarch64 or i386 instead of this machine's\n"
	"  --config PATH      this configuration instead of the installed one\n"
	"  --json             for programs\n";

static const char footer[] =
	"\n"
	"NAME is looked for in the configuration's filters/, among the shipped filters and the\n"
	"peers (docker, podman, system-service: what others allow), or is the path of a .filter\n"
	"file, or of a seccomp profile in a .json file.\n";

static void print_usage(FILE *f)
{
	for (size_t i = 0; i < N_SUBCOMMANDS; i++)
		(void)fprintf(f, "%s carrel filter %s\n",
			i ? "      " : "usage:", subcommands[i].synopsis);
	(void)fputc('\n', f);
	for (size_t i = 0; i < N_SUBCOMMANDS; i++)
		(void)fprintf(f, "  %-9s %s\n", subcommands[i].name, subcommands[i].help);
	(void)fputc('\n', f);
	(void)fputs(shared_options, f);
	for (size_t i = 0; i < N_SUBCOMMANDS; i++)
		(void)fputs(subcommands[i].options, f);
	(void)fputs(footer, f);
}

int filter_fail(const char *what, const char *fmt, ...)
{
	va_list ap;

	(void)fflush(stdout);
	(void)fprintf(stderr, "carrel filter %s: ", what);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	return 2;
}

static int take_arch(struct filter_options *o)
{
	o->arch = arch_by_name(optarg);
	return o->arch ? 0 : -EINVAL;
}

static int option_take(int letter, const char *word, struct filter_options *o)
{
	switch (letter) {
	case 'a':
		return take_arch(o) == 0
			       ? 0
			       : -filter_fail(
					 word, "--arch '%s': not x86-64, aarch64 or i386", optarg);
	case 'r':
		return parse_bool(optarg, &o->root) == 0
			       ? 0
			       : -filter_fail(word, "--root '%s': yes or no", optarg);
	case 'c':
		o->config = optarg;
		return 0;
	case 'u':
		o->user = optarg;
		return 0;
	case 's':
		o->service = optarg;
		return 0;
	default:
		o->json = true;
		return 0;
	}
}

int filter_options_read(int argc, char **argv, const char *allowed, struct filter_options *ret)
{
	static const struct option options[] = {
		{ "arch", required_argument, NULL, 'a' },
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ "root", required_argument, NULL, 'r' },
		{ "service", required_argument, NULL, 's' },
		{ "user", required_argument, NULL, 'u' },
		{ NULL, 0, NULL, 0 },
	};
	int letter;

	*ret = (struct filter_options){ .arch = syscall_native_arch() };
	optind = 0; /* from the start again, as the words before may have been read */
	opterr = 0;
	while ((letter = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (letter == 'h') {
			print_usage(stdout);
			return 1;
		}
		if (letter == ':') {
			(void)filter_fail(argv[0], "option '%s' needs a value", argv[optind - 1]);
			return -EINVAL;
		}
		if (letter == '?' || !strchr(allowed, letter)) {
			(void)filter_fail(argv[0], "unknown option '%s'", argv[optind - 1]);
			return -EINVAL;
		}
		if (option_take(letter, argv[0], ret) < 0)
			return -EINVAL;
	}
	ret->first = optind;
	return 0;
}

int cmd_filter(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return 2;
	}
	for (size_t i = 0; i < N_SUBCOMMANDS; i++)
		if (strcmp(argv[1], subcommands[i].name) == 0)
			return subcommands[i].run(argc - 1, argv + 1);
	if (strcmp(argv[1], "--help") == 0) {
		print_usage(stdout);
		return 0;
	}
	(void)fprintf(stderr, "carrel filter: unknown %s '%s'; see 'carrel filter --help'\n",
		argv[1][0] == '-' ? "option" : "word", argv[1]);
	return 2;
}
