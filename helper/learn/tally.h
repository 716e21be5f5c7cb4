#ifndef CARREL_LEARN_TALLY_H
#define CARREL_LEARN_TALLY_H

#include <stddef.h>
#include <stdint.h>

/* Texts and how often each came. Zeroed: none. */
struct tally {
	struct tally_line {
		char *text;
		uint64_t count;
	} *lines;
	size_t n;
	uint64_t lost; /* without memory, or one too many different ones */
};

#define TALLY_MAX 1000

void tally_add(struct tally *t, const char *text);
void tally_sort(struct tally *t); /* the most frequent first */
void tally_done(struct tally *t);

/* The name of the program that a process runs, without directory; "?" when it cannot be seen. */
#define PROGRAM_NAME_MAX 64
void program_name(int pid, char ret[static PROGRAM_NAME_MAX]);

#endif
