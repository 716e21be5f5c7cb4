/*
 * denials - the child that serves REQ_DENIALS: reads the logs for a user, and gives back what is the user's own.
 *
 * Trust:  the caller is the user, or in a container of the user's; who that is, is the kernel's word (guests.c). The logs hold
 *         bytes of every user's choice, so they are read by nobody, with no capability.
 * Order:  who it is and what was recorded; close, open the logs; give up everything; only then the first byte of a log.
 * Fails:  one item that says why, or an end of the connection. What takes too long is cut off, and said to be.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "helper/denials/people.h"
#include "helper/denials/source.h"
#include "helper/denials/table.h"
#include "helper/public/message.h"
#include "helper/public/syscalls.h"
#include "helper/worker.h"
#include "policy/account.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/policy.h"
#include "policy/subid.h"

#define NOBODY 65534
#define READ_US 1200000u /* of the 2 s that guests.c gives a child */
#define ROWS_MAX 2000u
#define LOG_DAYS 30u /* how long before the time asked for a session may have been opened */

_Static_assert(DENIALS_TEXT_MAX >= RECORD_LINE_MAX, "every record fits an item");

#define FD_CONN 3

struct asking {
	const struct denials_request *request;
	uint32_t uid;
	struct owner owner;
	struct people people;
	struct source *source;
	struct denial_table table;
	int conn_fd;
};

/* --- answers --- */

static int item_send(const struct asking *a, struct denials_item *i, size_t text)
{
	size_t n = offsetof(struct denials_item, text) + text;

	i->head = (struct wire_head){ WIRE_VERSION, REQ_DENIALS, (uint32_t)n };
	return message_send(a->conn_fd, i, n, NULL, 0);
}

static int text_send(const struct asking *a, enum denials_kind kind, bool flag, const char *text)
{
	struct denials_item i = { .kind = kind, .flag = flag };
	size_t n = strlen(text) < sizeof(i.text) ? strlen(text) : sizeof(i.text);

	memcpy(i.text, text, n);
	return item_send(a, &i, n);
}

static int people_send(const struct asking *a)
{
	struct denials_item i = { .kind = DENIALS_OWNER, .flag = a->owner.has_container, .uid = a->uid,
		.number = a->owner.uids.start, .count = a->owner.uids.count };
	size_t n = strnlen(a->owner.name, sizeof(a->owner.name));
	int r;

	memcpy(i.text, a->owner.name, n);
	r = item_send(a, &i, n);
	for (size_t k = 0; r == 0 && k < a->people.n_owners; k++) {
		const struct owner *o = &a->people.owners[k]; /* of other profiles */

		i.number = o->uids.start;
		i.count = o->uids.count;
		i.flag = o->has_container;
		r = item_send(a, &i, n);
	}
	for (size_t k = 0; r == 0 && k < a->people.n_sessions; k++) {
		const struct known_session *s = &a->people.sessions[k];

		i = (struct denials_item){ .kind = DENIALS_SESSION, .flag = s->lives, .uid = s->uid, .number = s->ses,
			.first_us = s->opened_us };
		memcpy(i.profile, s->profile, sizeof(s->profile));
		memcpy(i.service, s->service, sizeof(s->service));
		r = item_send(a, &i, 0);
	}
	return r;
}

static int row_send(const struct asking *a, const struct denial *d)
{
	struct denials_item i = { .kind = DENIALS_RECORD, .flag = true, .uid = a->uid, .count = d->count, .first_us = d->first_us,
		.last_us = d->last_us };
	struct record r = { .time_us = d->last_us, .auid = d->auid, .uid = d->uid, .ses = d->ses, .arch = d->arch,
		.code = d->code, .call = d->call };
	char line[RECORD_LINE_MAX];
	size_t n;

	memcpy(r.comm, d->comm, sizeof(r.comm));
	(void)snprintf(r.exe, sizeof(r.exe), "%s", d->exe);
	if (record_write(&r, line, sizeof(line)) < 0)
		return 0;
	n = strlen(line);
	memcpy(i.text, line, n);
	return item_send(a, &i, n);
}

static int all_send(struct asking *a)
{
	struct denials_item end = { .kind = DENIALS_END, .count = a->table.left_out };
	struct source_note notes[SOURCE_NOTES_MAX];
	size_t n = source_notes(a->source, notes), i;
	int r = people_send(a);

	denial_sort(&a->table);
	for (i = 0; r == 0 && i < a->table.n; i++)
		if (i < ROWS_MAX)
			r = row_send(a, &a->table.v[i]);
		else
			end.count += a->table.v[i].count;
	for (i = 0; r == 0 && i < n; i++)
		r = text_send(a, DENIALS_NOTE, notes[i].loss, notes[i].text);
	return r == 0 ? item_send(a, &end, 0) : r;
}

