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

/* Marks the guards that stand right before step `at` and land right behind it; says whether root's
 * is among them. */
static bool guards_mark(struct pamsteps *s, size_t at)
{
	bool root = false;

	for (size_t i = at; i-- > 0;) {
		struct pamstep *step = &s->steps[i];

		if (step->header || step->level != s->steps[at].level ||
			pamsteps_guard_jump(step->line) != (int)(at - i))
			break;
		step->guard = true;
		root |= !strcmp(step->line->args, PAMSTEPS_GUARD_ROOT);
	}
	return root;
}

/* The step that follows when everything of this level is left, as libpam does on `done`. */
static size_t level_end(const struct pamsteps *s, size_t at)
{
	size_t i = at;

	while (i + 1 < s->n_steps && s->steps[i + 1].level >= s->steps[at].level)
		i++;
	return i + 1;
}

/* The step that a jump leads to. A substack counts as one, and a jump never leaves the one it is
 * in. */
static size_t jump_end(const struct pamsteps *s, size_t at, int jump, bool *ret_bad)
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
static size_t action_end(const struct pamsteps *s, size_t at, int action, bool ends_matter)
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

static void step_describe(const struct pamstep *step, char *buf, size_t size)
{
	(void)snprintf(
		buf, size, "%s:%u: '%s'", step->file->path, step->line->number, step->line->target);
}

/* Looks at everything step `at` can lead to; false when one of them passes by `ours` or falls in
 * behind `first`. */
static bool step_leads(const struct pamsteps *s, size_t at, size_t first, size_t ours,
	bool ends_matter, bool *reached, char *trouble, size_t size)
{
	const struct pamstep *step = &s->steps[at];
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
static int stack_reaches(const struct pamsteps *s, size_t ours, bool ends_matter, char *trouble,
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

static size_t stack_find(const struct pamsteps *s, unsigned *ret_count)
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
	_cleanup_(pamsteps_free) struct pamsteps s = { 0 };
	size_t at;
	int r;

	r = pamsteps_build(&s, src, service, PAMLINE_AUTH, 0, 0, e);
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
static void session_note(const struct pamsteps *s, size_t at, struct pamstack_report *ret)
{
	char what[200];

	for (size_t i = at + 1; i < s->n_steps; i++) {
		if (s->steps[i].header || s->steps[i].ours ||
			pamline_text_is(s->steps[i].file, s->steps[i].line, PAMSTEPS_LANDING))
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
	_cleanup_(pamsteps_free) struct pamsteps s = { 0 };
	const struct pamstep *ours;
	size_t at;
	int r;

	r = pamsteps_build(&s, src, service, PAMLINE_SESSION, 0, 0, e);
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

static int includes_at(const struct pamstack_source *src, const char *name, const char *other,
	unsigned depth, struct err *e)
{
	_cleanup_(pamfile_free) struct pamfile f = { 0 };
	int r;

	if (depth >= PAMSTEPS_LEVELS_MAX)
		return err_set(e, ELOOP, "files include each other more than %d deep",
			PAMSTEPS_LEVELS_MAX);
	r = pamsteps_file(src, name, &f, e);
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
