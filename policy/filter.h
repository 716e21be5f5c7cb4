#ifndef CARREL_POLICY_FILTER_H
#define CARREL_POLICY_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct filter; /* rules as read, includes resolved */

enum {
	FILTER_ROOT_OWNED = 1, /* files that others than root may write are refused */
	FILTER_ROOT_INSIDE = 2, /* for a profile whose user may become root inside: [filter root=yes] counts */
};

/*
 * Reads the filter NAME from the first of dirs that has NAME.filter (the admin's directory stands
 * before the shipped one). -ENOENT: none has it; -EPERM: not root's, with FILTER_ROOT_OWNED;
 * -EINVAL: the text names file, line and word.
 */
int filter_load(const char *const *dirs, size_t n_dirs, const char *name, unsigned flags,
	struct filter **ret, struct err *e);
void filter_free(struct filter *f);

/*
 * Key of the compiled program: content of all files read, what they mean here, compiler version,
 * kernel release, architecture. hex, 64 + NUL.
 */
void filter_key(const struct filter *f, char ret_key[static 65]);

/*
 * Rules to a struct program_head file in memory (helper/public/program.h describes it); *ret is
 * malloc'ed. arch is an AUDIT_ARCH_* value, 0 for this machine's. -E2BIG: more instructions than
 * the kernel takes; -EUCLEAN: the program does something else than the rules say, and is not to be
 * used.
 */
int filter_compile(
	const struct filter *f, uint32_t arch, void **ret, size_t *ret_len, struct err *e);

/*
 * The compiled program of NAME as a descriptor that nobody can write through: from the cache
 * directory when it holds an intact entry, else compiled here and stored. flags as for
 * filter_load(). The caller is the one with a deadline.
 */
int filter_open(const char *const *dirs, size_t n_dirs, const char *name, unsigned flags,
	int cache_dir_fd, int *ret_fd, struct err *e);

/* The cached program of a key, for whoever knows that its files have not changed. -ENOENT: no entry, or none to believe. */
int filter_cached(int cache_dir_fd, const char *key, int *ret_fd);

static inline void filter_cleanup(struct filter **f)
{
	filter_free(*f);
}

#endif
