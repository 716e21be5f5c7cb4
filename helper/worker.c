/*
 * worker - the children that serve requests, seen from the main process.
 *
 * Trust:  a child is ours, but its copy of the registry is as old as itself: whether a container is there, and whose a range
 *         is, is decided here and nowhere else.
 * Order:  CONFINE -> JOIN, or -> BUILD, CLAIM -> BUILD, BUILT -> KEPT; then OPENED. A session is recorded before the caller
 *         hears of it. Who asks for a container that is being built, or is just ending, waits.
 * Fails:  a child that is late is killed, one that dies is answered for; what it was building dies with it.
 */
#include "helper/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "helper/descriptors.h"
#include "helper/lifetime.h"
#include "helper/log.h"
#include "helper/public/message.h"
#include "helper/public/syscalls.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define ANSWER_MARGIN_US 200000u /* our "refused" must reach the caller before it gives up */
#define DEFAULT_WAIT_US 1800000u
#define LONGEST_WAIT_US 60000000u
#define CENSUS_WAIT_US 1000000u
#define WARM_WAIT_US 60000000u

struct worker {
	struct worker *next;
	pid_t pid;
	int pidfd;
	int fd; /* our end of the socket pair */
	sd_event_source *io, *timer;
	struct connection *conn;     /* NULL: nobody waits for it */
	struct container *container; /* that it builds or counts */
	bool builds;
	bool waits;	   /* for a container that somebody else builds, or that is ending */
	struct note asked; /* its WORD_CONFINE */
	struct session *session;
};

/* --- life --- */

static void worker_free(struct worker *w)
{
	struct worker **at;

	for (at = &server.workers; *at && *at != w; at = &(*at)->next)
		;
	if (*at)
		*at = w->next;
	(void)sd_event_source_disable_unref(w->io);
	(void)sd_event_source_disable_unref(w->timer);
	cleanup_fd(&w->fd);
	cleanup_fd(&w->pidfd);
	free(w);
}

/* What it leaves unfinished: a reserved place, a session nobody was told of. Then it is no more. */
static void worker_end(struct worker *w)
{
	struct connection *c = w->conn;
	struct container *unfinished = w->builds ? w->container : NULL;

	if (c) {
		c->worker = NULL;
		w->conn = NULL;
	}
	worker_free(w);
	if (unfinished) {
		registry_drop(&server.registry, unfinished);
		worker_retry();
	}
}

static void worker_kill(struct worker *w)
{
	(void)sys_pidfd_send_signal(w->pidfd, SIGKILL);
	worker_end(w);
}

static void answer_refused(int fd, const char *text)
{
	struct session_answer a = { .head = { WIRE_VERSION, REQ_SESSION, sizeof(a) },
		.answer = ANSWER_REFUSED };

	(void)snprintf(a.text, sizeof(a.text), "%s", text);
	(void)message_send(fd, &a, sizeof(a), NULL, 0);
}

/* The caller gets its "no" from us, because the child cannot give it any more. */
static void worker_failed(struct worker *w, const char *why)
{
	struct event_fields f = { .priority = LOG_ERR, .uid = -1, .outcome = "refused" };
	struct connection *c = w->conn;
	struct session *s = w->session;

	if (c && w->asked.user[0]) {
		f.user = w->asked.user;
		f.service = w->asked.service;
		f.profile = w->asked.profile;
	}
	worker_kill(w);
	if (!c)
		return;
	log_event(EVENT_SESSION_REFUSED, &f, "request of process %d refused: %s", (int)c->peer.pid, why);
	answer_refused(c->fd, why);
	if (s)
		session_end(s); /* takes the connection along */
	else
		connection_drop(c);
}

void worker_abandon(struct worker *w)
{
	w->conn = NULL;
	if (w->session) {
		struct session *s = w->session;

		w->session = NULL;
		s->conn = NULL;
		session_end(s);
	}
	worker_kill(w);
}

static int worker_late(sd_event_source *source, uint64_t when, void *data)
{
	(void)source;
	(void)when;
	worker_failed(data, "it took too long (a home or a name service that does not answer?); try again");
	return 0;
}

/* --- what a child asks --- */

static void note_send(struct worker *w, const struct note *n, int fd)
{
	(void)message_send(w->fd, n, sizeof(*n), &fd, fd >= 0 ? 1 : 0);
}

static void note_no(struct worker *w, const char *text)
{
	struct note n = { .word = WORD_NO };

	(void)snprintf(n.text, sizeof(n.text), "%s", text);
	note_send(w, &n, -1);
}

/* Records the session and ties it to the caller's connection. */
static int session_begin(struct worker *w, struct container *c, struct err *e)
{
	struct connection *conn = w->conn;
	struct session *s;
	int pidfd = sys_pidfd_open(conn->peer.pid), r;

	if (pidfd < 0)
		return err_set(e, errno, "the process that asked is gone");
	r = registry_session(&server.registry, c, conn->peer.pid, pidfd, w->asked.service, w->asked.user,
		&s, e);
	if (r < 0) {
		(void)close(pidfd);
		return r;
	}
	s->conn = conn;
	w->session = s;
	r = session_watch(s);
	return r < 0 ? err_set(e, -r, "event loop: %s", strerror(-r)) : 0;
}

