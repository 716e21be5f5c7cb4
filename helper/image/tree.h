#ifndef CARREL_HELPER_IMAGE_TREE_H
#define CARREL_HELPER_IMAGE_TREE_H

#include <stdint.h>
#include <stdio.h>

#include "helper/image/manifest.h"

struct err;
struct watch;

struct tree_sum {
	char digest[IMAGE_DIGEST_TEXT]; /* of the list */
	uint64_t size; /* bytes of all regular files, each once */
	uint64_t entries;
};

/*
 * Walks the tree and makes its canonical list, as carrel-image(5) describes: the same for the same tree, wherever it lies and in whatever
 * order its directories are read. list gets it, if it is not NULL; each directory is watched before it is read. Never leaves the
 * file system, follows no link. -EBADMSG: it holds what no image may: sockets, mounts, files with a name outside of it, attributes
 * that overlayfs would obey, more than TREE_DEPTH levels.
 */
int tree_sum(int dir_fd, FILE *list, struct watch *w, struct tree_sum *ret, struct err *e);

#define TREE_DEPTH 200

#endif
