/*
 * filter_import_unit - the lines of a systemd unit, as systemd.exec(5) describes them.
 */
#include "helper/cli/filter_import_unit.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/config.h"

static const char words_blank[] = " \t";

static int error_read(const struct unit *u, const char *word, int *ret)
{
	char buf[64];

	*ret = strcmp(word, "kill") == 0 ? ERROR_KILL : import_errno(word);
	if (*ret == -EINVAL)
		return err_set(u->e, EINVAL, "line %u: unknown error '%s'", u->line,
			import_printable(word, buf));
	return 0;
}

static struct unit_entry *entry_find(struct unit *u, const char *name)
{
	for (size_t i = 0; i < u->n_entries; i++)
		if (strcmp(u->entries[i].name, name) == 0)
			return &u->entries[i];
	return NULL;
}

static int entry_put(struct unit *u, const char *name, int error)
{
	struct unit_entry *found = entry_find(u, name), *grown;
	char buf[64];

	if (!import_name_valid(name))
		return err_set(u->e, EINVAL, "line %u: '%s' is no name of a system call", u->line,
			import_printable(name, buf));
	if (!found) {
		grown = reallocarray(u->entries, u->n_entries + 1, sizeof(*grown));
		if (!grown)
			return err_set(u->e, ENOMEM, "out of memory");
		u->entries = grown;
		found = &u->entries[u->n_entries++];
		strcpy(found->name, name);
	}
	found->error = error;
	return 0;
}

static void entry_remove(struct unit *u, const char *name)
{
	struct unit_entry *found = entry_find(u, name);

	if (found)
		*found = u->entries[--u->n_entries];
}

static int name_apply(struct unit *u, const char *name, int error, bool invert);

static int known_apply(struct unit *u, int error, bool invert)
{
	char name[SYSCALL_NAME_MAX];
	int r = 0;

	for (int n = 0; n < SYSCALLS_MAX && r == 0; n++)
		if (syscall_name(u->o->arch, n, name))
			r = name_apply(u, name, error, invert);
	return r;
}

static int group_apply(struct unit *u, const char *group, int error, bool invert)
{
	_cleanup_free_ char *members = NULL;
	const char *list = syscall_group(group);
	char *save = NULL, buf[64];
	int r = 0;

	if (strcmp(group, "@known") == 0)
		return known_apply(u, error, invert);
	if (!list)
		return err_set(u->e, EINVAL, "line %u: unknown group '%s'", u->line,
			import_printable(group, buf));
	members = strdup(list);
	if (!members)
		return err_set(u->e, ENOMEM, "out of memory");
	for (char *m = strtok_r(members, " ", &save); m && r == 0; m = strtok_r(NULL, " ", &save))
		r = name_apply(u, m, error, invert);
	return r;
}

/* A list of the kind that came first grows by lines of its kind and shrinks by those of the other.
 */
static int name_apply(struct unit *u, const char *name, int error, bool invert)
{
	if (name[0] == '@')
		return group_apply(u, name, error, invert);
	if (invert != u->allow_list || (invert && u->allow_list && error != ERROR_NONE))
		return entry_put(u, name, error);
	entry_remove(u, name);
	return 0;
}

static int filter_line(struct unit *u, char *value)
{
	bool invert = value[0] == '~';
	char *save = NULL;
	int r = 0;

	if (!*value) {
		free(u->entries);
		u->entries = NULL;
		u->n_entries = 0;
		u->filtering = u->allow_list = false;
		return 0;
	}
	if (!u->filtering) {
		u->filtering = true;
		u->allow_list = !invert;
		if (!invert)
			r = group_apply(u, "@default", ERROR_NONE, false);
	}
	for (char *w = strtok_r(value + invert, words_blank, &save); w && r == 0;
		w = strtok_r(NULL, words_blank, &save)) {
		char *colon = strchr(w, ':');
		int error = ERROR_NONE;

		if (colon) {
			*colon = '\0';
			r = error_read(u, colon + 1, &error);
		}
		if (r == 0)
			r = name_apply(u, w, error, invert);
	}
	return r;
}

static int error_line(struct unit *u, char *value)
{
	u->error = ERROR_KILL;
	return *value ? error_read(u, value, &u->error) : 0;
}

static int families_line(struct unit *u, char *value)
{
	const struct syscall_arg *domain = syscall_arg("socket", "domain");
	bool invert = value[0] == '~', none = strcmp(value, "none") == 0;
	char *save = NULL, buf[64];
	uint64_t number;

	if (!*value || none) {
		strv_done(&u->families);
		u->families_set = u->families_allow = none;
		return 0;
	}
	if (!u->families_set) {
		u->families_set = true;
		u->families_allow = !invert;
	}
	for (char *w = strtok_r(value + invert, words_blank, &save); w;
		w = strtok_r(NULL, words_blank, &save)) {
		if (strncmp(w, "AF_", 3) != 0 || syscall_constant(domain, w, &number) < 0)
			return err_set(u->e, EINVAL, "line %u: unknown address family '%s'",
				u->line, import_printable(w, buf));
		if (invert != u->families_allow) {
			if (!strv_has(&u->families, w) && strv_add(&u->families, w, strlen(w)) < 0)
				return err_set(u->e, ENOMEM, "out of memory");
			continue;
		}
		for (size_t i = 0; i < u->families.n; i++) {
			if (strcmp(u->families.v[i], w) == 0) {
				free(u->families.v[i]);
				u->families.v[i--] = u->families.v[--u->families.n];
			}
		}
	}
	return 0;
}

const struct unit_namespace unit_namespaces[] = {
	{ "cgroup", CLONE_NEWCGROUP },
	{ "ipc", CLONE_NEWIPC },
	{ "net", CLONE_NEWNET },
	{ "mnt", CLONE_NEWNS },
	{ "pid", CLONE_NEWPID },
	{ "user", CLONE_NEWUSER },
	{ "uts", CLONE_NEWUTS },
	{ NULL, 0 },
};

