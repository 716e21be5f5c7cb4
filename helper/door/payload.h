#ifndef CARREL_DOOR_PAYLOAD_H
#define CARREL_DOOR_PAYLOAD_H

#include <stddef.h>

/* The strings that go with a request, in a file of memory that nobody can change any more once it
 * is sealed. */
struct payload {
	int fd;
	size_t n, total;
	char data[4096];
};

/* Each 0 or a negative errno. -E2BIG: more than ENTER_PAYLOAD_MAX in all. */
int payload_begin(struct payload *p);
int payload_put(struct payload *p, const char *text);
int payload_seal(struct payload *p);

#endif
