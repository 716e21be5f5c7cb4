#ifndef CARREL_HELPER_DOORS_H
#define CARREL_HELPER_DOORS_H

struct err;

/* Makes the door directories (public/doors.h) in the helper's own mount namespace. Main process, once, after view_host_prepare(). */
int doors_prepare(struct err *e);

/*
 * A detached copy of them for one session, up to date with the programs installed now: only in a child of the helper, which
 * still stands in the helper's mount namespace.
 */
int doors_open(int *ret_fd, struct err *e);

#endif
