/*
 * source - the logs of this machine that hold the kernel's records of filters.
 *
 * Trust:  what is in the logs is judged line by line (record.c). /var/log belongs to root and syslog's daemon: a name there is
 *         never waited for, and never followed where it is a link.
 * Order:  opening needs the rights, reading does not: a caller may give up everything between the two.
 */
#include "helper/denials/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "helper/denials/audit_status.h"
#include "helper/denials/journal.h"
#include "helper/denials/lines.h"
#include "helper/denials/seen.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define AUDIT_LOG "/var/log/audit/audit.log"
#define ROTATED_MAX 99
#define UNTIL_SLACK_US 60000000u /* an entry of the journal is later than the record in it, but not by more */
#define DEADLINE_EVERY 256

enum log_kind { LOG_FILE, LOG_KMSG, LOG_JOURNAL };

struct log {
	enum log_kind kind;
	char name[300];
	int fds[ROTATED_MAX + 1]; /* LOG_FILE: oldest first; LOG_KMSG: the first */
	size_t n_fds;
	uint64_t records, oldest_us, unreadable;
	uint64_t suppressed; /* by the rate limit of the kernel log */
	uint64_t missed;     /* by journald */
	bool overwritten;    /* the kernel's buffer has lost its beginning */
	bool unfinished;
};

struct source {
	struct log *logs;
	size_t n;
	struct sd_journal *journal;
	struct audit_facts audit;
	bool here;	 /* the logs are this machine's */
	bool not_logged; /* kernel.seccomp.actions_logged has no "errno" */
	struct seen seen;
};

/* --- opening --- */

static struct log *log_add(struct source *s, enum log_kind kind, const char *name)
{
	struct log *more = realloc(s->logs, (s->n + 1) * sizeof(*more));

	if (!more)
		return NULL;
	s->logs = more;
	more[s->n] = (struct log){ .kind = kind };
	(void)snprintf(more[s->n].name, sizeof(more[s->n].name), "%s", name);
	return &more[s->n++];
}

static int open_regular(const char *path, uint64_t since_us)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_mtime < since_us / 1000000)
		return -1;
	return fd_take(&fd);
}

static int file_add(struct source *s, const char *path, int rotated, uint64_t since_us)
{
	struct log *l = log_add(s, LOG_FILE, path);
	char name[320];
	int i, fd;

	if (!l)
		return -ENOMEM;
	for (i = rotated; i >= 0; i--) {
		(void)snprintf(name, sizeof(name), i ? "%s.%d" : "%s", path, i);
		fd = open_regular(name, since_us);
		if (fd >= 0)
			l->fds[l->n_fds++] = fd;
	}
	if (l->n_fds == 0)
		s->n--;
	return 0;
}

static int kmsg_add(struct source *s)
{
	_cleanup_fd_ int fd = open("/dev/kmsg", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	struct log *l;

	if (fd < 0)
		return 0;
	l = log_add(s, LOG_KMSG, "the kernel's buffer (/dev/kmsg)");
	if (!l)
		return -ENOMEM;
	l->fds[l->n_fds++] = fd_take(&fd);
	return 0;
}

static int journal_add(struct source *s)
{
	struct err ignored;

	if (journal_open(&s->journal, &ignored) < 0)
		return 0;
	return log_add(s, LOG_JOURNAL, "the journal") ? 0 : -ENOMEM;
}

static bool errno_is_not_logged(void)
{
	_cleanup_fd_ int fd = open("/proc/sys/kernel/seccomp/actions_logged", O_RDONLY | O_CLOEXEC);
	char text[256];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return false;
	text[n] = '\0';
	return !strstr(text, "errno");
}

static int open_here(struct source *s, uint64_t since_us, struct err *e)
{
	static const char *const kernel_logs[] = { "/var/log/kern.log", "/var/log/messages", "/var/log/syslog" };
	size_t i, n;
	int r;

	s->here = true;
	r = file_add(s, AUDIT_LOG, ROTATED_MAX, since_us);
	if (r == 0)
		r = journal_add(s);
	for (i = 0, n = s->n; r == 0 && i < 3 && s->n == n; i++)
		r = file_add(s, kernel_logs[i], 1, since_us);
	if (r == 0)
		r = kmsg_add(s);
	if (r < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (s->n == 0)
		return err_set(e, ENOENT, "no log to read: neither %s nor a journal nor /dev/kmsg is there for us; run it as root", AUDIT_LOG);
	s->audit = audit_facts();
	s->not_logged = errno_is_not_logged();
	return 0;
}

int source_open(uint64_t since_us, struct source **ret, struct err *e)
{
	_cleanup_(source_cleanup) struct source *s = calloc(1, sizeof(*s));
	int r = s ? open_here(s, since_us, e) : err_set(e, ENOMEM, "out of memory");

	if (r == 0)
		*ret = ptr_take(&s);
	return r;
}

int source_open_file(const char *path, struct source **ret, struct err *e)
{
	_cleanup_(source_cleanup) struct source *s = calloc(1, sizeof(*s));
	struct log *l = s ? log_add(s, LOG_FILE, path) : NULL;
	struct stat st;

	if (!l)
		return err_set(e, ENOMEM, "out of memory");
	l->fds[0] = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (l->fds[0] < 0 || fstat(l->fds[0], &st) < 0)
		return err_set(e, errno, "cannot open '%s': %s", path, strerror(errno));
	l->n_fds = 1;
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "'%s' is not a regular file", path);
	*ret = ptr_take(&s);
	return 0;
}

void source_close(struct source *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < s->logs[i].n_fds; k++)
			cleanup_fd(&s->logs[i].fds[k]);
	journal_close(s->journal);
	seen_done(&s->seen);
	free(s->logs);
	free(s);
}

