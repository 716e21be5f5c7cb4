/*
 * launch_told - what `carrel exec` must know of the launch into whose container it goes.
 *
 * Trust:  pid 1 is carrel-relay and not dumpable: nobody in there reads or changes its memory, and the words in its arguments and
 *         environment are those that a helper put there. The values among them are the caller's.
 * In:     /proc/PID/cmdline: carrel-relay UID GID FLAGS [USER]; /proc/PID/environ: two of ours first, in this order, then the
 *         command's. Without those two a helper of before has started it, and nothing is known.
 */
#include "helper/launch_told.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/public/relay.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/io.h"

static const char lost[] = "CARREL_CAPS_LOST=", workdir[] = "CARREL_WORKDIR=";

/* The string behind this one. */
static const char *after(const char *s)
{
	return s + strlen(s) + 1;
}

char **launch_told_environment(const char *payload, size_t bytes, uint32_t argc, const uint32_t caps_lost[2])
{
	static char caps[sizeof(lost) + 20];
	const char *end = payload + bytes, *cwd = after(payload), *s = after(cwd);
	size_t n = 3, i = 0;
	char **env, *at;

	for (; argc > 0; argc--)
		s = after(s);
	if (end - s > LAUNCH_TOLD_MAX)
		s = end;
	for (const char *count = s; count < end; count = after(count))
		n++;
	env = calloc(n, sizeof(*env));
	at = malloc(sizeof(workdir) + strlen(cwd));
	if (!env || !at) {
		free(env);
		free(at);
		return NULL;
	}
	(void)snprintf(caps, sizeof(caps), "%s%08x%08x", lost, caps_lost[1], caps_lost[0]);
	(void)stpcpy(stpcpy(at, workdir), cwd);
	env[i++] = caps;
	env[i++] = at;
	for (; s < end; s = after(s))
		env[i++] = (char *)(uintptr_t)s;
	return env;
}

static int file_read(int proc_fd, pid_t pid, const char *name, char **ret, size_t *ret_n, struct err *e)
{
	_cleanup_fd_ int fd = -1;
	char path[32];

	(void)snprintf(path, sizeof(path), "%d/%s", (int)pid, name);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, 2 * LAUNCH_TOLD_MAX, ret, ret_n, e) < 0)
		return err_set(e, ESRCH, "the container has just ended");
	return 0;
}

/* Its last words only: those before say who it is by numbers. */
static int cmdline_read(const char *text, size_t n, struct launch_told *ret)
{
	const char *end = text + n, *word[5] = { "", "", "", "", "" };
	size_t i;

	for (i = 0; i < 5 && text < end; i++) {
		word[i] = text;
		text = after(text);
	}
	if (i < 4)
		return -ESRCH;
	ret->flags = (unsigned)strtoul(word[3], NULL, 10);
	(void)snprintf(ret->user, sizeof(ret->user), "%s", word[4]);
	return 0;
}

static int environment_read(char *text, size_t n, struct launch_told *ret, struct err *e)
{
	char *end = text + n, *s;
	unsigned long long caps;
	size_t count = 0;

	if (strncmp(text, lost, sizeof(lost) - 1) != 0)
		return 0;
	s = text + strlen(text) + 1;
	if (s >= end || strncmp(s, workdir, sizeof(workdir) - 1) != 0)
		return 0;
	caps = strtoull(text + sizeof(lost) - 1, NULL, 16);
	ret->caps_lost[0] = (uint32_t)caps;
	ret->caps_lost[1] = (uint32_t)(caps >> 32);
	ret->as.workdir = s + sizeof(workdir) - 1;
	for (s += strlen(s) + 1; s < end; s += strlen(s) + 1)
		count++;
	ret->as.env.v = calloc(count + 1, sizeof(*ret->as.env.v));
	if (!ret->as.env.v)
		return err_set(e, ENOMEM, "out of memory");
	for (s = ret->as.workdir + strlen(ret->as.workdir) + 1; s < end; s += strlen(s) + 1)
		ret->as.env.v[ret->as.env.n++] = s;
	return 0;
}

static int narrow_open(int proc_fd, pid_t pid, struct launch_told *ret, struct err *e)
{
	char path[32];

	if (!(ret->flags & RELAY_NARROWED))
		return 0;
	(void)snprintf(path, sizeof(path), "%d/fd/%d", (int)pid, RELAY_NARROW);
	ret->narrow_fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	return ret->narrow_fd < 0 ? err_set(e, ESRCH, "the container's own filter cannot be had: %s", strerror(errno)) : 0;
}

int launch_told_read(int proc_fd, pid_t pid, struct launch_told *ret, struct err *e)
{
	_cleanup_free_ char *line = NULL;
	size_t n;
	int r;

	*ret = (struct launch_told){ .narrow_fd = -1 };
	r = file_read(proc_fd, pid, "cmdline", &line, &n, e);
	if (r == 0 && cmdline_read(line, n, ret) < 0)
		r = err_set(e, ESRCH, "the container has just ended");
	if (r == 0)
		r = file_read(proc_fd, pid, "environ", &ret->text, &n, e);
	/* Of a helper of before it is empty, as of who has ended: that shows when it is joined. What cannot be read is no reason to go on. */
	if (r == 0 && n > 0)
		r = environment_read(ret->text, n, ret, e);
	if (r == 0)
		r = narrow_open(proc_fd, pid, ret, e);
	if (r < 0)
		launch_told_done(ret);
	return r;
}

void launch_told_done(struct launch_told *t)
{
	cleanup_fd(&t->narrow_fd);
	free(t->as.env.v);
	free(t->text);
	*t = (struct launch_told){ .narrow_fd = -1 };
}
