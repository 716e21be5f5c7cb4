#ifndef CARREL_DENIALS_JOURNAL_H
#define CARREL_DENIALS_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct record;
struct sd_journal;

/* What a journal entry is to us. */
enum journal_entry {
	ENTRY_OTHER,
	ENTRY_LINE,   /* the kernel's: text is as in the kernel log without anything before it */
	ENTRY_RECORD, /* from the audit subsystem: *record */
	ENTRY_MISSED, /* journald was too slow for the kernel: count */
};

/* The journal of this machine. -ENOENT: there is none. */
int journal_open(struct sd_journal **ret, struct err *e);
void journal_close(struct sd_journal *j);

struct journal_found {
	enum journal_entry kind;
	uint64_t time_us; /* of the entry, which is later than what it tells of */
	const char *text;
	size_t len;
	const struct record *record;
	uint64_t count;
};

/* Every entry from since_us on that the kernel or its audit subsystem wrote. A positive or negative answer ends it. */
int journal_read(struct sd_journal *j, uint64_t since_us, int (*each)(const struct journal_found *f, void *data),
	void *data, struct err *e);

/* A session that the helper opened, as its event tells (helper/log.h). */
struct journal_session {
	uint64_t time_us;
	uint32_t uid;
	uint32_t ses; /* audit session; RECORD_UNSET: none, or not told */
	char user[256];
	char service[64];
	char profile[33];
};
int journal_read_sessions(struct sd_journal *j, uint64_t since_us,
	int (*each)(const struct journal_session *s, void *data), void *data, struct err *e);

/* A launch that has ended, as its event tells: the range of IDs that it had, and when. */
struct journal_lending {
	uint64_t from_us, until_us;
	uint32_t uid;
	uint32_t start, count;
};
int journal_read_lendings(struct sd_journal *j, uint64_t since_us,
	int (*each)(const struct journal_lending *l, void *data), void *data, struct err *e);

#endif
