/*
 * bundle_config - config.json of an OCI bundle, top level and root.
 *
 * The specification tells runtimes to pass over keys that they do not know. Here such a key is
 * refused: who wrote it wanted something, and would not get it.
 */
#include "helper/cli/bundle_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/bundle_json.h"
#include "helper/cli/filter_import.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

static const char other_system[] = "this is for another operating system";

static void cleanup_json(json_t **j)
{
	json_decref(*j);
}

static int take_version(const struct node *n, const struct row *row, void *data, struct err *e)
{
	const char *text = NULL;
	char buf[64];
	int r = node_text(n, &text, e);

	(void)row;
	(void)data;
	if (r < 0 || strncmp(text, "1.", 2) == 0)
		return r;
	return node_refuse(n, e, "'%s': only versions 1.x of the specification are understood",
		import_printable(text, buf));
}

static int take_hostname(const struct node *n, const struct row *row, void *data, struct err *e)
{
	struct bundle *b = data;
	char **field = row->key[0] == 'h' ? &b->hostname : &b->domainname;
	const char *text = NULL;
	int r = node_text(n, &text, e);

	if (r < 0 || text[0] == '\0')
		return r;
	*field = strdup(text);
	return *field ? 0 : err_set(e, ENOMEM, "out of memory");
}

static int take_hooks(const struct node *n, const struct row *row, void *data, struct err *e)
{
	static const char why[] = "programs of the host are not run for a container";
	static const struct row rows[] = {
		{ "prestart", row_refuse, why },
		{ "createRuntime", row_refuse, why },
		{ "createContainer", row_refuse, why },
		{ "startContainer", row_refuse, why },
		{ "poststart", row_refuse, why },
		{ "poststop", row_refuse, why },
		{ NULL, NULL, NULL },
	};

	(void)row;
	return node_object(n, rows, data, e);
}

static int take_path(const struct node *n, const struct row *row, void *data, struct err *e)
{
	struct bundle *b = data;
	const char *text = NULL;
	int r = node_text(n, &text, e);

	(void)row;
	if (r < 0)
		return r;
	if (text[0] == '\0')
		return node_refuse(n, e, "empty");
	b->root = strdup(text);
	return b->root ? 0 : err_set(e, ENOMEM, "out of memory");
}

static int take_readonly(const struct node *n, const struct row *row, void *data, struct err *e)
{
	(void)row;
	return node_flag(n, &((struct bundle *)data)->read_only, e);
}

static int take_root(const struct node *n, const struct row *row, void *data, struct err *e)
{
	static const struct row rows[] = {
		{ "path", take_path, NULL },
		{ "readonly", take_readonly, NULL },
		{ NULL, NULL, NULL },
	};

	(void)row;
	return node_object(n, rows, data, e);
}

/* clang-format off */
static const struct row top[] = {
	{ "ociVersion",  take_version, NULL },
	{ "process",     bundle_take_process, NULL },
	{ "root",        take_root, NULL },
	{ "hostname",    take_hostname, NULL },
	{ "domainname",  take_hostname, NULL },
	{ "mounts",      bundle_take_mounts, NULL },
	{ "hooks",       take_hooks, NULL },
	{ "annotations", row_pass, NULL },
	{ "linux",       bundle_take_linux, NULL },
	{ "freebsd",     row_refuse, other_system },
	{ "solaris",     row_refuse, other_system },
	{ "vm",          row_refuse, other_system },
	{ "windows",     row_refuse, other_system },
	{ "zos",         row_refuse, other_system },
	{ NULL, NULL, NULL },
};
/* clang-format on */

int bundle_read(const char *text, size_t len, struct bundle *ret, struct err *e)
{
	_cleanup_(cleanup_json) json_t *j = NULL;
	struct node n = { NULL, NULL, 0, NULL };
	int r = json_text_read(text, len, &j, e);

	if (r < 0)
		return r;
	n.j = j;
	r = node_object(&n, top, ret, e);
	if (r == 0 && !json_object_get(j, "ociVersion"))
		r = node_refuse(&n, e, "has no ociVersion: is it a bundle's?");
	if (r == 0 && !ret->root)
		r = node_refuse(&n, e, "has no root.path");
	return r == 0 ? bundle_check_process(ret, &n, e) : r;
}

void bundle_done(struct bundle *b)
{
	strv_done(&b->args);
	strv_done(&b->env);
	strv_done(&b->cap_names);
	free(b->cwd);
	free(b->root);
	free(b->hostname);
	free(b->domainname);
	for (size_t i = 0; i < b->n_binds; i++) {
		free(b->binds[i].source);
		free(b->binds[i].destination);
		free(b->binds[i].options);
	}
}
