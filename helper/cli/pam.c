/*
 * carrel pam - puts pam_carrel.so into the stacks of services, takes it out, and says where it
 * stands.
 *
 * Trust:  run by root; the words on the command line are root's. `status` needs no privilege.
 * In:     the tree of PAM files (pamtree.h); policy/pamstack.h decides about every line.
 * Order:  everything is judged as it would be afterwards, for the service and for all that include
 * it, before any byte is written; the diff is shown before the file is replaced. Fails:  service by
 * service: one that is refused is left as it was, the others are still done. EXIT STATUS: 0 done or
 * nothing to do, for status: nothing is broken; 1 a service was refused, could not be written, or
 * is broken; 2 wrong usage. States: enabled; partial, confined but with something missing (auth
 * line, guard); broken, a session can get past the module or nobody gets in; off.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/cli.h"
#include "helper/cli/diff.h"
#include "helper/cli/pamtree.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/paths.h"

enum { EXIT_REFUSED = 1, EXIT_USAGE = 2 };

struct pam_options {
	const char *root;
	const char *module; /* NULL: found */
	char *exempt; /* "adm:wheel", NULL: as it is */
	bool dry_run;
	bool force;
	bool json;
	bool help;
};

enum pam_state { PAM_BROKEN, PAM_PARTIAL, PAM_OFF, PAM_ENABLED };

static const char *const state_names[] = { "broken", "partial", "off", "enabled" };

/* Everything to be said about one service. */
struct pam_status {
	struct pamstack_report report;
	enum pam_state state;
	char unread[512]; /* why its stacks could not be judged */
	const char *problem[4];
	size_t n_problems;
};

static const char copy_note[] =
	"# Made by 'carrel pam enable' from %s; 'carrel pam disable' removes it again.\n";

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

/* Parts that services include. Lines in them would reach services nobody named, and tools write
 * these files anew. */
static bool name_is_part(const char *name)
{
	static const char *const parts[] = { "other", "postlogin", "config-util", "system-auth",
		"password-auth", "fingerprint-auth", "smartcard-auth", "system-login",
		"system-local-login", "system-remote-login", "system-services" };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strcmp(name, parts[i]))
			return true;
	return !strncmp(name, "common-", 7);
}

static const char *report_own_path(
	const struct pamtree *t, const char *service, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s/etc/pam.d/%s", t->prefix, service);
	return buf;
}

/* The file that the lines load, for asking whether it exists. */
static bool module_is_there(const struct pamtree *t, const char *module)
{
	char path[512];
	const char *dir = pamtree_module_dir(t);

	if (*module == '/')
		return pamtree_has(t, module);
	(void)snprintf(path, sizeof(path), "%s/%s", dir ? dir : CARREL_SECUREDIR, module);
	return pamtree_has(t, path);
}

static void status_add(struct pam_status *s, enum pam_state state, const char *problem)
{
	if (state < s->state)
		s->state = state;
	if (*problem && s->n_problems < sizeof(s->problem) / sizeof(s->problem[0]))
		s->problem[s->n_problems++] = problem;
}

static void status_fill(struct pamtree *t, const char *service, struct pam_status *s)
{
	struct pamstack_source src = pamtree_source(t);
	const struct pamstack_report *r = &s->report;
	struct err e;

	*s = (struct pam_status){ .state = PAM_ENABLED };
	if (pamstack_judge(&src, service, &s->report, &e) < 0) {
		(void)snprintf(s->unread, sizeof(s->unread), "%s", e.text);
		status_add(s, PAM_BROKEN, s->unread);
		return;
	}

	if (r->session_lines == 0 && r->auth_lines == 0) {
		s->state = PAM_OFF;
		return;
	}
	if (r->session_lines == 0)
		status_add(s, PAM_BROKEN, "auth line without a session line: nothing is confined");
	if (!module_is_there(t, r->module))
		status_add(s, PAM_BROKEN,
			"the module is missing: only root and guarded groups get in");
	if (*r->session_trouble)
		status_add(s, PAM_BROKEN, r->session_trouble);
	if (*r->auth_trouble)
		status_add(s, PAM_PARTIAL, r->auth_trouble);
	if (r->has_auth && r->auth_lines == 0)
		status_add(
			s, PAM_PARTIAL, "auth line missing: sshd refuses, cron goes through the door");
	if (r->session_lines > 0 && !r->guarded)
		status_add(s, PAM_PARTIAL,
			"no guard: root is locked out when the module cannot be loaded");
	if (*r->note)
		status_add(s, PAM_ENABLED, r->note);
}

/* libpam finds modules without a path in one directory only; ours may have been installed elsewhere
 * (--prefix). */
