#include "policy/base/parse.h"

#include <errno.h>
#include <string.h>

/* isdigit() and friends ask the locale and choke on negative chars. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads the digits at s; *ret_end is the first character that is none. */
static int digits(const char *s, uint64_t max, uint64_t *ret, const char **ret_end)
{
	uint64_t n = 0;

	if (!is_digit(*s))
		return -EINVAL;
	for (; is_digit(*s); s++) {
		unsigned d = (unsigned)(*s - '0');

		if (n > (max - d) / 10 || d > max)
			return -ERANGE;
		n = n * 10 + d;
	}
	*ret = n;
	*ret_end = s;
	return 0;
}

int parse_u64(const char *s, uint64_t max, uint64_t *ret)
{
	const char *end;
	uint64_t n;
	int r;

	r = digits(s, max, &n, &end);
	if (r < 0)
		return r;
	if (*end)
		return -EINVAL;
	*ret = n;
	return 0;
}

int parse_u32(const char *s, uint32_t *ret)
{
	uint64_t n;
	int r;

	r = parse_u64(s, UINT32_MAX, &n);
	if (r < 0)
		return r;
	*ret = (uint32_t)n;
	return 0;
}

int parse_size(const char *s, uint64_t *ret)
{
	static const char units[] = "KMGTP", small[] = "kmgtp";
	const char *end, *at;
	unsigned shift = 0;
	uint64_t n;
	int r;

	r = digits(s, UINT64_MAX, &n, &end);
	if (r < 0)
		return r;
	if (*end) {
		at = strchr(units, *end);
		if (at)
			shift = 10 * (unsigned)(at - units + 1);
		else if ((at = strchr(small, *end)))
			shift = 10 * (unsigned)(at - small + 1);
		else
			return -EINVAL;
		if (end[1])
			return -EINVAL;
	}
	if (n > UINT64_MAX >> shift)
		return -ERANGE;
	*ret = n << shift;
	return 0;
}

int parse_percent(const char *s, uint64_t *ret)
{
	const char *end;
	uint64_t n;
	int r;

	r = digits(s, UINT32_MAX, &n, &end);
	if (r < 0)
		return r;
	if (strcmp(end, "%") != 0)
		return -EINVAL;
	*ret = n;
	return 0;
}

int parse_bool(const char *s, bool *ret)
{
	if (strcmp(s, "yes") == 0)
		*ret = true;
	else if (strcmp(s, "no") == 0)
		*ret = false;
	else
		return -EINVAL;
	return 0;
}

int parse_u32_span(const char *s, uint32_t *ret_first, uint32_t *ret_last)
{
	uint64_t first, last;
	const char *end;
	int r;

	r = digits(s, UINT32_MAX, &first, &end);
	if (r < 0)
		return r;
	last = first;
	if (*end == '-') {
		r = digits(end + 1, UINT32_MAX, &last, &end);
		if (r < 0)
			return r;
	}
	if (*end || last < first)
		return -EINVAL;
	*ret_first = (uint32_t)first;
	*ret_last = (uint32_t)last;
	return 0;
}

bool name_valid(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && n <= NAME_BYTES && !s[n] && s[0] != '-';
}

bool path_valid(const char *s)
{
	if (*s != '/')
		return false;
	if (!s[1])
		return true;
	while (*s) {
		size_t n = strcspn(++s, "/");

		if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return false;
		s += n;
	}
	return true;
}

bool path_inside(const char *tree, const char *path)
{
	size_t n = strlen(tree);

	if (n == 1)
		return true;
	return strncmp(tree, path, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

const char *word_next(const char **s, size_t *ret_len)
{
	const char *word = *s + strspn(*s, " \t");
	size_t n = strcspn(word, " \t");

	if (n == 0)
		return NULL;
	*s = word + n;
	*ret_len = n;
	return word;
}

#define ERRNO_MAX 133 /* EHWPOISON */

int parse_errno(const char *name)
{
	for (int n = 1; n <= ERRNO_MAX; n++) {
		const char *known = strerrorname_np(n);

		if (known && strcmp(known, name) == 0)
			return n;
	}
	return -EINVAL;
}
