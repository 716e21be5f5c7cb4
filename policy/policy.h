#ifndef CARREL_POLICY_H
#define CARREL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

/* 0 is the strictest value of every enum: a zeroed struct permits nothing. */
enum verdict { VERDICT_REFUSE, VERDICT_CONFINE, VERDICT_EXEMPT };
enum linger_mode { LINGER_NO, LINGER_PROCESSES, LINGER_YES };
enum net_mode { NET_NONE, NET_HOST };
enum limits_mode { LIMITS_REQUIRED, LIMITS_BEST_EFFORT };

/* Where a word of the configuration stands. file belongs to the policy. */
struct origin {
	const char *file;
	unsigned line;
};

struct strv {
	char **v;
	size_t n;
};

#define PROFILE_KEYS_MAX 32

/* What one session may be: one [profile NAME], with what it inherits filled in. */
struct profile {
	char *name; /* [a-z0-9][a-z0-9-]*, at most 32 bytes: safe as part of a file name */
	struct origin origin;
	char *filter; /* filter name, never a path */
	char *view; /* "host" */
	bool root; /* may the user be root inside; false also sets no_new_privs */
	enum net_mode net;
	enum linger_mode linger;
	enum limits_mode limits;
	uint64_t memory_max; /* bytes, 0: no limit */
	uint64_t tasks_max; /* 0: no limit */
	uint64_t cpu_percent; /* of one CPU, 0: no limit */
	uint64_t tmp_size; /* bytes of the container's /tmp, /var/tmp and /dev/shm together */
	uint64_t tmp_inodes;
	struct strv bind; /* absolute paths; a leading '-' means "if it exists" */
	struct strv bind_readonly;
	struct strv hide;
	struct strv devices; /* absolute paths below /dev */
	/* Launches (carrel run); sessions do not look at them. */
	bool run; /* may start containers at all */
	struct strv images; /* globs of names, fnmatch(3) */
	bool image_signed; /* `signed`: only images with a signature of a trusted key */
	uint64_t max_containers; /* of one user at a time, under any profile; 0: no limit */
	bool home; /* --home is allowed */
	struct strv run_bind; /* trees from which --bind may take */
	struct strv run_profiles; /* profiles that --profile may choose besides this one */
	uint64_t keep_size; /* bytes that --keep may keep of each image; 0: nothing is kept */
	bool bundles; /* --bundle: trees of the user's own */
	struct origin key_at[PROFILE_KEYS_MAX]; /* for profile_key_at() alone */
};

/* One line of [assign]. */
struct assign {
	struct origin origin;
	char *service; /* NULL: every PAM service */
	char *who; /* NAME, @GROUP, uid:A-B or * */
	enum verdict verdict;
	const struct profile *profile; /* with VERDICT_CONFINE */
};

/* [ids]: the computed ranges. slots are handed out uid by uid along `uids`. */
struct id_pool {
	uint32_t first, last; /* host IDs, both included */
	struct id_window {
		uint32_t first, last;
	} uids[16];
	size_t n_uids;
};

struct policy {
	struct strv files; /* read, in order */
	struct profile *profiles;
	size_t n_profiles;
	struct assign *assigns; /* service-specific and general, in file order */
	size_t n_assigns;
	struct id_pool pool;
	struct strv negative_groups; /* members must not drop them: no setgroups() inside */
};

/*
 * Reads DIR/carrel.conf, then DIR/conf.d/<name>.conf in byte order. All or nothing: *ret is
 * untouched on failure. -EPERM: a file is not root's, or others may write it; -EINVAL: a word is
 * wrong (text names file, line, word); -ENOENT: no carrel.conf. Any process may call it;
 * must_be_root_owned is false only for `carrel check FILE`.
 */
int policy_load(const char *dir, bool must_be_root_owned, struct policy **ret, struct err *e);
/* The same for one file alone. */
int policy_load_file(const char *path, bool must_be_root_owned, struct policy **ret, struct err *e);
void policy_free(struct policy *p);
const struct profile *policy_profile(const struct policy *p, const char *name);
/*
 * The line that says KEY, here or in the profile that is inherited from; where none does, the
 * profile's own first line.
 */
struct origin profile_key_at(const struct profile *p, const char *key);

/* Changes whenever a file that policy_load(dir) would read does, or comes or goes. No allocation.
 */
uint64_t policy_stamp(const char *dir);
/* The same for the filter files in dirs, the first of which counts most. */
uint64_t policy_filters_stamp(const char *const *dirs, size_t n_dirs);

/* Who is asked about. Pure data, so that decisions can be tested without NSS. */
struct person {
	const char *name;
	uid_t uid;
	/*
	 * 1: in the named group; 0: not, or there is no such group; negative errno: nobody can
	 * tell. May block (NSS): call it in a process that may wait.
	 */
	int (*in_group)(const struct person *who, const char *group);
	const void *data;
};

struct decision {
	enum verdict verdict;
	const struct profile *profile; /* with VERDICT_CONFINE */
	const struct assign *rule; /* NULL: uid 0, or no rule matched (then VERDICT_REFUSE) */
	int unsure; /* negative errno of in_group for this rule's group: then VERDICT_REFUSE */
};

/* A user manager of systemd's runs on the host whatever it is asked: never for a confined user. */
#define SERVICE_USER_MANAGER "systemd-user"

/* carrel run asks as this service: lines of [assign run] come first. */
#define SERVICE_RUN "run"

/*
 * First match wins: the lines of [assign SERVICE] in order, then those of [assign]. uid 0 is always
 * exempt. Whoever would be confined is refused SERVICE_USER_MANAGER, with the rule that says so.
 */
struct decision policy_decide(
	const struct policy *p, const struct person *who, const char *service);

/* True: in a negative group, or nobody can tell: must not be able to drop groups inside. */
bool policy_keeps_groups(const struct policy *p, const struct person *who);

#endif
