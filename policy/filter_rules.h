#ifndef CARREL_POLICY_FILTER_RULES_H
#define CARREL_POLICY_FILTER_RULES_H

/*
 * The inside of a struct filter: for the files named filter* and for the tools that show and
 * compare filters.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"
#include "policy/syscalls.h"

struct err;
struct seccomp_data;

/* 0 is the strictest: a zeroed table permits nothing. */
enum call_action {
	CALL_KILL, /* the process, at once */
	CALL_REFUSE, /* with `error` */
	CALL_ALLOW, /* as far as the argument rules let it */
};

/* One word of allow, refuse or kill, groups resolved. Later lines override earlier ones. */
struct call_line {
	char name[SYSCALL_NAME_MAX]; /* or "@known" */
	enum call_action action;
	int error;
	struct origin at;
};

#define ARG_VALUES_MAX 64
#define ARG_RULES_MAX 128

/* One line of [args]. Refuses the call when it applies and the argument is not as said. */
struct arg_rule {
	const struct syscall_arg *arg;
	const struct syscall_arg
		*selector; /* NULL: applies always; else only when this argument is `selected` */
	uint64_t selected;
	bool exclude; /* "not": the values are the forbidden ones */
	uint64_t values[ARG_VALUES_MAX];
	size_t n_values;
	int error;
	struct origin at;
};

struct filter {
	char *name;
	struct strv files; /* read, in order; every origin points here */
	struct call_line *calls;
	size_t n_calls;
	struct arg_rule *args;
	size_t n_args;
	uint8_t content[32]; /* hash chained over all files read */
};

/* What becomes of one system call number, before its arguments are looked at. */
struct call_verdict {
	enum call_action action;
	int error;
	bool known; /* false: this number means nothing to us, and is ENOSYS */
	bool quiet; /* the refusal belongs into the quiet program */
	const struct origin *at; /* NULL: no line mentions it */
};

/* A filter as it applies to one architecture. */
struct verdict_table {
	uint32_t arch;
	struct call_verdict call[SYSCALLS_MAX];
	/*
	 * The call that each argument rule looks at; -1: it has nothing to say, as the call is
	 * absent or refused anyway.
	 */
	int rule_call[ARG_RULES_MAX];
};

void filter_resolve(const struct filter *f, uint32_t arch, struct verdict_table *ret);

bool arg_rule_refuses(const struct arg_rule *rule, const uint64_t call_args[6]);

/*
 * What the rules say of one system call: a SECCOMP_RET_* value with its errno. ret_at may be NULL;
 * it gets the line that decided, or NULL where none did.
 */
uint32_t filter_verdict(const struct filter *f, const struct verdict_table *t,
	const struct seccomp_data *data, const struct origin **ret_at);

/*
 * The forbidden values of a rule as pairs (mask, value): the rule refuses exactly when (argument &
 * mask) == value for one of them. This is the only comparison that libseccomp compiles without
 * fault for every argument width. -E2BIG: more than MATCH_MAX.
 */
#define MATCH_MAX 512
struct match {
	uint64_t mask, value;
};
int arg_rule_matches(const struct arg_rule *rule, struct match ret[static MATCH_MAX]);

/*
 * Do both programs of a file together do what the rules say? Every number, and for calls with
 * argument rules the edges of every value with and without high bits. -EUCLEAN: no; the text names
 * the case.
 */
int filter_prove(const struct filter *f, const struct verdict_table *t, const void *file,
	size_t len, struct err *e);

#endif
