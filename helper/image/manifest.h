#ifndef CARREL_HELPER_IMAGE_MANIFEST_H
#define CARREL_HELPER_IMAGE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/config.h"

struct err;

enum image_kind { IMAGE_NONE, IMAGE_TREE, IMAGE_SQUASHFS, IMAGE_EROFS };

#define IMAGE_NAME_MAX 64 /* [a-z0-9][a-z0-9._-]* */
#define IMAGE_DIGEST_TEXT 72 /* "sha256:" and 64 hex digits and NUL */
#define MANIFEST_MAX (256u << 10)

/*
 * NAME/manifest: what an image is. Lines "key = value" (man page carrel-image(5)). It says nothing of isolation: what an image may is
 * policy's alone.
 */
struct manifest {
	char name[IMAGE_NAME_MAX + 1];
	enum image_kind kind;
	char digest[IMAGE_DIGEST_TEXT]; /* of the file, or of the canonical file list of a tree */
	char verity[IMAGE_DIGEST_TEXT + 64]; /* fs-verity's digest of the file; empty: none */
	uint64_t size; /* bytes of content */
	/* Defaults for the command, of the OCI image's configuration; may be empty. */
	struct strv command;
	struct strv env; /* NAME=VALUE */
	char *workdir; /* NULL: / */
};

/* As manifests and people name it: tree, squashfs, erofs. */
const char *image_kind_name(enum image_kind kind);

/* Where the content lies beside the manifest: tree, root.squashfs, root.erofs. */
const char *image_kind_file(enum image_kind kind);

/* -EINVAL: the text names the line and the word. *ret is untouched on failure. */
int manifest_parse(const char *text, size_t len, struct manifest *ret, struct err *e);
void manifest_done(struct manifest *m);

/* The text of which manifest_parse() makes m again, NUL-terminated, malloc'ed. */
int manifest_write(const struct manifest *m, char **ret, size_t *ret_len, struct err *e);

/* True: fit as an image's or a container's name. */
bool image_name_valid(const char *s);

#endif
