/*
 * session - the child that serves REQ_SESSION: who is it, what may he, where does he go.
 *
 * Trust:  the request is root's (pam_carrel.so), but the words in it are whatever the service's user typed.
 * Order:  decide (name services), filter ready, ask the main process, build if told to, answer the caller last.
 * Fails:  refuses, with one line for the user and one for the log; the main process answers if this child cannot.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "helper/attributes.h"
#include "helper/container.h"
#include "helper/doors.h"
#include "helper/filters.h"
#include "helper/limits.h"
#include "helper/public/message.h"
#include "helper/public/syscalls.h"
#include "helper/view_mount.h"
#include "helper/worker.h"
#include "policy/account.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/policy.h"
#include "policy/subid.h"

struct opening {
	const struct task *task;
	const struct session_request *request;
	struct account account;
	struct decision decision;
	int filter_fd;
	int pidfd;
	int cgroup_fd;
	int doors_fd;
	uint64_t session;
};

static int tell(const struct opening *o, enum word word, struct note *n, int fd)
{
	n->word = word;
	(void)snprintf(n->user, sizeof(n->user), "%s", o->request->user);
	(void)snprintf(n->service, sizeof(n->service), "%s", o->request->service);
	return message_send(o->task->main_fd, n, sizeof(*n), &fd, fd >= 0 ? 1 : 0);
}

static int ask(const struct opening *o, enum word word, struct note *n, int fd, int *ret_fd, struct err *e)
{
	_cleanup_fd_ int passed = -1;

	if (tell(o, word, n, fd) < 0 ||
		message_recv(o->task->main_fd, n, sizeof(*n), &passed, 1, NULL) != (ssize_t)sizeof(*n))
		return err_set(e, EPIPE, "carrel-helper went away");
	if (n->word == WORD_NO)
		return err_set(e, EBUSY, "%s", n->text);
	if (ret_fd)
		*ret_fd = fd_take(&passed);
	return 0;
}

/* --- deciding --- */

static bool is_word(const char *s, size_t room)
{
	size_t i, n = strnlen(s, room);

	if (n == 0 || n == room)
		return false;
	for (i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f)
			return false;
	return true;
}

static int refusal_explain(const struct decision *d, const char *service, struct err *e)
{
	if (!d->rule)
		return err_set(e, EACCES, "no rule of [assign] fits");
	if (d->unsure)
		return err_set(e, EACCES, "%s:%u: nobody can tell whether the user is in '%s' (%s); try again",
			d->rule->origin.file, d->rule->origin.line, d->rule->who, strerror(-d->unsure));
	if (strcmp(service, SERVICE_USER_MANAGER) == 0)
		return err_set(e, EACCES, "a user manager would run outside of the container");
	return err_set(e, EACCES, "%s:%u says refuse", d->rule->origin.file, d->rule->origin.line);
}

static int decide(struct opening *o, struct err *e)
{
	const struct session_request *q = o->request;
	struct person who;
	int r;

	if (!is_word(q->user, sizeof(q->user)) || !is_word(q->service, sizeof(q->service)))
		return err_set(e, EINVAL, "user or service name is empty, too long or holds blanks");
	if (!server.policy)
		return err_set(e, ENOENT, "there is no good configuration: %s", server.policy_trouble);
	r = account_by_name(q->user, &o->account, e);
	if (r < 0)
		return r;
	who = account_person(&o->account);
	o->decision = policy_decide(server.policy, &who, q->service);
	if (o->decision.verdict == VERDICT_EXEMPT)
		return 0;
	if (o->decision.verdict == VERDICT_REFUSE)
		return refusal_explain(&o->decision, q->service, e);
	return 0;
}

/* --- a container --- */

/*
 * More processes than the login may have: its first process, and a relay for each session. So many that launches, which count for the
 * same ID and end at less (launch.c), leave room for a login.
 */
#define SPARE_PROCESSES 64

static int spec_fill(struct opening *o, const struct id_ranges *ranges, struct container_spec *spec, struct err *e)
{
	static struct id_map uids, gids;
	static struct attributes most;
	static char name[] = "carrel-init";
	static char *const argv[] = { name, NULL }, *const none[] = { NULL };
	const struct account *a = &o->account;
	struct person who = account_person(a);
	uint32_t uid = a->uid;
	int r;

	memset(spec, 0, sizeof(*spec));
	spec->uid = uid;
	spec->owner = subid_owner(&server.policy->pool, uid);
	spec->net_own = o->decision.profile->net == NET_NONE;
	spec->deny_setgroups = policy_keeps_groups(server.policy, &who);
	/* pam_limits(8) has been there: the module is asked for last. Later sessions find the container as this one has it made. */
	limits_take(o->task->peer.pid, &most);
	spec->most = &most;
	spec->spare = SPARE_PROCESSES;
	spec->base_mntns_fd = server.base_mntns_fd;
	spec->proc_fd = server.proc_fd;
	spec->first = (struct first_process){ .program_fd = server.init_fd, .argv = argv, .envp = none };
	spec->uids = &uids;
	spec->gids = &gids;
	r = id_map_plan(&ranges->uids, &uid, 1, &uids, e);
	return r < 0 ? r : id_map_plan(&ranges->gids, (const uint32_t *)a->gids, a->n_gids, &gids, e);
}

static int build_host_view(const struct opening *o, const struct container_spec *spec, const struct id_ranges *ranges,
	struct container_born *ret, struct err *e)
{
	struct view view = { .profile = o->decision.profile, .root_program_fd = server.root_program_fd, .kept_fd = -1 };
	struct view_sources sources;
	int r;

