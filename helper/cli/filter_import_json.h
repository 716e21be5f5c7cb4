#ifndef CARREL_CLI_FILTER_IMPORT_JSON_H
#define CARREL_CLI_FILTER_IMPORT_JSON_H

/* The parts of reading a profile in JSON. Places in messages are like "syscalls[3].args[0]". */
#include <jansson.h>

#include "helper/cli/filter_import.h"

struct json_reading {
	const struct import_options *o;
	struct import *im;
	struct err *e;
	bool native; /* the profile names this architecture, so runc adds its ENOSYS for newer calls
		      */
	bool killed_thread; /* said once */
};

/* A value for a message: a string as it is, anything else by its kind. */
const char *json_shown(const json_t *j, char buf[static 64]);
/* -EINVAL: the object has a key that is not among these. */
int json_check_keys(
	const struct json_reading *r, json_t *object, const char *place, const char *const *keys);
/* NULL for what is absent or null; both mean the same to the engines. */
json_t *json_member(json_t *object, const char *key);
int json_take_string(const struct json_reading *r, json_t *object, const char *place,
	const char *key, const char **ret);
int json_take_list(const struct json_reading *r, json_t *object, const char *place, const char *key,
	json_t **ret);
/* *ret stays as it is where there is none. */
int json_take_number(const struct json_reading *r, json_t *object, const char *place,
	const char *key, uint64_t max, uint64_t *ret);
/* errnoRet is a number, errno of containers-common a name or a number; the name counts there. */
int json_take_error(const struct json_reading *r, json_t *object, const char *place,
	const char *number_key, const char *name_key, int *ret);

/*
 * The library's integers end at 2^63 - 1, masks of 64 bits do not. Larger numbers become strings
 * with a '#' before them, which json_take_number() knows. malloc'ed; NULL: no memory.
 */
char *json_numbers_quote(const char *text, size_t len);

/* place "": the default action. */
int json_action_read(struct json_reading *r, const char *word, int error, const char *place,
	struct import_action *ret);
/* One member of "syscalls". */
int json_rule_read(struct json_reading *r, json_t *j, size_t number);

#endif
