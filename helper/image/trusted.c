/*
 * trusted - who signed a manifest.
 *
 * Trust:  keys are what root put into trusted.d; a signature is anybody's until a key says otherwise.
 * Fails:  closed: a key file that cannot be judged makes every signed image fail, and its name is told.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "helper/image/minisign.h"
#include "helper/image/store.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/config.h"

#define SUFFIX ".pub"

struct search {
	const struct manifest_text *t;
	struct minisign_signature signature;
	char *ret;
	size_t size;
};

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int key_names(int keys_fd, struct strv *ret, struct err *e)
{
	_cleanup_fd_ int own = openat(keys_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_dir_ DIR *dir = own < 0 ? NULL : fdopendir(own);
	const struct dirent *d;

	if (!dir)
		return err_set(e, errno, "trusted.d: %s", strerror(errno));
	(void)fd_take(&own); /* dir's now */
	while (errno = 0, (d = readdir(dir))) {
		size_t n = strlen(d->d_name);

		if (n > strlen(SUFFIX) && d->d_name[0] != '.' && strcmp(d->d_name + n - strlen(SUFFIX), SUFFIX) == 0 &&
			strv_add(ret, d->d_name, n) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	if (errno)
		return err_set(e, errno, "trusted.d: %s", strerror(errno));
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_bytes);
	return 0;
}

/* Reads root's own file. -ENOENT as it is; all else that is wrong with it is -EPERM or -EBADMSG. */
static int file_read(int dir_fd, const char *name, char **ret, size_t *ret_len, struct err *e)
{
	int r = config_slurp(dir_fd, name, true, ret, ret_len, e);

	if (r >= 0 || r == -ENOENT)
		return r;
	return err_wrap(e, r == -ELOOP || r == -EINVAL || r == -EFBIG ? -EBADMSG : r, "%s", name);
}

/* 1: this key signed it. */
static int key_try(int keys_fd, const char *name, struct search *s, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	struct minisign_key key;
	size_t len;
	int r = file_read(keys_fd, name, &text, &len, e);

	if (r < 0)
		return err_wrap(e, r, "trusted.d");
	if (minisign_key_parse(text, len, &key, e) < 0)
		return err_wrap(e, -EBADMSG, "trusted.d: %s", name);
	if (!minisign_is_by(&s->signature, &key))
		return 0;
	r = minisign_check(&s->signature, &key, s->t->text, s->t->len, e);
	if (r < 0)
		return err_wrap(e, r, STORE_SIGNATURE ", which names the key %s", name);
	if ((size_t)snprintf(s->ret, s->size, "%s", name) >= s->size)
		return err_set(e, ENAMETOOLONG, "trusted.d: %s: the name is too long", name);
	return 1;
}

static int keys_try(int keys_fd, struct search *s, struct err *e)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	int r = key_names(keys_fd, &names, e);

	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = key_try(keys_fd, names.v[i], s, e);
	return r < 0 ? r : 0;
}

int store_signer(int image_fd, const struct manifest_text *t, int keys_fd, char *ret, size_t size, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	struct search s = { .t = t, .ret = ret, .size = size };
	size_t len;
	int r;

	ret[0] = '\0';
	r = file_read(image_fd, STORE_SIGNATURE, &text, &len, e);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (minisign_signature_parse(text, len, &s.signature, e) < 0)
		return err_wrap(e, -EBADMSG, STORE_SIGNATURE);
	r = keys_fd < 0 ? 0 : keys_try(keys_fd, &s, e);
	if (r < 0)
		ret[0] = '\0';
	return r;
}
