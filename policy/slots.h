#ifndef CARREL_POLICY_SLOTS_H
#define CARREL_POLICY_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/idrange.h"

struct err;
struct id_pool;

/*
 * The slots of the pool that launches take: from the pool's end downwards, since the accounts of most machines have the slots at
 * its beginning. A slot is free, in use, or somebody's: of an account, or of whoever else the machine knows; that is found out
 * once (slots_mark()) and forgotten by the next slots_open().
 */
struct slots {
	uint32_t first; /* host ID where slot 0 begins */
	size_t n;
	uint8_t *state; /* one a slot */
	size_t top; /* no slot from here on is free */
	size_t in_use, somebodys;
};

/* -ENOMEM; -ERANGE: the pool has no whole slot. */
int slots_open(const struct id_pool *pool, struct slots *ret, struct err *e);
void slots_done(struct slots *s);

/* The highest free slot is in use now. -ENOSPC: none is left; the text says how many are in use and which key to change. */
int slots_take(struct slots *s, struct id_range *ret, struct err *e);

/* For what an earlier helper left: this range is in use. False: it is no slot of the pool, or not free. */
bool slots_take_range(struct slots *s, const struct id_range *r);

/* Ranges that are no slots in use are left alone. */
void slots_return(struct slots *s, const struct id_range *r);

/* The slots that r, in use or not, touches are somebody's. */
void slots_mark(struct slots *s, const struct id_range *r);

#endif
