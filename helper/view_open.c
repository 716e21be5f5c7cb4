/*
 * view_open - finds and opens what a view shows of the user's own storage.
 *
 * Trust:  the account's home and the profile's paths may lead anywhere: every component may be a user's, may be a symbolic
 *         link, may be on a server that never answers.
 * Order:  become the user (all three uids, so that FUSE and root-squash agree; no DAC capability effective), open, come back.
 *         In between the user may kill this process: it is a disposable child that holds nobody else's anything.
 * Fails:  untouched *ret, one line; a home that is missing or closed to its user is no failure, the session goes without.
 */
#include "helper/view_open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/public/syscalls.h"
#include "helper/user.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

/* The real path of an open file, kept in v; NULL: too long for us, or not reachable any more. */
static const char *real_path(struct view_sources *v, int fd)
{
	char link[64];
	char *path = v->paths[v->n_paths];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(v->paths[0]) - 1);
	if (n <= 0 || (size_t)n >= sizeof(v->paths[0]) - 1 || path[0] != '/')
		return NULL;
	path[n] = '\0';
	v->n_paths++;
	return path;
}

/*
 * O_RDONLY makes an automount happen, which O_PATH does not; a directory one may only search still opens with O_PATH. Links of /proc
 * would be this process's.
 */
static int open_place(const char *path)
{
	int fd = sys_openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_NOCTTY, RESOLVE_NO_MAGICLINKS);

	if (fd >= 0 || (errno != EACCES && errno != ENOTDIR))
		return fd;
	return sys_openat2(AT_FDCWD, path, O_PATH, RESOLVE_NO_MAGICLINKS);
}

static void open_home(const struct account *a, struct view_sources *v)
{
	struct stat st;

	v->home_fd = -1;
	if (!a->home || a->home[0] != '/')
		return;
	v->home_fd = open_place(a->home);
	if (v->home_fd < 0)
		return;
	if (fstat(v->home_fd, &st) == 0 && S_ISDIR(st.st_mode))
		v->facts.home = real_path(v, v->home_fd);
	if (!v->facts.home || !view_may_show(NULL, v->facts.home)) {
		v->facts.home = NULL;
		cleanup_fd(&v->home_fd);
	}
}

static int open_bind(const char *word, bool writable, struct view_sources *v, struct err *e)
{
	bool optional = word[0] == '-';
	const char *path = optional ? word + 1 : word;
	struct view_bind *b = &v->binds[v->facts.n_binds];
	_cleanup_fd_ int fd = -1;
	struct stat st;

	if (v->facts.n_binds == VIEW_BINDS_MAX)
		return err_set(e, E2BIG, "bind '%s': more than %d binds", path, VIEW_BINDS_MAX);
	fd = open_place(path);
	if (fd < 0 && optional)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "bind '%s': %s (write '-%s' if it may be missing)", path,
			strerror(errno), path);
	b->path = real_path(v, fd);
	if (!b->path)
		return err_set(e, ENAMETOOLONG, "bind '%s': its real path is too long", path);
	if (!view_may_show(path, b->path)) {
		if (optional)
			return 0;
		return err_set(e, EPERM, "bind '%s': it leads to '%s', which is not to be seen under another name", path,
			b->path);
	}
	b->writable = writable;
	b->is_dir = S_ISDIR(st.st_mode);
	v->bind_fds[v->facts.n_binds++] = fd_take(&fd);
	return 0;
}

/* Only what the user cannot see anyway is passed over; not being able to tell is no reason to show it. */
static int find_hidden(const char *word, struct view_sources *v, struct err *e)
{
	const char *path = word[0] == '-' ? word + 1 : word;
	struct view_hidden *h = &v->hides[v->facts.n_hides];
	_cleanup_fd_ int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == ELOOP))
		return 0;
	if (v->facts.n_hides == VIEW_BINDS_MAX)
		return err_set(e, E2BIG, "hide '%s': more than %d are hidden", path, VIEW_BINDS_MAX);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "hide '%s': %s", path, strerror(errno));
	h->path = real_path(v, fd);
	if (!h->path)
		return err_set(e, ENAMETOOLONG, "hide '%s': its real path is too long", path);
	h->is_dir = S_ISDIR(st.st_mode);
	v->facts.n_hides++;
	return 0;
}

static int open_as_user(const struct account *a, const struct profile *p, struct view_sources *v, struct err *e)
{
	size_t i;
	int r = 0;

	open_home(a, v);
	for (i = 0; r == 0 && i < p->bind.n; i++)
		r = open_bind(p->bind.v[i], true, v, e);
	for (i = 0; r == 0 && i < p->bind_readonly.n; i++)
		r = open_bind(p->bind_readonly.v[i], false, v, e);
	for (i = 0; r == 0 && i < p->hide.n; i++)
		r = find_hidden(p->hide.v[i], v, e);
	return r;
}

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

