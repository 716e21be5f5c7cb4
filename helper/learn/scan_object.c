/* One ELF file in memory, and questions to it: where is the function, the pointer, the name? */
#include "helper/learn/scan_object.h"

#include <errno.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

/* Appends to an array that was grown by this alone: its room is the next power of two. */
static int push(void *array, size_t *n, const void *item, size_t size)
{
	void **base = array;

	if ((*n & (*n - 1)) == 0) {
		void *more = reallocarray(*base, *n ? 2 * *n : 1, size);

		if (!more)
			return -ENOMEM;
		*base = more;
	}
	memcpy((char *)*base + *n * size, item, size);
	(*n)++;
	return 0;
}

bool range_holds(const struct range *r, uint64_t addr)
{
	return addr >= r->addr && addr - r->addr < r->size;
}

static const struct segment *segment_find(const struct object *o, uint64_t addr)
{
	for (size_t i = 0; i < o->n_segments; i++)
		if (range_holds(&o->segments[i].range, addr))
			return &o->segments[i];
	return NULL;
}

static const struct segment *code_segment(const struct object *o, uint64_t addr)
{
	for (size_t i = 0; i < o->n_segments; i++) {
		const struct segment *s = &o->segments[i];

		if (s->is_code && range_holds(&s->range, addr))
			return s;
	}
	return NULL;
}

const uint8_t *object_bytes(const struct object *o, uint64_t addr, size_t len)
{
	const struct segment *s = segment_find(o, addr);

	if (!s || s->range.size - (addr - s->range.addr) < len)
		return NULL;
	return o->image + s->offset + (addr - s->range.addr);
}

bool object_is_code(const struct object *o, uint64_t addr)
{
	return code_segment(o, addr) != NULL;
}

int object_add_segment(struct object *o, const struct segment *s)
{
	return push(&o->segments, &o->n_segments, s, sizeof(*s));
}

int object_add_function(struct object *o, uint64_t addr)
{
	return object_is_code(o, addr) ? push(&o->functions, &o->n_functions, &addr, sizeof(addr))
				       : 0;
}

int object_add_start(struct object *o, uint64_t addr)
{
	int r;

	if (!object_is_code(o, addr))
		return 0;
	r = push(&o->starts, &o->n_starts, &addr, sizeof(addr));
	return r < 0 ? r : object_add_function(o, addr);
}

/* Each takes up a word of the file; a file with more of them lies, and must not take all memory. */
int object_add_slot(struct object *o, const struct slot *s)
{
	return o->n_slots < o->image_len / 8 ? push(&o->slots, &o->n_slots, s, sizeof(*s)) : 0;
}

int object_add_stubs(struct object *o, const struct range *r)
{
	return push(&o->stubs, &o->n_stubs, r, sizeof(*r));
}

int object_add_data(struct object *o, const struct range *r)
{
	return push(&o->data, &o->n_data, r, sizeof(*r));
}

int object_add_needed(struct object *o, const char *soname)
{
	return push(&o->needed, &o->n_needed, &soname, sizeof(soname));
}

int object_add_name(struct object *o, const struct symbol *s)
{
	return push(&o->names, &o->n_names, s, sizeof(*s));
}

int object_add_export(struct object *o, const struct symbol *s)
{
	return push(&o->exports, &o->n_exports, s, sizeof(*s));
}

static int slot_compare(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static int symbol_compare(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static int addr_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void sort(void *array, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	if (n > 1)
		qsort(array, n, size, compare);
}

void object_sort(struct object *o)
{
	size_t n = 0;

	sort(o->slots, o->n_slots, sizeof(*o->slots), slot_compare);
	sort(o->names, o->n_names, sizeof(*o->names), symbol_compare);
	sort(o->functions, o->n_functions, sizeof(*o->functions), addr_compare);
	for (size_t i = 0; i < o->n_functions; i++)
		if (n == 0 || o->functions[n - 1] != o->functions[i])
			o->functions[n++] = o->functions[i];
	o->n_functions = n;
}

void object_done(struct object *o)
{
	if (o->elf)
		(void)elf_end(o->elf);
	free(o->image);
	free(o->needed);
	free(o->segments);
	free(o->stubs);
	free(o->data);
	free(o->functions);
	free(o->slots);
	free(o->exports);
	free(o->names);
	free(o->starts);
	free(o->links);
	free(o->first_links);
	memset(o, 0, sizeof(*o));
}

size_t object_function(const struct object *o, uint64_t addr, bool *ret_is_start)
{
	size_t low = 0, high = o->n_functions;

	if (!code_segment(o, addr))
		return SIZE_MAX;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (o->functions[middle] <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return SIZE_MAX;
	*ret_is_start = o->functions[low - 1] == addr;
	return low - 1;
}

struct code object_code_at(const struct object *o, uint64_t addr)
{
	const struct segment *s = code_segment(o, addr);
	struct code c = { NULL, 0, addr };

	if (s) {
		c.bytes = o->image + s->offset + (addr - s->range.addr);
		c.len = s->range.size - (addr - s->range.addr);
	}
	return c;
}

struct code object_code(const struct object *o, size_t function)
{
	struct code c = object_code_at(o, o->functions[function]);

	if (function + 1 < o->n_functions && o->functions[function + 1] - c.addr < c.len)
		c.len = o->functions[function + 1] - c.addr;
	return c;
}

const struct slot *object_slot(const struct object *o, uint64_t addr)
{
	size_t low = 0, high = o->n_slots;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (o->slots[middle].addr < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < o->n_slots && o->slots[low].addr == addr ? &o->slots[low] : NULL;
}

bool object_is_stub(const struct object *o, uint64_t addr)
{
	for (size_t i = 0; i < o->n_stubs; i++)
		if (range_holds(&o->stubs[i], addr))
			return true;
	return false;
}

const char *object_name(const struct object *o, uint64_t addr)
{
	size_t low = 0, high = o->n_names;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (o->names[middle].addr < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < o->n_names && o->names[low].addr == addr ? o->names[low].name : NULL;
}
