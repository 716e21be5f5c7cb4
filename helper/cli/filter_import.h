#ifndef CARREL_CLI_FILTER_IMPORT_H
#define CARREL_CLI_FILTER_IMPORT_H

/*
 * Other people's seccomp rules, on their way to ours. The readers (JSON, systemd) turn a text into
 * a struct import, which says what the source says and no more; import_plan_call() finds the words
 * of carrel-filter(5) for one call or refuses; import_write() puts them down.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "helper/cli/match_set.h"
#include "policy/filter_rules.h"
#include "policy/policy.h"
#include "policy/syscalls.h"

struct err;

/* What 'carrel filter --help' says of it. */
#define IMPORT_SYNOPSIS                                                                            \
	"import [--caps CAP,...|--caps-from ENGINE] [--kernel X.Y] [--arch ARCH]\n"                \
	"                            [--from json|systemd] [--name NAME] [--output OUT] "          \
	"[--force] FILE"
#define IMPORT_OPTIONS                                                                             \
	"  --caps CAP,...     the capabilities that a profile's conditions ask about\n"            \
	"  --caps-from ENGINE those that docker or podman gives, or none (as without it)\n"        \
	"  --kernel X.Y       the kernel that conditions ask about, instead of this machine's\n"   \
	"  --from FORM        what FILE is: json or systemd, instead of by its first character\n"  \
	"  --name NAME        what the description calls it, instead of FILE\n"                    \
	"  -o, --output OUT   write there, instead of to standard output\n"                        \
	"  --force            even over a file that exists\n"

#define CALL_ARGS 6

enum import_op { OP_NE, OP_LT, OP_LE, OP_EQ, OP_GE, OP_GT, OP_MASKED_EQ };

struct import_action {
	enum call_action kind;
	int error; /* with CALL_REFUSE */
};

struct import_cond {
	unsigned arg;
	enum import_op op;
	uint64_t value; /* OP_MASKED_EQ: the mask */
	uint64_t second; /* OP_MASKED_EQ: what the masked argument must be */
};

/* The action, if all conditions hold; they are on different arguments. */
struct import_rule {
	struct import_action action;
	struct import_cond conds[CALL_ARGS];
	size_t n_conds; /* 0: always */
	char where[32]; /* for messages: "syscalls[3]", "line 12" */
};

struct import_call {
	char name[SYSCALL_NAME_MAX];
	struct import_action otherwise; /* when no rule says anything */
	struct import_rule *rules;
	size_t n_rules;
};

/* What the command line says about the reading. */
struct import_options {
	uint32_t arch;
	const char *arch_name; /* "x86-64" */
	const char *go_arch; /* "amd64": what Docker and Podman call it */
	struct strv caps;
	unsigned kernel[2];
	const char *source; /* the file, as the user named it */
};

struct import {
	const char *form; /* "Docker's JSON", for the header */
	struct import_action otherwise; /* for calls that are not named */
	struct import_call *calls;
	size_t n_calls;
	bool newer_enosys; /* numbers above the largest named one do not exist, as runc has it */
	bool i386, x32; /* ABIs that the source lets in */
	struct strv notes; /* the report, one line each */
};

void import_done(struct import *im);

/* A line of the report. Cut where it is too long. */
void import_note(struct import *im, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The call of that name, new if need be; NULL: too many, or no memory. */
struct import_call *import_call(struct import *im, const char *name);
/* -EINVAL: too many rules. */
int import_rule_add(struct import_call *c, const struct import_rule *rule, struct err *e);
/* A word of a foreign text that can stand in our messages and files: printable, short. */
const char *import_printable(const char *word, char buf[static 64]);
/* May this be a call's name? Letters, digits, '_', not too long. */
bool import_name_valid(const char *name);
/* An error by name or number, as a filter can name it; -EINVAL. */
int import_errno(const char *word);

/* -EINVAL: the text names the place. */
int import_json(const char *text, size_t len, const struct import_options *o, struct import *ret,
	struct err *e);
int import_systemd(const char *text, size_t len, const struct import_options *o, struct import *ret,
	struct err *e);

#define PLAN_RULES_MAX 32

/* One line of [args]. */
struct plan_rule {
	const struct syscall_arg *arg;
	bool selects; /* only when the call's selecting argument is `selected` */
	uint64_t selected;
	bool exclude;
	struct match_set values;
	struct import_action action; /* of a call that does not keep to it */
};

/* What becomes of one call. */
struct plan {
	struct import_action whole;
	struct plan_rule rules[PLAN_RULES_MAX];
	size_t n_rules;
};

/*
 * Finds our words for one call. Appends to the report what is compared more narrowly than the
 * source does. -EINVAL: they do not exist; the text names the rule.
 */
int import_plan_call(struct import *im, const struct import_call *c, const struct import_options *o,
	struct plan *ret, struct err *e);
void plan_done(struct plan *p);

/* What a value of an argument is called; NULL: it has no name. */
const char *import_constant(const struct syscall_arg *arg, uint64_t value);

bool import_cond_holds(const struct import_cond *c, const uint64_t args[static CALL_ARGS]);
/*
 * What the source says of a call, a verdict SECCOMP_RET_*. -EBUSY: rules of different actions hold
 * at once.
 */
int import_call_verdict(
	const struct import_call *c, const uint64_t args[static CALL_ARGS], uint32_t *ret);

/*
 * What libseccomp makes of the rules of one call, as runc and crun hand them over: a verdict
 * SECCOMP_RET_* for arguments. Where rules of different actions overlap, only libseccomp knows
 * which one counts. Built in a child, as libseccomp may not come back. -EINVAL, -ETIME.
 */
struct reference {
	struct sock_filter *insns;
	size_t n;
	uint32_t arch;
	int number;
};
int reference_build(
	const struct import_call *c, uint32_t arch, struct reference *ret, struct err *e);
uint32_t reference_verdict(const struct reference *r, const uint64_t args[static CALL_ARGS]);
void reference_done(struct reference *r);

/* Runtimes pass over names that their libseccomp does not know. This is the one here. */
bool reference_knows(const char *call, uint32_t arch);
#define REFERENCE_VERSION_MAX 48
void reference_version(char buf[static REFERENCE_VERSION_MAX]);

uint32_t import_action_verdict(struct import_action a);

/* The filter as text. name stands in no file name. -EINVAL: a rule cannot be said. */
int import_write(struct import *im, const struct import_options *o, FILE *out, struct err *e);

/* What import_write() wrote, as rules. */
int import_load(const char *text, struct filter **ret, struct err *e);

/*
 * Does the text, read as a filter, say what the source says? Every known call is tried at the edges
 * of each condition. -EUCLEAN: no.
 */
int import_verify(
	const struct import *im, const struct import_options *o, const char *text, struct err *e);

#endif
