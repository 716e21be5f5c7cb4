#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <linux/nsfs.h>

#include "helper/attributes.h"
#include "helper/container.h"
#include "helper/idmap_fd.h"
#include "helper/owner.h"
#include "policy/base/err.h"
#include "policy/idrange.h"

/*
 * For whom the kernel counts what the helper makes for a user. Each try in a user namespace of its own, which has all IDs as they are,
 * and whose sysctls are its own.
 */

#define USER 1000
#define OWNER 2147484648u /* 2^31 + USER */
#define MOST 8

static bool say(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		(void)close(fd);
	return ok;
}

static bool say_of(pid_t pid, const char *file, const char *text)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	return say(path, text);
}

#define NO_WORLD 77

/* What the try of that name returns, or NO_WORLD. Executed there, so that its memory belongs to that world and /proc shows it. */
static int in_world(const char *tried)
{
	int up[2], down[2], status = -1;
	char word;
	pid_t pid;

	if (pipe2(up, O_CLOEXEC) < 0 || pipe2(down, O_CLOEXEC) < 0)
		return -1;
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)close(down[1]);
		if (unshare(CLONE_NEWUSER) < 0 || write(up[1], "", 1) != 1 || read(down[0], &word, 1) != 1 || setgroups(0, NULL) < 0 || unshare(CLONE_NEWNS) < 0)
			_exit(NO_WORLD);
		(void)execl("/proc/self/exe", "test-owner", tried, NULL);
		_exit(NO_WORLD);
	}
	(void)close(up[1]);
	if (read(up[0], &word, 1) == 1 && say_of(pid, "gid_map", "0 0 4294967295") && say_of(pid, "uid_map", "0 0 4294967295"))
		(void)!write(down[1], "", 1);
	(void)close(up[0]);
	(void)close(down[0]);
	(void)close(down[1]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- namespaces --- */

static const struct {
	int flag;
	const char *file, *sysctl;
} kinds[] = {
	{ CLONE_NEWCGROUP, "/proc/self/ns/cgroup", "/proc/sys/user/max_cgroup_namespaces" },
	{ CLONE_NEWNS, "/proc/self/ns/mnt", "/proc/sys/user/max_mnt_namespaces" },
	{ CLONE_NEWIPC, "/proc/self/ns/ipc", "/proc/sys/user/max_ipc_namespaces" },
	{ CLONE_NEWUTS, "/proc/self/ns/uts", "/proc/sys/user/max_uts_namespaces" },
	{ CLONE_NEWNET, "/proc/self/ns/net", "/proc/sys/user/max_net_namespaces" },
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int map_make(uid_t owner)
{
	const struct id_range range = { 100000, 65536 };
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
	struct id_map ids;
	struct err e;

	if (id_map_plan(&range, NULL, 0, &ids, &e) == 0)
		if (idmap_fd_make(proc, owner, &ids, &ids, &fd, &e) < 0)
			printf("# %s\n", e.text);
	(void)fflush(stdout);
	(void)close(proc);
	return fd;
}

/* Root has as many as there may be of each kind, and holds them. */
static bool root_is_full(void)
{
	size_t i, n;

	for (i = 0; i < N_KINDS; i++) {
		if (!say(kinds[i].sysctl, "8"))
			return false;
		for (n = 0; n < MOST && unshare(kinds[i].flag) == 0; n++)
			(void)open(kinds[i].file, O_RDONLY | O_CLOEXEC);
		if (n == 0 || unshare(kinds[i].flag) == 0 || errno != ENOSPC)
			return false;
	}
	return true;
}

/* In a child, as a container uses its builder up. 0, or what failed. */
static int container_try(uid_t owner, const struct attributes *most, unsigned spare, int (*inside)(const struct container_born *))
{
	static struct id_map ids;
	const struct id_range range = { 100000, 65536 };
	struct container_spec spec = { .uid = USER, .owner = owner, .net_own = true, .uids = &ids, .gids = &ids, .most = most, .spare = spare };
	struct container_born born;
	int status = -1, r;
	struct err e;
	pid_t pid = fork();

	if (pid == 0) {
		spec.base_mntns_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
		spec.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = id_map_plan(&range, NULL, 0, &ids, &e);
		if (r == 0)
			r = container_raise(&spec, &born, &e);
		if (r < 0) {
			printf("# %s\n", e.text);
			(void)fflush(stdout);
			_exit(-r);
		}
		r = inside ? inside(&born) : 0;
		container_drop(&born);
		_exit(r);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const struct attributes none;

static int namespaces_of_a_full_root(void)
{
	if (container_try(OWNER, &none, 0, NULL) != 0)
		return 2;
	if (!root_is_full())
		return 3;
	if (container_try(0, &none, 0, NULL) != ENOSPC)
		return 4;
	return container_try(OWNER, &none, 0, NULL) != 0;
}

static void a_container_counts_for_its_owner_alone(void)
{
	int r = in_world("namespaces_of_a_full_root");

	if (r == NO_WORLD)
		TEST_SKIP("needs root");
	CHECK_EQ(r, 0);
}

static int maps_of_a_full_root(void)
{
	uid_t owner = 0;
	int fd, n;

	if (!say("/proc/sys/user/max_user_namespaces", "8"))
		return 2;
	for (n = 0; n < MOST; n++)
		if (map_make(0) < 0)
			return 3;
	if (map_make(0) >= 0)
		return 4;
	fd = map_make(OWNER);
	if (fd < 0 || ioctl(fd, NS_GET_OWNER_UID, &owner) < 0 || owner != OWNER)
		return 5;
	/* And it is nobody's to join: whoever has the user's ID may not. */
	if (setresuid(USER, USER, USER) < 0)
		return 6;
	return setns(fd, CLONE_NEWUSER) == 0 || errno != EPERM;
}

static void a_map_of_ids_counts_for_its_owner_alone(void)
{
	int r = in_world("maps_of_a_full_root");

	if (r == NO_WORLD)
		TEST_SKIP("needs root");
	CHECK_EQ(r, 0);
}

/* --- processes --- */

#define LIMIT 20
#define SPARE 4

/* How many processes of this ID of the container's live at once, of as many as the limit says. */
static int processes_start(uid_t uid, const int hold[2])
{
	int made = 0, line[2];
	char word;

	if (pipe2(line, O_CLOEXEC) < 0)
		return -1;
	if (fork() == 0) {
		int n;

		(void)close(hold[1]); /* else nobody would hear that it is closed */
		if (setresuid(uid, uid, uid) < 0)
			_exit(1);
		for (n = 0; n < LIMIT; n++) {
			pid_t pid = fork();

			if (pid == 0) {
				(void)close(line[1]);
				(void)!read(hold[0], &word, 1);
				_exit(0);
			}
			if (pid < 0)
				break;
		}
		(void)!write(line[1], &n, sizeof(n));
		(void)!read(hold[0], &word, 1);
		_exit(0);
	}
	(void)close(line[1]);
	if (read(line[0], &made, sizeof(made)) != sizeof(made))
		made = 0;
	(void)close(line[0]);
	return made;
}

static int count_inside(const struct container_born *born)
{
	struct rlimit mine = { LIMIT, LIMIT };
	int hold[2], first, n, uid;

	if (pipe2(hold, O_CLOEXEC) < 0 || setns(born->user_ns_fd, CLONE_NEWUSER) < 0 || setresuid(0, 0, 0) < 0 ||
		setrlimit(RLIMIT_NPROC, &mine) < 0)
		return 2;
	first = n = processes_start(1, hold);
	for (uid = 2; uid < 8; uid++)
		n += processes_start((uid_t)uid, hold);
	(void)close(hold[1]);
	printf("# %d of the first, %d of all\n", first, n);
	(void)fflush(stdout);
	if (first < LIMIT / 2)
		return 3;
	return n > LIMIT + SPARE;
}

static int processes_of_many(void)
{
	struct attributes most = { .limits[RLIMIT_NPROC] = { LIMIT, LIMIT } };
	struct rlimit before, after;

	most.limited[RLIMIT_NPROC] = true;
	if (getrlimit(RLIMIT_NPROC, &before) < 0 || container_try(OWNER, &most, SPARE, count_inside) != 0)
		return 1;
	return getrlimit(RLIMIT_NPROC, &after) < 0 || after.rlim_cur != before.rlim_cur;
}

static void the_limit_of_processes_holds_for_all_ids_together(void)
{
	int r = in_world("processes_of_many");

	if (r == NO_WORLD)
		TEST_SKIP("needs root");
	CHECK_EQ(r, 0);
}

static int limits_of_the_builder(void)
{
	struct attributes most = { .limits[RLIMIT_NPROC] = { 10, 20 }, .limits[RLIMIT_MEMLOCK] = { 4096, 8192 } };
	struct rlimit before[2], now[2];
	struct ceilings c;

	most.limited[RLIMIT_NPROC] = most.limited[RLIMIT_MEMLOCK] = true;
	(void)getrlimit(RLIMIT_NPROC, &before[0]);
	(void)getrlimit(RLIMIT_MEMLOCK, &before[1]);
	ceilings_take(&most, 5, &c);
	(void)getrlimit(RLIMIT_NPROC, &now[0]);
	(void)getrlimit(RLIMIT_MEMLOCK, &now[1]);
	if (now[0].rlim_cur != 25 || now[1].rlim_cur != 8192 || now[0].rlim_max != before[0].rlim_max || now[1].rlim_max != before[1].rlim_max)
		return 1;
	ceilings_return(&c);
	(void)getrlimit(RLIMIT_NPROC, &now[0]);
	(void)getrlimit(RLIMIT_MEMLOCK, &now[1]);
	return memcmp(now, before, sizeof(now)) != 0;
}

static void ceilings_are_hard_limits_and_go_again(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(limits_of_the_builder());
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	CHECK_EQ(status, 0);
}

static const struct {
	const char *name;
	int (*tried)(void);
} tries[] = {
	{ "namespaces_of_a_full_root", namespaces_of_a_full_root },
	{ "maps_of_a_full_root", maps_of_a_full_root },
	{ "processes_of_many", processes_of_many },
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(tries) / sizeof(tries[0]); i++)
		if (strcmp(argv[1], tries[i].name) == 0)
			return tries[i].tried();
	TEST(a_container_counts_for_its_owner_alone);
	TEST(a_map_of_ids_counts_for_its_owner_alone);
	TEST(the_limit_of_processes_holds_for_all_ids_together);
	TEST(ceilings_are_hard_limits_and_go_again);
	return test_done();
}
