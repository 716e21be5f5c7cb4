#ifndef CARREL_CLI_IMAGE_H
#define CARREL_CLI_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "helper/image/image.h"
#include "helper/image/store.h"
#include "policy/config.h"

struct err;

struct image_options {
	const char *root; /* --root DIR; "": this machine */
	struct strv command; /* --command */
	bool json;
};

/* --- image_place.c: the store --- */

struct image_place {
	char path[4096]; /* of the store, for people */
	bool here; /* this machine's own, whose containers may use it */
	int store_fd;
	int keys_fd; /* -1: none */
};

/* make: the store is made if it is missing. -ENOENT: there is none. */
int place_open(const char *root, bool make, struct image_place *ret, struct err *e);
void place_close(struct image_place *p);
/* What looks like images, sorted. */
int place_names(const struct image_place *p, struct strv *ret, struct err *e);

/* --- image_work.c: imports in the making and images on their way out, in a hidden directory of the store --- */

struct image_work {
	const struct image_place *place;
	int fd;
	int lock_fd;
	unsigned held; /* trees that containers still use: they stay until a later call */
};

/* Waits for others, then removes what an interrupted one left. */
int work_begin(const struct image_place *p, struct image_work *ret, struct err *e);
/* Takes away all that is in it, except what containers use. */
int work_clean(struct image_work *w, struct err *e);
/* Moves the image there. */
int work_retire(struct image_work *w, const char *name, struct err *e);
void work_end(struct image_work *w);

/* --- image_users.c: who runs what --- */

/* Digests of the images that containers of this machine run. A negative errno: it cannot be told. */
int image_users(struct strv *ret, struct err *e);

/* --- image_source.c --- */

enum source_kind { SOURCE_NONE, SOURCE_DIRECTORY, SOURCE_ARCHIVE, SOURCE_OCI, SOURCE_OCI_ARCHIVE, SOURCE_DOCKER_ARCHIVE, SOURCE_FILE, SOURCE_IMAGE };

struct image_source {
	const char *path; /* as it was given, for messages */
	enum source_kind kind;
	enum image_kind file; /* SOURCE_FILE, SOURCE_IMAGE */
	int fd;
	const char *tag; /* of an OCI layout with several images; NULL: it has one */
};

int image_source_open(const char *path, struct image_source *ret, struct err *e);

/* --- ways to fill an image; the directories are fresh ones of ours --- */

/* Devices and sockets are left out, and counted. -EBADMSG: mounts, or more levels than an image may have. */
int image_copy_tree(int from_fd, int to_fd, unsigned *ret_left_out, struct err *e);
/* name in to_fd, of mode 0644. */
int image_copy_file(int from_fd, int to_fd, const char *name, struct err *e);
int image_unpack(int archive_fd, int to_fd, unsigned *ret_left_out, struct err *e);
/* What an archive holds, by its first names. */
int image_archive_kind(int archive_fd, enum source_kind *ret, struct err *e);
/* Through skopeo and umoci, in the directory work_fd; command, env and workdir of *m become those of the image's configuration. */
int image_unpack_oci(const struct image_source *s, int work_fd, int to_fd, struct manifest *m, unsigned *ret_left_out, struct err *e);

/* --- image_verify.c, image_differences.c --- */

typedef void difference_fn(void *data, const char *path, const char *what);

/* What two canonical lists tell differently, path by path, in their order. */
int image_differences(FILE *was, FILE *is, difference_fn *fn, void *data, struct err *e);

/* "12.3 MiB" */
const char *image_size_text(uint64_t bytes, char *buf, size_t size);

int image_add(char **words, int n, struct image_options *o);
int image_list(char **words, int n, struct image_options *o);
int image_remove(char **words, int n, struct image_options *o);
int image_verify(char **words, int n, struct image_options *o);

/* One line to standard error. Returns 1. */
int image_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
