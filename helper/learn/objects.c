#include "helper/learn/objects.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/learn/scan_ahead.h"
#include "policy/base/cleanup.h"

static size_t slot_of(const struct objects *o, const char *path)
{
	uint32_t hash = 2166136261u;
	size_t at;

	for (const char *p = path; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	for (at = hash & (o->size - 1); o->paths[at]; at = (at + 1) & (o->size - 1))
		if (strcmp(o->paths[at], path) == 0)
			break;
	return at;
}

static int grow(struct objects *o)
{
	struct objects bigger = { .size = o->size ? 2 * o->size : 256 };

	bigger.paths = calloc(bigger.size, sizeof(*bigger.paths));
	if (!bigger.paths)
		return -ENOMEM;
	for (size_t i = 0; i < o->size; i++)
		if (o->paths[i])
			bigger.paths[slot_of(&bigger, o->paths[i])] = o->paths[i];
	free(o->paths);
	o->paths = bigger.paths;
	o->size = bigger.size;
	return 0;
}

static void path_add(struct objects *o, const char *path)
{
	const char *name = strrchr(path, '/');
	struct stat st;
	size_t at;

	if (2 * o->n >= o->size && grow(o) < 0)
		return;
	at = slot_of(o, path);
	if (o->paths[at])
		return;
	o->paths[at] = strdup(path);
	if (!o->paths[at])
		return;
	o->n++;
	scan_ahead_add(o->ahead, path);
	if (!o->set_user_id[0] && name && stat(path, &st) == 0 && (st.st_mode & S_ISUID))
		(void)snprintf(o->set_user_id, sizeof(o->set_user_id), "%s", name + 1);
}

/* "7f00-7f10 r-xp 00000000 fe:01 123      /usr/bin/bash" */
static void line_read(struct objects *o, char *line)
{
	char *permissions = strchr(line, ' '), *path;

	if (!permissions || strlen(permissions) < 5 || permissions[3] != 'x')
		return;
	path = strchr(permissions, '/');
	/* A file that was replaced since is another one by now. */
	if (path && !strstr(path, " (deleted)"))
		path_add(o, path);
}

/* Feeds whole lines; returns how many bytes of an unfinished one are left at the beginning. */
static size_t lines_read(struct objects *o, char *buf, size_t n)
{
	char *line = buf, *end;

	buf[n] = '\0';
	while ((end = strchr(line, '\n'))) {
		*end = '\0';
		line_read(o, line);
		line = end + 1;
	}
	n -= (size_t)(line - buf);
	memmove(buf, line, n);
	return n;
}

void objects_sample(struct objects *o, pid_t pid)
{
	_cleanup_fd_ int fd = -1;
	char buf[20480]; /* a path, of which each byte may be written as four */
	size_t n = 0;
	ssize_t got;

	(void)snprintf(buf, sizeof(buf), "/proc/%d/maps", (int)pid);
	fd = open(buf, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		o->hidden++;
		return;
	}
	while ((got = read(fd, buf + n, sizeof(buf) - 1 - n)) > 0) {
		n = lines_read(o, buf, n + (size_t)got);
		if (n == sizeof(buf) - 1)
			n = 0; /* no line of this file is so long */
	}
}

void objects_done(struct objects *o)
{
	for (size_t i = 0; i < o->size; i++)
		free(o->paths[i]);
	free(o->paths);
	*o = (struct objects){ .size = 0 };
}
