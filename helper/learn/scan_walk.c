/*
 * Which functions of the given files can be reached, and which system calls do those make? A walk
 * over references, from what surely runs: all of a program, constructors, and what libraries keep
 * pointers to.
 */
#include "helper/learn/scan_walk.h"

#include <string.h>

size_t processor_index(const struct processor *p)
{
	return p == &scan_x86 ? 0 : 1;
}

static void reach(struct scan *s, struct place to, struct place from, const char *symbol)
{
	struct visit *v = &s->visits[to.object][to.function];

	if (v->is_reached || object_is_stub(&s->objects[to.object],
				     s->objects[to.object].functions[to.function]))
		return;
	v->object = from.object;
	v->function = from.function;
	v->symbol = symbol;
	v->is_reached = true;
	s->queue[s->queue_end++] = to;
}

/* The first export of that name; n_exports: none. */
static size_t export_find(const struct scan *s, const char *name)
{
	size_t low = 0, high = s->n_exports;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(s->exports[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->n_exports && strcmp(s->exports[low].name, name) == 0 ? low : s->n_exports;
}

/*
 * All functions of that name, in whichever file: the loader would take the first in an order that
 * depends on the program, and a name that several files export is rare.
 */
static void reach_symbol(struct scan *s, const char *name, struct place from)
{
	for (size_t n = export_find(s, name);
		n < s->n_exports && strcmp(s->exports[n].name, name) == 0; n++) {
		uint32_t i = s->exports[n].object;
		bool is_start;
		size_t f;

		if (s->objects[i].cpu != s->objects[from.object].cpu)
			continue;
		f = object_function(&s->objects[i], s->exports[n].addr, &is_start);
		if (f != SIZE_MAX)
			reach(s, (struct place){ i, (uint32_t)f }, from, name);
	}
}

static void reach_slot(struct scan *s, const struct slot *slot, struct place from)
{
	bool is_start;
	size_t f;

	if (slot->symbol) {
		reach_symbol(s, slot->symbol, from);
		return;
	}
	f = object_function(&s->objects[from.object], slot->target, &is_start);
	if (f != SIZE_MAX && is_start)
		reach(s, (struct place){ from.object, (uint32_t)f }, from, NULL);
}

/* The function whose references are being followed. */
struct reading {
	struct scan *scan;
	struct object *object;
	struct code code;
	struct place place;
};

/* A number that may be meant for something else counts, and so does the doubt. */
static void note_call(struct reading *r, struct constant number)
{
	struct place *found;

	if (number.value < 0 || !number.is_sure)
		r->scan->files[r->place.object].unresolved++;
	if (number.value < 0)
		return;
	found = &r->scan->found[processor_index(r->object->cpu)][number.value];
	if (found->object == NOBODY)
		*found = r->place;
}

/* syscall(2) can be any call: which one, the caller says. */
static bool is_syscall(const char *symbol)
{
	return symbol && strcmp(symbol, "syscall") == 0;
}

/* Whoever takes its address, to call it or to give it away. */
static void follow_syscall_address(struct reading *r, size_t load)
{
	static const struct constant unknown = { -1, false };
	size_t at = load;

	while (r->object->cpu->next_call(&r->code, load, &at))
		note_call(r, r->object->cpu->first_argument(&r->code, at));
	if (at == load)
		note_call(r, unknown);
}

static void follow_slot(struct reading *r, const struct link *l)
{
	const struct slot *slot = &r->object->slots[l->slot];

	if (!is_syscall(slot->symbol))
		reach_slot(r->scan, slot, r->place);
	else if (l->kind == REF_LOAD)
		follow_syscall_address(r, l->at);
	else
		note_call(r, r->object->cpu->first_argument(&r->code, l->at));
}

/* The call that this one says to make, if it says one. */
static void note_passed(struct reading *r, const struct link *l)
{
	const struct constant said[] = { r->object->cpu->first_argument(&r->code, l->at),
		r->object->cpu->seventh_argument(&r->code, l->at) };

	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++)
		if (said[i].value >= 0)
			note_call(r, (struct constant){ said[i].value, true });
}

static void follow_code(struct reading *r, const struct link *l)
{
	const struct place to = { r->place.object, l->function };

	if (l->is_start && is_syscall(object_name(r->object, r->object->functions[l->function]))) {
		note_call(r, r->object->cpu->first_argument(&r->code, l->at));
		return;
	}
	reach(r->scan, to, r->place, NULL);
	if (l->is_start && l->kind != REF_ADDRESS && scan_passes_number(r->scan, to))
		note_passed(r, l);
}

static void follow(struct reading *r, const struct link *l)
{
	if (l->kind == REF_SYSCALL)
		note_call(r, (struct constant){ l->number, l->is_sure });
	else if (l->slot != NO_SLOT)
		follow_slot(r, l);
	else if (l->function != NO_FUNCTION && !l->is_stub)
		follow_code(r, l);
}

static void read_function(struct scan *s, struct place p)
{
	struct object *o = &s->objects[p.object];
	struct reading r = { s, o, object_code(o, p.function), p };
	const struct link *links;
	size_t n;

	if (is_syscall(object_name(o, r.code.addr)))
		return;
	links = links_of(o, p.function, &n);
	for (size_t i = 0; i < n; i++)
		follow(&r, &links[i]);
}

static void walk(struct scan *s)
{
	while (s->queue_head < s->queue_end)
		read_function(s, s->queue[s->queue_head++]);
}

static void root_at(struct scan *s, size_t object, uint64_t addr, const char *symbol)
{
	bool is_start;
	size_t f = object_function(&s->objects[object], addr, &is_start);

	if (f != SIZE_MAX)
		reach(s, (struct place){ (uint32_t)object, (uint32_t)f },
			(struct place){ NOBODY, NOBODY }, symbol);
}

/* A library that none of the others asks for was opened while the program ran: then any function
 * may be looked up. */
static bool is_opened_later(const struct scan *s, size_t object)
{
	const char *slash = strrchr(s->files[object].path, '/');
	const char *name = s->objects[object].soname;

	if (!name)
		name = slash ? slash + 1 : s->files[object].path;
	for (size_t i = 0; i < s->n; i++)
		for (size_t n = 0; n < s->objects[i].n_needed; n++)
			if (strcmp(s->objects[i].needed[n], name) == 0)
				return false;
	return true;
}

/* What is called through tables and variables, constructors among them. A program keeps every
 * import for a use: also through its stub's address. */
static void root_pointers(struct scan *s, size_t object)
{
	const struct object *o = &s->objects[object];

	for (size_t i = 0; i < o->n_slots; i++)
		if (o->slots[i].is_data || (o->is_program && o->slots[i].symbol))
			reach_slot(s, &o->slots[i], (struct place){ (uint32_t)object, NOBODY });
}

static void root_library(struct scan *s, size_t object)
{
	const struct object *o = &s->objects[object];

	for (size_t i = 0; i < o->n_starts; i++)
		root_at(s, object, o->starts[i], NULL);
	for (size_t i = 0; i < o->n_exports && is_opened_later(s, object); i++)
		root_at(s, object, o->exports[i].addr, o->exports[i].name);
}

static bool asks_by_name(const struct object *o)
{
	for (size_t i = 0; i < o->n_slots; i++)
		if (o->slots[i].symbol && (strcmp(o->slots[i].symbol, "dlsym") == 0 ||
						  strcmp(o->slots[i].symbol, "dlvsym") == 0))
			return true;
	return false;
}

/* The longest name that is looked for among strings. */
#define NAME_LOOKED_UP 64
#define NAME_CHARACTERS "_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* Whoever has dlsym() may ask for what his strings name. */
static void root_names(struct scan *s, size_t object, const struct range *data)
{
	const uint8_t *p = object_bytes(&s->objects[object], data->addr, data->size);
	const uint8_t *end = p ? p + data->size : NULL, *stop;

	for (; p && p < end && (stop = memchr(p, 0, (size_t)(end - p))) != NULL; p = stop + 1) {
		const char *name = (const char *)p;
		size_t n = (size_t)(stop - p);

		if (n >= 3 && n <= NAME_LOOKED_UP && strspn(name, NAME_CHARACTERS) == n)
			reach_symbol(s, name, (struct place){ (uint32_t)object, NOBODY });
	}
}

/* Programs come first: of several ways to a call, the one from a program is told. */
void scan_walk(struct scan *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->objects[i].is_program)
			for (size_t f = 0; f < s->objects[i].n_functions; f++)
				root_at(s, i, s->objects[i].functions[f], NULL);
	walk(s);
	for (size_t i = 0; i < s->n; i++)
		if (s->objects[i].is_program)
			root_pointers(s, i);
	walk(s);
	for (size_t i = 0; i < s->n; i++) {
		if (!s->objects[i].is_program) {
			root_library(s, i);
			root_pointers(s, i);
		}
	}
	walk(s);
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < s->objects[i].n_data && asks_by_name(&s->objects[i]); k++)
			root_names(s, i, &s->objects[i].data[k]);
	walk(s);
}
