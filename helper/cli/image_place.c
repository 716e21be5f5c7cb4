#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/cli/image.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/paths.h"

/* Every directory of the path that is missing below the root, as an administrator would make them. */
static int make_directories(const char *root, const char *path, struct err *e)
{
	char part[4096];
	mode_t saved = umask(022);
	int r = 0;

	for (const char *slash = path; r == 0 && slash; slash = strchr(slash + 1, '/')) {
		const char *end = strchr(slash + 1, '/');
		int n = end ? (int)(end - path) : (int)strlen(path);

		(void)snprintf(part, sizeof(part), "%s%.*s", root, n, path);
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			r = err_set(e, errno, "cannot make '%s': %s", part, strerror(errno));
	}
	(void)umask(saved);
	return r;
}

int place_open(const char *root, bool make, struct image_place *ret, struct err *e)
{
	struct image_place p = { .here = !*root, .store_fd = -1, .keys_fd = -1 };
	char keys[4096];

	if ((size_t)snprintf(p.path, sizeof(p.path), "%s%s", root, IMAGE_STORE) >= sizeof(p.path) ||
		(size_t)snprintf(keys, sizeof(keys), "%s%s", root, CARREL_SYSCONFDIR "/trusted.d") >= sizeof(keys))
		return err_set(e, ENAMETOOLONG, "'%s' is no usable path", root);
	if (make && make_directories(root, IMAGE_STORE, e) < 0)
		return -EIO;
	p.store_fd = open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p.store_fd < 0)
		return err_set(e, errno, "'%s': %s", p.path, strerror(errno));
	p.keys_fd = open(keys, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p.keys_fd < 0 && errno != ENOENT) {
		int code = errno;

		place_close(&p);
		return err_set(e, code, "'%s': %s", keys, strerror(code));
	}
	*ret = p;
	return 0;
}

void place_close(struct image_place *p)
{
	cleanup_fd(&p->store_fd);
	cleanup_fd(&p->keys_fd);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int place_names(const struct image_place *p, struct strv *ret, struct err *e)
{
	_cleanup_fd_ int own = openat(p->store_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_dir_ DIR *dir = own < 0 ? NULL : fdopendir(own);
	const struct dirent *d;

	if (!dir)
		return err_set(e, errno, "'%s': %s", p->path, strerror(errno));
	(void)fd_take(&own); /* dir's now */
	while (errno = 0, (d = readdir(dir)))
		if (image_name_valid(d->d_name) && strv_add(ret, d->d_name, strlen(d->d_name)) < 0)
			return err_set(e, ENOMEM, "out of memory");
	if (errno)
		return err_set(e, errno, "'%s': %s", p->path, strerror(errno));
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_bytes);
	return 0;
}
