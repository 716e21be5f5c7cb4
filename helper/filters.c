#include "helper/filters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <syslog.h>
#include <unistd.h>

#include "helper/log.h"
#include "helper/public/program.h"
#include "helper/worker.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/paths.h"
#include "policy/filter.h"
#include "policy/policy.h"

static const char *const filter_dirs[] = { CARREL_SYSCONFDIR "/filters", CARREL_DATADIR "/filters" };
#define N_FILTER_DIRS (sizeof(filter_dirs) / sizeof(filter_dirs[0]))

static unsigned filter_flags(const struct profile *p)
{
	return FILTER_ROOT_OWNED | (p->root ? FILTER_ROOT_INSIDE : 0);
}

#define GOOD_MAX 64

/* For each profile the key of its filter's program, as the files were when filters_stamp() last changed; "": not known. */
static char (*keys)[65];

uint64_t filters_stamp(void)
{
	return policy_filters_stamp(filter_dirs, N_FILTER_DIRS);
}

void filters_note(void)
{
	size_t i, n = server.policy ? server.policy->n_profiles : 0;

	free(keys);
	keys = calloc(n + 1, sizeof(*keys));
	for (i = 0; keys && i < n; i++) {
		_cleanup_(filter_cleanup) struct filter *f = NULL;
		struct err ignored; /* whoever needs the filter will say it */

		const struct profile *p = &server.policy->profiles[i];

		if (filter_load(filter_dirs, N_FILTER_DIRS, p->filter, filter_flags(p), &f, &ignored) == 0)
			filter_key(f, keys[i]);
	}
}

static int noted_open(const struct profile *p, int *ret_fd)
{
	size_t i;

	for (i = 0; keys && server.policy && i < server.policy->n_profiles; i++)
		if (keys[i][0] && strcmp(server.policy->profiles[i].name, p->name) == 0)
			return filter_cached(server.cache_fd, keys[i], ret_fd);
	return -ENOENT;
}

/* A copy of the program that was last given out for such a profile's filter. */
static void good_name(const struct profile *p, char ret[static GOOD_MAX])
{
	(void)snprintf(ret, GOOD_MAX, "%s%s.good", p->filter, p->root ? ".root" : "");
}

static void remember_good(const struct profile *p, int program_fd)
{
	char program[PROGRAM_MAX], good[GOOD_MAX], fresh[GOOD_MAX + 16];
	struct program_head last;
	_cleanup_fd_ int fd = -1;
	ssize_t n = pread(program_fd, program, sizeof(program), 0);

	good_name(p, good);
	(void)snprintf(fresh, sizeof(fresh), ".%s.%d", good, (int)getpid());
	fd = openat(server.cache_fd, good, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (n < (ssize_t)sizeof(last) ||
		(fd >= 0 && read(fd, &last, sizeof(last)) == (ssize_t)sizeof(last) &&
			memcmp(&last, program, sizeof(last)) == 0))
		return;
	cleanup_fd(&fd);
	fd = openat(server.cache_fd, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || write(fd, program, (size_t)n) != n ||
		renameat(server.cache_fd, fresh, server.cache_fd, good) < 0)
		(void)unlinkat(server.cache_fd, fresh, 0);
}

static int last_good(const struct profile *p, int *ret_fd)
{
	char good[GOOD_MAX];
	int fd;

	good_name(p, good);
	fd = openat(server.cache_fd, good, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/*
 * An administrator's text and three libraries: whatever they make of each other, the machine's memory is not theirs. Time
 * is bounded by the child's deadline.
 */
#define COMPILER_MEMORY (256u << 20)

static int bounded_open(const struct profile *p, int *ret_fd, struct err *e)
{
	struct rlimit before, within;
	int r;

	if (getrlimit(RLIMIT_AS, &before) < 0)
		return err_set(e, errno, "RLIMIT_AS: %s", strerror(errno));
	within = before;
	if (within.rlim_cur > COMPILER_MEMORY)
		within.rlim_cur = COMPILER_MEMORY;
	if (setrlimit(RLIMIT_AS, &within) < 0)
		return err_set(e, errno, "RLIMIT_AS: %s", strerror(errno));
	r = filter_open(filter_dirs, N_FILTER_DIRS, p->filter, filter_flags(p), server.cache_fd, ret_fd, e);
	(void)setrlimit(RLIMIT_AS, &before);
	return r;
}

static int read_open(const struct profile *p, int *ret_fd, struct err *e)
{
	struct event_fields f = { .priority = LOG_ERR, .uid = -1 };
	int r = bounded_open(p, ret_fd, e);

	if (r == 0) {
		remember_good(p, *ret_fd);
		return 0;
	}
	if (r == -EINVAL && last_good(p, ret_fd) == 0) {
		log_event(EVENT_CONFIG_BROKEN, &f, "filter '%s' is broken, its last good form stays in force: %s",
			p->filter, e->text);
		return 0;
	}
	return err_wrap(e, r, "filter '%s'", p->filter);
}

int filter_ready(const struct profile *p, int *ret_fd, struct err *e)
{
	return noted_open(p, ret_fd) == 0 ? 0 : read_open(p, ret_fd, e);
}

int warm_child(const struct task *t)
{
	struct event_fields f = { .priority = LOG_ERR, .uid = -1 };
	struct err e;
	size_t i;

	(void)t;
	for (i = 0; i < server.policy->n_profiles; i++) {
		_cleanup_fd_ int fd = -1;

		if (read_open(&server.policy->profiles[i], &fd, &e) < 0)
			log_event(EVENT_CONFIG_BROKEN, &f, "profile '%s' cannot be used: %s",
				server.policy->profiles[i].name, e.text);
	}
	return 0;
}
