/*
 * launch_view - what a launched container is made of: who is who, the user's places, the image, and what lies between.
 *
 * Trust:  policy has judged what is shown (policy/grant.h); the places were opened with the user's rights (launch_open.c). No ID
 *         of a launch comes to lie on a disk: what is written there is the user's, or nobody can write.
 * Order:  maps; the places as mounts that show them; the plan; its sources; and, once the container has its user namespace, the
 *         image's mounts through that.
 * Fails:  one line; nothing is attached anywhere yet.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "helper/idmap_fd.h"
#include "helper/keep.h"
#include "helper/launch.h"
#include "helper/launch_point.h"
#include "helper/public/syscalls.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/policy.h"

#define GROUP_TTY 5 /* on every Linux */

/* --- IDs --- */

const uint32_t *launch_own_groups(const struct attempt *a, size_t *ret_n)
{
	/* Of the host's groups only those that reach what is shown; and the primary one stands for the command's own. */
	*ret_n = launch_places_show(&a->places) && a->account.n_gids > 1 ? a->account.n_gids - 1 : 0;
	return (const uint32_t *)a->account.gids + 1;
}

static bool writes_places(const struct attempt *a)
{
	size_t i;

	for (i = 0; i < a->places.n; i++)
		if (a->places.v[i].kind == PLACE_SHOWN && a->places.v[i].writable)
			return true;
	return false;
}

/*
 * as_user: the command is the user on the host, for a file system that shows no other IDs than it has. Where root inside could write
 * there, the user and the own groups are all there is: files of any other ID would be of the launch's range, and on disk when that
 * is another's.
 */
static int maps_plan(struct attempt *a, bool as_user, struct err *e)
{
	size_t n;
	const uint32_t *groups = launch_own_groups(a, &n);
	int r;

	if (as_user && (a->account.uid == 0 || a->account.gid == 0))
		return err_set(e, EPERM, "and root of the host is nobody inside");
	r = id_map_plan(&a->ranges.uids, NULL, 0, &a->uids, e);
	if (r == 0)
		r = id_map_plan(&a->ranges.gids, groups, n, &a->gids, e);
	if (r == 0 && as_user && (id_map_replace(&a->uids, a->uid, a->account.uid) < 0 ||
					 id_map_replace(&a->gids, a->gid, a->account.gid) < 0))
		r = err_set(e, E2BIG, "you are in too many groups for that");
	if (r == 0 && as_user && a->profile->root && writes_places(a)) {
		id_map_leave_out(&a->uids, &a->ranges.uids);
		id_map_leave_out(&a->gids, &a->ranges.gids);
	}
	return r;
}

/* What lies on disk as the user's is the command's inside, and so for the primary group; all else stays what it is. */
static int disk_idmap(const struct attempt *a, int *ret_fd, struct err *e)
{
	const struct id_pool *pool = &server.policy->pool;
	struct id_map uids, gids;
	uint32_t uid, gid;

	if (!id_map_lookup(&a->uids, a->uid, &uid) || !id_map_lookup(&a->gids, a->gid, &gid))
		return err_set(e, EINVAL, "the command would have no ID");
	id_map_as(pool, a->account.uid, uid, &uids);
	id_map_as(pool, a->account.gid, gid, &gids);
	return idmap_fd_make(server.proc_fd, a->owner, &uids, &gids, ret_fd, e);
}

static int places_mount(struct attempt *a, int idmap_fd, struct err *e)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < a->places.n; i++)
		r = a->places.v[i].kind == PLACE_SHOWN ? launch_place_mount(&a->places.v[i], idmap_fd, e) : 0;
	for (i = 0; r < 0 && i < a->places.n; i++)
		cleanup_fd(&a->places.v[i].mount_fd);
	return r;
}

int launch_ids_settle(struct attempt *a, struct err *e)
{
	_cleanup_fd_ int idmap = -1;
	struct err why;
	int r = maps_plan(a, false, e);

	if (r < 0 || !launch_places_show(&a->places))
		return r;
	r = disk_idmap(a, &idmap, e);
	if (r == 0)
		r = places_mount(a, idmap, e);
	if (r != -EOPNOTSUPP)
		return r;
	why = *e;
	r = maps_plan(a, true, e);
	if (r < 0)
		return err_wrap(e, r, "%s", why.text);
	return places_mount(a, -1, e);
}

/* --- the view --- */

