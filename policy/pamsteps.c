#include "policy/pamsteps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"

void pamsteps_free(struct pamsteps *s)
{
	for (size_t i = 0; i < s->n_files; i++) {
		pamfile_free(s->files[i]);
		free(s->files[i]);
	}
	free(s->files);
	free(s->steps);
	*s = (struct pamsteps){ 0 };
}

int pamsteps_file(
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
static int stack_load(struct pamsteps *s, const struct pamstack_source *src, const char *name,
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

	r = pamsteps_file(src, name, f, e);
	if (r < 0) {
		free(f);
		return r;
	}
	s->files[s->n_files++] = f;
	*ret = f;
	return 0;
}

static int step_add(struct pamsteps *s, const struct pamstep *step, struct err *e)
{
	struct pamstep *grown = reallocarray(s->steps, s->n_steps + 1, sizeof(*grown));

	if (!grown)
		return err_set(e, ENOMEM, "out of memory");
	s->steps = grown;
	s->steps[s->n_steps++] = *step;
	return 0;
}

static int line_build(struct pamsteps *s, const struct pamstack_source *src,
	const struct pamfile *f, const struct pamline *l, enum pamline_type type, unsigned depth,
	unsigned level, struct err *e)
{
	struct pamstep step = { .file = f, .line = l, .level = level };
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
		r = pamsteps_build(s, src, l->target, type, depth + 1, level, e);
	if (r < 0)
		return err_wrap(e, r, "%s:%u: '%s'", f->path, l->number, l->target);
	return 0;
}

int pamsteps_build(struct pamsteps *s, const struct pamstack_source *src, const char *name,
	enum pamline_type type, unsigned depth, unsigned level, struct err *e)
{
	const struct pamfile *f = NULL;
	int r;

	if (depth >= PAMSTEPS_LEVELS_MAX)
		return err_set(e, ELOOP, "files include each other more than %d deep",
			PAMSTEPS_LEVELS_MAX);
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

int pamsteps_guard_jump(const struct pamline *l)
{
	if (!pamline_is_module(l, PAMLINE_SESSION, PAMSTACK_GUARD) || l->action[0] <= 0)
		return 0;
	for (size_t i = 1; i < PAMLINE_CODES; i++)
		if (l->action[i] != PAMLINE_IGNORE)
			return 0;
	if (strcmp(l->args, PAMSTEPS_GUARD_ROOT) &&
		strncmp(l->args, PAMSTEPS_GUARD_GROUPS, strlen(PAMSTEPS_GUARD_GROUPS)))
		return 0;
	return l->action[0];
}
