#include "helper/denials/table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t h, uint64_t value)
{
	h = (h ^ value) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static uint64_t hash(const struct record *r, uint32_t holder)
{
	uint64_t h = mix(mix(mix(r->auid, r->uid), r->ses), holder);

	h = mix(mix(mix(h, r->arch), r->code), (uint32_t)r->call);
	for (const char *c = r->exe; *c; c++)
		h = mix(h, (unsigned char)*c);
	return h;
}

static bool is_like(const struct denial *d, const struct record *r, uint32_t holder)
{
	return d->holder == holder && d->auid == r->auid && d->uid == r->uid && d->ses == r->ses && d->arch == r->arch && d->code == r->code &&
		d->call == r->call && strcmp(d->exe, r->exe) == 0;
}

/* Slots hold index + 1; always more of them than rows, so that an empty one ends the search. */
static size_t *slot_of(const struct denial_table *t, const struct record *r, uint32_t holder)
{
	size_t i = hash(r, holder) & (t->n_slots - 1);

	while (t->slots[i] && !is_like(&t->v[t->slots[i] - 1], r, holder))
		i = (i + 1) & (t->n_slots - 1);
	return &t->slots[i];
}

static struct record record_of(const struct denial *d)
{
	struct record r = { .auid = d->auid, .uid = d->uid, .ses = d->ses, .arch = d->arch, .code = d->code, .call = d->call };

	(void)strncpy(r.exe, d->exe, sizeof(r.exe) - 1);
	return r;
}

static int grow(struct denial_table *t)
{
	size_t n = t->n_slots ? 2 * t->n_slots : 256;
	struct denial *v = realloc(t->v, n / 2 * sizeof(*v));
	size_t *slots;

	if (!v)
		return -ENOMEM;
	t->v = v;
	slots = calloc(n, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(t->slots);
	t->slots = slots;
	t->n_slots = n;
	for (size_t i = 0; i < t->n; i++) {
		struct record r = record_of(&t->v[i]);

		*slot_of(t, &r, t->v[i].holder) = i + 1;
	}
	return 0;
}

int denial_add_many(struct denial_table *t, const struct record *r, uint32_t holder, uint64_t count, uint64_t first_us,
	uint64_t last_us)
{
	struct denial *d;
	size_t *slot;

	if (2 * t->n >= t->n_slots && grow(t) < 0)
		return -ENOMEM;
	slot = slot_of(t, r, holder);
	if (*slot == 0) {
		if (t->n >= DENIALS_MAX) {
			t->left_out += count;
			return 0;
		}
		d = &t->v[t->n];
		*d = (struct denial){ .auid = r->auid, .uid = r->uid, .ses = r->ses, .holder = holder, .arch = r->arch,
			.code = r->code, .call = r->call, .exe = strdup(r->exe) };
		if (!d->exe)
			return -ENOMEM;
		memcpy(d->comm, r->comm, sizeof(d->comm));
		*slot = ++t->n;
	}
	d = &t->v[*slot - 1];
	d->count += count;
	if (first_us && (!d->first_us || first_us < d->first_us))
		d->first_us = first_us;
	if (last_us > d->last_us)
		d->last_us = last_us;
	return 0;
}

int denial_add(struct denial_table *t, const struct record *r, uint32_t holder)
{
	return denial_add_many(t, r, holder, 1, r->time_us, r->time_us);
}

static int compare(const void *a, const void *b)
{
	const struct denial *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return (x->last_us < y->last_us) - (x->last_us > y->last_us);
}

void denial_sort(struct denial_table *t)
{
	free(t->slots);
	t->slots = NULL;
	t->n_slots = 0;
	if (t->n)
		qsort(t->v, t->n, sizeof(*t->v), compare);
}

void denial_table_done(struct denial_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].exe);
	free(t->v);
	free(t->slots);
	*t = (struct denial_table){ 0 };
}
