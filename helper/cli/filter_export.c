/*
 * carrel filter export - a filter of ours as a seccomp profile or as lines of a systemd unit.
 */
#include "helper/cli/filter_export.h"

#include <errno.h>
#include <getopt.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/filter.h"
#include "helper/cli/filter_find.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"
#include "policy/filter.h"

struct command {
	enum export_form form;
	const char *config, *name;
	uint32_t arch;
	bool root;
};

static const char usage[] =
	"usage: carrel filter " EXPORT_SYNOPSIS "\n"
	"\n"
	"Writes what a filter says as a seccomp profile for OCI runtimes (crun, runc) or Docker, "
	"or as\n"
	"lines of a systemd unit. What the other language cannot say is named on standard error.\n"
	"\n" EXPORT_OPTIONS
	"  --root yes|no      for profiles whose users may become root inside, or not (no)\n"
	"  --arch ARCH        x86-64 or aarch64 instead of this machine's\n"
	"  --config PATH      this configuration instead of the installed one\n"
	"  --help\n";

static int form_take(struct command *c, const char *word)
{
	static const char *const forms[] = {
		[EXPORT_OCI] = "oci",
		[EXPORT_DOCKER] = "docker",
		[EXPORT_SYSTEMD] = "systemd",
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if (strcmp(forms[i], word) == 0) {
			c->form = (enum export_form)i;
			return 0;
		}
	}
	return -filter_fail("export", "--format '%s': oci, docker or systemd", word);
}

static int arch_take(struct command *c, const char *word)
{
	if (strcmp(word, "x86-64") == 0)
		c->arch = AUDIT_ARCH_X86_64;
	else if (strcmp(word, "aarch64") == 0)
		c->arch = AUDIT_ARCH_AARCH64;
	else
		return -filter_fail("export", "--arch '%s': x86-64 or aarch64", word);
	return 0;
}

static int option_take(struct command *c, int letter)
{
	switch (letter) {
	case 'f':
		return form_take(c, optarg);
	case 'a':
		return arch_take(c, optarg);
	case 'r':
		return parse_bool(optarg, &c->root) == 0
			       ? 0
			       : -filter_fail("export", "--root '%s': yes or no", optarg);
	default:
		c->config = optarg;
		return 0;
	}
}

/* 1: --help was answered. */
static int command_read(int argc, char **argv, struct command *c)
{
	static const struct option options[] = {
		{ "arch", required_argument, NULL, 'a' },
		{ "config", required_argument, NULL, 'c' },
		{ "format", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ "root", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	int letter;

	c->arch = syscall_native_arch();
	optind = 0;
	opterr = 0;
	while ((letter = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (letter == 'h') {
			(void)fputs(usage, stdout);
			return 1;
		}
		if (letter == ':')
			return -filter_fail(
				"export", "option '%s' needs a value", argv[optind - 1]);
		if (letter == '?')
			return -filter_fail("export", "unknown option '%s'", argv[optind - 1]);
		if (option_take(c, letter) < 0)
			return -EINVAL;
	}
	if (optind != argc - 1)
		return -filter_fail("export", "one NAME; see 'carrel filter export --help'");
	c->name = argv[optind];
	return 0;
}

/* Nothing is printed before all of it is there. */
static int export(const struct command *c, const struct filter *f, struct err *e)
{
	_cleanup_free_ struct verdicts *v = calloc(1, sizeof(*v));
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *out;
	int r;

	if (!v)
		return err_set(e, ENOMEM, "out of memory");
	filter_resolve(f, c->arch, v);
	out = open_memstream(&text, &len);
	if (!out)
		return err_set(e, ENOMEM, "out of memory");
	r = c->form == EXPORT_SYSTEMD ? export_systemd(f, v, out, stderr, e)
				      : export_json(f, v, c->form, out, stderr, e);
	if (fclose(out) != 0 && r == 0)
		r = err_set(e, ENOMEM, "out of memory");
	if (r == 0)
		(void)fwrite(text, 1, len, stdout);
	return r;
}

int cmd_filter_export(int argc, char **argv)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	struct command c = { .form = EXPORT_OCI };
	struct filter_finder ff;
	struct err e = { "" };
	int r = command_read(argc, argv, &c);

	if (r != 0)
		return r > 0 ? 0 : 2;
	r = filter_finder_open(c.config, &ff, &e);
	if (r == 0) {
		r = filter_find(&ff, c.name, c.root ? FILTER_ROOT_INSIDE : 0, &f, &e);
		if (r == 0)
			r = export(&c, f, &e);
		filter_finder_close(&ff);
	}
	return r < 0 ? filter_fail("export", "%s", e.text) : 0;
}
