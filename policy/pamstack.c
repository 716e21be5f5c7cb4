#include "policy/pamstack.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/pamline.h"

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
#define LANDING "session optional pam_permit.so # where the jumps above land"
#define GUARD_ROOT "quiet uid = 0"
#define GUARD_GROUPS "quiet user ingroup "

#define LEVELS_MAX                                                                                 \
	16 /* libpam's limit for includes in includes; beyond it the service does not start */

/* A handler, in libpam's word: one step of a flattened stack. */
struct step {
	const struct pamfile *file;
	const struct pamline *line;
	unsigned level; /* of substacks */
	bool header; /* stands for a substack's beginning, runs nothing */
	bool ours;
	bool guard;
};

struct stack {
	struct pamfile **files; /* each its own allocation: steps point into them */
	size_t n_files;
	struct step *steps;
	size_t n_steps;
};

static void stack_free(struct stack *s)
{
	for (size_t i = 0; i < s->n_files; i++) {
		pamfile_free(s->files[i]);
		free(s->files[i]);
	}
	free(s->files);
	free(s->steps);
	*s = (struct stack){ 0 };
}

static int file_load(
	const struct pamstack_source *src, const char *name, struct pamfile *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ char *path = NULL;
	int r;

	r = src->load(src->ctx, name, &text, &path, e);
	if (r < 0)
		return r;
	return pamfile_parse(path, text, ret, e);
}

/* Loads name and keeps it in the stack. */
static int stack_load(struct stack *s, const struct pamstack_source *src, const char *name,
	const struct pamfile **ret, struct err *e)
{
	struct pamfile **grown = reallocarray(s->files, s->n_files + 1, sizeof(*grown));
	struct pamfile *f;
	int r;

	if (!grown)
		return err_set(e, ENOMEM, "out of memory");
	s->files = grown;
	f = calloc(1, sizeof(*f));
	if (!f)
		return err_set(e, ENOMEM, "out of memory");

	r = file_load(src, name, f, e);
	if (r < 0) {
		free(f);
		return r;
	}
	s->files[s->n_files++] = f;
	*ret = f;
	return 0;
}

static int step_add(struct stack *s, const struct step *step, struct err *e)
{
	struct step *grown = reallocarray(s->steps, s->n_steps + 1, sizeof(*grown));

	if (!grown)
		return err_set(e, ENOMEM, "out of memory");
	s->steps = grown;
	s->steps[s->n_steps++] = *step;
	return 0;
}

static int stack_build(struct stack *s, const struct pamstack_source *src, const char *name,
	enum pamline_type type, unsigned depth, unsigned level, struct err *e);

static int line_build(struct stack *s, const struct pamstack_source *src, const struct pamfile *f,
	const struct pamline *l, enum pamline_type type, unsigned depth, unsigned level,
	struct err *e)
{
	struct step step = { .file = f, .line = l, .level = level };
	int r = 0;

	if (l->kind == PAMLINE_MODULE) {
		step.ours = pamline_is_module(l, type, PAMSTACK_MODULE);
		return step_add(s, &step, e);
	}
	if (l->kind == PAMLINE_SUBSTACK) {
		step.header = true;
		r = step_add(s, &step, e);
		level++;
	}
	if (r == 0)
		r = stack_build(s, src, l->target, type, depth + 1, level, e);
	if (r < 0)
		return err_wrap(e, r, "%s:%u: '%s'", f->path, l->number, l->target);
	return 0;
}

/* Appends what name contributes to the stack of this type. */
static int stack_build(struct stack *s, const struct pamstack_source *src, const char *name,
	enum pamline_type type, unsigned depth, unsigned level, struct err *e)
{
	const struct pamfile *f = NULL;
	int r;

	if (depth >= LEVELS_MAX)
		return err_set(e, ELOOP, "files include each other more than %d deep", LEVELS_MAX);
	r = stack_load(s, src, name, &f, e);
	if (r < 0)
		return r;