/* --- who asks --- */

static int owner_find(struct asking *a, struct err *e)
{
	_cleanup_(account_done) struct account account = { 0 };
	const struct owner *recorded;
	struct id_ranges ranges;
	struct err ignored; /* who has no range has no IDs but the own one */
	int r;

	a->owner = (struct owner){ .uid = a->uid };
	r = people_read_state(&a->people, server.registry.state_fd, server.proc_fd, a->uid, e);
	if (r < 0)
		return r;
	recorded = people_owner(&a->people, a->uid);
	if (recorded)
		a->owner = *recorded;
	r = account_by_uid(a->uid, &account, e);
	if (r < 0)
		return r;
	(void)snprintf(a->owner.name, sizeof(a->owner.name), "%s", account.name);
	if (!recorded && server.policy && subid_ranges(&account, &server.policy->pool, &ranges, &ignored) == 0)
		a->owner.uids = ranges.uids;
	return 0;
}

/* --- giving up --- */

/* No other caller's connection, nor anything else of the main process's, when the logs are opened. */
static int fds_reduce(struct asking *a, struct err *e)
{
	int high = fcntl(a->conn_fd, F_DUPFD_CLOEXEC, FD_CONN + 1);

	closelog();
	if (high < 0 || dup3(high, FD_CONN, O_CLOEXEC) < 0)
		return err_set(e, errno, "cannot keep the connection: %s", strerror(errno));
	(void)sys_close_range(FD_CONN + 1, ~0u);
	a->conn_fd = FD_CONN;
	return 0;
}

static void limit(int what, rlim_t most)
{
	const struct rlimit l = { most, most };

	(void)setrlimit(what, &l);
}

static int become_nobody(struct err *e)
{
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_CPU, 3);
	limit(RLIMIT_AS, (rlim_t)2 << 30);
	(void)setpriority(PRIO_PROCESS, 0, 10);
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, errno, "cannot give up root's rights: %s", strerror(errno));
	/* The proof. */
	if (setresuid(0, 0, 0) == 0 || geteuid() != NOBODY)
		return err_set(e, EPERM, "root's rights that were given up can be had again");
	return 0;
}

/* --- reading --- */

/* An ID of launches is whoever's it was then; a session's is always its user's. */
static bool is_callers(struct asking *a, const struct record *r)
{
	uint32_t holder;

	if (people_holder(&a->people, r->uid, r->time_us, &holder))
		return holder == a->uid;
	return r->uid == a->uid || id_range_holds(&a->owner.uids, r->uid) || people_owner(&a->people, r->uid);
}

static int take(const struct record *r, void *data)
{
	struct asking *a = data;

	if (!is_callers(a, r))
		return 1; /* how many others have is none of the caller's business either */
	return denial_add(&a->table, r, a->uid);
}

static uint64_t deadline(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000 + READ_US;
}

static int logs_read(struct asking *a, uint64_t deadline_us, struct err *e)
{
	const struct reading_limits limits = { a->request->since_us, a->request->until_us, deadline_us };
	uint64_t before = (uint64_t)LOG_DAYS * 86400 * 1000000, since = limits.since_us > before ? limits.since_us - before : 0;
	int r = people_read_log(&a->people, a->source, since, a->uid, e);

	if (r == 0)
		r = source_read(a->source, &limits, take, a, e);
	if (r == -ENOMEM)
		return err_set(e, ENOMEM, "out of memory");
	return r == -ETIME ? 0 : r; /* the notes say it */
}

static int serve(struct asking *a, struct err *e)
{
	uint64_t until = deadline();
	int r = owner_find(a, e);

	if (r == 0)
		r = fds_reduce(a, e);
	if (r == 0)
		r = source_open(a->request->since_us, &a->source, e);
	if (r == 0)
		r = become_nobody(e);
	return r == 0 ? logs_read(a, until, e) : r;
}

int denials_child(const struct task *t)
{
	struct asking a = { .request = t->request, .uid = t->peer.uid, .conn_fd = t->conn_fd };
	struct err e;

	if (serve(&a, &e) < 0) {
		(void)text_send(&a, DENIALS_REFUSED, false, e.text);
		return turn_away();
	}
	return all_send(&a) < 0;
}
