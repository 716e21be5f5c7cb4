#include "helper/denials/lines.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "policy/base/err.h"

int lines_read(int fd, int (*each)(const char *line, size_t len, void *data), void *data, struct err *e)
{
	char buf[2 * LINES_MAX];
	size_t n = 0;
	off_t at = 0;
	bool cut = false; /* the rest of a line of which the beginning was given */

	for (;;) {
		ssize_t got = pread(fd, buf + n, sizeof(buf) - n, at);
		const char *line = buf, *newline;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(e, errno, "cannot read: %s", strerror(errno));
		at += got;
		n += (size_t)got;
		for (;;) {
			size_t left = n - (size_t)(line - buf), len;
			int r = 0;

			newline = memchr(line, '\n', left);
			/* The last line of a file that grows may be half written: it is given when it is whole. */
			if (!newline && left < LINES_MAX)
				break;
			len = newline ? (size_t)(newline - line) : LINES_MAX;
			if (!cut)
				r = each(line, len < LINES_MAX ? len : LINES_MAX, data);
			if (r != 0)
				return r;
			cut = !newline;
			line += len + (newline != NULL);
		}
		n -= (size_t)(line - buf);
		memmove(buf, line, n);
		if (got == 0)
			return 0;
	}
}

int lines_read_kmsg(int fd, int (*each)(const char *line, size_t len, void *data), void *data, struct err *e)
{
	char buf[LINES_MAX];

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "cannot read /dev/kmsg: %s", strerror(errno));
	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));
		const char *newline;
		int r;

		if (n < 0 && (errno == EINTR || errno == EPIPE)) /* EPIPE: it was overwritten while we read; the next is there */
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return n == 0 ? 0 : err_set(e, errno, "cannot read /dev/kmsg: %s", strerror(errno));
		newline = memchr(buf, '\n', (size_t)n); /* a dictionary may follow */
		r = each(buf, newline ? (size_t)(newline - buf) : (size_t)n, data);
		if (r != 0)
			return r;
	}
}
