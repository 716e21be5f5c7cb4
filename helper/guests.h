#ifndef CARREL_HELPER_GUESTS_H
#define CARREL_HELPER_GUESTS_H

#include "helper/peer.h"

/* At a time: children that serve one user, callers of one user who wait for their turn, and both of all users. */
#define GUESTS_SERVED 4
#define GUESTS_WAITING 96
#define GUESTS_MAX 4096

/* Main process only. A caller who is not root: served by a child, now or in its turn, or sent away. Takes ownership of fd. */
void guest_admit(int fd, const struct peer *peer);

#endif
