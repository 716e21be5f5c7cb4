#ifndef CARREL_HELPER_IMAGE_SUM_H
#define CARREL_HELPER_IMAGE_SUM_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/image/manifest.h"

struct err;

#define SUM_HEX 65 /* 64 hex digits of SHA-256 and NUL */

/* SHA-256 of the file from its beginning to its end, and how many bytes that were. */
int fd_sum(int fd, char ret_hex[static SUM_HEX], uint64_t *ret_size, struct err *e);

/*
 * -EBADMSG unless the file is the manifest's: the kernel itself vouches for it (fs-verity, O(1)) or it has the size and SHA-256
 * that are named there.
 */
int fd_check_sum(int fd, const struct manifest *m, struct err *e);

/* fs-verity's digest of the open file as manifests have it; false: the file has none. */
bool fd_verity(int fd, char ret[static sizeof(((struct manifest *)0)->verity)]);

/* Lets fs-verity protect the file, where its file system can; nobody may have it open for writing. */
void fd_verity_enable(int fd);

#endif