static bool is_dead(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) != 0;
}

static void let_join(struct worker *w, struct container *c)
{
	struct note n = { .word = WORD_JOIN };
	struct err e;

	w->waits = false;
	/* Without a session the container goes on being idle: its timer stays. */
	if (session_begin(w, c, &e) < 0) {
		note_no(w, e.text);
		return;
	}
	c->timer = sd_event_source_disable_unref(c->timer);
	n.session = w->session->id;
	memcpy(n.cgroup, c->cgroup, sizeof(n.cgroup));
	note_send(w, &n, c->pidfd);
}

static void let_build(struct worker *w)
{
	struct note n = { .word = WORD_BUILD };
	struct err e;

	w->waits = false;
	if (registry_reserve(&server.registry, w->asked.uid, w->asked.profile, &w->container, &e) < 0) {
		note_no(w, e.text);
		return;
	}
	w->builds = true;
	w->container->linger = w->asked.linger;
	note_send(w, &n, -1);
}

static void worker_place(struct worker *w)
{
	struct container *c = registry_container(&server.registry, w->asked.uid, w->asked.profile);

	if (!c)
		let_build(w);
	else if (c->ready && !c->ending && !is_dead(c->pidfd))
		let_join(w, c);
	else
		w->waits = true; /* for worker_retry() */
}

void worker_retry(void)
{
	struct worker *w, *next;

	for (w = server.workers; w; w = next) {
		next = w->next;
		if (w->waits)
			worker_place(w);
	}
}

static void hear_claim(struct worker *w, const struct note *heard)
{
	const struct container *other;
	struct note n = { .word = WORD_BUILD };
	char text[256];

	if (!w->builds)
		return;
	other = registry_overlap(&server.registry, w->asked.uid, &heard->ranges);
	if (other) {
		(void)snprintf(text, sizeof(text), "its ID range %u+%u meets the one of uid %u, %s%s (%u+%u)",
			heard->ranges.uids.start, heard->ranges.uids.count, (unsigned)other->uid,
			other->launch ? "for container " : "who is logged in", other->launch ? other->launch->name : "",
			other->ranges.uids.start, other->ranges.uids.count);
		note_no(w, text);
		return;
	}
	w->container->ranges = heard->ranges;
	slots_mark(&server.slots, &heard->ranges.uids);
	note_send(w, &n, -1);
}

static int container_begin(struct container *c, const struct note *heard, int *pidfd, struct err *e)
{
	int r;

	c->pid = heard->pid;
	c->user_ns = heard->user_ns;
	memcpy(c->cgroup, heard->cgroup, sizeof(c->cgroup));
	if (process_start(server.proc_fd, c->pid, &c->start) < 0)
		return err_set(e, ESRCH, "the container died at once");
	c->pidfd = fd_take(pidfd);
	r = registry_keep(&server.registry, c, e);
	if (r == 0) {
		r = container_watch(c);
		if (r < 0)
			r = err_set(e, -r, "event loop: %s", strerror(-r));
	}
	return r < 0 ? r : 0;
}

static void hear_built(struct worker *w, const struct note *heard, int *pidfd)
{
	struct container *c = w->container;
	struct note n = { .word = WORD_KEPT };
	struct event_fields f = { .priority = LOG_INFO, .uid = w->asked.uid, .user = w->asked.user };
	struct err e;

	if (!w->builds || *pidfd < 0 || container_begin(c, heard, pidfd, &e) < 0) {
		note_no(w, w->builds && c->pidfd >= 0 ? e.text : "the container died at once");
		return;
	}
	c->ready = true;
	w->builds = false;
	f.profile = c->profile;
	f.pid = c->pid;
	f.range_start = c->ranges.uids.start;
	f.range_count = c->ranges.uids.count;
	log_event(EVENT_CONTAINER_STARTED, &f, "container of %s (%s) started, uids %u+%u from %s",
		w->asked.user, c->profile, c->ranges.uids.start, c->ranges.uids.count,
		c->ranges.source);
	if (session_begin(w, c, &e) < 0) {
		note_no(w, e.text);
	} else {
		n.session = w->session->id;
		note_send(w, &n, -1);
	}
	worker_retry();
}

static void hear_opened(struct worker *w)
{
	struct connection *c = w->conn;
	struct session *s = w->session;
	struct event_fields f = { .priority = LOG_INFO, .uid = -1, .user = w->asked.user,
		.service = w->asked.service, .outcome = "confined" };

	if (!c || !s)
		return;
	f.uid = s->container->uid;
	f.profile = s->container->profile;
	f.session = s->id;
	f.audit_session = process_audit_session(server.proc_fd, s->pid);
	f.pid = s->container->pid;
	w->session = NULL;
	c->session = s;
	log_event(EVENT_SESSION_OPENED, &f, "session %llu of %s (%s) opened in container %d, profile %s",
		(unsigned long long)s->id, s->user, s->service, (int)s->container->pid,
		s->container->profile);
	worker_end(w);
}

