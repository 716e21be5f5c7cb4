#ifndef CARREL_CLI_BUNDLE_FILTER_H
#define CARREL_CLI_BUNDLE_FILTER_H

#include <stddef.h>

struct err;
struct strv;

/*
 * linux.seccomp of a config.json as a compiled filter (helper/public/program.h) in memory, which
 * does what it says, no more and no less. caps: names that its conditions ask about. *ret is
 * malloc'ed. -EINVAL: it cannot be said; the text names the rule.
 */
int bundle_filter_make(const char *text, size_t len, const struct strv *caps, void **ret,
	size_t *ret_len, struct err *e);
/* The same, in a sealed descriptor without O_CLOEXEC. */
int bundle_filter_open(
	const char *text, size_t len, const struct strv *caps, int *ret_fd, struct err *e);

#endif
