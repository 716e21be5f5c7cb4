#ifndef CARREL_PUBLIC_MESSAGE_H
#define CARREL_PUBLIC_MESSAGE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * One datagram with descriptors, whole or not at all. message_recv() gives the number of bytes (0: the other end is
 * gone), closes descriptors beyond max_fds, and sets every one of fds[]; all are O_CLOEXEC. -EMSGSIZE: cut short.
 */
int message_send(int fd, const void *data, size_t n, const int *fds, size_t n_fds);
ssize_t message_recv(int fd, void *data, size_t n, int *fds, size_t max_fds, size_t *ret_n_fds);

#endif
