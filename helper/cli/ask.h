#ifndef CARREL_CLI_ASK_H
#define CARREL_CLI_ASK_H

struct err;

/*
 * A connection to carrel-helper, at the place where the caller is heard: root, and who is inside a
 * container, at another than the host's users. Reading waits for so many seconds at most.
 */
int helper_connect(unsigned seconds, int *ret_fd, struct err *e);

#endif
