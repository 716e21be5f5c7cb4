#ifndef CARREL_CLI_FILTER_WORDS_H
#define CARREL_CLI_FILTER_WORDS_H

/* Rules and verdicts as people read them. What returns char * returns malloc'ed text. */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "policy/filter_rules.h"

/* The machine whose filters speak of an ABI: i386 programs run on x86-64. */
uint32_t arch_machine(uint32_t abi);
/* The verdicts on calls of an ABI; NULL: such a call ends the process. */
const struct verdict_table *verdicts_abi(const struct verdicts *v, uint32_t abi);

/* "allowed", "allowed and logged", "refused with EPERM", "killed" */
char *verdict_words(enum call_action action, int error);
/* The same of a SECCOMP_RET_* value. */
char *verdict_words_of(uint32_t verdict);
/* {"verdict": "refuse", "error": "EPERM"}, new */
json_t *verdict_json(enum call_action action, int error);

/* "socket(AF_NETLINK).protocol" */
char *rule_subject(const struct arg_rule *rule);
/* "must be one of AF_UNIX, AF_INET, else EAFNOSUPPORT" */
char *rule_sentence(const struct arg_rule *rule);
/* A value of the argument by the name of a constant, or as a number. */
char *value_words(const struct arg_rule *rule, uint64_t value);

/*
 * The line that decides about a call before its arguments are looked at, or NULL: none mentions it.
 * *ret_note: NULL, or what that line does not say by itself.
 */
const struct origin *call_decided_by(
	const struct filter *f, const struct verdict_table *t, int number, const char **ret_note);

/* {"file", "line", "reason"} into o; all null without a line, and a foreign profile has no lines.
 */
void origin_into_json(json_t *o, const struct origin *at);
/* The same, new, and the line as it stands there as "text". */
json_t *decided_json(const struct origin *at);
/* "FILE:LINE" of such an object that has a file. */
char *place_words(const json_t *o);

#endif
