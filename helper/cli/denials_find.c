/*
 * Records to findings: whose session it was, which filter that had, and which of its lines decided.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/denials.h"
#include "helper/denials/blame.h"
#include "policy/account.h"
#include "policy/base/cleanup.h"
#include "policy/base/parse.h"
#include "policy/filter.h"
#include "policy/filter_rules.h"
#include "policy/subid.h"

#define ACCOUNTS_MAX 4096 /* whose ranges are looked at, where nothing tells better whose an ID is */

const char *const joined_names[] = { "unknown", "configuration", "log", "open" };

/* A filter as one profile has it, read once. */
struct loaded {
	char profile[33];
	struct filter *filter; /* NULL: see error */
	struct verdicts verdicts;
	char error[160];
};

struct making {
	const struct filter_finder *finder;
	struct people *people;
	bool accounts_read;
	struct loaded **loaded;
	size_t n_loaded;
};

/* --- whose --- */

static void learn_range(struct making *m, const struct account *a)
{
	const struct policy *p = m->finder->config.policy;
	struct owner o = { .uid = a->uid };
	struct id_ranges ranges;
	struct err ignored; /* a user without a range owns no other ID */

	(void)snprintf(o.name, sizeof(o.name), "%s", a->name);
	if (p && subid_ranges(a, &p->pool, &ranges, &ignored) == 0)
		o.uids = ranges.uids;
	(void)people_add_owner(m->people, &o);
}

static void learn_user(struct making *m, uint32_t uid)
{
	_cleanup_(account_done) struct account a = { 0 };
	struct err ignored;

	if (uid != 0 && uid != RECORD_UNSET && !people_owner(m->people, uid) && account_by_uid(uid, &a, &ignored) == 0)
		learn_range(m, &a);
}

static void learn_all_users(struct making *m)
{
	const struct passwd *pw;
	size_t n = 0;

	if (m->accounts_read)
		return;
	m->accounts_read = true;
	setpwent();
	while (n < ACCOUNTS_MAX && (pw = getpwent())) {
		struct account a = { .name = pw->pw_name, .uid = pw->pw_uid, .gid = pw->pw_gid };

		if (pw->pw_uid >= 1000 && pw->pw_uid < 60000 && n++ < ACCOUNTS_MAX)
			learn_range(m, &a);
	}
	endpwent();
}

/* Who logged in most likely has it; where su came between, all have to be asked. */
static const struct owner *owner_of(struct making *m, const struct denial *d)
{
	const struct owner *o;

	if (d->holder != RECORD_UNSET) {
		learn_user(m, d->holder);
		return people_owner(m->people, d->holder);
	}
	o = people_owner(m->people, d->uid);
	if (!o && d->uid != 0) {
		learn_user(m, d->auid);
		learn_user(m, d->uid);
		o = people_owner(m->people, d->uid);
	}
	if (!o && d->uid >= 65536) {
		learn_all_users(m);
		o = people_owner(m->people, d->uid);
	}
	return o;
}

/* Of launches, which give it to one user after the other: whose it was then is not on record. */
static bool is_lent(const struct making *m, uint32_t uid)
{
	const struct policy *p = m->finder->config.policy;

	return p && uid >= p->pool.first && uid <= p->pool.last;
}

static void name_user(const struct owner *o, struct finding *f)
{
	_cleanup_(account_done) struct account a = { 0 };
	struct err ignored;

	if (o && o->name[0])
		(void)snprintf(f->user, sizeof(f->user), "%s", o->name);
	else if (account_by_uid(f->uid, &a, &ignored) == 0)
		(void)snprintf(f->user, sizeof(f->user), "%s", a.name);
	else
		(void)snprintf(f->user, sizeof(f->user), "%u", f->uid);
}

/* --- which session --- */

static void decide_now(const struct making *m, struct finding *f)
{
	_cleanup_(account_done) struct account a = { 0 };
	struct decision d;
	struct person who;
	struct err ignored;

	if (!m->finder->config.policy || account_by_uid(f->uid, &a, &ignored) < 0)
		return;
	who = account_person(&a);
	d = policy_decide(m->finder->config.policy, &who, NULL);
	f->outside = d.verdict == VERDICT_EXEMPT;
	if (d.verdict != VERDICT_CONFINE)
		return;
	f->joined = JOINED_NOW;
	(void)snprintf(f->profile, sizeof(f->profile), "%s", d.profile->name);
}

