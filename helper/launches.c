/*
 * launches - what the main process knows of launched containers: names and ranges.
 *
 * Trust:  a guest's child is ours, but its copy of all this is as old as itself: whether a name, a range and a place are free
 *         is decided here and nowhere else.
 * Order:  PLACE -> RANGE (TAKEN -> RANGE)*, IMAGE -> YES where it was read, BUILT -> YES, GOES. The range is recorded with its
 *         container before pid 1 may run, and is free again when the kernel says that pid 1 is dead, which is after everybody
 *         else in there.
 * Fails:  a child that dies half-way is cleaned up after: its container dies with it (container.c). A helper that dies half-way
 *         leaves a record of something unfinished, which the next one ends.
 */
#include "helper/launches.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>

#include "helper/image_cache.h"
#include "helper/lifetime.h"
#include "helper/limits.h"
#include "helper/log.h"
#include "helper/peer.h"
#include "helper/public/message.h"
#include "helper/server.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/grant.h"
#include "policy/policy.h"

#define LATER_WAIT_US 7000000u /* for the 5 s that it waits for who goes (launch_place.c), and the launch */
#define SLOW_WAIT_US 150000000u /* reading an image; the client waits 180 s */

struct launching {
	struct container *container; /* reserved for it; NULL: not, or not any more */
	uint64_t accounts; /* accounts_stamp() before it asked about IDs */
	bool known; /* it need not ask about the range */
};

static void text_end(char *text, size_t size)
{
	text[size - 1] = '\0';
}

/* --- ranges --- */

void launches_policy_changed(void)
{
	struct event_fields f = { .priority = LOG_ERR, .uid = -1 };
	const struct container *c;
	struct err e;

	slots_done(&server.slots);
	if (slots_open(&server.policy->pool, &server.slots, &e) < 0) {
		log_event(EVENT_HELPER, &f, "no containers can be launched: %s", e.text);
		return;
	}
	/* A range from another pool may lie across slots of this one: those are nobody's to give either. */
	for (c = server.registry.containers; c; c = c->next)
		if (!c->launch || !slots_take_range(&server.slots, &c->ranges.uids))
			slots_mark(&server.slots, &c->ranges.uids);
}

/*
 * Ranges that were nobody's when a launch asked. That takes a look into every file of accounts and a question to the name services;
 * who gets a range for which it was asked a moment ago, and sees the same files, need not ask again.
 */
#define KNOWN_S 60
#define KNOWN_MAX 32

static struct known {
	struct id_range range;
	uint64_t accounts;
	time_t until;
} known[KNOWN_MAX];
static size_t known_next;

