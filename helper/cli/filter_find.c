#include "helper/cli/filter_find.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/filter_foreign.h"
#include "policy/base/cleanup.h"
#include "policy/base/paths.h"
#include "policy/config.h"
#include "policy/filter.h"
#include "policy/filter_reason.h"
#include "policy/syscalls.h"

#define SUFFIX ".filter"
#define FOREIGN ".json"
#define PEERS CARREL_DATADIR "/peers"

int filter_finder_open(const char *path, struct filter_finder *ret, struct err *e)
{
	const struct config *c = &ret->config;
	int r;

	*ret = (struct filter_finder){ .arch = syscall_native_arch() };
	r = config_open(path, &ret->config, &ret->config_error);
	if (r < 0 && path)
		return err_set(e, -r, "%s", ret->config_error.text);
	for (; ret->n_dirs < c->n_filter_dirs; ret->n_dirs++) {
		ret->dirs[ret->n_dirs] = c->filter_dirs[ret->n_dirs];
		/* The shipped ones are last; see config_open(). */
		ret->places[ret->n_dirs] =
			ret->n_dirs + 1 < c->n_filter_dirs ? PLACE_ADMIN : PLACE_SHIPPED;
	}
	ret->dirs[ret->n_dirs] = PEERS;
	ret->places[ret->n_dirs++] = PLACE_PEERS;
	return 0;
}

void filter_finder_close(struct filter_finder *ff)
{
	config_close(&ff->config);
}

static bool ends_with(const char *word, const char *end)
{
	size_t n = strlen(word), len = strlen(end);

	return n > len && strcmp(word + n - len, end) == 0;
}

static bool is_path(const char *word)
{
	return strchr(word, '/') || ends_with(word, SUFFIX);
}

static int load_path(const struct filter_finder *ff, const char *path, unsigned flags,
	struct filter **ret, struct err *e)
{
	_cleanup_free_ char *dir = strdup(path), *name = NULL;
	const char *dirs[5];
	char *slash;
	size_t n;

	if (!dir)
		return err_set(e, ENOMEM, "out of memory");
	slash = strrchr(dir, '/');
	n = strlen(slash ? slash + 1 : dir);
	if (n <= strlen(SUFFIX) || strcmp(dir + strlen(dir) - strlen(SUFFIX), SUFFIX) != 0)
		return err_set(
			e, EINVAL, "'%s': not the path of a " SUFFIX " or " FOREIGN " file", path);
	name = strndup(slash ? slash + 1 : dir, n - strlen(SUFFIX));
	if (!name)
		return err_set(e, ENOMEM, "out of memory");
	if (slash)
		slash[slash == dir] = '\0';
	if (access(path, F_OK) < 0)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	dirs[0] = slash ? dir : ".";
	memcpy(dirs + 1, ff->dirs, ff->n_dirs * sizeof(*dirs));
	return filter_load(dirs, 1 + ff->n_dirs, name, flags, ret, e);
}

/* "no filter 'x'" alone does not say where it would have to be. */
static int say_where(const struct filter_finder *ff, int code, struct err *e)
{
	const struct err what = *e;
	char where[256] = "";
	size_t n = 0;

	for (size_t i = 0; i < ff->n_dirs && n < sizeof(where); i++)
		n += (size_t)snprintf(
			where + n, sizeof(where) - n, "%s%s", i ? ", " : "", ff->dirs[i]);
	return err_set(e, -code, "%s; looked in %s", what.text, where);
}

int filter_find(const struct filter_finder *ff, const char *word, unsigned flags,
	struct filter **ret, struct err *e)
{
	int r;

	if (ends_with(word, FOREIGN))
		return filter_foreign_load(word, ff->arch, ret, e);
	if (is_path(word))
		return load_path(ff, word, flags, ret, e);
	r = filter_load(ff->dirs, ff->n_dirs, word,
		flags | (ff->config.trusted ? FILTER_ROOT_OWNED : 0), ret, e);
	return r == -ENOENT ? say_where(ff, r, e) : r;
}

static int description_line(void *data, const struct config_line *l, struct err *e)
{
	char **ret = data;

	(void)e;
	if (*ret || !l->key || l->more || strcmp(l->key, "description") != 0)
		return 0;
	*ret = strdup(l->value);
	return 0;
}

char *filter_description(const char *path)
{
	_cleanup_free_ char *text = NULL;
	char *description = NULL;
	struct err e;
	size_t len;

	/* What is wrong with the file is told by whoever loads it. */
	if (config_slurp(AT_FDCWD, path, false, &text, &len, &e) == 0)
		(void)config_read(text, len, path, description_line, &description, &e);
	return description;
}

void filter_line_read(const struct origin *at, char **ret_line, char **ret_reason)
{
	_cleanup_free_ char *text = NULL;
	const char *line = NULL;
	struct err e;
	size_t len;

	*ret_line = *ret_reason = NULL;
	if (!at || config_slurp(AT_FDCWD, at->file, false, &text, &len, &e) < 0)
		return;
	line = text_line(text, at->line, &len);
	if (!line)
		return;
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	*ret_line = strndup(line, len);
	(void)filter_reason(text, at->line, ret_reason);
}
