#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/launch_open.h"
#include "helper/launch_point.h"
#include "helper/view.h"
#include "policy/base/err.h"

static const char *const all_dirs[] = { "/home", "/root", "/sys", "/tmp", "/var/tmp", "/run", "/proc", "/dev",
	"/dev/pts", "/usr/local/bin", "/usr/bin/sudo" };

static struct view_facts ordinary(void)
{
	return (struct view_facts){ .uid = 1000, .gid = 1000, .root_uid = 600000, .root_gid = 600000,
		.home = "/home/ada", .dirs = all_dirs, .n_dirs = sizeof(all_dirs) / sizeof(all_dirs[0]) };
}

static const struct step *attached_at(const struct view_plan *v, const char *dst)
{
	const struct step *found = NULL;
	size_t i;

	for (i = 0; i < v->n; i++)
		if (strcmp(v->steps[i].dst, dst) == 0 && v->steps[i].op != STEP_SKEL_LINK)
			found = &v->steps[i];
	return found;
}

static bool makes(const struct view_plan *v, enum step_op op, const char *src)
{
	size_t i;

	for (i = 0; i < v->n; i++)
		if (v->steps[i].op == op && strcmp(v->steps[i].src, src) == 0)
			return true;
	return false;
}

static size_t index_of(const struct view_plan *v, const struct step *s)
{
	return (size_t)(s - v->steps);
}

