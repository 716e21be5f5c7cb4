#ifndef CARREL_HELPER_STANDBY_H
#define CARREL_HELPER_STANDBY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "helper/peer.h"

/* The caller whom a child is to serve, beside its connection. */
struct guest_who {
	struct peer peer;
	bool inside, stranger; /* as struct task has them */
};

/* A child that serves one guest. */
struct attendant {
	int pidfd;
	int line; /* to it: a SOCK_SEQPACKET socket */
};

/*
 * Main process only, all of these.
 *
 * Lets a child serve the guest, a new one or the one that stands by, and closes *fd, the guest's connection; the child holds it
 * until that is done, so that a last close that waits makes the child wait. -1: there is no child to be had, and *fd is open.
 */
int attendant_send(const struct guest_who *who, int *fd, struct attendant *ret);

/* After every event: what the child that stands by knows may be what was. */
void standby_dismiss(void);
/* When nothing is to be done. */
void standby_prepare(void);
/* How long after an event that is, in microseconds; UINT64_MAX: there is no need. */
uint64_t standby_wait(void);

#endif
