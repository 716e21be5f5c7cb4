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
	CALL_LOG, /* as CALL_ALLOW, and the kernel writes a record of it */
	CALL_ALLOW, /* as far as the argument rules let it */
};

/* The SECCOMP_RET_* value of an action. */
uint32_t call_action_verdict(enum call_action action, int error);

/* One word of allow, log, refuse or kill, groups resolved. Later lines override earlier ones. */
struct call_line {
	char name[SYSCALL_NAME_MAX]; /* or "@known" */
	enum call_action action;
	int error;
	uint32_t arch; /* AUDIT_ARCH_*; 0: every one */
	struct origin at;
};

#define ARG_VALUES_MAX 64
#define ARG_RULES_MAX 128

/* Meets an argument when (argument & mask) == value. */
struct match {
	uint64_t mask, value;
};

/*
 * One line of [args]: `action` is what becomes of a call that does not keep to it. It is kept to by
 * an argument that meets one of values (exclude: none of them). A set of flags is one match: "not A
 * B" is (A|B, 0), "A B" is (all but A|B, 0). No values and nothing quiet: "any", the rule says
 * nothing and stands for the ones of the same subject before it.
 */
struct arg_rule {
	const struct syscall_arg *arg;
	const struct syscall_arg
		*selector; /* NULL: applies always; else only when this argument is `selected` */
	uint64_t selected;
	bool exclude;
	struct match values[ARG_VALUES_MAX];
	size_t n_values;
	struct match quiet[ARG_VALUES_MAX]; /* not kept to either, but never logged */
	size_t n_quiet;
	enum call_action action; /* kill, refuse or log */
	int error;
	uint32_t arch; /* AUDIT_ARCH_*; 0: every one */
	struct origin at;
};

struct filter {
	char *name;
	struct strv files; /* read, in order; every origin points here */
	struct call_line *calls;
	size_t n_calls;
	struct arg_rule *args;
	size_t n_args;
	bool i386; /* lets 32-bit programs in on x86-64 */
	struct origin i386_at;
	uint8_t content[32]; /* hash chained over all files read */
};

/* What becomes of one system call number, before its arguments are looked at. */
struct call_verdict {
	enum call_action action;
	int error;
	bool known; /* false: this number means nothing to us, and is ENOSYS */
	bool quiet; /* the quiet program decides about it, the loud one lets it pass */
	const struct origin *at; /* NULL: no line mentions it */
};

/* A filter as it applies to one ABI. */
struct verdict_table {
	uint32_t arch;
	struct call_verdict call[SYSCALLS_MAX];
	/*
	 * The call that each argument rule looks at; -1: it has nothing to say, as the call is
	 * absent or refused anyway, or a later rule stands in its place.
	 */
	int rule_call[ARG_RULES_MAX];
};

#define X32_FIRST 0x40000000u /* numbers of the x32 ABI on x86-64 begin here */

/* The machine's own ABI first. */
#define ABIS_MAX 2
struct verdicts {
	size_t n;
	struct verdict_table abi[ABIS_MAX];
};

/* arch is AUDIT_ARCH_*, 0 for this machine's. */
void filter_resolve(const struct filter *f, uint32_t arch, struct verdicts *ret);

/* Two rules about the same: the later one stands in the place of the earlier. */
bool arg_rule_same_subject(const struct arg_rule *a, const struct arg_rule *b);

/* Does a call with these arguments break the rule? As *ret_quiet: by one of its quiet values. */
bool arg_rule_hits(const struct arg_rule *rule, const uint64_t call_args[6], bool *ret_quiet);

/*
 * What the rules say of one system call: a SECCOMP_RET_* value with its errno. ret_at may be NULL;
 * it gets the line that decided, or NULL where none did.
 */
uint32_t filter_verdict(const struct filter *f, const struct verdicts *v,
	const struct seccomp_data *data, const struct origin **ret_at);

/*
 * Do both programs of a file together do what the rules say? Every number, and for calls with
 * argument rules the edges of every value, the bits that the kernel does not look at, and random
 * arguments. -EUCLEAN: no; the text names the case.
 */
int filter_prove(const struct filter *f, const struct verdicts *v, const void *file, size_t len,
	struct err *e);

#endif
