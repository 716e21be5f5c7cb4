#include "policy/base/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"

int lines_open(struct lines *l, const char *path, struct err *e)
{
	l->at = l->end = 0;
	l->cut = false;
	l->fd = open(path, O_RDONLY | O_CLOEXEC);
	return l->fd < 0 ? err_set(e, errno, "%s", strerror(errno)) : 0;
}

void lines_close(struct lines *l)
{
	cleanup_fd(&l->fd);
}

/* What is left moves to the front. Bytes read, 0 at the end, -EIO. */
static int fill(struct lines *l, struct err *e)
{
	ssize_t n;

	memmove(l->room, l->room + l->at, l->end - l->at);
	l->end -= l->at;
	l->at = 0;
	do
		n = read(l->fd, l->room + l->end, LINES_ROOM - l->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, EIO, "cannot be read: %s", strerror(errno));
	l->end += (size_t)n;
	return (int)n;
}

/* Passes over the rest of a line that was cut. As fill(). */
static int skip_rest(struct lines *l, struct err *e)
{
	const char *newline;
	int n = 1;

	while (l->cut && n > 0) {
		newline = memchr(l->room + l->at, '\n', l->end - l->at);
		l->at = newline ? (size_t)(newline + 1 - l->room) : l->end;
		l->cut = !newline;
		if (l->cut)
			n = fill(l, e);
	}
	return n;
}

int lines_next(struct lines *l, const char **ret, size_t *ret_len, struct err *e)
{
	const char *line, *newline;
	int n = skip_rest(l, e);

	while (n > 0) {
		line = l->room + l->at;
		newline = memchr(line, '\n', l->end - l->at);
		if (newline) {
			*ret = line;
			*ret_len = (size_t)(newline - line);
			l->at += *ret_len + 1;
			return 1;
		}
		l->cut = l->end - l->at == LINES_ROOM;
		n = l->cut ? 0 : fill(l, e);
	}
	if (n < 0 || l->at == l->end)
		return n;
	*ret = l->room + l->at;
	*ret_len = l->end - l->at;
	l->at = l->end;
	return 1;
}