static int tree_clone(const struct attempt *a, int *ret_fd, struct err *e)
{
	*ret_fd = sys_open_tree(a->image->tree_fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return *ret_fd < 0 ? err_set(e, errno, "image '%s' cannot be shown: %s", a->request->image, strerror(errno)) : 0;
}

static int kept_open(struct attempt *a, struct err *e)
{
	struct launch_note n;

	if (keep_is_new(a->account.uid, a->request->image, a->what.digest)) {
		launch_note_fill(a, &n, LAUNCH_SLOW);
		(void)launch_tell(a, &n, NULL, 0);
	}
	return keep_open(a->account.uid, a->request->image, a->what.digest, a->profile->keep_size, a->image->tree_fd, &a->view.kept_fd,
		e);
}

/* The step shows the image's own tree. */
static bool is_image(const struct attempt *a, const struct step *s)
{
	return s->op == STEP_LAYERS || (s->op == STEP_TREE && a->image);
}

static int view_fill_fds(struct attempt *a, struct err *e)
{
	struct launch_places *p = &a->places;
	const size_t first = p->own_tree;
	int *fds = a->view.fds, r = 0;
	size_t i;

	for (i = 0; r == 0 && i < a->view.plan.n; i++) {
		const struct step *s = &a->view.plan.steps[i];

		if (is_image(a, s))
			r = tree_clone(a, &fds[i], e);
		else if (s->op == STEP_TREE)
			fds[i] = fd_take(&p->v[0].mount_fd);
		else if (s->op == STEP_HOME)
			fds[i] = fd_take(&p->v[p->home].mount_fd);
		else if (s->op == STEP_BIND)
			fds[i] = fd_take(&p->v[first + s->index].mount_fd);
	}
	return r < 0 ? r : view_sources_clone(&a->view.plan, NULL, fds, e);
}

static bool has_attributes(int fd)
{
	ssize_t n = flistxattr(fd, NULL, 0);

	return n > 0 || (n < 0 && errno != ENOTSUP);
}

/* IDs are still those on disk: 0 is root's. With labels or access lists, overlayfs had better copy it. */
static mode_t plain_etc(int tree_fd)
{
	_cleanup_fd_ int fd = openat(tree_fd, "etc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != 0 || st.st_gid != 0 || has_attributes(fd))
		return 0;
	return st.st_mode & 07777;
}

static bool has_points(int tree_fd)
{
	struct stat st;
	size_t i;

	for (i = 0; view_points[i]; i++)
		if (fstatat(tree_fd, view_points[i] + 1, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
			return false;
	return true;
}

static int place_take(const struct attempt *a, const struct launch_place *p, struct view_image_bind *ret, struct err *e)
{
	*ret = (struct view_image_bind){ p->at, p->writable, p->is_dir, p->kind, p->noexec, p->mode, 0, 0 };
	if (p->kind != PLACE_TMPFS || (id_map_lookup(&a->uids, p->uid, &ret->uid) && id_map_lookup(&a->gids, p->gid, &ret->gid)))
		return 0;
	return err_set(e, EINVAL, "tmpfs at '%s': the container has no uid %u or no gid %u", p->at, p->uid, p->gid);
}

int launch_view_make(struct attempt *a, struct err *e)
{
	struct view_image_bind binds[LAUNCH_BINDS_MAX];
	const struct launch_places *p = &a->places;
	struct view_image v = { .own_tree = p->own_tree, .net_host = !a->net_own, .binds = binds };
	size_t i;
	int r = 0;

	v.kept = a->request->flags & LAUNCH_KEEP;
	v.etc = a->image ? plain_etc(a->image->tree_fd) : 0;
	v.has_points = a->image && has_points(a->image->tree_fd);
	v.writable = !(a->request->flags & LAUNCH_READONLY) && (!p->own_tree || p->v[0].writable);
	for (i = p->own_tree; r == 0 && i < p->n; i++)
		if ((int)i == p->home)
			v.home = p->v[i].at;
		else
			r = place_take(a, &p->v[i], &binds[v.n_binds++], e);
	if (r == 0)
		r = view_open_machine(a->profile, &a->sources, e);
	if (r < 0)
		return r;
	a->sources.facts.uid = a->account.uid;
	a->sources.facts.gid = a->account.gid;
	a->sources.facts.hostname = a->hostname;
	if (!id_map_lookup(&a->uids, 0, &a->sources.facts.root_uid) || !id_map_lookup(&a->gids, 0, &a->sources.facts.root_gid))
		return err_set(e, EINVAL, "the container would have no root");
	if (!id_map_lookup(&a->gids, GROUP_TTY, &a->sources.facts.tty_gid))
		a->sources.facts.tty_gid = a->sources.facts.root_gid;
	a->view = (struct view){ .profile = a->profile, .facts = &a->sources.facts, .root_program_fd = -1, .kept_fd = -1 };
	r = v.kept ? kept_open(a, e) : 0;
	if (r == 0)
		r = view_plan_image(a->profile, a->view.facts, &v, &a->view.plan, e);
	if (r == 0)
		r = view_fds_make(&a->view, e);
	if (r == 0)
		r = view_fill_fds(a, e);
	return r == 0 ? launch_points_make(&a->account, p, !a->net_own, e) : r;
}

/* Shows a mount with the container's IDs in place of 0 to 65535 on disk. */
static int shift(const struct attempt *a, const struct container_born *born, int mount_fd, uint64_t clear, struct err *e)
{
	struct mount_attr change = { .attr_set = MOUNT_ATTR_IDMAP, .attr_clr = clear, .userns_fd = (uint64_t)born->user_ns_fd };

	if (sys_mount_setattr(mount_fd, "", AT_EMPTY_PATH, &change) < 0)
		return err_set(e, errno, "image '%s' cannot be shown with the container's IDs: %s (its file system must know idmapped "
			"mounts: ext4, xfs, btrfs, or an EROFS or squashfs image on a new kernel)", a->request->image,
			strerror(errno));
	return 0;
}

int launch_view_shift(const struct attempt *a, const struct container_born *born, struct err *e)
{
	int r = a->view.kept_fd < 0 ? 0 : shift(a, born, a->view.kept_fd, 0, e);
	size_t i;

	for (i = 0; r == 0 && i < a->view.plan.n; i++)
		if (is_image(a, &a->view.plan.steps[i]))
			r = shift(a, born, a->view.fds[i], MOUNT_ATTR_NOSUID, e);
	return r;
}
