#ifndef CARREL_BASE_LINES_H
#define CARREL_BASE_LINES_H

#include <stdbool.h>
#include <stddef.h>

struct err;

#define LINES_ROOM 32768

/* A text file line by line, in place: no copy and no allocation, for files that are read at every
 * login. */
struct lines {
	int fd;
	size_t at, end; /* of what is in room and not told yet */
	bool cut; /* the line told last goes on */
	char room[LINES_ROOM];
};

/* -errno; the text is the reason alone. */
int lines_open(struct lines *l, const char *path, struct err *e);
void lines_close(struct lines *l);

/*
 * 1: *ret is a line of *ret_len bytes, without newline or NUL at its end, until the next call. 0:
 * there are no more. -EIO: it cannot be read. Of a line longer than the room only the beginning
 * comes.
 */
int lines_next(struct lines *l, const char **ret, size_t *ret_len, struct err *e);

#endif