	for (size_t i = 0; i < f->n_lines; i++) {
		const struct pamline *l = &f->lines[i];

		if (l->kind == PAMLINE_BLANK || (l->kind != PAMLINE_INCLUDE_ALL && l->type != type))
			continue;
		r = line_build(s, src, f, l, type, depth, level, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Whether the line has the form of one of our guards, and over how many lines it jumps; 0 when not.
 */
static int guard_jump(const struct pamline *l)
{
	if (!pamline_is_module(l, PAMLINE_SESSION, PAMSTACK_GUARD) || l->action[0] <= 0)
		return 0;
	for (size_t i = 1; i < PAMLINE_CODES; i++)
		if (l->action[i] != PAMLINE_IGNORE)
			return 0;
	if (strcmp(l->args, GUARD_ROOT) && strncmp(l->args, GUARD_GROUPS, strlen(GUARD_GROUPS)))
		return 0;
	return l->action[0];
}

/* Marks the guards that stand right before step `at` and land right behind it; says whether root's
 * is among them. */
static bool guards_mark(struct stack *s, size_t at)
{
	bool root = false;

	for (size_t i = at; i-- > 0;) {
		struct step *step = &s->steps[i];

		if (step->header || step->level != s->steps[at].level ||
			guard_jump(step->line) != (int)(at - i))
			break;
		step->guard = true;
		root |= !strcmp(step->line->args, GUARD_ROOT);
	}
	return root;
}

/* The step that follows when everything of this level is left, as libpam does on `done`. */
static size_t level_end(const struct stack *s, size_t at)
{
	size_t i = at;

	while (i + 1 < s->n_steps && s->steps[i + 1].level >= s->steps[at].level)
		i++;
	return i + 1;
}

/* The step that a jump leads to. A substack counts as one, and a jump never leaves the one it is
 * in. */
static size_t jump_end(const struct stack *s, size_t at, int jump, bool *ret_bad)
{
	unsigned level = s->steps[at].level;
	size_t i = at;

	while (jump > 0 && i + 1 < s->n_steps && s->steps[i + 1].level >= level) {
		do
			i++;
		while (i + 1 < s->n_steps && s->steps[i + 1].level > level);
		jump--;
	}
	*ret_bad = jump > 0;
	return i + 1;
}

/*
 * Where one action leads. n_steps is the stack's end, SIZE_MAX "ends in a refusal". Modules are
 * taken to return anything, so more ways are seen than there are, never fewer. ends_matter: the
 * caller of this stack is known to go on after a refusal (setcred in sshd and cron), so that a
 * refused end is an end like any other.
 */
static size_t action_end(const struct stack *s, size_t at, int action, bool ends_matter)
{
	bool bad;
	size_t to;

	switch (action) {
	case PAMLINE_DONE:
		return level_end(s, at);
	case PAMLINE_DIE:
		/* in a substack it ends that one only, and the outer stack could forget the failure
		 */
		return s->steps[at].level > 0 || ends_matter ? level_end(s, at) : SIZE_MAX;
	case PAMLINE_IGNORE:
	case PAMLINE_OK:
	case PAMLINE_BAD:
	case PAMLINE_RESET:
		return at + 1;
	default:
		to = jump_end(s, at, action, &bad);
		return bad && to == s->n_steps && !ends_matter ? SIZE_MAX : to;
	}
}

static void step_describe(const struct step *step, char *buf, size_t size)
{
	(void)snprintf(
		buf, size, "%s:%u: '%s'", step->file->path, step->line->number, step->line->target);
}

/* Looks at everything step `at` can lead to; false when one of them passes by `ours` or falls in
 * behind `first`. */
static bool step_leads(const struct stack *s, size_t at, size_t first, size_t ours,
	bool ends_matter, bool *reached, char *trouble, size_t size)
{
	const struct step *step = &s->steps[at];
	char what[200];

	if (step->header || step->guard) {
		reached[at + 1] = true;
		return true;
	}

	for (size_t i = 0; i < PAMLINE_CODES; i++) {
		short action = step->line->action[i];
		size_t to = action_end(s, at, action, ends_matter);

		if (action == PAMLINE_DONE)
			reached[at + 1] = true; /* once something has failed, `done` goes on */
		if (to == SIZE_MAX)
			continue;
		step_describe(step, what, sizeof(what));
		if (to > ours) {
			(void)snprintf(trouble, size,
				"%s can end or leave the stack before " PAMSTACK_MODULE, what);
			return false;
		}
		if (to > first) {
			(void)snprintf(trouble, size,
				"%s can jump in behind the guard that lets root pass", what);
			return false;
		}
		reached[to] = true;
	}
	return true;
}

/* Whether every way through the stack runs step `ours`, and none runs it without passing its
 * guards. */
static int stack_reaches(const struct stack *s, size_t ours, bool ends_matter, char *trouble,
	size_t size, struct err *e)
{
	_cleanup_free_ bool *reached = calloc(s->n_steps + 1, sizeof(*reached));
	size_t first = ours;

	if (!reached)
		return err_set(e, ENOMEM, "out of memory");
	while (first > 0 && s->steps[first - 1].guard)
		first--;

	reached[0] = true;
	for (size_t i = 0; i < ours; i++) {
		if (!reached[i])
			continue;
		if (!step_leads(s, i, i < first ? first : ours, ours, ends_matter, reached, trouble,
			    size))
			return 0;
	}
	return 0;
}

static size_t stack_find(const struct stack *s, unsigned *ret_count)
{
	size_t at = SIZE_MAX;

	*ret_count = 0;
	for (size_t i = 0; i < s->n_steps; i++) {
		if (!s->steps[i].ours)
			continue;
		if ((*ret_count)++ == 0)
			at = i;
	}
	return at;
}

static int auth_judge(const struct pamstack_source *src, const char *service,
	struct pamstack_report *ret, struct err *e)
{
	_cleanup_(stack_free) struct stack s = { 0 };
	size_t at;
	int r;

	r = stack_build(&s, src, service, PAMLINE_AUTH, 0, 0, e);
	if (r < 0)
		return r;

	ret->has_auth = s.n_steps > 0;
	at = stack_find(&s, &ret->auth_lines);
	if (at == SIZE_MAX)
		return 0;
	(void)snprintf(ret->module, sizeof(ret->module), "%s", s.steps[at].line->target);
	if (ret->auth_lines > 1) {
		(void)snprintf(ret->auth_trouble, sizeof(ret->auth_trouble),
			PAMSTACK_MODULE " stands in the auth stack %u times", ret->auth_lines);
		return 0;
	}
	/* sshd and cron go on after a failed setcred */
	return stack_reaches(&s, at, true, ret->auth_trouble, sizeof(ret->auth_trouble), e);
}

/* Modules behind ours run after the service was closed off; our own landing is no such module. */
static void session_note(const struct stack *s, size_t at, struct pamstack_report *ret)
{
	char what[200];

	for (size_t i = at + 1; i < s->n_steps; i++) {
		if (s->steps[i].header || s->steps[i].ours ||
			pamline_text_is(s->steps[i].file, s->steps[i].line, LANDING))
			continue;
		step_describe(&s->steps[i], what, sizeof(what));
		(void)snprintf(
			ret->note, sizeof(ret->note), "%s runs after " PAMSTACK_MODULE, what);
		return;
	}
}

static int session_judge(const struct pamstack_source *src, const char *service,
	struct pamstack_report *ret, struct err *e)
{
	_cleanup_(stack_free) struct stack s = { 0 };
	const struct step *ours;
	size_t at;
	int r;

	r = stack_build(&s, src, service, PAMLINE_SESSION, 0, 0, e);
	if (r < 0)
		return r;

	ret->has_session = s.n_steps > 0;
	at = stack_find(&s, &ret->session_lines);
	if (at == SIZE_MAX)
		return 0;

	ours = &s.steps[at];
	if (ret->session_lines > 1) {
		(void)snprintf(ret->session_trouble, sizeof(ret->session_trouble),
			PAMSTACK_MODULE " stands in the session stack %u times",
			ret->session_lines);
		return 0;
	}
	(void)snprintf(ret->file, sizeof(ret->file), "%s", ours->file->path);
	ret->line = ours->line->number;
	(void)snprintf(ret->module, sizeof(ret->module), "%s", ours->line->target);
	ret->guarded = guards_mark(&s, at);
	session_note(&s, at, ret);
	if (!pamline_refuses(ours->line)) {
		(void)snprintf(ret->session_trouble, sizeof(ret->session_trouble),
			"%s:%u: its control lets a refused session go on; it must be 'required'",
			ours->file->path, ours->line->number);
		return 0;
	}
	/* a stack that fails opens no session: login, su, runuser, sudo, sshd, cron and at all stop
	 * there */
	return stack_reaches(&s, at, false, ret->session_trouble, sizeof(ret->session_trouble), e);
}

int pamstack_judge(const struct pamstack_source *src, const char *service,
	struct pamstack_report *ret, struct err *e)
{
	struct pamstack_report report = { 0 };
	int r;

	r = auth_judge(src, service, &report, e);
	if (r == 0)
		r = session_judge(src, service, &report, e);
	if (r < 0)
		return r;
	*ret = report;
	return 0;
}

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
			  pamline_text_is(f, l, LANDING) ||
			  pamline_is_module(l, PAMLINE_AUTH, PAMSTACK_MODULE) ||
			  pamline_is_module(l, PAMLINE_SESSION, PAMSTACK_MODULE) ||
			  (after_note && guard_jump(l) > 0);
		after_note = note || (after_note && ours[i]);
		if (!pamline_is_module(l, PAMLINE_SESSION, PAMSTACK_MODULE))
			continue;
		for (size_t k = i; k-- > 0 && guard_jump(&f->lines[k]) == (int)(i - k);)
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
	_cleanup_(stack_free) struct stack s = { 0 };
	int r;

	if (l->kind == PAMLINE_BLANK)
		return 0;
	if (l->kind != PAMLINE_INCLUDE_ALL)
		return l->type == type;
	r = stack_build(&s, src, l->target, type, 1, 0, e);
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
				 " " GUARD_ROOT "\n"
				 "%s%s%s"
				 "session required %s%s%s\n" LANDING "\n",
		    any ? 2 : 1,
		    any ? "session [success=1 default=ignore] " PAMSTACK_GUARD " " GUARD_GROUPS
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

	r = file_load(src, service, &f, e);
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

static int includes_at(const struct pamstack_source *src, const char *name, const char *other,
	unsigned depth, struct err *e)
{
	_cleanup_(pamfile_free) struct pamfile f = { 0 };
	int r;

	if (depth >= LEVELS_MAX)
		return err_set(e, ELOOP, "files include each other more than %d deep", LEVELS_MAX);
	r = file_load(src, name, &f, e);
	if (r < 0)
		return r;

	for (size_t i = 0; i < f.n_lines; i++) {
		const struct pamline *l = &f.lines[i];

		if (l->kind == PAMLINE_BLANK || l->kind == PAMLINE_MODULE)
			continue;
		if (!strcmp(l->target, other))
			return 1;
		r = includes_at(src, l->target, other, depth + 1, e);
		if (r != 0)
			return r;
	}
	return 0;
}

int pamstack_includes(
	const struct pamstack_source *src, const char *service, const char *other, struct err *e)
{
	return includes_at(src, service, other, 0, e);
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
