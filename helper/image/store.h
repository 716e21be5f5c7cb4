#ifndef CARREL_HELPER_IMAGE_STORE_H
#define CARREL_HELPER_IMAGE_STORE_H

#include <stddef.h>

#include "helper/image/manifest.h"

struct err;

#define STORE_MANIFEST "manifest"
#define STORE_SIGNATURE "manifest.minisig"
#define STORE_LIST "files" /* of a tree: its canonical list, for people who ask what differs */

/*
 * The parts of an image in the store, opened, and judged by who could have written them. Errors as image_open() has them: -EPERM
 * not root's alone, -EBADMSG not as the manifest says.
 */

/* Nobody but root can put something else in the store's place, or into it. */
int store_check(int store_fd, struct err *e);

/* NAME's directory. -ENOENT: none. */
int store_open(int store_fd, const char *name, int *ret_fd, struct err *e);

struct manifest_text {
	char *text;
	size_t len;
	struct manifest m;
};

/* name NULL: whatever it says. */
int store_manifest(int image_fd, const char *name, struct manifest_text *ret, struct err *e);
void manifest_text_done(struct manifest_text *t);

/*
 * The tree's directory or the file, of the kind that the manifest says and of no other; a file has its kind's magic number. Others
 * than root must not reach a tree, whose setuid files and writable directories are meant for inside only.
 */
int store_content(int image_fd, const struct manifest *m, int *ret_fd, struct err *e);

/* What a file holds, by its magic number: IMAGE_SQUASHFS, IMAGE_EROFS, or IMAGE_NONE. */
enum image_kind file_kind(int fd);

/*
 * Which of the keys in keys_fd (-1: none) signed the manifest: ret is the name of its file, "" of none or if there is no signature.
 * -EBADMSG: a signature that is none, or that claims such a key and is not by it; -EPERM: signature or a key is not root's.
 */
int store_signer(int image_fd, const struct manifest_text *t, int keys_fd, char *ret, size_t size, struct err *e);

#endif
