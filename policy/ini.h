#ifndef CARREL_POLICY_INI_H
#define CARREL_POLICY_INI_H

#include <stdbool.h>
#include <stddef.h>

struct err;

/* One value of an INI file. The strings live as long as the call that gets them. */
struct ini_item {
	const char *file; /* as given, for messages */
	unsigned line;
	const char *section; /* "" before the first section */
	const char *key;
	char *value;	/* may be cut up in place */
	bool continued; /* an indented line: more of the key before it */
};

/* Returns 0, or a negative errno with e set; file and line are put before e's text by the caller, ini_read_*(). */
typedef int ini_handler_fn(void *ctx, const struct ini_item *item, struct err *e);

/*
 * Reads INI text through inih, stopping at the first error. What inih would cut or swallow is an error here: lines
 * over INI_LINE_MAX bytes, long names, NUL bytes, lines without "=". `;` and `#` start a comment line; " ;" ends a value.
 * -EINVAL: the text names file and line.
 */
#define INI_LINE_MAX 197
#define INI_FILE_MAX (256 * 1024)
int ini_read_text(const char *text, size_t len, const char *file, ini_handler_fn *handler, void *ctx,
	struct err *e);

/*
 * The same from an open file. -E2BIG: it has more than INI_FILE_MAX bytes. Neither owner nor mode is judged here:
 * see ini_check_owner().
 */
int ini_read(int fd, const char *file, ini_handler_fn *handler, void *ctx, struct err *e);

/* The whole file in memory, with a NUL after it; *ret is malloc'ed. */
int ini_slurp(int fd, const char *file, char **ret, size_t *ret_len, struct err *e);

/* -EPERM unless the open file is a regular one, root's, and nobody else may write it. */
int ini_check_owner(int fd, const char *file, struct err *e);

#endif
