#include "helper/denials/seen.h"

#include <stdlib.h>

static uint64_t name_of(uint64_t time_us, uint64_t serial)
{
	uint64_t h = time_us * 0x9e3779b97f4a7c15u ^ serial * 0xc2b2ae3d27d4eb4fu;

	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9u;
	h ^= h >> 32;
	return h ? h : 1; /* 0 is an empty slot */
}

static uint64_t *slot_of(uint64_t *slots, size_t size, uint64_t name)
{
	size_t i = name & (size - 1);

	while (slots[i] && slots[i] != name)
		i = (i + 1) & (size - 1);
	return &slots[i];
}

static bool grow(struct seen *s)
{
	size_t size = s->size ? 2 * s->size : 1024;
	uint64_t *slots = calloc(size, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < s->size; i++)
		if (s->slots[i])
			*slot_of(slots, size, s->slots[i]) = s->slots[i];
	free(s->slots);
	s->slots = slots;
	s->size = size;
	return true;
}

bool seen_add(struct seen *s, uint64_t time_us, uint64_t serial)
{
	uint64_t name = name_of(time_us, serial), *slot;

	if (serial == 0)
		return true;
	if (2 * s->n >= s->size && s->n < SEEN_MAX && !grow(s) && s->n + 1 >= s->size)
		return true;
	slot = slot_of(s->slots, s->size, name);
	if (*slot == name)
		return false;
	if (s->n < SEEN_MAX) {
		*slot = name;
		s->n++;
	}
	return true;
}

void seen_done(struct seen *s)
{
	free(s->slots);
	*s = (struct seen){ 0 };
}
