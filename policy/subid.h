#ifndef CARREL_POLICY_SUBID_H
#define CARREL_POLICY_SUBID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct account;
struct err;
struct id_pool;
struct id_range;
struct id_ranges;

/*
 * The user's ranges: what libsubid knows (/etc/subuid, /etc/subgid or the nsswitch `subid:`
 * source), else the pool. Uses the largest single range of at least 1024 IDs, at most ID_SLOT of
 * it. May block (NSS). -ERANGE: neither has one; the text says what to do. -EINVAL: the user's
 * range is none that can be used.
 */
int subid_ranges(
	const struct account *a, const struct id_pool *pool, struct id_ranges *ret, struct err *e);

/*
 * Refuses ranges that meet somebody else's: lines of other owners in /etc/subuid and /etc/subgid,
 * real accounts and groups (the local files in full; NSS by sample), ranges that systemd gives out,
 * the pool slots of accounts that have no range but the pool's. -EEXIST: the text names both sides.
 * May block (NSS).
 */
int subid_check(const struct account *a, const struct id_pool *pool, const struct id_ranges *r,
	struct err *e);

/*
 * Refuses a slot of the pool that a launch must not take: an account's own by the pool's rule, or
 * one that a line of /etc/subuid or /etc/subgid, an account, a group or systemd's ranges meet. The
 * local files are read in full; NSS is asked for two uids, and only where it knows more than the
 * files: the slot's owner, and the first of the slot, by which systemd names whole ranges. -EEXIST:
 * the text says whose; -EINVAL: not a slot of the pool. May block (NSS).
 */
int subid_check_slot(const struct id_pool *pool, const struct id_range *slot, struct err *e);

/* id_owner(), but 0 where that is an account, which could join. May block (NSS). */
uid_t subid_owner(const struct id_pool *pool, uid_t uid);

/* A range as the sources tell it, before anybody has judged it. */
struct subid_span {
	uint64_t start, count;
};

/*
 * Where the facts come from. The functions above use this machine's; a test brings a world of its
 * own.
 */
struct subid_world {
	const char *subuid, *subgid, *passwd, *group; /* paths */
	/*
	 * Ranges of a user as libsubid tells them; *ret is malloc'ed. Their number, or negative
	 * when there are none.
	 */
	int (*ranges)(const char *owner, bool gids, struct subid_span **ret);
	/*
	 * The uids to whom a subordinate ID was given; *ret is malloc'ed. Their number, or
	 * negative.
	 */
	int (*owners)(uint32_t id, bool gids, uid_t **ret);
	/* The name of the account or group with this ID, by NSS; false: there is none. */
	bool (*name_of)(uint32_t id, bool gid, char name[static 64]);
	/*
	 * Says in nsswitch.conf(5)'s form where the last three ask. NULL: they may know more than
	 * the files.
	 */
	const char *nsswitch;
};

extern const struct subid_world subid_this_machine;

int subid_ranges_in(const struct subid_world *w, const struct account *a,
	const struct id_pool *pool, struct id_ranges *ret, struct err *e);
int subid_check_in(const struct subid_world *w, const struct account *a, const struct id_pool *pool,
	const struct id_ranges *r, struct err *e);
int subid_check_slot_in(const struct subid_world *w, const struct id_pool *pool,
	const struct id_range *slot, struct err *e);
uid_t subid_owner_in(const struct subid_world *w, const struct id_pool *pool, uid_t uid);

#endif
