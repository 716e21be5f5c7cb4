#ifndef CARREL_LEARN_REFUSALS_H
#define CARREL_LEARN_REFUSALS_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/filter_rules.h"

struct err;
struct listener;
struct sock_filter;

/*
 * A filter whose refusals are told instead of done: its compiled program, changed so that what it refuses or kills for goes
 * to a listener, which then does as the filter says. For looking, never for enforcing.
 */
struct refusals {
	const struct filter *filter;
	struct verdicts *verdicts;
	struct sock_filter *insns;
	size_t n_insns;
};

int refusals_make(const struct filter *f, struct refusals *ret, struct err *e);
void refusals_done(struct refusals *r);

/* What the filter says of a call, with the line that decided (or NULL): a SECCOMP_RET_*. */
uint32_t refusals_verdict(const struct refusals *r, const struct seccomp_data *d, const struct origin **ret_at);

/* Does as the verdict says: returns the errno to answer with, after ending the caller where it is to be ended. */
int refusals_do(uint32_t verdict, const struct seccomp_notif *n);

#endif
