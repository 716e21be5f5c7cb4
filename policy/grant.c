#include "policy/grant.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/base/err.h"
#include "policy/base/parse.h"
#include "policy/config.h"
#include "policy/config_profile.h"

static bool given(const char *s)
{
	return s && *s;
}

/* ---- what is said ---- */

/* Words for people: as many as fit, then "...". */
struct words {
	char text[200];
	size_t n;
};

static void words_add(struct words *w, const char *word)
{
	size_t room = sizeof(w->text) - w->n;
	int len = snprintf(w->text + w->n, room, "%s%s", w->n ? " " : "", word);

	if ((size_t)len < room) {
		w->n += (size_t)len;
		return;
	}
	w->n = sizeof(w->text) - 1;
	memcpy(w->text + w->n - 3, "...", 4);
}

/* "FILE:LINE: profile 'NAME' has KEY = VALUE: ", or "has no KEY", and why that refuses. */
static int __attribute__((format(printf, 5, 6))) refuse(struct err *e, const struct profile *p,
	const char *key, const char *value, const char *fmt, ...)
{
	struct origin at = profile_key_at(p, key);
	char why[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_set(e, EACCES, "%s:%u: profile '%s' has %s%s%s%s: %s", at.file, at.line, p->name,
		*value ? "" : "no ", key, *value ? " = " : "", value, why);
}

static int __attribute__((format(printf, 5, 6))) refuse_list(struct err *e, const struct profile *p,
	const char *key, const struct strv *list, const char *fmt, ...)
{
	struct words words = { 0 };
	char why[300];
	va_list ap;

	for (size_t i = 0; i < list->n; i++)
		words_add(&words, list->v[i]);
	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return refuse(e, p, key, words.text, "%s", why);
}

/* ---- which profile ---- */

static int refuse_decision(const struct person *who, const struct decision *d, struct err *e)
{
	const struct assign *rule = d->rule;

	if (!rule)
		return err_set(e, EACCES, "no line of [assign] names '%s'", who->name);
	if (d->unsure < 0)
		return err_set(e, EACCES, "%s:%u: nobody can tell who is in '%s' now: %s",
			rule->origin.file, rule->origin.line, rule->who + 1, strerror(-d->unsure));
	return err_set(e, EACCES, "%s:%u: [assign%s%s] has %s = refuse", rule->origin.file,
		rule->origin.line, rule->service ? " " : "", rule->service ? rule->service : "",
		rule->who);
}

static int check_run(const struct profile *p, const struct person *who, struct err *e)
{
	return p->run ? 0
		      : refuse(e, p, "run", "no", "'%s' cannot start containers with it",
				who->name);
}

/* Somebody whom policy gives no profile: the one that is meant. */
static int exempt_profile(const struct policy *p, const struct person *who, const char *name,
	const struct profile **ret, struct err *e)
{
	const struct profile *found = NULL;
	struct words names = { 0 };
	size_t n = 0;

	if (given(name) && (found = policy_profile(p, name))) {
		*ret = found;
		return check_run(found, who, e);
	}
	for (size_t i = 0; i < p->n_profiles; i++)
		if (p->profiles[i].run) {
			found = &p->profiles[i];
			words_add(&names, found->name);
			n++;
		}
	if (n == 0)
		return err_set(
			e, EACCES, "no profile has run = yes: an administrator has to add one");
	if (given(name))
		return err_set(e, EACCES, "there is no profile '%s': with run = yes there is %s",
			name, names.text);
	if (n > 1)
		return err_set(e, EACCES,
			"'%s' is exempt, and policy gives no profile: choose by --profile from %s",
			who->name, names.text);
	*ret = found;
	return 0;
}

int grant_profile(const struct policy *p, const struct person *who, const char *name,
	const struct profile **ret, struct err *e)
{
	struct decision d = policy_decide(p, who, SERVICE_RUN);
	const struct profile *found = d.profile;
	int r = 0;

	if (d.verdict == VERDICT_REFUSE)
		return refuse_decision(who, &d, e);
	if (d.verdict == VERDICT_EXEMPT)
		r = exempt_profile(p, who, name, &found, e);
	else
		r = check_run(found, who, e);
	if (r == 0 && d.verdict == VERDICT_CONFINE && given(name) &&
		strcmp(name, found->name) != 0) {
		if (!strv_has(&found->run_profiles, name))
			return refuse_list(e, found, "run-profiles", &found->run_profiles,
				"'%s' cannot be chosen", name);
		found = policy_profile(p, name);
		r = check_run(found, who, e);
	}
	if (r == 0)
		*ret = found;
	return r;
}

/* ---- what it may be ---- */

static int check_image_name(const struct profile *p, const char *image, struct err *e)
{
	if (strspn(image, "abcdefghijklmnopqrstuvwxyz0123456789._-") != strlen(image) ||
		strchr("._-", image[0]))
		return err_set(e, EINVAL, "'%s': not an image's name", image);
	for (size_t i = 0; i < p->images.n; i++)
		if (fnmatch(p->images.v[i], image, 0) == 0)
			return 0;
	return refuse_list(e, p, "images", &p->images, "'%s' is none of them", image);
}

static int check_bundle(const struct profile *p, const struct wish *w, struct err *e)
{
	if (w->keep)
		return err_set(e, EINVAL, "nothing is kept of a bundle: it can be written itself");
	if (!p->bundles)
		return refuse(e, p, "bundles", "no", "only images can be started");
	if (p->image_signed)
		return refuse(e, p, "signed", "yes", "nobody has signed a bundle");
	return 0;
}

/* The first path of the list that lies in `path`, or in which that lies. */
static const char *meets(const struct strv *list, const char *path)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *other = list->v[i] + (list->v[i][0] == '-');

		if (path_inside(other, path) || path_inside(path, other))
			return other;
	}
	return NULL;
}

