#include "policy/cgroup.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#define DIGITS "0123456789"
#define NAME_LETTERS DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-" /* as the kernel takes them of root */

/* It becomes the name of a directory. */
static bool name_valid(const char *s, const char *letters)
{
	size_t n = strspn(s, letters);

	return s[0] != '\0' && s[0] != '.' && s[n] == '\0';
}

static bool path_valid(const char *path)
{
	if (path[0] != '/')
		return false;
	if (path[1] == '\0')
		return true;
	while (*path) {
		const char *part = path + 1;
		size_t n = strcspn(part, "/");

		if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		path = part + n;
	}
	return true;
}

/* "12:cpu,cpuacct:/x", "1:name=systemd:/x", "0::/x" */
static int line_read(char *line, struct cgroup_place *ret)
{
	size_t digits = strspn(line, DIGITS);
	char *name = line + digits + 1, *path;

	if (digits == 0 || line[digits] != ':' || !(path = strchr(name, ':')))
		return -EBADMSG;
	*path++ = '\0';
	if (strncmp(name, "name=", 5) == 0) {
		name += 5;
		if (!name_valid(name, NAME_LETTERS))
			return -EBADMSG;
	} else if (strncmp(line, "0:", 2) == 0 ? name[0] != '\0' : !name_valid(name, NAME_LETTERS ",")) {
		return -EBADMSG;
	}
	/* Since Linux 6.8 it cuts what is longer, and does not say so. */
	if (strlen(path) >= PATH_MAX - 1)
		return -ENAMETOOLONG;
	if (!path_valid(path))
		return -EBADMSG;
	*ret = (struct cgroup_place){ name, path };
	return 0;
}

int cgroup_places_read(char *text, size_t len, struct cgroup_place ret[static CGROUP_PLACES_MAX], size_t *ret_n)
{
	char *end = text + len, *newline;
	size_t n = 0;

	if (memchr(text, '\0', len))
		return -EBADMSG;
	for (; text < end; text = newline + 1) {
		int r;

		newline = memchr(text, '\n', (size_t)(end - text));
		if (!newline)
			return -EBADMSG;
		*newline = '\0';
		if (n == CGROUP_PLACES_MAX)
			return -E2BIG;
		r = line_read(text, &ret[n]);
		if (r < 0)
			return r;
		n++;
	}
	*ret_n = n;
	return 0;
}
