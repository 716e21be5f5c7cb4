/*
 * registry - containers and sessions that live, in memory and in /run/carrel/state.
 *
 * Trust:  the directory is root's, 0700; its files were written by a helper, maybe by one that was killed while it wrote.
 * In:     files "c.UID.PROFILE", "l.UID.NAME" (launches), "b.UID.NAME" (launches that are being built) and "s.ID", lines "key
 *         value"; a file counts only when its last line is "end".
 * Order:  write under a dot name, rename; so a file is whole or not there.
 * Fails:  what cannot be written is not promised: the session is refused.
 */
#include "helper/registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/peer.h"
#include "helper/public/syscalls.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define FILE_MAX 2048

/* --- files --- */

static int file_write(int dir_fd, const char *name, const char *text, struct err *e)
{
	_cleanup_fd_ int fd = -1;
	char hidden[128];
	size_t n = strlen(text);
	int code;

	(void)snprintf(hidden, sizeof(hidden), ".%s", name);
	fd = openat(dir_fd, hidden, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && write(fd, text, n) == (ssize_t)n && renameat(dir_fd, hidden, dir_fd, name) == 0)
		return 0;
	code = errno ? errno : EIO;
	(void)unlinkat(dir_fd, hidden, 0);
	return err_set(e, code, "cannot record it in /run/carrel/state: %s%s", strerror(code),
		code == ENOSPC ? " (is /run full?)" : "");
}

static int file_read(int dir_fd, const char *name, char text[static FILE_MAX])
{
	_cleanup_fd_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, FILE_MAX - 1);
	if (n < 4)
		return -EBADMSG;
	text[n] = '\0';
	return strcmp(text + n - 4, "end\n") == 0 ? 0 : -EBADMSG;
}

#define NAME_ROOM 96

static void container_name(const struct container *c, char name[static NAME_ROOM])
{
	if (c->launch)
		(void)snprintf(name, NAME_ROOM, "%c.%u.%s", c->ready ? 'l' : 'b', (unsigned)c->uid, c->launch->name);
	else
		(void)snprintf(name, NAME_ROOM, "c.%u.%s", (unsigned)c->uid, c->profile);
}

static void session_name(uint64_t id, char name[static NAME_ROOM])
{
	(void)snprintf(name, NAME_ROOM, "s.%" PRIu64, id);
}

/* --- containers --- */

struct container *registry_container(const struct registry *r, uid_t uid, const char *profile)
{
	struct container *c;

	for (c = r->containers; c; c = c->next)
		if (!c->launch && c->uid == uid && strcmp(c->profile, profile) == 0)
			return c;
	return NULL;
}

struct container *registry_launch(const struct registry *r, uid_t uid, const char *name)
{
	struct container *c;

	for (c = r->containers; c; c = c->next)
		if (c->launch && c->uid == uid && strcmp(c->launch->name, name) == 0)
			return c;
	return NULL;
}

size_t registry_launches_of(const struct registry *r, uid_t uid)
{
	const struct container *c;
	size_t n = 0;

	for (c = r->containers; c; c = c->next)
		n += c->launch && c->uid == uid;
	return n;
}

const struct container *registry_overlap(const struct registry *r, uid_t uid, const struct id_ranges *ranges)
{
	const struct container *c;

	for (c = r->containers; c; c = c->next)
		if ((c->launch || c->uid != uid) && (id_range_overlaps(&c->ranges.uids, &ranges->uids) ||
					     id_range_overlaps(&c->ranges.gids, &ranges->gids)))
			return c;
	return NULL;
}

int registry_reserve(struct registry *r, uid_t uid, const char *profile, struct container **ret, struct err *e)
{
	struct container *c = calloc(1, sizeof(*c));

	if (!c)
		return err_set(e, ENOMEM, "out of memory");
	c->uid = uid;
	(void)snprintf(c->profile, sizeof(c->profile), "%s", profile);
	c->pidfd = -1;
	c->status = -1;
	c->next = r->containers;
	r->containers = c;
	*ret = c;
	return 0;
}

int registry_reserve_launch(struct registry *r, uid_t uid, const char *profile, const struct launch *what,
	struct container **ret, struct err *e)
{
	struct launch *copy = malloc(sizeof(*copy));
	int done;

	if (!copy)
		return err_set(e, ENOMEM, "out of memory");
	*copy = *what;
	done = registry_reserve(r, uid, profile, ret, e);
	if (done < 0) {
		free(copy);
		return done;
	}
	(*ret)->launch = copy;
	(*ret)->linger = LINGER_YES; /* it ends with its command, and is nobody's business before */
	return 0;
}

