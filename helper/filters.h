#ifndef CARREL_HELPER_FILTERS_H
#define CARREL_HELPER_FILTERS_H

#include <stdint.h>

struct err;
struct profile;

/*
 * The compiled program of a profile's filter, from the cache or made now. A filter that was good once and is broken since (-EINVAL) is
 * served as it was, and the log says so; one that is missing is an error. Only in a child with a deadline.
 */
int filter_ready(const struct profile *p, int *ret_fd, struct err *e);

/* Main process: changes whenever a filter file does; and reads them, so that a session need not, as long as it stays the same. */
uint64_t filters_stamp(void);
void filters_note(void);

#endif
