/*
 * journal - records, sessions and launches out of the journal.
 *
 * Trust:  a field that begins with "_" is journald's word, others are the writer's. So the kernel's lines count by
 *         _TRANSPORT, and the helper's events only when root's program wrote them.
 */
#include "helper/denials/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>

#include "helper/denials/record.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"

#define MISSED_ID "e9bf28e6e834481bb6f48f548ad13606" /* SD_MESSAGE_JOURNAL_MISSED */
#define OPENED_ID "5b7c2f0b3fd94c0d9b3c5d0c3a1f6e01" /* EVENT_SESSION_OPENED of helper/log.c */
#define ENDED_ID "5b7c2f0b3fd94c0d9b3c5d0c3a1f6e0b" /* EVENT_LAUNCH_ENDED */

int journal_open(struct sd_journal **ret, struct err *e)
{
	sd_journal *j = NULL;
	int r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);

	/* Without a journal it opens all the same, and finds nothing. */
	if (r >= 0)
		r = sd_journal_has_runtime_files(j) + sd_journal_has_persistent_files(j) > 0 ? 0 : -ENOENT;
	if (r < 0) {
		sd_journal_close(j);
		return err_set(e, -r, "no journal: %s", strerror(-r));
	}
	*ret = j;
	return 0;
}

void journal_close(struct sd_journal *j)
{
	sd_journal_close(j);
}

/* The value of a field, not NUL-terminated; false: the entry has none. */
static bool field(sd_journal *j, const char *name, const char **ret, size_t *ret_len)
{
	const void *data;
	size_t n, skip = strlen(name) + 1;

	if (sd_journal_get_data(j, name, &data, &n) < 0 || n < skip)
		return false;
	*ret = (const char *)data + skip;
	*ret_len = n - skip;
	return true;
}

static bool field_text(sd_journal *j, const char *name, char *buf, size_t size)
{
	const char *v;
	size_t n;

	if (!field(j, name, &v, &n) || n >= size || memchr(v, '\0', n))
		return false;
	memcpy(buf, v, n);
	buf[n] = '\0';
	return true;
}

static bool field_number(sd_journal *j, const char *name, uint64_t *ret)
{
	char text[32];

	return field_text(j, name, text, sizeof(text)) && parse_u64(text, UINT64_MAX, ret) == 0;
}

/* "SECCOMP auid=... code=0x50000", with time and number in fields of their own. */
static bool audit_record(sd_journal *j, const char *text, size_t len, struct record *ret)
{
	const char *words = memchr(text, ' ', len);
	uint64_t time_us = 0, serial = 0;

	if (!words || record_read_words(words + 1, len - (size_t)(words + 1 - text), ret) < 0)
		return false;
	if (field_number(j, "_SOURCE_REALTIME_TIMESTAMP", &time_us) && field_number(j, "_AUDIT_ID", &serial)) {
		ret->time_us = time_us;
		ret->serial = serial;
	}
	return true;
}

static uint64_t missed_count(const char *text, size_t len)
{
	char line[64];
	unsigned long long n;

	(void)snprintf(line, sizeof(line), "%.*s", (int)(len < sizeof(line) ? len : sizeof(line) - 1), text);
	return sscanf(line, "Missed %llu kernel", &n) == 1 ? n : 0;
}

static void judge(sd_journal *j, struct record *record, struct journal_found *f)
{
	char transport[16], type[16];

	*f = (struct journal_found){ .kind = ENTRY_OTHER };
	(void)sd_journal_get_realtime_usec(j, &f->time_us);
	if (!field_text(j, "_TRANSPORT", transport, sizeof(transport)) || !field(j, "MESSAGE", &f->text, &f->len))
		return;
	if (strcmp(transport, "kernel") == 0) {
		f->kind = ENTRY_LINE;
	} else if (strcmp(transport, "driver") == 0) {
		f->count = missed_count(f->text, f->len);
		f->kind = f->count ? ENTRY_MISSED : ENTRY_OTHER;
	} else if (strcmp(transport, "audit") == 0 && field_text(j, "_AUDIT_TYPE", type, sizeof(type)) &&
		strcmp(type, "1326") == 0) {
		/* What cannot be read is told as a line that cannot be read. */
		f->kind = ENTRY_LINE;
		if (!audit_record(j, f->text, f->len, record)) {
			f->text = "audit: type=1326 ";
			f->len = strlen(f->text);
			return;
		}
		if (record->time_us == 0)
			record->time_us = f->time_us;
		f->record = record;
		f->kind = ENTRY_RECORD;
	}
}

static int match(sd_journal *j, const char *const *fields, size_t n)
{
	int r = 0;

	sd_journal_flush_matches(j);
	for (size_t i = 0; i < n && r >= 0; i++)
		r = fields[i] ? sd_journal_add_match(j, fields[i], 0) : sd_journal_add_disjunction(j);
	return r;
}

