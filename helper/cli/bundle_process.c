/*
 * bundle_process - the "process" of a bundle's config.json: what runs, as whom, and with how
 * little.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/bundle_config.h"
#include "helper/cli/bundle_json.h"
#include "helper/cli/filter_import.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"

#define UMASK 022 /* of every launch */

static int no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "out of memory");
}

/* ---- arguments and environment ---- */

static int take_arg(const struct node *n, const struct row *row, void *data, struct err *e)
{
	const char *text = NULL;
	int r = node_text(n, &text, e);

	(void)row;
	if (r == 0 && n->index == 0 && text[0] == '\0')
		return node_refuse(n, e, "empty, where the program should be named");
	return r == 0 && strv_add(&((struct bundle *)data)->args, text, strlen(text)) < 0
		       ? no_memory(e)
		       : r;
}

static int take_args(const struct node *n, const struct row *row, void *data, struct err *e)
{
	return node_list(n, row, take_arg, data, e);
}

static int take_variable(const struct node *n, const struct row *row, void *data, struct err *e)
{
	const char *text = NULL;
	char buf[64];
	int r = node_text(n, &text, e);

	(void)row;
	if (r == 0 && (text[0] == '=' || !strchr(text, '=')))
		return node_refuse(n, e, "'%s' is not NAME=VALUE", import_printable(text, buf));
	return r == 0 && strv_add(&((struct bundle *)data)->env, text, strlen(text)) < 0
		       ? no_memory(e)
		       : r;
}

static int take_env(const struct node *n, const struct row *row, void *data, struct err *e)
{
	return node_list(n, row, take_variable, data, e);
}

static int take_cwd(const struct node *n, const struct row *row, void *data, struct err *e)
{
	struct bundle *b = data;
	const char *text = NULL;
	char buf[64];
	int r = node_text(n, &text, e);

	(void)row;
	if (r < 0)
		return r;
	if (text[0] != '/')
		return node_refuse(n, e, "'%s' is no absolute path", import_printable(text, buf));
	b->cwd = strdup(text);
	return b->cwd ? 0 : no_memory(e);
}

static int take_terminal(const struct node *n, const struct row *row, void *data, struct err *e)
{
	(void)row;
	return node_flag(n, &((struct bundle *)data)->terminal, e);
}

static int take_no_new_privs(const struct node *n, const struct row *row, void *data, struct err *e)
{
	(void)row;
	return node_flag(n, &((struct bundle *)data)->no_new_privs, e);
}

/* ---- as whom ---- */

static int take_id(const struct node *n, const struct row *row, void *data, struct err *e)
{
	struct bundle *b = data;
	uint64_t id = 0;
	int r = node_number(n, UINT16_MAX - 1, &id, e);

	if (r == 0)
		*(row->why ? &b->gid : &b->uid) = (uint32_t)id;
	return r;
}

static int take_umask(const struct node *n, const struct row *row, void *data, struct err *e)
{
	uint64_t mask = 0;
	int r = node_number(n, 07777, &mask, e);

	(void)row;
	(void)data;
	return r == 0 && mask != UMASK
		       ? node_refuse(n, e, "the umask of a container is 022, %d", UMASK)
		       : r;
}

static int take_group(const struct node *n, const struct row *row, void *data, struct err *e)
{
	struct bundle *b = data;
	uint64_t id = 0;
	int r = node_number(n, UINT16_MAX - 1, &id, e);

	(void)row;
	if (r < 0)
		return r;
	for (size_t i = 0; i < b->n_groups; i++)
		if (b->groups[i] == id)
			return 0;
	if (b->n_groups == BUNDLE_GROUPS_MAX)
		return node_refuse(n, e, "more than %d groups", BUNDLE_GROUPS_MAX);
	b->groups[b->n_groups++] = (uint32_t)id;
	return 0;
}

static int take_groups(const struct node *n, const struct row *row, void *data, struct err *e)
{
	return node_list(n, row, take_group, data, e);
}

/* The own group need not be said. */
static void groups_reduce(struct bundle *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_groups; i++)
		if (b->groups[i] != b->gid)
			b->groups[n++] = b->groups[i];
	b->n_groups = n;
}

