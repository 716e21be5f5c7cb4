#ifndef CARREL_HELPER_IMAGE_ATTACH_H
#define CARREL_HELPER_IMAGE_ATTACH_H

#include "helper/image/manifest.h"

struct err;

/* Detached mounts of an image's root: read-only, nosuid, nodev, private. fd is the open directory, or the open file. */
int attach_tree(int fd, int *ret_fd, struct err *e);
int attach_file(int fd, enum image_kind kind, int *ret_fd, struct err *e);

/* A file of ours that may be written: nodev, private. */
int attach_writable(int fd, const char *type, int *ret_fd, struct err *e);

#endif
