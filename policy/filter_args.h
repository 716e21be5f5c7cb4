#ifndef CARREL_POLICY_FILTER_ARGS_H
#define CARREL_POLICY_FILTER_ARGS_H

/* A line of [args] becomes an arg_rule. For filter_read.c. */

#include <stdbool.h>
#include <stdint.h>

#include "policy/filter_rules.h"

struct err;

/* The line that an indented one may go on with. */
struct arg_draft {
	struct arg_rule rule;
	bool open; /* there is one */
	bool begun; /* it has had a word */
	bool quiet; /* words now name values that are refused without a record */
	bool ended; /* by "any", or by what stands after "else" */
	bool any;
	uint64_t flags; /* the plain words of a set of flags */
	bool plain; /* there were some */
};

/* key is CALL.ARGUMENT or CALL(VALUE).ARGUMENT. The caller says where the rule stands. */
int arg_draft_begin(struct arg_draft *d, const char *key, struct err *e);

/* The value of the line, or of one that goes on with it; is written to. */
int arg_draft_words(struct arg_draft *d, char *value, struct err *e);

/* Makes rule whole. */
int arg_draft_finish(struct arg_draft *d, struct err *e);

#endif
