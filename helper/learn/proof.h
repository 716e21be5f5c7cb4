#ifndef CARREL_LEARN_PROOF_H
#define CARREL_LEARN_PROOF_H

#include "helper/learn/supervise.h"
#include "helper/learn/tally.h"

struct err;
struct filter;

struct proof {
	struct supervised run;
	struct tally refused; /* "chroot by tar": what would have been refused with an error that nobody expects */
};

/*
 * Runs the command under the filter. Refusals are done as the filter says, by a listener that hears of them; those that
 * only say "not on this kernel" are what every library is ready for, and not counted.
 */
int proof_run(const struct filter *f, const char *who, char *const *argv, struct proof *ret, struct err *e);
void proof_done(struct proof *p);

#endif
