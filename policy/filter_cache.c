/*
 * filter_cache - compiled filters on disk, by the hash of everything that decides what is in them.
 *
 * Trust:  the directory is the helper's own (0700, on a tmpfs). An entry is judged all the same:
 * owner, mode, size, and a hash keyed with the entry's own name, so that neither damage nor an
 * entry under another's name is taken for a filter. In:     cache_dir_fd; writers may be several at
 * once, each writes a file of its own and renames it. Order:  write, rename, use: a reader sees an
 * old whole entry or a new whole one. Fails:  a bad entry is made again. A directory that cannot be
 * written costs time, never a login: the program is then handed out in sealed memory.
 */
#include "policy/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "helper/public/program.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/filter_rules.h"

/* Counts up whenever the compiler makes other programs of the same rules. */
#define COMPILER_VERSION 3

/* ---- the key ---- */

static void hash_u64(crypto_generichash_state *h, uint64_t v)
{
	crypto_generichash_update(h, (const unsigned char *)&v, sizeof(v));
}

static void hash_matches(crypto_generichash_state *h, const struct match *m, size_t n)
{
	hash_u64(h, n);
	for (size_t i = 0; i < n; i++) {
		hash_u64(h, m[i].mask);
		hash_u64(h, m[i].value);
	}
}

/*
 * The rules as they apply here: what the built-in tables make of the text, so that a new table
 * means a new key.
 */
static void hash_rules(
	crypto_generichash_state *h, const struct filter *f, const struct verdict_table *t)
{
	hash_u64(h, t->arch);
	for (int n = 0; n < SYSCALLS_MAX; n++) {
		hash_u64(h, t->call[n].action);
		hash_u64(h, (uint64_t)t->call[n].error);
		hash_u64(h, t->call[n].known);
		hash_u64(h, t->call[n].quiet);
	}
	for (size_t i = 0; i < f->n_args; i++) {
		const struct arg_rule *a = &f->args[i];

		hash_u64(h, (uint64_t)t->rule_call[i]);
		hash_u64(h, a->arg->index);
		hash_u64(h, a->arg->bits);
		hash_u64(h, a->selector ? a->selector->index + 1u : 0);
		hash_u64(h, a->selected);
		hash_u64(h, a->exclude);
		hash_u64(h, a->action);
		hash_u64(h, (uint64_t)a->error);
		hash_matches(h, a->values, a->n_values);
		hash_matches(h, a->quiet, a->n_quiet);
	}
}

void filter_key(const struct filter *f, char ret_key[static 65])
{
	const struct scmp_version *v = seccomp_version();
	crypto_generichash_state h;
	unsigned char sum[32];
	struct verdicts t;
	struct utsname u;

	filter_resolve(f, 0, &t);
	crypto_generichash_init(&h, NULL, 0, sizeof(sum));
	hash_u64(&h, COMPILER_VERSION);
	hash_u64(&h, PROGRAM_VERSION);
	hash_u64(&h, v->major);
	hash_u64(&h, v->minor);
	hash_u64(&h, v->micro);
	if (uname(&u) == 0)
		crypto_generichash_update(
			&h, (const unsigned char *)u.release, strlen(u.release) + 1);
	crypto_generichash_update(&h, f->content, sizeof(f->content));
	for (size_t i = 0; i < t.n; i++)
		hash_rules(&h, f, &t.abi[i]);
	crypto_generichash_final(&h, sum, sizeof(sum));
	(void)sodium_bin2hex(ret_key, 65, sum, sizeof(sum));
}

/* ---- an entry ---- */

static void entry_check(const char *key, const void *file, size_t len, uint8_t ret[static 32])
{
	struct program_head h;
	crypto_generichash_state s;

	memcpy(&h, file, sizeof(h));
	memset(h.check, 0, sizeof(h.check));
	crypto_generichash_init(&s, (const unsigned char *)key, 64, 32);
	crypto_generichash_update(&s, (const unsigned char *)&h, sizeof(h));
	crypto_generichash_update(&s, (const unsigned char *)file + sizeof(h), len - sizeof(h));
	crypto_generichash_final(&s, ret, 32);
}

static bool entry_is_intact(const char *key, const void *file, size_t len)
{
	struct program_head h;
	uint8_t sum[32];

	if (program_check(file, len) < 0)
		return false;
	memcpy(&h, file, sizeof(h));
	entry_check(key, file, len, sum);
	return h.arch == syscall_native_arch() && memcmp(h.check, sum, sizeof(sum)) == 0;
}

static bool entry_is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH)) && st.st_size <= (off_t)PROGRAM_MAX;
}

int filter_cached(int dir_fd, const char *key, int *ret_fd)
{
	_cleanup_free_ char *file = malloc(PROGRAM_MAX + 1);
	_cleanup_fd_ int fd = -1;
	ssize_t n;

	if (!file)
		return -ENOMEM;
	fd = openat(dir_fd, key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (!entry_is_ours(fd))
		return -ENOENT;
	n = pread(fd, file, PROGRAM_MAX + 1, 0);
	if (n <= 0 || !entry_is_intact(key, file, (size_t)n))
		return -ENOENT;
	*ret_fd = fd_take(&fd);
	return 0;
}

static int write_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Under a name of this writer's own, then over the entry, whatever that was. */
static int entry_store(int dir_fd, const char *key, const char *file, size_t len)
{
	_cleanup_fd_ int fd = -1;
	unsigned char random[8];
	char hex[2 * sizeof(random) + 1], name[32];
	int r;

	randombytes_buf(random, sizeof(random));
	(void)sodium_bin2hex(hex, sizeof(hex), random, sizeof(random));
	(void)snprintf(name, sizeof(name), "new.%s", hex);
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
	if (fd < 0)
		return -errno;
	r = write_all(fd, file, len);
	if (r == 0 && renameat(dir_fd, name, dir_fd, key) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir_fd, name, 0);
	return r;
}

/* The program in memory that nobody can change any more. */
static int memory_open(const char *file, size_t len, int *ret_fd, struct err *e)
{
	_cleanup_fd_ int fd = memfd_create("filter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return err_set(e, errno, "memfd: %s", strerror(errno));
	r = write_all(fd, file, len);
	if (r == 0 && fcntl(fd, F_ADD_SEALS,
			      F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		r = -errno;
	if (r < 0)
		return err_set(e, -r, "memfd: %s", strerror(-r));
	*ret_fd = fd_take(&fd);
	return 0;
}

static int make(const struct filter *f, const char *key, int dir_fd, int *ret_fd, struct err *e)
{
	_cleanup_free_ void *file = NULL;
	struct program_head h;
	size_t len;
	int r;

	r = filter_compile(f, 0, &file, &len, e);
	if (r < 0)
		return r;
	memcpy(&h, file, sizeof(h));
	entry_check(key, file, len, h.check);
	memcpy(file, &h, sizeof(h));

	if (entry_store(dir_fd, key, file, len) == 0 && filter_cached(dir_fd, key, ret_fd) == 0)
		return 0;
	return memory_open(file, len, ret_fd, e);
}

int filter_open(const char *const *dirs, size_t n_dirs, const char *name, unsigned flags,
	int cache_dir_fd, int *ret_fd, struct err *e)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	char key[65];
	int r;

	r = filter_load(dirs, n_dirs, name, flags, &f, e);
	if (r < 0)
		return r;
	filter_key(f, key);
	if (filter_cached(cache_dir_fd, key, ret_fd) == 0)
		return 0;
	return make(f, key, cache_dir_fd, ret_fd, e);
}
