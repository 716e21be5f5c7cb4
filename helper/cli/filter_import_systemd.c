/*
 * filter_import_systemd - SystemCallFilter= and its like in a unit, a drop-in or a bare list of
 * lines, as systemd.exec(5) describes them.
 *
 * systemd stacks one filter for each kind of line; a call passes if all of them let it pass. They
 * speak of different calls, apart from SystemCallFilter=, so that each call gets the rules of one
 * and the others cannot disturb them.
 */
#include <errno.h>
#include <linux/audit.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>

#include "helper/cli/filter_import.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/config.h"

#define ERROR_NONE (-1) /* SystemCallErrorNumber= decides */
#define ERROR_KILL (-2)

/* One call that SystemCallFilter= has put on its list. */
struct entry {
	char name[SYSCALL_NAME_MAX];
	int error;
};

struct unit {
	const struct import_options *o;
	struct import *im;
	struct err *e;
	unsigned line;

	bool filtering, allow_list;
	struct entry *entries;
	size_t n_entries;
	int error; /* SystemCallErrorNumber= */

	bool families_set, families_allow;
	struct strv families;

	bool namespaces_set;
	unsigned long namespaces; /* that may be made */

	bool lock_personality;
	unsigned long persona;
	bool arches_set;
	bool found; /* any line that means something to us */
};

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

static struct entry *entry_find(struct unit *u, const char *name)
{
	for (size_t i = 0; i < u->n_entries; i++)
		if (strcmp(u->entries[i].name, name) == 0)
			return &u->entries[i];
	return NULL;
}

static int entry_put(struct unit *u, const char *name, int error)
{
	struct entry *found = entry_find(u, name), *grown;
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
	struct entry *found = entry_find(u, name);

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

static const struct {
	const char *name;
	unsigned long flag;
} namespaces[] = {
	{ "cgroup", CLONE_NEWCGROUP },
	{ "ipc", CLONE_NEWIPC },
	{ "net", CLONE_NEWNET },
	{ "mnt", CLONE_NEWNS },
	{ "pid", CLONE_NEWPID },
	{ "user", CLONE_NEWUSER },
	{ "uts", CLONE_NEWUTS },
};
#define N_NAMESPACES (sizeof(namespaces) / sizeof(*namespaces))
#define NAMESPACES_ALL                                                                             \
	(CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID |              \
		CLONE_NEWUSER | CLONE_NEWUTS)

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

		while (i < N_NAMESPACES && strcmp(namespaces[i].name, w) != 0)
			i++;
		if (i == N_NAMESPACES)
			return err_set(u->e, EINVAL, "line %u: unknown namespace '%s'", u->line,
				import_printable(w, buf));
		flags |= namespaces[i].flag;
	}
	if (!u->namespaces_set)
		u->namespaces = invert ? NAMESPACES_ALL & ~flags : flags;
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
static int lines_read(struct unit *u, char *text)
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

static struct import_action unit_action(const struct unit *u, int error)
{
	if (error == ERROR_NONE)
		error = u->error;
	if (error == ERROR_KILL)
		return (struct import_action){ .kind = CALL_KILL };
	return (struct import_action){ CALL_REFUSE, error };
}