static void system_is_read_only_and_comes_first(void)
{
	struct profile p = { .name = (char *)"t" };
	struct view_facts f = ordinary();
	struct view_plan v;
	struct err e;

	CHECK_EQ(view_plan(&p, &f, &v, &e), 0);
	CHECK_EQ(v.steps[0].op, STEP_CLONE);
	CHECK_STR(v.steps[0].dst, "/");
	CHECK_EQ(v.steps[0].attr, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	view_plan_done(&v);
}

static void only_mounts_of_carrel_root_lack_nosuid(void)
{
	struct profile p = { .name = (char *)"t", .root = true };
	struct view_facts f = ordinary();
	struct view_plan v;
	struct err e;
	size_t i, lacking = 0;

	CHECK_EQ(view_plan(&p, &f, &v, &e), 0);
	for (i = 0; i < v.n; i++) {
		if (v.steps[i].attr == 0 || (v.steps[i].attr & MOUNT_ATTR_NOSUID))
			continue;
		lacking++;
		CHECK(strncmp(v.steps[i].src, "/carrel", 7) == 0);
		CHECK(v.steps[i].attr & MOUNT_ATTR_RDONLY);
	}
	CHECK_EQ(lacking, 3); /* /run/carrel, /usr/local/bin, /usr/bin/sudo */
	view_plan_done(&v);
}

static void no_root_no_setuid_file(void)
{
	struct profile p = { .name = (char *)"t", .root = false };
	struct view_facts f = ordinary();
	struct view_plan v;
	struct err e;
	size_t i;

	CHECK_EQ(view_plan(&p, &f, &v, &e), 0);
	for (i = 0; i < v.n; i++) {
		CHECK(v.steps[i].op != STEP_SKEL_ROOT);
		CHECK(!(v.steps[i].mode & 06000));
	}
	CHECK(attached_at(&v, "/usr/bin/sudo") == NULL);
	p.root = true;
	view_plan_done(&v);
	CHECK_EQ(view_plan(&p, &f, &v, &e), 0);
	CHECK(makes(&v, STEP_SKEL_ROOT, "/carrel/bin/carrel-root"));
	view_plan_done(&v);
}

static void other_homes_are_hidden_and_the_own_one_is_not(void)
{
	struct profile p = { .name = (char *)"t" };
	struct view_facts f = ordinary();
	const struct step *homes, *home;
	struct view_plan v;
	struct err e;

	CHECK_EQ(view_plan(&p, &f, &v, &e), 0);
	homes = attached_at(&v, "/home");
	home = attached_at(&v, "/home/ada");
	CHECK(homes && homes->op == STEP_FROM_SKEL && (homes->attr & MOUNT_ATTR_RDONLY));
	CHECK(home && home->op == STEP_HOME && !(home->attr & MOUNT_ATTR_RDONLY));
	CHECK(homes && home && index_of(&v, homes) < index_of(&v, home));
	CHECK(makes(&v, STEP_SKEL_DIR, "/homes0/ada"));
	view_plan_done(&v);
}

static void homes_elsewhere_hide_their_neighbours(void)
{
	struct profile p = { .name = (char *)"t" };
	struct view_facts f = ordinary();
	const struct step *s;
	struct view_plan v;
	struct err e;

	f.home = "/export/people/ada";
	CHECK_EQ(view_plan(&p, &f, &v, &e), 0);
	s = attached_at(&v, "/export/people");
	CHECK(s && s->op == STEP_FROM_SKEL);
	view_plan_done(&v);
	/* but not the system: a service's home must not make /var/lib disappear */
	f.home = "/var/lib/ada";
	CHECK_EQ(view_plan(&p, &f, &v, &e), 0);
	CHECK(attached_at(&v, "/var/lib") == NULL);
	CHECK(attached_at(&v, "/var/lib/ada") != NULL);
	view_plan_done(&v);
}

static void the_second_socket_is_shown_where_it_is_and_nothing_else_of_the_helpers(void)
{
	static const char *const dirs[] = { "/run", "/run/carrel/inside" };
	struct profile p = { .name = (char *)"t", .root = true };
	struct view_facts f = ordinary();
	const struct step *s;
	struct view_plan v;
	struct err e;
	size_t i;

	CHECK_EQ(view_plan(&p, &f, &v, &e), 0);
	CHECK(attached_at(&v, "/run/carrel/inside") == NULL);
	view_plan_done(&v);
	f.dirs = dirs;
	f.n_dirs = 2;
	CHECK_EQ(view_plan(&p, &f, &v, &e), 0);
	s = attached_at(&v, "/run/carrel/inside");
	CHECK(s && s->op == STEP_CLONE && (s->attr & MOUNT_ATTR_RDONLY) && (s->attr & MOUNT_ATTR_NOEXEC));
	CHECK(s && index_of(&v, s) > index_of(&v, attached_at(&v, "/run/carrel")));
	CHECK(makes(&v, STEP_SKEL_DIR, "/carrel/inside"));
	for (i = 0; i < v.n; i++)
		CHECK(v.steps[i].op != STEP_CLONE || strncmp(v.steps[i].src, "/run/", 5) != 0 || &v.steps[i] == s);
	view_plan_done(&v);
}

static void no_home_is_no_failure(void)
{
	struct profile p = { .name = (char *)"t" };
	struct view_facts f = ordinary();
	struct view_plan v;
	struct err e;
	size_t i;

	f.home = NULL;
	CHECK_EQ(view_plan(&p, &f, &v, &e), 0);
	for (i = 0; i < v.n; i++)
		CHECK(v.steps[i].op != STEP_HOME);
	view_plan_done(&v);
}

static void binds_get_mount_points_where_the_tree_is_ours(void)
{
	static const struct view_bind binds[] = { { "/run/nscd", false, true },
		{ "/run/db/socket", true, false }, { "/home/shared", true, true }, { "/data", true, true } };
	struct profile p = { .name = (char *)"t" };
	struct view_facts f = ordinary();
	const struct step *s;
	struct view_plan v;
	struct err e;

	f.binds = binds;
	f.n_binds = 4;
	CHECK_EQ(view_plan(&p, &f, &v, &e), 0);
	CHECK(makes(&v, STEP_SKEL_DIR, "/run/nscd"));
	CHECK(makes(&v, STEP_SKEL_DIR, "/run/db"));
	CHECK(makes(&v, STEP_SKEL_FILE, "/run/db/socket"));
	CHECK(makes(&v, STEP_SKEL_DIR, "/homes0/shared"));
	s = attached_at(&v, "/run/nscd");
	CHECK(s && (s->attr & MOUNT_ATTR_RDONLY) && (s->attr & MOUNT_ATTR_NOSUID));
	s = attached_at(&v, "/data");
	CHECK(s && !(s->attr & MOUNT_ATTR_RDONLY) && (s->attr & MOUNT_ATTR_NODEV));
	view_plan_done(&v);
}

static void hidden_paths_are_covered_by_kind(void)
{
	static const struct view_hidden hides[] = { { "/srv/secret", true }, { "/etc/motd", false } };
	struct profile p = { .name = (char *)"t" };
	struct view_facts f = ordinary();
	struct view_plan v;
	struct err e;

	f.hides = hides;
	f.n_hides = 2;
	CHECK_EQ(view_plan(&p, &f, &v, &e), 0);
	CHECK_STR(attached_at(&v, "/srv/secret")->src, "/hidden0");
	CHECK(attached_at(&v, "/srv/secret")->optional); /* /run/thing is hidden already, and has no place inside */
	CHECK(!attached_at(&v, "/home")->optional);
	CHECK(makes(&v, STEP_SKEL_DIR, "/hidden0"));
	CHECK_STR(attached_at(&v, "/etc/motd")->src, "/hidden1");
	CHECK(makes(&v, STEP_SKEL_FILE, "/hidden1"));
	view_plan_done(&v);
}

static void hides_and_binds_lie_over_each_other_by_depth(void)
{
	static const struct view_bind binds[] = { { "/srv", true, true }, { "/scratch/ours/deep", true, true } };
	static const struct view_hidden hides[] = { { "/srv/secret", true }, { "/scratch", true } };
	struct profile p = { .name = (char *)"t" };
	struct view_facts f = ordinary();
	struct view_plan v;
	struct err e;

	f.binds = binds;
	f.n_binds = 2;
	f.hides = hides;
	f.n_hides = 2;
	CHECK_EQ(view_plan(&p, &f, &v, &e), 0);
	CHECK(index_of(&v, attached_at(&v, "/srv")) < index_of(&v, attached_at(&v, "/srv/secret")));
	CHECK(index_of(&v, attached_at(&v, "/scratch")) < index_of(&v, attached_at(&v, "/scratch/ours/deep")));
	CHECK(makes(&v, STEP_SKEL_DIR, "/hidden1/ours"));
	CHECK(makes(&v, STEP_SKEL_DIR, "/hidden1/ours/deep"));
	view_plan_done(&v);
}

static void devices_make_a_dev_of_its_own(void)
{
	static const struct view_device device = { "/dev/dri/card0", 0020660, 57856, 0, 44 };
	struct profile p = { .name = (char *)"t" };
	struct view_facts f = ordinary();
	struct view_plan v;
	struct err e;

	CHECK_EQ(view_plan(&p, &f, &v, &e), 0);
	CHECK_EQ(attached_at(&v, "/dev")->op, STEP_DEV);
	view_plan_done(&v);
	f.devices = &device;
	f.n_devices = 1;
	CHECK_EQ(view_plan(&p, &f, &v, &e), 0);
	CHECK_EQ(attached_at(&v, "/dev")->op, STEP_FROM_SKEL);
	CHECK(makes(&v, STEP_SKEL_DIR, "/dev/dri"));
	CHECK(makes(&v, STEP_SKEL_NODE, "/dev/dri/card0"));
	view_plan_done(&v);
}

static void mounts_of_other_software_stay_out(void)
{
	static const struct {
		struct view_mount m;
		bool kept;
	} rows[] = {
		{ { "/", "ext4" }, false }, /* it is the first row already */
		{ { "/usr", "ext4" }, true },
		{ { "/var", "xfs" }, true },
		{ { "/data", "nfs4" }, true },
		{ { "/home", "nfs4" }, false },
		{ { "/home/bob", "nfs4" }, false },
		{ { "/homework", "ext4" }, true },
		{ { "/run/user/1000", "tmpfs" }, false },
		{ { "/var/lib/docker/overlay2/x/merged", "overlay" }, false },
		{ { "/run/docker/netns/x", "nsfs" }, false },
		{ { "/net", "autofs" }, false },
		{ { "/mnt/remote", "fuse.sshfs" }, false },
		{ { "/sys/fs/cgroup", "cgroup2" }, false },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_EQ(view_keeps_mount(&rows[i].m), rows[i].kept);
}

static void mounts_without_a_place_stay_out(void)
{
	static const struct view_mount mounts[] = { { "/", "ext4" }, { "/net", "autofs" }, { "/net/server", "nfs4" },
		{ "/net/server/disk", "nfs4" }, { "/data", "autofs" }, { "/data", "nfs4" }, { "/data/more", "nfs4" },
		{ "/network", "ext4" } };
	struct profile p = { .name = (char *)"t" };
	struct view_facts f = ordinary();
	struct view_plan v;
	struct err e;

	f.mounts = mounts;
	f.n_mounts = sizeof(mounts) / sizeof(mounts[0]);
	CHECK_EQ(view_plan(&p, &f, &v, &e), 0);
	CHECK(!attached_at(&v, "/net/server"));
	CHECK(!attached_at(&v, "/net/server/disk"));
	CHECK(attached_at(&v, "/network") != NULL);
	CHECK(attached_at(&v, "/data") != NULL);
	CHECK(attached_at(&v, "/data/more") != NULL);
	view_plan_done(&v);
}

static void links_do_not_bring_the_hosts_trees_in(void)
{
	CHECK(view_may_show("/data", "/data"));
	CHECK(view_may_show("/data", "/lustre/data"));
	CHECK(view_may_show("/scratch/tmp", "/tmp/scratch"));
	CHECK(view_may_show("/runs", "/runs"));
	CHECK(!view_may_show("/data", "/"));
	CHECK(!view_may_show("/", "/"));
	CHECK(!view_may_show("/data/x", "/run"));
	CHECK(!view_may_show("/data/x", "/run/dbus/system_bus_socket"));
	CHECK(!view_may_show("/data/x", "/proc/1"));
	CHECK(!view_may_show("/data/x", "/dev"));
	CHECK(!view_may_show("/data/x", "/sys/fs/cgroup"));
	/* what the profile itself names */
	CHECK(view_may_show("/run/munge", "/run/munge"));
	CHECK(view_may_show("/var/run/munge", "/run/munge"));
	CHECK(view_may_show("/sys/fs/bpf", "/sys/fs/bpf"));
	/* a home is named by nobody */
	CHECK(view_may_show(NULL, "/home/ada"));
	CHECK(!view_may_show(NULL, "/proc"));
	CHECK(!view_may_show(NULL, "/run/sshd"));
}

static void a_path_too_long_is_refused(void)
{
	struct profile p = { .name = (char *)"t" };
	struct view_facts f = ordinary();
	struct view_plan v = { .n = 77 };
	char home[400] = "/home/";
	struct err e;

	memset(home + 6, 'x', sizeof(home) - 7);
	f.home = home;
	CHECK_EQ(view_plan(&p, &f, &v, &e), -ENAMETOOLONG);
	CHECK_EQ(v.n, 77);
	CHECK(strstr(e.text, "longer than"));
}

/* --- launches --- */

static void an_image_is_layered_and_alone_without_nosuid(void)
{
	struct profile p = { .name = (char *)"t" };
	struct view_facts f = ordinary();
	struct view_image image = { .writable = true, .net_host = true };
	struct view_plan v;
	struct err e;
	size_t i;

	CHECK_EQ(view_plan_image(&p, &f, &image, &v, &e), 0);
	CHECK_EQ(v.steps[0].op, STEP_LAYERS);
	CHECK_EQ(v.steps[1].op, STEP_LAYERED);
	CHECK_EQ(v.steps[1].attr, MOUNT_ATTR_NODEV);
	for (i = 1; i < v.n; i++)
		if (v.steps[i].op == STEP_CLONE || v.steps[i].op == STEP_FROM_PRIVATE || v.steps[i].op == STEP_DEV ||
			v.steps[i].op == STEP_TERMINALS)
			CHECK(v.steps[i].attr & MOUNT_ATTR_NOSUID);
	CHECK_EQ(attached_at(&v, "/dev/pts")->op, STEP_TERMINALS);
	CHECK_EQ(attached_at(&v, "/etc/resolv.conf")->op, STEP_PLACE_COPY);
	CHECK_STR(attached_at(&v, "/etc/hosts")->src, "/etc/hosts");
	CHECK_EQ(attached_at(&v, "/dev")->attr, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC); /* root inside makes /dev/log */
	CHECK(makes(&v, STEP_SKEL_NODES, "/dev"));
	CHECK(!makes(&v, STEP_SKEL_ROOT, "/carrel/bin/carrel-root"));
	CHECK(!attached_at(&v, "/run/carrel/inside"));
	CHECK(!attached_at(&v, "/home"));
	view_plan_done(&v);
}

static size_t row_of(const struct view_plan *v, enum step_op op)
{
	size_t i = 0;

	while (i < v->n && v->steps[i].op != op)
		i++;
	return i;
}

static void names_go_into_a_fresh_layer_before_it_is_laid_over_a_plain_etc(void)
{
	struct profile p = { .name = (char *)"t" };
	struct view_facts f = ordinary();
	struct view_image image = { .writable = true, .net_host = true, .etc = 0750 };
	struct view_plan v;
	struct err e;

	CHECK_EQ(view_plan_image(&p, &f, &image, &v, &e), 0);
	CHECK_EQ(v.steps[row_of(&v, STEP_LAYER_DIR)].mode, 0750);
	CHECK_STR(v.steps[row_of(&v, STEP_LAYER_DIR)].src, "/etc");
	CHECK_EQ(attached_at(&v, "/etc/hosts")->op, STEP_LAYER_COPY);
	CHECK_EQ(attached_at(&v, "/etc/resolv.conf")->op, STEP_LAYER_COPY);
	CHECK(row_of(&v, STEP_LAYER_DIR) < row_of(&v, STEP_LAYER_COPY));
	CHECK(row_of(&v, STEP_LAYER_COPY) < row_of(&v, STEP_LAYERED));
	CHECK_EQ(row_of(&v, STEP_PLACE_COPY), v.n);
	CHECK(row_of(&v, STEP_PLACE_DIR) < v.n);
	view_plan_done(&v);
	image.has_points = true;
	CHECK_EQ(view_plan_image(&p, &f, &image, &v, &e), 0);
	CHECK_EQ(row_of(&v, STEP_PLACE_DIR), v.n);
	view_plan_done(&v);
	image.kept = true; /* whose /etc is whatever was made of it, and whose /tmp */
	CHECK_EQ(view_plan_image(&p, &f, &image, &v, &e), 0);
	CHECK(row_of(&v, STEP_PLACE_DIR) < v.n);
	CHECK_EQ(row_of(&v, STEP_LAYER_DIR), v.n);
	CHECK(row_of(&v, STEP_PLACE_COPY) > row_of(&v, STEP_LAYERED));
	view_plan_done(&v);
}

static void an_image_that_is_not_written_is_sealed_last_and_has_places_to_write(void)
{
	struct profile p = { .name = (char *)"t" };
	struct view_facts f = ordinary();
	struct view_image image = { .net_host = true };
	struct view_plan v;
	struct err e;

	CHECK_EQ(view_plan_image(&p, &f, &image, &v, &e), 0);
	CHECK_EQ(v.steps[0].op, STEP_LAYERS);
	CHECK_EQ(v.steps[v.n - 1].op, STEP_SEAL);
	CHECK_EQ(attached_at(&v, "/tmp")->op, STEP_FROM_PRIVATE);
	CHECK(attached_at(&v, "/run")->attr & MOUNT_ATTR_NOSUID);
	view_plan_done(&v);
}

static void nothing_is_made_in_a_tree_of_the_users_own(void)
{
	struct profile p = { .name = (char *)"t" };
	struct view_facts f = ordinary();
	struct view_image image = { .own_tree = true, .writable = true, .net_host = true };
	struct view_plan v;
	struct err e;
	size_t i;

	CHECK_EQ(view_plan_image(&p, &f, &image, &v, &e), 0);
	CHECK_EQ(v.steps[0].op, STEP_TREE);
	CHECK_EQ(v.steps[0].attr, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	for (i = 0; i < v.n; i++)
		CHECK(v.steps[i].op != STEP_PLACE_DIR && v.steps[i].op != STEP_PLACE_FILE && v.steps[i].op != STEP_PLACE_COPY);
	view_plan_done(&v);
}

static void home_and_binds_are_nosuid_nodev_where_they_were_wanted(void)
{
	static const struct view_image_bind binds[] = { { .at = "/data", .writable = true, .is_dir = true }, { .at = "/etc/key" } };
	struct profile p = { .name = (char *)"t" };
	struct view_facts f = ordinary();
	struct view_image image = { .writable = true, .home = "/home/ada", .binds = binds, .n_binds = 2 };
	struct view_plan v;
	struct err e;

	CHECK_EQ(view_plan_image(&p, &f, &image, &v, &e), 0);
	CHECK_EQ(attached_at(&v, "/home/ada")->op, STEP_HOME);
	CHECK_EQ(attached_at(&v, "/home/ada")->attr, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	CHECK_EQ(attached_at(&v, "/data")->attr, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	CHECK_EQ(attached_at(&v, "/etc/key")->op, STEP_BIND);
	CHECK_EQ(attached_at(&v, "/etc/key")->index, 1);
	CHECK_EQ(attached_at(&v, "/etc/key")->attr, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	CHECK(!attached_at(&v, "/etc/resolv.conf")); /* no network, no names */
	CHECK_STR(attached_at(&v, "/etc/hosts")->src, ""); /* but its own */
	view_plan_done(&v);
}

/* --- where things are bound --- */

static void points_are_made_in_the_tree_alone(void)
{
	static char text[128];
	char dir[] = "/tmp/test-view.XXXXXX", path[64];
	struct stat st;
	struct err e;
	int root;

	CHECK(mkdtemp(dir) != NULL);
	(void)snprintf(path, sizeof(path), "%s/root", dir);
	CHECK_EQ(mkdir(path, 0755), 0);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK_EQ(tree_point_make(root, "/a/b", true, &e), 0);
	CHECK(fstatat(root, "a/b", &st, 0) == 0 && S_ISDIR(st.st_mode));
	CHECK_EQ(tree_point_make(root, "/a/f", false, &e), 0);
	CHECK(fstatat(root, "a/f", &st, 0) == 0 && S_ISREG(st.st_mode));
	CHECK_EQ(tree_point_make(root, "/a/f", false, &e), 0); /* it is there */
	CHECK_EQ(tree_point_make(root, "/a/f/x", true, &e), -ENOTDIR);
	/* Links are read as the container will: from its root. */
	CHECK_EQ(symlinkat("../../../../a", root, "up"), 0);
	CHECK_EQ(tree_point_make(root, "/up/c", true, &e), 0);
	CHECK(fstatat(root, "a/c", &st, 0) == 0 && S_ISDIR(st.st_mode));
	(void)snprintf(path, sizeof(path), "%s/outside", dir);
	CHECK_EQ(symlinkat(path, root, "out"), 0);
	CHECK_EQ(tree_point_make(root, "/out", true, &e), -EEXIST);
	CHECK_EQ(tree_point_make(root, "/out/x", true, &e), -EEXIST);
	CHECK(stat(path, &st) < 0);
	(void)close(root);
	(void)snprintf(text, sizeof(text), "rm -rf %s", dir);
	CHECK_EQ(system(text), 0);
}

static void options_of_a_tmpfs_are_kept_to_or_refused(void)
{
	static const char *const refused[] = { "tmpfs,suid", "tmpfs,dev", "tmpfs,mode=8", "tmpfs,mode=", "tmpfs,mode=10000", "tmpfs,mode=-1",
		"tmpfs,uid=x", "tmpfs,gid=-1", "tmpfs,uid=4294967296", "tmpfs,huge=always", "tmpfs,rw,x", "tmpfsx", "rw", "" };
	struct launch_place p = { .at = "/x" };
	struct err e;
	size_t i;

	CHECK_EQ(launch_tmpfs_take("tmpfs", &p, &e), 0);
	CHECK(p.kind == PLACE_TMPFS && p.writable && p.is_dir && !p.noexec);
	CHECK_EQ(p.mode, 01777);
	CHECK_EQ(launch_tmpfs_take("tmpfs,ro,noexec,nosuid,nodev,size=65536k,mode=0750,uid=7,gid=8", &p, &e), 0);
	CHECK(!p.writable && p.noexec && p.mode == 0750 && p.uid == 7 && p.gid == 8);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		CHECK_EQ(launch_tmpfs_take(refused[i], &p, &e), -EINVAL);
}

static void memory_is_of_one_file_system_and_has_its_own_points(void)
{
	static const struct view_image_bind binds[] = {
		{ .at = "/vol", .writable = true, .is_dir = true, .kind = PLACE_TMPFS, .noexec = true, .mode = 0700, .uid = 7, .gid = 8 },
		{ .at = "/vol/in/file" }, { .at = "/run/x", .is_dir = true }, { .at = "/vol/in", .is_dir = true },
		{ .at = "/vol/in/bound", .is_dir = true },
		{ .at = "/etc/hosts", .kind = PLACE_HOSTS }, { .at = "/etc/resolv.conf", .kind = PLACE_RESOLV } };
	struct profile p = { .name = (char *)"t" };
	struct view_facts f = ordinary();
	struct view_image image = { .own_tree = true, .net_host = true, .binds = binds, .n_binds = 7 };
	struct view_plan v;
	struct err e;

	CHECK_EQ(view_plan_image(&p, &f, &image, &v, &e), 0);
	CHECK_EQ(attached_at(&v, "/vol")->op, STEP_FROM_PRIVATE);
	CHECK_EQ(attached_at(&v, "/vol")->attr, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	CHECK(makes(&v, STEP_PRIVATE_DIR, "/mount0"));
	CHECK(makes(&v, STEP_SKEL_DIR, "/mount0/in"));
	CHECK(makes(&v, STEP_SKEL_FILE, "/mount0/in/file"));
	CHECK(makes(&v, STEP_SKEL_DIR, "/run/x"));
	CHECK(!makes(&v, STEP_SKEL_DIR, "/mount0/in/bound")); /* that is for who is bound at /vol/in */
	CHECK_EQ(attached_at(&v, "/etc/hosts")->attr, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	CHECK_EQ(attached_at(&v, "/etc/resolv.conf")->op, STEP_CLONE);
	view_plan_done(&v);
	image.own_tree = false; /* an image has its hosts in the layer */
	CHECK_EQ(view_plan_image(&p, &f, &image, &v, &e), 0);
	CHECK(!makes(&v, STEP_FROM_SKEL, "/hosts"));
	view_plan_done(&v);
}

int main(void)
{
	TEST(points_are_made_in_the_tree_alone);
	TEST(options_of_a_tmpfs_are_kept_to_or_refused);
	TEST(memory_is_of_one_file_system_and_has_its_own_points);
	TEST(an_image_is_layered_and_alone_without_nosuid);
	TEST(names_go_into_a_fresh_layer_before_it_is_laid_over_a_plain_etc);
	TEST(an_image_that_is_not_written_is_sealed_last_and_has_places_to_write);
	TEST(nothing_is_made_in_a_tree_of_the_users_own);
	TEST(home_and_binds_are_nosuid_nodev_where_they_were_wanted);
	TEST(system_is_read_only_and_comes_first);
	TEST(only_mounts_of_carrel_root_lack_nosuid);
	TEST(no_root_no_setuid_file);
	TEST(other_homes_are_hidden_and_the_own_one_is_not);
	TEST(homes_elsewhere_hide_their_neighbours);
	TEST(the_second_socket_is_shown_where_it_is_and_nothing_else_of_the_helpers);
	TEST(no_home_is_no_failure);
	TEST(binds_get_mount_points_where_the_tree_is_ours);
	TEST(hidden_paths_are_covered_by_kind);
	TEST(hides_and_binds_lie_over_each_other_by_depth);
	TEST(devices_make_a_dev_of_its_own);
	TEST(mounts_of_other_software_stay_out);
	TEST(mounts_without_a_place_stay_out);
	TEST(links_do_not_bring_the_hosts_trees_in);
	TEST(a_path_too_long_is_refused);
	return test_done();
}
