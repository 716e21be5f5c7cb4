/*
 * bundle_linux - the "linux" of a bundle's config.json. Namespaces, cgroup and devices are the
 * helper's and policy's; what asks for no more than they give anyway is passed over.
 */
#include <errno.h>
#include <string.h>

#include "helper/cli/bundle_config.h"
#include "helper/cli/bundle_json.h"
#include "helper/cli/filter_import.h"
#include "policy/base/parse.h"

/* ---- namespaces and IDs ---- */

struct space {
	const char *type, *path;
};

static int take_space_word(const struct node *n, const struct row *row, void *data, struct err *e)
{
	struct space *s = data;

	return node_text(n, strcmp(row->key, "type") == 0 ? &s->type : &s->path, e);
}

static int take_space(const struct node *n, const struct row *row, void *data, struct err *e)
{
	static const char *const types[] = { "cgroup", "ipc", "mount", "network", "pid", "user",
		"uts" };
	static const struct row rows[] = {
		{ "type", take_space_word, NULL },
		{ "path", take_space_word, NULL },
		{ NULL, NULL, NULL },
	};
	const struct node path = { n, "path", 0, NULL };
	struct space s = { "", "" };
	struct bundle *b = data;
	char buf[64];
	int r = node_object(n, rows, &s, e);

	(void)row;
	if (r < 0)
		return r;
	if (s.path[0] != '\0')
		return node_refuse(&path, e, "a container is never put into namespaces that exist");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i], s.type) == 0) {
			b->net_own |= strcmp(s.type, "network") == 0;
			return 0;
		}
	return node_refuse(
		n, e, "there are no namespaces of type '%s'", import_printable(s.type, buf));
}

static int take_spaces(const struct node *n, const struct row *row, void *data, struct err *e)
{
	return node_list(n, row, take_space, data, e);
}

struct mapping {
	uint64_t inside, outside, size;
};

static int take_mapping_number(
	const struct node *n, const struct row *row, void *data, struct err *e)
{
	struct mapping *m = data;
	uint64_t *field = strcmp(row->key, "containerID") == 0 ? &m->inside
			  : strcmp(row->key, "hostID") == 0    ? &m->outside
							       : &m->size;

	return node_number(n, UINT32_MAX, field, e);
}

/* Root's files are the caller's on disk, and that is what a container of ours has, too. */
static int take_mapping(const struct node *n, const struct row *row, void *data, struct err *e)
{
	static const struct row rows[] = {
		{ "containerID", take_mapping_number, NULL },
		{ "hostID", take_mapping_number, NULL },
		{ "size", take_mapping_number, NULL },
		{ NULL, NULL, NULL },
	};
	struct mapping m = { 0, 0, 0 };
	const struct bundle *b = data;
	uint32_t owner = row->key[0] == 'u' ? b->own_uid : b->own_gid;
	int r = node_object(n, rows, &m, e);

	if (r < 0)
		return r;
	if (n->index > 0 || m.inside != 0 || m.outside != owner || m.size != 1)
		return node_refuse(n, e,
			"the IDs of a container are the administrator's; only { 0, %u, 1 } says "
			"the same",
			owner);
	return 0;
}

static int take_mappings(const struct node *n, const struct row *row, void *data, struct err *e)
{
	return node_list(n, row, take_mapping, data, e);
}

/* ---- devices ---- */

