/*
 * carrel pam - puts pam_carrel.so into the stacks of services, takes it out, and says where it
 * stands: the command line, and what the words share.
 *
 * Trust:  run by root; the words on the command line are root's. `status` needs no privilege.
 * In:     the tree of PAM files (pamtree.h); policy/pamstack.h decides about every line.
 * Out:    EXIT STATUS: 0 done or nothing to do, for status: nothing is broken; 1 a service was
 *         refused, could not be written, or is broken; 2 wrong usage.
 */
#include "helper/cli/pam.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/cli.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/paths.h"

static const char usage_text[] =
	"usage: carrel pam enable [--exempt GROUP]... [--module FILE] [--dry-run] [--force] "
	"[--root DIR] SERVICE...\n"
	"       carrel pam disable [--dry-run] [--root DIR] SERVICE...\n"
	"       carrel pam status [--json] [--root DIR] [SERVICE...]\n"
	"\n"
	"  --exempt GROUP  members of this local group are not confined, nor stopped by a broken "
	"module\n"
	"  --module FILE   where pam_carrel.so is, when libpam does not look there by itself\n"
	"  --dry-run       show the changes, make none\n"
	"  --force         also when the module or a group is not there (yet)\n"
	"  --root DIR      work on the tree in DIR instead of this machine\n"
	"  --json          for programs\n";

bool pam_name_is_part(const char *name)
{
	static const char *const parts[] = { "other", "postlogin", "config-util", "system-auth",
		"password-auth", "fingerprint-auth", "smartcard-auth", "system-login",
		"system-local-login", "system-remote-login", "system-services" };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strcmp(name, parts[i]))
			return true;
	return !strncmp(name, "common-", 7);
}

bool pam_module_is_there(const struct pamtree *t, const char *module)
{
	char path[512];
	const char *dir = pamtree_module_dir(t);

	if (*module == '/')
		return pamtree_has(t, module);
	(void)snprintf(path, sizeof(path), "%s/%s", dir ? dir : CARREL_SECUREDIR, module);
	return pamtree_has(t, path);
}

void pam_note(const char *fmt, ...)
{
	va_list ap;

	(void)fflush(stdout);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
}

/* Which word takes which options, and does what. */
static const struct {
	const char *name;
	const char *options; /* letters of long_options */
	bool writes;
	bool needs_names;
	int (*fn)(struct pamtree *t, char **names, int n, const struct pam_options *o);
} verbs[] = {
	{ "enable", "rmendfh", true, true, pam_enable },
	{ "disable", "rndh", true, true, pam_disable },
	{ "status", "rjh", false, false, pam_status },
};

static const struct option long_options[] = {
	{ "root", required_argument, NULL, 'r' },
	{ "module", required_argument, NULL, 'm' },
	{ "exempt", required_argument, NULL, 'e' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "force", no_argument, NULL, 'f' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int exempt_add(struct pam_options *o, const char *groups, struct err *e)
{
	char *joined;

	if (pamstack_check_groups(groups, e) < 0)
		return err_wrap(e, -EINVAL, "--exempt");
	if (asprintf(&joined, "%s%s%s", o->exempt ? o->exempt : "", o->exempt ? ":" : "", groups) <
		0)
		return err_set(e, ENOMEM, "out of memory");
	free(o->exempt);
	o->exempt = joined;
	return 0;
}

static int option_take(struct pam_options *o, int letter, struct err *e)
{
	switch (letter) {
	case 'r':
		o->root = optarg;
		return 0;
	case 'm':
		o->module = optarg;
		if (*optarg != '/' || strpbrk(optarg, " \t\n#[]\\") ||
			strlen(optarg) < sizeof(PAMSTACK_MODULE) ||
			strcmp(strrchr(optarg, '/') + 1, PAMSTACK_MODULE))
			return err_set(e, EINVAL,
				"--module '%s': not an absolute path of a " PAMSTACK_MODULE,
				optarg);
		return 0;
	case 'e':
		return exempt_add(o, optarg, e);
	case 'n':
		o->dry_run = true;
		return 0;
	case 'f':
		o->force = true;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	default:
		o->help = true;
		return 0;
	}
}

static int options_read(
	int argc, char **argv, const char *allowed, struct pam_options *o, struct err *e)
{
	int letter, index = 0;

	optind = 0; /* the words before may have been read by getopt too */
	opterr = 0;
	while ((letter = getopt_long(argc, argv, ":", long_options, &index)) != -1) {
		if (letter == ':')
			return err_set(e, EINVAL, "option '%s' needs a value", argv[optind - 1]);
		if (letter == '?' || !strchr(allowed, letter))
			return err_set(e, EINVAL, "option '%s' is not one of 'pam %s'",
				argv[optind - 1], argv[0]);
		if (option_take(o, letter, e) < 0)
			return -EINVAL;
	}
	return 0;
}

static int usage_fail(const char *why, const char *word)
{
	pam_note("carrel: pam: %s%s\n", why, word);
	(void)fputs(usage_text, stderr);
	return PAM_USAGE;
}

static int verb_run(size_t v, int argc, char **argv)
{
	_cleanup_free_ char *exempt = NULL;
	struct pam_options o = { 0 };
	struct pamtree t;
	struct err e;
	int r;

	r = options_read(argc, argv, verbs[v].options, &o, &e);
	exempt = o.exempt;
	if (r < 0)
		return usage_fail(e.text, "");
	if (o.help) {
		(void)fputs(usage_text, stdout);
		return 0;
	}
	if (verbs[v].needs_names && optind == argc)
		return usage_fail("which service? for one: sshd", "");

	if (pamtree_open(o.root, verbs[v].writes && !o.dry_run, &t, &e) < 0) {
		pam_note("carrel: %s\n", e.text);
		return PAM_REFUSED;
	}
	r = verbs[v].fn(&t, argv + optind, argc - optind, &o);
	pamtree_close(&t);
	if (fflush(stdout) != 0)
		return PAM_REFUSED;
	return r;
}

int cmd_pam(int argc, char **argv)
{
	if (argc < 2)
		return usage_fail("expected enable, disable or status", "");
	for (size_t v = 0; v < sizeof(verbs) / sizeof(verbs[0]); v++)
		if (!strcmp(argv[1], verbs[v].name))
			return verb_run(v, argc - 1, argv + 1);
	if (!strcmp(argv[1], "--help")) {
		(void)fputs(usage_text, stdout);
		return 0;
	}
	return usage_fail("unknown word: ", argv[1]);
}
