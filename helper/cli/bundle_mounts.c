/*
 * bundle_mounts - the "mounts" of a bundle's config.json: binds, which policy judges, directories in
 * memory, and what every container has anyway.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/bundle_config.h"
#include "helper/cli/bundle_json.h"
#include "helper/cli/filter_import.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"

struct mount {
	const char *destination, *type, *source;
	json_t *options;
	bool is_bind, read_only;
};

/* What tools put into every bundle. The container has its own of each, whatever the options. */
static const struct {
	const char *destination, *type, *source; /* source NULL: any */
} own[] = {
	{ "/proc", "proc", NULL },
	{ "/dev", "tmpfs", NULL },
	{ "/dev/pts", "devpts", NULL },
	{ "/dev/shm", "tmpfs", NULL },
	{ "/dev/mqueue", "mqueue", NULL },
	{ "/sys", "sysfs", NULL },
	{ "/sys", "bind", "/sys" },
	{ "/sys/fs/cgroup", "cgroup", NULL },
	{ "/sys/fs/cgroup", "cgroup2", NULL },
};

/* Of a bind: what it is anyway, or what can be made of it. */
static const char *const harmless[] = { "bind", "rbind", "nosuid", "nodev", "exec", "rw", "ro",
	"relatime", "private", "rprivate", "slave", "rslave" };

/* Of a tmpfs, which is a directory of the container's own in memory; the rest says how much it holds,
 * which is for policy to say. */
static const char *const tmpfs_words[] = { "nosuid", "nodev", "exec", "noexec", "rw", "ro", "relatime",
	"norelatime", "noatime", "atime", "strictatime", "nodiratime", "diratime", "private",
	"rprivate", "slave", "rslave", "async" };
static const char *const tmpfs_values[] = { "mode=", "uid=", "gid=", "size=", "nr_inodes=",
	"nr_blocks=" };

static bool is_own(const struct mount *m)
{
	const char *type = m->is_bind ? "bind" : m->type;

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(m->destination, own[i].destination) == 0 &&
			strcmp(type, own[i].type) == 0 &&
			(!own[i].source || (m->source && strcmp(m->source, own[i].source) == 0)))
			return true;
	return false;
}

static int take_word(const struct node *n, const struct row *row, void *data, struct err *e)
{
	struct mount *m = data;
	const char **field = strcmp(row->key, "destination") == 0 ? &m->destination
			     : strcmp(row->key, "type") == 0      ? &m->type
								  : &m->source;

	return node_text(n, field, e);
}

static int take_option(const struct node *n, const struct row *row, void *data, struct err *e)
{
	struct mount *m = data;
	const char *word = NULL;
	int r = node_text(n, &word, e);

	(void)row;
	if (r < 0)
		return r;
	m->is_bind |= strcmp(word, "bind") == 0 || strcmp(word, "rbind") == 0;
	if (strcmp(word, "ro") == 0 || strcmp(word, "rw") == 0)
		m->read_only = word[1] == 'o';
	return 0;
}

static int take_options(const struct node *n, const struct row *row, void *data, struct err *e)
{
	((struct mount *)data)->options = n->j;
	return node_list(n, row, take_option, data, e);
}

static int options_check(const struct node *n, const struct mount *m, struct err *e)
{
	const struct node list = { n, "options", 0, m->options };
	char buf[64];
	json_t *word;
	size_t i, k;

	json_array_foreach(m->options, i, word)
	{
		const struct node at = { &list, NULL, i, word };
		const size_t all = sizeof(harmless) / sizeof(harmless[0]);

		for (k = 0; k < all && strcmp(harmless[k], json_string_value(word)) != 0; k++)
			;
		if (k == all)
			return node_refuse(&at, e, "'%s' cannot be kept to",
				import_printable(json_string_value(word), buf));
	}
	return 0;
}

static bool is_among(const char *word, const char *const *list, size_t n, bool begins)
{
	for (size_t i = 0; i < n; i++)
		if (begins ? strncmp(word, list[i], strlen(list[i])) == 0 : strcmp(word, list[i]) == 0)
			return true;
	return false;
}

static bool is_tmpfs_option(const char *word)
{
	return !strchr(word, ',') &&
	       (is_among(word, tmpfs_words, sizeof(tmpfs_words) / sizeof(tmpfs_words[0]), false) ||
		       is_among(word, tmpfs_values, sizeof(tmpfs_values) / sizeof(tmpfs_values[0]),
			       true));
}

