#ifndef CARREL_DENIALS_PEOPLE_H
#define CARREL_DENIALS_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/idrange.h"

struct err;
struct source;

/*
 * Whose a record is. Users inside their containers have their own uid, or one of their range: that is more than the loginuid
 * tells, which su leaves alone.
 */
struct owner {
	uint32_t uid;
	char name[256]; /* empty: not told */
	struct id_range uids; /* count 0: not known */
	bool has_container; /* now */
};

struct known_session {
	uint32_t uid;
	uint32_t ses; /* audit session; RECORD_UNSET: it had none */
	uint64_t opened_us;
	bool lives;
	char profile[33];
	char service[64];
};

/* A launch had this range of IDs from then until then: the next one's may be another user's. */
struct lending {
	struct id_range uids;
	uint32_t uid;
	uint64_t from_us, until_us; /* wall clock */
};

struct people {
	struct owner *owners;
	size_t n_owners;
	struct lending *lendings;
	size_t n_lendings;
	uint32_t longest; /* of their ranges */
	bool sorted;
	struct known_session *sessions;
	size_t n_sessions;
};

/* -ENOMEM only. */
int people_add_owner(struct people *p, const struct owner *o);
int people_add_lending(struct people *p, const struct lending *l);
int people_add_session(struct people *p, const struct known_session *s);
void people_done(struct people *p);

/* The owner with this uid, or in whose range it lies; NULL: none that is known. */
const struct owner *people_owner(const struct people *p, uint32_t uid);

/*
 * Whose launch had this ID at that time. False: nobody's that is known, or, at the border of two, maybe either's. Then it is nobody's
 * to be told of, but root's.
 */
bool people_holder(struct people *p, uint32_t id, uint64_t time_us, uint32_t *ret_uid);

/*
 * The session of uid with this audit session that was open at the time, as far as is known: one that lives first, then the one
 * that was opened last before. NULL: none.
 */
const struct known_session *people_session(const struct people *p, uint32_t uid, uint32_t ses, uint64_t time_us);

/*
 * What carrel-helper has recorded in the directory state_fd: containers of sessions as owners, launches that run, up to now, and
 * sessions that live, with the audit session that proc_fd tells of their process. only: one user's; or RECORD_UNSET; launches are
 * everybody's all the same. Files that cannot be read are passed over.
 */
#define PEOPLE_STATE "/run/carrel/state"
int people_read_state(struct people *p, int state_fd, int proc_fd, uint32_t only, struct err *e);

/* Sessions and launches that have ended, too, where the journal knows of them. */
int people_read_log(struct people *p, struct source *s, uint64_t since_us, uint32_t only, struct err *e);

#endif