int journal_read(struct sd_journal *j, uint64_t since_us, int (*each)(const struct journal_found *f, void *data),
	void *data, struct err *e)
{
	static const char *const fields[] = { "_TRANSPORT=kernel", NULL, "_TRANSPORT=audit", "_AUDIT_TYPE=1326", NULL,
		"_TRANSPORT=driver", "MESSAGE_ID=" MISSED_ID };
	struct record record;
	struct journal_found f;
	int r = match(j, fields, sizeof(fields) / sizeof(fields[0]));

	if (r >= 0)
		r = since_us ? sd_journal_seek_realtime_usec(j, since_us) : sd_journal_seek_head(j);
	while (r >= 0 && (r = sd_journal_next(j)) > 0) {
		int answer;

		judge(j, &record, &f);
		answer = f.kind == ENTRY_OTHER ? 0 : each(&f, data);
		if (answer != 0)
			return answer;
	}
	return r < 0 ? err_set(e, -r, "cannot read the journal: %s", strerror(-r)) : 0;
}

static bool session_of(sd_journal *j, struct journal_session *ret)
{
	uint64_t uid, ses;
	char number[32];

	*ret = (struct journal_session){ .ses = RECORD_UNSET };
	if (sd_journal_get_realtime_usec(j, &ret->time_us) < 0 || !field_number(j, "CARREL_UID", &uid) ||
		uid >= UINT32_MAX || !field_text(j, "CARREL_PROFILE", ret->profile, sizeof(ret->profile)) ||
		!field_text(j, "CARREL_USER", ret->user, sizeof(ret->user)))
		return false;
	(void)field_text(j, "CARREL_SERVICE", ret->service, sizeof(ret->service));
	ret->uid = (uint32_t)uid;
	if (field_text(j, "CARREL_AUDIT_SESSION", number, sizeof(number)) && parse_u64(number, UINT32_MAX, &ses) == 0)
		ret->ses = (uint32_t)ses;
	return true;
}

/* Every event of root's with this match, from since_us on. */
static int events_read(sd_journal *j, const char *id, uint64_t since_us, int (*each)(sd_journal *j, void *data), void *data,
	struct err *e)
{
	const char *const fields[] = { id, "_UID=0" };
	int r = match(j, fields, 2);

	if (r >= 0)
		r = since_us ? sd_journal_seek_realtime_usec(j, since_us) : sd_journal_seek_head(j);
	while (r >= 0 && (r = sd_journal_next(j)) > 0) {
		int answer = each(j, data);

		if (answer != 0)
			return answer;
	}
	return r < 0 ? err_set(e, -r, "cannot read the journal: %s", strerror(-r)) : 0;
}

struct sessions_reading {
	int (*each)(const struct journal_session *s, void *data);
	void *data;
};

static int take_session(sd_journal *j, void *data)
{
	const struct sessions_reading *g = data;
	struct journal_session s;

	return session_of(j, &s) ? g->each(&s, g->data) : 0;
}

int journal_read_sessions(struct sd_journal *j, uint64_t since_us,
	int (*each)(const struct journal_session *s, void *data), void *data, struct err *e)
{
	struct sessions_reading g = { each, data };

	return events_read(j, "MESSAGE_ID=" OPENED_ID, since_us, take_session, &g, e);
}

/* Its end is when the helper said so, not when journald heard it: by then another may have the range. */
static bool lending_of(sd_journal *j, struct journal_lending *ret)
{
	uint64_t uid;
	char range[32];

	if (!field_number(j, "CARREL_UID", &uid) || uid >= UINT32_MAX || !field_number(j, "CARREL_STARTED", &ret->from_us) ||
		!field_number(j, "_SOURCE_REALTIME_TIMESTAMP", &ret->until_us) ||
		!field_text(j, "CARREL_RANGE", range, sizeof(range)) ||
		sscanf(range, "%" SCNu32 "+%" SCNu32, &ret->start, &ret->count) != 2)
		return false;
	ret->uid = (uint32_t)uid;
	return true;
}

struct lendings_reading {
	int (*each)(const struct journal_lending *l, void *data);
	void *data;
};

static int take_lending(sd_journal *j, void *data)
{
	const struct lendings_reading *g = data;
	struct journal_lending l;

	return lending_of(j, &l) ? g->each(&l, g->data) : 0;
}

int journal_read_lendings(struct sd_journal *j, uint64_t since_us,
	int (*each)(const struct journal_lending *l, void *data), void *data, struct err *e)
{
	struct lendings_reading g = { each, data };

	return events_read(j, "MESSAGE_ID=" ENDED_ID, since_us, take_lending, &g, e);
}
