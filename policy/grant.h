#ifndef CARREL_POLICY_GRANT_H
#define CARREL_POLICY_GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

struct err;

/* What somebody asks of one launch. All that is zero asks for least. */
struct wish {
	const char *image; /* NULL or empty: a bundle, which is a tree of the user's own */
	const char *profile; /* NULL or empty: the one that policy gives */
	bool home; /* the user's home is to be shown inside */
	bool keep; /* what is written is to be kept */
	enum wish_net { WISH_NET_NONE, WISH_NET_PROFILE, WISH_NET_HOST } net;
	/*
	 * Paths are compared as they stand. They must be those of what was opened, as the kernel
	 * tells them: a symbolic link would lead around every rule.
	 */
	const char *home_path;
	const struct wish_bind {
		const char *path;
		bool readonly;
	} * binds; /* sources on the host */
	size_t n_binds;
	const struct wish_bind *tree; /* of a bundle; NULL: not known yet */
};

struct grant {
	const struct profile *profile; /* the policy's */
	enum net_mode net;
};

/*
 * All functions: 0 allowed; -EACCES refused, by the file, line and key that the text begins with,
 * or by what it says where no line does; -EINVAL: the wish is none. *ret is untouched on failure.
 * Pure, except that who->in_group may block.
 */

/* All of the decision but for the signature of the image, and for how many containers run. */
int grant_decide(const struct policy *p, const struct person *who, const struct wish *w,
	struct grant *ret, struct err *e);

/* The last part, when the image has been read. signer: the trusted key's name; NULL or empty: none.
 */
int grant_check_image(
	const struct profile *profile, const char *image, const char *signer, struct err *e);

/* -EDQUOT: as many run as may. */
int grant_check_room(const struct profile *profile, uint64_t running, struct err *e);

/*
 * The first part alone: the profile of `carrel run`, or of `carrel run --profile NAME`. The exempt
 * may choose any with run = yes, and need not when there is only one.
 */
int grant_profile(const struct policy *p, const struct person *who, const char *name,
	const struct profile **ret, struct err *e);

#endif
