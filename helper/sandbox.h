#ifndef CARREL_HELPER_SANDBOX_H
#define CARREL_HELPER_SANDBOX_H

struct err;

/*
 * Refuses the helper, and all that comes from it, the system calls that change the whole machine and that it never makes.
 * Containers and door sessions inherit this, so it holds nothing that any profile's filter could want to allow. Once, at start.
 */
int sandbox_enter(struct err *e);

#endif
