#ifndef CARREL_HELPER_IMAGE_WATCH_H
#define CARREL_HELPER_IMAGE_WATCH_H

#include <stdbool.h>

/*
 * Tells in constant time that nothing changed. A watch that cannot see everything sees nothing: where a directory lies on a file
 * system that changes without the kernel's knowing (a network's), or the limits of inotify(7) are reached, fd becomes -1
 * and stays it.
 */
struct watch {
	int fd;
};

/* The store's directory is the first to be watched: of the names in it only the image's own counts. */
struct watch watch_begin(int store_fd);

/* Before the directory is read, so that nothing is missed between. Its files are watched with it, what is below them not. */
void watch_directory(struct watch *w, int dir_fd);

/* False: something happened. Never blocks, eats what it saw. */
bool watch_is_quiet(int watch_fd, const char *image);

#endif
