/*
 * view_image - what a launch sees, as rows; nothing here touches the system.
 *
 * The tree of an image belongs to the container's root, is on no host path, and holds set-user-ID files that mean that root:
 * so it alone goes without nosuid. All else is as in a session.
 */
#include "helper/view_plan.h"

#include <stdio.h>
#include <string.h>

#include "policy/base/err.h"
#include "policy/base/parse.h"

/*
 * What makes a name mean something goes into the layer before that is laid over the image, where it can: to overlayfs it is five
 * times the work to take /etc up into the layer, and to put files over others. A kept layer may have any /etc.
 */
static bool names_in_layer(const struct view_image *v)
{
	return v->etc != 0 && !v->kept;
}

bool view_at_is_taken(const char *at)
{
	static const char *const trees[] = { "/proc", "/sys", "/dev" };
	size_t i;

	for (i = 0; i < sizeof(trees) / sizeof(trees[0]); i++)
		if (path_inside(trees[i], at) && strcmp(at, "/dev/shm") != 0)
			return true;
	return strcmp(at, "/") == 0;
}

const char *const view_points[] = { "/proc", "/sys", "/dev", "/tmp", NULL };

static void plan_copies(struct planner *p, const struct view_image *v, enum step_op op)
{
	view_step_add(p, op, v->net_host ? "/etc/hosts" : "", "/etc/hosts")->index = 1;
	if (v->net_host)
		(void)view_step_add(p, op, p->facts->resolv_conf ? p->facts->resolv_conf : "/etc/resolv.conf", "/etc/resolv.conf");
}

static void plan_tree(struct planner *p, const struct view_image *v)
{
	if (v->own_tree) {
		view_mount_add(p, STEP_TREE, "tree", "/", v->writable ? WRITABLE : SYSTEM);
		return;
	}
	(void)view_step_add(p, STEP_LAYERS, "tree", "");
	if (names_in_layer(v)) {
		view_dir_add(p, STEP_LAYER_DIR, "/etc", v->etc, OWNER_CONTAINER_ROOT);
		plan_copies(p, v, STEP_LAYER_COPY);
	}
	view_mount_add(p, STEP_LAYERED, "", "/", MOUNT_ATTR_NODEV);
}

/* Whether rows may make what is missing: only in a layer of the container's own, which every image has. */
static bool may_place(const struct view_image *v)
{
	return !v->own_tree;
}

static void place(struct planner *p, const struct view_image *v, enum step_op op, const char *path)
{
	if (may_place(v))
		(void)view_step_add(p, op, "", path);
}

static void plan_own(struct planner *p, const struct view_image *v)
{
	size_t i;

	/* A kept layer may have taken them away. */
	for (i = 0; view_points[i] && (v->kept || !v->has_points); i++)
		place(p, v, STEP_PLACE_DIR, view_points[i]);
	view_mount_add(p, STEP_CLONE, "/sys", "/sys", SYSTEM | MOUNT_ATTR_NOEXEC);
	view_dir_add(p, STEP_PRIVATE_DIR, "/shm", 01777, OWNER_CONTAINER_ROOT);
	view_plan_dev(p, STEP_TERMINALS, true, v->own_tree);
}

/* Where the tree cannot be written, programs still expect to write here: in private, and in the tree. */
static const char *const scratch[][2] = { { "/tmp", "/tmp" }, { "/vartmp", "/var/tmp" }, { "/run", "/run" } };
#define SCRATCH (sizeof(scratch) / sizeof(scratch[0]))

static void plan_scratch(struct planner *p, const struct view_image *v)
{
	size_t i;

	for (i = 0; !v->writable && i < SCRATCH; i++) {
		view_dir_add(p, STEP_PRIVATE_DIR, scratch[i][0], i == 2 ? 0755 : 01777, OWNER_CONTAINER_ROOT);
		place(p, v, STEP_PLACE_DIR, scratch[i][1]);
		view_mount_add(p, STEP_FROM_PRIVATE, scratch[i][0], scratch[i][1], WRITABLE);
		if (p->plan.n > 0)
			p->plan.steps[p->plan.n - 1].optional = true;
	}
}

static void plan_names(struct planner *p, const struct view_image *v)
{
	const char *resolv = p->facts->resolv_conf ? p->facts->resolv_conf : "/etc/resolv.conf";

	if (may_place(v)) {
		if (!names_in_layer(v))
			plan_copies(p, v, STEP_PLACE_COPY);
	} else if (v->net_host) {
		view_mount_add(p, STEP_CLONE, resolv, "/etc/resolv.conf", SYSTEM | MOUNT_ATTR_NOEXEC);
		if (p->plan.n > 0)
			p->plan.steps[p->plan.n - 1].optional = true;
	}
}

