#ifndef CARREL_HELPER_KEEP_H
#define CARREL_HELPER_KEEP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

#define KEEP_STORE "/var/lib/carrel/kept"

/*
 * The file system that holds what a user's containers of one image wrote: one file of at most size bytes, of root's, in a directory
 * of root's, so that no inode with a launch's IDs lies on the host, and the quota is the file's size. *ret_fd is a detached mount
 * of it with the directories upper and work; upper has the mode of tree_fd. It stays in use, for one container only, as long as the
 * mount lives. -EBUSY: another container has it; -ENOENT: there is no mkfs.ext4.
 */
int keep_open(uid_t uid, const char *image, const char *digest, uint64_t size, int tree_fd, int *ret_fd, struct err *e);

/* True: it is not there yet, and keep_open() will take longer. */
bool keep_is_new(uid_t uid, const char *image, const char *digest);

#endif