static int filter_put_down(struct unit *u)
{
	const struct import_action allow = { .kind = CALL_ALLOW };

	u->im->otherwise = u->allow_list ? unit_action(u, ERROR_NONE) : allow;
	for (size_t i = 0; i < u->n_entries; i++) {
		const struct entry *n = &u->entries[i];
		struct import_rule rule = { .n_conds = 0 };
		struct import_call *c = import_call(u->im, n->name);
		int r;

		if (!c)
			return err_set(u->e, ENOMEM, "out of memory");
		rule.action =
			u->allow_list && n->error == ERROR_NONE ? allow : unit_action(u, n->error);
		(void)snprintf(rule.where, sizeof(rule.where), "SystemCallFilter=");
		r = import_rule_add(c, &rule, u->e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The call, if the lines so far allow it: then the conditions of the others are all that counts. */
static int call_open(struct unit *u, const char *name, struct import_call **ret)
{
	struct import_call *c = import_call(u->im, name);
	struct import_action now;

	*ret = NULL;
	if (!c)
		return err_set(u->e, ENOMEM, "out of memory");
	now = c->n_rules ? c->rules[0].action : c->otherwise;
	if (now.kind != CALL_ALLOW)
		return 0;
	c->n_rules = 0;
	c->otherwise = now;
	*ret = c;
	return 0;
}

static int cond_put_down(struct unit *u, const char *name, const char *where, int error,
	const struct import_cond *cond)
{
	struct import_rule rule = { .action = { CALL_REFUSE, error }, .n_conds = cond ? 1 : 0 };
	struct import_call *c = import_call(u->im, name);

	if (!c)
		return err_set(u->e, ENOMEM, "out of memory");
	if (cond)
		rule.conds[0] = *cond;
	(void)snprintf(rule.where, sizeof(rule.where), "%s", where);
	return import_rule_add(c, &rule, u->e);
}

/* Refused: the named families, or all numbers between and above the named ones. */
static int families_put_down(struct unit *u)
{
	const struct syscall_arg *domain = syscall_arg("socket", "domain");
	static const char where[] = "RestrictAddressFamilies=";
	struct import_call *c;
	uint64_t number, largest = 0;
	int r = call_open(u, "socket", &c);

	if (r < 0 || !c)
		return r;
	if (!u->families_allow || u->families.n == 0) {
		for (size_t i = 0; i < u->families.n && r == 0; i++) {
			(void)syscall_constant(domain, u->families.v[i], &number);
			r = cond_put_down(u, "socket", where, EAFNOSUPPORT,
				&(struct import_cond){ domain->index, OP_EQ, number, 0 });
		}
		if (u->families_allow)
			r = cond_put_down(u, "socket", where, EAFNOSUPPORT, NULL);
		return r;
	}
	for (size_t i = 0; i < u->families.n; i++) {
		(void)syscall_constant(domain, u->families.v[i], &number);
		largest = number > largest ? number : largest;
	}
	for (uint64_t f = 0; f < largest && r == 0; f++) {
		bool named = false;

		for (size_t i = 0; i < u->families.n; i++) {
			(void)syscall_constant(domain, u->families.v[i], &number);
			named = named || number == f;
		}
		if (!named)
			r = cond_put_down(u, "socket", where, EAFNOSUPPORT,
				&(struct import_cond){ domain->index, OP_EQ, f, 0 });
	}
	if (r == 0)
		r = cond_put_down(u, "socket", where, EAFNOSUPPORT,
			&(struct import_cond){ domain->index, OP_GT, largest, 0 });
	return r;
}

static int namespaces_put_down(struct unit *u)
{
	static const struct {
		const char *call, *arg;
	} calls[] = { { "unshare", "flags" }, { "clone", "flags" }, { "setns", "nstype" } };
	static const char where[] = "RestrictNamespaces=";
	struct import_call *c;
	int r = call_open(u, "clone3", &c);

	/* Its flags lie in memory; on an older kernel programs use clone. */
	if (r == 0 && c)
		r = cond_put_down(u, "clone3", where, ENOSYS, NULL);
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls) && r == 0; i++) {
		const unsigned index = syscall_arg(calls[i].call, calls[i].arg)->index;

		r = call_open(u, calls[i].call, &c);
		if (r < 0 || !c)
			continue;
		/* setns with 0 takes a namespace of any kind. */
		if (i == 2)
			r = cond_put_down(u, calls[i].call, where, EPERM,
				u->namespaces ? &(struct import_cond){ index, OP_EQ, 0, 0 } : NULL);
		for (size_t k = 0; k < N_NAMESPACES && r == 0; k++) {
			const unsigned long flag = namespaces[k].flag;

			if (!(u->namespaces & flag))
				r = cond_put_down(u, calls[i].call, where, EPERM,
					&(struct import_cond){ index, OP_MASKED_EQ, flag, flag });
		}
	}
	return r;
}

static int unit_put_down(struct unit *u)
{
	struct import_call *c;
	int r;

	u->im->otherwise = (struct import_action){ .kind = CALL_ALLOW };
	r = u->filtering ? filter_put_down(u) : 0;
	if (r == 0 && u->families_set)
		r = families_put_down(u);
	if (r == 0 && u->namespaces_set && u->namespaces != NAMESPACES_ALL)
		r = namespaces_put_down(u);
	if (r < 0 || !u->lock_personality)
		return r;
	r = call_open(u, "personality", &c);
	if (r == 0 && c)
		r = cond_put_down(u, "personality", "LockPersonality=", EPERM,
			&(struct import_cond){ 0, OP_NE, u->persona, 0 });
	return r;
}

int import_systemd(const char *text, size_t len, const struct import_options *o, struct import *ret,
	struct err *e)
{
	struct unit u = { .o = o, .im = ret, .e = e, .error = ERROR_KILL, .persona = PER_LINUX };
	_cleanup_free_ char *copy = strndup(text, len);
	int r;

	if (!copy)
		return err_set(e, ENOMEM, "out of memory");
	if (memchr(text, '\0', len))
		return err_set(e, EINVAL, "a NUL byte");
	ret->form = "lines of a systemd unit";
	r = lines_read(&u, copy);
	if (r == 0 && !u.found)
		r = err_set(e, EINVAL,
			"neither JSON nor a unit with SystemCallFilter= or another line of its "
			"kind");
	if (r == 0)
		r = unit_put_down(&u);
	/* Without a list systemd leaves every ABI open, and filters it the same way. */
	if (!u.arches_set)
		ret->i386 = ret->x32 = o->arch == AUDIT_ARCH_X86_64;
	free(u.entries);
	strv_done(&u.families);
	return r;
}
