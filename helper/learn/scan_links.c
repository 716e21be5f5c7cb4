/*
 * scan_links - the code of one file, read once: whatever a walk over many files will ask is found
 * here, and what is no reference, because it leads nowhere, falls away. This is where nearly all
 * the time of a scan goes.
 */
#include "helper/learn/scan_links.h"

#include <errno.h>
#include <stdlib.h>

#include "helper/learn/scan_object.h"

struct reading {
	struct object *object;
	struct code code; /* of this function */
	size_t room;
	int error;
};

static void link_add(struct reading *r, const struct link *l)
{
	struct object *o = r->object;

	if (o->n_links == r->room) {
		size_t room = r->room ? 2 * r->room : 1024;
		struct link *more = reallocarray(o->links, room, sizeof(*more));

		if (!more) {
			r->error = -ENOMEM;
			return;
		}
		o->links = more;
		r->room = room;
	}
	o->links[o->n_links++] = *l;
}

static bool slot_resolve(const struct object *o, uint64_t addr, struct link *l)
{
	const struct slot *slot = object_slot(o, addr);

	if (slot)
		l->slot = (uint32_t)(slot - o->slots);
	return slot != NULL;
}

/*
 * Calls lead to where a function begins; so do jumps to another function, and addresses that are
 * called later. The C library's signal return begins one byte late, so that unwinding finds it.
 */
static bool function_resolve(const struct reading *r, const struct ref *ref, struct link *l)
{
	const struct object *o = r->object;
	uint64_t within = ref->target - r->code.addr;
	bool is_start;
	size_t f;

	/* Most jumps stay in their function, and need not be looked up. */
	if (ref->kind != REF_ADDRESS && within > 0 && within < r->code.len)
		return false;
	f = object_function(o, ref->target, &is_start);
	if (f == SIZE_MAX)
		return false;
	if (!is_start && !(ref->kind == REF_ADDRESS && ref->target - o->functions[f] == 1))
		return false;
	l->function = (uint32_t)f;
	l->is_start = is_start;
	return true;
}

/* Does the reference lead somewhere? */
static bool target_resolve(const struct reading *r, const struct ref *ref, struct link *l)
{
	const struct code target = object_code_at(r->object, ref->target);
	uint64_t slot_addr;
	bool found;

	if (target.len == 0)
		return false;
	found = function_resolve(r, ref, l);
	l->is_stub = r->object->cpu->is_stub(&target, &slot_addr);
	return (l->is_stub && slot_resolve(r->object, slot_addr, l)) || found;
}

static void look(void *arg, const struct ref *ref)
{
	struct reading *r = arg;
	struct link l = { .at = (uint32_t)ref->at,
		.kind = (uint8_t)ref->kind,
		.function = NO_FUNCTION,
		.slot = NO_SLOT };

	switch (ref->kind) {
	case REF_SYSCALL:
		l.number = (int16_t)ref->number.value;
		l.is_sure = ref->number.is_sure;
		link_add(r, &l);
		break;
	case REF_SLOT:
	case REF_LOAD:
		if (slot_resolve(r->object, ref->target, &l))
			link_add(r, &l);
		break;
	default:
		if (target_resolve(r, ref, &l))
			link_add(r, &l);
	}
}

int links_read(struct object *o)
{
	struct reading r = { .object = o };

	o->first_links = calloc(o->n_functions + 1, sizeof(*o->first_links));
	if (!o->first_links)
		return -ENOMEM;
	for (size_t f = 0; f < o->n_functions && r.error == 0; f++) {
		r.code = object_code(o, f);
		o->cpu->read(&r.code, look, &r);
		o->first_links[f + 1] = o->n_links;
	}
	return r.error;
}

const struct link *links_of(const struct object *o, size_t function, size_t *ret_n)
{
	*ret_n = o->first_links[function + 1] - o->first_links[function];
	return o->links + o->first_links[function];
}
