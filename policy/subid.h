#ifndef CARREL_POLICY_SUBID_H
#define CARREL_POLICY_SUBID_H

#include <stddef.h>

struct account;
struct err;
struct id_pool;
struct id_ranges;

/*
 * The user's ranges: what libsubid knows (/etc/subuid, /etc/subgid or the nsswitch `subid:` source), else the pool.
 * Uses the largest single range of at least 1024 IDs, at most ID_SLOT of it. May block (NSS).
 * -ERANGE: neither has one; the text says what to do.
 */
int subid_ranges(const struct account *a, const struct id_pool *pool, struct id_ranges *ret,
	struct err *e);

/*
 * Refuses ranges that meet somebody else's: lines of other owners in /etc/subuid and /etc/subgid, real accounts and
 * groups (the local files in full; NSS by sample), systemd's DynamicUser and homed ranges, other users' pool slots that are
 * not theirs to use. -EEXIST: the text names both sides. May block (NSS).
 */
int subid_check(const struct account *a, const struct id_pool *pool, const struct id_ranges *r,
	struct err *e);

#endif
