#ifndef CARREL_HELPER_LOG_H
#define CARREL_HELPER_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Events of the helper, each with a MESSAGE_ID of its own: to the journal as fields where journald listens, else one line to
 * syslog (authpriv). `journalctl MESSAGE_ID=...` finds them; carrel(7) lists them.
 */
enum event {
	EVENT_SESSION_OPENED,
	EVENT_SESSION_CLOSED,
	EVENT_SESSION_REFUSED,
	EVENT_SESSION_EXEMPT,
	EVENT_CONTAINER_STARTED,
	EVENT_CONTAINER_ENDED,
	EVENT_CONFIG_LOADED,
	EVENT_CONFIG_BROKEN,
	EVENT_HELPER, /* start, stop, recovery, trouble of its own */
	EVENT_LAUNCH_STARTED,
	EVENT_LAUNCH_ENDED,
	EVENT_LAUNCH_REFUSED,
	EVENT_LAUNCH_ENTERED, /* carrel exec */
	N_EVENTS,
};

struct event_fields {
	int priority;	     /* LOG_* */
	const char *user;    /* NULL: does not apply; likewise below */
	const char *service;
	const char *profile;
	const char *outcome;
	const char *container, *image, *digest, *command; /* of a launch */
	uint64_t session;    /* 0: none */
	uint32_t audit_session; /* the kernel's; 0: none */
	int64_t uid;	     /* -1: none */
	pid_t pid;	     /* 0: none */
	uint32_t range_start, range_count;
	uint64_t started_us; /* since when the range is that user's, wall clock; 0: not told */
};

/* Also to standard error; for `carrel-helper --listen` at a terminal. */
void log_to_stderr(bool on);

/* text may hold a user's words: control characters are made visible. */
void log_event(enum event what, const struct event_fields *f, const char *text, ...)
	__attribute__((format(printf, 3, 4)));

#endif
