#ifndef CARREL_CLI_MATCH_SET_H
#define CARREL_CLI_MATCH_SET_H

/*
 * Sets of argument values as lists of masked comparisons: a value is in the set when (value & mask)
 * == match for one member. The members of one set never overlap. Whatever another notation says of
 * an argument (ranges, masks, single values), cut into such sets it can be said in ours.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/filter_rules.h"

/* Enough for every range of 64 bits; a source that needs more is refused. */
#define MATCH_SET_MAX 1024

struct match_set {
	struct match *v;
	size_t n;
};

void match_set_done(struct match_set *s);

/* All of these: -E2BIG when the set would get more members than it may have, -ENOMEM. */
int match_set_add(struct match_set *s, struct match m);
int match_set_copy(const struct match_set *s, struct match_set *ret);
/* Every value from first to last; `bits` is what the argument has. */
int match_set_add_range(struct match_set *s, uint64_t first, uint64_t last, unsigned bits);
/* ret gets what is in a and in b. */
int match_set_intersect(
	const struct match_set *a, const struct match_set *b, struct match_set *ret);
/* ret gets what is in a and not in b. */
int match_set_subtract(const struct match_set *a, const struct match_set *b, struct match_set *ret);
/* By value. */
void match_set_sort(struct match_set *s);
/* Members that differ in one bit become one, as often as that works; and sorted. */
void match_set_compact(struct match_set *s);

bool match_set_has(const struct match_set *s, uint64_t value);

static inline uint64_t match_bits(unsigned bits)
{
	return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

#endif
