/*
 * filter_export_systemd - a resolved filter as lines for the [Service] section of a unit.
 *
 * systemd's list is of calls and not of arguments; the few rules about arguments that it has lines
 * for are said, the others are named as not said.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/filter_export.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define COLUMNS 96
#define NAMESPACES                                                                                 \
	(CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID |              \
		CLONE_NEWUSER | CLONE_NEWUTS)

/* A list too long for one line goes on in further lines of the same key. */
struct list {
	FILE *out;
	const char *key;
	size_t column;
};

static void list_put(struct list *l, const char *word)
{
	if (l->column && l->column + 1 + strlen(word) > COLUMNS) {
		(void)fputc('\n', l->out);
		l->column = 0;
	}
	l->column += (size_t)fprintf(l->out, "%s%s", l->column ? " " : l->key, word);
}

static void list_end(struct list *l)
{
	if (l->column)
		(void)fputc('\n', l->out);
	l->column = 0;
}

/* Members of @default are on every list of systemd's that allows. */
static bool is_default(const char *name, const char *group)
{
	_cleanup_free_ char *members = strdup(syscall_group(group));
	char *save = NULL;

	for (char *m = members ? strtok_r(members, " ", &save) : NULL; m;
		m = strtok_r(NULL, " ", &save))
		if (m[0] == '@' ? is_default(name, m) : strcmp(m, name) == 0)
			return true;
	return false;
}

static void calls_put(const struct verdict_table *t, FILE *out)
{
	struct list allowed = { .out = out, .key = "SystemCallFilter=" };
	struct list errors = { .out = out, .key = "SystemCallFilter=" };
	struct list taken = { .out = out, .key = "SystemCallFilter=~" };
	char name[SYSCALL_NAME_MAX], word[SYSCALL_NAME_MAX + 24];

	for (int n = 0; n < SYSCALLS_MAX; n++)
		if (syscall_name(t->arch, n, name) && t->call[n].action >= CALL_LOG)
			list_put(&allowed, name);
	/* The first line decides that the list is one of what is allowed. */
	if (!allowed.column)
		list_put(&allowed, "@default");
	list_end(&allowed);
	for (int n = 0; n < SYSCALLS_MAX; n++) {
		const struct call_verdict *v = &t->call[n];

		if (!syscall_name(t->arch, n, name) || v->action >= CALL_LOG ||
			(v->action == CALL_REFUSE && v->error == EPERM))
			continue;
		(void)snprintf(word, sizeof(word), "%s:%s", name,
			v->action == CALL_KILL ? "kill" : strerrorname_np(v->error));
		list_put(&errors, word);
	}
	list_end(&errors);
	for (int n = 0; n < SYSCALLS_MAX; n++)
		if (syscall_name(t->arch, n, name) && t->call[n].action == CALL_REFUSE &&
			t->call[n].error == EPERM && is_default(name, "@default"))
			list_put(&taken, name);
	list_end(&taken);
}

static const char *constant(const struct syscall_arg *arg, const struct match *m)
{
	for (const struct arg_constant *c = arg->constants; c && c->name; c++)
		if (m->mask == syscall_arg_mask(arg) && c->value == m->value)
			return c->name;
	return NULL;
}

static bool is(const struct arg_rule *rule, const char *call, const char *name, int error)
{
	return !rule->selector && rule->action == CALL_REFUSE && rule->error == error &&
	       strcmp(rule->arg->call, call) == 0 && strcmp(rule->arg->name, name) == 0;
}

static bool met(const struct match *m, size_t n, uint64_t value)
{
	for (size_t i = 0; i < n; i++)
		if ((value & m[i].mask) == m[i].value)
			return true;
	return false;
}

static bool all_named(const struct syscall_arg *arg, const struct match *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!constant(arg, &m[i]))
			return false;
	return true;
}

/*
 * RestrictAddressFamilies= has names alone, and one error. Quiet values are refused like others: no
 * record is kept there of any.
 */
