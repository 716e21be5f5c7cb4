#include "helper/cli/learn_observed.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/config.h"
#include "helper/cli/filter_find.h"
#include "helper/denials/source.h"
#include "helper/learn/learnt.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"
#include "policy/filter.h"
#include "policy/filter_rules.h"

/* One call of one session, which counts once however often it was made. */
struct event {
	uint32_t ses;
	char call[SYSCALL_NAME_MAX];
};

struct observed {
	uint32_t uid;
	struct learnt learnt; /* a session is a run */
	struct event *events;
	size_t n_events;
	uint32_t *sessions;
	uint64_t unnamed, records;
	bool foreign;
};

/* True if this session was not met before. */
static bool session_add(struct observed *o, uint32_t ses)
{
	uint32_t *grown;

	for (size_t i = 0; i < o->learnt.runs; i++)
		if (o->sessions[i] == ses)
			return false;
	grown = reallocarray(o->sessions, o->learnt.runs + 1, sizeof(*grown));
	if (!grown)
		return false;
	o->sessions = grown;
	o->sessions[o->learnt.runs++] = ses;
	return true;
}

static bool event_add(struct observed *o, uint32_t ses, const char *call)
{
	struct event *grown;

	for (size_t i = 0; i < o->n_events; i++)
		if (o->events[i].ses == ses && strcmp(o->events[i].call, call) == 0)
			return false;
	grown = reallocarray(o->events, o->n_events + 1, sizeof(*grown));
	if (!grown)
		return false;
	o->events = grown;
	grown[o->n_events].ses = ses;
	(void)snprintf(grown[o->n_events++].call, sizeof(grown->call), "%s", call);
	return true;
}

static int record_take(const struct record *r, void *data)
{
	struct observed *o = data;
	char name[SYSCALL_NAME_MAX];
	struct learnt_call *c;

	if (r->auid != o->uid || (r->code & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_LOG)
		return 0;
	o->records++;
	(void)session_add(o, r->ses);
	if (!syscall_name(r->arch, r->call, name)) {
		o->unnamed++;
		return 0;
	}
	o->foreign |= r->arch != syscall_native_arch();
	c = learnt_call(&o->learnt, name, LEARNT_SEEN);
	if (!c)
		return -ENOMEM;
	c->count++;
	c->runs += event_add(o, r->ses, name);
	return learnt_program_add(c, r->exe[0] ? r->exe : r->comm);
}

static int user_find(const char *user, uint32_t *ret, struct err *e)
{
	const struct passwd *pw;

	if (parse_u32(user, ret) == 0)
		return 0;
	pw = getpwnam(user);
	if (!pw)
		return err_set(e, ENOENT, "there is no user '%s'", user);
	*ret = pw->pw_uid;
	return 0;
}

static int records_read(const struct observed_options *options, struct observed *o, struct err *e)
{
	_cleanup_(source_cleanup) struct source *s = NULL;
	const struct reading_limits limits = { .since_us = options->since_us };
	struct source_note notes[SOURCE_NOTES_MAX];
	size_t n;
	int r;

	r = options->from ? source_open_file(options->from, &s, e) : source_open(options->since_us, &s, e);
	if (r == 0)
		r = source_read(s, &limits, record_take, o, e);
	if (r < 0)
		return r == -ENOMEM ? err_set(e, ENOMEM, "out of memory") : r;
	n = source_notes(s, notes);
	for (size_t i = 0; i < n; i++)
		if (notes[i].loss)
			(void)fprintf(stderr, "carrel learn: %s\n", notes[i].text);
	return 0;
}

static void write_call(const struct learnt *l, const struct learnt_call *c, FILE *f)
{
	int column = fprintf(f, "allow = %s", c->name);

	(void)fprintf(f, "%*s; seen in %u of %u sessions:", column < 32 ? 32 - column : 1, "", c->runs, l->runs);
	for (size_t i = 0; i < c->programs.n; i++)
		(void)fprintf(f, "%s%s", i ? ", " : " ", c->programs.v[i]);
	(void)fputs(c->more_programs ? ", and more\n" : "\n", f);
}

/*
 * A call that default allows by number was logged for an argument, which no log tells: there is no line to write then, only
 * a word about it.
 */
static void write_text(const struct observed *o, const char *user, const struct verdicts *base, FILE *f)
{
	const struct learnt *l = &o->learnt;

	(void)fprintf(f,
		"; Made by `carrel learn --observed %s` from %llu records of %u session%s that had something logged. Nothing uses "
		"it\n; until a profile names it. Each line is what default refuses: leave out what should stay so.\n\n",
		user, (unsigned long long)o->records, l->runs, plural(l->runs));
	(void)fputs("[filter]\ndescription = default, and what was observed\ninclude = default\n", f);
	if (o->foreign)
		(void)fputs("; 32-bit programs were among them; with them rules about sockets do not hold:\n; arches = native i386\n", f);
	(void)fputc('\n', f);
	for (size_t i = 0; i < l->n_calls; i++) {
		int n = syscall_number(base->abi[0].arch, l->calls[i].name);
		enum call_action action = n >= 0 ? base->abi[0].call[n].action : CALL_REFUSE;

		if (action != CALL_ALLOW && action != CALL_LOG)
			write_call(l, &l->calls[i], f);
		else
			(void)fprintf(f,
				"; %s was made with an argument that default refuses, in %u of %u sessions; `carrel trace` tells which\n",
				l->calls[i].name, l->calls[i].runs, l->runs);
	}
	if (o->unnamed)
		(void)fprintf(f, "; %llu records have numbers that this version has no name for\n", (unsigned long long)o->unnamed);
}

static int text_make(const struct observed_options *options, const struct observed *o, char **ret, struct err *e)
{
	_cleanup_(filter_finder_close) struct filter_finder ff = { .n_dirs = 0 };
	_cleanup_(filter_cleanup) struct filter *base = NULL;
	_cleanup_free_ struct verdicts *v = malloc(sizeof(*v));
	size_t len;
	FILE *f;
	int r;

	r = filter_finder_open(options->config, &ff, e);
	if (r == 0)
		r = filter_find(&ff, "default", 0, &base, e);
	if (r < 0)
		return r;
	f = open_memstream(ret, &len);
	if (!f || !v) {
		if (f)
			(void)fclose(f);
		return err_set(e, ENOMEM, "out of memory");
	}
	filter_resolve(base, 0, v);
	write_text(o, options->user, v, f);
	return fclose(f) == 0 ? 0 : err_set(e, ENOMEM, "out of memory");
}

int learn_observed(const struct observed_options *options, char **ret, struct err *e)
{
	struct observed o = { .uid = 0 };
	int r;

	r = user_find(options->user, &o.uid, e);
	if (r == 0)
		r = records_read(options, &o, e);
	if (r == 0 && o.records == 0)
		r = err_set(e, ENOENT,
			"nothing was logged of sessions of '%s': give their profile 'filter = observe', and see 'carrel denials' for "
			"what the logs hold",
			options->user);
	if (r == 0)
		r = text_make(options, &o, ret, e);
	learnt_done(&o.learnt);
	free(o.events);
	free(o.sessions);
	return r;
}