/* Exempt or refused: the child has said so to the caller, and there is nothing to keep. */
static void hear_verdict(struct worker *w, const struct note *heard)
{
	bool exempt = heard->word == WORD_EXEMPT;
	struct event_fields f = { .priority = exempt ? LOG_INFO : LOG_NOTICE, .uid = -1,
		.user = heard->user, .service = heard->service,
		.outcome = exempt ? "exempt" : "refused" };
	struct connection *c = w->conn;
	struct session *s = w->session;

	if (exempt)
		log_event(EVENT_SESSION_EXEMPT, &f, "session of %s (%s) is exempt", heard->user,
			heard->service);
	else
		log_event(EVENT_SESSION_REFUSED, &f, "session of %s (%s) refused: %s", heard->user,
			heard->service, heard->text);
	w->session = NULL;
	worker_end(w);
	if (s)
		session_end(s);
	else if (c)
		connection_drop(c);
}

static int worker_ready(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct worker *w = data;
	_cleanup_fd_ int passed = -1;
	struct note heard;
	ssize_t n = message_recv(fd, &heard, sizeof(heard), &passed, 1, NULL);

	(void)source;
	(void)events;
	if (n == -EAGAIN)
		return 0;
	if (n != (ssize_t)sizeof(heard)) {
		if (w->conn)
			worker_failed(w, "carrel-helper's child died; the journal may say why; try again");
		else
			worker_end(w);
		return 0;
	}
	switch (heard.word) {
	case WORD_CONFINE:
		w->asked = heard;
		worker_place(w);
		break;
	case WORD_CLAIM:
		hear_claim(w, &heard);
		break;
	case WORD_BUILT:
		hear_built(w, &heard, &passed);
		break;
	case WORD_OPENED:
		hear_opened(w);
		break;
	case WORD_EXEMPT:
	case WORD_REFUSED:
		hear_verdict(w, &heard);
		break;
	case WORD_EMPTY:
		if (w->container)
			container_is_empty(w->container);
		worker_end(w);
		break;
	default:
		worker_kill(w);
	}
	return 0;
}

/* --- beginning --- */

int worker_run(child_main *main_function, const struct task *t)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	return main_function(t);
}

static struct worker *spawn(child_main *main_function, struct task *t, uint64_t wait_us)
{
	struct worker *w = calloc(1, sizeof(*w));
	int pair[2];

	if (!w || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		free(w);
		return NULL;
	}
	w->fd = pair[0];
	t->main_fd = pair[1];
	w->pid = fork();
	if (w->pid == 0) {
		(void)close(pair[0]);
		descriptors_keep((const int[]){ t->conn_fd, t->main_fd }, 2);
		_exit(worker_run(main_function, t));
	}
	(void)close(pair[1]);
	/* A number may be somebody else's once child_died() has waited for it; this never is. */
	w->pidfd = w->pid > 0 ? sys_pidfd_open(w->pid) : -1;
	w->next = server.workers;
	server.workers = w;
	if (w->pidfd < 0 || sd_event_add_io(server.loop, &w->io, w->fd, EPOLLIN, worker_ready, w) < 0 ||
		server_timer(&w->timer, wait_us, worker_late, w) < 0) {
		if (w->pid > 0)
			(void)kill(w->pid, SIGKILL);
		worker_free(w);
		return NULL;
	}
	return w;
}

static uint64_t wait_for_caller(uint32_t timeout_ms)
{
	uint64_t us = (uint64_t)timeout_ms * 1000;

	if (us <= 2 * ANSWER_MARGIN_US)
		return DEFAULT_WAIT_US;
	us -= ANSWER_MARGIN_US;
	return us < LONGEST_WAIT_US ? us : LONGEST_WAIT_US;
}

void worker_start(struct connection *c, child_main *main_function, const void *request, uint32_t timeout_ms)
{
	struct task t = { .peer = c->peer, .conn_fd = c->fd, .request = request };
	struct worker *w = spawn(main_function, &t, wait_for_caller(timeout_ms));

	if (!w) {
		struct event_fields f = { .priority = LOG_ERR, .uid = -1 };

		log_event(EVENT_HELPER, &f, "cannot start a child for process %d: %m", (int)c->peer.pid);
		answer_refused(c->fd, "carrel-helper cannot start a process; the machine is out of processes or memory");
		connection_drop(c);
		return;
	}
	w->conn = c;
	c->worker = w;
}

void worker_census(struct container *c)
{
	struct task t = { .conn_fd = -1, .container = c };
	struct worker *w = spawn(census_child, &t, CENSUS_WAIT_US);

	if (w)
		w->container = c;
}

void worker_warm(void)
{
	struct task t = { .conn_fd = -1 };

	(void)spawn(warm_child, &t, WARM_WAIT_US);
}

void worker_forget_session(const struct session *s)
{
	struct worker *w;

	for (w = server.workers; w; w = w->next)
		if (w->session == s)
			w->session = NULL;
}

void worker_forget_container(struct container *c)
{
	struct worker *w;

	for (w = server.workers; w; w = w->next)
		if (w->container == c) {
			w->container = NULL;
			w->builds = false;
		}
}