static int tmpfs_add(const struct node *n, const struct mount *m, struct bundle *b, struct err *e)
{
	const struct node list = { n, "options", 0, m->options };
	struct bundle_bind *to = &b->binds[b->n_binds++];
	char buf[64];
	json_t *word;
	size_t i, room = 1;

	json_array_foreach(m->options, i, word) room += json_string_length(word) + 1;
	to->options = calloc(1, room);
	to->destination = strdup(m->destination);
	if (!to->options || !to->destination)
		return err_set(e, ENOMEM, "out of memory");
	json_array_foreach(m->options, i, word)
	{
		const struct node at = { &list, NULL, i, word };
		const char *text = json_string_value(word);

		if (strcmp(text, "tmpcopyup") == 0) {
			to->copies_up = true;
			continue;
		}
		if (!is_tmpfs_option(text))
			return node_refuse(
				&at, e, "'%s' cannot be kept to", import_printable(text, buf));
		if (to->options[0])
			(void)strcat(to->options, ",");
		(void)strcat(to->options, text);
	}
	return 0;
}

/* A relative source lies in the bundle, or the bundle would say what is beside it. */
static bool leaves(const char *path)
{
	for (const char *at = path; at; at = strchr(at, '/')) {
		at += *at == '/';
		if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0'))
			return true;
	}
	return false;
}

static int destination_check(const struct node *n, const struct mount *m, struct err *e)
{
	const struct node destination = { n, "destination", 0, NULL };
	char buf[64];

	if (path_valid(m->destination) && m->destination[1] != '\0')
		return 0;
	return node_refuse(&destination, e, "'%s' is no absolute path without '.' and '..'",
		import_printable(m->destination, buf));
}

static int bind_check(const struct node *n, const struct mount *m, struct err *e)
{
	const struct node source = { n, "source", 0, NULL };
	char buf[64];
	int r;

	if (!m->source || m->source[0] == '\0')
		return node_refuse(n, e, "has no source");
	if (m->source[0] != '/' && leaves(m->source))
		return node_refuse(
			&source, e, "'%s' leaves the bundle", import_printable(m->source, buf));
	r = destination_check(n, m, e);
	return r == 0 ? options_check(n, m, e) : r;
}

static int bind_add(const struct mount *m, struct bundle *b, struct err *e)
{
	struct bundle_bind *to = &b->binds[b->n_binds];

	to->source = strdup(m->source);
	to->destination = strdup(m->destination);
	to->read_only = m->read_only;
	b->n_binds++;
	return to->source && to->destination ? 0 : err_set(e, ENOMEM, "out of memory");
}

static int take_mount(const struct node *n, const struct row *row, void *data, struct err *e)
{
	static const struct row rows[] = {
		{ "destination", take_word, NULL },
		{ "type", take_word, NULL },
		{ "source", take_word, NULL },
		{ "options", take_options, NULL },
		{ "uidMappings", row_refuse, "binds have the caller's IDs; take it out" },
		{ "gidMappings", row_refuse, "binds have the caller's IDs; take it out" },
		{ NULL, NULL, NULL },
	};
	struct mount m = { .type = "" };
	struct bundle *b = data;
	char type[64], where[64];
	int r = node_object(n, rows, &m, e);

	(void)row;
	if (r < 0)
		return r;
	if (!m.destination)
		return node_refuse(n, e, "has no destination");
	m.is_bind |= strcmp(m.type, "bind") == 0;
	if (is_own(&m))
		return 0;
	if (!m.is_bind && strcmp(m.type, "tmpfs") != 0)
		return node_refuse(n, e,
			"a mount of type '%s' at '%s': besides what each container has, only binds "
			"and tmpfs can be had",
			import_printable(m.type, type), import_printable(m.destination, where));
	if (b->n_binds == BUNDLE_BINDS_MAX)
		return node_refuse(n, e, "more than %d binds and tmpfs", BUNDLE_BINDS_MAX);
	if (!m.is_bind) {
		r = destination_check(n, &m, e);
		return r == 0 ? tmpfs_add(n, &m, b, e) : r;
	}
	r = bind_check(n, &m, e);
	return r == 0 ? bind_add(&m, b, e) : r;
}

int bundle_take_mounts(const struct node *n, const struct row *row, void *data, struct err *e)
{
	return node_list(n, row, take_mount, data, e);
}
