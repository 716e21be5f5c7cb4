#ifndef CARREL_BASE_PARSE_H
#define CARREL_BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Every parser takes the whole string or refuses it: no leading blank, no sign, no locale, no rest.
 * All return 0, -EINVAL (not such a thing) or -ERANGE (too large) and leave *ret untouched on
 * failure.
 */
int parse_u64(const char *s, uint64_t max, uint64_t *ret);
int parse_u32(const char *s, uint32_t *ret);
/* Bytes or a number with one of K M G T P (powers of 1024, either case). */
int parse_size(const char *s, uint64_t *ret);
/* "200%" */
int parse_percent(const char *s, uint64_t *ret);
/* "yes" or "no" */
int parse_bool(const char *s, bool *ret);
/* "A-B" with A <= B, or "A" alone. */
int parse_u32_span(const char *s, uint32_t *ret_first, uint32_t *ret_last);

/* [a-z0-9][a-z0-9-]*, at most NAME_BYTES: safe as part of a file name. */
#define NAME_BYTES 32
bool name_valid(const char *s);

/* Absolute, no empty, "." or ".." component, no trailing slash; "/" itself passes. */
bool path_valid(const char *s);
/* Of two such paths: the second is the first, or lies in it. */
bool path_inside(const char *tree, const char *path);

/* The next blank-separated word of *s, which moves behind it; NULL at the end. */
const char *word_next(const char **s, size_t *ret_len);

/* An errno by its name, "EPERM"; -EINVAL: no such name. */
int parse_errno(const char *name);

#endif