/* Those that every container has. */
static const struct {
	const char *path;
	uint64_t major, minor;
} devices[] = {
	{ "/dev/null", 1, 3 },
	{ "/dev/zero", 1, 5 },
	{ "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 },
	{ "/dev/urandom", 1, 9 },
	{ "/dev/tty", 5, 0 },
};

#define ANY UINT64_MAX
#define CONSOLE_MINOR 1
#define PTMX_MINOR 2
#define PTS_MAJOR 136

struct device {
	const char *path, *type, *access;
	uint64_t major, minor;
	bool allow;
};

static int take_device_word(const struct node *n, const struct row *row, void *data, struct err *e)
{
	struct device *d = data;

	return node_text(n,
		row->key[0] == 'p'   ? &d->path
		: row->key[0] == 't' ? &d->type
				     : &d->access,
		e);
}

/* -1 is any. */
static int take_device_number(
	const struct node *n, const struct row *row, void *data, struct err *e)
{
	struct device *d = data;
	uint64_t *field = strcmp(row->key, "major") == 0 ? &d->major : &d->minor;

	if (json_is_integer(n->j) && json_integer_value(n->j) == -1)
		return 0;
	return node_number(n, UINT32_MAX, field, e);
}

static int take_device_allow(const struct node *n, const struct row *row, void *data, struct err *e)
{
	(void)row;
	return node_flag(n, &((struct device *)data)->allow, e);
}

static bool is_usual(const struct device *d)
{
	if (strcmp(d->type, "c") != 0)
		return false;
	if (d->major == PTS_MAJOR ||
		(d->major == 5 && (d->minor == CONSOLE_MINOR || d->minor == PTMX_MINOR)))
		return true;
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (d->major == devices[i].major && d->minor == devices[i].minor)
			return true;
	return false;
}

static int take_device(const struct node *n, const struct row *row, void *data, struct err *e)
{
	static const struct row rows[] = {
		{ "path", take_device_word, NULL },
		{ "type", take_device_word, NULL },
		{ "major", take_device_number, NULL },
		{ "minor", take_device_number, NULL },
		{ "fileMode", row_pass, NULL },
		{ "uid", row_pass, NULL },
		{ "gid", row_pass, NULL },
		{ NULL, NULL, NULL },
	};
	struct device d = { .path = "", .type = "", .major = ANY, .minor = ANY };
	char buf[64];
	int r = node_object(n, rows, &d, e);

	(void)row;
	(void)data;
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (strcmp(d.path, devices[i].path) == 0 && strcmp(d.type, "c") == 0 &&
			d.major == devices[i].major && d.minor == devices[i].minor)
			return 0;
	return node_refuse(n, e, "'%s': which devices there are says the profile",
		import_printable(d.path, buf));
}

static int take_devices(const struct node *n, const struct row *row, void *data, struct err *e)
{
	return node_list(n, row, take_device, data, e);
}

/* A rule about devices. Making a node that cannot be opened ("m" alone) is nothing. */
static int take_device_rule(const struct node *n, const struct row *row, void *data, struct err *e)
{
	static const struct row rows[] = {
		{ "allow", take_device_allow, NULL },
		{ "type", take_device_word, NULL },
		{ "access", take_device_word, NULL },
		{ "major", take_device_number, NULL },
		{ "minor", take_device_number, NULL },
		{ NULL, NULL, NULL },
	};
	struct device d = { .type = "a", .access = "rwm", .major = ANY, .minor = ANY };
	int r = node_object(n, rows, &d, e);

	(void)row;
	(void)data;
	if (r < 0 || !d.allow || strcmp(d.access, "m") == 0 || is_usual(&d))
		return r;
	return node_refuse(n, e, "which devices can be used says the profile");
}

static int take_device_rules(const struct node *n, const struct row *row, void *data, struct err *e)
{
	return node_list(n, row, take_device_rule, data, e);
}

/* ---- resources ---- */

static const char limits[] =
	"limits are the profile's, and cannot be set for one container; take it out";

static int take_resources(const struct node *n, const struct row *row, void *data, struct err *e)
{
	static const struct row rows[] = {
		{ "devices", take_device_rules, NULL },
		{ "memory", row_refuse, limits },
		{ "cpu", row_refuse, limits },
		{ "pids", row_refuse, limits },
		{ "blockIO", row_refuse, limits },
		{ "hugepageLimits", row_refuse, limits },
		{ "network", row_refuse, limits },
		{ "rdma", row_refuse, limits },
		{ "unified", row_refuse, limits },
		{ NULL, NULL, NULL },
	};

	(void)row;
	return node_object(n, rows, data, e);
}

/* ---- the rest ---- */

/* /proc and /sys are the container's, and what would matter in them belongs to root of the host. */
static int take_masked(const struct node *n, const struct row *row, void *data, struct err *e)
{
	const char *path = NULL;
	char buf[64];
	int r = node_text(n, &path, e);

	(void)row;
	(void)data;
	if (r < 0 ||
		(path_valid(path) && (path_inside("/proc", path) || path_inside("/sys", path))))
		return r;
	return node_refuse(
		n, e, "'%s' lies neither in /proc nor in /sys", import_printable(path, buf));
}

static int take_masks(const struct node *n, const struct row *row, void *data, struct err *e)
{
	return node_list(n, row, take_masked, data, e);
}

static int take_propagation(const struct node *n, const struct row *row, void *data, struct err *e)
{
	static const char *const fine[] = { "", "private", "rprivate", "slave", "rslave" };
	const char *word = NULL;
	char buf[64];
	int r = node_text(n, &word, e);

	(void)row;
	(void)data;
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		if (strcmp(fine[i], word) == 0)
			return 0;
	return node_refuse(n, e, "'%s': mounts of a container never show outside",
		import_printable(word, buf));
}

/* Read by the importer of filters, from the text. */
static int take_seccomp(const struct node *n, const struct row *row, void *data, struct err *e)
{
	(void)row;
	if (!json_is_object(n->j))
		return node_refuse(n, e, "not an object");
	((struct bundle *)data)->has_filter = true;
	return 0;
}

static const char label[] = "labels of security modules are the profile's; take it out";

/* clang-format off */
static const struct row rows_linux[] = {
	{ "namespaces",        take_spaces, NULL },
	{ "uidMappings",       take_mappings, NULL },
	{ "gidMappings",       take_mappings, NULL },
	{ "devices",           take_devices, NULL },
	{ "resources",         take_resources, NULL },
	{ "seccomp",           take_seccomp, NULL },
	{ "rootfsPropagation", take_propagation, NULL },
	{ "maskedPaths",       take_masks, NULL },
	{ "readonlyPaths",     take_masks, NULL },
	{ "cgroupsPath",       row_pass, NULL },
	{ "mountLabel",        row_refuse, label },
	{ "sysctl",            row_refuse, "parameters of the kernel are not set for a container" },
	{ "timeOffsets",       row_refuse, "a container has the host's clocks" },
	{ "personality",       row_refuse, "use setarch(8) in the container" },
	{ "memoryPolicy",      row_refuse, "use numactl(8) in the container" },
	{ "netDevices",        row_refuse, "devices of the host's network stay there" },
	{ "intelRdt",          row_refuse, limits },
	{ NULL, NULL, NULL },
};
/* clang-format on */

int bundle_take_linux(const struct node *n, const struct row *row, void *data, struct err *e)
{
	(void)row;
	return node_object(n, rows_linux, data, e);
}