static const char *module_choose(const struct pamtree *t)
{
	if (module_is_there(t, PAMSTACK_MODULE))
		return PAMSTACK_MODULE;
	if (pamtree_has(t, CARREL_SECUREDIR "/" PAMSTACK_MODULE))
		return CARREL_SECUREDIR "/" PAMSTACK_MODULE;
	return PAMSTACK_MODULE;
}

/* What must be there before a line may name it. */
static int needs_check(const struct pamtree *t, const struct pam_options *o, struct err *e)
{
	if (!module_is_there(t, o->module))
		return err_set(e, ENOENT,
			"module '%s' is not there, and a stack that names it would let nobody but "
			"root in; install it "
			"first, or --force",
			o->module);
	if (!module_is_there(t, PAMSTACK_GUARD) || !module_is_there(t, "pam_permit.so"))
		return err_set(e, ENOENT,
			"'" PAMSTACK_GUARD "' or 'pam_permit.so' is not there; without them a "
					   "broken module locks root "
			"out");

	for (const char *g = o->exempt; g && *g; g += strspn(g, ":")) {
		size_t n = strcspn(g, ":");

		if (!pamtree_has_group(t, g, n))
			return err_set(e, ENOENT, "--exempt: no group '%.*s' in %s/etc/group",
				(int)n, g, t->prefix);
		g += n;
	}
	return 0;
}

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* To stderr: stdout is the diff, or the answer. */
static void note(const char *fmt, ...)
{
	va_list ap;

	(void)fflush(stdout);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
}

static int trouble_refuse(const struct pamstack_report *r, const char *who, struct err *e)
{
	if (*r->session_trouble)
		return err_set(e, EINVAL, "%s%s", who, r->session_trouble);
	if (*r->auth_trouble)
		return err_set(e, EINVAL, "%s%s", who, r->auth_trouble);
	if (r->session_lines > 0 && !r->guarded)
		return err_set(e, EINVAL, "%sthe guard for root would not work", who);
	return 0;
}

/* A service that takes this one in gets our lines too: it must not have them already, and must not
 * skip them. */
static int includer_check(struct pamtree *t, const char *service, const char *other, struct err *e)
{
	struct pamstack_source src = pamtree_source(t);
	struct pamstack_report r;
	struct err ignored;
	char who[160];

	if (!strcmp(service, other) || name_is_part(other) ||
		pamstack_includes(&src, other, service, &ignored) != 1)
		return 0;
	if (pamstack_judge(&src, other, &r, e) < 0)
		return err_wrap(e, -EINVAL, "'%s', which includes '%s'", other, service);
	if (r.session_lines > 1 || r.auth_lines > 1)
		return err_set(e, EEXIST,
			"'%s' includes '%s' and has lines of its own: run 'carrel pam disable %s' "
			"first",
			other, service, other);
	(void)snprintf(who, sizeof(who), "'%s', which includes it: ", other);
	if (trouble_refuse(&r, who, e) < 0)
		return -EINVAL;
	note("note: '%s' includes '%s' and changes with it\n", other, service);
	return 0;
}

/* Judges what would be, with the new text in the place of the service's file. */
static int outcome_check(
	struct pamtree *t, const char *service, struct pamstack_report *ret, struct err *e)
{
	struct pamstack_source src = pamtree_source(t);
	char **names = NULL;
	size_t n = 0;
	int r;

	r = pamstack_judge(&src, service, ret, e);
	if (r == 0)
		r = trouble_refuse(ret, "", e);
	if (r == 0)
		r = pamtree_list(t, &names, &n, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = includer_check(t, service, names[i], e);
	names_free(names, n);
	return r;
}

/* The text to start from: the file's, or the vendor's under a note that says where it came from. */
static char *text_base(const struct pamtree *t, const struct pamtree_file *f)
{
	_cleanup_free_ char *head = NULL;
	char *text;

	if (f->fd >= 0)
		return strdup(f->text);
	/* the path as the tree's own system will see it */
	if (asprintf(&head, copy_note, f->path + strlen(t->prefix)) < 0) {
		head = NULL;
		return NULL;
	}
	return asprintf(&text, "%s%s", head, f->text) < 0 ? NULL : text;
}

static int enable_write(struct pamtree *t, const char *service, const struct pam_options *o,
	const struct pamtree_file *f, const char *text, struct err *e)
{
	_cleanup_free_ char *backup = NULL;
	char own[256];
	int r;

	(void)report_own_path(t, service, own, sizeof(own));
	r = diff_print(f->path, f->text, own, text);
	if (r < 0)
		return err_set(e, -r, "%s: %s", f->path, strerror(-r));
	if (o->dry_run)
		return 0;

	r = pamtree_file_replace(t, service, f, text, &backup, e);
	if (r < 0)
		return r;
	if (backup)
		note("%s: enabled; the file as it was: %s\n", service, backup);
	else
		note("%s: enabled, in a copy of %s\n", service, f->path);
	return 0;
}

static int service_enable(
	struct pamtree *t, const char *service, const struct pam_options *o, struct err *e)
{
	_cleanup_(pamtree_file_close) struct pamtree_file f = { .fd = -1 };
	_cleanup_free_ char *base = NULL;
	_cleanup_free_ char *text = NULL;
	struct pamstack_want want = { o->module, o->exempt };
	struct pamstack_source src = pamtree_source(t);
	struct pamstack_report r;
	char own[256];