	r = view_open(&o->account, view.profile, &sources, e);
	if (r < 0)
		return r;
	sources.facts.root_uid = ranges->uids.start;
	sources.facts.root_gid = ranges->gids.start;
	view.facts = &sources.facts;
	r = view_plan(view.profile, view.facts, &view.plan, e);
	if (r == 0)
		r = view_fds_make(&view, e);
	if (r == 0)
		r = view_sources_clone(&view.plan, &sources, view.fds, e);
	if (r == 0)
		r = container_raise(spec, ret, e);
	if (r == 0) {
		r = container_place(ret, &view, e);
		if (r == 0)
			r = container_await(ret, o->task->main_fd, e);
		if (r < 0)
			container_drop(ret);
	}
	view_done(&view);
	view_sources_done(&sources);
	return r;
}

static int build(struct opening *o, struct note *n, struct err *e)
{
	struct container_spec spec;
	struct id_ranges ranges;
	struct container_born born;
	int r;

	r = subid_ranges(&o->account, &server.policy->pool, &ranges, e);
	if (r == 0)
		r = subid_check(&o->account, &server.policy->pool, &ranges, e);
	if (r < 0)
		return r;
	n->ranges = ranges;
	r = ask(o, WORD_CLAIM, n, -1, NULL, e);
	if (r == 0)
		r = spec_fill(o, &ranges, &spec, e);
	memset(n, 0, sizeof(*n));
	if (r == 0)
		r = limits_enter(o->account.uid, o->decision.profile, n->cgroup, e);
	if (r == 0)
		r = build_host_view(o, &spec, &ranges, &born, e);
	if (r < 0)
		return r;
	n->pid = born.pid;
	n->user_ns = born.user_ns;
	if (n->cgroup[0])
		r = limits_join_open(n->cgroup, &o->cgroup_fd, e);
	if (r == 0)
		r = ask(o, WORD_BUILT, n, born.pidfd, NULL, e);
	if (r < 0) {
		container_drop(&born);
		return r;
	}
	container_go(&born);
	o->pidfd = born.pidfd;
	return 0;
}

static int find_place(struct opening *o, struct err *e)
{
	struct note n;
	int r;

	memset(&n, 0, sizeof(n));
	n.uid = o->account.uid;
	n.linger = o->decision.profile->linger;
	(void)snprintf(n.profile, sizeof(n.profile), "%s", o->decision.profile->name);
	r = ask(o, WORD_CONFINE, &n, -1, &o->pidfd, e);
	if (r < 0)
		return r;
	if (n.word == WORD_BUILD)
		r = build(o, &n, e);
	else if (n.cgroup[0])
		r = limits_join_open(n.cgroup, &o->cgroup_fd, e);
	o->session = n.session;
	return r;
}

static int place(struct opening *o, struct err *e)
{
	int r;

	r = filter_ready(o->decision.profile, &o->filter_fd, e);
	/* Before the namespace of the helper is left for a build: the doors stand in it. */
	if (r == 0 && !o->request->hook)
		r = doors_open(&o->doors_fd, e);
	if (r == 0)
		r = find_place(o, e);
	return r;
}

/* --- the answer --- */

static void answer(const struct opening *o, enum answer verdict, const char *text)
{
	struct session_answer a;

	memset(&a, 0, sizeof(a));
	a.head = (struct wire_head){ WIRE_VERSION, REQ_SESSION, sizeof(a) };
	a.answer = verdict;
	(void)snprintf(a.text, sizeof(a.text), "%s", text);
	(void)message_send(o->task->conn_fd, &a, sizeof(a), NULL, 0);
}

static int answer_confined(const struct opening *o)
{
	struct session_answer a;
	int fds[4], n = 0;

	memset(&a, 0, sizeof(a));
	a.head = (struct wire_head){ WIRE_VERSION, REQ_SESSION, sizeof(a) };
	a.answer = ANSWER_CONFINED;
	a.uid = o->account.uid;
	a.id = o->session;
	if (!o->decision.profile->root)
		a.flags |= SESSION_NNP;
	fds[n++] = o->pidfd;
	fds[n++] = o->filter_fd;
	if (o->cgroup_fd >= 0) {
		a.flags |= SESSION_CGROUP;
		fds[n++] = o->cgroup_fd;
	}
	if (o->doors_fd >= 0) {
		a.flags |= SESSION_DOORS;
		fds[n++] = o->doors_fd;
	}
	return message_send(o->task->conn_fd, &a, sizeof(a), fds, (size_t)n);
}

int session_child(const struct task *t)
{
	struct opening o = { .task = t, .request = t->request, .filter_fd = -1, .pidfd = -1,
		.cgroup_fd = -1, .doors_fd = -1 };
	struct note n;
	struct err e;
	int r;

	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	memset(&n, 0, sizeof(n));
	r = decide(&o, &e);
	if (r == 0 && o.decision.verdict == VERDICT_EXEMPT) {
		(void)tell(&o, WORD_EXEMPT, &n, -1);
		answer(&o, ANSWER_EXEMPT, "");
		return 0;
	}
	if (r == 0)
		r = place(&o, &e);
	memset(&n, 0, sizeof(n));
	/* The main process first: a caller that hears "confined" must find its session recorded. */
	if (r == 0 && tell(&o, WORD_OPENED, &n, -1) == 0)
		return answer_confined(&o) < 0;
	if (r == 0)
		(void)err_set(&e, EPIPE, "carrel-helper went away");
	(void)snprintf(n.text, sizeof(n.text), "%.*s", (int)sizeof(n.text) - 1, e.text);
	answer(&o, ANSWER_REFUSED, e.text);
	(void)tell(&o, WORD_REFUSED, &n, -1);
	return 1;
}
