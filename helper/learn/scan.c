#include "helper/learn/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helper/learn/scan_ahead.h"
#include "helper/learn/scan_elf.h"
#include "helper/learn/scan_walk.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

static int export_compare(const void *a, const void *b)
{
	const struct exported *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int collect_exports(struct scan *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->objects[i].n_exports;
	s->exports = calloc(n ? n : 1, sizeof(*s->exports));
	if (!s->exports)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < s->objects[i].n_exports; k++)
			s->exports[s->n_exports++] =
				(struct exported){ s->objects[i].exports[k].name, (uint32_t)i,
					s->objects[i].exports[k].addr };
	qsort(s->exports, n, sizeof(*s->exports), export_compare);
	return 0;
}

static bool is_repeated(const char *const *paths, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(paths[k], paths[i]) == 0)
			return true;
	return false;
}

static int load_files(struct scan *s, const char *const *paths, size_t n, struct scan_ahead *ahead)
{
	scan_ahead_wait(ahead);
	for (size_t i = 0; i < n; i++) {
		struct scan_file *f = &s->files[s->n];
		struct err e;

		if (is_repeated(paths, i))
			continue;
		f->path = strdup(paths[i]);
		if (!f->path)
			return -ENOMEM;
		s->n++;
		if (scan_ahead_take(ahead, paths[i], &s->objects[s->n - 1], &f->arch))
			continue;
		if (object_load(paths[i], &s->objects[s->n - 1], &f->arch, &e) < 0) {
			f->problem = strdup(e.text);
			if (!f->problem)
				return -ENOMEM;
		}
	}
	return 0;
}

static int make_room(struct scan *s)
{
	size_t n_functions = 0;

	for (size_t i = 0; i < s->n; i++) {
		size_t n = s->objects[i].n_functions;

		s->visits[i] = calloc(n ? n : 1, sizeof(**s->visits));
		if (!s->visits[i])
			return -ENOMEM;
		n_functions += n;
	}
	s->queue = calloc(n_functions ? n_functions : 1, sizeof(*s->queue));
	if (!s->queue)
		return -ENOMEM;
	memset(s->found, 0xff, sizeof(s->found)); /* NOBODY everywhere */
	return 0;
}

/* Goes back the way to the function that makes the call. */
static int describe(const struct scan *s, struct place p, struct scan_call *c)
{
	const struct object *o = &s->objects[p.object];
	const char *symbol = object_name(o, o->functions[p.function]);
	uint32_t file = p.object;

	c->path = s->files[file].path;
	while (p.function != NOBODY && p.object != NOBODY) {
		const struct visit *v = &s->visits[p.object][p.function];

		if (p.object == file && v->object != file && v->symbol)
			symbol = v->symbol;
		c->user = s->files[p.object].path;
		p = (struct place){ v->object, v->function };
	}
	c->symbol = strdup(symbol ? symbol : "");
	return c->symbol ? 0 : -ENOMEM;
}

static int collect_calls(const struct scan *s, struct scan_result *ret)
{
	static const struct processor *const processors[N_PROCESSORS] = { &scan_x86, &scan_arm64 };

	ret->calls = calloc(N_PROCESSORS * SYSCALLS_MAX, sizeof(*ret->calls));
	if (!ret->calls)
		return -ENOMEM;
	for (size_t i = 0; i < N_PROCESSORS; i++) {
		for (int number = 0; number < SYSCALLS_MAX; number++) {
			struct scan_call *c = &ret->calls[ret->n_calls];

			if (s->found[i][number].object == NOBODY)
				continue;
			*c = (struct scan_call){ .arch = processors[i]->arch, .number = number };
			ret->n_calls++;
			if (describe(s, s->found[i][number], c) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static int scan_allocate(struct scan *s, size_t n)
{
	n = n ? n : 1;
	s->files = calloc(n, sizeof(*s->files));
	s->objects = calloc(n, sizeof(*s->objects));
	s->visits = calloc(n, sizeof(*s->visits));
	return s->files && s->objects && s->visits ? 0 : -ENOMEM;
}

/* The files are the result's. */
static void scan_done(struct scan *s)
{
	for (size_t i = 0; i < s->n; i++) {
		object_done(&s->objects[i]);
		free(s->visits[i]);
	}
	free(s->objects);
	free(s->visits);
	free(s->exports);
	free(s->queue);
}

static int scan_run(struct scan *s, const char *const *paths, size_t n, struct scan_ahead *ahead,
	struct scan_result *ret)
{
	int r;

	r = scan_allocate(s, n);
	if (r == 0)
		r = load_files(s, paths, n, ahead);
	if (r == 0)
		r = make_room(s);
	if (r == 0)
		r = collect_exports(s);
	if (r == 0) {
		scan_walk(s);
		r = collect_calls(s, ret);
	}
	ret->files = s->files;
	ret->n_files = s->n;
	return r;
}

int scan_files(const char *const *paths, size_t n, struct scan_ahead *ahead,
	struct scan_result *ret, struct err *e)
{
	_cleanup_free_ struct scan *s = calloc(1, sizeof(*s));
	struct scan_result result = { 0 };
	int r = -ENOMEM;

	if (s) {
		r = scan_run(s, paths, n, ahead, &result);
		scan_done(s);
	}
	if (r < 0) {
		scan_result_done(&result);
		return err_set(e, -r, "out of memory");
	}
	*ret = result;
	return 0;
}

void scan_result_done(struct scan_result *r)
{
	for (size_t i = 0; i < r->n_calls; i++)
		free(r->calls[i].symbol);
	for (size_t i = 0; i < r->n_files; i++) {
		free(r->files[i].path);
		free(r->files[i].problem);
	}
	free(r->calls);
	free(r->files);
	memset(r, 0, sizeof(*r));
}