static void join(struct making *m, const struct denial *d, struct finding *f)
{
	const struct owner *o = owner_of(m, d);
	const struct known_session *s;
	bool held = d->holder != RECORD_UNSET;
	bool of_a_container = (held && d->holder != d->uid) || (o && (o->has_container || o->uid != d->uid));
	const struct profile *p;

	f->uid = held ? d->holder : o ? o->uid : d->uid;
	if (!held && !o && is_lent(m, d->uid)) {
		(void)snprintf(f->user, sizeof(f->user), "unknown");
		return;
	}
	name_user(o, f);
	s = people_session(m->people, f->uid, d->ses, d->last_us);
	if (s) {
		f->joined = s->lives ? JOINED_LIVE : JOINED_LOG;
		(void)snprintf(f->profile, sizeof(f->profile), "%s", s->profile);
		(void)snprintf(f->service, sizeof(f->service), "%s", s->service);
	} else if (f->uid == 0 || (d->auid == RECORD_UNSET && !of_a_container)) {
		f->outside = true; /* nobody has logged in: a service, or a container of another program's */
	} else {
		decide_now(m, f);
	}
	p = m->finder->config.policy && f->profile[0] ? policy_profile(m->finder->config.policy, f->profile) : NULL;
	if (p)
		(void)snprintf(f->filter, sizeof(f->filter), "%s", p->filter);
}

/* --- which line --- */

static struct loaded *load(struct making *m, const char *profile)
{
	const struct profile *p = m->finder->config.policy ? policy_profile(m->finder->config.policy, profile) : NULL;
	struct loaded *l, **more;
	struct err e;

	for (size_t i = 0; i < m->n_loaded; i++)
		if (strcmp(m->loaded[i]->profile, profile) == 0)
			return m->loaded[i];
	more = realloc(m->loaded, (m->n_loaded + 1) * sizeof(struct loaded *));
	l = calloc(1, sizeof(*l));
	if (more)
		m->loaded = more;
	if (!more || !l) {
		free(l);
		return NULL;
	}
	m->loaded[m->n_loaded++] = l;
	(void)snprintf(l->profile, sizeof(l->profile), "%s", profile);
	if (!p)
		(void)snprintf(l->error, sizeof(l->error), "the configuration has no profile '%s'", profile);
	else if (config_filter(&m->finder->config, p, &l->filter, &e) < 0)
		(void)snprintf(l->error, sizeof(l->error), "%.150s", e.text);
	else
		filter_resolve(l->filter, 0, &l->verdicts);
	return l;
}

static void add_line(struct finding *f, const struct origin *at)
{
	struct finding_line *l = &f->lines[f->n_lines];

	if (!at || f->n_lines == FINDING_LINES_MAX)
		return;
	(void)snprintf(l->file, sizeof(l->file), "%s", at->file);
	l->line = at->line;
	filter_line_read(at, &l->text, &l->reason);
	f->n_lines++;
}

static void tell_verdict(struct finding *f, const struct blame *b)
{
	const char *name = b->error ? strerrorname_np(b->error) : NULL;

	(void)snprintf(f->verdict, sizeof(f->verdict), "%s%s%s", record_action(f->code), name ? " with " : "", name ? name : "");
	switch (b->kind) {
	case BLAME_NOTHING:
		(void)snprintf(f->doubt, sizeof(f->doubt), "%s",
			f->number < 0 || f->number >= SYSCALLS_MAX ? "no such call"
								   : "not by this filter as it is now: changed since, or the program's own");
		break;
	case BLAME_ABI:
		(void)snprintf(f->doubt, sizeof(f->doubt), "the filter lets no program of this ABI in");
		break;
	case BLAME_CALL:
		if (!b->at)
			(void)snprintf(f->doubt, sizeof(f->doubt), "no line mentions it");
		break;
	case BLAME_RULES:
		f->by_rule = true;
		(void)snprintf(f->doubt, sizeof(f->doubt), "%s",
			b->n_rules > 1 ? "one of these rules, by its arguments, which are not recorded"
				       : "by its arguments, which are not recorded");
		break;
	}
}

/* Through another ABI the same number is another call: "read/i386". */
static void name_call(struct finding *f)
{
	bool x32 = f->arch == AUDIT_ARCH_X86_64 && f->number >= 0 && (uint32_t)f->number >= X32_FIRST;
	const char *abi = x32			      ? "/x32"
			  : f->arch == AUDIT_ARCH_I386 ? "/i386"
						       : "";
	int number = x32 ? (int)((uint32_t)f->number - X32_FIRST) : f->number;
	char buf[SYSCALL_NAME_MAX];
	const char *name = syscall_name(f->arch, number, buf);

	if (name)
		(void)snprintf(f->call, sizeof(f->call), "%s%s", name, abi);
	else
		(void)snprintf(f->call, sizeof(f->call), "%d%s", number, abi);
}

