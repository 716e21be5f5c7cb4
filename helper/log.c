#include "helper/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

/* Before <systemd/sd-journal.h>: without it the header adds CODE_FILE fields to each record. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "helper/public/visible.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define MAX_FIELDS 20

static bool stderr_too;

/* Never change one: people's queries hold them. */
static const char *const message_ids[N_EVENTS] = {
	[EVENT_SESSION_OPENED] = "5b7c2f0b3fd94c0d9b3c5d0c3a1f6e01",
	[EVENT_SESSION_CLOSED] = "5b7c2f0b3fd94c0d9b3c5d0c3a1f6e02",
	[EVENT_SESSION_REFUSED] = "5b7c2f0b3fd94c0d9b3c5d0c3a1f6e03",
	[EVENT_SESSION_EXEMPT] = "5b7c2f0b3fd94c0d9b3c5d0c3a1f6e04",
	[EVENT_CONTAINER_STARTED] = "5b7c2f0b3fd94c0d9b3c5d0c3a1f6e05",
	[EVENT_CONTAINER_ENDED] = "5b7c2f0b3fd94c0d9b3c5d0c3a1f6e06",
	[EVENT_CONFIG_LOADED] = "5b7c2f0b3fd94c0d9b3c5d0c3a1f6e07",
	[EVENT_CONFIG_BROKEN] = "5b7c2f0b3fd94c0d9b3c5d0c3a1f6e08",
	[EVENT_HELPER] = "5b7c2f0b3fd94c0d9b3c5d0c3a1f6e09",
	[EVENT_LAUNCH_STARTED] = "5b7c2f0b3fd94c0d9b3c5d0c3a1f6e0a",
	[EVENT_LAUNCH_ENDED] = "5b7c2f0b3fd94c0d9b3c5d0c3a1f6e0b",
	[EVENT_LAUNCH_REFUSED] = "5b7c2f0b3fd94c0d9b3c5d0c3a1f6e0c",
	[EVENT_LAUNCH_ENTERED] = "5b7c2f0b3fd94c0d9b3c5d0c3a1f6e0d",
};

struct record {
	char text[MAX_FIELDS][768];
	struct iovec iov[MAX_FIELDS];
	int n;
};

void log_to_stderr(bool on)
{
	stderr_too = on;
}

/* A newline in a record would be a second, forged record in syslog; and who reads it does so on a terminal. */
static void make_visible(char *s)
{
	while (*s) {
		size_t n = visible_length(s);

		if (n == 0)
			*s = '?';
		s += n > 0 ? n : 1;
	}
}

static void add(struct record *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct record *r, const char *fmt, ...)
{
	char *field = r->text[r->n];
	va_list ap;

	if (r->n == MAX_FIELDS)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(field, sizeof(r->text[0]), fmt, ap);
	va_end(ap);
	make_visible(field);
	r->iov[r->n].iov_base = field;
	r->iov[r->n].iov_len = strlen(field);
	r->n++;
}

static void add_fields(struct record *r, const struct event_fields *f)
{
	if (f->user)
		add(r, "CARREL_USER=%s", f->user);
	if (f->uid >= 0)
		add(r, "CARREL_UID=%" PRId64, f->uid);
	if (f->service)
		add(r, "CARREL_SERVICE=%s", f->service);
	if (f->profile)
		add(r, "CARREL_PROFILE=%s", f->profile);
	if (f->outcome)
		add(r, "CARREL_OUTCOME=%s", f->outcome);
	if (f->container)
		add(r, "CARREL_CONTAINER=%s", f->container);
	if (f->image)
		add(r, "CARREL_IMAGE=%s", f->image);
	if (f->digest)
		add(r, "CARREL_DIGEST=%s", f->digest);
	if (f->command)
		add(r, "CARREL_COMMAND=%s", f->command);
	if (f->session)
		add(r, "CARREL_SESSION=%" PRIu64, f->session);
	if (f->audit_session)
		add(r, "CARREL_AUDIT_SESSION=%" PRIu32, f->audit_session);
	if (f->pid)
		add(r, "CARREL_PID=%d", (int)f->pid);
	if (f->range_count)
		add(r, "CARREL_RANGE=%" PRIu32 "+%" PRIu32, f->range_start, f->range_count);
	if (f->started_us)
		add(r, "CARREL_STARTED=%" PRIu64, f->started_us);
}

void log_event(enum event what, const struct event_fields *f, const char *text, ...)
{
	static struct record r;
	char line[768];
	va_list ap;

	va_start(ap, text);
	(void)vsnprintf(line, sizeof(line), text, ap);
	va_end(ap);
	make_visible(line);
	if (stderr_too)
		(void)dprintf(STDERR_FILENO, "carrel-helper: %s\n", line);
	if (access(JOURNAL_SOCKET, W_OK) < 0) {
		syslog(f->priority, "%s", line);
		return;
	}
	r.n = 0;
	add(&r, "MESSAGE=%s", line);
	add(&r, "MESSAGE_ID=%s", message_ids[what]);
	add(&r, "PRIORITY=%d", f->priority);
	add(&r, "SYSLOG_IDENTIFIER=carrel-helper");
	add(&r, "SYSLOG_FACILITY=%d", LOG_AUTHPRIV >> 3);
	add_fields(&r, f);
	(void)sd_journal_sendv(r.iov, r.n);
}
