/*
 * view_mount - carries out the rows of a view.
 *
 * Trust:  rows come from our planner; targets below /new are looked up inside it (RESOLVE_IN_ROOT), so that no link of
 *         the host's tree leads out of it.
 * Order:  sources are cloned in the helper's namespace, then setns(base), unshare, file systems, rows.
 * Fails:  one line naming the row; the caller is a disposable child whose namespace goes with it.
 */
#include "helper/view_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/public/syscalls.h"
#include "helper/view_base.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

static int failed(struct err *e, const char *what, const char *path)
{
	return err_set(e, errno, "view: cannot %s '%s': %s", what, path, strerror(errno));
}

/* --- sources --- */

/* MS_SLAVE: later umounts on the host reach the copy, so that a container never keeps a disk busy; and so do mounts. */
static int clone_tree(int dir_fd, const char *path, unsigned flags, unsigned attr, unsigned propagation, int *ret_fd)
{
	struct mount_attr change = { .attr_set = attr, .propagation = propagation };
	_cleanup_fd_ int fd = sys_open_tree(dir_fd, path, flags | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0 || sys_mount_setattr(fd, "", AT_EMPTY_PATH | (flags & AT_RECURSIVE), &change) < 0)
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

int view_fds_make(struct view *v, struct err *e)
{
	size_t i;

	v->fds = malloc((v->plan.n + 1) * sizeof(*v->fds));
	if (!v->fds)
		return err_set(e, ENOMEM, "view: out of memory");
	for (i = 0; i < v->plan.n; i++)
		v->fds[i] = -1;
	return 0;
}

void view_done(struct view *v)
{
	size_t i;

	for (i = 0; v->fds && i < v->plan.n; i++)
		cleanup_fd(&v->fds[i]);
	free(v->fds);
	v->fds = NULL;
	view_plan_done(&v->plan);
}

int view_sources_clone(const struct view_plan *plan, const struct view_sources *src, int *fds, struct err *e)
{
	/* A launch has nothing of the host's that comes and goes, and what is mounted below /sys later is not for it. */
	const unsigned propagation = src ? MS_SLAVE : MS_PRIVATE;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < plan->n; i++) {
		const struct step *s = &plan->steps[i];

		if (fds[i] >= 0)
			continue;

		if (s->op == STEP_CLONE)
			r = clone_tree(AT_FDCWD, s->src, 0, s->attr, propagation, &fds[i]);
		else if (s->op == STEP_DEV)
			r = clone_tree(AT_FDCWD, VIEW_DEV_TEMPLATE, 0, s->attr, propagation, &fds[i]);
		else if (s->op == STEP_HOME && src)
			r = clone_tree(src->home_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, s->attr, propagation, &fds[i]);
		else if (s->op == STEP_BIND && src)
			r = clone_tree(src->bind_fds[s->index], "", AT_EMPTY_PATH | AT_RECURSIVE, s->attr, propagation, &fds[i]);
		else if (s->op == STEP_PLACE_COPY || s->op == STEP_LAYER_COPY || s->op == STEP_SKEL_COPY)
			fds[i] = open(s->src, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* -1: there is nothing to copy */
		if (r == -ENOENT && s->optional)
			r = 0;
		if (r < 0)
			return err_set(e, -r, "view: cannot clone '%s': %s",
				s->op == STEP_HOME ? s->dst : s->src, strerror(-r));
	}
	return 0;
}

/* --- carrying out --- */

struct mounter {
	const struct profile *profile;
	const struct view_facts *facts;
	int skel_fd, private_fd;
	int new_root_fd; /* -1 until the first row is attached */
	int layer_fd; /* from STEP_LAYERS on, if it is not a kept one */
	bool launch; /* the tree may be what a user makes of it */
	bool inside; /* acts as the container's root */
	int root_program_fd;
	int kept_fd; /* a detached mount, for STEP_LAYERS; -1: none */
	struct err *err;
};

static int tmpfs_mount(const char *name, const char *at, uint64_t size, uint64_t inodes, int *ret_fd,
	struct err *e)
{
	char options[128];

	(void)snprintf(options, sizeof(options), "mode=0755,size=%llu,nr_inodes=%llu",
		(unsigned long long)size, (unsigned long long)inodes);
	if (sys_mount(name, at, "tmpfs", 0, options) < 0)
		return failed(e, "mount tmpfs at", at);
	*ret_fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? failed(e, "open", at) : 0;
}

/*
 * A link that the tree has at the place leads where it likes, within the tree. Over the root, what is shown would be the root, and
 * no image; over /dev and others, what the container has of ours. So it is judged by where it came out, as the base, in which we
 * are, calls it.
 */
static int place_judge(struct mounter *m, const struct step *s, int at_fd)
{
	char link[64], path[4096];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", at_fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	if (strncmp(path, "/new/", 5) == 0 && !view_at_is_taken(path + 4))
		return 0;
	return err_set(m->err, EPERM, "bind at '%s': a link there leads to what is the container's own", s->dst);
}

static int attach(struct mounter *m, const struct step *s, int mount_fd)
{
	_cleanup_fd_ int at = -1;

	if (mount_fd < 0 && s->optional)
		return 0;
	if (m->new_root_fd < 0) {
		at = open("/new", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (at < 0 || sys_move_mount(mount_fd, at) < 0)
			return failed(m->err, "attach", s->dst);
		m->new_root_fd = open("/new", O_PATH | O_DIRECTORY | O_CLOEXEC);
		return m->new_root_fd < 0 ? failed(m->err, "open", "/new") : 0;
	}
	at = sys_openat2(m->new_root_fd, s->dst, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (at < 0 && s->optional && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (at < 0)
		return failed(m->err, "find mount point", s->dst);
	if (m->launch && (s->op == STEP_BIND || s->op == STEP_HOME) && place_judge(m, s, at) < 0)
		return -EPERM;
	if (sys_move_mount(mount_fd, at) < 0)
		return failed(m->err, "attach", s->dst);
	return 0;
}

static int attach_own(struct mounter *m, const struct step *s, int tree_fd)
{
	struct mount_attr change = { .attr_set = s->attr };
	_cleanup_fd_ int fd = sys_open_tree(tree_fd, s->src + 1, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0 || sys_mount_setattr(fd, "", AT_EMPTY_PATH, &change) < 0)
		return failed(m->err, "clone", s->src);
	return attach(m, s, fd);
}

static int own(struct mounter *m, const struct step *s, int tree_fd)
{
	bool user = s->owner == OWNER_USER, said = s->owner == OWNER_SAID;
	uid_t uid = said ? s->uid : user ? m->facts->uid : m->facts->root_uid;
	gid_t gid = said ? s->gid : user ? m->facts->gid : m->facts->root_gid;

	if (fchownat(tree_fd, s->src + 1, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		fchmodat(tree_fd, s->src + 1, s->mode, 0) < 0)
		return failed(m->err, "give away", s->src);
	return 0;
}

static int make_dir(struct mounter *m, const struct step *s, int tree_fd)
{
	if (mkdirat(tree_fd, s->src + 1, 0700) < 0)
		return errno == EEXIST ? 0 : failed(m->err, "make directory", s->src);
	return own(m, s, tree_fd);
}

static int make_file(struct mounter *m, const struct step *s)
{
	_cleanup_fd_ int fd = openat(m->skel_fd, s->src + 1, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);

	if (fd < 0)
		return errno == EEXIST ? 0 : failed(m->err, "make file", s->src);
	return own(m, s, m->skel_fd);
}

/*
 * A setuid file, and why that is safe: its owner is the container's root, an ID of the user's own range, which means
 * nothing on the host; it lies on a tmpfs that no host path reaches; only the user's group may execute it; nobody can write it.
 */
static int make_root_program(struct mounter *m, const struct step *s)
{
	_cleanup_fd_ int to = openat(m->skel_fd, s->src + 1, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	char buffer[65536];
	off_t at = 0;
	ssize_t n;

	if (to < 0)
		return failed(m->err, "make file", s->src);
	while ((n = pread(m->root_program_fd, buffer, sizeof(buffer), at)) > 0) {
		if (write(to, buffer, (size_t)n) != n)
			return failed(m->err, "write", s->src);
		at += n;
	}
	if (n < 0)
		return failed(m->err, "read", "carrel-root");
	if (fchown(to, m->facts->root_uid, m->facts->gid) < 0 || fchmod(to, s->mode) < 0)
		return failed(m->err, "give away", s->src);
	return 0;
}

/* A node like the host's: same device, owner and mode, so that the host's own rules about it hold inside. */
static int make_node(struct mounter *m, const struct step *s)
{
	const struct view_device *d = &m->facts->devices[s->index];
	const char *name = s->src + 1;

	if ((mknodat(m->skel_fd, name, d->mode, d->rdev) < 0 && errno != EEXIST) ||
		fchownat(m->skel_fd, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		fchmodat(m->skel_fd, name, d->mode & 0777, 0) < 0)
		return failed(m->err, "make device", s->src);
	return 0;
}

static int make_usual_nodes(struct mounter *m, const struct step *s)
{
	_cleanup_fd_ int dir = openat(m->skel_fd, s->src + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 ? failed(m->err, "open", s->src) : view_dev_fill(dir, m->err);
}

/* Read-only overlay without upper: our one program in front of what the host has there. Not worth a refused login. */
static int lay_over(const struct step *s)
{
	char options[640], target[300];

	(void)snprintf(options, sizeof(options), "lowerdir=/skel%s:/new%s", s->src, s->dst);
	(void)snprintf(target, sizeof(target), "/new%s", s->dst);
	(void)sys_mount("carrel", target, "overlay", MS_RDONLY | MS_NODEV, options);
	return 0;
}

/* --- launches --- */

/*
 * What is made in an image's tree belongs to the container's root, and is made with no more rights than that root has. Changed
 * when a row needs it, as the kernel copies all credentials each time.
 */
static void act_inside(struct mounter *m, bool inside)
{
	if (m->inside == inside)
		return;
	(void)setfsgid(inside ? m->facts->root_gid : 0);
	(void)setfsuid(inside ? m->facts->root_uid : 0);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* that had become what fs.suid_dumpable says */
	m->inside = inside;
}

static int open_in_root(const struct mounter *m, const char *path, uint64_t flags)
{
	return sys_openat2(m->new_root_fd, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

/* The directory above path, made with all above it where it is missing; *ret_name points into path. */
static int place_parent(struct mounter *m, const char *path, const char **ret_name, int *ret_fd)
{
	char upto[256];
	const char *slash;
	int fd = open_in_root(m, "/", O_PATH | O_DIRECTORY);

	for (slash = strchr(path + 1, '/'); fd >= 0 && slash; slash = strchr(slash + 1, '/')) {
		int next;

		(void)snprintf(upto, sizeof(upto), "%.*s", (int)(slash - path), path);
		next = open_in_root(m, upto, O_PATH | O_DIRECTORY);
		if (next < 0 && errno == ENOENT && mkdirat(fd, strrchr(upto, '/') + 1, 0755) == 0)
			next = open_in_root(m, upto, O_PATH | O_DIRECTORY);
		(void)close(fd);
		fd = next;
	}
	*ret_name = strrchr(path, '/') + 1;
	*ret_fd = fd;
	return fd < 0 ? -errno : 0;
}

static int place_file(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd >= 0)
		(void)close(fd);
	return fd < 0 ? -errno : 0;
}

/* What STEP_PLACE_COPY and its like copy; *ret_n 0: nothing. */
static const char *copy_text(const struct mounter *m, const struct step *s, int from, size_t *ret_n)
{
	static char text[65536];
	ssize_t n = from >= 0 ? read(from, text, sizeof(text) - 256) : 0;

	if (n <= 0)
		n = s->index == 1 ? snprintf(text, 256, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n") : 0;
	if (s->index == 2)
		n = snprintf(text, 256, "%s\n", m->facts->hostname ? m->facts->hostname : "");
	if (s->index == 1 && m->facts->hostname)
		n += snprintf(text + n, 256, "127.0.1.1\t%s\n", m->facts->hostname);
	*ret_n = (size_t)n;
	return text;
}

static bool write_whole(int fd, const char *text, size_t n)
{
	errno = ENOSPC; /* what a part of it means */
	return write(fd, text, n) == (ssize_t)n;
}

#define PLACE_NEW ".carrel-new"

static int place_new(int dir_fd)
{
	int fd = openat(dir_fd, PLACE_NEW, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);

	/* A build of before can have left one in a kept layer. */
	if (fd < 0 && errno == EEXIST && unlinkat(dir_fd, PLACE_NEW, 0) == 0)
		fd = openat(dir_fd, PLACE_NEW, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	return fd;
}

/* Put over what the image has by a rename: overlayfs need not note then that the image's is gone, which takes it longer than the rest. */
static int place_copy(struct mounter *m, const struct step *s, int from, int dir_fd, const char *name)
{
	_cleanup_fd_ int to = -1;
	size_t n;
	const char *text = copy_text(m, s, from, &n);

	if (n == 0)
		return 0;
	to = place_new(dir_fd);
	if (to < 0 || !write_whole(to, text, n) || renameat(dir_fd, PLACE_NEW, dir_fd, name) < 0)
		return -errno;
	return 0;
}

/*
 * As the container's root, with the rights of the host's: as that root has them over all its tree, whoever owns /etc there, and whatever
 * its mode. Only for what is placed before anything of the user's own is attached.
 */
static int copy_by_force(struct mounter *m, const struct step *s, int from, int dir_fd, const char *name)
{
	cap_t caps;
	int r;

	act_inside(m, false); /* they come back with the ID */
	caps = cap_get_proc();
	act_inside(m, true);
	r = caps && cap_set_proc(caps) == 0 ? 0 : -errno;
	if (caps)
		(void)cap_free(caps);
	if (r == 0 && from >= 0)
		(void)lseek(from, 0, SEEK_SET);
	if (r == 0)
		r = place_copy(m, s, from, dir_fd, name);
	act_inside(m, false);
	return r;
}

static int place(struct mounter *m, const struct step *s, int source_fd)
{
	_cleanup_fd_ int dir = -1, there = -1;
	const char *name;
	int r;

	there = s->op == STEP_PLACE_COPY ? -1 : open_in_root(m, s->dst, O_PATH);
	r = there >= 0 ? 0 : place_parent(m, s->dst, &name, &dir);
	if (r == 0 && there < 0) {
		if (s->op == STEP_PLACE_COPY) {
			r = place_copy(m, s, source_fd, dir, name);
			if (r == -EACCES)
				r = copy_by_force(m, s, source_fd, dir, name);
		} else if (s->op == STEP_PLACE_FILE) {
			r = place_file(dir, name);
		} else {
			r = mkdirat(dir, name, 0755) < 0 ? -errno : 0;
		}
	}
	errno = -r;
	return r < 0 ? failed(m->err, "make in the image", s->dst) : 0;
}

/* The file system is new, and nobody else sees it yet. */
static int copy_new(struct mounter *m, const struct step *s, int source_fd, int dir_fd)
{
	_cleanup_fd_ int to = -1;
	size_t n;
	const char *text = copy_text(m, s, source_fd, &n);

	if (n == 0)
		return 0;
	to = openat(dir_fd, s->dst + 1, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (to < 0 || !write_whole(to, text, n) || fchown(to, m->facts->root_uid, m->facts->root_gid) < 0)
		return failed(m->err, "make in the layer", s->dst);
	return 0;
}

/* The upper directory's mode and owner are those of the root that is seen. */
static int layer_dirs_make(struct mounter *m, int dir_fd, int tree_fd)
{
	struct stat st;

	if (fstat(tree_fd, &st) < 0)
		return failed(m->err, "look at", "tree");
	if (mkdirat(dir_fd, "upper", 0700) < 0)
		return errno == EEXIST ? 0 : failed(m->err, "make directory", "upper");
	if (mkdirat(dir_fd, "work", 0700) < 0)
		return failed(m->err, "make directory", "work");
	if (fchownat(dir_fd, "upper", m->facts->root_uid, m->facts->root_gid, 0) < 0 ||
		fchownat(dir_fd, "work", m->facts->root_uid, m->facts->root_gid, 0) < 0 ||
		fchmodat(dir_fd, "upper", st.st_mode & 07777, 0) < 0)
		return failed(m->err, "give away", "upper");
	return 0;
}

/*
 * overlayfs works on its layers as who mounted it: as the container's root, with the rights of the host's, because the host's
 * root has no ID in a kept layer, which shows only the container's.
 */
static int overlay_mount(struct mounter *m, const char *options)
{
	cap_t caps = cap_get_proc();
	int r, code;

	if (!caps)
		return -1;
	act_inside(m, true);
	r = cap_set_proc(caps); /* those that went with the ID */
	if (r == 0)
		r = sys_mount("carrel", "/new", "overlay", MS_NODEV, options);
	(void)cap_free(caps);
	code = errno;
	act_inside(m, false); /* or what comes next would be done with those */
	errno = code;
	return r;
}

static int layers(struct mounter *m, int tree_fd)
{
	_cleanup_fd_ int lower = open("/lower", O_PATH | O_DIRECTORY | O_CLOEXEC), kept = -1;
	int r;

	if (lower < 0 || sys_move_mount(tree_fd, lower) < 0)
		return failed(m->err, "attach", "tree");
	if (m->kept_fd >= 0) {
		kept = open("/kept", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (kept < 0 || sys_move_mount(m->kept_fd, kept) < 0)
			return failed(m->err, "attach", "kept layer");
		return 0;
	}
	r = layer_dirs_make(m, m->private_fd, tree_fd);
	if (r < 0)
		return r;
	m->layer_fd = openat(m->private_fd, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return m->layer_fd < 0 ? failed(m->err, "open", "upper") : 0;
}

static int layered(struct mounter *m)
{
	const char *options = m->kept_fd >= 0 ? "lowerdir=/lower,upperdir=/kept/upper,workdir=/kept/work" :
						"lowerdir=/lower,upperdir=/private/upper,workdir=/private/work";

	if (overlay_mount(m, options) < 0)
		return err_set(m->err, errno, "view: cannot lay a writable layer over the image (overlayfs over an idmapped tree needs "
			"Linux 5.19): %s", strerror(errno));
	m->new_root_fd = open("/new", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return m->new_root_fd < 0 ? failed(m->err, "open", "/new") : 0;
}

#define TERMINALS_MAX "256" /* of one container; the host's table holds 4096 by default (kernel.pty.max) */

static int terminals(struct mounter *m, const struct step *s)
{
	_cleanup_fd_ int fs = sys_fsopen("devpts"), mount = -1;
	char gid[16];

	(void)snprintf(gid, sizeof(gid), "%u", (unsigned)m->facts->tty_gid);
	if (fs < 0 || sys_fsconfig(fs, FSCONFIG_SET_STRING, "mode", "620", 0) < 0 ||
		sys_fsconfig(fs, FSCONFIG_SET_STRING, "ptmxmode", "666", 0) < 0 ||
		sys_fsconfig(fs, FSCONFIG_SET_STRING, "gid", gid, 0) < 0 ||
		sys_fsconfig(fs, FSCONFIG_SET_STRING, "max", TERMINALS_MAX, 0) < 0 ||
		sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return failed(m->err, "make", "devpts");
	mount = sys_fsmount(fs, s->attr);
	return mount < 0 ? failed(m->err, "mount", "devpts") : attach(m, s, mount);
}

static int seal(struct mounter *m)
{
	struct mount_attr change = { .attr_set = MOUNT_ATTR_RDONLY };

	if (sys_mount_setattr(m->new_root_fd, "", AT_EMPTY_PATH, &change) < 0)
		return failed(m->err, "make read-only", "/");
	return 0;
}

static bool is_place(const struct step *s)
{
	return s->op == STEP_PLACE_DIR || s->op == STEP_PLACE_FILE || s->op == STEP_PLACE_COPY;
}

static int carry_out(struct mounter *m, const struct step *s, int source_fd)
{
	act_inside(m, is_place(s));
	switch (s->op) {
	case STEP_CLONE:
	case STEP_HOME:
	case STEP_BIND:
	case STEP_DEV:
	case STEP_TREE:
		return attach(m, s, source_fd);
	case STEP_SKEL_DIR:
		return make_dir(m, s, m->skel_fd);
	case STEP_SKEL_FILE:
		return make_file(m, s);
	case STEP_SKEL_ROOT:
		return make_root_program(m, s);
	case STEP_SKEL_LINK:
		if (linkat(m->skel_fd, s->src + 1, m->skel_fd, s->dst + 1, 0) < 0)
			return failed(m->err, "link", s->dst);
		return 0;
	case STEP_SKEL_NODES:
		return make_usual_nodes(m, s);
	case STEP_SKEL_NODE:
		return make_node(m, s);
	case STEP_PRIVATE_DIR:
		return make_dir(m, s, m->private_fd);
	case STEP_FROM_SKEL:
		return attach_own(m, s, m->skel_fd);
	case STEP_FROM_PRIVATE:
		return attach_own(m, s, m->private_fd);
	case STEP_OVERLAY:
		return lay_over(s);
	case STEP_LAYERS:
		return layers(m, source_fd);
	case STEP_LAYER_DIR:
		return make_dir(m, s, m->layer_fd);
	case STEP_LAYER_COPY:
		return copy_new(m, s, source_fd, m->layer_fd);
	case STEP_SKEL_COPY:
		return copy_new(m, s, source_fd, m->skel_fd);
	case STEP_LAYERED:
		return layered(m);
	case STEP_TERMINALS:
		return terminals(m, s);
	case STEP_SEAL:
		return seal(m);
	case STEP_PLACE_DIR:
	case STEP_PLACE_FILE:
	case STEP_PLACE_COPY:
		return place(m, s, source_fd);
	}
	return err_set(m->err, EINVAL, "view: unknown row");
}

int view_mount(const struct view *v, int *ret_new_root_fd, struct err *e)
{
	_cleanup_fd_ int skel = -1, private = -1;
	const struct profile *p = v->profile;
	const struct view_plan *plan = &v->plan;
	const int *fds = v->fds;
	struct mounter m = { .profile = p, .facts = v->facts, .launch = plan->no_skel, .new_root_fd = -1, .layer_fd = -1, .kept_fd = v->kept_fd,
		.root_program_fd = v->root_program_fd, .err = e };
	mode_t saved = umask(0);
	size_t i;
	int r;

	r = tmpfs_mount("carrel-private", "/private", p->tmp_size, p->tmp_inodes, &private, e);
	if (r == 0 && !plan->no_skel)
		r = tmpfs_mount("carrel-skel", "/skel", 16u << 20, 8192, &skel, e);
	m.skel_fd = plan->no_skel ? private : skel;
	m.private_fd = private;
	for (i = 0; r == 0 && i < plan->n; i++)
		r = carry_out(&m, &plan->steps[i], fds[i]);
	act_inside(&m, false);
	cleanup_fd(&m.layer_fd);
	(void)umask(saved);
	if (r < 0) {
		cleanup_fd(&m.new_root_fd);
		return r;
	}
	*ret_new_root_fd = m.new_root_fd;
	return 0;
}
