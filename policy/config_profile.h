#ifndef CARREL_POLICY_CONFIG_PROFILE_H
#define CARREL_POLICY_CONFIG_PROFILE_H

#include <stdint.h>

#include "policy/policy.h"

struct config_line;
struct err;

/* Trees that every container has of its own, up to a NULL: the host's are never shown in their
 * place. */
extern const char *const container_own[];

/* A profile while its file is being read. */
struct profile_draft {
	struct profile p;
	uint32_t set; /* one bit for every key the file has given */
	char *inherit;
	struct origin inherit_at;
	struct origin *run_profiles_at; /* of each word of p.run_profiles that the file has given */
	size_t n_run_profiles_at;
};

/* Takes one "key = value" of [profile NAME]. */
int profile_draft_set(struct profile_draft *d, const struct config_line *l, struct err *e);
/* Fills what the file left open, from parent (which may be NULL), then from the defaults. */
int profile_draft_finish(
	struct profile_draft *d, const struct profile_draft *parent, struct err *e);
void profile_draft_done(struct profile_draft *d);
void profile_done(struct profile *p);

#endif
