#ifndef CARREL_HELPER_IMAGE_MINISIGN_H
#define CARREL_HELPER_IMAGE_MINISIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/*
 * Signatures as minisign(1) makes them, https://jedisct1.github.io/minisign/: Ed25519 of the text itself ("Ed") or of its
 * BLAKE2b-512 ("ED"), and a second one over the first and the trusted comment.
 */
#define MINISIGN_FILE_MAX 16384

struct minisign_key {
	uint8_t id[8];
	uint8_t key[32];
};

struct minisign_signature {
	bool prehashed;
	uint8_t key_id[8];
	uint8_t signature[64];
	uint8_t global[64];
	char comment[8193]; /* the trusted one */
	size_t comment_len;
};

/* -EINVAL: no such file; *ret is untouched on failure. */
int minisign_key_parse(const char *text, size_t len, struct minisign_key *ret, struct err *e);
int minisign_signature_parse(const char *text, size_t len, struct minisign_signature *ret, struct err *e);

/* True: this key made it. */
bool minisign_is_by(const struct minisign_signature *s, const struct minisign_key *k);

/* -EBADMSG: the key did not sign this, or not with this trusted comment. */
int minisign_check(const struct minisign_signature *s, const struct minisign_key *k, const void *data, size_t len,
	struct err *e);

#endif
