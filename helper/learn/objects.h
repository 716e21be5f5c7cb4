#ifndef CARREL_LEARN_OBJECTS_H
#define CARREL_LEARN_OBJECTS_H

#include <stddef.h>
#include <sys/types.h>

struct scan_ahead;

/* The executables and libraries that processes have mapped: a set of paths. Zeroed: empty. */
struct objects {
	char **paths; /* a hash table: NULL where there is none */
	size_t size, n;
	char set_user_id[64]; /* name of the first one with such a bit, "" if none */
	size_t hidden; /* processes into which we may not look */
	struct scan_ahead *ahead; /* who shall read them meanwhile; NULL: nobody */
};

/* Adds what the process has mapped to execute. Without memory or leave to look: less is known, and nothing breaks. */
void objects_sample(struct objects *o, pid_t pid);
void objects_done(struct objects *o);

#endif
