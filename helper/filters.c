#include "helper/filters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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

/* "NAME.good" in the cache is a copy of the program that was last given out for NAME. */
static void remember_good(const char *name, int program_fd)
{
	char program[PROGRAM_MAX], good[64], fresh[64];
	struct program_head last;
	_cleanup_fd_ int fd = -1;
	ssize_t n = pread(program_fd, program, sizeof(program), 0);

	(void)snprintf(good, sizeof(good), "%s.good", name);
	(void)snprintf(fresh, sizeof(fresh), ".%s.good.%d", name, (int)getpid());
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

static int last_good(const char *name, int *ret_fd)
{
	char good[64];
	int fd;

	(void)snprintf(good, sizeof(good), "%s.good", name);
	fd = openat(server.cache_fd, good, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int filter_ready(const char *name, int *ret_fd, struct err *e)
{
	struct event_fields f = { .priority = LOG_ERR, .uid = -1 };
	int r = filter_open(filter_dirs, sizeof(filter_dirs) / sizeof(filter_dirs[0]), name,
		server.cache_fd, ret_fd, e);

	if (r == 0) {
		remember_good(name, *ret_fd);
		return 0;
	}
	if (r == -EINVAL && last_good(name, ret_fd) == 0) {
		log_event(EVENT_CONFIG_BROKEN, &f, "filter '%s' is broken, its last good form stays in force: %s",
			name, e->text);
		return 0;
	}
	return err_wrap(e, r, "filter '%s'", name);
}

int warm_child(const struct task *t)
{
	struct event_fields f = { .priority = LOG_ERR, .uid = -1 };
	struct err e;
	size_t i;

	(void)t;
	for (i = 0; i < server.policy->n_profiles; i++) {
		_cleanup_fd_ int fd = -1;

		if (filter_ready(server.policy->profiles[i].filter, &fd, &e) < 0)
			log_event(EVENT_CONFIG_BROKEN, &f, "profile '%s' cannot be used: %s",
				server.policy->profiles[i].name, e.text);
	}
	return 0;
}
