#ifndef CARREL_CLI_FILTER_REFUSED_H
#define CARREL_CLI_FILTER_REFUSED_H

/* The calls that a filter refused or killed for in one run: counted, and told with the line that
 * decided each. */

#include <jansson.h>
#include <linux/seccomp.h>
#include <stdint.h>

#include "helper/learn/refusals.h"

struct refused_call;

/* Zeroed: none. */
struct refused {
	struct refused_call *calls;
	size_t n;
	uint64_t count; /* of all, also of those that are not among calls */
	uint64_t lost; /* without memory, or one too many different ones */
};

/* One more, before it is answered: its caller must still be there. at: of refusals_verdict(), of
 * the same filter always. */
void refused_add(struct refused *r, const struct refusals *by, const struct seccomp_notif *n,
	uint32_t verdict, const struct origin *at);

/* The most frequent first: a list of objects, new. */
json_t *refused_json(struct refused *r, const struct refusals *by);
/* For people, of such a list, on standard error. */
void refused_print(const json_t *list);

void refused_done(struct refused *r);

#endif