static uint64_t accounts_stamp(void)
{
	static const char *const files[] = { "/etc/passwd", "/etc/group", "/etc/subuid", "/etc/subgid", "/etc/nsswitch.conf" };
	uint64_t stamp = 0;
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (stat(files[i], &st) == 0)
			stamp = stamp * 31 + (uint64_t)st.st_ino * 7 + (uint64_t)st.st_size * 3 +
				(uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
	return stamp;
}

static time_t seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

static void range_note(const struct id_range *r, uint64_t accounts)
{
	known[known_next++ % KNOWN_MAX] = (struct known){ *r, accounts, seconds() + KNOWN_S };
}

static bool range_is_known(const struct id_range *r, uint64_t accounts)
{
	size_t i;

	for (i = 0; i < KNOWN_MAX; i++)
		if (known[i].range.start == r->start && known[i].range.count == r->count && known[i].accounts == accounts &&
			seconds() < known[i].until)
			return true;
	return false;
}

/* The same about owners of user namespaces. */
static struct nobody {
	uid_t owner;
	uint64_t accounts;
	time_t until;
} nobodies[KNOWN_MAX];
static size_t nobodies_next;

static void owner_note(uid_t owner, uint64_t accounts)
{
	if (owner != 0)
		nobodies[nobodies_next++ % KNOWN_MAX] = (struct nobody){ owner, accounts, seconds() + KNOWN_S };
}

static bool owner_is_known(uid_t owner, uint64_t accounts)
{
	size_t i;

	for (i = 0; i < KNOWN_MAX; i++)
		if (nobodies[i].owner == owner && nobodies[i].accounts == accounts && seconds() < nobodies[i].until)
			return true;
	return false;
}

static int range_take(struct container *c, struct err *e)
{
	int r = slots_take(&server.slots, &c->ranges.uids, e);

	if (r < 0)
		return r;
	c->ranges.gids = c->ranges.uids;
	(void)snprintf(c->ranges.source, sizeof(c->ranges.source), "pool");
	return 0;
}

/* --- places --- */

static void say(int fd, enum launch_word word, struct launch_note *n)
{
	n->word = word;
	(void)message_send(fd, n, sizeof(*n), NULL, 0);
}

static void say_no(int fd, enum launch_word word, const char *text)
{
	struct launch_note n = { 0 };

	(void)snprintf(n.text, sizeof(n.text), "%s", text);
	say(fd, word, &n);
}

/* IMAGE-1, IMAGE-2, ...: short enough to type, and not soon used again. */
static void name_make(uid_t uid, struct launch *what)
{
	static unsigned long last;
	const char *stem = what->image[0] ? what->image : "bundle";

	do {
		char number[24];
		int n = snprintf(number, sizeof(number), "-%lu", ++last);

		(void)snprintf(what->name, sizeof(what->name), "%.*s%s", (int)(sizeof(what->name) - 1 - (size_t)n), stem,
			number);
	} while (registry_launch(&server.registry, uid, what->name));
}

static int place_find(struct launching *l, struct launch_note *n, struct err *e)
{
	const struct profile *profile;
	struct timespec now;
	int r;

	if (l->container)
		return err_set(e, EBUSY, "one at a time");
	profile = server.policy ? policy_profile(server.policy, n->profile) : NULL;
	if (!profile)
		return err_set(e, EAGAIN, "the configuration has just changed, try again");
	r = grant_check_room(profile, registry_launches_of(&server.registry, n->uid), e);
	if (r < 0)
		return r;
	if (n->what.name[0] == '\0')
		name_make(n->uid, &n->what);
	else if (registry_launch(&server.registry, n->uid, n->what.name))
		return err_set(e, EEXIST, "you have a container '%s' already; choose another --name, or 'carrel kill %s'",
			n->what.name, n->what.name);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	n->what.started_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	r = registry_reserve_launch(&server.registry, n->uid, n->profile, &n->what, &l->container, e);
	if (r < 0)
		return r;
	r = range_take(l->container, e);
	if (r < 0) {
		registry_drop(&server.registry, l->container);
		l->container = NULL;
	}
	return r;
}

static void say_range(int fd, struct launching *l, struct launch_note *n)
{
	l->accounts = accounts_stamp();
	n->ranges = l->container->ranges;
	n->known = l->known = range_is_known(&n->ranges.uids, l->accounts);
	n->owner = id_owner(&server.policy->pool, n->uid);
	if (!owner_is_known(n->owner, l->accounts))
		n->owner = 0;
	say(fd, LAUNCH_RANGE, n);
}

/*
 * Who saw a container's command end may be back here before everybody else in it is dead; and whoever took too long to be served,
 * before what was made for it till then.
 */
static bool somebody_goes(uid_t uid)
{
	const struct container *c;

	for (c = server.registry.containers; c; c = c->next)
		if (c->uid == uid && c->launch &&
			(c->ending || (c->ready && process_is_ending(server.proc_fd, c->pid)) || c->refused))
			return true;
	return false;
}

static uint64_t hear_place(int fd, struct launching *l, struct launch_note *n)
{
	struct err e;
	int r = place_find(l, n, &e);
	bool later = (r == -EDQUOT || r == -EEXIST) && somebody_goes(n->uid);

	if (r < 0) {
		say_no(fd, later ? LAUNCH_LATER : LAUNCH_NO, e.text);
		return later ? LATER_WAIT_US : 0;
	}
	n->same = n->serial > 0 && image_cache_same(n->serial);
	say_range(fd, l, n);
	return 0;
}

/* Found out once: the slot stays somebody's until the configuration is read again. */
static void hear_taken(int fd, struct launching *l, struct launch_note *n)
{
	struct err e;

	if (!l->container || l->container->pidfd >= 0)
		return;
	slots_mark(&server.slots, &l->container->ranges.uids);
	if (range_take(l->container, &e) < 0) {
		memset(&l->container->ranges, 0, sizeof(l->container->ranges));
		say_no(fd, LAUNCH_NO, e.text);
		return;
	}
	say_range(fd, l, n);
}

static struct event_fields fields_of(const struct container *c, int priority, const char *outcome)
{
	return (struct event_fields){ .priority = priority, .user = c->launch->user, .uid = c->uid, .profile = c->profile,
		.container = c->launch->name, .image = c->launch->image, .digest = c->launch->digest,
		.command = c->launch->command, .pid = c->pid, .range_start = c->ranges.uids.start,
		.range_count = c->ranges.uids.count, .started_us = c->launch->started_us, .outcome = outcome };
}

/* What a line says of the image: people compare the beginning of a digest. */
static const char *image_words(const struct launch *what, char text[static 128])
{
	if (what->image[0])
		(void)snprintf(text, 128, "image %s (%.19s)", what->image, what->digest);
	else
		(void)snprintf(text, 128, "a tree of the user's own");
	return text;
}

static int container_record(struct container *c, const struct launch_note *n, int *pidfd, struct err *e)
{
	int r;

	c->pid = n->pid;
	c->user_ns = n->user_ns;
	c->launch->groups = n->what.groups;
	memcpy(c->launch->digest, n->what.digest, sizeof(c->launch->digest));
	memcpy(c->launch->command, n->what.command, sizeof(c->launch->command));
	memcpy(c->cgroup, n->cgroup, sizeof(c->cgroup));
	if (process_start(server.proc_fd, c->pid, &c->start) < 0)
		return err_set(e, ESRCH, "the container died at once");
	c->pidfd = fd_take(pidfd);
	r = container_watch(c);
	return r < 0 ? err_set(e, -r, "event loop: %s", strerror(-r)) : registry_keep(&server.registry, c, e);
}

static void hear_built(int fd, struct launching *l, struct launch_note *n, int *pidfd)
{
	struct container *c = l->container;
	struct err e;

	if (!c || c->pidfd >= 0 || *pidfd < 0)
		return;
	if (container_record(c, n, pidfd, &e) < 0) {
		say_no(fd, LAUNCH_NO, e.text);
		return;
	}
	owner_note(n->owner, l->accounts);
	if (!l->known)
		range_note(&c->ranges.uids, l->accounts);
	say(fd, LAUNCH_YES, n);
}

static void hear_goes(struct launching *l)
{
	struct container *c = l->container;
	struct event_fields f;
	char image[128];

	if (!c || !c->watch)
		return;
	registry_launch_goes(&server.registry, c);
	(void)sd_event_source_set_enabled(c->watch, SD_EVENT_ON); /* it may have died already */
	l->container = NULL;
	f = fields_of(c, LOG_INFO, "started");
	log_event(EVENT_LAUNCH_STARTED, &f, "container %s of %s started: %s, profile %s, uids %u+%u, command: %s",
		c->launch->name, c->launch->user, image_words(c->launch, image), c->profile, c->ranges.uids.start,
		c->ranges.uids.count, c->launch->command);
}

static void hear_refused(const struct launching *l, const struct launch_note *n)
{
	struct event_fields f = { .priority = LOG_NOTICE, .user = n->what.user, .uid = n->uid, .image = n->what.image,
		.digest = n->what.digest[0] ? n->what.digest : NULL, .container = n->what.name[0] ? n->what.name : NULL,
		.profile = n->profile[0] ? n->profile : NULL, .command = n->what.command, .outcome = "refused" };

	if (l->container)
		l->container->refused = true;
	log_event(EVENT_LAUNCH_REFUSED, &f, "launch of %s by %s refused: %s (command: %s)",
		n->what.image[0] ? n->what.image : "a tree", n->what.user, n->text, n->what.command);
}

static void hear_entered(const struct launch_note *n)
{
	struct event_fields f = { .priority = LOG_INFO, .user = n->what.user, .uid = n->uid, .profile = n->profile,
		.container = n->what.name, .command = n->what.command, .outcome = "entered" };

	log_event(EVENT_LAUNCH_ENTERED, &f, "container %s of %s entered, command: %s", n->what.name, n->what.user,
		n->what.command);
}

static uint64_t hear(int fd, struct launching *l, struct launch_note *n, int fds[static LAUNCH_FDS])
{
	switch (n->word) {
	case LAUNCH_SLOW:
		return SLOW_WAIT_US;
	case LAUNCH_IMAGE:
		say(fd, image_cache_take(n, fds) ? LAUNCH_YES : LAUNCH_NO, n);
		break;
	case LAUNCH_PLACE:
		return hear_place(fd, l, n);
	case LAUNCH_TAKEN:
		hear_taken(fd, l, n);
		break;
	case LAUNCH_BUILT:
		hear_built(fd, l, n, &fds[0]);
		break;
	case LAUNCH_GOES:
		hear_goes(l);
		break;
	case LAUNCH_REFUSED:
		hear_refused(l, n);
		break;
	case LAUNCH_ENTERED:
		hear_entered(n);
		break;
	default:
		break;
	}
	return 0;
}

bool launching_hear(int fd, const struct peer *peer, struct launching **state, uint64_t *ret_wait)
{
	int fds[LAUNCH_FDS];
	struct launch_note n;
	ssize_t got = message_recv(fd, &n, sizeof(n), fds, LAUNCH_FDS, NULL);
	size_t i;

	*ret_wait = 0;
	if (!*state)
		*state = calloc(1, sizeof(**state));
	if (got == (ssize_t)sizeof(n) && *state) {
		n.uid = peer->uid;
		text_end(n.what.user, sizeof(n.what.user));
		text_end(n.what.digest, sizeof(n.what.digest));
		text_end(n.what.command, sizeof(n.what.command));
		text_end(n.text, sizeof(n.text));
		*ret_wait = hear(fd, *state, &n, fds);
	}
	for (i = 0; i < LAUNCH_FDS; i++)
		cleanup_fd(&fds[i]);
	return got == (ssize_t)sizeof(n);
}

#define UNBORN_WAIT_US 50000u
#define UNBORN_WAITS 100

/*
 * If there was a first process we never heard of it, and it dies a moment after its builder: till then its control group cannot be
 * removed, and whoever is refused often, under many names, would fill the machine's table of memory cgroups.
 */
static int unborn_forget(sd_event_source *source, uint64_t when, void *data)
{
	struct container *c = data;
	sd_event_source **timer = (sd_event_source **)&c->timer;

	(void)source;
	(void)when;
	if (limits_remove_launch(c->uid, c->launch->name) == -EBUSY && c->asked++ < UNBORN_WAITS &&
		server_timer(timer, UNBORN_WAIT_US, unborn_forget, c) >= 0)
		return 0;
	*timer = sd_event_source_disable_unref(*timer);
	slots_return(&server.slots, &c->ranges.uids);
	registry_drop(&server.registry, c);
	return 0;
}

void launching_gone(struct launching *l)
{
	if (!l)
		return;
	if (l->container)
		l->container->refused = true;
	if (l->container && l->container->watch)
		container_abandon(l->container);
	else if (l->container)
		(void)unborn_forget(NULL, 0, l->container);
	free(l);
}

void launches_ended(const struct container *c)
{
	struct event_fields f;
	char image[128], how[64] = "ended";

	slots_return(&server.slots, &c->ranges.uids);
	if (!c->ready) /* of its beginning nobody was told either */
		return;
	if (c->status >= 0 && WIFEXITED(c->status))
		(void)snprintf(how, sizeof(how), "exit status %d", WEXITSTATUS(c->status));
	else if (c->status >= 0 && WIFSIGNALED(c->status))
		(void)snprintf(how, sizeof(how), "killed by signal %d", WTERMSIG(c->status));
	f = fields_of(c, LOG_INFO, how);
	log_event(EVENT_LAUNCH_ENDED, &f, "container %s of %s ended: %s, %s, profile %s, command: %s", c->launch->name,
		c->launch->user, how, image_words(c->launch, image), c->profile, c->launch->command);
}
