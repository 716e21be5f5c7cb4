/*
 * attributes - what a program takes over from the door that asked for it.
 *
 * Trust:  the door's values are the kernel's word about it, read from the host's /proc by pid; the caller proves afterwards
 *         that the pid still was the door's. They count only while all its user IDs are the one that it asked with.
 */
#include "helper/attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/limits.h"
#include "helper/peer.h"
#include "helper/server.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

/* As proc(5) calls them in /proc/PID/limits. Not prlimit(2): asking about another user takes CAP_SYS_RESOURCE. */
static const struct {
	const char *name;
	int resource;
} limit_names[] = {
	{ "Max cpu time", RLIMIT_CPU },
	{ "Max file size", RLIMIT_FSIZE },
	{ "Max data size", RLIMIT_DATA },
	{ "Max stack size", RLIMIT_STACK },
	{ "Max resident set", RLIMIT_RSS },
	{ "Max processes", RLIMIT_NPROC },
	{ "Max open files", RLIMIT_NOFILE },
	{ "Max locked memory", RLIMIT_MEMLOCK },
	{ "Max address space", RLIMIT_AS },
	{ "Max file locks", RLIMIT_LOCKS },
	{ "Max pending signals", RLIMIT_SIGPENDING },
	{ "Max msgqueue size", RLIMIT_MSGQUEUE },
	{ "Max nice priority", RLIMIT_NICE },
	{ "Max realtime priority", RLIMIT_RTPRIO },
	{ "Max realtime timeout", RLIMIT_RTTIME },
};

#define NAME_WIDTH 26 /* of the first column */

static rlim_t limit_value(const char *word)
{
	return strcmp(word, "unlimited") == 0 ? RLIM_INFINITY : (rlim_t)strtoull(word, NULL, 10);
}

static void limit_take(const char *line, struct attributes *a)
{
	char soft[24], hard[24];
	size_t i;

	if (strlen(line) <= NAME_WIDTH || sscanf(line + NAME_WIDTH, "%23s %23s", soft, hard) != 2)
		return;
	for (i = 0; i < sizeof(limit_names) / sizeof(limit_names[0]); i++) {
		int r = limit_names[i].resource;

		if (strncmp(line, limit_names[i].name, strlen(limit_names[i].name)) != 0)
			continue;
		a->limits[r] = (struct rlimit){ limit_value(soft), limit_value(hard) };
		a->limited[r] = true;
	}
}

