#ifndef CARREL_HELPER_LAUNCH_POINT_H
#define CARREL_HELPER_LAUNCH_POINT_H

#include <stdbool.h>

struct account;
struct err;
struct launch_places;

/*
 * Makes sure that something can be bound at `path` of a tree, an absolute path, with the rights of whoever calls. Links lead nowhere
 * but in the tree. -errno: it is not there and cannot be made.
 */
int tree_point_make(int root_fd, const char *path, bool is_dir, struct err *e);

/*
 * Where places are to be in a tree of the user's own, if that is one: the points are the user's files there, and made in the user's
 * guise. Not before all is decided, so that a launch that is refused leaves none behind.
 */
int launch_points_make(const struct account *a, const struct launch_places *p, bool net_host, struct err *e);

#endif
