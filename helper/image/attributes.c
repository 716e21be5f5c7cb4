#include "helper/image/attributes.h"

#include <errno.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/xattr.h>

#include "helper/image/escape.h"
#include "policy/base/cleanup.h"

bool attribute_counts(const char *name)
{
	return strcmp(name, "security.capability") == 0 || strcmp(name, "system.posix_acl_access") == 0 ||
	       strcmp(name, "system.posix_acl_default") == 0 || strncmp(name, "user.", 5) == 0;
}

bool attribute_is_overlays(const char *name)
{
	return strncmp(name, "trusted.overlay.", 16) == 0 || strncmp(name, "user.overlay.", 13) == 0;
}

static int write_value(const char *place, const char *name, FILE *f)
{
	_cleanup_free_ unsigned char *value = malloc(XATTR_SIZE_MAX);
	ssize_t n;

	if (!value)
		return -ENOMEM;
	n = getxattr(place, name, value, XATTR_SIZE_MAX);
	if (n < 0)
		return -errno;
	(void)fputc(' ', f);
	escape_write(f, name, strlen(name), ESCAPE_WORD);
	(void)fputc('=', f);
	for (ssize_t i = 0; i < n; i++)
		(void)fprintf(f, "%02x", value[i]);
	return 0;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* names: len bytes of strings that end in NUL. */
static int write_all(const char *place, char *names, size_t len, FILE *f, const char **ret_why)
{
	_cleanup_free_ char **sorted = calloc(len + 1, sizeof(*sorted));
	size_t n = 0;
	int r = 0;

	if (!sorted)
		return -ENOMEM;
	for (char *name = names; name < names + len; name += strlen(name) + 1) {
		if (attribute_is_overlays(name)) {
			*ret_why = "has an attribute that overlayfs would obey";
			return -EBADMSG;
		}
		if (attribute_counts(name))
			sorted[n++] = name;
	}
	qsort(sorted, n, sizeof(*sorted), by_bytes);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = write_value(place, sorted[i], f);
	return r;
}

int attributes_write(int fd, FILE *f, const char **ret_why)
{
	_cleanup_free_ char *names = NULL;
	char place[64];
	ssize_t n;

	*ret_why = "its attributes cannot be read";
	/* By name, since a place only has none for the calls that take descriptors. */
	(void)snprintf(place, sizeof(place), "/proc/self/fd/%d", fd);
	n = listxattr(place, NULL, 0);
	if (n == 0 || (n < 0 && errno == ENOTSUP))
		return 0;
	if (n < 0)
		return -errno;
	names = malloc(XATTR_LIST_MAX);
	if (!names)
		return -ENOMEM;
	n = listxattr(place, names, XATTR_LIST_MAX);
	return n < 0 ? -errno : write_all(place, names, (size_t)n, f, ret_why);
}
