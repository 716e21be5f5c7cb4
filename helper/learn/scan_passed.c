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
	bool passes;
};

static bool passes(struct scan *s, struct place p, unsigned depth);

static bool is_told(const struct question *q, size_t at)
{
	const struct processor *cpu = q->object->cpu;

	return cpu->first_argument(&q->code, at).value >= 0 ||
	       cpu->seventh_argument(&q->code, at).value >= 0;
}

static void look(void *arg, const struct ref *ref)
{
	struct question *q = arg;
	struct place to = { q->place.object, 0 };
	bool is_start;
	size_t f;

	if (q->passes)
		return;
	if (ref->kind == REF_SYSCALL)
		q->passes = ref->number.value < 0 || !ref->number.is_sure;
	if (ref->kind != REF_CALL && ref->kind != REF_JUMP)
		return;
	f = object_function(q->object, ref->target, &is_start);
	to.function = (uint32_t)f;
	if (f != SIZE_MAX && is_start && f != q->place.function && !is_told(q, ref->at))
		q->passes = passes(q->scan, to, q->depth + 1);
}

static bool passes(struct scan *s, struct place p, unsigned depth)
{
	struct visit *v = &s->visits[p.object][p.function];
	struct object *o = &s->objects[p.object];
	struct question q = { s, o, object_code(o, p.function), p, depth, false };

	if (v->passes != PASSES_UNKNOWN || depth > DEPTH_MAX)
		return v->passes == PASSES_YES;
	v->passes = PASSES_NO; /* for functions that call each other */
	if (q.code.len <= CODE_MAX)
		o->cpu->read(&q.code, look, &q);
	v->passes = q.passes ? PASSES_YES : PASSES_NO;
	return q.passes;
}

bool scan_passes_number(struct scan *s, struct place p)
{
	return passes(s, p, 0);
}
