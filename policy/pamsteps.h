#ifndef CARREL_PAMSTEPS_H
#define CARREL_PAMSTEPS_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/pamline.h"
#include "policy/pamstack.h"

/*
 * The stack of one type of one service, flattened as libpam does it: what pamstack.c walks and
 * pamstack_edit.c looks for our lines in. Used by those two only.
 */

/* Below the note and above the landing stand our session lines; pamstack_edit.c says why. */
#define PAMSTEPS_LANDING "session optional pam_permit.so # where the jumps above land"
#define PAMSTEPS_GUARD_ROOT "quiet uid = 0"
#define PAMSTEPS_GUARD_GROUPS "quiet user ingroup "

/* libpam's limit for includes in includes; beyond it the service does not start. */
#define PAMSTEPS_LEVELS_MAX 16

/* A handler, in libpam's word: one step of a flattened stack. */
struct pamstep {
	const struct pamfile *file;
	const struct pamline *line;
	unsigned level; /* of substacks */
	bool header; /* stands for a substack's beginning, runs nothing */
	bool ours;
	bool guard;
};

struct pamsteps {
	struct pamfile **files; /* each its own allocation: steps point into them */
	size_t n_files;
	struct pamstep *steps;
	size_t n_steps;
};

/*
 * Appends what name contributes to the stack of this type, its includes followed; depth counts
 * those, level the substacks. -EINVAL as in pamstack_judge(), -ELOOP.
 */
int pamsteps_build(struct pamsteps *s, const struct pamstack_source *src, const char *name,
	enum pamline_type type, unsigned depth, unsigned level, struct err *e);
void pamsteps_free(struct pamsteps *s);

/* The source's file as lines, for pamfile_free(). */
int pamsteps_file(
	const struct pamstack_source *src, const char *name, struct pamfile *ret, struct err *e);

/* Over how many lines it jumps if it has the form of one of our guards; 0 when not. */
int pamsteps_guard_jump(const struct pamline *l);

#endif
