#ifndef CARREL_HELPER_USER_H
#define CARREL_HELPER_USER_H

#include <sys/capability.h>

struct account;
struct err;

/* What user_return() needs. */
struct user_guise {
	cap_t caps;
};

/*
 * Takes on the user's uids, gids and groups, with CAP_SYS_ADMIN, CAP_SETUID and CAP_SETGID alone left effective: file
 * permissions are the user's. Only in a disposable child: in the guise the user may kill it. Fails untouched.
 */
int user_become(const struct account *a, struct user_guise *ret, struct err *e);

/* Root again, without supplementary groups; ends the process when that fails, for half a guise is a hole. */
void user_return(struct user_guise *g);

#endif