int registry_keep(struct registry *r, struct container *c, struct err *e)
{
	char name[NAME_ROOM], text[FILE_MAX];
	int n;

	container_name(c, name);
	n = snprintf(text, sizeof(text),
		"pid %d\nstart %" PRIu64 "\nuser-ns %" PRIu64
		"\nuids %u %u\ngids %u %u\nlinger %d\ncgroup %s\n",
		(int)c->pid, c->start, c->user_ns, c->ranges.uids.start, c->ranges.uids.count,
		c->ranges.gids.start, c->ranges.gids.count, (int)c->linger, c->cgroup[0] ? c->cgroup : "-");
	if (c->launch)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			"profile %s\nuser %s\nstarted %" PRIu64 "\ngroups %d\nimage %s\ndigest %s\ncommand %s\n", c->profile,
			c->launch->user, c->launch->started_us, c->launch->groups, c->launch->image[0] ? c->launch->image : "-",
			c->launch->digest[0] ? c->launch->digest : "-", c->launch->command);
	(void)snprintf(text + n, sizeof(text) - (size_t)n, "end\n");
	return file_write(r->state_fd, name, text, e);
}

void registry_launch_goes(struct registry *r, struct container *c)
{
	char from[NAME_ROOM], to[NAME_ROOM];

	container_name(c, from);
	c->ready = true;
	container_name(c, to);
	(void)renameat(r->state_fd, from, r->state_fd, to);
}

void registry_drop(struct registry *r, struct container *c)
{
	struct container **at;
	char name[NAME_ROOM];

	for (at = &r->containers; *at && *at != c; at = &(*at)->next)
		;
	if (*at)
		*at = c->next;
	container_name(c, name);
	(void)unlinkat(r->state_fd, name, 0);
	cleanup_fd(&c->pidfd);
	free(c->launch);
	free(c);
}

/* --- sessions --- */

struct session *registry_session_by_id(const struct registry *r, uint64_t id)
{
	struct session *s;

	for (s = r->sessions; s; s = s->next)
		if (s->id == id)
			return s;
	return NULL;
}

static struct session *session_link(struct registry *r, struct container *c, uint64_t id)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->id = id;
	s->container = c;
	s->pidfd = -1;
	s->next = r->sessions;
	r->sessions = s;
	c->sessions++;
	return s;
}

int registry_session(struct registry *r, struct container *c, pid_t pid, int pidfd, const char *service,
	const char *user, struct session **ret, struct err *e)
{
	char name[NAME_ROOM], text[FILE_MAX];
	struct session *s = session_link(r, c, r->last_id + 1);
	int done;

	if (!s)
		return err_set(e, ENOMEM, "out of memory");
	r->last_id++;
	s->pid = pid;
	(void)snprintf(s->service, sizeof(s->service), "%s", service);
	(void)snprintf(s->user, sizeof(s->user), "%s", user);
	if (process_start(r->proc_fd, pid, &s->start) < 0) {
		registry_session_drop(r, s);
		return err_set(e, ESRCH, "the process that asked is gone");
	}
	session_name(s->id, name);
	(void)snprintf(text, sizeof(text),
		"uid %u\nprofile %s\npid %d\nstart %" PRIu64 "\nservice %s\nuser %s\nend\n",
		(unsigned)c->uid, c->profile, (int)pid, s->start, s->service, s->user);
	done = file_write(r->state_fd, name, text, e);
	if (done < 0) {
		registry_session_drop(r, s);
		return done;
	}
	s->pidfd = pidfd;
	*ret = s;
	return 0;
}

void registry_session_drop(struct registry *r, struct session *s)
{
	struct session **at;
	char name[NAME_ROOM];

	for (at = &r->sessions; *at && *at != s; at = &(*at)->next)
		;
	if (*at)
		*at = s->next;
	s->container->sessions--;
	session_name(s->id, name);
	(void)unlinkat(r->state_fd, name, 0);
	cleanup_fd(&s->pidfd);
	free(s);
}

/* --- processes --- */

/* True if pid still is the process that was recorded. The pidfd comes first: then a later match proves it is that process. */
static bool still_lives(const struct registry *r, pid_t pid, uint64_t start, int *ret_pidfd)
{
	_cleanup_fd_ int fd = pid > 0 ? sys_pidfd_open(pid) : -1;
	uint64_t now;

	if (fd < 0 || process_start(r->proc_fd, pid, &now) < 0 || now != start)
		return false;
	*ret_pidfd = fd_take(&fd);
	return true;
}

int registry_pidfd(const struct registry *r, const struct container *c)
{
	int fd = -1;

	return still_lives(r, c->pid, c->start, &fd) ? fd : -ESRCH;
}

/* --- after a restart --- */

static bool launch_recall(struct registry *r, const char *name, const char *text, struct container **ret)
{
	const char *more = strstr(text, "\nprofile ");
	char profile[33], sep;
	struct launch what;
	unsigned uid;
	int groups = 0;
	struct err e;

	memset(&what, 0, sizeof(what));
	if (!more || sscanf(name + 1, ".%u%c%64s", &uid, &sep, what.name) != 3 ||
		sscanf(more, "\nprofile %32[a-z0-9-]\nuser %63[^\n]\nstarted %" SCNu64
			"\ngroups %d\nimage %64s\ndigest %79s\ncommand %255[^\n]",
			profile, what.user, &what.started_us, &groups, what.image, what.digest, what.command) < 6)
		return false;
	what.groups = groups;
	if (strcmp(what.image, "-") == 0)
		what.image[0] = '\0';
	if (strcmp(what.digest, "-") == 0)
		what.digest[0] = '\0';
	return registry_reserve_launch(r, uid, profile, &what, ret, &e) == 0;
}

