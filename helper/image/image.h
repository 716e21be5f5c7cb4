#ifndef CARREL_HELPER_IMAGE_IMAGE_H
#define CARREL_HELPER_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "helper/image/manifest.h"

struct err;

#define IMAGE_STORE "/var/lib/carrel/images"

/*
 * A verified image, and the means to tell in constant time that it still is what was verified: watch_fd (inotify(7)) covers
 * manifest, signature, keys and content; for a single file there are its size and times besides. Where the store lies on a
 * file system that cannot be watched (a network's), watch_fd is -1 and nothing is ever called unchanged.
 */
struct image {
	struct manifest manifest;
	char signer[128]; /* name of the trusted key's file; empty: not signed by any */
	/*
	 * A detached mount of its root: read-only, nosuid, nodev, private. Kernels before 6.15 clone only what is attached somewhere in
	 * the caller's mount namespace (EINVAL on 6.1).
	 */
	int tree_fd;
	int file_fd; /* of a single-file image, else -1 */
	int watch_fd;
	struct image_stamp {
		long long size, mtime_ns, ctime_ns;
		unsigned long long dev, ino;
	} stamp; /* of that file */
};

/*
 * Opens NAME below store_fd and compares all of it with its manifest, which is O(size): only in a disposable process. Needs
 * CAP_SYS_ADMIN in the initial user namespace for tree_fd. keys_fd is /etc/carrel/trusted.d, -1 where there is none.
 * -ENOENT: no such image; -EBADMSG: it is not what its manifest says, or the signature is not its; -EPERM: not root's, or others may
 * write it. A manifest without a signature, or with one by no trusted key, is no failure: signer is empty.
 */
int image_open(int store_fd, const char *name, int keys_fd, struct image *ret, struct err *e);
void image_done(struct image *i);

/* False: something was touched since; open it again. Never blocks; eats what watch_fd tells, so that false stays false. */
bool image_unchanged(struct image *i);

#endif
