#ifndef CARREL_DOOR_END_H
#define CARREL_DOOR_END_H

#include <signal.h>

/*
 * For pid 1: asks all others to end and waits for that, 1 s at most; set holds SIGCHLD, blocked. The
 * kernel kills who is left when pid 1 exits.
 */
void all_end(const sigset_t *set);

#endif
