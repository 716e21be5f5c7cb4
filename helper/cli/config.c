#include "helper/cli/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/paths.h"
#include "policy/filter.h"

/* Where the configuration lies: a directory itself, a file's parent. */
static void own_filters(struct config *c, bool is_dir)
{
	const char *slash = strrchr(c->path, '/');
	int n = is_dir ? (int)strlen(c->path) : slash ? (int)(slash - c->path) : 1;

	(void)snprintf(c->own_filters, sizeof(c->own_filters), "%.*s/filters", n,
		is_dir || slash ? c->path : ".");
	c->filter_dirs[c->n_filter_dirs++] = c->own_filters;
	if (!is_dir)
		c->filter_dirs[c->n_filter_dirs++] = CARREL_SYSCONFDIR "/filters";
	c->filter_dirs[c->n_filter_dirs++] = CARREL_DATADIR "/filters";
}

int config_open(const char *path, struct config *ret, struct err *e)
{
	struct stat st;
	bool is_dir = !path || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
	size_t n;

	*ret = (struct config){ .trusted = !path };
	n = (size_t)snprintf(ret->path, sizeof(ret->path), "%s", path ? path : CARREL_SYSCONFDIR);
	if (n == 0 || n + strlen("/filters") >= sizeof(ret->path))
		return err_set(e, EINVAL, "'%s' is no usable path", ret->path);
	while (is_dir && n > 1 && ret->path[n - 1] == '/')
		ret->path[--n] = '\0';
	own_filters(ret, is_dir);
	return is_dir ? policy_load(ret->path, ret->trusted, &ret->policy, e)
		      : policy_load_file(ret->path, ret->trusted, &ret->policy, e);
}

void config_close(struct config *c)
{
	policy_free(c->policy);
	c->policy = NULL;
}

int config_filter(const struct config *c, const struct profile *p, struct filter **ret, struct err *e)
{
	unsigned flags = (c->trusted ? FILTER_ROOT_OWNED : 0) | (p->root ? FILTER_ROOT_INSIDE : 0);

	return filter_load(c->filter_dirs, c->n_filter_dirs, p->filter, flags, ret, e);
}

json_t *json_text(const char *s)
{
	_cleanup_free_ char *copy = NULL;
	json_t *j = s ? json_string(s) : json_null();

	if (j)
		return j;
	copy = strdup(s);
	for (char *p = copy; p && *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return copy ? json_string(copy) : NULL;
}

const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

const char *colour(FILE *f, const char *code)
{
	const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(f)) && !(none && *none) && term && strcmp(term, "dumb") != 0 ? code
											  : "";
}