static bool families_put(const struct arg_rule *rule, FILE *out)
{
	struct list l = { .out = out,
		.key = rule->exclude ? "RestrictAddressFamilies=~" : "RestrictAddressFamilies=" };

	if (!is(rule, "socket", "domain", EAFNOSUPPORT) ||
		!all_named(rule->arg, rule->values, rule->n_values) ||
		!all_named(rule->arg, rule->quiet, rule->n_quiet))
		return false;
	for (size_t i = 0; i < rule->n_values; i++)
		if (rule->exclude || !met(rule->quiet, rule->n_quiet, rule->values[i].value))
			list_put(&l, constant(rule->arg, &rule->values[i]));
	for (size_t i = 0; i < rule->n_quiet && rule->exclude; i++)
		list_put(&l, constant(rule->arg, &rule->quiet[i]));
	if (!l.column)
		list_put(&l, "none");
	list_end(&l);
	return true;
}

static bool refused(const struct verdict_table *t, const char *name, int error)
{
	int n = syscall_number(t->arch, name);

	return n < 0 || (t->call[n].action == CALL_REFUSE && (!error || t->call[n].error == error));
}

/* RestrictNamespaces=yes: no flag of clone, no unshare, no setns, and no clone3 to hide flags in.
 */
static bool namespaces_put(const struct arg_rule *rule, const struct verdict_table *t, FILE *out)
{
	if (!is(rule, "clone", "flags", EPERM) || rule->exclude || rule->n_quiet ||
		rule->n_values != 1 || rule->values[0].mask != NAMESPACES ||
		rule->values[0].value != 0 || !refused(t, "unshare", 0) ||
		!refused(t, "setns", 0) || !refused(t, "clone3", ENOSYS))
		return false;
	(void)fputs("RestrictNamespaces=yes\n", out);
	return true;
}

static bool personality_put(const struct arg_rule *rule, FILE *out)
{
	if (!is(rule, "personality", "persona", EPERM) || rule->exclude || rule->n_quiet ||
		rule->n_values != 1 || rule->values[0].value != 0 ||
		rule->values[0].mask != syscall_arg_mask(rule->arg))
		return false;
	(void)fputs("LockPersonality=yes\n", out);
	return true;
}

static void rule_untold(const struct arg_rule *rule, FILE *out, FILE *report)
{
	char what[96];

	if (rule->selector)
		(void)snprintf(what, sizeof(what), "%s(%llu).%s", rule->arg->call,
			(unsigned long long)rule->selected, rule->arg->name);
	else
		(void)snprintf(what, sizeof(what), "%s.%s", rule->arg->call, rule->arg->name);
	(void)fprintf(out, "; not said: the rule about %s\n", what);
	(void)fprintf(
		report, "not said: the rule about %s, %s:%u\n", what, rule->at.file, rule->at.line);
}

int export_systemd(
	const struct filter *f, const struct verdicts *v, FILE *out, FILE *report, struct err *e)
{
	const struct verdict_table *t = &v->abi[0];
	char name[SYSCALL_NAME_MAX];

	(void)e;
	(void)fprintf(
		out, "; The filter '%s' as of carrel %s.\n[Service]\n", f->name, CARREL_VERSION);
	(void)fputs(v->n > 1 ? "SystemCallArchitectures=native x86\n"
			     : "SystemCallArchitectures=native\n",
		out);
	(void)fputs("SystemCallErrorNumber=EPERM\n", out);
	calls_put(t, out);
	for (size_t i = 0; i < f->n_args; i++)
		if (t->rule_call[i] >= 0 && !families_put(&f->args[i], out) &&
			!namespaces_put(&f->args[i], t, out) && !personality_put(&f->args[i], out))
			rule_untold(&f->args[i], out, report);
	for (int n = 0; n < SYSCALLS_MAX; n++)
		if (t->call[n].action == CALL_LOG && syscall_name(t->arch, n, name))
			(void)fprintf(report, "not said: that %s is logged\n", name);
	if (v->n > 1)
		(void)fputs("not said: what differs for the i386 ABI\n", report);
	return 0;
}
