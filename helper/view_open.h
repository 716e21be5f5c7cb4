#ifndef CARREL_HELPER_VIEW_OPEN_H
#define CARREL_HELPER_VIEW_OPEN_H

#include "helper/view.h"
#include "policy/account.h"

struct err;

#define VIEW_BINDS_MAX 64

/* The facts with what they point to, and the descriptors behind them. All O_PATH-like: nothing was read. */
struct view_sources {
	struct view_facts facts;
	int home_fd; /* -1: none */
	int bind_fds[VIEW_BINDS_MAX];
	struct view_bind binds[VIEW_BINDS_MAX];
	struct view_hidden hides[VIEW_BINDS_MAX];
	struct view_device devices[VIEW_BINDS_MAX];
	const char *dirs[16];
	struct view_mount *mounts;
	char *mount_text; /* mounts points into it */
	char paths[2 * VIEW_BINDS_MAX + 2][256];
	size_t n_paths;
};

/*
 * Opens what the profile and the account name. Paths in a user's hands are walked with the user's own credentials, and may
 * hang for as long as a dead file server likes: only for a disposable process with a deadline. -ENOENT, -EACCES: a bind of the
 * profile is not there for this user.
 */
int view_open(const struct account *a, const struct profile *p, struct view_sources *ret, struct err *e);
/* Of the facts resolv_conf and the profile's devices alone; for launches, which open the rest themselves. */
int view_open_machine(const struct profile *p, struct view_sources *ret, struct err *e);
void view_sources_done(struct view_sources *v);

#endif
