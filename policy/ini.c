#include "policy/ini.h"

#include <errno.h>
#include <ini.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"

/* inih copies section and key into buffers of 50 bytes and cuts what is longer. */
#define NAME_MAX_BYTES 48

struct reading {
	const char *file;
	const char *at, *end;
	unsigned line;
	bool indented; /* the line that inih works on */
	bool has_key;  /* an indented line has a key to continue */
	ini_handler_fn *handler;
	void *ctx;
	struct err *e;
	int error;
};

static void fail(struct reading *r, int error)
{
	r->error = err_wrap(r->e, error, "%s:%u", r->file, r->line);
}

/*
 * inih's fgets(). That inih asks line by line, and calls the handler before it asks for the next one, is what makes
 * r->line the handler's line. NULL ends the parse, so nothing after an error reaches the handler.
 */
static char *read_line(char *buf, int size, void *arg)
{
	struct reading *r = arg;
	const char *nl, *first;
	size_t n;

	if (r->error || r->at == r->end)
		return NULL;

	r->line++;
	nl = memchr(r->at, '\n', (size_t)(r->end - r->at));
	n = (size_t)((nl ? nl : r->end) - r->at);
	if (n > INI_LINE_MAX || n + 2 > (size_t)size) {
		fail(r, err_set(r->e, EINVAL, "line is longer than %d bytes; continue it on an indented line",
				INI_LINE_MAX));
		return NULL;
	}
	if (memchr(r->at, '\0', n)) {
		fail(r, err_set(r->e, EINVAL, "line has a NUL byte"));
		return NULL;
	}
	memcpy(buf, r->at, n);
	buf[n] = '\n';
	buf[n + 1] = '\0';
	r->at += n + (nl ? 1 : 0);

	first = buf + strspn(buf, " \t\r\v\f");
	r->indented = first != buf;
	if (*first == '[' && !(r->indented && r->has_key))
		r->has_key = false;
	return buf;
}

static int handle(void *arg, const char *section, const char *key, const char *value)
{
	struct reading *r = arg;
	/* The value lies in inih's line buffer, which is ours to cut up until the next line is asked for. */
	struct ini_item item = {
		.file = r->file,
		.line = r->line,
		.section = section,
		.key = key,
		.value = (char *)(uintptr_t)value,
		.continued = r->indented && r->has_key,
	};
	int error;

	if (r->error)
		return 0;
	if (strlen(section) > NAME_MAX_BYTES || strlen(key) > NAME_MAX_BYTES) {
		fail(r, err_set(r->e, EINVAL, "name is longer than %d bytes", NAME_MAX_BYTES));
		return 0;
	}
	if (*key == '\0') {
		fail(r, err_set(r->e, EINVAL, "no name before '='"));
		return 0;
	}
	r->has_key = true;
	error = r->handler(r->ctx, &item, r->e);
	if (error < 0)
		fail(r, error);
	return error >= 0;
}

int ini_read_text(const char *text, size_t len, const char *file, ini_handler_fn *handler, void *ctx,
	struct err *e)
{
	struct reading r = {
		.file = file,
		.at = text,
		.end = text + len,
		.handler = handler,
		.ctx = ctx,
		.e = e,
	};
	int line;

	line = ini_parse_stream(read_line, &r, handle, &r);
	if (r.error)
		return r.error;
	if (line > 0)
		return err_set(e, EINVAL, "%s:%d: neither [section] nor name = value", file, line);
	if (line < 0)
		return err_set(e, ENOMEM, "%s: out of memory", file);
	return 0;
}

int ini_slurp(int fd, const char *file, char **ret, size_t *ret_len, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0;

	text = malloc(INI_FILE_MAX + 1);
	if (!text)
		return err_set(e, ENOMEM, "%s: out of memory", file);
	for (;;) {
		ssize_t got = read(fd, text + n, INI_FILE_MAX + 1 - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(e, errno, "read '%s': %s", file, strerror(errno));
		if (got == 0)
			break;
		n += (size_t)got;
		if (n > INI_FILE_MAX)
			return err_set(e, E2BIG, "'%s' is longer than %d bytes", file, INI_FILE_MAX);
	}
	text[n] = '\0';
	*ret = ptr_take(&text);
	*ret_len = n;
	return 0;
}

int ini_read(int fd, const char *file, ini_handler_fn *handler, void *ctx, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	r = ini_slurp(fd, file, &text, &len, e);
	if (r < 0)
		return r;
	return ini_read_text(text, len, file, handler, ctx, e);
}

int ini_check_owner(int fd, const char *file, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "stat '%s': %s", file, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(e, EPERM, "'%s' is not a regular file", file);
	if (st.st_uid != 0)
		return err_set(e, EPERM, "'%s' belongs to uid %u, not to root", file, st.st_uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(e, EPERM, "'%s' is writable by someone other than root", file);
	return 0;
}
