/*
 * build - what the helper's child does for a session, step by step, without the helper: root, in a world of its own.
 *
 * Usage: build USER TIMES. First line: the names of the steps; then microseconds, a line a time, a column a step. The steps
 * from `open` to `mount` lead to a view; `birth` is what it takes beyond them: the namespaces, the maps and
 * pid 1 on its way into the view. `container` is all of it as a whole, in another child.
 */
#include "helper/container.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "helper/view_base.h"
#include "helper/view_mount.h"
#include "policy/account.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/paths.h"
#include "policy/filter.h"
#include "policy/policy.h"
#include "policy/subid.h"

enum lap { FORK, ACCOUNT, DECIDE, FILTER, IDS, CHECK, OPEN, PLAN, CLONE, BASE, MOUNT, N_MEASURED, BIRTH = N_MEASURED, CONTAINER, N_STEPS };

static const char *const names[N_STEPS] = { "fork", "account", "decide", "filter", "ids", "check", "open", "plan", "clone", "base",
	"mount", "birth", "container" };
static const char *const filter_dirs[] = { CARREL_SYSCONFDIR "/filters", CARREL_DATADIR "/filters" };

struct bench {
	const char *user;
	struct policy *policy;
	int base_fd, init_fd, root_fd, proc_fd, cache_fd;
	char key[65]; /* of the filter's program, which carrel-helper knows, too */
	double *took; /* shared with the children */
	double forked;
};

struct subject {
	struct account account;
	struct decision decision;
	struct id_ranges ranges;
	struct container_spec spec;
};

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void must(int r, const struct err *e)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "build: %s\n", e->text);
	_exit(1);
}

static int open_or_die(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0) {
		perror(path);
		_exit(1);
	}
	return fd;
}

/* Ends s, which began when *from says, and begins the next. */
static void lap(const struct bench *b, enum lap s, double *from)
{
	double now = now_us();

	b->took[s] = now - *from;
	*from = now;
}

static void subject_find(const struct bench *b, struct subject *s)
{
	double from = b->forked;
	struct person who;
	struct err e;
	int filter_fd;

	lap(b, FORK, &from);
	must(account_by_name(b->user, &s->account, &e), &e);
	lap(b, ACCOUNT, &from);
	who = account_person(&s->account);
	s->decision = policy_decide(b->policy, &who, "sshd");
	lap(b, DECIDE, &from);
	if (filter_cached(b->cache_fd, b->key, &filter_fd) < 0)
		must(err_set(&e, ENOENT, "the filter is not in the cache"), &e);
	lap(b, FILTER, &from);
	must(subid_ranges(&s->account, &b->policy->pool, &s->ranges, &e), &e);
	lap(b, IDS, &from);
	must(subid_check(&s->account, &b->policy->pool, &s->ranges, &e), &e);
	lap(b, CHECK, &from);
}

static void spec_fill(const struct bench *b, struct subject *s)
{
	static char name[] = "carrel-init";
	static char *const argv[] = { name, NULL };
	static struct id_map uids, gids;
	const uint32_t uid = s->account.uid;
	struct err e;

	s->spec = (struct container_spec){ .uid = uid,
		.owner = subid_owner(&b->policy->pool, uid),
		.net_own = s->decision.profile->net == NET_NONE,
		.base_mntns_fd = b->base_fd,
		.proc_fd = b->proc_fd,
		.uids = &uids,
		.gids = &gids,
		.first = { .program_fd = b->init_fd, .argv = argv } };
	must(id_map_plan(&s->ranges.uids, &uid, 1, &uids, &e), &e);
	must(id_map_plan(&s->ranges.gids, s->account.gids, s->account.n_gids, &gids, &e), &e);
}

/* What comes before container_raise(). */
static void view_make(const struct bench *b, struct subject *s, struct view *view, bool timed)
{
	static struct view_sources sources;
	double from = now_us();
	struct err e;

	*view = (struct view){ .profile = s->decision.profile, .facts = &sources.facts, .root_program_fd = b->root_fd,
		.kept_fd = -1 };
	must(view_open(&s->account, s->decision.profile, &sources, &e), &e);
	sources.facts.root_uid = s->ranges.uids.start;
	sources.facts.root_gid = s->ranges.gids.start;
	if (timed)
		lap(b, OPEN, &from);
	must(view_plan(s->decision.profile, &sources.facts, &view->plan, &e), &e);
	must(view_fds_make(view, &e), &e);
	if (timed)
		lap(b, PLAN, &from);
	must(view_sources_clone(&view->plan, &sources, view->fds, &e), &e);
	if (timed)
		lap(b, CLONE, &from);
}

