#include "helper/image/minisign.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "policy/base/err.h"

#define UNTRUSTED "untrusted comment: "
#define TRUSTED "trusted comment: "

/* As the files hold them, in base64. */
struct key_bytes {
	uint8_t algorithm[2];
	uint8_t id[8];
	uint8_t key[crypto_sign_PUBLICKEYBYTES];
};

struct signature_bytes {
	uint8_t algorithm[2];
	uint8_t id[8];
	uint8_t signature[crypto_sign_BYTES];
};

_Static_assert(sizeof(struct key_bytes) == 42 && sizeof(struct signature_bytes) == 74, "no padding");

struct line {
	const char *s;
	size_t len;
};

/* The next line of *text, which moves behind it. A last one without an end is one, too; none is not. */
static bool line_next(const char **text, const char *end, struct line *ret)
{
	const char *newline = memchr(*text, '\n', (size_t)(end - *text));

	if (*text == end)
		return false;
	ret->s = *text;
	ret->len = (size_t)((newline ? newline : end) - *text);
	*text = newline ? newline + 1 : end;
	if (ret->len && ret->s[ret->len - 1] == '\r')
		ret->len--;
	return true;
}

static bool has_prefix(const struct line *l, const char *prefix)
{
	return l->len >= strlen(prefix) && memcmp(l->s, prefix, strlen(prefix)) == 0;
}

/* Exactly size bytes in base64 are in the line, and nothing else. */
static bool line_decode(const struct line *l, void *ret, size_t size)
{
	size_t got;

	return sodium_base642bin(ret, size, l->s, l->len, NULL, &got, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 && got == size;
}

int minisign_key_parse(const char *text, size_t len, struct minisign_key *ret, struct err *e)
{
	const char *end = text + len;
	struct line comment, key, rest;
	struct key_bytes bytes;

	if (!line_next(&text, end, &comment) || !has_prefix(&comment, UNTRUSTED) || !line_next(&text, end, &key) ||
		!line_decode(&key, &bytes, sizeof(bytes)) || memcmp(bytes.algorithm, "Ed", 2) != 0 ||
		line_next(&text, end, &rest))
		return err_set(e, EINVAL, "not a public key of minisign");
	memcpy(ret->id, bytes.id, sizeof(ret->id));
	memcpy(ret->key, bytes.key, sizeof(ret->key));
	return 0;
}

int minisign_signature_parse(const char *text, size_t len, struct minisign_signature *ret, struct err *e)
{
	const char *end = text + len;
	struct line untrusted, signature, trusted, global, rest;
	struct signature_bytes bytes;
	uint8_t global_bytes[crypto_sign_BYTES];

	if (!line_next(&text, end, &untrusted) || !has_prefix(&untrusted, UNTRUSTED) ||
		!line_next(&text, end, &signature) || !line_decode(&signature, &bytes, sizeof(bytes)) ||
		!line_next(&text, end, &trusted) || !has_prefix(&trusted, TRUSTED) ||
		trusted.len - strlen(TRUSTED) >= sizeof(ret->comment) || !line_next(&text, end, &global) ||
		!line_decode(&global, global_bytes, sizeof(global_bytes)) || line_next(&text, end, &rest))
		return err_set(e, EINVAL, "not a signature of minisign");
	if (memcmp(bytes.algorithm, "Ed", 2) != 0 && memcmp(bytes.algorithm, "ED", 2) != 0)
		return err_set(e, EINVAL, "a signature of a kind that is not known, neither Ed nor ED");
	ret->prehashed = bytes.algorithm[1] == 'D';
	memcpy(ret->key_id, bytes.id, sizeof(ret->key_id));
	memcpy(ret->signature, bytes.signature, sizeof(ret->signature));
	memcpy(ret->global, global_bytes, sizeof(ret->global));
	ret->comment_len = trusted.len - strlen(TRUSTED);
	memcpy(ret->comment, trusted.s + strlen(TRUSTED), ret->comment_len);
	ret->comment[ret->comment_len] = '\0';
	return 0;
}

bool minisign_is_by(const struct minisign_signature *s, const struct minisign_key *k)
{
	return memcmp(s->key_id, k->id, sizeof(k->id)) == 0;
}

int minisign_check(const struct minisign_signature *s, const struct minisign_key *k, const void *data, size_t len,
	struct err *e)
{
	uint8_t hash[crypto_generichash_BYTES_MAX];
	uint8_t signed_comment[sizeof(s->signature) + sizeof(s->comment)];

	if (sodium_init() < 0)
		return err_set(e, EIO, "libsodium does not start");
	if (s->prehashed) {
		(void)crypto_generichash(hash, sizeof(hash), data, len, NULL, 0);
		data = hash;
		len = sizeof(hash);
	}
	if (!minisign_is_by(s, k) || crypto_sign_verify_detached(s->signature, data, len, k->key) != 0)
		return err_set(e, EBADMSG, "the signature is not of this content");
	memcpy(signed_comment, s->signature, sizeof(s->signature));
	memcpy(signed_comment + sizeof(s->signature), s->comment, s->comment_len);
	if (crypto_sign_verify_detached(s->global, signed_comment, sizeof(s->signature) + s->comment_len, k->key) != 0)
		return err_set(e, EBADMSG, "the signature is not of this trusted comment");
	return 0;
}