static bool covers(const char *tree, const char *path, size_t *longest)
{
	size_t n = strlen(tree);

	if (n < *longest || strncmp(tree, path, n) != 0 || path[n] != '/')
		return false;
	*longest = n;
	return true;
}

/* Where it lies in private; none: nowhere. */
static void mount_name(int i, char ret[static 16])
{
	ret[0] = '\0';
	if (i >= 0)
		(void)snprintf(ret, 16, "/mount%d", i);
}

/* What is to be in a directory of the container's own finds its point there, also where nothing may be made by path. */
static bool plan_point(struct planner *p, const struct view_image *v, size_t i)
{
	const char *at = v->binds[i].at;
	char base[16] = "";
	size_t longest = 0, k;

	for (k = 0; !v->writable && k < SCRATCH; k++)
		if (covers(scratch[k][1], at, &longest))
			(void)snprintf(base, sizeof(base), "%s", scratch[k][0]);
	for (k = 0; k < i; k++)
		if (covers(v->binds[k].at, at, &longest))
			mount_name(v->binds[k].kind == PLACE_TMPFS ? (int)k : -1, base);
	if (base[0])
		view_point_add(p, base, at + longest, v->binds[i].is_dir);
	return base[0];
}

static void plan_shown(struct planner *p, const struct view_image *v, size_t i)
{
	const struct view_image_bind *b = &v->binds[i];
	struct step *s;

	s = view_step_add(p, STEP_BIND, b->at, b->at);
	s->attr = b->writable ? WRITABLE : SYSTEM;
	s->index = i;
}

/* All of them are directories of one file system, so that together they hold no more than policy says. */
static void plan_tmpfs(struct planner *p, const struct view_image *v, size_t i)
{
	const struct view_image_bind *b = &v->binds[i];
	char base[16];
	struct step *s;

	mount_name((int)i, base);
	s = view_step_add(p, STEP_PRIVATE_DIR, base, "");
	s->mode = b->mode;
	s->owner = OWNER_SAID;
	s->uid = b->uid;
	s->gid = b->gid;
	view_mount_add(p, STEP_FROM_PRIVATE, base, b->at,
		(b->writable ? WRITABLE : SYSTEM) | (b->noexec ? MOUNT_ATTR_NOEXEC : 0));
}

/* Those of plan_names() are there: in an image always, in a tree as far as it has files to show them at. */
static void plan_name(struct planner *p, const struct view_image *v, const struct view_image_bind *b)
{
	bool is_hosts = b->kind == PLACE_HOSTS;
	const char *name = is_hosts ? "/hosts" : "/hostname";
	struct step *s;

	if (b->kind == PLACE_RESOLV || (is_hosts && may_place(v)))
		return;
	view_step_add(p, STEP_SKEL_COPY, is_hosts && v->net_host ? "/etc/hosts" : "", name)->index = is_hosts ? 1 : 2;
	s = view_step_add(p, STEP_FROM_SKEL, name, b->at);
	s->attr = SYSTEM | MOUNT_ATTR_NOEXEC;
	s->optional = true;
}

static void plan_binds(struct planner *p, const struct view_image *v)
{
	size_t i;

	if (v->home) {
		place(p, v, STEP_PLACE_DIR, v->home);
		view_mount_add(p, STEP_HOME, "", v->home, WRITABLE);
	}
	for (i = 0; i < v->n_binds; i++) {
		const struct view_image_bind *b = &v->binds[i];

		/* Of an image's tree the container's root makes it, which may not do so in any tmpfs. */
		if (!plan_point(p, v, i) && (b->kind == PLACE_SHOWN || b->kind == PLACE_TMPFS || b->kind == PLACE_HOSTNAME))
			place(p, v, b->is_dir ? STEP_PLACE_DIR : STEP_PLACE_FILE, b->at);
		if (b->kind == PLACE_SHOWN)
			plan_shown(p, v, i);
		else if (b->kind == PLACE_TMPFS)
			plan_tmpfs(p, v, i);
		else
			plan_name(p, v, b);
	}
}

int view_plan_image(const struct profile *p, const struct view_facts *f, const struct view_image *v, struct view_plan *ret,
	struct err *e)
{
	struct planner planner = { .profile = p, .facts = f, .err = e };

	/* Of the small parts there is little more than /dev, and a file system costs the kernel 6 KiB. */
	planner.plan.no_skel = true;
	plan_tree(&planner, v);
	plan_own(&planner, v);
	plan_scratch(&planner, v);
	plan_names(&planner, v);
	plan_binds(&planner, v);
	if (!v->writable && !v->own_tree)
		(void)view_step_add(&planner, STEP_SEAL, "", "/");
	return view_plan_take(&planner, ret);
}
