#ifndef CARREL_HELPER_REGISTRY_H
#define CARREL_HELPER_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "helper/public/wire.h"
#include "policy/idrange.h"
#include "policy/policy.h"

struct err;

/* What a launch is, beside a container; for people, for `carrel list`, and for who runs one more program in it. */
struct launch {
	char name[LAUNCH_NAME_MAX + 1];
	char image[LAUNCH_NAME_MAX + 1]; /* empty: a tree of the user's own */
	char digest[80];
	char command[256]; /* no control characters */
	char user[64]; /* whose; for people */
	uint64_t started_us; /* wall clock */
	bool groups; /* the user's supplementary groups are mapped and held */
};

/*
 * What lives: in memory for the helper's main process, and as one small file each below /run/carrel/state, from which
 * the next helper rebuilds it. Only the main process touches it; its children see the copy of the moment they began.
 */
struct container {
	struct container *next;
	uid_t uid;
	char profile[33];
	bool ready; /* false: being built, and for nobody's use */
	bool refused; /* the launch for which it is, or was being, built: it goes */
	pid_t pid; /* from here to user_ns: of pid 1, when that is there */
	int pidfd; /* the main process's; children have none: registry_pidfd() */
	uint64_t start;
	uint64_t user_ns;
	struct id_ranges ranges;
	enum linger_mode linger;
	char cgroup[256]; /* absolute path, empty: none of its own */
	struct launch *launch; /* NULL: the container of the user's sessions under this profile */
	unsigned sessions;
	bool ending;
	int status; /* wait status of a launch's pid 1, when it was our child; -1: not known */
	void *timer;   /* server.c's */
	void *watch;
	unsigned asked; /* how often it was asked whether it is empty, or could be removed */
};

struct session {
	struct session *next;
	uint64_t id;
	struct container *container;
	pid_t pid; /* of the service's process that opened it */
	int pidfd; /* of that process */
	uint64_t start;
	char service[64];
	char user[256];
	void *conn;  /* server.c's; NULL after a restart */
	void *watch;
};

struct registry {
	struct container *containers;
	struct session *sessions;
	uint64_t last_id;
	int state_fd; /* of the directory */
	int proc_fd;
};

/* A pidfd of its pid 1 for who is not the main process, to be closed. -ESRCH: it has ended. */
int registry_pidfd(const struct registry *r, const struct container *c);

/*
 * Opens DIR (made 0700 if missing) and takes over what an earlier helper left there: what still lives, by pid, start time and
 * user namespace. Files of the dead, and files nobody can read, are removed.
 */
int registry_open(const char *dir, int proc_fd, struct registry *ret, struct err *e);

struct container *registry_container(const struct registry *r, uid_t uid, const char *profile);
struct container *registry_launch(const struct registry *r, uid_t uid, const char *name);
/* How many launches a user has, those being built among them. */
size_t registry_launches_of(const struct registry *r, uid_t uid);

/* A launch, or a container of another user's, that holds or is about to hold an overlapping range; NULL: none. */
const struct container *registry_overlap(const struct registry *r, uid_t uid, const struct id_ranges *ranges);

/* A place for a container that is being built. -ENOMEM only. */
int registry_reserve(struct registry *r, uid_t uid, const char *profile, struct container **ret, struct err *e);
/* The same for a launch; what is copied. */
int registry_reserve_launch(struct registry *r, uid_t uid, const char *profile, const struct launch *what,
	struct container **ret, struct err *e);

/*
 * Writes its file: from here on it survives the helper; but a launch that does not go yet is ended by the next one, and its range
 * is nobody else's until it is dead. -ENOSPC and the like: /run is full.
 */
int registry_keep(struct registry *r, struct container *c, struct err *e);
/* The launch is ready. Where that cannot be written down, it is all the same, but the next helper will not know. */
void registry_launch_goes(struct registry *r, struct container *c);
void registry_drop(struct registry *r, struct container *c);

/* Records a session of container c, opened by process pid. Takes ownership of pidfd on success only. */
int registry_session(struct registry *r, struct container *c, pid_t pid, int pidfd, const char *service,
	const char *user, struct session **ret, struct err *e);
struct session *registry_session_by_id(const struct registry *r, uint64_t id);
void registry_session_drop(struct registry *r, struct session *s);

#endif
