#ifndef CARREL_DENIALS_SOURCE_H
#define CARREL_DENIALS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/denials/record.h"

struct err;
struct journal_lending;
struct journal_session;
struct source; /* the logs of this machine that hold records, or one file of any machine */

/*
 * Opens what this machine has: /var/log/audit/audit.log with its rotated files, the journal, and, where there is no journal, the
 * kernel's own buffer or else the file that syslog makes of it. Needs the right to read them (root); reading them, later,
 * needs none. since_us may leave out files that are too old. -ENOENT: nothing can be read; the text says what to do.
 */
int source_open(uint64_t since_us, struct source **ret, struct err *e);

/* One file with lines of any form that record_read() knows. */
int source_open_file(const char *path, struct source **ret, struct err *e);

void source_close(struct source *s);

struct reading_limits {
	uint64_t since_us, until_us; /* wall clock, both included; until 0: no end */
	uint64_t deadline_us;	     /* CLOCK_MONOTONIC; 0: takes its time */
};

/*
 * Calls each() for every record between since and until, once, also where two logs hold the same. Their order is that of each
 * log. A negative answer of each() ends it and is returned; a positive one says that the record is none of the caller's, and
 * is not to be counted in what is told of the source. -ETIME: the deadline passed; what was read was given.
 */
int source_read(struct source *s, const struct reading_limits *limits,
	int (*each)(const struct record *r, void *data), void *data, struct err *e);

/* Sessions that carrel-helper said to have opened, from the journal where there is one; helper/denials/journal.h. */
int source_sessions(struct source *s, uint64_t since_us, int (*each)(const struct journal_session *j, void *data),
	void *data, struct err *e);

/* Launches that carrel-helper said to have ended, likewise. */
int source_lendings(struct source *s, uint64_t since_us, int (*each)(const struct journal_lending *l, void *data),
	void *data, struct err *e);

/* What is told of the source itself, for people: after source_read(). */
struct source_note {
	bool loss;	/* records are missing: the text says how many and what to do about it */
	char text[400]; /* "the audit log /var/log/audit/audit.log, 12 records since 2026-11-20" */
};
#define SOURCE_NOTES_MAX 16
size_t source_notes(const struct source *s, struct source_note ret[static SOURCE_NOTES_MAX]);

static inline void source_cleanup(struct source **s)
{
	source_close(*s);
}

#endif
