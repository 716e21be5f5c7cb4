#ifndef CARREL_HELPER_IMAGE_CACHE_H
#define CARREL_HELPER_IMAGE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/image/image.h"
#include "helper/launches.h"

/* Images that were verified. In the main process; children see those of the moment they began. */
struct cached_image {
	struct cached_image *next;
	uint64_t serial;
	struct image image;
};

/* NULL: not kept. Whether it is still what it was only image_cache_same() says. */
const struct cached_image *image_cache_find(const char *name);

/* Main process, both. True: that image has not changed; else it is forgotten. */
bool image_cache_same(uint64_t serial);
/* Of LAUNCH_IMAGE; takes of fds what it keeps. False: it is not kept, and its tree attached nowhere. */
bool image_cache_take(const struct launch_note *n, int fds[static LAUNCH_FDS]);

#endif
