/*
 * Functions that make whatever system call their callers say: of the C libraries, those around
 * calls in which a thread may be cancelled. The number is the first argument (musl) or stands
 * behind six others (glibc since 2.41), and may go on through several such functions.
 */
#include "helper/learn/scan_walk.h"

/* They are short, and not many lie behind each other. */
#define CODE_MAX 512
#define DEPTH_MAX 3

struct question {
	struct scan *scan;
	struct object *object;
	struct code code;
	struct place place;
	unsigned depth;
};

static bool passes(struct scan *s, struct place p, unsigned depth);

static bool is_told(const struct question *q, size_t at)
{
	const struct processor *cpu = q->object->cpu;

	return cpu->first_argument(&q->code, at).value >= 0 ||
	       cpu->seventh_argument(&q->code, at).value >= 0;
}

static bool look(const struct question *q, const struct link *l)
{
	struct place to = { q->place.object, l->function };

	if (l->kind == REF_SYSCALL)
		return l->number < 0 || !l->is_sure;
	if ((l->kind != REF_CALL && l->kind != REF_JUMP) || l->function == NO_FUNCTION ||
		to.function == q->place.function)
		return false;
	/* Asked first, because looking for what is told takes longer than all the rest. */
	if (q->scan->visits[to.object][to.function].passes == PASSES_NO)
		return false;
	return !is_told(q, l->at) && passes(q->scan, to, q->depth + 1);
}

static bool passes(struct scan *s, struct place p, unsigned depth)
{
	struct visit *v = &s->visits[p.object][p.function];
	struct object *o = &s->objects[p.object];
	struct question q = { s, o, object_code(o, p.function), p, depth };
	const struct link *links;
	bool yes = false;
	size_t n;

	if (v->passes != PASSES_UNKNOWN || depth > DEPTH_MAX)
		return v->passes == PASSES_YES;
	v->passes = PASSES_NO; /* for functions that call each other */
	links = links_of(o, p.function, &n);
	for (size_t i = 0; i < n && q.code.len <= CODE_MAX && !yes; i++)
		yes = look(&q, &links[i]);
	v->passes = yes ? PASSES_YES : PASSES_NO;
	return yes;
}

bool scan_passes_number(struct scan *s, struct place p)
{
	return passes(s, p, 0);
}
