#ifndef CARREL_POLICY_CONFIG_DRAFT_H
#define CARREL_POLICY_CONFIG_DRAFT_H

#include "policy/policy.h"

struct config_line;
struct err;
struct profile_draft;

/* A policy while its files are being read. Nothing of it is seen outside before all of it is good.
 */
struct draft {
	struct policy *p;
	struct profile_draft *profiles;
	size_t n_profiles;
	struct assign_draft *assigns;
	size_t n_assigns;
	unsigned set;
	struct origin ids_at; /* of the last key of [ids] */
};

int draft_begin(struct draft *d, struct err *e);
/* A config_line_fn: takes one statement of any file; data is the draft. */
int draft_line(void *data, const struct config_line *l, struct err *e);
/*
 * Resolves what may be defined after its use: profiles, inheritance, the pool's bounds. *ret is the
 * caller's.
 */
int draft_finish(struct draft *d, struct policy **ret, struct err *e);
void draft_done(struct draft *d);

#endif
