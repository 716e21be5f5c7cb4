/*
 * server - the main process: accepts callers and hands each request to a child.
 *
 * Trust:  root, as far as dispatch.c allows; what comes from anybody else is not even read here (guests.c).
 * Order:  this process never waits: no name service, no user's file, no lock, no read that may block.
 * Fails:  a caller that says nothing in time, or too much, is cut off.
 */
#include "helper/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "helper/dispatch.h"
#include "helper/filters.h"
#include "helper/guests.h"
#include "helper/launches.h"
#include "helper/lifetime.h"
#include "helper/log.h"
#include "helper/standby.h"
#include "helper/worker.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/policy.h"

#define REQUEST_WAIT_US 2000000u /* from connect(2) to the whole request */
#define LISTENER_PAUSE_US 100000u
#define ACCURACY_US 10000u

struct server server = { .listen_fd = -1, .inside_fd = -1, .proc_fd = -1, .cache_fd = -1, .base_mntns_fd = -1,
	.init_fd = -1, .relay_fd = -1, .root_program_fd = -1 };

int server_timer(sd_event_source **timer, uint64_t wait_us, sd_event_time_handler_t late, void *data)
{
	uint64_t now = 0;

	*timer = sd_event_source_disable_unref(*timer);
	(void)sd_event_now(server.loop, CLOCK_MONOTONIC, &now);
	return sd_event_add_time(server.loop, timer, CLOCK_MONOTONIC, now + wait_us, ACCURACY_US, late,
		data);
}

/* --- connections --- */

void connection_drop(struct connection *c)
{
	if (c->worker)
		worker_abandon(c->worker);
	if (c->session)
		c->session->conn = NULL;
	(void)sd_event_source_disable_unref(c->io);
	(void)sd_event_source_disable_unref(c->timer);
	cleanup_fd(&c->fd);
	free(c);
}

static int connection_late(sd_event_source *source, uint64_t when, void *data)
{
	(void)source;
	(void)when;
	connection_drop(data);
	return 0;
}

static int connection_ready(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct connection *c = data;

	(void)source;
	(void)fd;
	(void)events;
	if (c->session) {
		session_end(c->session); /* it says "close", or hangs up: the same to us */
	} else if (c->worker) {
		connection_drop(c); /* the caller gave up */
	} else {
		c->timer = sd_event_source_disable_unref(c->timer);
		dispatch(c);
	}
	return 0;
}

static sd_event_source *listeners[2]; /* the second: who is inside a container */

static void listeners_set(int enabled)
{
	size_t i;

	for (i = 0; i < 2; i++)
		if (listeners[i])
			(void)sd_event_source_set_enabled(listeners[i], enabled);
}

static int listener_again(sd_event_source *timer, uint64_t when, void *data)
{
	(void)timer;
	(void)when;
	(void)data;
	listeners_set(SD_EVENT_ON);
	return 0;
}

/* Out of descriptors or memory: who waits stays in the queue, and asking again at once would only burn the processor. */
static void listener_pause(void)
{
	static sd_event_source *timer;
	struct event_fields f = { .priority = LOG_ERR, .uid = -1 };

	log_event(EVENT_HELPER, &f, "cannot accept callers for the moment: %m");
	if (server_timer(&timer, LISTENER_PAUSE_US, listener_again, NULL) >= 0)
		listeners_set(SD_EVENT_OFF);
}

