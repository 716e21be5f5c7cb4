/*
 * filter_import_systemd - what the lines of a unit say of every call.
 *
 * systemd stacks one filter for each kind of line; a call passes if all of them let it pass. They
 * speak of different calls, apart from SystemCallFilter=, so that each call gets the rules of one
 * and the others cannot disturb them.
 */
#include "helper/cli/filter_import_unit.h"

#include <errno.h>
#include <linux/audit.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"

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
		const struct unit_entry *n = &u->entries[i];
		struct import_rule rule = { .n_conds = 0 };
		struct import_call *c = import_call(u->im, n->name);
		int r;

		if (!c)
			return err_set(u->e, ENOMEM, "too many system calls");
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
		return err_set(u->e, ENOMEM, "too many system calls");
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
		return err_set(u->e, ENOMEM, "too many system calls");
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
		for (size_t k = 0; unit_namespaces[k].name && r == 0; k++) {
			const unsigned long flag = unit_namespaces[k].flag;

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
	if (r == 0 && u->namespaces_set && u->namespaces != UNIT_NAMESPACES_ALL)
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
	r = unit_read(&u, copy);
	if (r == 0 && !u.found)
		r = err_set(e, EINVAL,
			"neither JSON nor a unit with SystemCallFilter= or another line of its "
			"kind");
	if (r == 0)
		r = unit_put_down(&u);
	/* Without a list systemd leaves every ABI open, and filters it the same way. */
	if (!u.arches_set)
		ret->i386 = ret->x32 = o->arch == AUDIT_ARCH_X86_64;
	unit_done(&u);
	return r;
}
