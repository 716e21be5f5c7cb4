#ifndef CARREL_HELPER_CAPS_H
#define CARREL_HELPER_CAPS_H

struct err;

/*
 * Gives up, for ever and for all children, every capability that the helper has no use for, and proves it. Those it keeps are
 * listed with their reasons in caps.c. -EPERM: one that it needs is not there.
 */
int caps_keep_needed(struct err *e);

#endif
