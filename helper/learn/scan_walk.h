#ifndef CARREL_LEARN_SCAN_WALK_H
#define CARREL_LEARN_SCAN_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/learn/scan.h"
#include "helper/learn/scan_object.h"
#include "policy/syscalls.h"

#define NOBODY UINT32_MAX
#define N_PROCESSORS 2

/* A function was reached: from where, and by which name if from another file or through the
 * loader's pointers. */
struct visit {
	uint32_t object, function; /* NOBODY: the way begins here */
	const char *symbol;
	bool is_reached;
	enum { PASSES_UNKNOWN, PASSES_NO, PASSES_YES } passes;
};

struct exported {
	const char *name;
	uint32_t object;
	uint64_t addr;
};

struct place {
	uint32_t object, function;
};

/* Of each file: its object, without functions where it has a problem, and a visit for each
 * function. */
struct scan {
	struct scan_file *files;
	struct object *objects;
	struct visit **visits;
	size_t n;
	struct exported *exports; /* sorted by name */
	size_t n_exports;
	struct place *queue; /* as large as there are functions: each is reached once */
	size_t queue_head, queue_end;
	struct place found[N_PROCESSORS][SYSCALLS_MAX];
};

/*
 * Finds the calls. Files are loaded, exports sorted by name, and room is made for every function;
 * allocates nothing, so that it cannot fail.
 */
void scan_walk(struct scan *s);

/* Does this function make whatever system call its caller says, as the C library's for calls that
 * threads may be cancelled in? */
bool scan_passes_number(struct scan *s, struct place p);

size_t processor_index(const struct processor *p);

#endif
