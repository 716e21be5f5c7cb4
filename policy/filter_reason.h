#ifndef CARREL_POLICY_FILTER_REASON_H
#define CARREL_POLICY_FILTER_REASON_H

#include <stddef.h>

/* Line number `line` (from 1) of a text, without its newline. NULL: there is none. */
const char *text_line(const char *text, unsigned line, size_t *ret_len);

/*
 * Why a line of a filter file is there, as its author says it: the comment behind its value, or
 * else the comment above the group of lines that it stands in. A group ends at a blank line, a
 * comment, a section, and where allow, refuse, kill and log change; only a section with a condition
 * hands its own comment down. *ret is one malloc'ed line, NULL where nobody gave a reason. -ENOMEM.
 */
int filter_reason(const char *text, unsigned line, char **ret);

#endif
