#include "helper/cli/learn_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/cli/filter_find.h"
#include "helper/learn/learnt.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/io.h"

#define TEXT_MAX (256u << 10)

int learn_text_make(const struct learnt *l, const struct strv *notes, char **ret, struct err *e)
{
	size_t len;
	FILE *f = open_memstream(ret, &len);

	if (!f)
		return err_set(e, ENOMEM, "out of memory");
	learnt_write(l, notes, f);
	if (fclose(f) != 0)
		return err_set(e, ENOMEM, "out of memory");
	if (len > TEXT_MAX)
		return err_set(e, EFBIG, "the filter would have more than %u bytes", TEXT_MAX);
	return 0;
}

static int text_write(const char *path, const char *text, struct err *e)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	if (fputs(text, f) == EOF || fflush(f) != 0) {
		(void)err_set(e, errno, "%s: %s", path, strerror(errno));
		(void)fclose(f);
		return -EIO;
	}
	(void)fclose(f);
	return 0;
}

int learn_text_store(const char *path, const char *text, struct err *e)
{
	_cleanup_free_ char *new = NULL;
	int r;

	if (asprintf(&new, "%s.new.%d", path, (int)getpid()) < 0) {
		new = NULL;
		return err_set(e, ENOMEM, "out of memory");
	}
	r = text_write(new, text, e);
	if (r == 0 && rename(new, path) < 0)
		r = err_set(e, errno, "%s: %s", path, strerror(errno));
	if (r < 0)
		(void)unlink(new);
	return r;
}

int learn_text_load(const struct filter_finder *ff, const char *text, struct filter **ret, struct err *e)
{
	char dir[] = "/tmp/carrel-learn.XXXXXX", path[sizeof(dir) + 16];
	int r;

	if (!mkdtemp(dir))
		return err_set(e, errno, "%s: %s", dir, strerror(errno));
	(void)snprintf(path, sizeof(path), "%s/learned.filter", dir);
	r = text_write(path, text, e);
	if (r == 0)
		r = filter_find(ff, path, 0, ret, e);
	(void)unlink(path);
	(void)rmdir(dir);
	return r;
}

int learn_merge_file(const char *path, struct learnt *l, struct err *e)
{
	_cleanup_(learnt_cleanup) struct learnt earlier = { 0 };
	_cleanup_free_ char *text = NULL;
	_cleanup_fd_ int fd = -1;
	size_t len;
	int r;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	r = fd_read_all(fd, TEXT_MAX, &text, &len, e);
	if (r < 0)
		return err_wrap(e, r, "%s", path);
	r = learnt_read(text, path, &earlier, e);
	return r < 0 ? r : learnt_merge(l, &earlier, e);
}