static int take_user(const struct node *n, const struct row *row, void *data, struct err *e)
{
	static const struct row rows[] = {
		{ "uid", take_id, NULL },
		{ "gid", take_id, "gid" },
		{ "umask", take_umask, NULL },
		{ "additionalGids", take_groups, NULL },
		{ "username", row_refuse, "this is for another operating system" },
		{ NULL, NULL, NULL },
	};

	(void)row;
	return node_object(n, rows, data, e);
}

/* ---- with how little ---- */

/* In the order of their numbers. */
static const char *const cap_names[] = { "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER",
	"FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE",
	"NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO",
	"SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE",
	"AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM",
	"BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE" };

_Static_assert(CAP_SETFCAP == 31 && CAP_CHECKPOINT_RESTORE == 40, "numbers as the kernel has them");

static int take_cap(const struct node *n, const struct row *row, void *data, struct err *e)
{
	struct bundle *b = data;
	const char *name = NULL;
	char buf[64];
	int r = node_text(n, &name, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(cap_names) / sizeof(cap_names[0]); i++) {
		if (strncmp(name, "CAP_", 4) != 0 || strcmp(name + 4, cap_names[i]) != 0)
			continue;
		/* What is executed as root gets all of the bounding set, and as somebody else
		 * all of the ambient one, whatever the other sets are. */
		if (strcmp(row->key, "ambient") == 0)
			b->ambient |= UINT64_C(1) << i;
		if (strcmp(row->key, "bounding") != 0 || (b->caps >> i & 1))
			return 0;
		b->caps |= UINT64_C(1) << i;
		return strv_add(&b->cap_names, name, strlen(name)) < 0 ? no_memory(e) : 0;
	}
	return node_refuse(n, e, "'%s' is no capability", import_printable(name, buf));
}

static int take_cap_list(const struct node *n, const struct row *row, void *data, struct err *e)
{
	return node_list(n, row, take_cap, data, e);
}

static int take_caps(const struct node *n, const struct row *row, void *data, struct err *e)
{
	static const struct row rows[] = {
		{ "bounding", take_cap_list, NULL },
		{ "effective", take_cap_list, NULL },
		{ "permitted", take_cap_list, NULL },
		{ "inheritable", take_cap_list, NULL },
		{ "ambient", take_cap_list, NULL },
		{ NULL, NULL, NULL },
	};

	(void)row;
	return node_object(n, rows, data, e);
}

/* clang-format off */
static const struct {
	const char *name;
	int resource;
} limit_names[] = {
	{ "RLIMIT_AS",         RLIMIT_AS },
	{ "RLIMIT_CORE",       RLIMIT_CORE },
	{ "RLIMIT_CPU",        RLIMIT_CPU },
	{ "RLIMIT_DATA",       RLIMIT_DATA },
	{ "RLIMIT_FSIZE",      RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS",      RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK",    RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE",   RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE",       RLIMIT_NICE },
	{ "RLIMIT_NOFILE",     RLIMIT_NOFILE },
	{ "RLIMIT_NPROC",      RLIMIT_NPROC },
	{ "RLIMIT_RSS",        RLIMIT_RSS },
	{ "RLIMIT_RTPRIO",     RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME",     RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK",      RLIMIT_STACK },
};
/* clang-format on */

const char *bundle_limit_name(int resource)
{
	for (size_t i = 0; i < sizeof(limit_names) / sizeof(limit_names[0]); i++)
		if (limit_names[i].resource == resource)
			return limit_names[i].name;
	return "?";
}

struct limit {
	int resource; /* -1: not said */
	bool has_soft, has_hard;
	struct rlimit value;
};

static int take_limit_type(const struct node *n, const struct row *row, void *data, struct err *e)
{
	struct limit *l = data;
	const char *name = NULL;
	char buf[64];
	int r = node_text(n, &name, e);

	(void)row;
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(limit_names) / sizeof(limit_names[0]); i++)
		if (strcmp(limit_names[i].name, name) == 0) {
			l->resource = limit_names[i].resource;
			return 0;
		}
	return node_refuse(n, e, "'%s' is no resource limit", import_printable(name, buf));
}

