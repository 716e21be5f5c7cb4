#ifndef CARREL_HELPER_IDMAP_FD_H
#define CARREL_HELPER_IDMAP_FD_H

#include <stdbool.h>
#include <sys/types.h>

#include "policy/idrange.h"

struct err;

/*
 * A user namespace that nobody lives in, for MOUNT_ATTR_IDMAP (mount_setattr(2)): its inside IDs are those on disk, its outside
 * IDs those that the mount shows. It is owner's, id_owner(), who is charged for it. Root of the host only.
 */
int idmap_fd_make(int proc_fd, uid_t owner, const struct id_map *uids, const struct id_map *gids, int *ret_fd, struct err *e);

/* uid_map and gid_map of process pid; deny: setgroups is forbidden first, as afterwards the kernel does not take it. */
int id_maps_write(int proc_fd, pid_t pid, const struct id_map *uids, const struct id_map *gids, bool deny, struct err *e);

#endif
