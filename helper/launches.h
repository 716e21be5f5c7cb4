#ifndef CARREL_HELPER_LAUNCHES_H
#define CARREL_HELPER_LAUNCHES_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/image/image.h"
#include "helper/registry.h"

struct peer;

/*
 * A launch is served by a guest's child, which may wait for name services, file servers and a gigabyte of image; the main
 * process alone knows which names, ranges and images there are. What they say to each other:
 */
enum launch_word {
	LAUNCH_NONE,
	/* child to main */
	LAUNCH_SLOW,  /* an image is being read: more time */
	LAUNCH_IMAGE, /* it was read; fds: see launch_image_fds. YES: it is kept, and its tree attached; NO: do as you can */
	LAUNCH_PLACE, /* uid, user, profile, what: may it be? And serial: of the image of the cache. Answered by RANGE or NO */
	LAUNCH_TAKEN, /* somebody has that range; answered as PLACE */
	LAUNCH_BUILT, /* what, pid, user_ns, cgroup; fd: its pidfd. To be recorded, for nobody's use yet. Answered by YES or NO */
	LAUNCH_GOES,  /* it is about to run, and all may know */
	LAUNCH_REFUSED, /* text: it was refused, and told so */
	LAUNCH_ENTERED, /* carrel exec: what */
	/* main to child */
	LAUNCH_YES,
	LAUNCH_NO, /* text says why */
	LAUNCH_LATER, /* a NO that the end of a container, which is near, may change: ask again */
	LAUNCH_RANGE, /* ranges, what.name: recorded as yours until you end */
};

/* Of LAUNCH_IMAGE; an fd that the image has not is left out at the end, and -1 before it is sent as /dev/null. */
enum launch_image_fds { LAUNCH_FD_MANIFEST, LAUNCH_FD_TREE, LAUNCH_FD_FILE, LAUNCH_FD_WATCH, LAUNCH_FDS };

struct launch_note {
	uint32_t word;
	uint32_t uid;
	char profile[33];
	struct launch what;
	struct id_ranges ranges;
	uint32_t known; /* with RANGE: a launch had it a moment ago, and the files of accounts are what they were then */
	uint32_t owner; /* with RANGE: the user's namespaces' owner, nobody's a moment ago; with BUILT: found to be nobody's; or 0 */
	int32_t pid;
	uint64_t user_ns;
	char cgroup[256];
	uint64_t serial; /* 0: of none */
	uint32_t same; /* with RANGE: that image is still what it was */
	struct image_stamp stamp;
	char signer[128];
	char text[512];
};

/* Main process, all of these. One child's side of the conversation; NULL: it has said nothing yet. */
struct launching;

/*
 * Hears what a child says at fd; false: nothing more will come. *ret_wait: in how many microseconds it must be done, counted from
 * now; 0: no change.
 */
bool launching_hear(int fd, const struct peer *peer, struct launching **state, uint64_t *ret_wait);
/* The child is dead: what it had not finished is undone. */
void launching_gone(struct launching *l);

/* The policy is another, or there was none: the pool anew, with the ranges of what lives. */
void launches_policy_changed(void);

/* A launch's pid 1 is dead: its range is free again, and the log gets its line. */
void launches_ended(const struct container *c);

#endif