static void judge(struct making *m, struct finding *f)
{
	struct blame b = { .kind = BLAME_NOTHING };
	const struct loaded *l = f->profile[0] ? load(m, f->profile) : NULL;

	name_call(f);
	if (l && l->filter) {
		blame_find(l->filter, &l->verdicts, f->arch, f->number, f->code, &b);
		tell_verdict(f, &b);
		add_line(f, b.at);
		for (size_t i = 0; i < b.n_rules; i++)
			add_line(f, &b.rules[i]->at);
		return;
	}
	(void)snprintf(f->verdict, sizeof(f->verdict), "%s", record_action(f->code));
	(void)snprintf(f->doubt, sizeof(f->doubt), "%s",
		l		 ? l->error
		: f->outside ? "outside the sessions of carrel"
			     : "nothing tells which filter that session had");
}

/* --- all of them --- */

static int compare_kind(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int r = strcmp(x->user, y->user);

	if (r == 0)
		r = strcmp(x->profile, y->profile);
	if (r == 0)
		r = strcmp(x->exe, y->exe);
	if (r == 0)
		r = (x->number > y->number) - (x->number < y->number);
	if (r == 0)
		r = (x->arch > y->arch) - (x->arch < y->arch);
	if (r == 0)
		r = (x->code > y->code) - (x->code < y->code);
	return r ? r : (int)x->outside - (int)y->outside;
}

static int compare_count(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	if (x->last_us != y->last_us)
		return x->last_us < y->last_us ? 1 : -1;
	return compare_kind(a, b);
}

static void merge(struct findings *f)
{
	size_t kept = 0;

	if (f->n)
		qsort(f->v, f->n, sizeof(*f->v), compare_kind);
	for (size_t i = 0; i < f->n; i++) {
		struct finding *to = kept ? &f->v[kept - 1] : NULL, *x = &f->v[i];

		if (!to || compare_kind(to, x) != 0) {
			f->v[kept++] = *x;
			continue;
		}
		to->count += x->count;
		if (x->first_us && (!to->first_us || x->first_us < to->first_us))
			to->first_us = x->first_us;
		if (x->last_us > to->last_us)
			to->last_us = x->last_us;
		if (x->joined < to->joined) /* the doubt counts */
			to->joined = x->joined;
	}
	f->n = kept;
	if (f->n)
		qsort(f->v, f->n, sizeof(*f->v), compare_count);
}

static int wanted_uid(const char *user, uint32_t *ret, struct err *e)
{
	_cleanup_(account_done) struct account a = { 0 };
	int r;

	if (!user || parse_u32(user, ret) == 0)
		return 0;
	r = account_by_name(user, &a, e);
	if (r == 0)
		*ret = a.uid;
	return r;
}

static void making_done(struct making *m)
{
	for (size_t i = 0; i < m->n_loaded; i++) {
		filter_free(m->loaded[i]->filter);
		free(m->loaded[i]);
	}
	free(m->loaded);
}

int findings_make(const struct filter_finder *ff, const struct denials_options *o, struct gathered *g, struct findings *ret,
	struct err *e)
{
	_cleanup_(making_done) struct making m = { .finder = ff, .people = &g->people };
	struct findings f = { 0 };
	uint32_t uid = 0;
	int r = wanted_uid(o->user, &uid, e);

	if (r < 0)
		return r;
	f.v = calloc(g->table.n + 1, sizeof(*f.v));
	if (!f.v)
		return err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < g->table.n; i++) {
		const struct denial *d = &g->table.v[i];
		struct finding *x = &f.v[f.n];

		*x = (struct finding){ .auid = d->auid, .exe = d->exe, .arch = d->arch, .code = d->code, .number = d->call,
			.count = d->count, .first_us = d->first_us, .last_us = d->last_us };
		memcpy(x->comm, d->comm, sizeof(x->comm));
		join(&m, d, x);
		if ((!o->user || x->uid == uid) && (!x->outside || o->all))
			f.n++;
	}
	merge(&f);
	for (size_t i = 0; i < f.n; i++)
		judge(&m, &f.v[i]);
	*ret = f;
	return 0;
}

void findings_done(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		for (size_t k = 0; k < f->v[i].n_lines; k++) {
			free(f->v[i].lines[k].text);
			free(f->v[i].lines[k].reason);
		}
	free(f->v);
	*f = (struct findings){ 0 };
}
