/*
 * carrel filter list - all filters that a name can mean, whose they are, who uses them, and which
 * would be refused.
 */
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/filter.h"
#include "helper/cli/filter_find.h"
#include "policy/base/cleanup.h"
#include "policy/base/parse.h"
#include "policy/config.h"
#include "policy/filter.h"
#include "policy/filter_rules.h"

#define SUFFIX ".filter"

static const char *const places[] = { "admin", "shipped", "peer" };

static int is_filter(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > strlen(SUFFIX) && strcmp(d->d_name + n - strlen(SUFFIX), SUFFIX) == 0;
}

/* Is there a file of that name in a directory that is looked at before? */
static const json_t *first_of(const json_t *list, const char *name)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (strcmp(json_string_value(json_object_get(item, "name")), name) == 0)
			return item;
	}
	return NULL;
}

static json_t *used_by(const struct config *c, const char *name)
{
	json_t *list = json_array();

	for (size_t i = 0; c->policy && i < c->policy->n_profiles; i++)
		if (strcmp(c->policy->profiles[i].filter, name) == 0)
			(void)json_array_append_new(list, json_text(c->policy->profiles[i].name));
	return list;
}

/*
 * Loads what the name would mean if the directories before `dir` did not have it, and notes the
 * file of a later directory that it goes on from.
 */
static void judge(const struct filter_finder *ff, size_t dir, const char *name, json_t *item)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	unsigned flags = ff->config.trusted ? FILTER_ROOT_OWNED : 0;
	char base[NAME_BYTES + sizeof(SUFFIX) + 1];
	struct err e;

	if (filter_load(ff->dirs + dir, ff->n_dirs - dir, name, flags, &f, &e) < 0) {
		(void)json_object_set_new(item, "ok", json_false());
		(void)json_object_set_new(item, "error", json_text(e.text));
		return;
	}
	(void)snprintf(base, sizeof(base), "/%s" SUFFIX, name);
	for (size_t i = 0; i < f->files.n; i++) {
		const char *file = f->files.v[i], *slash = strrchr(file, '/');

		if (slash && strcmp(slash, base) == 0 && i > 0)
			(void)json_object_set_new(item, "extends", json_text(file));
	}
}

static json_t *item_make(const struct filter_finder *ff, size_t dir, const char *name,
	const char *file, const json_t *before)
{
	_cleanup_free_ char *description = filter_description(file);
	json_t *item = json_object();

	(void)json_object_set_new(item, "name", json_text(name));
	(void)json_object_set_new(item, "file", json_text(file));
	(void)json_object_set_new(item, "from", json_string(places[ff->places[dir]]));
	(void)json_object_set_new(item, "description", json_text(description));
	(void)json_object_set_new(
		item, "profiles", before ? json_array() : used_by(&ff->config, name));
	(void)json_object_set_new(item, "ok", json_true());
	(void)json_object_set_new(item, "error", json_null());
	(void)json_object_set_new(item, "extends", json_null());
	(void)json_object_set_new(item, "shadowed-by",
		before ? json_incref(json_object_get(before, "file")) : json_null());
	judge(ff, dir, name, item);
	return item;
}

static int list_dir(const struct filter_finder *ff, size_t dir, json_t *list, struct err *e)
{
	struct dirent **entries;
	int n = scandir(ff->dirs[dir], &entries, is_filter, alphasort);

	if (n < 0)
		return errno == ENOENT
			       ? 0
			       : err_set(e, errno, "%s: %s", ff->dirs[dir], strerror(errno));
	for (int i = 0; i < n; i++) {
		_cleanup_free_ struct dirent *entry = entries[i];
		_cleanup_free_ char *name = NULL, *file = NULL;

		name = strndup(entry->d_name, strlen(entry->d_name) - strlen(SUFFIX));
		if (!name || asprintf(&file, "%s/%s", ff->dirs[dir], entry->d_name) < 0)
			continue;
		(void)json_array_append_new(
			list, item_make(ff, dir, name, file, first_of(list, name)));
	}
	free(entries);
	return 0;
}

/* Profiles whose filter nobody has. */
static void list_missing(const struct filter_finder *ff, json_t *list)
{
	const struct policy *p = ff->config.policy;

	for (size_t i = 0; p && i < p->n_profiles; i++) {
		const char *name = p->profiles[i].filter;

		if (!first_of(list, name))
			(void)json_array_append_new(list,
				json_pack("{s:o, s:n, s:n, s:n, s:o, s:b, s:s, s:n, s:n}", "name",
					json_text(name), "file", "from", "description", "profiles",
					used_by(&ff->config, name), "ok", 0, "error",
					"there is no such filter", "extends", "shadowed-by"));
	}
}

/* ---- for people ---- */

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void print_profiles(const json_t *item)
{
	const json_t *profiles = json_object_get(item, "profiles");
	json_t *profile;
	size_t i;

	json_array_foreach(profiles, i, profile)(void)
		printf("%s%s", i ? ", " : "  used by profile ", json_string_value(profile));
	if (i > 0)
		(void)putchar('\n');
}

static void print_item(const json_t *item)
{
	const char *from = text_of(item, "from"), *description = text_of(item, "description");
	const char *file = text_of(item, "file"), *error = text_of(item, "error");
	const char *extends = text_of(item, "extends"), *shadow = text_of(item, "shadowed-by");

	(void)printf("%s%-16s%s %-8s %s\n", colour(stdout, BOLD), text_of(item, "name"),
		colour(stdout, PLAIN), from ? from : "missing", description ? description : "");
	if (file)
		(void)printf("  %s\n", file);
	if (shadow)
		(void)printf("  not the one that the name means: %s stands before it\n", shadow);
	if (extends)
		(void)printf("  goes on from %s\n", extends);
	print_profiles(item);
	if (error)
		(void)printf(
			"  %serror%s: %s\n", colour(stdout, RED), colour(stdout, PLAIN), error);
}

static int print_all(const struct filter_finder *ff, const json_t *list, bool json)
{
	int status = 0;
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (!json)
			print_item(item);
		if (!json_is_true(json_object_get(item, "ok")))
			status = 1;
	}
	if (json) {
		(void)json_dumpf(list, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else if (json_array_size(list) == 0) {
		(void)puts("no filters");
	}
	if (!ff->config.policy)
		(void)filter_fail(
			"list", "who uses them cannot be told: %s", ff->config_error.text);
	return status;
}

int cmd_filter_list(int argc, char **argv)
{
	_cleanup_(filter_finder_close) struct filter_finder ff;
	struct filter_options o;
	json_t *list;
	struct err e;
	int r;

	ff = (struct filter_finder){ .n_dirs = 0 };
	r = filter_options_read(argc, argv, "cj", &o);
	if (r != 0)
		return r < 0 ? 2 : 0;
	if (o.first < argc)
		return filter_fail("list", "'%s': list takes no names; see 'carrel filter show'",
			argv[o.first]);
	if (filter_finder_open(o.config, &ff, &e) < 0)
		return filter_fail("list", "%s", e.text);
	list = json_array();
	for (size_t i = 0; i < ff.n_dirs && r == 0; i++)
		r = list_dir(&ff, i, list, &e);
	if (r < 0) {
		json_decref(list);
		return filter_fail("list", "%s", e.text);
	}
	list_missing(&ff, list);
	r = print_all(&ff, list, o.json);
	json_decref(list);
	return r;
}