static int check_hidden(const struct profile *p, const char *path, struct err *e)
{
	const char *met = meets(&p->hide, path);

	if (met)
		return refuse(e, p, "hide", met, "'%s' %s it", path,
			path_inside(met, path) ? "is or lies in" : "contains");
	for (size_t i = 0; container_own[i]; i++)
		if (path_inside(container_own[i], path) || path_inside(path, container_own[i]))
			return err_set(e, EACCES, "'%s' meets %s, which is the container's own",
				path, container_own[i]);
	return 0;
}

/* A home that is no directory of somebody's own is nobody's: some accounts have '/'. */
static bool in_home(const struct wish *w, const char *path)
{
	return given(w->home_path) && path_valid(w->home_path) && w->home_path[1] &&
	       path_inside(w->home_path, path);
}

static int check_bind(
	const struct profile *p, const struct wish *w, const struct wish_bind *b, struct err *e)
{
	bool home = in_home(w, b->path), listed = false;
	const char *met;
	int r;

	if (!path_valid(b->path))
		return err_set(
			e, EINVAL, "'%s': not an absolute path, or not a plain one", b->path);
	for (size_t i = 0; i < p->run_bind.n; i++)
		listed |= path_inside(p->run_bind.v[i], b->path);
	if (!listed && home && !p->home)
		return refuse(e, p, "home", "no", "'%s' lies in the home", b->path);
	if (!listed && !home)
		return refuse_list(e, p, "run-bind", &p->run_bind, "'%s' lies in none", b->path);
	r = check_hidden(p, b->path, e);
	if (r < 0 || b->readonly)
		return r;
	met = meets(&p->bind_readonly, b->path);
	return met ? refuse(e, p, "bind-readonly", met, "'%s' must be bound read-only", b->path)
		   : 0;
}

/* Whose it is, the helper looks at: here is only what may not be seen, or not written, by another way. */
static int check_tree(const struct profile *p, const struct wish_bind *tree, struct err *e)
{
	const char *met;
	int r;

	if (!path_valid(tree->path))
		return err_set(e, EINVAL, "'%s': not an absolute path, or not a plain one", tree->path);
	r = check_hidden(p, tree->path, e);
	if (r < 0 || tree->readonly)
		return r;
	met = meets(&p->bind_readonly, tree->path);
	return met ? refuse(e, p, "bind-readonly", met, "'%s' must be run with --read-only", tree->path) : 0;
}

static int check_home(const struct profile *p, const struct wish *w, struct err *e)
{
	const char *met;
	int r;

	if (!p->home)
		return refuse(e, p, "home", "no", "--home is not allowed");
	if (!in_home(w, w->home_path))
		return err_set(e, EACCES, "'%s' is no home that could be shown",
			w->home_path ? w->home_path : "");
	r = check_hidden(p, w->home_path, e);
	if (r < 0)
		return r;
	met = meets(&p->bind_readonly, w->home_path);
	return met ? refuse(e, p, "bind-readonly", met, "'%s' meets it, and --home is written to", w->home_path) : 0;
}

int grant_check_room(const struct profile *p, uint64_t running, struct err *e)
{
	char limit[24];

	if (p->max_containers == 0 || running < p->max_containers)
		return 0;
	(void)snprintf(limit, sizeof(limit), "%llu", (unsigned long long)p->max_containers);
	(void)refuse(e, p, "max-containers", limit, "%llu are running; wait, or end one (carrel kill)",
		(unsigned long long)running);
	return -EDQUOT;
}

static int check_wish(const struct profile *p, const struct wish *w, struct err *e)
{
	int r;

	/* A tree is a bundle, whatever else is named beside it. */
	r = given(w->image) && !w->tree ? check_image_name(p, w->image, e) : check_bundle(p, w, e);
	if (r == 0 && w->tree)
		r = check_tree(p, w->tree, e);
	if (r == 0 && w->home)
		r = check_home(p, w, e);
	if (r == 0 && w->keep && p->keep_size == 0)
		r = refuse(e, p, "keep-size", "none", "--keep is not allowed");
	if (r == 0 && w->net == WISH_NET_HOST && p->net == NET_NONE)
		r = refuse(e, p, "net", "none", "--net host is not allowed");
	for (size_t i = 0; r == 0 && i < w->n_binds; i++)
		r = check_bind(p, w, &w->binds[i], e);
	return r;
}

int grant_decide(const struct policy *p, const struct person *who, const struct wish *w,
	struct grant *ret, struct err *e)
{
	const struct profile *profile;
	int r;

	r = grant_profile(p, who, w->profile, &profile, e);
	if (r == 0)
		r = check_wish(profile, w, e);
	if (r == 0)
		*ret = (struct grant){ profile, w->net == WISH_NET_NONE ? NET_NONE : profile->net };
	return r;
}

int grant_check_image(
	const struct profile *profile, const char *image, const char *signer, struct err *e)
{
	if (!profile->image_signed || given(signer))
		return 0;
	return refuse(e, profile, "signed", "yes", "no trusted key has signed '%s'", image);
}
