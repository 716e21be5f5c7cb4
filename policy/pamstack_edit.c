#include "policy/pamstack.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/pamline.h"
#include "policy/pamsteps.h"

/*
 * Why these lines and these places:
 *
 * auth, first. pam_setcred() replays the path that pam_authenticate() took (a jump or `sufficient`
 * taken then is taken again), and with a public key in sshd pam_authenticate() never ran and every
 * module's setcred decides anew. Only the first module is reached in both. `optional`, and the
 * module returns PAM_IGNORE: no other line notices it.
 *
 * session, last. Behind everything that must still run in the service's own world.
 *
 * The guards are run by libpam without our module: a jump over a module that cannot be loaded is a
 * jump like any other. The landing makes the jumps end inside the stack also after somebody deletes
 * the module's line by hand; without it libpam would say "bad jump" and refuse root.
 */
#define AUTH_NOTE                                                                                  \
	"# Carrel needs to be first here; 'carrel pam disable' takes it out. See pam_carrel(8)."
#define SESSION_NOTE                                                                               \
	"# Carrel confines every session from here on, but for the exempt. See pam_carrel(8)."

/* Which lines of a file are ours. The array has one more entry than there are lines. */
static bool *lines_mark(const struct pamfile *f)
{
	bool *ours = calloc(f->n_lines + 1, sizeof(*ours));
	bool after_note = false;

	for (size_t i = 0; ours && i < f->n_lines; i++) {
		const struct pamline *l = &f->lines[i];
		bool note = pamline_text_is(f, l, SESSION_NOTE);

		/* a guard left over where somebody deleted the module's line is known by the note
		 * above it */
		ours[i] = note || pamline_text_is(f, l, AUTH_NOTE) ||
			  pamline_text_is(f, l, PAMSTEPS_LANDING) ||
			  pamline_is_module(l, PAMLINE_AUTH, PAMSTACK_MODULE) ||
			  pamline_is_module(l, PAMLINE_SESSION, PAMSTACK_MODULE) ||
			  (after_note && pamsteps_guard_jump(l) > 0);
		after_note = note || (after_note && ours[i]);
		if (!pamline_is_module(l, PAMLINE_SESSION, PAMSTACK_MODULE))
			continue;
		for (size_t k = i; k-- > 0 && pamsteps_guard_jump(&f->lines[k]) == (int)(i - k);)
			ours[k] = true;
	}
	return ours;
}

/* The file's text without the marked lines, with auth put before line auth_at and session behind
 * line session_at. */
static char *text_join(const struct pamfile *f, const bool *drop, size_t auth_at, const char *auth,
	size_t session_at, const char *session)
{
	_cleanup_free_ char *text = malloc(strlen(f->text) + strlen(auth) + strlen(session) + 2);
	char *p = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < f->n_lines; i++) {
		const struct pamline *l = &f->lines[i];

		if (i == auth_at)
			p = stpcpy(p, auth);
		if (!drop[i])
			p = mempcpy(p, f->text + l->start, l->end - l->start);
		if (i == session_at) {
			if (p > text && p[-1] != '\n')
				*p++ = '\n';
			p = stpcpy(p, session);
		}
	}
	*p = '\0';
	return ptr_take(&text);
}

int pamstack_disable(const char *path, const char *text, char **ret_text, struct err *e)
{
	_cleanup_(pamfile_free) struct pamfile f = { 0 };
	_cleanup_free_ bool *ours = NULL;
	char *joined;
	int r;

	r = pamfile_parse(path, text, &f, e);
	if (r < 0)
		return r;
	ours = lines_mark(&f);
	joined = ours ? text_join(&f, ours, SIZE_MAX, "", SIZE_MAX, "") : NULL;
	if (!joined)
		return err_set(e, ENOMEM, "out of memory");
	*ret_text = joined;
	return 0;
}

/* Whether the line adds anything to the stack of this type: 0, 1 or negative. */
static int line_counts(const struct pamstack_source *src, const struct pamline *l,
	enum pamline_type type, struct err *e)
{
	_cleanup_(pamsteps_free) struct pamsteps s = { 0 };
	int r;

	if (l->kind == PAMLINE_BLANK)
		return 0;
	if (l->kind != PAMLINE_INCLUDE_ALL)
		return l->type == type;
	r = pamsteps_build(&s, src, l->target, type, 1, 0, e);
	return r < 0 ? r : s.n_steps > 0;
}

/* The first line of auth and the last of session that are not ours; SIZE_MAX where there is none.
 */
static int places_find(const struct pamstack_source *src, const struct pamfile *f, const bool *ours,
	size_t *ret_auth, size_t *ret_session, struct err *e)
{
	size_t auth = SIZE_MAX, session = SIZE_MAX;

	for (size_t i = 0; i < f->n_lines; i++) {
		const struct pamline *l = &f->lines[i];
		int r = 0;

		if (ours[i])
			continue;
		if (auth == SIZE_MAX)
			r = line_counts(src, l, PAMLINE_AUTH, e);
		if (r > 0)
			auth = i;
		if (r >= 0)
			r = line_counts(src, l, PAMLINE_SESSION, e);
		if (r > 0)
			session = i;
		if (r < 0)
			return err_wrap(e, r, "%s:%u", f->path, l->number);
	}
	*ret_auth = auth;
	*ret_session = session;
	return 0;
}

