/* learnt - what runs and scans have told of a program, and how two such stories become one. */
#include "helper/learn/learnt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helper/learn/base.h"
#include "helper/learn/families.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"
#include "policy/config.h"

void learnt_done(struct learnt *l)
{
	for (size_t i = 0; i < l->n_calls; i++)
		strv_done(&l->calls[i].programs);
	for (size_t i = 0; i < ARG_INTERESTS; i++)
		free(l->values[i].values);
	free(l->calls);
	strv_done(&l->commands);
	strv_done(&l->files);
	strv_done(&l->unresolved);
	*l = (struct learnt){ 0 };
}

/* Where name stands, or belongs. */
static size_t place_of(const struct learnt *l, const char *name)
{
	size_t low = 0, high = l->n_calls;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(l->calls[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct learnt_call *learnt_find(const struct learnt *l, const char *name)
{
	size_t at = place_of(l, name);

	return at < l->n_calls && strcmp(l->calls[at].name, name) == 0 ? &l->calls[at] : NULL;
}

struct learnt_call *learnt_call(struct learnt *l, const char *name, enum learnt_source source)
{
	size_t at = place_of(l, name);
	struct learnt_call *calls;

	if (at < l->n_calls && strcmp(l->calls[at].name, name) == 0)
		return &l->calls[at];
	calls = reallocarray(l->calls, l->n_calls + 1, sizeof(*calls));
	if (!calls)
		return NULL;
	l->calls = calls;
	memmove(calls + at + 1, calls + at, (l->n_calls - at) * sizeof(*calls));
	l->n_calls++;
	calls[at] = (struct learnt_call){ .source = source };
	(void)snprintf(calls[at].name, sizeof(calls[at].name), "%s", name);
	return &calls[at];
}

int learnt_word_add(struct strv *v, const char *text)
{
	char copy[LEARNT_LINE - 20];

	(void)snprintf(copy, sizeof(copy), "%s", text);
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return strv_has(v, copy) ? 0 : strv_add(v, copy, strlen(copy));
}

int learnt_program_add(struct learnt_call *c, const char *program)
{
	const char *slash = strrchr(program, '/');
	char name[48];

	(void)snprintf(name, sizeof(name), "%s", slash && slash[1] ? slash + 1 : program);
	/* What separates the names in a file must not be in one. */
	for (char *p = name; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == ',' || *p == ';' || *p == 0x7f)
			*p = '?';
	if (name[0] == '\0' || strv_has(&c->programs, name))
		return 0;
	if (c->programs.n == LEARNT_PROGRAMS) {
		c->more_programs = 1;
		return 0;
	}
	return strv_add(&c->programs, name, strlen(name));
}

int learnt_value_add(struct learnt_values *v, uint64_t value)
{
	uint64_t *values;

	for (size_t i = 0; i < v->n; i++)
		if (v->values[i] == value)
			return 0;
	values = reallocarray(v->values, v->n + 1, sizeof(*values));
	if (!values)
		return -ENOMEM;
	v->values = values;
	v->values[v->n++] = value;
	return 0;
}

int learnt_static_add(struct learnt *l, const char *call, const char *file)
{
	struct learnt_call *c;

	if (base_has(call) || base_is_absent(call))
		return 0;
	c = learnt_call(l, call, base_is_dangerous(call) ? LEARNT_WAITING : LEARNT_STATIC);
	if (!c)
		return -ENOMEM;
	if (c->source == LEARNT_FAMILY)
		c->source = LEARNT_STATIC;
	/* Beside programs that were seen to make it, files that could are no news. */
	return c->source == LEARNT_SEEN ? 0 : learnt_program_add(c, file);
}

static bool exists(const char *call, const uint32_t *archs, size_t n_archs)
{
	for (size_t i = 0; i < n_archs; i++)
		if (syscall_number(archs[i], call) >= 0)
			return true;
	return false;
}

/* The member of a row that is allowed; NULL: none. Base calls are in every filter and drag nothing dangerous along. */
static const char *row_allowed(const struct learnt *l, const char *row, char ret[static SYSCALL_NAME_MAX])
{
	size_t len;

	for (const char *w; (w = word_next(&row, &len));) {
		const struct learnt_call *c;

		(void)snprintf(ret, SYSCALL_NAME_MAX, "%.*s", (int)len, w);
		c = learnt_find(l, ret);
		if (base_has(ret) || (c && (c->source == LEARNT_SEEN || c->source == LEARNT_STATIC)))
			return ret;
	}
	return NULL;
}

static int row_add(struct learnt *l, const char *row, const char *relative, const uint32_t *archs, size_t n_archs)
{
	char name[SYSCALL_NAME_MAX];
	size_t len;

	for (const char *w; (w = word_next(&row, &len));) {
		struct learnt_call *c;

		(void)snprintf(name, sizeof(name), "%.*s", (int)len, w);
		if (base_has(name) || base_is_absent(name) || !exists(name, archs, n_archs))
			continue;
		c = learnt_call(l, name, LEARNT_FAMILY);
		if (!c)
			return -ENOMEM;
		if (c->source == LEARNT_WAITING && strcmp(name, relative) != 0)
			c->source = LEARNT_FAMILY;
		if (c->source == LEARNT_FAMILY && !c->family[0])
			(void)snprintf(c->family, sizeof(c->family), "%s", relative);
	}
	return 0;
}

int learnt_families_add(struct learnt *l, const uint32_t *archs, size_t n_archs)
{
	char relative[SYSCALL_NAME_MAX];

	for (const char *const *row = families(); *row; row++) {
		/* A dangerous call has dangerous relatives only, and those follow only what was seen. */
		if (!row_allowed(l, *row, relative))
			continue;
		if (row_add(l, *row, relative, archs, n_archs) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int words_merge(struct strv *to, const struct strv *from)
{
	for (size_t i = 0; i < from->n; i++)
		if (learnt_word_add(to, from->v[i]) < 0)
			return -ENOMEM;
	return 0;
}

/* Paths stay whole: they are opened again. */
static int paths_merge(struct strv *to, const struct strv *from)
{
	for (size_t i = 0; i < from->n; i++)
		if (!strv_has(to, from->v[i]) && strv_add(to, from->v[i], strlen(from->v[i])) < 0)
			return -ENOMEM;
	return 0;
}

static int call_merge(struct learnt *l, const struct learnt_call *from)
{
	struct learnt_call *c = learnt_call(l, from->name, from->source);

	if (!c)
		return -ENOMEM;
	/* Whoever was seen takes the place of the files that could. */
	if (from->source > c->source) {
		c->source = from->source;
		strv_done(&c->programs);
		c->programs = (struct strv){ 0 };
		c->more_programs = 0;
	}
	if (c->runs == 0)
		c->first_ms = from->first_ms;
	c->runs += from->runs;
	c->count += from->count;
	if (from->family[0] && !c->family[0])
		memcpy(c->family, from->family, sizeof(c->family));
	for (size_t i = 0; from->source == c->source && i < from->programs.n; i++)
		if (learnt_program_add(c, from->programs.v[i]) < 0)
			return -ENOMEM;
	c->more_programs |= from->source == c->source ? from->more_programs : 0;
	return 0;
}

int learnt_merge(struct learnt *l, const struct learnt *other, struct err *e)
{
	int r = 0;

	l->runs += other->runs;
	l->foreign_runs += other->foreign_runs;
	for (size_t i = 0; r == 0 && i < other->n_calls; i++)
		r = call_merge(l, &other->calls[i]);
	for (size_t i = 0; i < ARG_INTERESTS; i++)
		for (size_t j = 0; r == 0 && j < other->values[i].n; j++)
			r = learnt_value_add(&l->values[i], other->values[i].values[j]);
	if (r == 0)
		r = words_merge(&l->commands, &other->commands);
	if (r == 0)
		r = paths_merge(&l->files, &other->files);
	if (r == 0)
		r = words_merge(&l->unresolved, &other->unresolved);
	return r < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}