static bool sessions_recall(struct registry *r, const char *name, struct container **ret)
{
	struct err e;
	char profile[33];
	unsigned uid;

	return sscanf(name, "c.%u.%32[a-z0-9-]", &uid, profile) == 2 && registry_reserve(r, uid, profile, ret, &e) == 0;
}

static bool container_recall(struct registry *r, const char *name, const char *text)
{
	struct container *c = NULL;
	uint64_t ns = 0;
	int linger = 0, pid = 0;

	if (!(name[0] == 'c' ? sessions_recall(r, name, &c) : launch_recall(r, name, text, &c)))
		return false;
	c->ready = name[0] != 'b';
	if (sscanf(text,
		    "pid %d\nstart %" SCNu64 "\nuser-ns %" SCNu64
		    "\nuids %u %u\ngids %u %u\nlinger %d\ncgroup %255[^\n]",
		    &pid, &c->start, &c->user_ns, &c->ranges.uids.start, &c->ranges.uids.count,
		    &c->ranges.gids.start, &c->ranges.gids.count, &linger, c->cgroup) != 9 ||
		!still_lives(r, pid, c->start, &c->pidfd) ||
		process_ns(r->proc_fd, pid, "user", &ns) < 0 || ns != c->user_ns) {
		registry_drop(r, c);
		return true; /* its file went with it */
	}
	if (strcmp(c->cgroup, "-") == 0)
		c->cgroup[0] = '\0';
	c->pid = pid;
	c->linger = linger;
	/* Its builder may still be at it, or be dead; nobody has been told of it. */
	if (!c->ready) {
		c->ending = true;
		(void)sys_pidfd_send_signal(c->pidfd, SIGKILL);
	}
	return true;
}

static bool session_recall(struct registry *r, const char *name, const char *text)
{
	struct container *c;
	struct session *s;
	char profile[33], service[64] = "", user[256] = "";
	unsigned uid;
	uint64_t id, start;
	int pid, fd = -1;

	if (sscanf(name, "s.%" SCNu64, &id) != 1 ||
		sscanf(text, "uid %u\nprofile %32[a-z0-9-]\npid %d\nstart %" SCNu64
			     "\nservice %63[^\n]\nuser %255[^\n]",
			&uid, profile, &pid, &start, service, user) < 4)
		return false;
	if (id > r->last_id)
		r->last_id = id;
	c = registry_container(r, uid, profile);
	if (!c || !still_lives(r, pid, start, &fd))
		return false;
	s = session_link(r, c, id);
	if (!s) {
		cleanup_fd(&fd);
		return false;
	}
	s->pid = pid;
	s->pidfd = fd;
	s->start = start;
	memcpy(s->service, service, sizeof(service));
	memcpy(s->user, user, sizeof(user));
	return true;
}

static int recall(struct registry *r, char kind, struct err *e)
{
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *entry;
	int fd = openat(r->state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		dir = fdopendir(fd);
	if (!dir)
		return err_set(e, errno, "cannot read /run/carrel/state: %s", strerror(errno));
	while ((entry = readdir(dir))) {
		char text[FILE_MAX];
		bool good;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (entry->d_name[0] != kind && entry->d_name[0] != '.')
			continue;
		good = file_read(r->state_fd, entry->d_name, text) == 0 &&
			(kind == 's' ? session_recall(r, entry->d_name, text) :
				       container_recall(r, entry->d_name, text));
		if (!good)
			(void)unlinkat(r->state_fd, entry->d_name, 0);
	}
	return 0;
}

int registry_open(const char *dir, int proc_fd, struct registry *ret, struct err *e)
{
	struct registry r = { .proc_fd = proc_fd, .state_fd = -1 };
	struct stat st;
	int done;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "cannot make '%s': %s", dir, strerror(errno));
	r.state_fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (r.state_fd < 0 || fstat(r.state_fd, &st) < 0)
		return err_set(e, errno, "cannot open '%s': %s", dir, strerror(errno));
	if (st.st_uid != 0 || (st.st_mode & 077)) {
		cleanup_fd(&r.state_fd);
		return err_set(e, EPERM, "'%s' must be root's with mode 0700; remove it and start again", dir);
	}
	done = recall(&r, 'c', e); /* sessions refer to containers */
	if (done == 0)
		done = recall(&r, 'l', e);
	if (done == 0)
		done = recall(&r, 'b', e);
	if (done == 0)
		done = recall(&r, 's', e);
	if (done < 0) {
		cleanup_fd(&r.state_fd);
		return done;
	}
	*ret = r;
	return 0;
}
