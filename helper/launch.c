/*
 * launch - the child that serves REQ_LAUNCH: a container of the caller's own, for one command.
 *
 * Trust:  the caller is a user; who, is the kernel's word. Each word of the request is judged by policy (policy/grant.h), each
 *         path is opened with the user's rights and judged by where it leads, and the image is what its manifest says or nothing.
 * Order:  who, and under which profile; the user's places; what may be; filter; a name and a range from the main process, checked;
 *         image; what the view is made of; cgroup; namespaces; view; recorded; known; answered; go. The caller never holds a namespace:
 *         pid 1 is carrel-relay, which runs the command behind the filter, and whose other end the caller is.
 * Fails:  one line to the caller and one to the log; what was built dies with this process.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <syslog.h>
#include <unistd.h>

/* Before <systemd/sd-journal.h>: without it the header adds CODE_FILE fields to each record. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "helper/filters.h"
#include "helper/join.h"
#include "helper/launch.h"
#include "helper/launch_command.h"
#include "helper/launch_told.h"
#include "helper/limits.h"
#include "helper/peer.h"
#include "helper/public/relay.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/grant.h"
#include "policy/policy.h"

/* --- what may be --- */

static bool ended(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* It comes into files of the container, and into its log. */
static bool hostname_valid(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	return *s != '-' && *s != '.' && s[strspn(s, letters)] == '\0';
}

static int request_check(const struct launch_request *q, bool has_filter, struct err *e)
{
	if ((q->narrow == 1) != has_filter || !ended(q->image, sizeof(q->image)) || !ended(q->name, sizeof(q->name)) ||
		!ended(q->profile, sizeof(q->profile)) || !ended(q->user, sizeof(q->user)) ||
		!ended(q->hostname, sizeof(q->hostname)) || !ended(q->domainname, sizeof(q->domainname)))
		return err_set(e, EINVAL, "the request is not well-formed");
	if (!hostname_valid(q->hostname) || !hostname_valid(q->domainname))
		return err_set(e, EINVAL, "a name of the container's is none of a host: letters, digits, '.', '_' and '-', not beginning with "
			"the last or '.'");
	if (q->name[0] && !image_name_valid(q->name))
		return err_set(e, EINVAL, "'%s' is no name of a container: 1 to %d of a-z, 0-9, '.', '_' and '-', beginning with a "
			"letter or digit", q->name, LAUNCH_NAME_MAX);
	if (!(q->flags & LAUNCH_ROOTFS) && !image_name_valid(q->image))
		return err_set(e, EINVAL, "'%s' is no name of an image", q->image);
	if ((q->flags & LAUNCH_ROOTFS) && q->image[0])
		return err_set(e, EINVAL, "the request names a bundle and an image");
	if ((q->flags & LAUNCH_KEEP) && (q->flags & (LAUNCH_READONLY | LAUNCH_ROOTFS)))
		return err_set(e, EINVAL, "--keep goes with an image that is written to: neither with --read-only nor with --bundle");
	if ((q->flags & LAUNCH_NET_NONE) && (q->flags & LAUNCH_NET_HOST))
		return err_set(e, EINVAL, "--net can be one thing only");
	return 0;
}

static int profile_find(struct attempt *a, struct err *e)
{
	struct person who = account_person(&a->account);
	int r;

	if (!server.policy)
		return err_set(e, ENOENT, "there is no good configuration: %s", server.policy_trouble);
	r = grant_profile(server.policy, &who, a->request->profile, &a->profile, e);
	if (r < 0 || a->profile->root)
		return r;
	if (a->request->user[0])
		return err_set(e, EPERM, "profile '%s' has root = no: the command runs as you, without --user", a->profile->name);
	if (a->request->command.caps_ambient[0] || a->request->command.caps_ambient[1])
		return err_set(e, EPERM, "profile '%s' has root = no: the command has no capabilities, without --ambient", a->profile->name);
	return r;
}

/*
 * Asked when the places are open, since policy is about where they are, not about what they were called. How many run, the main
 * process says (launches.c): this one's copy of the registry is as old as itself.
 */
static int decide(struct attempt *a, struct err *e)
{
	const struct launch_request *q = a->request;
	const struct launch_places *p = &a->places;
	struct person who = account_person(&a->account);
	struct wish_bind binds[LAUNCH_BINDS_MAX], tree = { p->v[0].real, !p->v[0].writable };
	struct wish wish = { .image = q->image, .profile = q->profile, .home = q->flags & LAUNCH_HOME,
		.keep = q->flags & LAUNCH_KEEP, .binds = binds, .tree = p->own_tree ? &tree : NULL,
		.home_path = p->home >= 0 ? p->v[p->home].real : a->account.home };
	struct grant granted;
	size_t i;
	int r;

	wish.net = q->flags & LAUNCH_NET_NONE ? WISH_NET_NONE : q->flags & LAUNCH_NET_HOST ? WISH_NET_HOST : WISH_NET_PROFILE;
	for (i = p->own_tree; i < p->n; i++)
		if ((int)i != p->home && p->v[i].kind == PLACE_SHOWN)
			binds[wish.n_binds++] = (struct wish_bind){ p->v[i].real, !p->v[i].writable };
	r = grant_decide(server.policy, &who, &wish, &granted, e);
	if (r == 0)
		a->net_own = granted.net == NET_NONE;
	return r;
}

/*
 * Who is inside a container sees of the host what its view shows. What lies elsewhere there, and where links lead, shows in no
 * answer: to be away and not to be allowed are one there.
 */
static int places_settle(struct attempt *a, struct err *e)
{
	const struct launch_request *q = a->request;
	bool quiet = a->task->inside && (q->n_binds > 0 || q->flags & LAUNCH_HOME);
	int r = quiet ? decide(a, e) : 0; /* of all else; no place is open yet */

	if (r < 0)
		return r;
	r = launch_places_open(&a->account, q, &a->places, e);
	if (r == 0)
		r = decide(a, e);
	if (r < 0 && quiet)
		return err_set(e, EACCES, "a place that you want to show is not there for you, or profile '%s' does not allow it "
			"(home, run-bind, bind-readonly, hide)", a->profile->name);
	return r;
}

/* --- the command --- */

static int command_complete(struct attempt *a, struct err *e)
{
	struct enter_request *q = &a->command;
	const struct launch_place *home = a->places.home >= 0 ? &a->places.v[a->places.home] : NULL;
	const struct launch_defaults d = { a->image ? &a->image->manifest : NULL, home ? home->at : NULL };
	_cleanup_free_ char *said = NULL;
	struct launch_command c;
	char *text = NULL; /* stays: pid 1 begins with its words */
	size_t bytes;
	int r;

	r = launch_payload_read(a->task->fds[3], q->payload, &said, e);
	if (r < 0)
		return r;
	c = (struct launch_command){ said, q->payload, q->argc };
	r = launch_command_complete(&c, &d, &text, &bytes, &q->argc, a->what.command, sizeof(a->what.command), e);
	if (r < 0)
		return r;
	a->envp = launch_told_environment(text, bytes, q->argc, q->caps_lost);
	if (!a->envp)
		return err_set(e, ENOMEM, "out of memory");
	q->payload = (uint32_t)bytes;
	r = launch_payload_make(text, bytes, &a->payload_fd, e);
	return r == 0 ? request_file(q, &a->request_fd, e) : r;
}

/* --- the container --- */

/*
 * Nobody stays to read what a detached command says. The journal takes who connects for who speaks: that must be the user, or anybody
 * could write there as root.
 */
static void journal_connect(const struct attempt *a, int fds[static 3])
{
	char identifier[LAUNCH_NAME_MAX + 16];
	int i;

	(void)snprintf(identifier, sizeof(identifier), "carrel/%s", a->what.name);
	if (setresgid((gid_t)-1, a->account.gid, (gid_t)-1) < 0 || setresuid((uid_t)-1, a->account.uid, (uid_t)-1) < 0)
		_exit(1);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* as in user.c, and below */
	for (i = 1; i < 3; i++) {
		int fd = sd_journal_stream_fd(identifier, i == 1 ? LOG_INFO : LOG_NOTICE, 0);

		if (fd >= 0)
			fds[i] = fd;
	}
	if (setresuid((uid_t)-1, 0, (uid_t)-1) < 0 || setresgid((gid_t)-1, 0, (gid_t)-1) < 0)
		_exit(1);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/*
 * Who must not get out of a group must not do so by taking another one as its primary group either: then that is among the
 * supplementary ones too, and those stay.
 */
static void groups_fill(struct attempt *a)
{
	struct person who = account_person(&a->account);
	struct container_spec *spec = &a->spec;
	const gid_t *own = (const gid_t *)launch_own_groups(a, &spec->n_groups);
	gid_t *held;

	spec->groups = own;
	spec->deny_setgroups = launch_places_show(&a->places) && policy_keeps_groups(server.policy, &who);
	if (!spec->deny_setgroups)
		return;
	held = calloc(spec->n_groups + 1, sizeof(*held));
	if (!held || !id_map_lookup(&a->gids, a->gid, &held[spec->n_groups]))
		_exit(1);
	memcpy(held, own, spec->n_groups * sizeof(*held));
	spec->groups = held;
	spec->n_groups++;
}

/* More processes than the caller may have, in all launches of the user's together: their relays. Fewer than in a session (session.c). */
#define SPARE_PROCESSES 16

/* In static memory all of it: pid 1 reads it while this process goes on. */
static void spec_fill(struct attempt *a)
{
	static char name[] = "carrel-relay";
	const struct task *t = a->task;
	const int fds[] = { t->conn_fd, a->payload_fd, a->filter_fd, t->fds[0], t->fds[1], t->fds[2], a->request_fd, t->fds[4] };
	unsigned relay = RELAY_LAUNCHED | RELAY_INIT;
	struct container_spec *spec = &a->spec;
	const unsigned *numbers[] = { &a->uid, &a->gid, &relay };
	size_t i;

	memcpy(a->fds, fds, sizeof(fds));
	if (a->request->flags & LAUNCH_DETACH) {
		relay |= RELAY_DETACHED;
		journal_connect(a, a->fds + 3);
	}
	relay |= (a->profile->root && !(a->request->flags & LAUNCH_NNP) ? 0 : RELAY_NNP) | (a->profile->root ? RELAY_ROOT : 0) |
		 (a->request->narrow ? RELAY_NARROWED : 0);
	a->argv[0] = name;
	for (i = 0; i < 3; i++) {
		a->argv[i + 1] = a->numbers[i];
		(void)snprintf(a->numbers[i], sizeof(a->numbers[i]), "%u", *numbers[i]);
	}
	memcpy(a->user, a->request->user, sizeof(a->user));
	a->argv[4] = a->user[0] ? a->user : NULL;
	spec->uid = a->account.uid;
	spec->owner = a->owner;
	spec->net_own = a->net_own;
	/* Bundles ask for it; programs do without, and it costs each container a page. */
	spec->mqueue = a->request->flags & LAUNCH_ROOTFS;
	spec->most = &a->attributes;
	spec->spare = SPARE_PROCESSES;
	spec->uids = &a->uids;
	spec->gids = &a->gids;
	groups_fill(a);
	spec->hostname = a->hostname;
	spec->domainname = a->domainname[0] ? a->domainname : NULL;
	spec->base_mntns_fd = server.base_mntns_fd;
	spec->proc_fd = server.proc_fd;
	spec->first = (struct first_process){ server.relay_fd, a->argv, a->envp, a->fds, a->request->narrow ? 8 : 7, &a->attributes };
}

static int record(struct attempt *a, const struct container_born *born, struct err *e)
{
	struct launch_note n;

	launch_note_fill(a, &n, LAUNCH_BUILT);
	n.pid = born->pid;
	n.user_ns = born->user_ns;
	n.owner = a->owner_asked;
	n.what.groups = a->spec.n_groups > 0;
	memcpy(n.cgroup, a->cgroup, sizeof(n.cgroup));
	return launch_tell(a, &n, &born->pidfd, 1) < 0 ? err_set(e, EPIPE, "carrel-helper went away") : 0;
}

/* What is told before the caller has its answer is heard before whatever the caller asks next. */
static int recorded(struct attempt *a, struct err *e)
{
	struct launch_note n;
	int r = launch_hear(a, &n, e);

	if (r < 0)
		return r;
	launch_note_fill(a, &n, LAUNCH_GOES);
	return launch_tell(a, &n, NULL, 0) < 0 ? err_set(e, EPIPE, "carrel-helper went away") : 0;
}

static int build(struct attempt *a, struct err *e)
{
	struct container_born born;
	int r;

	spec_fill(a);
	r = container_raise(&a->spec, &born, e);
	if (r < 0)
		return r;
	r = launch_view_shift(a, &born, e);
	if (r == 0)
		r = container_place(&born, &a->view, e);
	/* While pid 1 moves in, the main process writes it down. */
	if (r == 0)
		r = record(a, &born, e);
	if (r == 0)
		r = container_await(&born, a->task->main_fd, e);
	if (r == 0)
		r = recorded(a, e);
	if (r < 0) {
		container_drop(&born);
		return r;
	}
	launch_answer(a->task->conn_fd, REQ_LAUNCH, a->what.name, ANSWER_CONFINED, "");
	container_go(&born);
	return 0;
}

static int raise_container(struct attempt *a, struct err *e)
{
	_cleanup_fd_ int caller = -1;
	bool own = false;
	int r;

	r = peer_open(a->task->conn_fd, server.proc_fd, &caller, e);
	if (r == 0)
		r = limits_enter_launch(a->account.uid, a->profile, a->what.name, a->request->flags & LAUNCH_DETACH, a->cgroup, &own, e);
	if (r == 0)
		r = attributes_take(a->task->conn_fd, own ? NULL : "", &a->attributes, e);
	if (r == 0)
		r = peer_still_there(caller, e);
	if (r < 0)
		return r;
	attributes_raise(&a->attributes);
	return build(a, e);
}

/* --- all of it --- */

static int attempt_run(struct attempt *a, struct err *e)
{
	int r = account_by_uid(a->task->peer.uid, &a->account, e);

	if (r == 0)
		r = task_check_speaker(a->task, e);
	if (r == 0)
		r = request_check(a->request, a->task->fds[4] >= 0, e);
	if (r == 0)
		r = stdio_check(a->task->fds, e);
	if (r == 0)
		r = profile_find(a, e);
	if (r == 0)
		r = places_settle(a, e);
	if (r == 0)
		r = filter_ready(a->profile, &a->filter_fd, e);
	if (r < 0)
		return r;
	launch_identity(a->profile, &a->account, &a->uid, &a->gid);
	r = launch_place_get(a, e);
	memcpy(a->hostname, a->request->hostname[0] ? a->request->hostname : a->what.name, sizeof(a->hostname));
	memcpy(a->domainname, a->request->domainname, sizeof(a->domainname));
	if (r == 0 && !(a->request->flags & LAUNCH_ROOTFS))
		r = launch_image_find(a, e);
	if (r == 0)
		r = command_complete(a, e);
	if (r == 0)
		r = launch_ids_settle(a, e);
	if (r == 0)
		r = launch_view_make(a, e);
	return r == 0 ? raise_container(a, e) : r;
}

/* For the log: what is no name could look like words of ours. */
static void name_note(const char *said, char ret[static LAUNCH_NAME_MAX + 1])
{
	(void)snprintf(ret, LAUNCH_NAME_MAX + 1, "%.*s", LAUNCH_NAME_MAX, said);
	if (ret[0] && !image_name_valid(ret))
		(void)snprintf(ret, LAUNCH_NAME_MAX + 1, "?");
}

int launch_child(const struct task *t)
{
	static struct attempt a; /* of many pages, most of which are never touched */
	struct launch_note n;
	struct err e;

	a.task = t;
	a.payload_fd = a.request_fd = a.filter_fd = a.places.home = -1;
	a.request = t->request;
	a.command = a.request->command;
	name_note(a.request->name, a.what.name);
	name_note(a.request->image, a.what.image);
	(void)snprintf(a.what.command, sizeof(a.what.command), "-");
	if (attempt_run(&a, &e) == 0)
		return 0;
	launch_note_fill(&a, &n, LAUNCH_REFUSED);
	(void)snprintf(n.text, sizeof(n.text), "%s", e.text);
	(void)launch_tell(&a, &n, NULL, 0);
	launch_answer(t->conn_fd, REQ_LAUNCH, a.what.name, ANSWER_REFUSED, e.text);
	return turn_away();
}
