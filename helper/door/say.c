#include "helper/door/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "helper/public/visible.h"

#define TEXT_MAX 600 /* of each: what comes after a long argument says what is wrong with it */

static size_t line_add(char *line, size_t n, size_t size, const char *text)
{
	size_t left = 0; /* of a character */

	for (size_t i = 0; text[i] != '\0' && n < size; i++) {
		if (i == TEXT_MAX)
			return line_add(line, n, size, "...");
		if (left == 0)
			left = visible_length(text + i);
		line[n++] = left > 0 ? text[i] : '?';
		left -= left > 0;
	}
	return n;
}

void say(const char *text, ...)
{
	char line[1024];
	size_t n, size = sizeof(line) - 1;
	va_list ap;

	n = line_add(line, 0, size, "carrel: ");
	va_start(ap, text);
	for (; text; text = va_arg(ap, const char *))
		n = line_add(line, n, size, text);
	va_end(ap);
	line[n++] = '\n';
	/* The last thing that could be said about a stderr that is gone would go to stderr. */
	(void)write(2, line, n);
}

static const struct {
	int code;
	const char *text;
} errors[] = {
	{ EPERM, "Operation not permitted" },
	{ ENOENT, "No such file or directory" },
	{ ESRCH, "No such process" },
	{ EINTR, "Interrupted system call" },
	{ EIO, "Input/output error" },
	{ E2BIG, "Argument list too long" },
	{ ENOEXEC, "Exec format error" },
	{ EBADF, "Bad file descriptor" },
	{ ECHILD, "No child processes" },
	{ EAGAIN, "Resource temporarily unavailable" },
	{ ENOMEM, "Cannot allocate memory" },
	{ EACCES, "Permission denied" },
	{ EBUSY, "Device or resource busy" },
	{ ENOTDIR, "Not a directory" },
	{ EISDIR, "Is a directory" },
	{ EINVAL, "Invalid argument" },
	{ ENFILE, "Too many open files in system" },
	{ EMFILE, "Too many open files" },
	{ ETXTBSY, "Text file busy" },
	{ ENODEV, "No such device" },
	{ EXDEV, "Invalid cross-device link" },
	{ EFBIG, "File too large" },
	{ ENOSPC, "No space left on device" },
	{ EROFS, "Read-only file system" },
	{ EPIPE, "Broken pipe" },
	{ ENAMETOOLONG, "File name too long" },
	{ ENOSYS, "Function not implemented" },
	{ ELOOP, "Too many levels of symbolic links" },
	{ EBADMSG, "Bad message" },
	{ EMSGSIZE, "Message too long" },
	{ ENOTRECOVERABLE, "State not recoverable" },
	{ ETIMEDOUT, "Connection timed out" },
	{ ECONNREFUSED, "Connection refused" },
	{ ECONNRESET, "Connection reset by peer" },
	{ EDQUOT, "Disk quota exceeded" },
	{ ELIBBAD, "Accessing a corrupted shared library" },
};

const char *errno_text(int code)
{
	static char other[sizeof("error 0000")];

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].code == code)
			return errors[i].text;
	memcpy(other, "error ", 6);
	for (size_t i = sizeof(other) - 2; i > sizeof(other) - 6; i--) {
		other[i] = (char)('0' + code % 10);
		code /= 10;
	}
	return other;
}
