#include "policy/slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/err.h"
#include "policy/policy.h"

/* In a byte each, so that the C library finds the next free one among 28,000 in less than a
 * microsecond. */
enum slot_state { SLOT_SOMEBODYS, SLOT_FREE, SLOT_IN_USE };

static struct id_range slot_range(const struct slots *s, size_t i)
{
	return (struct id_range){ (uint32_t)(s->first + i * (uint64_t)ID_SLOT), ID_SLOT };
}

/* False: r is no whole slot of the pool. */
static bool slot_number(const struct slots *s, const struct id_range *r, size_t *ret)
{
	uint64_t at = (uint64_t)r->start - s->first;

	if (r->start < s->first || r->count != ID_SLOT || at % ID_SLOT != 0 || at / ID_SLOT >= s->n)
		return false;
	*ret = at / ID_SLOT;
	return true;
}

int slots_open(const struct id_pool *pool, struct slots *ret, struct err *e)
{
	/* What no range may hold; a pool that policy_load() has read does not reach them. */
	static const struct id_range never[] = { { 0, 1 }, { 65535, 1 }, { UINT32_MAX, 1 } };
	struct slots s = { .first = pool->first };

	if (pool->last >= pool->first)
		s.n = ((uint64_t)pool->last - pool->first + 1) / ID_SLOT;
	if (s.n == 0)
		return err_set(e, ERANGE,
			"pool %u-%u holds no slot of %u IDs: enlarge 'pool' in [ids]", pool->first,
			pool->last, ID_SLOT);
	s.state = malloc(s.n);
	if (!s.state)
		return err_set(e, ENOMEM, "out of memory");
	memset(s.state, SLOT_FREE, s.n);
	s.top = s.n;
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		slots_mark(&s, &never[i]);
	*ret = s;
	return 0;
}

void slots_done(struct slots *s)
{
	free(s->state);
	*s = (struct slots){ 0 };
}

int slots_take(struct slots *s, struct id_range *ret, struct err *e)
{
	uint8_t *slot = s->top ? memrchr(s->state, SLOT_FREE, s->top) : NULL;

	s->top = slot ? (size_t)(slot - s->state) : 0;
	if (!slot)
		return err_set(e, ENOSPC,
			"none of the pool's %zu slots is free: containers use %zu, %zu are of "
			"accounts and others; end containers, or enlarge 'pool' in [ids]",
			s->n, s->in_use, s->somebodys);
	*slot = SLOT_IN_USE;
	s->in_use++;
	*ret = slot_range(s, s->top);
	return 0;
}

bool slots_take_range(struct slots *s, const struct id_range *r)
{
	size_t i;

	if (!slot_number(s, r, &i) || s->state[i] != SLOT_FREE)
		return false;
	s->state[i] = SLOT_IN_USE;
	s->in_use++;
	return true;
}

void slots_return(struct slots *s, const struct id_range *r)
{
	size_t i;

	if (!slot_number(s, r, &i) || s->state[i] != SLOT_IN_USE)
		return;
	s->state[i] = SLOT_FREE;
	s->in_use--;
	if (i >= s->top)
		s->top = i + 1;
}

void slots_mark(struct slots *s, const struct id_range *r)
{
	uint64_t end = (uint64_t)s->first + s->n * (uint64_t)ID_SLOT, from, to;

	from = r->start > s->first ? r->start : s->first;
	to = (uint64_t)r->start + r->count; /* not included */
	if (to > end)
		to = end;
	if (from >= to)
		return;
	for (size_t i = (from - s->first) / ID_SLOT; i <= (to - 1 - s->first) / ID_SLOT; i++) {
		s->in_use -= s->state[i] == SLOT_IN_USE;
		s->somebodys += s->state[i] != SLOT_SOMEBODYS;
		s->state[i] = SLOT_SOMEBODYS;
	}
}
