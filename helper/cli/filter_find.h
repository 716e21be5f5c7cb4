#ifndef CARREL_CLI_FILTER_FIND_H
#define CARREL_CLI_FILTER_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/cli/config.h"
#include "policy/base/err.h"

struct filter;
struct origin;

/* Where the command line looks for filters, in this order; sessions never see the last place. */
enum filter_place { PLACE_ADMIN, PLACE_SHIPPED, PLACE_PEERS, PLACE_PATH };

/* The configuration may be missing: filters can be looked at without one. */
struct filter_finder {
	struct config config;
	struct err config_error; /* why config.policy is NULL */
	const char *dirs[4];
	enum filter_place places[4];
	size_t n_dirs;
	uint32_t arch; /* AUDIT_ARCH_* that foreign profiles are read for; this machine's unless set
			*/
};

/*
 * path as for config_open(); a configuration that was named must be good, the installed one need
 * not be.
 */
int filter_finder_open(const char *path, struct filter_finder *ret, struct err *e);
void filter_finder_close(struct filter_finder *ff);

/*
 * Reads the filter that word means: a name in the finder's directories, or the path of a .filter
 * file, whose includes are looked for beside it first, or of a profile in JSON. A name's files must
 * be root's where the helper would ask it; a path's need not. flags: FILTER_ROOT_INSIDE or 0.
 */
int filter_find(const struct filter_finder *ff, const char *word, unsigned flags,
	struct filter **ret, struct err *e);

/* The text after "description =" of one file, malloc'ed; NULL when it has none. */
char *filter_description(const char *path);

/* A line as it stands in its file, without blanks around it, and its reason; malloc'ed, or NULL. */
void filter_line_read(const struct origin *at, char **ret_line, char **ret_reason);

#endif
