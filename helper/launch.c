/*
 * launch - the child that serves REQ_LAUNCH: a container of the caller's own, for one command.
 *
 * Trust:  the caller is a user; who, is the kernel's word. Each word of the request is judged by policy (policy/grant.h), each
 *         path is opened with the user's rights and judged by where it leads, and the image is what its manifest says or nothing.
 * Order:  who, and under which profile; the user's places; what may be; filter; a name and a range from the main process, checked;
 *         image; what the view is made of; cgroup; namespaces; view; recorded; known; answered; go. The caller never holds a namespace:
 *         pid 1 is carrel-relay, which runs the command behind the filter, and whose other end the caller is.
 * Fails:  one line to the caller and one to the log; what was built dies with this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <syslog.h>
#include <unistd.h>

/* Before <systemd/sd-journal.h>: without it the header adds CODE_FILE fields to each record. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "helper/attributes.h"
#include "helper/container.h"
#include "helper/filters.h"
#include "helper/idmap_fd.h"
#include "helper/join.h"
#include "helper/keep.h"
#include "helper/launch_command.h"
#include "helper/launch_open.h"
#include "helper/launches.h"
#include "helper/limits.h"
#include "helper/paths.h"
#include "helper/peer.h"
#include "helper/public/message.h"
#include "helper/public/relay.h"
#include "helper/public/syscalls.h"
#include "helper/view_mount.h"
#include "helper/worker.h"
#include "policy/account.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/paths.h"
#include "policy/grant.h"
#include "policy/policy.h"
#include "policy/subid.h"

#define GROUP_TTY 5 /* on every Linux */
#define RANGES_TRIED 512 /* slots that turn out to be somebody's */

struct attempt {
	const struct task *task;
	const struct launch_request *request;
	struct enter_request command; /* completed */
	struct account account;
	const struct profile *profile;
	const struct image *image; /* NULL: a tree of the user's own */
	struct image opened; /* when it was read here */
	struct launch_places places;
	struct launch what;
	struct id_ranges ranges;
	struct id_map uids, gids; /* of the container */
	uid_t owner, owner_asked; /* of its user namespace; what name services were asked about for that */
	uint32_t uid, gid; /* inside, of the command */
	bool net_own;
	struct view_sources sources;
	struct view view;
	struct attributes attributes;
	char cgroup[256];
	int payload_fd, request_fd, filter_fd;
	struct container_spec spec;
	char numbers[3][16], user[sizeof(((struct launch_request *)0)->user)], *argv[6]; /* of pid 1 */
	int fds[8];
};

/* --- the main process --- */

static void note_fill(const struct attempt *a, struct launch_note *n, enum launch_word word)
{
	memset(n, 0, sizeof(*n));
	n->word = word;
	n->what = a->what;
	n->ranges = a->ranges;
	(void)snprintf(n->what.user, sizeof(n->what.user), "%s", a->account.name ? a->account.name : "?");
	(void)snprintf(n->profile, sizeof(n->profile), "%s", a->profile ? a->profile->name : "");
}

static int tell(const struct attempt *a, const struct launch_note *n, const int *fds, size_t n_fds)
{
	return message_send(a->task->main_fd, n, sizeof(*n), fds, n_fds);
}

static int hear(const struct attempt *a, struct launch_note *n, struct err *e)
{
	if (message_recv(a->task->main_fd, n, sizeof(*n), NULL, 0, NULL) != (ssize_t)sizeof(*n))
		return err_set(e, EPIPE, "carrel-helper went away");
	if (n->word == LAUNCH_NO)
		return err_set(e, EBUSY, "%s", n->text);
	return 0;
}

static int ask(const struct attempt *a, struct launch_note *n, const int *fds, size_t n_fds, struct err *e)
{
	return tell(a, n, fds, n_fds) < 0 ? err_set(e, EPIPE, "carrel-helper went away") : hear(a, n, e);
}

/* --- what may be --- */