/* What our present lines say, so that enabling again keeps it. All three are allocated, never NULL
 * on success. */
struct settings {
	char *auth_args;
	char *args; /* of the session line, without exempt= */
	char *groups; /* "adm:wheel" */
};

static void settings_free(struct settings *s)
{
	free(s->auth_args);
	free(s->args);
	free(s->groups);
}

static void words_sort(const char *args, char *rest, char *groups)
{
	while (*(args += strspn(args, " \t"))) {
		size_t n = strcspn(args, " \t");
		bool exempt = n > 7 && !strncmp(args, "exempt=", 7);
		char *to = exempt ? groups : rest;
		size_t have = strlen(to);

		if (exempt && have > 0)
			to[have++] = ':';
		else if (!exempt)
			to[have++] = ' ';
		memcpy(to + have, exempt ? args + 7 : args, exempt ? n - 7 : n);
		to[have + (exempt ? n - 7 : n)] = '\0';
		args += n;
	}
}

static int settings_read(const struct pamfile *f, struct settings *ret, struct err *e)
{
	const char *auth = "", *session = "";

	for (size_t i = 0; i < f->n_lines; i++) {
		const struct pamline *l = &f->lines[i];

		if (pamline_is_module(l, PAMLINE_AUTH, PAMSTACK_MODULE))
			auth = l->args;
		if (pamline_is_module(l, PAMLINE_SESSION, PAMSTACK_MODULE))
			session = l->args;
		if (pamline_is_module(l, PAMLINE_ACCOUNT, PAMSTACK_MODULE) ||
			pamline_is_module(l, PAMLINE_PASSWORD, PAMSTACK_MODULE))
			return err_set(e, EINVAL, "%s:%u: '%s' is for auth and session only",
				f->path, l->number, l->target);
	}

	if (asprintf(&ret->auth_args, "%s%s", *auth ? " " : "", auth) < 0)
		ret->auth_args = NULL;
	ret->args = calloc(1, strlen(session) + 2);
	ret->groups = calloc(1, strlen(session) + 2);
	if (!ret->auth_args || !ret->args || !ret->groups)
		return err_set(e, ENOMEM, "out of memory");
	words_sort(session, ret->args, ret->groups);
	return 0;
}

static int session_print(const struct pamstack_want *want, const struct settings *have, char **ret)
{
	const char *groups = want->exempt ? want->exempt : have->groups;
	_cleanup_free_ char *words = calloc(1, 9 * strlen(groups) + 16);
	bool any = *groups != '\0';
	char *p = words;

	if (!words)
		return -ENOMEM;
	for (const char *g = groups; *g; g += strspn(g, ":")) {
		size_t n = strcspn(g, ":");

		p = stpcpy(p, " exempt=");
		p = mempcpy(p, g, n);
		*p = '\0';
		g += n;
	}

	if (asprintf(ret,
		    SESSION_NOTE "\n"
				 "session [success=%d default=ignore] " PAMSTACK_GUARD
				 " " PAMSTEPS_GUARD_ROOT "\n"
				 "%s%s%s"
				 "session required %s%s%s\n" PAMSTEPS_LANDING "\n",
		    any ? 2 : 1,
		    any ? "session [success=1 default=ignore] " PAMSTACK_GUARD
			  " " PAMSTEPS_GUARD_GROUPS
			: "",
		    groups, any ? "\n" : "", want->module, words, have->args) < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	return 0;
}

int pamstack_enable(const struct pamstack_source *src, const char *service,
	const struct pamstack_want *want, char **ret_text, struct err *e)
{
	_cleanup_(settings_free) struct settings have = { 0 };
	_cleanup_(pamfile_free) struct pamfile f = { 0 };
	_cleanup_free_ bool *ours = NULL;
	_cleanup_free_ char *session = NULL;
	_cleanup_free_ char *auth = NULL;
	size_t auth_at = SIZE_MAX, session_at = SIZE_MAX;
	char *joined;
	int r;

	r = pamsteps_file(src, service, &f, e);
	if (r == 0)
		r = settings_read(&f, &have, e);
	if (r < 0)
		return r;
	ours = lines_mark(&f);
	if (!ours)
		return err_set(e, ENOMEM, "out of memory");
	r = places_find(src, &f, ours, &auth_at, &session_at, e);
	if (r < 0)
		return r;
	if (session_at == SIZE_MAX)
		return err_set(e, ENOTSUP, "%s: no session lines: '%s' opens no sessions", f.path,
			service);

	if (session_print(want, &have, &session) < 0 ||
		asprintf(&auth, AUTH_NOTE "\nauth optional %s%s\n", want->module, have.auth_args) <
			0)
		return err_set(e, ENOMEM, "out of memory");
	joined = text_join(&f, ours, auth_at, auth, session_at, session);
	if (!joined)
		return err_set(e, ENOMEM, "out of memory");
	*ret_text = joined;
	return 0;
}

int pamstack_check_groups(const char *groups, struct err *e)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789.-";

	for (const char *g = groups;; g++) {
		size_t n = strcspn(g, ":");

		if (n == 0 || n > 64 || *g == '-' || strspn(g, letters) < n)
			return err_set(e, EINVAL, "'%.*s' is not a group name", (int)n, g);
		g += n;
		if (*g == '\0')
			return 0;
	}
}
