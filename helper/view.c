/*
 * view - what a container sees of the host, as rows; nothing here touches the system.
 */
#include "helper/view.h"

#include <errno.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/paths.h"
#include "helper/view_plan.h"
#include "policy/base/err.h"

const char *const view_probed_dirs[] = { "/home", "/root", "/sys", "/tmp", "/var/tmp", "/run", "/proc",
	"/dev", "/dev/pts", "/usr/local/bin", "/usr/bin/sudo", INSIDE_DIR, NULL };

/* Trees that the container has of its own, or not at all. */
static const char *const own_trees[] = { "/dev", "/home", "/proc", "/root", "/run", "/sys", "/tmp",
	"/var/tmp", "/var/run", "/var/lock" };

/*
 * Machinery of other software: seeing it helps nobody, and a copy of an overlay or of a namespace would keep what
 * it belongs to alive. autofs triggers work only where they are bound on purpose.
 */
static const char *const foreign_types[] = { "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2",
	"configfs", "debugfs", "devpts", "devtmpfs", "efivarfs", "fusectl", "hugetlbfs", "mqueue",
	"nsfs", "overlay", "proc", "pstore", "rpc_pipefs", "securityfs", "selinuxfs", "sysfs", "tracefs" };

static bool path_within(const char *path, const char *tree)
{
	size_t n = strlen(tree);

	if (strcmp(tree, "/") == 0)
		return true;
	return strncmp(path, tree, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

bool view_keeps_mount(const struct view_mount *m)
{
	size_t i;

	if (strcmp(m->path, "/") == 0)
		return false;
	for (i = 0; i < sizeof(own_trees) / sizeof(own_trees[0]); i++)
		if (path_within(m->path, own_trees[i]))
			return false;
	for (i = 0; i < sizeof(foreign_types) / sizeof(foreign_types[0]); i++)
		if (strcmp(m->fstype, foreign_types[i]) == 0)
			return false;
	/* fuse.NAME: somebody's own file system, readable by its owner only */
	return strncmp(m->fstype, "fuse", 4) != 0;
}

/* One below a mount that is not shown has no place to stand: nobody could be let in for its sake. */
static bool mount_shows(const struct view_facts *f, size_t i)
{
	const char *path = f->mounts[i].path;
	size_t j, above = i, longest = 0;

	if (!view_keeps_mount(&f->mounts[i]))
		return false;
	for (j = 0; j < f->n_mounts; j++) {
		const char *other = f->mounts[j].path;
		size_t n = strlen(other);

		/* Of several at one place the last lies on top. */
		if (n > 1 && n >= longest && strcmp(path, other) != 0 && path_within(path, other)) {
			longest = n;
			above = j;
		}
	}
	return above == i || mount_shows(f, above);
}

bool view_may_show(const char *word, const char *real)
{
	static const char *const trees[] = { "/dev", "/proc", "/run", "/sys" };
	size_t i;

	if (strcmp(real, "/") == 0)
		return false;
	for (i = 0; i < sizeof(trees) / sizeof(trees[0]); i++)
		if (path_within(real, trees[i]))
			return word && (path_within(word, trees[i]) || path_within(word, "/var/run") ||
					       path_within(word, "/var/lock"));
	return true;
}

static bool probed(const struct planner *p, const char *path)
{
	size_t i;

	for (i = 0; i < p->facts->n_dirs; i++)
		if (strcmp(p->facts->dirs[i], path) == 0)
			return true;
	return false;
}

void view_point_add(struct planner *p, const char *base, const char *path, bool is_dir)
{
	char whole[512];

	view_skel_chain(p, base, path, is_dir);
	if (!is_dir) {
		(void)snprintf(whole, sizeof(whole), "%s%s", base, path);
		view_dir_add(p, STEP_SKEL_FILE, whole, 0444, OWNER_CONTAINER_ROOT);
	}
}

static void plan_system(struct planner *p)
{
	size_t i;

	view_mount_add(p, STEP_CLONE, "/", "/", SYSTEM);
	for (i = 0; i < p->facts->n_mounts; i++)
		if (mount_shows(p->facts, i))
			view_mount_add(p, STEP_CLONE, p->facts->mounts[i].path,
				p->facts->mounts[i].path, SYSTEM);
	if (probed(p, "/sys"))
		view_mount_add(p, STEP_CLONE, "/sys", "/sys", SYSTEM | MOUNT_ATTR_NOEXEC);
}

static void plan_private(struct planner *p)
{
	view_dir_add(p, STEP_PRIVATE_DIR, "/tmp", 01777, OWNER_CONTAINER_ROOT);
	view_dir_add(p, STEP_PRIVATE_DIR, "/vartmp", 01777, OWNER_CONTAINER_ROOT);
	view_dir_add(p, STEP_PRIVATE_DIR, "/shm", 01777, OWNER_CONTAINER_ROOT);
	view_dir_add(p, STEP_PRIVATE_DIR, "/root", 0700, OWNER_CONTAINER_ROOT);
	view_mount_add(p, STEP_FROM_PRIVATE, "/tmp", "/tmp", WRITABLE);
	if (probed(p, "/var/tmp"))
		view_mount_add(p, STEP_FROM_PRIVATE, "/vartmp", "/var/tmp", WRITABLE);
	if (probed(p, "/root"))
		view_mount_add(p, STEP_FROM_PRIVATE, "/root", "/root", WRITABLE);
}

static void plan_run(struct planner *p)
{
	char path[64];

	view_dir_add(p, STEP_SKEL_DIR, "/run", 0755, OWNER_CONTAINER_ROOT);
	view_dir_add(p, STEP_SKEL_DIR, "/run/lock", 01777, OWNER_CONTAINER_ROOT);
	view_dir_add(p, STEP_SKEL_DIR, "/run/screen", 01777, OWNER_CONTAINER_ROOT);
	view_dir_add(p, STEP_SKEL_DIR, "/run/sshd", 0755, OWNER_CONTAINER_ROOT);
	view_dir_add(p, STEP_SKEL_DIR, "/run/user", 0755, OWNER_CONTAINER_ROOT);
	(void)snprintf(path, sizeof(path), "/run/user/%u", (unsigned)p->facts->uid);
	view_dir_add(p, STEP_SKEL_DIR, path, 0700, OWNER_USER);
	view_dir_add(p, STEP_SKEL_DIR, "/run/carrel", 0755, OWNER_CONTAINER_ROOT);
	/* What pam_carrel.so and people look for to know that they are inside. */
	view_dir_add(p, STEP_SKEL_DIR, "/carrel", 0755, OWNER_CONTAINER_ROOT);
	view_dir_add(p, STEP_SKEL_FILE, "/carrel/session", 0444, OWNER_CONTAINER_ROOT);
	if (probed(p, INSIDE_DIR))
		view_dir_add(p, STEP_SKEL_DIR, "/carrel/inside", 0755, OWNER_CONTAINER_ROOT);
	if (p->profile->root) {
		view_dir_add(p, STEP_SKEL_DIR, "/carrel/bin", 0755, OWNER_CONTAINER_ROOT);
		view_dir_add(p, STEP_SKEL_ROOT, "/carrel/bin/carrel-root", 04710, OWNER_CONTAINER_ROOT);
		view_dir_add(p, STEP_SKEL_DIR, "/carrel/sudo", 0755, OWNER_CONTAINER_ROOT);
		(void)view_step_add(p, STEP_SKEL_LINK, "/carrel/bin/carrel-root", "/carrel/sudo/sudo");
	}
	if (p->facts->resolv_conf) {
		view_skel_chain(p, "", p->facts->resolv_conf, false);
		view_dir_add(p, STEP_SKEL_FILE, p->facts->resolv_conf, 0444, OWNER_CONTAINER_ROOT);
	}
	view_mount_add(p, STEP_FROM_SKEL, "/run", "/run", WRITABLE);
	/* The only mount without nosuid besides those of `sudo`: a setuid file there is the container's root, nobody else. */
	view_mount_add(p, STEP_FROM_SKEL, "/carrel", "/run/carrel", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV);
	/* The helper's socket for who is inside, and nothing else. */
	if (probed(p, INSIDE_DIR))
		view_mount_add(p, STEP_CLONE, INSIDE_DIR, INSIDE_DIR, SYSTEM | MOUNT_ATTR_NOEXEC);
	if (p->facts->resolv_conf)
		view_mount_add(p, STEP_CLONE, p->facts->resolv_conf, p->facts->resolv_conf,
			SYSTEM | MOUNT_ATTR_NOEXEC);
}

void view_plan_dev(struct planner *p, enum step_op terminals, bool own, bool queues)
{
	size_t i;

	if (!own && p->facts->n_devices == 0) {
		view_mount_add(p, STEP_DEV, "", "/dev", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	} else {
		view_dir_add(p, STEP_SKEL_DIR, "/dev", 0755, OWNER_CONTAINER_ROOT);
		(void)view_step_add(p, STEP_SKEL_NODES, "/dev", "");
		if (queues)
			view_dir_add(p, STEP_SKEL_DIR, "/dev/mqueue", 0755, OWNER_CONTAINER_ROOT);
		for (i = 0; i < p->facts->n_devices; i++) {
			view_skel_chain(p, "", p->facts->devices[i].path, false);
			view_step_add(p, STEP_SKEL_NODE, p->facts->devices[i].path, "")->index = i;
		}
		view_mount_add(p, STEP_FROM_SKEL, "/dev", "/dev",
			MOUNT_ATTR_NOSUID | (own ? MOUNT_ATTR_NOEXEC : MOUNT_ATTR_RDONLY));
	}
	view_mount_add(p, terminals, "/dev/pts", "/dev/pts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	view_mount_add(p, STEP_FROM_PRIVATE, "/shm", "/dev/shm", WRITABLE);
}

static void plan_sudo(struct planner *p)
{
	if (!p->profile->root)
		return;
	if (probed(p, "/usr/local/bin"))
		view_mount_add(p, STEP_OVERLAY, "/carrel/sudo", "/usr/local/bin",
			MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV);
	if (probed(p, "/usr/bin/sudo"))
		view_mount_add(p, STEP_FROM_SKEL, "/carrel/bin/carrel-root", "/usr/bin/sudo",
			MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV);
}

/* The directory that holds everybody's homes, if hiding it does not hide the system. */
static bool homes_parent(const char *home, char ret[static 256])
{
	static const char *const system_dirs[] = { "", "/bin", "/boot", "/etc", "/lib", "/opt", "/sbin",
		"/srv", "/usr", "/var", "/var/lib", "/var/spool", "/var/cache", "/mnt", "/media" };
	const char *slash = strrchr(home, '/');
	size_t i, n = (size_t)(slash - home);

	if (n >= 256)
		return false;
	memcpy(ret, home, n);
	ret[n] = '\0';
	for (i = 0; i < sizeof(system_dirs) / sizeof(system_dirs[0]); i++)
		if (strcmp(ret, system_dirs[i]) == 0)
			return false;
	return true;
}

/* An empty tree over dir, with what must be mounted below it as empty mount points. */
static void plan_hidden_homes(struct planner *p, const char *dir, unsigned number)
{
	const char *home = p->facts->home;
	char base[32];
	size_t i;

	(void)snprintf(base, sizeof(base), "/homes%u", number);
	view_dir_add(p, STEP_SKEL_DIR, base, 0755, OWNER_CONTAINER_ROOT);
	if (home && path_within(home, dir) && strcmp(home, dir) != 0)
		view_skel_chain(p, base, home + strlen(dir), true);
	for (i = 0; i < p->facts->n_binds; i++) {
		const struct view_bind *b = &p->facts->binds[i];

		if (path_within(b->path, dir) && strcmp(b->path, dir) != 0 && !(home && path_within(b->path, home)))
			view_point_add(p, base, b->path + strlen(dir), b->is_dir);
	}
	view_mount_add(p, STEP_FROM_SKEL, base, dir, SYSTEM);
}

static void plan_home(struct planner *p)
{
	const char *home = p->facts->home;
	char parent[256];

	if (probed(p, "/home"))
		plan_hidden_homes(p, "/home", 0);
	if (home && !path_within(home, "/home") && homes_parent(home, parent))
		plan_hidden_homes(p, parent, 1);
	if (home && !path_within(home, "/root"))
		view_mount_add(p, STEP_HOME, "", home, WRITABLE);
}

/* One bind or one hide of the profile, as they are laid one over the other: a directory before what lies in it. */
struct overlay {
	const char *path;
	bool hides;
	bool is_dir;
	size_t index;
};

static int overlay_order(const void *a, const void *b)
{
	const struct overlay *x = a, *y = b;
	int by_path = strcmp(x->path, y->path);

	return by_path ? by_path : (int)y->hides - (int)x->hides; /* the same path hidden and bound: bound */
}

/* An empty tree, or file, in place of a path; what is bound below it gets its mount points there. */
static void plan_hide(struct planner *p, const struct overlay *o)
{
	const struct view_facts *f = p->facts;
	struct step *s;
	char base[32];
	size_t i;

	(void)snprintf(base, sizeof(base), "/hidden%zu", o->index);
	view_dir_add(p, o->is_dir ? STEP_SKEL_DIR : STEP_SKEL_FILE, base, o->is_dir ? 0755 : 0444, OWNER_CONTAINER_ROOT);
	for (i = 0; o->is_dir && i < f->n_binds; i++)
		if (path_within(f->binds[i].path, o->path) && strcmp(f->binds[i].path, o->path) != 0)
			view_point_add(p, base, f->binds[i].path + strlen(o->path), f->binds[i].is_dir);
	s = view_step_add(p, STEP_FROM_SKEL, base, o->path);
	s->attr = SYSTEM | MOUNT_ATTR_NOEXEC;
	s->optional = true;
}

static void plan_bind(struct planner *p, const struct overlay *o)
{
	const struct view_bind *b = &p->facts->binds[o->index];
	struct step *s;

	if (path_within(b->path, "/run")) /* the private one has no such mount point yet */
		view_point_add(p, "", b->path, b->is_dir);
	s = view_step_add(p, STEP_BIND, b->path, b->path);
	s->attr = b->writable ? WRITABLE : SYSTEM;
	s->index = o->index;
}

static void plan_profile(struct planner *p)
{
	const struct view_facts *f = p->facts;
	size_t i, n = f->n_hides + f->n_binds;
	struct overlay *list = calloc(n + 1, sizeof(*list));

	if (!list) {
		p->failed = err_set(p->err, ENOMEM, "view: out of memory");
		return;
	}
	for (i = 0; i < f->n_hides; i++)
		list[i] = (struct overlay){ f->hides[i].path, true, f->hides[i].is_dir, i };
	for (i = 0; i < f->n_binds; i++)
		list[f->n_hides + i] = (struct overlay){ f->binds[i].path, false, f->binds[i].is_dir, i };
	qsort(list, n, sizeof(*list), overlay_order);
	for (i = 0; i < n; i++)
		if (list[i].hides)
			plan_hide(p, &list[i]);
		else
			plan_bind(p, &list[i]);
	free(list);
}

int view_plan(const struct profile *p, const struct view_facts *f, struct view_plan *ret, struct err *e)
{
	struct planner planner = { .profile = p, .facts = f, .err = e };

	plan_system(&planner);
	plan_private(&planner);
	plan_run(&planner);
	/* The host's terminals: sshd's monitor makes one there after the session has joined. */
	view_plan_dev(&planner, STEP_CLONE, false, false);
	plan_sudo(&planner);
	plan_home(&planner);
	plan_profile(&planner);
	return view_plan_take(&planner, ret);
}