/* The steps up to the container's namespaces. */
static void steps_child(const struct bench *b)
{
	struct subject s;
	struct view view;
	struct err e;
	int new_root;
	double from;

	subject_find(b, &s);
	view_make(b, &s, &view, true);
	from = now_us();
	if (setns(b->base_fd, CLONE_NEWNS) < 0 || unshare(CLONE_NEWNS) < 0)
		must(err_set(&e, errno, "base: %s", strerror(errno)), &e);
	lap(b, BASE, &from);
	must(view_mount(&view, &new_root, &e), &e);
	lap(b, MOUNT, &from);
}

static void container_child(const struct bench *b)
{
	struct container_born born;
	struct subject s;
	struct view view;
	struct err e;
	double from;
	int i;

	subject_find(b, &s);
	spec_fill(b, &s);
	from = now_us();
	view_make(b, &s, &view, false);
	must(container_raise(&s.spec, &born, &e), &e);
	must(container_place(&born, &view, &e), &e);
	lap(b, CONTAINER, &from);
	b->took[BIRTH] = b->took[CONTAINER];
	for (i = OPEN; i < N_MEASURED; i++)
		b->took[BIRTH] -= b->took[i];
}

static void filter_prepare(struct bench *b)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	struct account account;
	struct decision decision;
	struct person who;
	const char *name;
	unsigned flags;
	struct err e;
	int fd;

	must(account_by_name(b->user, &account, &e), &e);
	who = account_person(&account);
	decision = policy_decide(b->policy, &who, "sshd");
	if (decision.verdict != VERDICT_CONFINE)
		must(err_set(&e, EINVAL, "%s is not confined", b->user), &e);
	name = decision.profile->filter;
	flags = FILTER_ROOT_OWNED | (decision.profile->root ? FILTER_ROOT_INSIDE : 0);
	must(filter_load(filter_dirs, 2, name, flags, &f, &e), &e);
	filter_key(f, b->key);
	must(filter_open(filter_dirs, 2, name, flags, b->cache_fd, &fd, &e), &e);
}

static void in_child(struct bench *b, void (*work)(const struct bench *))
{
	const struct timespec rest = { 0, 10000000 };
	int status = 0;
	pid_t pid;

	b->forked = now_us();
	pid = fork();
	if (pid == 0) {
		work(b);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		exit(1);
	while (waitpid(-1, NULL, 0) > 0) /* pid 1 of the container */
		;
	(void)nanosleep(&rest, NULL);
}

int main(int argc, char **argv)
{
	struct bench b = { .user = argc == 3 ? argv[1] : "" };
	gid_t groups[16];
	int n_groups = 16, i, times = argc == 3 ? atoi(argv[2]) : 0;
	struct err e;

	if (times < 1) {
		(void)fputs("usage: build USER TIMES\n", stderr);
		return 2;
	}
	b.took = mmap(NULL, N_STEPS * sizeof(*b.took), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b.took == MAP_FAILED)
		return 1;
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	(void)getgrouplist("root", 0, groups, &n_groups); /* as carrel-helper does: loads the name service modules */
	(void)mkdir("/run/carrel", 0755);
	(void)mkdir("/run/carrel/filters", 0700);
	b.cache_fd = open_or_die("/run/carrel/filters", O_RDONLY | O_DIRECTORY);
	b.proc_fd = open_or_die("/proc", O_PATH | O_DIRECTORY);
	b.init_fd = open_or_die(CARREL_LIBEXECDIR "/carrel-init", O_RDONLY);
	b.root_fd = open_or_die(CARREL_LIBEXECDIR "/carrel-root", O_RDONLY);
	must(policy_load(CARREL_SYSCONFDIR, true, &b.policy, &e), &e);
	filter_prepare(&b);
	must(view_host_prepare(&e), &e);
	must(view_base_make(&b.base_fd, &e), &e);
	for (i = 0; i < N_STEPS; i++)
		(void)printf("%s%c", names[i], i + 1 < N_STEPS ? ' ' : '\n');
	(void)fflush(stdout);
	in_child(&b, steps_child); /* warms the caches */
	while (times-- > 0) {
		in_child(&b, steps_child);
		in_child(&b, container_child);
		for (i = 0; i < N_STEPS; i++)
			(void)printf("%.0f%c", b.took[i], i + 1 < N_STEPS ? ' ' : '\n');
		(void)fflush(stdout);
	}
	return 0;
}
