#ifndef CARREL_HELPER_LAUNCH_COMMAND_H
#define CARREL_HELPER_LAUNCH_COMMAND_H

#include <stddef.h>
#include <stdint.h>

struct account;
struct err;
struct manifest;
struct profile;

/* A command as wire.h describes its payload: NUL-terminated strings. */
struct launch_command {
	const char *text;
	size_t bytes;
	uint32_t argc;
};

/* What a command gets that does not say otherwise. */
struct launch_defaults {
	const struct manifest *manifest; /* NULL: a tree of the user's own */
	const char *home; /* shown; NULL: the image's user has another, which is found inside */
};

/*
 * Puts the image's defaults beneath what the caller said: its command where there is none, its directory, its environment.
 * *ret is malloc'ed text for the relay. words: the command for people, without control characters. -EINVAL: the payload is not
 * well-formed; -E2BIG: too large.
 */
int launch_command_complete(const struct launch_command *said, const struct launch_defaults *d, char **ret, size_t *ret_bytes,
	uint32_t *ret_argc, char *words, size_t words_size, struct err *e);

/* The command's IDs inside: root where policy lets there be one, else the user's own numbers, which are no rights there. */
void launch_identity(const struct profile *p, const struct account *a, uint32_t *ret_uid, uint32_t *ret_gid);

/* Reads a caller's payload: sealed, of that size. malloc'ed. */
int launch_payload_read(int fd, uint32_t bytes, char **ret, struct err *e);

/* A sealed memfd with that text. */
int launch_payload_make(const char *text, size_t bytes, int *ret_fd, struct err *e);

#endif
