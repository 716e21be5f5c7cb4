#ifndef CARREL_LEARN_ARGS_H
#define CARREL_LEARN_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/syscalls.h"

/* The arguments that learning looks at, and what becomes of the values seen: a rule that is never narrower than sane. */

enum interest_kind {
	INTEREST_ONLY, /* a rule: `values` and those seen, no others */
	INTEREST_FORBID, /* a rule: not `values`, except those seen; only they are looked for */
	INTEREST_NOTE, /* no rule: what was seen is told to whoever reads the filter */
};

struct arg_interest {
	const char *call;
	const char *selected; /* NULL, or only when the call's selecting argument is this constant */
	const char *arg;
	enum interest_kind kind;
	const char *values; /* words of [args] */
	const char *error; /* of the rule; NULL: EPERM */
};

#define ARG_INTEREST_VALUES 16
#define ARG_INTERESTS 16
#define ARG_VALUES_NOTED 64

/* Ends with a NULL call; at most ARG_INTERESTS rows. */
const struct arg_interest *arg_interests(void);

/* The first row of a call; NULL: none. */
const struct arg_interest *arg_interest_of(const char *call);
const struct syscall_arg *arg_interest_arg(const struct arg_interest *a);

/* The values of a row as numbers. */
size_t arg_interest_values(const struct arg_interest *a, uint64_t ret[static ARG_INTEREST_VALUES]);

/* Does the row have something to say of these arguments? Then *ret is the value that the kernel sees. */
bool arg_interest_value(const struct arg_interest *a, const uint64_t args[6], uint64_t *ret);

/* "socket(AF_NETLINK).protocol" */
#define ARG_KEY_MAX 80
void arg_interest_key(const struct arg_interest *a, char ret[static ARG_KEY_MAX]);

/* A value as a constant's name or a number; flags as several, with sep between them. */
#define ARG_WORDS_MAX 512
void arg_value_words(const struct syscall_arg *a, uint64_t value, char sep, char ret[static ARG_WORDS_MAX]);

/* And back: one value, flags with '|' between them. -EINVAL. */
int arg_value_parse(const struct syscall_arg *a, const char *words, uint64_t *ret);

#endif
