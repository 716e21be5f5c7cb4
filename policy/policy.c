#include "policy/policy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/io.h"
#include "policy/config_draft.h"
#include "policy/config_profile.h"
#include "policy/config.h"

#define MAIN_FILE "carrel.conf"
#define DROPIN_DIR "conf.d"
#define DROPINS_MAX 1000

static int no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "out of memory");
}

static int draft_file(struct draft *d, int dir_fd, const char *name, const char *path,
	bool must_be_root_owned, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	r = config_slurp(dir_fd, name, must_be_root_owned, &text, &len, e);
	if (r < 0)
		return err_wrap(e, r, "%s", path);
	if (strv_add(&d->p->files, path, strlen(path)) < 0)
		return no_memory(e);
	return config_read(text, len, d->p->files.v[d->p->files.n - 1], draft_line, d, e);
}

/* The files that count: a name of at least one byte before ".conf", not hidden. */
static bool dropin_name(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && n > 5 && strcmp(name + n - 5, ".conf") == 0;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int dropin_names(int fd, struct strv *ret, struct err *e)
{
	_cleanup_dir_ DIR *dir = NULL;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	struct dirent *entry;

	dir = own < 0 ? NULL : fdopendir(own);
	if (!dir) {
		int code = errno;

		if (own >= 0)
			(void)close(own);
		return err_set(e, code, "%s", strerror(code));
	}
	while (errno = 0, (entry = readdir(dir))) {
		if (!dropin_name(entry->d_name))
			continue;
		if (ret->n == DROPINS_MAX)
			return err_set(e, E2BIG, "more than %d files", DROPINS_MAX);
		if (strv_add(ret, entry->d_name, strlen(entry->d_name)) < 0)
			return no_memory(e);
	}
	if (errno)
		return err_set(e, errno, "%s", strerror(errno));
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_bytes);
	return 0;
}

static int open_directory(
	int dir_fd, const char *name, bool must_be_root_owned, int *ret_fd, struct err *e)
{
	_cleanup_fd_ int fd = -1;

	fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return err_set(e, errno, "%s", strerror(errno));
	if (must_be_root_owned && fd_check_owner(fd, e) < 0)
		return -EPERM;
	*ret_fd = fd_take(&fd);
	return 0;
}

static int draft_dropins(
	struct draft *d, int dir_fd, const char *dir, bool must_be_root_owned, struct err *e)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	_cleanup_fd_ int fd = -1;
	char path[PATH_MAX];
	int r;

	r = open_directory(dir_fd, DROPIN_DIR, must_be_root_owned, &fd, e);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = dropin_names(fd, &names, e);
	if (r < 0)
		return err_wrap(e, r, "%s/%s", dir, DROPIN_DIR);
	for (size_t i = 0; i < names.n; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s/%s", dir, DROPIN_DIR, names.v[i]);
		r = draft_file(d, fd, names.v[i], path, must_be_root_owned, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int policy_load(const char *dir, bool must_be_root_owned, struct policy **ret, struct err *e)
{
	_cleanup_(draft_done) struct draft d = { 0 };
	_cleanup_fd_ int fd = -1;
	char path[PATH_MAX];
	int r;

	r = open_directory(AT_FDCWD, dir, must_be_root_owned, &fd, e);
	if (r < 0)
		return err_wrap(e, r, "%s", dir);
	r = draft_begin(&d, e);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/%s", dir, MAIN_FILE);
	r = draft_file(&d, fd, MAIN_FILE, path, must_be_root_owned, e);
	if (r == 0)
		r = draft_dropins(&d, fd, dir, must_be_root_owned, e);
	if (r == 0)
		r = draft_finish(&d, ret, e);
	return r;
}

int policy_load_file(const char *path, bool must_be_root_owned, struct policy **ret, struct err *e)
{
	_cleanup_(draft_done) struct draft d = { 0 };
	int r;

	r = draft_begin(&d, e);
	if (r == 0)
		r = draft_file(&d, AT_FDCWD, path, path, must_be_root_owned, e);
	if (r == 0)
		r = draft_finish(&d, ret, e);
	return r;
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_profiles; i++)
		profile_done(&p->profiles[i]);
	for (size_t i = 0; i < p->n_assigns; i++) {
		free(p->assigns[i].service);
		free(p->assigns[i].who);
	}
	free(p->profiles);
	free(p->assigns);
	strv_done(&p->negative_groups);
	strv_done(&p->files);
	free(p);
}

const struct profile *policy_profile(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_profiles; i++)
		if (strcmp(p->profiles[i].name, name) == 0)
			return &p->profiles[i];
	return NULL;
}

/* FNV-1a: the stamp need only differ when an admin's edit makes it differ, nobody plays against it.
 */
static uint64_t mix(uint64_t h, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len--)
		h = (h ^ *p++) * UINT64_C(0x100000001b3);
	return h;
}

static uint64_t stamp_entry(int dir_fd, const char *name)
{
	uint64_t h = mix(UINT64_C(0xcbf29ce484222325), name, strlen(name));
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return mix(h, &errno, sizeof(errno));
	h = mix(h, &st.st_dev, sizeof(st.st_dev));
	h = mix(h, &st.st_ino, sizeof(st.st_ino));
	h = mix(h, &st.st_mode, sizeof(st.st_mode));
	h = mix(h, &st.st_uid, sizeof(st.st_uid));
	h = mix(h, &st.st_size, sizeof(st.st_size));
	h = mix(h, &st.st_mtim, sizeof(st.st_mtim));
	return mix(h, &st.st_ctim, sizeof(st.st_ctim));
}

/* Added up, because the order of a directory's entries means nothing. */
static uint64_t stamp_entries(int dir_fd, bool (*counts)(const char *name))
{
	char buf[4096] __attribute__((aligned(8)));
	uint64_t h = 0;
	ssize_t n;

	while ((n = getdents64(dir_fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n;) {
			struct dirent64 *entry = (struct dirent64 *)(buf + at);

			if (counts(entry->d_name))
				h += stamp_entry(dir_fd, entry->d_name);
			at += entry->d_reclen;
		}
	return h;
}

uint64_t policy_stamp(const char *dir)
{
	_cleanup_fd_ int fd = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);
	_cleanup_fd_ int dropins = -1;
	uint64_t h;

	if (fd < 0)
		return 0;
	h = stamp_entry(fd, MAIN_FILE) * 3 + stamp_entry(fd, DROPIN_DIR);
	h = h * 3 + stamp_entry(fd, ".");
	dropins = openat(fd, DROPIN_DIR, O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);
	return dropins < 0 ? h : h + stamp_entries(dropins, dropin_name);
}

static bool is_filter(const char *name)
{
	size_t n = strlen(name);

	return n > 7 && strcmp(name + n - 7, ".filter") == 0;
}

uint64_t policy_filters_stamp(const char *const *dirs, size_t n_dirs)
{
	uint64_t h = 0;

	for (size_t i = 0; i < n_dirs; i++) {
		_cleanup_fd_ int fd = open(dirs[i], O_RDONLY | O_CLOEXEC | O_DIRECTORY);

		h = h * 3 + (fd < 0 ? 0 : stamp_entries(fd, is_filter));
	}
	return h;
}
