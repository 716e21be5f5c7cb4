#ifndef CARREL_HELPER_OWNER_H
#define CARREL_HELPER_OWNER_H

#include <sys/types.h>

/*
 * Between these two, what the kernel makes is the owner's (id_owner()): namespaces count for that ID and not for root, for as long
 * as anybody holds one, and a user namespace belongs to it. All capabilities stay. ruid: whose RLIMIT_NPROC holds in such a user
 * namespace, and who may kill this process meanwhile; (uid_t)-1: root's. -1: errno says why, and nothing is changed.
 */
int owner_take(uid_t ruid, uid_t owner);

/* Root again; ends the process when that fails. Leaves errno alone. */
void owner_return(void);

#endif