	if (name_is_part(service))
		return err_set(e, EINVAL,
			"'%s' is a part that services include, not a service: name the services",
			service);
	if (pamtree_file_open(t, service, &f, e) < 0 || pamstack_judge(&src, service, &r, e) < 0)
		return -EINVAL;
	if (*r.file && strcmp(r.file, report_own_path(t, service, own, sizeof(own)))) {
		if (trouble_refuse(&r, "", e) < 0)
			return -EINVAL;
		note("%s: already enabled, through %s\n", service, r.file);
		return 0;
	}

	base = text_base(t, &f);
	if (!base)
		return err_set(e, ENOMEM, "out of memory");
	t->changed_name = service;
	t->changed_text = base;
	if (pamstack_enable(&src, service, &want, &text, e) < 0)
		return -EINVAL;
	t->changed_text = text;
	if (outcome_check(t, service, &r, e) < 0)
		return -EINVAL;
	if (!strcmp(text, f.text)) {
		note("%s: already enabled\n", service);
		return 0;
	}
	if (!r.has_auth)
		note("note: '%s' has no auth stack, so it gets the session line only\n", service);
	return enable_write(t, service, o, &f, text, e);
}

/* Where our copy of a vendor's file says the same as that file again, the file goes. */
static bool copy_is_done(struct pamtree *t, const char *service, const char *text)
{
	static const char *const dirs[] = { "/usr/lib/pam.d", "/usr/etc/pam.d" };
	struct pamstack_source src = pamtree_source(t);
	struct err ignored;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		_cleanup_free_ char *path = NULL;
		_cleanup_free_ char *vendor = NULL;
		_cleanup_free_ char *full = NULL;
		_cleanup_free_ char *head = NULL;

		if (asprintf(&path, "%s/%s", dirs[i], service) < 0)
			return false;
		if (src.load(src.ctx, path, &vendor, &full, &ignored) < 0)
			continue;
		if (asprintf(&head, copy_note, path) < 0)
			return false;
		if (!strncmp(text, head, strlen(head)) && !strcmp(text + strlen(head), vendor))
			return true;
	}
	return false;
}

static int disable_write(struct pamtree *t, const char *service, const struct pam_options *o,
	const struct pamtree_file *f, const char *text, struct err *e)
{
	_cleanup_free_ char *backup = NULL;
	bool gone = copy_is_done(t, service, text);
	int r;

	r = diff_print(f->path, f->text, gone ? "/dev/null" : f->path, gone ? "" : text);
	if (r < 0)
		return err_set(e, -r, "%s: %s", f->path, strerror(-r));
	if (o->dry_run)
		return 0;

	r = gone ? pamtree_file_remove(t, service, f, &backup, e)
		 : pamtree_file_replace(t, service, f, text, &backup, e);
	if (r < 0)
		return r;
	note("%s: disabled; the file as it was: %s\n", service, backup);
	return 0;
}

static int service_disable(
	struct pamtree *t, const char *service, const struct pam_options *o, struct err *e)
{
	_cleanup_(pamtree_file_close) struct pamtree_file f = { .fd = -1 };
	_cleanup_free_ char *text = NULL;
	struct pamstack_source src = pamtree_source(t);
	struct pamstack_report r;

	if (pamtree_file_open(t, service, &f, e) < 0 ||
		pamstack_disable(f.path, f.text, &text, e) < 0)
		return -EINVAL;
	if (f.fd >= 0 && strcmp(text, f.text))
		return disable_write(t, service, o, &f, text, e);

	if (pamstack_judge(&src, service, &r, e) == 0 && r.session_lines > 0)
		return err_set(e, EINVAL,
			"'%s' has no lines of its own; %s:%u reaches it, disable that one", service,
			r.file, r.line);
	note("%s: not enabled\n", service);
	return 0;
}

/* Services that others on the command line include come first: then those find the lines there, or
 * gone. */
static void services_order(struct pamtree *t, char **names, int n)
{
	struct pamstack_source src = pamtree_source(t);
	struct err ignored;

	for (int i = 0; i < n; i++) {
		for (int k = i + 1; k < n; k++) {
			char *first = names[i];

			if (pamstack_includes(&src, names[i], names[k], &ignored) != 1)
				continue;
			names[i] = names[k];
			names[k] = first;
		}
	}
}

