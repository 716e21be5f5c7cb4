#include "helper/door/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A piece of a file in memory; not terminated. */
struct span {
	const char *at;
	size_t n;
};

static struct span file_map(const char *path)
{
	struct span file = { "", 0 };
	struct stat st;
	void *map;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return file;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map != MAP_FAILED)
			file = (struct span){ map, (size_t)st.st_size };
	}
	(void)close(fd);
	return file;
}

static void file_unmap(struct span file)
{
	if (file.n > 0)
		(void)munmap((void *)(uintptr_t)file.at, file.n);
}

/* Cuts off what stands before the separator, and the separator. */
static struct span span_cut(struct span *rest, char separator)
{
	struct span head = { rest->at, 0 };

	while (head.n < rest->n && rest->at[head.n] != separator)
		head.n++;
	rest->at += head.n;
	rest->n -= head.n;
	if (rest->n > 0) {
		rest->at++;
		rest->n--;
	}
	return head;
}

static struct span span_field(struct span line, unsigned int i)
{
	struct span field = span_cut(&line, ':');

	for (; i > 0; i--)
		field = span_cut(&line, ':');
	return field;
}

static bool span_is(struct span s, const char *text)
{
	return strlen(text) == s.n && memcmp(s.at, text, s.n) == 0;
}

static bool span_copy(struct span s, char *to, size_t size)
{
	if (s.n >= size)
		return false;
	memcpy(to, s.at, s.n);
	to[s.n] = '\0';
	return true;
}

static int span_id(struct span s, unsigned int *ret)
{
	uint64_t id = 0;

	if (s.n == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return -EINVAL;
		id = id * 10 + (uint64_t)(s.at[i] - '0');
		/* The highest one means "no ID" to the kernel. */
		if (id >= UINT32_MAX)
			return -ERANGE;
	}
	*ret = (unsigned int)id;
	return 0;
}

int id_parse(const char *text, unsigned int *ret)
{
	if (*text == '#')
		text++;
	return span_id((struct span){ text, strlen(text) }, ret);
}

static bool user_read(struct span line, struct user *ret)
{
	return span_id(span_field(line, 2), &ret->uid) == 0 &&
	       span_id(span_field(line, 3), &ret->gid) == 0 &&
	       span_copy(span_field(line, 0), ret->name, sizeof(ret->name)) &&
	       span_copy(span_field(line, 5), ret->home, sizeof(ret->home)) &&
	       span_copy(span_field(line, 6), ret->shell, sizeof(ret->shell));
}

/* By name, or by uid when there is none. */
static int user_find(const char *name, uid_t uid, struct user *ret)
{
	static struct user found;
	struct span file = file_map("/etc/passwd"), rest = file;
	int r = -ENOENT;

	while (r < 0 && rest.n > 0) {
		struct span line = span_cut(&rest, '\n');

		if (name && !span_is(span_field(line, 0), name))
			continue;
		if (user_read(line, &found) && (name || found.uid == uid))
			r = 0;
	}
	file_unmap(file);
	if (r == 0)
		*ret = found;
	return r;
}

int user_by_name(const char *name, struct user *ret)
{
	return user_find(name, 0, ret);
}

int user_by_uid(uid_t uid, struct user *ret)
{
	return user_find(NULL, uid, ret);
}

int group_by_name(const char *name, gid_t *ret)
{
	struct span file = file_map("/etc/group"), rest = file;
	int r = -ENOENT;

	while (r < 0 && rest.n > 0) {
		struct span line = span_cut(&rest, '\n');

		if (span_is(span_field(line, 0), name) && span_id(span_field(line, 2), ret) == 0)
			r = 0;
	}
	file_unmap(file);
	return r;
}

static bool is_member(struct span members, const char *name)
{
	while (members.n > 0)
		if (span_is(span_cut(&members, ','), name))
			return true;
	return false;
}

size_t groups_of(const char *name, gid_t first, gid_t *list, size_t n)
{
	struct span file = file_map("/etc/group"), rest = file;
	size_t have = 0;

	if (n > 0)
		list[have++] = first;
	while (have < n && rest.n > 0) {
		struct span line = span_cut(&rest, '\n');

		if (is_member(span_field(line, 3), name) &&
			span_id(span_field(line, 2), &list[have]) == 0 && list[have] != first)
			have++;
	}
	file_unmap(file);
	return have;
}

bool shell_is_listed(const char *path)
{
	struct span file = file_map("/etc/shells"), rest = file;
	bool found = false;

	while (!found && rest.n > 0)
		found = span_is(span_cut(&rest, '\n'), path);
	file_unmap(file);
	return found && path[0] == '/';
}