/* --- reading --- */

struct reading {
	struct source *source;
	struct log *log;
	const struct reading_limits *limits;
	int (*each)(const struct record *r, void *data);
	void *data;
	int answer; /* negative, of each() */
	unsigned lines;
	bool in_range; /* the last record was: then what is said of lost ones is of this time */
	struct record record;
};

#define ENOUGH 1 /* what the callbacks answer to end the reading of one log */

static uint64_t monotonic_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static bool is_late(struct reading *g)
{
	return g->limits->deadline_us && g->lines++ % DEADLINE_EVERY == 0 && monotonic_us() > g->limits->deadline_us;
}

static int take_record(struct reading *g, const struct record *r)
{
	const struct reading_limits *limits = g->limits;

	/* Without a time of its own it is of any time, if nobody asked for one. */
	g->in_range = r->time_us ? r->time_us >= limits->since_us && (!limits->until_us || r->time_us <= limits->until_us)
				 : !limits->since_us && !limits->until_us;
	if (!g->in_range || !seen_add(&g->source->seen, r->time_us, r->serial))
		return 0;
	g->answer = g->each(r, g->data);
	if (g->answer != 0)
		return g->answer < 0 ? ENOUGH : 0;
	g->log->records++;
	if (!g->log->oldest_us || (r->time_us && r->time_us < g->log->oldest_us))
		g->log->oldest_us = r->time_us;
	return 0;
}

static int take_line(const char *line, size_t len, void *data)
{
	struct reading *g = data;
	enum loss loss;
	uint64_t n;
	int r;

	if (is_late(g)) {
		g->log->unfinished = true;
		return ENOUGH;
	}
	r = record_read(line, len, &g->record);
	if (r > 0)
		return take_record(g, &g->record);
	if (r < 0)
		g->log->unreadable++;
	else if ((g->in_range || !g->limits->since_us) && record_loss(line, len, &loss, &n) && loss == LOSS_RATE_LIMIT)
		g->log->suppressed += n;
	return 0;
}

static int take_kmsg(const char *line, size_t len, void *data)
{
	struct reading *g = data;
	unsigned long long sequence;
	char head[64];

	if (g->lines == 0) {
		(void)snprintf(head, sizeof(head), "%.*s", (int)(len < sizeof(head) ? len : sizeof(head) - 1), line);
		g->log->overwritten = sscanf(head, "%*u,%llu,", &sequence) == 1 && sequence > 0;
		g->lines++;
	}
	return take_line(line, len, data);
}

static int take_entry(const struct journal_found *f, void *data)
{
	struct reading *g = data;

	if (g->limits->until_us && f->time_us > g->limits->until_us + UNTIL_SLACK_US)
		return ENOUGH;
	if (f->kind == ENTRY_LINE)
		return take_line(f->text, f->len, data);
	if (f->kind == ENTRY_MISSED)
		g->log->missed += f->count;
	return f->kind == ENTRY_RECORD ? take_record(g, f->record) : 0;
}

