#ifndef CARREL_CLI_BUNDLE_POINT_H
#define CARREL_CLI_BUNDLE_POINT_H

#include <stdbool.h>

struct err;

/*
 * Makes sure that something can be bound at `path` of a tree, an absolute path, as whoever calls:
 * the helper makes nothing in a tree that is a user's. Links lead nowhere but in the tree. -errno:
 * it is not there and cannot be made.
 */
int bundle_point_make(int root_fd, const char *path, bool is_dir, struct err *e);

#endif
