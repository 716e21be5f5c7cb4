#include "policy/idrange.h"

#include <errno.h>

#include "policy/base/err.h"
#include "policy/policy.h"

/*
 * All arithmetic on range ends is done in 64 bits: 32 would wrap, and a wrapped range holds host
 * root.
 */
static uint64_t range_end(const struct id_range *r)
{
	return (uint64_t)r->start + r->count;
}

bool id_range_holds(const struct id_range *r, uint32_t id)
{
	return id >= r->start && id < range_end(r);
}

/* 65535 is -1 to old 16-bit calls, 2^32-1 is "no change" to chown() and setresuid(). */
bool id_range_valid(const struct id_range *r)
{
	return r->count > 0 && range_end(r) <= UINT32_MAX && !id_range_holds(r, 0) &&
	       !id_range_holds(r, 65535);
}

bool id_range_overlaps(const struct id_range *a, const struct id_range *b)
{
	return a->start < range_end(b) && b->start < range_end(a);
}

int id_pool_range(const struct id_pool *pool, uid_t uid, struct id_range *ret, struct err *e)
{
	uint64_t slot = 0, start;

	for (size_t i = 0; i < pool->n_uids; i++) {
		const struct id_window *w = &pool->uids[i];

		if (uid < w->first || uid > w->last) {
			slot += (uint64_t)w->last - w->first + 1;
			continue;
		}
		start = pool->first + (slot + (uid - w->first)) * ID_SLOT;
		if (start + ID_SLOT - 1 > pool->last)
			return err_set(e, ERANGE,
				"the slot of uid %u lies beyond the pool's end: "
				"enlarge 'pool' in [ids]",
				(unsigned)uid);
		*ret = (struct id_range){ (uint32_t)start, ID_SLOT };
		return 0;
	}
	return err_set(e, ERANGE,
		"uid %u is in no window of 'uids' in [ids]: "
		"add one",
		(unsigned)uid);
}

uid_t id_owner(const struct id_pool *pool, uid_t uid)
{
	if (uid == 0 || uid >= ID_STRANGER - ID_UPPER_HALF || pool->last >= ID_UPPER_HALF)
		return 0;
	return ID_UPPER_HALF + uid;
}