typedef int service_fn(
	struct pamtree *t, const char *service, const struct pam_options *o, struct err *e);

static int services_do(
	struct pamtree *t, char **names, int n, const struct pam_options *o, service_fn *fn)
{
	int status = 0;

	services_order(t, names, n);
	for (int i = 0; i < n; i++) {
		struct err e = { "" };

		if (fn(t, names[i], o, &e) < 0) {
			note("carrel: %s: %s\n", names[i], e.text);
			status = EXIT_REFUSED;
		}
		t->changed_name = NULL;
		t->changed_text = NULL;
	}
	return status;
}

static int pam_enable(struct pamtree *t, char **names, int n, const struct pam_options *given)
{
	struct pam_options o = *given;
	struct err e;

	if (!o.module)
		o.module = module_choose(t);
	if (needs_check(t, &o, &e) < 0) {
		note("carrel: %s\n", e.text);
		if (!o.force)
			return EXIT_REFUSED;
	}
	return services_do(t, names, n, &o, service_enable);
}

static int pam_disable(struct pamtree *t, char **names, int n, const struct pam_options *o)
{
	return services_do(t, names, n, o, service_disable);
}

static json_t *status_json(const char *service, const struct pam_status *s)
{
	json_t *problems = json_array();
	json_t *object;

	for (size_t i = 0; i < s->n_problems; i++)
		(void)json_array_append_new(problems, json_string(s->problem[i]));
	object = json_pack("{s:s, s:s, s:b, s:b, s:b, s:o}", "service", service, "state",
		state_names[s->state], "auth", s->report.auth_lines > 0, "session",
		s->report.session_lines > 0, "guarded", s->report.guarded, "problems", problems);
	if (object && *s->report.file) {
		(void)json_object_set_new(object, "file", json_string(s->report.file));
		(void)json_object_set_new(object, "line", json_integer(s->report.line));
	}
	return object;
}

static void status_print(const char *service, const struct pam_status *s)
{
	printf("%-20s %-8s %s", service, state_names[s->state], "");
	if (*s->report.file)
		printf("%s:%u", s->report.file, s->report.line);
	printf("\n");
	for (size_t i = 0; i < s->n_problems; i++)
		printf("%-20s %-8s   %s\n", "", "", s->problem[i]);
}

static int status_services(struct pamtree *t, char **names, size_t n, bool all, json_t *list)
{
	int status = 0;

	if (!list)
		printf("%-20s %-8s %s\n", "SERVICE", "STATE", "SESSION LINE");
	for (size_t i = 0; i < n; i++) {
		struct pam_status s;

		if (all && name_is_part(names[i]))
			continue;
		status_fill(t, names[i], &s);
		if (all && !*s.unread && !s.report.has_session)
			continue;
		if (s.state == PAM_BROKEN)
			status = EXIT_REFUSED;
		if (list)
			(void)json_array_append_new(list, status_json(names[i], &s));
		else
			status_print(names[i], &s);
	}
	return status;
}

/* Named services must exist: a typo must not look like "off". */
static int names_check(struct pamtree *t, char **names, int n, struct err *e)
{
	struct pamstack_source src = pamtree_source(t);

	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *text = NULL;
		_cleanup_free_ char *path = NULL;
		struct pamtree_file f = { .fd = -1 };

		if (src.load(src.ctx, names[i], &text, &path, e) != -ENOENT)
			continue;
		if (pamtree_file_open(t, names[i], &f, e) < 0)
			return -ENOENT; /* with the list of what there is */
		pamtree_file_close(&f);
	}
	return 0;
}

static int pam_status(struct pamtree *t, char **names, int n, const struct pam_options *o)
{
	json_t *list = o->json ? json_array() : NULL;
	char **all = NULL;
	size_t n_all = 0;
	int status;
	struct err e;

	if ((n == 0 ? pamtree_list(t, &all, &n_all, &e) : names_check(t, names, n, &e)) < 0) {
		note("carrel: %s\n", e.text);
		json_decref(list);
		return EXIT_REFUSED;
	}
	status = n == 0 ? status_services(t, all, n_all, true, list)
			: status_services(t, names, (size_t)n, false, list);
	names_free(all, n_all);

	if (list) {
		json_t *top = json_pack("{s:o}", "services", list);

		(void)json_dumpf(top, stdout, JSON_INDENT(2));
		printf("\n");
		json_decref(top);
	}
	return status;
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
	note("carrel: pam: %s%s\n", why, word);
	(void)fputs(usage_text, stderr);
	return EXIT_USAGE;
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
		note("carrel: %s\n", e.text);
		return EXIT_REFUSED;
	}
	r = verbs[v].fn(&t, argv + optind, argc - optind, &o);
	pamtree_close(&t);
	if (fflush(stdout) != 0)
		return EXIT_REFUSED;
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
