#include "helper/image/sum.h"

#include <errno.h>
#include <linux/fsverity.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define BLOCK (256u << 10)

int fd_sum(int fd, char ret_hex[static SUM_HEX], uint64_t *ret_size, struct err *e)
{
	_cleanup_free_ unsigned char *block = malloc(BLOCK);
	unsigned char sum[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	off_t at = 0;
	ssize_t n;

	if (!block)
		return err_set(e, ENOMEM, "out of memory");
	(void)crypto_hash_sha256_init(&state);
	while ((n = pread(fd, block, BLOCK, at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, errno, "cannot be read: %s", strerror(errno));
		(void)crypto_hash_sha256_update(&state, block, (unsigned long long)n);
		at += n;
	}
	(void)crypto_hash_sha256_final(&state, sum);
	(void)sodium_bin2hex(ret_hex, SUM_HEX, sum, sizeof(sum));
	*ret_size = (uint64_t)at;
	return 0;
}

bool fd_verity(int fd, char ret[static sizeof(((struct manifest *)0)->verity)])
{
	union {
		struct fsverity_digest head;
		unsigned char bytes[sizeof(struct fsverity_digest) + 64];
	} got = { .head.digest_size = 64 };
	const char *algorithm;

	if (ioctl(fd, FS_IOC_MEASURE_VERITY, &got) < 0)
		return false;
	if (got.head.digest_algorithm == FS_VERITY_HASH_ALG_SHA256 && got.head.digest_size == 32)
		algorithm = "sha256:";
	else if (got.head.digest_algorithm == FS_VERITY_HASH_ALG_SHA512 && got.head.digest_size == 64)
		algorithm = "sha512:";
	else
		return false;
	memcpy(ret, algorithm, 7);
	(void)sodium_bin2hex(ret + 7, sizeof(((struct manifest *)0)->verity) - 7,
		got.bytes + offsetof(struct fsverity_digest, digest), got.head.digest_size);
	return true;
}

void fd_verity_enable(int fd)
{
	struct fsverity_enable_arg arg = { .version = 1, .hash_algorithm = FS_VERITY_HASH_ALG_SHA256, .block_size = 4096 };

	/* Most file systems cannot; the file is read and hashed then. */
	(void)ioctl(fd, FS_IOC_ENABLE_VERITY, &arg);
}

int fd_check_sum(int fd, const struct manifest *m, struct err *e)
{
	char verity[sizeof(m->verity)], hex[SUM_HEX];
	uint64_t size;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "cannot be examined: %s", strerror(errno));
	if ((uint64_t)st.st_size != m->size)
		return err_set(e, EBADMSG, "has %llu bytes, not the manifest's %llu", (unsigned long long)st.st_size,
			(unsigned long long)m->size);
	if (m->verity[0] && fd_verity(fd, verity) && strcmp(verity, m->verity) == 0)
		return 0;
	r = fd_sum(fd, hex, &size, e);
	if (r < 0)
		return r;
	if (size != m->size || strcmp(hex, m->digest + strlen("sha256:")) != 0)
		return err_set(e, EBADMSG, "its SHA-256 is not the manifest's digest");
	return 0;
}
