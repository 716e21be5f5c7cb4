#ifndef CARREL_HELPER_DESCRIPTORS_H
#define CARREL_HELPER_DESCRIPTORS_H

#include <stddef.h>

/*
 * In a child of the main process, for good: closes every descriptor but 0 to 2, those of `server`, its images and its name service
 * modules (one that finds itself forked closes the number it remembers, and must not hit another), and the n given ones, of which -1
 * stands for none. So no other caller's connection is left, which would not end with that one, and no epoll; nor the containers'
 * pidfds, of which there may be hundreds: registry_pidfd(). Without memory it ends the child.
 */
void descriptors_keep(const int *fds, size_t n);

#endif