static int take_limit_value(const struct node *n, const struct row *row, void *data, struct err *e)
{
	struct limit *l = data;
	bool soft = strcmp(row->key, "soft") == 0;
	uint64_t value = 0;
	int r = node_number(n, UINT64_MAX, &value, e);

	if (r == 0) {
		*(soft ? &l->value.rlim_cur : &l->value.rlim_max) = value;
		*(soft ? &l->has_soft : &l->has_hard) = true;
	}
	return r;
}

static int take_limit(const struct node *n, const struct row *row, void *data, struct err *e)
{
	static const struct row rows[] = {
		{ "type", take_limit_type, NULL },
		{ "soft", take_limit_value, NULL },
		{ "hard", take_limit_value, NULL },
		{ NULL, NULL, NULL },
	};
	struct limit l = { .resource = -1 };
	struct bundle *b = data;
	int r = node_object(n, rows, &l, e);

	(void)row;
	if (r < 0)
		return r;
	if (l.resource < 0 || !l.has_soft || !l.has_hard)
		return node_refuse(n, e, "needs type, soft and hard");
	if (l.value.rlim_cur > l.value.rlim_max)
		return node_refuse(n, e, "soft is above hard");
	if (b->limited[l.resource])
		return node_refuse(n, e, "the second one of its type");
	if (l.resource == RLIMIT_CORE && l.value.rlim_max != 0)
		return node_refuse(
			n, e, "no core is dumped in a container, since the host would do it");
	b->limits[l.resource] = l.value;
	b->limited[l.resource] = true;
	return 0;
}

static int take_limits(const struct node *n, const struct row *row, void *data, struct err *e)
{
	return node_list(n, row, take_limit, data, e);
}

static int take_oom_score_adj(
	const struct node *n, const struct row *row, void *data, struct err *e)
{
	struct bundle *b = data;
	json_int_t value = json_integer_value(n->j);

	(void)row;
	if (!json_is_integer(n->j) || value < -1000 || value > 1000)
		return node_refuse(n, e, "no number from -1000 to 1000");
	b->oom_score_adj = (int)value;
	b->has_oom_score_adj = true;
	return 0;
}

static const char labels[] = "labels of security modules are the profile's; take it out";
static const char priorities[] =
	"priorities are the caller's: use nice(1), ionice(1), chrt(1), taskset(1) and take it out";

/* clang-format off */
static const struct row rows_process[] = {
	{ "terminal",        take_terminal, NULL },
	{ "consoleSize",     row_pass, NULL },
	{ "user",            take_user, NULL },
	{ "args",            take_args, NULL },
	{ "commandLine",     row_refuse, "this is for another operating system" },
	{ "env",             take_env, NULL },
	{ "cwd",             take_cwd, NULL },
	{ "capabilities",    take_caps, NULL },
	{ "rlimits",         take_limits, NULL },
	{ "noNewPrivileges", take_no_new_privs, NULL },
	{ "oomScoreAdj",     take_oom_score_adj, NULL },
	{ "apparmorProfile", row_refuse, labels },
	{ "selinuxLabel",    row_refuse, labels },
	{ "scheduler",       row_refuse, priorities },
	{ "ioPriority",      row_refuse, priorities },
	{ "execCPUAffinity", row_refuse, priorities },
	{ NULL, NULL, NULL },
};
/* clang-format on */

int bundle_take_process(const struct node *n, const struct row *row, void *data, struct err *e)
{
	(void)row;
	return node_object(n, rows_process, data, e);
}

int bundle_check_process(struct bundle *b, const struct node *n, struct err *e)
{
	json_t *process = json_object_get(n->j, "process");
	const struct node at = { n, "process", 0, process };
	const struct node caps = { &at, "capabilities", 0,
		json_object_get(process, "capabilities") };
	const struct node ambient = { &caps, "ambient", 0, json_object_get(caps.j, "ambient") };

	if (!json_is_object(process))
		return node_refuse(n, e, "has no process");
	if (!b->cwd)
		return node_refuse(&at, e, "has no cwd");
	groups_reduce(b);
	if (b->ambient & ~b->caps)
		return node_refuse(&ambient, e, "more than the bounding ones");
	return 0;
}
