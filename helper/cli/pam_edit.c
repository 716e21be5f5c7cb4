/*
 * pam_edit - puts pam_carrel.so into the stacks of services, and takes it out.
 *
 * Order:  everything is judged as it would be afterwards, for the service and for all that include
 *         it, before any byte is written; the diff is shown before the file is replaced.
 * Fails:  service by service: one that is refused is left as it was, the others are still done.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/diff.h"
#include "helper/cli/pam.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/paths.h"

static const char copy_note[] =
	"# Made by 'carrel pam enable' from %s; 'carrel pam disable' removes it again.\n";

static const char *report_own_path(
	const struct pamtree *t, const char *service, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s/etc/pam.d/%s", t->prefix, service);
	return buf;
}

/* libpam finds modules without a path in one directory only; ours may have been installed elsewhere
 * (--prefix). */
static const char *module_choose(const struct pamtree *t)
{
	if (pam_module_is_there(t, PAMSTACK_MODULE))
		return PAMSTACK_MODULE;
	if (pamtree_has(t, CARREL_SECUREDIR "/" PAMSTACK_MODULE))
		return CARREL_SECUREDIR "/" PAMSTACK_MODULE;
	return PAMSTACK_MODULE;
}

/* What must be there before a line may name it. */
static int needs_check(const struct pamtree *t, const struct pam_options *o, struct err *e)
{
	if (!pam_module_is_there(t, o->module))
		return err_set(e, ENOENT,
			"module '%s' is not there, and a stack that names it would let nobody but "
			"root in; install it "
			"first, or --force",
			o->module);
	if (!pam_module_is_there(t, PAMSTACK_GUARD) || !pam_module_is_there(t, "pam_permit.so"))
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

	if (!strcmp(service, other) || pam_name_is_part(other) ||
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
	pam_note("note: '%s' includes '%s' and changes with it\n", other, service);
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
		pam_note("%s: enabled; the file as it was: %s\n", service, backup);
	else
		pam_note("%s: enabled, in a copy of %s\n", service, f->path);
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

	if (pam_name_is_part(service))
		return err_set(e, EINVAL,
			"'%s' is a part that services include, not a service: name the services",
			service);
	if (pamtree_file_open(t, service, &f, e) < 0 || pamstack_judge(&src, service, &r, e) < 0)
		return -EINVAL;
	if (*r.file && strcmp(r.file, report_own_path(t, service, own, sizeof(own)))) {
		if (trouble_refuse(&r, "", e) < 0)
			return -EINVAL;
		pam_note("%s: already enabled, through %s\n", service, r.file);
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
		pam_note("%s: already enabled\n", service);
		return 0;
	}
	if (!r.has_auth)
		pam_note("note: '%s' has no auth stack, so it gets the session line only\n",
			service);
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
	pam_note("%s: disabled; the file as it was: %s\n", service, backup);
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
	pam_note("%s: not enabled\n", service);
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
			pam_note("carrel: %s: %s\n", names[i], e.text);
			status = PAM_REFUSED;
		}
		t->changed_name = NULL;
		t->changed_text = NULL;
	}
	return status;
}

int pam_enable(struct pamtree *t, char **names, int n, const struct pam_options *given)
{
	struct pam_options o = *given;
	struct err e;

	if (!o.module)
		o.module = module_choose(t);
	if (needs_check(t, &o, &e) < 0) {
		pam_note("carrel: %s\n", e.text);
		if (!o.force)
			return PAM_REFUSED;
	}
	return services_do(t, names, n, &o, service_enable);
}

int pam_disable(struct pamtree *t, char **names, int n, const struct pam_options *o)
{
	return services_do(t, names, n, o, service_disable);
}
