#ifndef CARREL_LEARN_RATE_H
#define CARREL_LEARN_RATE_H

#include <stddef.h>

#include "policy/policy.h"

struct err;
struct filter;
struct learnt;

/* One filter beside another, by the calls of this machine. */
struct rating {
	unsigned ours, theirs, both;
	struct strv wider; /* what ours allows and theirs refuses: "mbind", "socket.domain AF_ALG" */
};

/* Arguments are compared where values were seen. -ENOMEM. */
int rate(const struct filter *ours, const struct learnt *l, const struct filter *theirs, struct rating *ret,
	struct err *e);
void rating_done(struct rating *r);

#endif
