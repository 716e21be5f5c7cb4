#include "policy/base/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"

int fd_check_owner(int fd, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "cannot be examined: %s", strerror(errno));
	if (st.st_uid != 0)
		return err_set(e, EPERM, "belongs to uid %u, not to root", (unsigned)st.st_uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(e, EPERM, "writable by someone other than root");
	return 0;
}

int fd_check_type(int fd, mode_t type, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "cannot be examined: %s", strerror(errno));
	if ((st.st_mode & S_IFMT) != type)
		return err_set(
			e, EINVAL, "not a %s", type == S_IFDIR ? "directory" : "regular file");
	return 0;
}

int fd_read_all(int fd, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0, size = 0;
	ssize_t got;

	do {
		if (size - n < 2) {
			char *more;

			size = size ? 2 * size : 4096;
			more = realloc(text, size);
			if (!more)
				return err_set(e, ENOMEM, "out of memory");
			text = more;
		}
		got = read(fd, text + n, size - n - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(e, errno, "read: %s", strerror(errno));
		n += (size_t)got;
		if (n > max)
			return err_set(e, EFBIG, "larger than %zu bytes", max);
	} while (got != 0);
	text[n] = '\0';
	*ret = ptr_take(&text);
	*ret_len = n;
	return 0;
}

int command_error(const char *name, int error)
{
	const char *dir = getenv("PATH");

	if (error != EACCES || strchr(name, '/') || !dir)
		return error;
	for (size_t n; *dir; dir += n + (dir[n] != '\0')) {
		char path[4096];

		n = strcspn(dir, ":");
		if ((size_t)snprintf(path, sizeof(path), "%.*s/%s", (int)n, dir, name) >= sizeof(path))
			continue;
		if (access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR && errno != EACCES))
			return error;
	}
	return ENOENT;
}
