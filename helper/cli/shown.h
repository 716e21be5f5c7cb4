#ifndef CARREL_CLI_SHOWN_H
#define CARREL_CLI_SHOWN_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Names of programs are the users': bytes that a terminal would obey, or take for others, are
 * written out. Cut to size.
 */
void shown_text(const char *s, char *buf, size_t size);

/* Wall clock: local time for people, "-" for 0; UTC for programs, null for 0. */
void shown_time(uint64_t us, char *buf, size_t size);
json_t *shown_time_json(uint64_t us);

#endif