static int listener_ready(sd_event_source *source, int listen_fd, uint32_t events, void *data)
{
	_cleanup_fd_ int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct connection *c;
	struct peer peer;
	struct err e;

	bool inside = data != NULL;

	(void)source;
	(void)events;
	if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
		listener_pause();
	if (fd < 0)
		return 0;
	if (peer_of(fd, &peer, &e) < 0)
		peer = (struct peer){ 0, (uid_t)-1, (gid_t)-1 };
	if (inside || peer.uid != 0) {
		guest_admit(fd_take(&fd), &peer, inside);
		return 0;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return 0;
	c->peer = peer;
	c->fd = fd_take(&fd);
	if (sd_event_add_io(server.loop, &c->io, c->fd, EPOLLIN, connection_ready, c) < 0 ||
		server_timer(&c->timer, REQUEST_WAIT_US, connection_late, c) < 0)
		connection_drop(c);
	return 0;
}

/* --- configuration --- */

static void policy_read(void)
{
	struct event_fields f = { .priority = LOG_INFO, .uid = -1 };
	struct policy *fresh = NULL;
	struct err e;

	if (policy_load(server.config_dir, true, &fresh, &e) < 0) {
		(void)snprintf(server.policy_trouble, sizeof(server.policy_trouble), "%s", e.text);
		f.priority = server.policy ? LOG_ERR : LOG_CRIT;
		log_event(EVENT_CONFIG_BROKEN, &f, "configuration is broken, %s: %s",
			server.policy ? "the last good one stays in force" :
					"nobody but root and exempt users can log in",
			e.text);
		return;
	}
	policy_free(server.policy);
	server.policy = fresh;
	server.policy_trouble[0] = '\0';
	launches_policy_changed();
	log_event(EVENT_CONFIG_LOADED, &f, "configuration read: %zu profiles, %zu rules",
		fresh->n_profiles, fresh->n_assigns);
}

void server_policy_refresh(void)
{
	uint64_t stamp = policy_stamp(server.config_dir) * 3 + filters_stamp();

	if (server.policy_stamp == stamp)
		return;
	server.policy_stamp = stamp;
	standby_dismiss(); /* it has the old one, and might be wanted in this very event */
	policy_read();
	filters_note();
	if (server.policy)
		worker_warm();
}

static int hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	(void)source;
	(void)info;
	(void)data;
	server.policy_stamp = 0;
	server_policy_refresh();
	return 0;
}

/* --- processes --- */

/* Our own children, and as their subreaper the orphans they left: pid 1 of containers, relays. */
void server_reap(void)
{
	struct container *c;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (c = server.registry.containers; c; c = c->next)
			if (c->ready && c->pid == pid)
				c->status = status;
}

static int child_died(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	(void)source;
	(void)info;
	(void)data;
	server_reap();
	return 0;
}

static int signals_watch(void)
{
	sigset_t set;
	int r;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	r = sd_event_add_signal(server.loop, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(server.loop, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(server.loop, NULL, SIGHUP, hangup, NULL);
	if (r >= 0)
		r = sd_event_add_signal(server.loop, NULL, SIGCHLD, child_died, NULL);
	return r;
}

int server_run(struct err *e)
{
	int r;

	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	(void)fcntl(server.listen_fd, F_SETFL, O_NONBLOCK);
	r = sd_event_new(&server.loop);
	if (r >= 0)
		r = signals_watch();
	if (r >= 0)
		r = sd_event_add_io(server.loop, &listeners[0], server.listen_fd, EPOLLIN, listener_ready, NULL);
	if (r >= 0 && server.inside_fd >= 0)
		r = sd_event_add_io(server.loop, &listeners[1], server.inside_fd, EPOLLIN, listener_ready, &server.inside_fd);
	if (r < 0)
		return err_set(e, -r, "event loop: %s", strerror(-r));
	lifetime_resume();
	server_policy_refresh();
	(void)sd_notify(0, "READY=1");
	/* sd_event_loop(3), but for the child that stands by; to make it while others are at work would only hinder them. */
	do {
		bool quiet = !server.workers && !guests_served();

		r = sd_event_run(server.loop, quiet ? standby_wait() : UINT64_MAX);
		if (r > 0)
			standby_dismiss();
		else if (r == 0 && quiet)
			standby_prepare();
	} while (r >= 0 && sd_event_get_state(server.loop) != SD_EVENT_FINISHED);
	(void)sd_notify(0, "STOPPING=1");
	return r < 0 ? err_set(e, -r, "event loop: %s", strerror(-r)) : 0;
}
