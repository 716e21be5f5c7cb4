#ifndef CARREL_DENIALS_TABLE_H
#define CARREL_DENIALS_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "helper/denials/record.h"

/* Records that differ in time and process alone, counted. */
struct denial {
	uint32_t auid, uid, ses;
	uint32_t holder; /* the user whose launch had this uid then; RECORD_UNSET: not known to be a launch's */
	uint32_t arch, code;
	int32_t call;
	char *exe;
	char comm[64]; /* of the first */
	uint64_t count;
	uint64_t first_us, last_us; /* 0: not told */
};

struct denial_table {
	struct denial *v;
	size_t n;
	uint64_t left_out; /* records beyond DENIALS_MAX kinds */
	size_t *slots, n_slots;
};

/* Whoever runs programs chooses their names: there is an end to it. */
#define DENIALS_MAX 50000u

/* Counts a record once, or one that stands for `count` from first to last. -ENOMEM only. */
int denial_add(struct denial_table *t, const struct record *r, uint32_t holder);
int denial_add_many(struct denial_table *t, const struct record *r, uint32_t holder, uint64_t count, uint64_t first_us,
	uint64_t last_us);

/* Most frequent first, then latest first. Nothing can be added afterwards. */
void denial_sort(struct denial_table *t);
void denial_table_done(struct denial_table *t);

#endif
