#ifndef CARREL_LEARN_SCAN_LINKS_H
#define CARREL_LEARN_SCAN_LINKS_H

#include <stddef.h>
#include <stdint.h>

#include "helper/learn/scan_code.h"

struct object;

#define NO_FUNCTION UINT32_MAX
#define NO_SLOT UINT32_MAX

/* A reference in a function's code, with what it comes to in its own file. */
struct link {
	uint32_t at; /* offset of the instruction */
	uint32_t function; /* the one that holds the target */
	uint32_t slot; /* what is loaded or called through, or what the stub at the target jumps
			  through */
	int16_t number; /* of REF_SYSCALL, as a struct constant */
	uint8_t kind; /* enum ref_kind */
	bool is_sure : 1, is_start : 1, is_stub : 1; /* of number; of the target: is it where
							function begins, and a stub? */
};

/*
 * Reads the code of all functions of a sorted object: nothing here depends on other files, so that
 * it can be done before those are known. -ENOMEM.
 */
int links_read(struct object *o);

/* Those of one function, in the order of its code. */
const struct link *links_of(const struct object *o, size_t function, size_t *ret_n);

#endif
