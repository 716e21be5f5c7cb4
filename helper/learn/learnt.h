#ifndef CARREL_LEARN_LEARNT_H
#define CARREL_LEARN_LEARNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "helper/learn/args.h"
#include "policy/policy.h"
#include "policy/syscalls.h"

struct err;

/* Where what is known of a call comes from. The stronger the later. */
enum learnt_source {
	LEARNT_WAITING, /* dangerous, and only read of in a program's code: a comment until a person decides */
	LEARNT_FAMILY, /* another version of a call that is allowed */
	LEARNT_STATIC, /* read of in a program's code */
	LEARNT_SEEN, /* a run made it */
};

#define LEARNT_PROGRAMS 4

struct learnt_call {
	char name[SYSCALL_NAME_MAX];
	enum learnt_source source;
	unsigned runs; /* that made it; 0 unless seen */
	uint64_t count; /* in all runs; not kept in files */
	uint64_t first_ms; /* since its first run's beginning; not kept in files */
	struct strv programs; /* names without directory: at most LEARNT_PROGRAMS, the files for static */
	unsigned more_programs;
	char family[SYSCALL_NAME_MAX]; /* the relative */
};

/* Values seen of one of arg_interests(), in its order. */
struct learnt_values {
	uint64_t *values;
	size_t n;
};

/* All that is known of a program, from any number of runs. Zeroed: nothing yet. */
struct learnt {
	unsigned runs;
	struct strv commands; /* as words of one line */
	struct strv files; /* executables and libraries of all runs */
	struct strv unresolved; /* "8 places in FILE" and "FILE: not an ELF file", for people */
	struct learnt_call *calls; /* sorted by name */
	size_t n_calls;
	struct learnt_values values[ARG_INTERESTS];
	unsigned foreign_runs; /* that made calls of the other ABI */
};

void learnt_done(struct learnt *l);

/* The call's entry, made if there is none: then it is of `source` and nothing else is known. NULL: no memory. */
struct learnt_call *learnt_call(struct learnt *l, const char *name, enum learnt_source source);
const struct learnt_call *learnt_find(const struct learnt *l, const char *name);

/* -ENOMEM. A program that is there already, or one too many, only counts. */
int learnt_program_add(struct learnt_call *c, const char *program);
int learnt_value_add(struct learnt_values *v, uint64_t value);
/* A copy without what cannot stand in a comment, once. */
int learnt_word_add(struct strv *v, const char *text);

/* What a file makes possible without having been seen. Dangerous calls wait. */
int learnt_static_add(struct learnt *l, const char *call, const char *file);

/* Adds the relatives of all calls that are allowed and have a number on one of the architectures. */
int learnt_families_add(struct learnt *l, const uint32_t *archs, size_t n_archs);

/* Adds all that other knows: counts are summed, the stronger source stays. */
int learnt_merge(struct learnt *l, const struct learnt *other, struct err *e);

/*
 * What learnt_write() wrote. -EINVAL names file and line: the counts lie in the comments, so that only what `carrel
 * learn` wrote can be added to. A waiting line that somebody made active stays active.
 */
int learnt_read(const char *text, const char *file, struct learnt *ret, struct err *e);

/* The text of a filter. notes: further comment lines, each at most LEARNT_LINE bytes. */
#define LEARNT_LINE 190
void learnt_write(const struct learnt *l, const struct strv *notes, FILE *f);

static inline void learnt_cleanup(struct learnt *l)
{
	learnt_done(l);
}

#endif