/* systemd takes more words for a truth value than we do. */
static int truth_read(const char *word, bool *ret)
{
	static const char *const words[] = { "no", "yes", "n", "y", "false", "true", "f", "t",
		"off", "on", "0", "1" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcasecmp(words[i], word) == 0) {
			*ret = i % 2;
			return 0;
		}
	}
	return -EINVAL;
}

static int namespaces_line(struct unit *u, char *value)
{
	bool invert = value[0] == '~', yes;
	unsigned long flags = 0;
	char *save = NULL, buf[64];

	if (!*value || truth_read(value, &yes) == 0) {
		u->namespaces_set = *value && yes;
		u->namespaces = 0;
		return 0;
	}
	for (char *w = strtok_r(value + invert, words_blank, &save); w;
		w = strtok_r(NULL, words_blank, &save)) {
		size_t i = 0;

		while (unit_namespaces[i].name && strcmp(unit_namespaces[i].name, w) != 0)
			i++;
		if (!unit_namespaces[i].name)
			return err_set(u->e, EINVAL, "line %u: unknown namespace '%s'", u->line,
				import_printable(w, buf));
		flags |= unit_namespaces[i].flag;
	}
	if (!u->namespaces_set)
		u->namespaces = invert ? UNIT_NAMESPACES_ALL & ~flags : flags;
	else
		u->namespaces = invert ? u->namespaces & ~flags : u->namespaces | flags;
	u->namespaces_set = true;
	return 0;
}

static int lock_line(struct unit *u, char *value)
{
	if (!*value) {
		u->lock_personality = false;
		return 0;
	}
	if (truth_read(value, &u->lock_personality) < 0)
		return err_set(u->e, EINVAL, "line %u: LockPersonality= is yes or no", u->line);
	return 0;
}

static int persona_line(struct unit *u, char *value)
{
	u->persona = strcmp(value, "x86") == 0 ? PER_LINUX32 : PER_LINUX;
	return 0;
}

static int arches_line(struct unit *u, char *value)
{
	char *save = NULL;

	if (!u->arches_set || !*value)
		u->im->i386 = u->im->x32 = false;
	u->arches_set = *value;
	for (char *w = strtok_r(value, words_blank, &save); w;
		w = strtok_r(NULL, words_blank, &save)) {
		u->im->i386 = u->im->i386 || strcmp(w, "x86") == 0;
		u->im->x32 = u->im->x32 || strcmp(w, "x32") == 0;
	}
	return 0;
}

static const struct {
	const char *key;
	int (*read)(struct unit *u, char *value);
} keys[] = {
	{ "SystemCallFilter", filter_line },
	{ "SystemCallErrorNumber", error_line },
	{ "SystemCallArchitectures", arches_line },
	{ "RestrictAddressFamilies", families_line },
	{ "RestrictNamespaces", namespaces_line },
	{ "LockPersonality", lock_line },
	{ "Personality", persona_line },
};

/* These filter system calls as well, or allow what the filter says to be logged; none is read. */
static const char *const passed_over[] = { "MemoryDenyWriteExecute", "RestrictRealtime",
	"RestrictSUIDSGID", "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs",
	"ProtectClock", "ProtectHostname", "PrivateDevices", "SystemCallLog",
	"RestrictFileSystems" };

static int key_read(struct unit *u, const char *key, char *value)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (strcmp(keys[i].key, key) == 0) {
			u->found = true;
			return keys[i].read(u, value);
		}
	}
	for (size_t i = 0; i < sizeof(passed_over) / sizeof(*passed_over); i++)
		if (strcmp(passed_over[i], key) == 0)
			import_note(u->im, "line %u: %s= is not taken over", u->line, key);
	return 0;
}

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, words_blank);
	n = strlen(s);
	while (n > 0 && strchr(" \t\r", s[n - 1]))
		n--;
	s[n] = '\0';
	return s;
}

/* One whole line, continuations joined. */
static int line_read(struct unit *u, char *line, bool *ours)
{
	static const char *const sections[] = { "[Service]", "[Socket]", "[Mount]", "[Swap]" };
	char *equals;

	line = trim(line);
	if (line[0] == '[') {
		*ours = false;
		for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++)
			*ours = *ours || strcmp(sections[i], line) == 0;
		return 0;
	}
	equals = strchr(line, '=');
	if (!*line || !*ours)
		return 0;
	if (!equals)
		return err_set(u->e, EINVAL, "line %u: neither a section nor KEY=VALUE", u->line);
	*equals = '\0';
	return key_read(u, trim(line), trim(equals + 1));
}

/* A backslash at the end goes on in the next line; comment lines in between do not count. */
int unit_read(struct unit *u, char *text)
{
	char *whole = NULL, *to = NULL, *next;
	unsigned number = 0;
	bool ours = true;
	int r = 0;

	for (char *line = text; line && r == 0; line = next) {
		size_t n, blank;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		number++;
		blank = strspn(line, words_blank);
		if (line[blank] == '#' || line[blank] == ';')
			continue;
		if (!whole) {
			whole = to = line;
			u->line = number;
		}
		n = strlen(line);
		memmove(to, line, n + 1); /* never forwards */
		to += n;
		if (n > 0 && to[-1] == '\\' && next) {
			to[-1] = ' ';
			continue;
		}
		r = line_read(u, whole, &ours);
		whole = NULL;
	}
	if (whole && r == 0)
		r = line_read(u, whole, &ours);
	return r;
}

void unit_done(struct unit *u)
{
	free(u->entries);
	strv_done(&u->families);
}
