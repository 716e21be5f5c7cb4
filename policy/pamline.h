#ifndef CARREL_PAMLINE_H
#define CARREL_PAMLINE_H

#include <stdbool.h>
#include <stddef.h>

struct err;

/* One file of /etc/pam.d as lines, read the way Linux-PAM 1.5 to 1.7 does, but never guessing: what
 * is unclear is refused. */

#define PAMLINE_CODES 32 /* return values that a module has, PAM_SUCCESS = 0 and up */
#define PAMLINE_LENGTH_MAX 1000 /* one logical line; old libpam gives up at 1024 */
#define PAMLINE_TEXT_MAX (1 << 20)

enum pamline_kind {
	PAMLINE_BLANK = 0, /* nothing, or a comment */
	PAMLINE_MODULE,
	PAMLINE_INCLUDE, /* TYPE include FILE */
	PAMLINE_SUBSTACK, /* TYPE substack FILE */
	PAMLINE_INCLUDE_ALL, /* @include FILE: all four types */
};

enum pamline_type {
	PAMLINE_AUTH = 1,
	PAMLINE_ACCOUNT,
	PAMLINE_PASSWORD,
	PAMLINE_SESSION,
};

/* What a module's return value leads to. A number above 0 is a jump over so many modules. */
enum pamline_action {
	PAMLINE_IGNORE = 0,
	PAMLINE_OK = -1,
	PAMLINE_DONE = -2,
	PAMLINE_BAD = -3,
	PAMLINE_DIE = -4,
	PAMLINE_RESET = -5,
	PAMLINE_UNSET = -6, /* never seen outside the parser */
};

struct pamline {
	enum pamline_kind kind;
	enum pamline_type type;
	unsigned number; /* of its first physical line, from 1 */
	size_t start, end; /* bytes of the text, with the newline and all continuation lines */
	short action[PAMLINE_CODES];
	char *words; /* owned: holds the two below */
	const char *target; /* module or file as written */
	const char *args; /* the rest of the line, never NULL, blanks at its ends cut */
};

struct pamfile {
	char *path; /* for messages */
	char *text;
	struct pamline *lines;
	size_t n_lines;
};

/* Copies path and text. -EINVAL: the error names path, line and word. */
int pamfile_parse(const char *path, const char *text, struct pamfile *ret, struct err *e);
void pamfile_free(struct pamfile *f);

bool pamline_is_module(const struct pamline *l, enum pamline_type type, const char *name);
/* Whether every failure of the line's module makes the whole stack fail, as with `required`. */
bool pamline_refuses(const struct pamline *l);
/* Whether the line is text, to the byte. */
bool pamline_text_is(const struct pamfile *f, const struct pamline *l, const char *text);

#endif
