#ifndef CARREL_LEARN_BASE_H
#define CARREL_LEARN_BASE_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * What is known before anything runs: the calls that every program gets, those that wait for a person when nobody was
 * seen to make them, and those that do not exist for whoever runs under a filter.
 */

/* One group of calls with the reason why every program may make them. */
struct base_group {
	const char *reason;
	const char *calls; /* blank-separated */
};

/* Ends with a NULL reason. */
const struct base_group *base_groups(void);
bool base_has(const char *call);

/* Gives so much power that reading about it in a program's code is not enough. */
bool base_is_dangerous(const char *call);

/* Answered with ENOSYS while learning and in every filter made: what they do, no filter sees. */
bool base_is_absent(const char *call);

/*
 * The program that learns by exception: allows base calls with ordinary arguments, and notifies of the rest and of the
 * few calls at which it pays to look at the caller's memory map. Returns the number of instructions, at most BPF_MAXINSNS.
 */
size_t base_program(struct sock_filter ret[static BPF_MAXINSNS]);

#endif