static bool ended(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static int request_check(const struct launch_request *q, bool has_filter, struct err *e)
{
	if ((q->narrow == 1) != has_filter || !ended(q->image, sizeof(q->image)) || !ended(q->name, sizeof(q->name)) ||
		!ended(q->profile, sizeof(q->profile)) || !ended(q->user, sizeof(q->user)))
		return err_set(e, EINVAL, "the request is not well-formed");
	if (q->name[0] && !image_name_valid(q->name))
		return err_set(e, EINVAL, "'%s' is no name of a container: 1 to %d of a-z, 0-9, '.', '_' and '-', beginning with a "
			"letter or digit", q->name, LAUNCH_NAME_MAX);
	if (!(q->flags & LAUNCH_ROOTFS) && !image_name_valid(q->image))
		return err_set(e, EINVAL, "'%s' is no name of an image", q->image);
	if ((q->flags & LAUNCH_ROOTFS) && q->image[0])
		return err_set(e, EINVAL, "the request names a bundle and an image");
	if ((q->flags & LAUNCH_KEEP) && (q->flags & (LAUNCH_READONLY | LAUNCH_ROOTFS)))
		return err_set(e, EINVAL, "--keep goes with an image that is written to: neither with --read-only nor with --bundle");
	if ((q->flags & LAUNCH_NET_NONE) && (q->flags & LAUNCH_NET_HOST))
		return err_set(e, EINVAL, "--net can be one thing only");
	return 0;
}

static int profile_find(struct attempt *a, struct err *e)
{
	struct person who = account_person(&a->account);
	int r;

	if (!server.policy)
		return err_set(e, ENOENT, "there is no good configuration: %s", server.policy_trouble);
	r = grant_profile(server.policy, &who, a->request->profile, &a->profile, e);
	if (r == 0 && !a->profile->root && a->request->user[0])
		return err_set(e, EPERM, "profile '%s' has root = no: the command runs as you, without --user", a->profile->name);
	return r;
}

/* Asked when the places are open, since policy is about where they are, not about what they were called. */
static int decide(struct attempt *a, struct err *e)
{
	const struct launch_request *q = a->request;
	const struct launch_places *p = &a->places;
	struct person who = account_person(&a->account);
	struct wish_bind binds[LAUNCH_BINDS_MAX], tree = { p->v[0].real, !p->v[0].writable };
	struct wish wish = { .image = q->image, .profile = q->profile, .home = q->flags & LAUNCH_HOME,
		.keep = q->flags & LAUNCH_KEEP, .running = registry_launches_of(&server.registry, a->account.uid), .binds = binds, .tree = p->own_tree ? &tree : NULL,
		.home_path = p->home >= 0 ? p->v[p->home].real : a->account.home };
	struct grant granted;
	size_t i;
	int r;

	wish.net = q->flags & LAUNCH_NET_NONE ? WISH_NET_NONE : q->flags & LAUNCH_NET_HOST ? WISH_NET_HOST : WISH_NET_PROFILE;
	for (i = p->own_tree; i < p->n; i++)
		if ((int)i != p->home)
			binds[wish.n_binds++] = (struct wish_bind){ p->v[i].real, !p->v[i].writable };
	r = grant_decide(server.policy, &who, &wish, &granted, e);
	if (r == 0)
		a->net_own = granted.net == NET_NONE;
	return r;
}

/* --- a place --- */

/* A name and a range; and, asked along with it, whether the image of the cache is still what it was. */
static int place_get(struct attempt *a, struct err *e)
{
	const struct cached_image *known = a->request->flags & LAUNCH_ROOTFS ? NULL : launches_image(a->request->image);
	struct launch_note n;
	int tries, r;

	note_fill(a, &n, LAUNCH_PLACE);
	n.most = a->profile->max_containers;
	n.serial = known ? known->serial : 0;
	for (tries = 0; tries < RANGES_TRIED; tries++) {
		r = ask(a, &n, NULL, 0, e);
		if (r < 0)
			return r;
		if (n.same)
			a->image = &known->image;
		a->what = n.what;
		a->ranges = n.ranges;
		a->owner = n.owner;
		r = n.known ? 0 : subid_check_slot(&server.policy->pool, &a->ranges.uids, e);
		if (r == 0 && a->owner == 0)
			a->owner = a->owner_asked = subid_owner(&server.policy->pool, a->account.uid);
		if (r != -EEXIST)
			return r;
		note_fill(a, &n, LAUNCH_TAKEN);
	}
	return err_wrap(e, -EEXIST, "the last %d slots of the pool are somebody's; enlarge 'pool' in [ids]", RANGES_TRIED);
}

/* --- the image --- */

static int directory_open(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* True: the main process keeps it, so that the next launch need not read it. */
static bool image_hand_over(struct attempt *a)
{
	const struct image *i = &a->opened;
	_cleanup_fd_ int text_fd = -1, none = open("/dev/null", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct launch_note n;
	struct err e;
	size_t len;

	if (i->watch_fd < 0 || none < 0 || manifest_write(&i->manifest, &text, &len, &e) < 0 ||
		launch_payload_make(text, len, &text_fd, &e) < 0)
		return false;
	note_fill(a, &n, LAUNCH_IMAGE);
	n.stamp = i->stamp;
	memcpy(n.signer, i->signer, sizeof(n.signer));
	return ask(a, &n, (const int[]){ text_fd, i->tree_fd, i->file_fd < 0 ? none : i->file_fd, i->watch_fd }, LAUNCH_FDS, &e) == 0;
}

/* In mounts of this process's own, because kernels before 6.15 clone none that is attached nowhere. */
static int image_attach_here(const struct image *i, struct err *e)
{
	_cleanup_fd_ int at = -1;

	if (unshare(CLONE_NEWNS) < 0 || (mkdir(IMAGES_DIR, 0700) < 0 && errno != EEXIST))
		return err_set(e, errno, "cannot attach an image: %s", strerror(errno));
	at = open(IMAGES_DIR, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0 || sys_move_mount(i->tree_fd, at) < 0)
		return err_set(e, errno, "cannot attach an image: %s", strerror(errno));
	return 0;
}

static int image_read(struct attempt *a, struct err *e)
{
	_cleanup_fd_ int store = directory_open(IMAGE_STORE), keys = directory_open(CARREL_SYSCONFDIR "/trusted.d");
	struct launch_note n;
	int r;

	if (store < 0 && errno == ENOENT)
		return err_set(e, ENOENT, "there is no image '%s' (carrel image list)", a->request->image);
	if (store < 0)
		return err_set(e, errno, "cannot open %s: %s", IMAGE_STORE, strerror(errno));
	note_fill(a, &n, LAUNCH_SLOW);
	(void)tell(a, &n, NULL, 0);
	r = image_open(store, a->request->image, keys, &a->opened, e);
	if (r < 0)
		return r;
	a->image = &a->opened;
	return image_hand_over(a) ? 0 : image_attach_here(&a->opened, e);
}

static int image_find(struct attempt *a, struct err *e)
{
	int r = a->image ? 0 : image_read(a, e);

	if (r < 0)
		return r;
	(void)snprintf(a->what.digest, sizeof(a->what.digest), "%s", a->image->manifest.digest);
	return grant_check_image(a->profile, a->request->image, a->image->signer, e);
}

/* --- the command --- */

static int command_complete(struct attempt *a, struct err *e)
{
	struct enter_request *q = &a->command;
	const struct launch_place *home = a->places.home >= 0 ? &a->places.v[a->places.home] : NULL;
	const struct launch_defaults d = { a->image ? &a->image->manifest : NULL, home ? home->at : NULL };
	_cleanup_free_ char *said = NULL, *text = NULL;
	struct launch_command c;
	size_t bytes;
	int r;

	r = launch_payload_read(a->task->fds[3], q->payload, &said, e);
	if (r < 0)
		return r;
	c = (struct launch_command){ said, q->payload, q->argc };
	r = launch_command_complete(&c, &d, &text, &bytes, &q->argc, a->what.command, sizeof(a->what.command), e);
	if (r < 0)
		return r;
	q->payload = (uint32_t)bytes;
	r = launch_payload_make(text, bytes, &a->payload_fd, e);
	return r == 0 ? request_file(q, &a->request_fd, e) : r;
}

/* --- IDs --- */

static const uint32_t *own_groups(const struct attempt *a, size_t *ret_n)
{
	/* Of the host's groups only those that reach what is shown; and the primary one stands for the command's own. */
	*ret_n = a->places.n > 0 && a->account.n_gids > 1 ? a->account.n_gids - 1 : 0;
	return (const uint32_t *)a->account.gids + 1;
}

static bool writes_places(const struct attempt *a)
{
	size_t i;

	for (i = 0; i < a->places.n; i++)
		if (a->places.v[i].writable)
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
	const uint32_t *groups = own_groups(a, &n);
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
	return idmap_fd_make(server.proc_fd, &uids, &gids, ret_fd, e);
}

static int places_mount(struct attempt *a, int idmap_fd, struct err *e)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < a->places.n; i++)
		r = launch_place_mount(&a->places.v[i], idmap_fd, e);
	for (i = 0; r < 0 && i < a->places.n; i++)
		cleanup_fd(&a->places.v[i].mount_fd);
	return r;
}

static int ids_settle(struct attempt *a, struct err *e)
{
	_cleanup_fd_ int idmap = -1;
	struct err why;
	int r = maps_plan(a, false, e);

	if (r < 0 || a->places.n == 0)
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
		note_fill(a, &n, LAUNCH_SLOW);
		(void)tell(a, &n, NULL, 0);
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

/* IDs are still those on disk: 0 is root's. With labels or access lists, overlayfs had better copy it. */
static mode_t plain_etc(int tree_fd)
{
	_cleanup_fd_ int fd = openat(tree_fd, "etc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == 0 && st.st_gid == 0 && flistxattr(fd, NULL, 0) == 0 ? st.st_mode & 07777 :
														     0;
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

static int view_make(struct attempt *a, struct err *e)
{
	struct view_image_bind binds[LAUNCH_BINDS_MAX];
	const struct launch_places *p = &a->places;
	struct view_image v = { .own_tree = p->own_tree, .net_host = !a->net_own, .binds = binds };
	size_t i;
	int r;

	v.kept = a->request->flags & LAUNCH_KEEP;
	v.etc = a->image ? plain_etc(a->image->tree_fd) : 0;
	v.has_points = a->image && has_points(a->image->tree_fd);
	v.writable = !(a->request->flags & LAUNCH_READONLY) && (!p->own_tree || p->v[0].writable);
	for (i = p->own_tree; i < p->n; i++)
		if ((int)i == p->home)
			v.home = p->v[i].at;
		else
			binds[v.n_binds++] = (struct view_image_bind){ p->v[i].at, p->v[i].writable, p->v[i].is_dir };
	r = view_open_machine(a->profile, &a->sources, e);
	if (r < 0)
		return r;
	a->sources.facts.uid = a->account.uid;
	a->sources.facts.gid = a->account.gid;
	a->sources.facts.hostname = a->what.name;
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
	return r == 0 ? view_fill_fds(a, e) : r;
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

static int view_shift(const struct attempt *a, const struct container_born *born, struct err *e)
{
	int r = a->view.kept_fd < 0 ? 0 : shift(a, born, a->view.kept_fd, 0, e);
	size_t i;

	for (i = 0; r == 0 && i < a->view.plan.n; i++)
		if (is_image(a, &a->view.plan.steps[i]))
			r = shift(a, born, a->view.fds[i], MOUNT_ATTR_NOSUID, e);
	return r;
}

/* --- the container --- */

/*
 * Nobody stays to read what a detached command says. The journal takes who connects for who speaks: that must be the user, or anybody
 * could write there as root.
 */
static void journal_connect(const struct attempt *a, int fds[static 3])
{
	char identifier[LAUNCH_NAME_MAX + 16];
	int i;

	(void)snprintf(identifier, sizeof(identifier), "carrel/%s", a->what.name);
	if (setresgid((gid_t)-1, a->account.gid, (gid_t)-1) < 0 || setresuid((uid_t)-1, a->account.uid, (uid_t)-1) < 0)
		_exit(1);
	for (i = 1; i < 3; i++) {
		int fd = sd_journal_stream_fd(identifier, i == 1 ? LOG_INFO : LOG_NOTICE, 0);

		if (fd >= 0)
			fds[i] = fd;
	}
	if (setresuid((uid_t)-1, 0, (uid_t)-1) < 0 || setresgid((gid_t)-1, 0, (gid_t)-1) < 0)
		_exit(1);
}

/* In static memory all of it: pid 1 reads it while this process goes on. */
static void spec_fill(struct attempt *a)
{
	static char name[] = "carrel-relay";
	const struct task *t = a->task;
	const int fds[] = { t->conn_fd, a->payload_fd, a->filter_fd, t->fds[0], t->fds[1], t->fds[2], a->request_fd, t->fds[4] };
	struct person who = account_person(&a->account);
	unsigned relay = RELAY_LAUNCHED | RELAY_INIT;
	struct container_spec *spec = &a->spec;
	const unsigned *numbers[] = { &a->uid, &a->gid, &relay };
	size_t i;

	memcpy(a->fds, fds, sizeof(fds));
	if (a->request->flags & LAUNCH_DETACH) {
		relay |= RELAY_DETACHED;
		journal_connect(a, a->fds + 3);
	}
	relay |= (a->profile->root && !(a->request->flags & LAUNCH_NNP) ? 0 : RELAY_NNP) |
		 (a->request->narrow ? RELAY_NARROWED : 0);
	a->argv[0] = name;
	for (i = 0; i < 3; i++) {
		a->argv[i + 1] = a->numbers[i];
		(void)snprintf(a->numbers[i], sizeof(a->numbers[i]), "%u", *numbers[i]);
	}
	memcpy(a->user, a->request->user, sizeof(a->user));
	a->argv[4] = a->user[0] ? a->user : NULL;
	spec->uid = a->account.uid;
	spec->owner = a->owner;
	spec->net_own = a->net_own;
	spec->uids = &a->uids;
	spec->gids = &a->gids;
	spec->groups = (const gid_t *)own_groups(a, &spec->n_groups);
	spec->deny_setgroups = spec->n_groups > 0 && policy_keeps_groups(server.policy, &who);
	spec->hostname = a->what.name;
	spec->base_mntns_fd = server.base_mntns_fd;
	spec->proc_fd = server.proc_fd;
	spec->first = (struct first_process){ server.relay_fd, a->argv, a->fds, a->request->narrow ? 8 : 7, &a->attributes };
}

static int record(struct attempt *a, const struct container_born *born, struct err *e)
{
	struct launch_note n;

	note_fill(a, &n, LAUNCH_BUILT);
	n.pid = born->pid;
	n.user_ns = born->user_ns;
	n.owner = a->owner_asked;
	n.what.groups = a->spec.n_groups > 0;
	memcpy(n.cgroup, a->cgroup, sizeof(n.cgroup));
	return tell(a, &n, &born->pidfd, 1) < 0 ? err_set(e, EPIPE, "carrel-helper went away") : 0;
}

/* What is told before the caller has its answer is heard before whatever the caller asks next. */
static int recorded(struct attempt *a, struct err *e)
{
	struct launch_note n;
	int r = hear(a, &n, e);

	if (r < 0)
		return r;
	note_fill(a, &n, LAUNCH_GOES);
	return tell(a, &n, NULL, 0) < 0 ? err_set(e, EPIPE, "carrel-helper went away") : 0;
}

static int build(struct attempt *a, struct err *e)
{
	struct container_born born;
	int r;

	spec_fill(a);
	r = container_raise(&a->spec, &born, e);
	if (r < 0)
		return r;
	r = view_shift(a, &born, e);
	if (r == 0)
		r = container_place(&born, &a->view, e);
	/* While pid 1 moves in, the main process writes it down. */
	if (r == 0)
		r = record(a, &born, e);
	if (r == 0)
		r = container_await(&born, e);
	if (r == 0)
		r = recorded(a, e);
	if (r < 0) {
		container_drop(&born);
		return r;
	}
	launch_answer(a->task->conn_fd, REQ_LAUNCH, a->what.name, ANSWER_CONFINED, "");
	container_go(&born);
	return 0;
}

static int raise_container(struct attempt *a, struct err *e)
{
	_cleanup_fd_ int caller = -1;
	bool own = false;
	int r;

	r = peer_open(a->task->conn_fd, server.proc_fd, &caller, e);
	if (r == 0)
		r = limits_enter_launch(a->account.uid, a->profile, a->what.name, a->request->flags & LAUNCH_DETACH, a->cgroup, &own, e);
	if (r == 0)
		r = attributes_take(a->task->peer.pid, own ? NULL : "", &a->attributes, e);
	if (r == 0)
		r = peer_still_there(caller, e);
	if (r < 0)
		return r;
	attributes_raise(&a->attributes);
	return build(a, e);
}

/* --- all of it --- */

static int attempt_run(struct attempt *a, struct err *e)
{
	int r = account_by_uid(a->task->peer.uid, &a->account, e);

	if (r == 0)
		r = task_check_speaker(a->task, e);
	if (r == 0)
		r = request_check(a->request, a->task->fds[4] >= 0, e);
	if (r == 0)
		r = stdio_check(a->task->fds, e);
	if (r == 0)
		r = profile_find(a, e);
	if (r == 0)
		r = launch_places_open(&a->account, a->request, &a->places, e);
	if (r == 0)
		r = decide(a, e);
	if (r == 0)
		r = filter_ready(a->profile, &a->filter_fd, e);
	if (r < 0)
		return r;
	launch_identity(a->profile, &a->account, &a->uid, &a->gid);
	r = place_get(a, e);
	if (r == 0 && !(a->request->flags & LAUNCH_ROOTFS))
		r = image_find(a, e);
	if (r == 0)
		r = command_complete(a, e);
	if (r == 0)
		r = ids_settle(a, e);
	if (r == 0)
		r = view_make(a, e);
	return r == 0 ? raise_container(a, e) : r;
}

/* For the log: what is no name could look like words of ours. */
static void name_note(const char *said, char ret[static LAUNCH_NAME_MAX + 1])
{
	(void)snprintf(ret, LAUNCH_NAME_MAX + 1, "%.*s", LAUNCH_NAME_MAX, said);
	if (ret[0] && !image_name_valid(ret))
		(void)snprintf(ret, LAUNCH_NAME_MAX + 1, "?");
}

int launch_child(const struct task *t)
{
	static struct attempt a; /* of many pages, most of which are never touched */
	struct launch_note n;
	struct err e;

	a.task = t;
	a.payload_fd = a.request_fd = a.filter_fd = -1;
	a.request = t->request;
	a.command = a.request->command;
	name_note(a.request->name, a.what.name);
	name_note(a.request->image, a.what.image);
	(void)snprintf(a.what.command, sizeof(a.what.command), "-");
	if (attempt_run(&a, &e) == 0)
		return 0;
	note_fill(&a, &n, LAUNCH_REFUSED);
	(void)snprintf(n.text, sizeof(n.text), "%s", e.text);
	(void)tell(&a, &n, NULL, 0);
	launch_answer(t->conn_fd, REQ_LAUNCH, a.what.name, ANSWER_REFUSED, e.text);
	return turn_away();
}
