#ifndef CARREL_CLI_LEARN_OBSERVED_H
#define CARREL_CLI_LEARN_OBSERVED_H

#include <stdint.h>

struct err;

struct observed_options {
	const char *user; /* name or uid */
	const char *from; /* a file instead of this machine's logs */
	const char *config;
	uint64_t since_us; /* 0: no bound */
};

/*
 * What the sessions of a user did that default would refuse, as their filter (observe) had it logged: a filter that
 * includes default and adds it. *ret is malloc'ed. -ENOENT: nothing was logged.
 */
int learn_observed(const struct observed_options *o, char **ret, struct err *e);

#endif
