#ifndef CARREL_LEARN_RECORD_H
#define CARREL_LEARN_RECORD_H

#include <linux/seccomp.h>
#include <stdbool.h>

#include "helper/learn/objects.h"

struct err;
struct learnt;
struct scan_ahead;
struct record; /* one run, as its calls are heard */

/* ahead may be NULL; else it is told of the files that the run maps. */
struct record *record_new(struct scan_ahead *ahead);
void record_free(struct record *r);

/* One call, before it happens. 0: let it; else the errno it gets: calls that exist under no filter do not while learning. */
int record_call(struct record *r, const struct seccomp_notif *n);

/* How much is known by now, for progress. */
unsigned record_calls(const struct record *r);
/* Did somebody want a listener of its own? It gets none while we have ours. */
bool record_wants_listener(const struct record *r);
const struct objects *record_objects(const struct record *r);

/* The run as knowledge of one run. */
int record_finish(const struct record *r, struct learnt *ret, struct err *e);

static inline void record_cleanup(struct record **r)
{
	record_free(*r);
}

#endif