static int mounts_read(struct view_sources *v, struct err *e)
{
	_cleanup_fd_ int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	size_t room = 0, n = 0, lines = 0;
	char *line, *next, *save;
	ssize_t got = 1;

	while (fd >= 0 && got > 0) {
		if (room - n < 4096) {
			char *more = realloc(v->mount_text, room = room ? 2 * room : 65536);

			if (!more)
				return err_set(e, ENOMEM, "view: out of memory");
			v->mount_text = more;
		}
		got = read(fd, v->mount_text + n, room - n - 1);
		if (got > 0)
			n += (size_t)got;
	}
	if (fd < 0 || got < 0)
		return err_set(e, errno, "view: cannot read /proc/self/mountinfo: %s", strerror(errno));
	v->mount_text[n] = '\0';
	for (line = v->mount_text; *line; line++)
		lines += *line == '\n';
	v->mounts = calloc(lines + 1, sizeof(*v->mounts));
	if (!v->mounts)
		return err_set(e, ENOMEM, "view: out of memory");
	for (line = v->mount_text; line && *line; line = next) {
		char *field, *dash;
		int i;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		dash = strstr(line, " - ");
		field = strtok_r(line, " ", &save);
		for (i = 0; field && i < 4; i++)
			field = strtok_r(NULL, " ", &save);
		if (!field || !dash)
			continue;
		unescape(field);
		v->mounts[v->facts.n_mounts].path = field;
		v->mounts[v->facts.n_mounts++].fstype = strtok_r(dash + 3, " ", &save);
	}
	v->facts.mounts = v->mounts;
	return 0;
}

static void probe_dirs(struct view_sources *v)
{
	struct stat st;
	size_t i;

	for (i = 0; view_probed_dirs[i]; i++)
		if (stat(view_probed_dirs[i], &st) == 0)
			v->dirs[v->facts.n_dirs++] = view_probed_dirs[i];
}

static void find_resolv_conf(struct view_sources *v)
{
	char *real = realpath("/etc/resolv.conf", NULL);

	if (real && strncmp(real, "/run/", 5) == 0 && strlen(real) < sizeof(v->paths[0])) {
		char *kept = v->paths[v->n_paths++];

		(void)snprintf(kept, sizeof(v->paths[0]), "%s", real);
		v->facts.resolv_conf = kept;
	}
	free(real);
}

/* Below /dev nobody but root makes names, so root may look. */
static int find_devices(const struct profile *p, struct view_sources *v, struct err *e)
{
	size_t i;

	for (i = 0; i < p->devices.n; i++) {
		const char *word = p->devices.v[i];
		const char *path = word[0] == '-' ? word + 1 : word;
		struct view_device *d = &v->devices[v->facts.n_devices];
		struct stat st;

		if (v->facts.n_devices == VIEW_BINDS_MAX)
			return err_set(e, E2BIG, "devices: more than %d", VIEW_BINDS_MAX);
		if (stat(path, &st) < 0) {
			if (word[0] == '-')
				continue;
			return err_set(e, errno, "device '%s': %s (write '-%s' if it may be missing)",
				path, strerror(errno), path);
		}
		if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
			return err_set(e, EINVAL, "device '%s' is no device", path);
		*d = (struct view_device){ path, st.st_mode, st.st_rdev, st.st_uid, st.st_gid };
		v->facts.n_devices++;
	}
	return 0;
}

int view_open_machine(const struct profile *p, struct view_sources *ret, struct err *e)
{
	/* Not all of it: most is room that is rarely used, and 40 KiB that were never touched cost nothing. */
	ret->facts = (struct view_facts){ .dirs = ret->dirs, .binds = ret->binds, .hides = ret->hides, .devices = ret->devices };
	ret->home_fd = -1;
	ret->mounts = NULL;
	ret->mount_text = NULL;
	ret->n_paths = 0;
	find_resolv_conf(ret);
	return find_devices(p, ret, e);
}

int view_open(const struct account *a, const struct profile *p, struct view_sources *ret, struct err *e)
{
	struct user_guise guise;
	int r = view_open_machine(p, ret, e);

	ret->facts.uid = a->uid;
	ret->facts.gid = a->gid;
	probe_dirs(ret);
	if (r == 0)
		r = mounts_read(ret, e);
	if (r == 0)
		r = user_become(a, &guise, e);
	if (r == 0) {
		r = open_as_user(a, p, ret, e);
		user_return(&guise);
	}
	if (r < 0)
		view_sources_done(ret);
	return r;
}

void view_sources_done(struct view_sources *v)
{
	size_t i;

	cleanup_fd(&v->home_fd);
	for (i = 0; i < v->facts.n_binds; i++)
		cleanup_fd(&v->bind_fds[i]);
	free(v->mounts);
	free(v->mount_text);
	v->mounts = NULL;
	v->mount_text = NULL;
	v->facts.n_binds = 0;
}
