#ifndef CARREL_DENIALS_LINES_H
#define CARREL_DENIALS_LINES_H

#include <stddef.h>

struct err;

/*
 * Calls each() for every line of the file, from its beginning, without newlines. A line longer than LINES_MAX is given cut. A
 * positive or negative answer of each() ends it and is returned; else 0, or the error of reading.
 */
#define LINES_MAX 16384
int lines_read(int fd, int (*each)(const char *line, size_t len, void *data), void *data, struct err *e);

/* The same for /dev/kmsg opened with O_NONBLOCK: what the buffer holds now. */
int lines_read_kmsg(int fd, int (*each)(const char *line, size_t len, void *data), void *data, struct err *e);

#endif
