#ifndef CARREL_POLICY_CONFIG_H
#define CARREL_POLICY_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/policy.h"

struct err;

/* One statement of an INI file, in the order of the file. */
struct config_line {
	const char *section; /* what stands between the brackets, "" before the first */
	const char *key; /* NULL: the section begins here */
	const char *value;
	bool more; /* an indented line that continues the value of the same key */
	struct origin at;
};

/* Refuses a line with err_set(): the fact alone, file and line are put before it. */
typedef int config_line_fn(void *data, const struct config_line *l, struct err *e);

/*
 * Feeds a whole text to fn, line by line, and stops at the first thing that is wrong: what fn
 * refuses, a line too long for the INI library (it would cut it), control characters, anything that
 * is no section, key, comment or continuation. A ';' after a blank begins a comment inside a value.
 * Only '=' stands between key and value; ':' is an ordinary character.
 */
int config_read(const char *text, size_t len, const char *file, config_line_fn *fn, void *data,
	struct err *e);

#define CONFIG_FILE_MAX (256u << 10)

/*
 * Opens name below dir_fd (or a path, with AT_FDCWD), judges the open file and reads it. -EPERM:
 * not root's or writable by others, only with must_be_root_owned; -ELOOP: a symbolic link; -ENOENT.
 */
int config_slurp(int dir_fd, const char *name, bool must_be_root_owned, char **ret, size_t *ret_len,
	struct err *e);

/* Appends a copy of len bytes of s. */
int strv_add(struct strv *v, const char *s, size_t len);
bool strv_has(const struct strv *v, const char *s);
void strv_done(struct strv *v);

#endif