void limits_take(pid_t pid, struct attributes *a)
{
	_cleanup_fd_ int fd = -1;
	char path[32], text[4096], *line, *save;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%d/limits", (int)pid);
	fd = openat(server.proc_fd, path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	text[n > 0 ? n : 0] = '\0';
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		limit_take(line, a);
	/*
	 * A crash inside must not run the host's core_pattern. 0 would hold back files alone; at 1 the kernel starts no program
	 * either (coredump.c takes it for a crash of one), and no file is as small.
	 */
	a->limits[RLIMIT_CORE] = (struct rlimit){ 1, 1 };
	a->limited[RLIMIT_CORE] = true;
}

/*
 * What the kernel (since Linux 5.14) takes as the most for all that is in a user namespace, whatever limits its processes have, from
 * who makes it; before it counted these by ID alone. The hard limits, as up to there the caller's programs may go.
 */
static const __rlimit_resource_t ceilings[CEILINGS] = { RLIMIT_NPROC, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_SIGPENDING };

static rlim_t ceiling(const struct attributes *a, __rlimit_resource_t r, unsigned spare, rlim_t most)
{
	rlim_t own = a->limits[r].rlim_max;

	if (r == RLIMIT_NPROC && own < RLIM_INFINITY - spare)
		own += spare;
	return own < most ? own : most;
}

void ceilings_take(const struct attributes *a, unsigned spare, struct ceilings *ret)
{
	struct rlimit now;
	size_t i;

	for (i = 0; i < CEILINGS; i++) {
		__rlimit_resource_t r = ceilings[i];

		ret->changed[i] = false;
		if (!a || !a->limited[r] || getrlimit(r, &ret->before[i]) < 0)
			continue;
		now = ret->before[i];
		now.rlim_cur = ceiling(a, r, spare, now.rlim_max);
		ret->changed[i] = now.rlim_cur != ret->before[i].rlim_cur && setrlimit(r, &now) == 0;
	}
}

void ceilings_return(const struct ceilings *c)
{
	size_t i;

	for (i = 0; i < CEILINGS; i++)
		if (c->changed[i])
			(void)setrlimit(ceilings[i], &c->before[i]);
}

/* /proc/self/FILE gets what /proc/PID/FILE says. */
static void number_take(pid_t pid, const char *file)
{
	_cleanup_fd_ int from = -1, to = -1;
	char path[64], text[32];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%d/%s", (int)pid, file);
	from = openat(server.proc_fd, path, O_RDONLY | O_CLOEXEC);
	n = from >= 0 ? read(from, text, sizeof(text)) : -1;
	(void)snprintf(path, sizeof(path), "self/%s", file);
	to = n > 0 ? openat(server.proc_fd, path, O_WRONLY | O_CLOEXEC) : -1;
	if (to >= 0)
		(void)!write(to, text, (size_t)n);
}

int cgroup_take(pid_t pid, const char *cgroup, struct err *e)
{
	_cleanup_fd_ int fd = -1;
	int r;

	if (cgroup[0] == '\0')
		return limits_follow(server.proc_fd, pid, e);
	r = limits_join_open(cgroup, &fd, e);
	if (r == 0 && write(fd, "0", 1) != 1)
		r = err_set(e, errno, "limits: cannot join %s: %s", cgroup, strerror(errno));
	return r;
}

static int all_take(pid_t pid, const char *cgroup, struct attributes *ret, struct err *e)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	number_take(pid, "loginuid");
	number_take(pid, "oom_score_adj");
	limits_take(pid, ret);
	/* What was looked up so far is in the kernel's caches, and not at the program's expense. */
	r = cgroup ? cgroup_take(pid, cgroup, e) : 0;
	if (r < 0)
		return r;
	errno = 0;
	ret->nice = getpriority(PRIO_PROCESS, (id_t)pid);
	ret->niced = errno == 0;
	ret->bound = sched_getaffinity(pid, sizeof(ret->cpus), &ret->cpus) == 0;
	return 0;
}

int attributes_take(int conn_fd, const char *cgroup, struct attributes *ret, struct err *e)
{
	struct peer peer;
	int r = peer_of(conn_fd, &peer, e);

	if (r == 0)
		r = all_take(peer.pid, cgroup, ret, e);
	/* It may have executed another program since peer_open(). */
	return r == 0 ? peer_check_uids(conn_fd, server.proc_fd, e) : r;
}

void attributes_raise(const struct attributes *a)
{
	struct rlimit now;
	size_t i;

	for (i = 0; i < RLIM_NLIMITS; i++)
		if (a->limited[i] && getrlimit((__rlimit_resource_t)i, &now) == 0 && now.rlim_max < a->limits[i].rlim_max) {
			now.rlim_max = a->limits[i].rlim_max;
			(void)setrlimit((__rlimit_resource_t)i, &now);
		}
	if (a->niced)
		(void)setpriority(PRIO_PROCESS, 0, a->nice);
	if (a->bound)
		(void)sched_setaffinity(0, sizeof(a->cpus), &a->cpus);
}

void attributes_apply(const struct attributes *a)
{
	size_t i;

	for (i = 0; i < RLIM_NLIMITS; i++)
		if (a->limited[i])
			(void)setrlimit((__rlimit_resource_t)i, &a->limits[i]);
	if (a->niced)
		(void)setpriority(PRIO_PROCESS, 0, a->nice);
	if (a->bound)
		(void)sched_setaffinity(0, sizeof(a->cpus), &a->cpus);
}