static int log_read(struct reading *g, struct err *e)
{
	struct log *l = g->log;
	int r = 0;

	if (l->kind == LOG_JOURNAL)
		return journal_read(g->source->journal, g->limits->since_us, take_entry, g, e);
	if (l->kind == LOG_KMSG)
		return lines_read_kmsg(l->fds[0], take_kmsg, g, e);
	for (size_t i = 0; i < l->n_fds && r == 0; i++)
		r = lines_read(l->fds[i], take_line, g, e);
	return r;
}

int source_read(struct source *s, const struct reading_limits *limits,
	int (*each)(const struct record *r, void *data), void *data, struct err *e)
{
	struct reading g = { .source = s, .limits = limits, .each = each, .data = data };
	bool unfinished = false;

	for (size_t i = 0; i < s->n; i++) {
		int r;

		g.log = &s->logs[i];
		g.in_range = false;
		g.lines = 0;
		r = log_read(&g, e);
		if (r < 0)
			return err_wrap(e, r, "%s", g.log->name);
		if (g.answer < 0)
			return g.answer;
		unfinished |= g.log->unfinished;
	}
	return unfinished ? err_set(e, ETIME, "the logs are too long to be read in time") : 0;
}

int source_sessions(struct source *s, uint64_t since_us, int (*each)(const struct journal_session *j, void *data),
	void *data, struct err *e)
{
	return s->journal ? journal_read_sessions(s->journal, since_us, each, data, e) : 0;
}

int source_lendings(struct source *s, uint64_t since_us, int (*each)(const struct journal_lending *l, void *data),
	void *data, struct err *e)
{
	return s->journal ? journal_read_lendings(s->journal, since_us, each, data, e) : 0;
}

/* --- what is told of it --- */

struct notes {
	struct source_note *note;
	size_t n;
};

static void note(struct notes *n, bool loss, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void note(struct notes *n, bool loss, const char *fmt, ...)
{
	struct source_note *to = &n->note[n->n];
	va_list ap;

	if (n->n == SOURCE_NOTES_MAX)
		return;
	n->n++;
	to->loss = loss;
	va_start(ap, fmt);
	(void)vsnprintf(to->text, sizeof(to->text), fmt, ap);
	va_end(ap);
}

static void note_log(struct notes *n, const struct log *l)
{
	char oldest[64] = "", files[48] = "";
	time_t t = (time_t)(l->oldest_us / 1000000);
	struct tm tm;

	if (l->oldest_us && localtime_r(&t, &tm))
		(void)strftime(oldest, sizeof(oldest), ", the oldest of %F %T", &tm);
	if (l->n_fds > 1)
		(void)snprintf(files, sizeof(files), " and %zu older", l->n_fds - 1);
	note(n, false, "%s%s: %" PRIu64 " record%s%s", l->name, files, l->records, l->records == 1 ? "" : "s", oldest);
	if (l->unreadable)
		note(n, true, "%s: %" PRIu64 " records could not be understood and are left out", l->name, l->unreadable);
	if (l->missed)
		note(n, true, "the journal missed %" PRIu64 " messages of the kernel, records maybe among them; auditd misses none", l->missed);
	if (l->unfinished)
		note(n, true, "%s was not read to its end, it is too long; ask for less with --since", l->name);
	if (l->overwritten && l->records)
		note(n, false, "%s: what is older was overwritten", l->name);
}

size_t source_notes(const struct source *s, struct source_note ret[static SOURCE_NOTES_MAX])
{
	struct notes n = { .note = ret };
	uint64_t suppressed = 0;
	size_t i, shown = 0;

	for (i = 0; i < s->n; i++) {
		if (s->logs[i].suppressed > suppressed)
			suppressed = s->logs[i].suppressed;
		/* Where others have all, a log without a record of its own is not worth a line. */
		if (s->logs[i].records || s->logs[i].unreadable || s->logs[i].missed || s->logs[i].unfinished) {
			note_log(&n, &s->logs[i]);
			shown++;
		}
	}
	for (i = 0; shown == 0 && i < s->n; i++)
		note_log(&n, &s->logs[i]);
	if (suppressed)
		note(&n, true,
			"the kernel's log dropped %" PRIu64 " audit records, as it takes few in a short time; install auditd, or set kernel.printk_ratelimit = 0",
			suppressed);
	if (s->audit.known && s->audit.lost)
		note(&n, true, "the kernel has lost %u audit records since it started; auditctl -s says its limits, -b and -r set them",
			s->audit.lost);
	if (s->not_logged)
		note(&n, true, "refusals are not logged: kernel.seccomp.actions_logged has no 'errno'");
	return n.n;
}
