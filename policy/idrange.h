#ifndef CARREL_POLICY_IDRANGE_H
#define CARREL_POLICY_IDRANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct id_pool;

/* Host IDs [start, start + count). count 0: empty. Never wraps, never holds 0, 65535 or 2^32-1. */
struct id_range {
	uint32_t start;
	uint32_t count;
};

bool id_range_valid(const struct id_range *r);
bool id_range_overlaps(const struct id_range *a, const struct id_range *b);
bool id_range_holds(const struct id_range *r, uint32_t id);

/* The subordinate IDs of one user: inside 0..count-1. */
struct id_ranges {
	struct id_range uids;
	struct id_range gids;
	char source[128]; /* for people: "/etc/subuid, /etc/subgid" or "pool" */
};

#define ID_SLOT 65536u /* IDs in one slot of the pool */

/*
 * The user's slot of the pool: the same on every machine with the same [ids]. -ERANGE: the uid is
 * in no window of `uids`, or its slot would lie beyond the pool's end; the text says which key to
 * change.
 */
int id_pool_range(const struct id_pool *pool, uid_t uid, struct id_range *ret, struct err *e);

/*
 * Who owns the user namespaces of this user's containers: an ID of the upper half, where nobody lives.
 * The owner may join, and the kernel charges it for what it counts in there (ucounts), so it is neither
 * the user nor the same for two users. 0, root: there is no such ID, as the uid is root's or lies in
 * the upper half itself, or the pool reaches into it.
 */
#define ID_UPPER_HALF (UINT32_C(1) << 31)
uid_t id_owner(const struct id_pool *pool, uid_t uid);

/* user_namespaces(7): at most 340 lines, and the kernel takes one write of less than a page. */
#define ID_MAP_LINES 340
#define ID_MAP_BYTES 4096

struct id_map {
	struct id_extent {
		uint32_t inside, outside, count;
	} e[ID_MAP_LINES];
	size_t n;
	size_t dropped; /* own IDs left out because the map was full; access by them still works */
};

/*
 * Inside 0.. is the range, except that each of own[] (the user's uid, or all gids, most important
 * first) stands for itself. -EINVAL: own holds 0; -EEXIST: an own ID lies in the range.
 */
int id_map_plan(const struct id_range *range, const uint32_t *own, size_t n_own, struct id_map *ret,
	struct err *e);

/*
 * For a mount that shows a user's storage: id on disk is `as` to the kernel, every other ID outside of the pool is itself, which
 * a container has no name for, and root's is ID_STRANGER. IDs of the pool are nobody's there: what has one cannot be made. (An ID that is not mapped at all
 * would do for looking; but the kernel writes to no inode whose owner it cannot tell, HAS_UNMAPPED_ID() in fs/namei.c.)
 */
#define ID_STRANGER (UINT32_MAX - 1) /* of no account */
void id_map_as(const struct id_pool *pool, uint32_t id, uint32_t as, struct id_map *ret);

/* inside stands for outside instead of whatever it stood for. -E2BIG: the map is full. */
int id_map_replace(struct id_map *m, uint32_t inside, uint32_t outside);

/* Nothing inside stands for an ID of r, which holds each line of the map wholly or not at all. */
void id_map_leave_out(struct id_map *m, const struct id_range *r);

/* What inside stands for; false: nothing. */
bool id_map_lookup(const struct id_map *m, uint32_t inside, uint32_t *ret_outside);

/* The text for uid_map or gid_map; returns its length. */
size_t id_map_format(const struct id_map *m, char buf[static ID_MAP_BYTES]);

#endif
