#ifndef CARREL_POLICY_ACCOUNT_H
#define CARREL_POLICY_ACCOUNT_H

#include <sys/types.h>

#include "policy/policy.h"

struct err;

/* One user as NSS tells it; owns its strings. */
struct account {
	char *name;
	uid_t uid;
	gid_t gid;
	char *home;
	char *shell;
	gid_t *gids; /* primary first, then supplementary, no duplicates */
	size_t n_gids;
};

/* May block as long as NSS does: only for processes that may wait. -ENOENT: no such user. */
int account_by_name(const char *name, struct account *ret, struct err *e);
int account_by_uid(uid_t uid, struct account *ret, struct err *e);
void account_done(struct account *a);

/* The account as policy_decide() wants it; a must outlive the result. */
struct person account_person(const struct account *a);

#endif
