#ifndef CARREL_HELPER_GUESTS_H
#define CARREL_HELPER_GUESTS_H

#include <stdbool.h>

#include "helper/peer.h"

/* At a time: children that serve one user, callers of one user who wait for their turn, and both of all users who have no container. */
#define GUESTS_SERVED 4
#define GUESTS_SERVED_INSIDE 1
#define GUESTS_WAITING 96
#define GUESTS_MAX 4096

/*
 * Main process only. A caller who is not root: served by a child, now or in its turn, or sent away. Takes ownership of fd.
 * inside: through the socket for who is inside a container; then peer may have any ID of one, and is its owner to us.
 */
void guest_admit(int fd, const struct peer *peer, bool inside);

/* A child serves somebody. */
bool guests_served(void);

#endif
