#ifndef CARREL_LEARN_SCAN_SECTIONS_H
#define CARREL_LEARN_SCAN_SECTIONS_H

#include <stdbool.h>

struct object;

struct sections_seen {
	bool has_symbols; /* those that the loader uses */
	bool is_pie;
};

/* Adds symbols, relocations and what the dynamic section says; segments must be known. 0 or
 * -ENOMEM. */
int sections_read(struct object *o, struct sections_seen *ret);

#endif
