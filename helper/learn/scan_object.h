#ifndef CARREL_LEARN_SCAN_OBJECT_H
#define CARREL_LEARN_SCAN_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "helper/learn/scan_code.h"
#include "helper/learn/scan_links.h"

/* A pointer that the loader fills in: with the address of a symbol, or with an address of the same
 * file. */
struct slot {
	uint64_t addr;
	const char *symbol; /* NULL: target says where to */
	uint64_t target;
	bool is_data; /* part of a table or variable; else only code that names the slot uses it */
};

struct symbol {
	const char *name;
	uint64_t addr;
};

struct range {
	uint64_t addr, size;
};

struct segment {
	struct range range;
	uint64_t offset;
	bool is_code;
};

/*
 * One ELF file, as far as a scan cares. Everything in it was checked against the file's size:
 * segments lie in the image, functions in code segments. Names belong to the ELF library's memory,
 * which lasts as long as the object.
 */
struct object {
	const struct processor *cpu;
	bool is_program; /* else a library */
	bool is_dynamic;
	const char *soname; /* NULL: none */
	const char **needed; /* sonames */
	size_t n_needed;
	struct segment *segments;
	size_t n_segments;
	struct range *stubs; /* procedure linkage tables */
	size_t n_stubs;
	struct range *data; /* where strings may stand */
	size_t n_data;
	uint64_t *functions; /* where each begins, sorted; it ends where the next begins */
	size_t n_functions;
	struct slot *slots; /* sorted by address */
	size_t n_slots;
	struct symbol *exports; /* functions that others may call */
	size_t n_exports;
	struct symbol *names; /* of functions, sorted by address */
	size_t n_names;
	uint64_t *starts; /* what the loader calls by address: the entry, init and fini */
	size_t n_starts;
	struct link *links; /* what all code refers to, function by function */
	size_t n_links;
	size_t *first_links; /* of each function, and one more at the end */

	struct stat stat; /* of the file when it was read */
	uint8_t *image;
	size_t image_len;
	void *elf;
};

/* What reading a file adds; an address that is not in a code segment is no function. 0 or -ENOMEM.
 */
int object_add_segment(struct object *o, const struct segment *s);
int object_add_function(struct object *o, uint64_t addr);
int object_add_start(struct object *o, uint64_t addr);
int object_add_slot(struct object *o, const struct slot *s);
int object_add_stubs(struct object *o, const struct range *r);
int object_add_data(struct object *o, const struct range *r);
int object_add_needed(struct object *o, const char *soname);
int object_add_name(struct object *o, const struct symbol *s);
int object_add_export(struct object *o, const struct symbol *s);

/* After all is added and before anything is asked. */
void object_sort(struct object *o);
void object_done(struct object *o);

bool range_holds(const struct range *r, uint64_t addr);
bool object_is_code(const struct object *o, uint64_t addr);

/* What the file holds there before the loader changes it; NULL: nothing, or not as much. */
const uint8_t *object_bytes(const struct object *o, uint64_t addr, size_t len);

/* The function that holds the address; SIZE_MAX: none. is_start says whether it begins there. */
size_t object_function(const struct object *o, uint64_t addr, bool *ret_is_start);

/* The bytes of one function; of any code from there to the end of its segment. */
struct code object_code(const struct object *o, size_t function);
struct code object_code_at(const struct object *o, uint64_t addr);

/* NULL: the loader puts nothing there. */
const struct slot *object_slot(const struct object *o, uint64_t addr);

bool object_is_stub(const struct object *o, uint64_t addr);

/* The name of the function that begins there; NULL: it has none. */
const char *object_name(const struct object *o, uint64_t addr);

#endif
