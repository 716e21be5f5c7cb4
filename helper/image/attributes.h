#ifndef CARREL_HELPER_IMAGE_ATTRIBUTES_H
#define CARREL_HELPER_IMAGE_ATTRIBUTES_H

#include <stdbool.h>
#include <stdio.h>

/* True: the extended attribute is part of an image: file capabilities, POSIX ACLs, and what programs keep (user.*). */
bool attribute_counts(const char *name);

/* True: overlayfs obeys it in what lies below, so that no image may have it. */
bool attribute_is_overlays(const char *name);

/*
 * Writes " NAME=HEX" for each attribute of the open file that counts, by name in the order of bytes. fd may be a place only (O_PATH),
 * but not of a symbolic link. A negative errno and why it is.
 */
int attributes_write(int fd, FILE *f, const char **ret_why);

#endif
