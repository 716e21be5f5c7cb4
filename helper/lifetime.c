/*
 * lifetime - when sessions and containers end.
 *
 * A session ends when its connection does, when the process that opened it dies, or when that says so. A container without
 * sessions is ended at once (linger = no), when nothing runs in it any more (processes), or never (yes). Whether anything
 * runs is asked of the kernel (census.c), first soon, then ever less often; between the answer and the kill nothing can
 * have joined, because joining goes through this process.
 */
#include "helper/lifetime.h"

#include <signal.h>
#include <stdlib.h>
#include <syslog.h>

#include "helper/launches.h"
#include "helper/limits.h"
#include "helper/log.h"
#include "helper/public/syscalls.h"
#include "helper/server.h"
#include "helper/worker.h"

#define FIRST_CENSUS_US 200000u
#define LAST_CENSUS_US 32000000u

static int census_due(sd_event_source *source, uint64_t when, void *data)
{
	struct container *c = data;
	uint64_t wait = FIRST_CENSUS_US << (c->asked < 16 ? c->asked : 16);

	(void)source;
	(void)when;
	if (c->sessions > 0 || c->ending)
		return 0;
	c->asked++;
	worker_census(c);
	(void)server_timer((sd_event_source **)&c->timer,
		wait * 2 > LAST_CENSUS_US ? LAST_CENSUS_US : wait * 2, census_due, c);
	return 0;
}

static void container_idle(struct container *c)
{
	if (!c->ready || c->linger == LINGER_YES)
		return;
	if (c->linger == LINGER_NO) {
		container_stop(c);
		return;
	}
	c->asked = 0;
	(void)server_timer((sd_event_source **)&c->timer, FIRST_CENSUS_US, census_due, c);
}

void container_stop(struct container *c)
{
	c->ending = true;
	(void)sys_pidfd_send_signal(c->pidfd, SIGTERM);
}

void container_is_empty(struct container *c)
{
	if (c->sessions > 0 || c->ending)
		return;
	c->ending = true;
	(void)sys_pidfd_send_signal(c->pidfd, SIGKILL);
}

static int container_died(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct container *c = data;
	struct event_fields f = { .priority = LOG_INFO, .uid = c->uid, .profile = c->profile, .pid = c->pid };
	struct session *s, *next;

	(void)source;
	(void)fd;
	(void)events;
	server_reap();
	if (!c->ready && !c->ending) { /* its builder has it still, and then launching_gone() */
		(void)sd_event_source_set_enabled(c->watch, SD_EVENT_OFF);
		return 0;
	}
	if (!c->ending && c->sessions > 0)
		f.priority = LOG_WARNING;
	if (c->launch)
		launches_ended(c);
	else
		log_event(EVENT_CONTAINER_ENDED, &f, "container of uid %u (%s) ended%s", (unsigned)c->uid,
			c->profile, f.priority == LOG_WARNING ? " under its sessions" : "");
	c->ending = true;
	for (s = server.registry.sessions; s; s = next) {
		next = s->next;
		if (s->container == c)
			session_end(s);
	}
	c->watch = sd_event_source_disable_unref(c->watch);
	c->timer = sd_event_source_disable_unref(c->timer);
	limits_remove(c->cgroup);
	worker_forget_container(c);
	registry_drop(&server.registry, c);
	worker_retry();
	return 0;
}

void container_abandon(struct container *c)
{
	c->ending = true;
	(void)sys_pidfd_send_signal(c->pidfd, SIGKILL);
	(void)sd_event_source_set_enabled(c->watch, SD_EVENT_ON);
}

int container_watch(struct container *c)
{
	return sd_event_add_io(server.loop, (sd_event_source **)&c->watch, c->pidfd, EPOLLIN,
		container_died, c);
}

void session_end(struct session *s)
{
	struct container *c = s->container;
	struct connection *conn = s->conn;
	struct event_fields f = { .priority = LOG_INFO, .uid = c->uid, .user = s->user,
		.service = s->service, .profile = c->profile, .session = s->id };

	log_event(EVENT_SESSION_CLOSED, &f, "session %llu of %s (%s) closed", (unsigned long long)s->id,
		s->user, s->service);
	s->watch = sd_event_source_disable_unref(s->watch);
	worker_forget_session(s); /* or dropping the connection would end it once more */
	if (conn)
		connection_drop(conn);
	registry_session_drop(&server.registry, s);
	if (c->sessions == 0 && !c->ending)
		container_idle(c);
}

static int session_process_died(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)source;
	(void)fd;
	(void)events;
	session_end(data);
	return 0;
}

int session_watch(struct session *s)
{
	return sd_event_add_io(server.loop, (sd_event_source **)&s->watch, s->pidfd, EPOLLIN,
		session_process_died, s);
}

void lifetime_resume(void)
{
	struct event_fields f = { .priority = LOG_INFO, .uid = -1 };
	unsigned containers = 0, sessions = 0;
	struct container *c;
	struct session *s;

	for (s = server.registry.sessions; s; s = s->next, sessions++)
		(void)session_watch(s);
	for (c = server.registry.containers; c; c = c->next, containers++) {
		(void)container_watch(c);
		if (c->sessions == 0)
			container_idle(c);
	}
	if (containers)
		log_event(EVENT_HELPER, &f, "took over %u containers and %u sessions of an earlier helper",
			containers, sessions);
}
