/*
 * guests - callers who are not root.
 *
 * Trust:  none. Descriptors travel with messages, and the last close of one may wait for whoever made it: a file on a FUSE
 *         server of the user's, a TCP socket with SO_LINGER. So the main process never reads from such a connection, and
 *         never is the last to close one: a child holds it, and waits until the main process has let go.
 * Order:  a child gets the connection, it is closed here, then the child may begin (standby.c). A caller's place is free again when
 *         that child is dead, not when it was killed.
 * Fails:  who has too many children waits for one to end; who has too many waiting, or waits too long, is sent away unheard.
 */
#include "helper/guests.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/launches.h"
#include "helper/public/syscalls.h"
#include "helper/server.h"
#include "helper/standby.h"
#include "policy/base/cleanup.h"

#define SERVE_WAIT_US 2000000u /* from the beginning of the child to the program's start */
#define TURN_WAIT_US 4000000u  /* the door gives up after 5 s */
#define DISMISS_WAIT_US 50000u
#define DISMISSED 64

struct guest {
	struct guest *next;
	struct guest_who who;
	int fd; /* while it waits */
	struct attendant child; /* pidfd -1: it waits */
	struct launching *launching; /* launches.c's */
	sd_event_source *io, *timer, *words;
};

static struct guest *guests; /* in order of arrival */
static int dismissed[DISMISSED];
static size_t n_dismissed;
static sd_event_source *dismiss_timer;

/* --- children --- */

/*
 * Leaves the last close to a child, which does nothing else: it has copies, and waits until the main process has closed its own.
 * False: there is no child, and nothing was closed.
 */
static bool left_to_child(int *fds, size_t n)
{
	int line[2];
	char none;
	pid_t pid;
	size_t i;

	if (pipe2(line, O_CLOEXEC) < 0)
		return false;
	pid = fork();
	if (pid == 0) {
		(void)close(line[1]);
		(void)!read(line[0], &none, 1);
		_exit(0);
	}
	for (i = 0; pid > 0 && i < n; i++)
		cleanup_fd(&fds[i]);
	(void)close(line[0]);
	(void)close(line[1]);
	return pid > 0;
}

static int dismiss_all(sd_event_source *source, uint64_t when, void *data)
{
	(void)source;
	(void)when;
	(void)data;
	/* No process to be had: the next caller is the next try. */
	if (n_dismissed > 0 && left_to_child(dismissed, n_dismissed))
		n_dismissed = 0;
	return 0;
}

static void dismiss(int *fd)
{
	if (n_dismissed == DISMISSED)
		(void)dismiss_all(NULL, 0, NULL);
	if (n_dismissed == DISMISSED) {
		cleanup_fd(fd);
		return;
	}
	dismissed[n_dismissed++] = fd_take(fd);
	if (n_dismissed == 1)
		(void)server_timer(&dismiss_timer, DISMISS_WAIT_US, dismiss_all, NULL);
}

/* --- guests --- */

static void guest_free(struct guest *g)
{
	struct guest **at;

	for (at = &guests; *at && *at != g; at = &(*at)->next)
		;
	if (*at)
		*at = g->next;
	(void)sd_event_source_disable_unref(g->io);
	(void)sd_event_source_disable_unref(g->timer);
	(void)sd_event_source_disable_unref(g->words);
	if (g->fd >= 0)
		dismiss(&g->fd);
	launching_gone(g->launching);
	cleanup_fd(&g->child.line);
	cleanup_fd(&g->child.pidfd);
	free(g);
}

static int guest_late(sd_event_source *source, uint64_t when, void *data)
{
	struct guest *g = data;

	(void)source;
	(void)when;
	if (g->child.pidfd < 0)
		guest_free(g);
	else
		(void)sys_pidfd_send_signal(g->child.pidfd, SIGKILL);
	return 0;
}

static int guest_left(sd_event_source *source, int fd, uint32_t events, void *data);

