#ifndef CARREL_BASE_IO_H
#define CARREL_BASE_IO_H

#include <stddef.h>
#include <sys/types.h>

struct err;

/* -EPERM unless the open file is root's and nobody else may write it. */
int fd_check_owner(int fd, struct err *e);

/* -EINVAL unless the open file is of this type (S_IFREG, S_IFDIR). */
int fd_check_type(int fd, mode_t type, struct err *e);

/* The whole rest of the file, NUL-terminated, malloc'ed. -EFBIG: more than max bytes. */
int fd_read_all(int fd, size_t max, char **ret, size_t *ret_len, struct err *e);

/*
 * What execvp(3)'s error of a command means: it says EACCES of a name that is nowhere, too, when a directory of PATH
 * cannot be searched. ENOENT then, as shells have it.
 */
int command_error(const char *name, int error);

#endif
