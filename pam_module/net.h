#ifndef CARREL_PAM_NET_H
#define CARREL_PAM_NET_H

struct carrel_data;
struct err;

/*
 * The net of the door way: from here on the only file that this process and its children can execute is carrel-door. shell is
 * the user's login shell, NULL: unknown. Needs d->doors_fd.
 */
int net_cast(const struct carrel_data *d, const char *shell, struct err *e);

/*
 * The net without a door, for a service that may go on after its session was refused: sudo does, and would run the command on
 * the host.
 */
int net_shut(struct err *e);

#endif
