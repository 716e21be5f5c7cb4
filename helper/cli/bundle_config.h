#ifndef CARREL_CLI_BUNDLE_CONFIG_H
#define CARREL_CLI_BUNDLE_CONFIG_H

/* What config.json of an OCI bundle asks for, as far as a launch can keep to it; the rest is
 * refused. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "policy/config.h"

struct err;
struct node;
struct row;

#define BUNDLE_BINDS_MAX 15 /* the tree is the helper's sixteenth */

#define BUNDLE_GROUPS_MAX 64

struct bundle_bind {
	char *source, *destination; /* source: relative to the bundle, or absolute; NULL: a tmpfs */
	char *options; /* of a tmpfs, with commas */
	bool read_only;
	bool copies_up; /* a tmpfs that is to begin with what the tree has there */
};

struct bundle {
	struct strv args, env; /* env: each NAME=VALUE, the last of a name counts */
	char *cwd, *root;
	uint32_t uid, gid;
	uint32_t groups[BUNDLE_GROUPS_MAX]; /* besides gid */
	size_t n_groups;
	uint64_t caps, ambient; /* those that are kept, and those that others than root have */
	struct strv cap_names; /* the same */
	struct rlimit limits[RLIM_NLIMITS];
	bool limited[RLIM_NLIMITS];
	int oom_score_adj;
	bool has_oom_score_adj;
	bool terminal, no_new_privs, read_only, net_own, has_filter;
	struct bundle_bind binds[BUNDLE_BINDS_MAX];
	size_t n_binds;
	char *hostname, *domainname; /* NULL: none */
	uid_t own_uid; /* whose bundle it is to be; set before reading */
	gid_t own_gid;
};

/* ret holds only own_uid and own_gid. -EINVAL: the text names the place. */
int bundle_read(const char *text, size_t len, struct bundle *ret, struct err *e);
void bundle_done(struct bundle *b);

/* Rows of the parts that have a file of their own. */
int bundle_take_process(const struct node *n, const struct row *row, void *data, struct err *e);
int bundle_take_mounts(const struct node *n, const struct row *row, void *data, struct err *e);
int bundle_take_linux(const struct node *n, const struct row *row, void *data, struct err *e);
/* RLIMIT_NOFILE, as config.json has it. */
const char *bundle_limit_name(int resource);
/* What can be judged only when all of the process is known. */
int bundle_check_process(struct bundle *b, const struct node *n, struct err *e);

#endif
