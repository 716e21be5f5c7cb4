#ifndef CARREL_DENIALS_SEEN_H
#define CARREL_DENIALS_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The names of records that were met, so that one that lies in two logs counts once. Zeroed: empty. */
struct seen {
	uint64_t *slots;
	size_t size, n;
};

/* True if it is new. A record without a name always is, and so is every one when memory is out or SEEN_MAX are known. */
#define SEEN_MAX (1u << 20)
bool seen_add(struct seen *s, uint64_t time_us, uint64_t serial);
void seen_done(struct seen *s);

#endif