static int guest_says(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct guest *g = data;
	uint64_t wait;

	(void)events;
	if (!launching_hear(fd, &g->who.peer, &g->launching, &wait)) /* its end; guest_left() hears of that, too */
		(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	if (wait > 0)
		(void)server_timer(&g->timer, wait, guest_late, g);
	return 0;
}

static void guest_serve(struct guest *g)
{
	server_policy_refresh();
	if (attendant_send(&g->who, &g->fd, &g->child) < 0 ||
		sd_event_add_io(server.loop, &g->io, g->child.pidfd, EPOLLIN, guest_left, g) < 0 ||
		sd_event_add_io(server.loop, &g->words, g->child.line, EPOLLIN, guest_says, g) < 0 ||
		/* What it said is heard before its end is. */
		sd_event_source_set_priority(g->words, SD_EVENT_PRIORITY_IMPORTANT) < 0 ||
		server_timer(&g->timer, SERVE_WAIT_US, guest_late, g) < 0) {
		if (g->child.pidfd >= 0)
			(void)sys_pidfd_send_signal(g->child.pidfd, SIGKILL);
		guest_free(g);
	}
}

/* How many of uid's at that socket are being served, or wait; and the first of those. */
static size_t guests_of(uid_t uid, bool inside, bool served, struct guest **ret_first)
{
	struct guest *g;
	size_t n = 0;

	for (g = guests; g; g = g->next) {
		if (g->who.peer.uid != uid || g->who.inside != inside || (g->child.pidfd >= 0) != served)
			continue;
		if (n++ == 0 && ret_first)
			*ret_first = g;
	}
	return n;
}

static int guest_left(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct guest *g = data, *next = NULL;
	uid_t uid = g->who.peer.uid;
	bool inside = g->who.inside;

	(void)source;
	(void)fd;
	(void)events;
	guest_free(g);
	standby_dismiss(); /* what a launch has left undone was undone just now */
	if (guests_of(uid, inside, false, &next) > 0)
		guest_serve(next);
	return 0;
}

bool guests_served(void)
{
	const struct guest *g;

	for (g = guests; g; g = g->next)
		if (g->child.pidfd >= 0)
			return true;
	return false;
}

static size_t guests_count(void)
{
	const struct guest *g;
	size_t n = 0;

	for (g = guests; g; g = g->next)
		n++;
	return n;
}

/*
 * Whose container an ID of the host belongs to: all of them are the same caller, and a stranger who is neither the user nor the
 * container's root. Who is in one of root's is not root to us.
 */
static bool owner_of(uid_t *uid, bool *ret_stranger)
{
	const struct container *c;

	for (c = server.registry.containers; c; c = c->next)
		if (c->ready && c->uid != 0 && (c->uid == *uid || id_range_holds(&c->ranges.uids, *uid))) {
			*ret_stranger = *uid != c->uid && *uid != c->ranges.uids.start;
			*uid = c->uid;
			return true;
		}
	return false;
}

/* Whoever has a range of IDs can ask as each of them, and take all places; but such an ID has no account, and so nothing here. */
static bool is_known(uid_t uid)
{
	const struct container *c;

	for (c = server.registry.containers; c; c = c->next)
		if (c->uid == uid)
			return true;
	return false;
}

void guest_admit(int fd, const struct peer *peer, bool inside)
{
	struct guest *g = NULL, **at;
	uid_t uid = peer->uid;
	bool stranger = false;

	/* Root of the host is no ID of a container's: that is never mapped. */
	if ((!inside || uid == 0 || owner_of(&uid, &stranger)) && (guests_count() < GUESTS_MAX || is_known(uid)) &&
		guests_of(uid, inside, false, NULL) < GUESTS_WAITING)
		g = calloc(1, sizeof(*g));
	if (!g) {
		dismiss(&fd);
		return;
	}
	g->who.peer = *peer;
	g->who.peer.uid = uid;
	g->who.inside = inside;
	g->who.stranger = stranger;
	g->fd = fd;
	g->child = (struct attendant){ -1, -1 };
	for (at = &guests; *at; at = &(*at)->next)
		;
	*at = g;
	if (guests_of(uid, inside, true, NULL) < (inside ? GUESTS_SERVED_INSIDE : GUESTS_SERVED))
		guest_serve(g);
	else if (server_timer(&g->timer, TURN_WAIT_US, guest_late, g) < 0)
		guest_free(g);
}
