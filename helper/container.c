/*
 * container - one set of namespaces, built in the order in which each step needs the one before.
 *
 * Trust:  runs as host root in a disposable child of the helper; all decisions were made before. The user's paths were opened
 *         with the user's credentials (view_open.c).
 * Order:  with ruid = the user (RLIMIT_NPROC of the container is the user's) and euid = an ID that nobody has (it owns the user
 *         namespace: nobody but root can ever join it, and it is charged for all that is made here): enter a copy of the base mount
 *         namespace, owned by the initial user namespace, and clone pid 1; as root again write the maps. While the parent assembles the view in
 *         that mount namespace, pid 1 becomes container root. Then it takes its own copy of the mounts, which the kernel locks, as
 *         they come from another user namespace: container root can undo no mount and no flag. It mounts its own /proc, pivots,
 *         drops everything else, and executes carrel-init, or carrel-relay for a launch, which waits to be told to go.
 * Fails:  pid 1 dies with its builder until container_go(); nothing of a failed build stays.
 */
#include "helper/container.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <linux/keyctl.h>

#include "helper/attributes.h"
#include "helper/idmap_fd.h"
#include "helper/owner.h"
#include "helper/public/syscalls.h"
#include "helper/view_mount.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

/* --- pid 1, until it is its program --- */

struct newborn {
	const struct container_spec *spec;
	int line[2]; /* of the builder, and its own: 'r' ready, or a struct err text; from the builder: 'm' maps are written, 'v' the view
			stands, and to the program 'g' go */
};

static int namespaces_full(struct err *e, bool net)
{
	return err_set(e, ENOSPC,
		"no namespace left for a container (ENOSPC): raise one of the sysctls user.max_user_namespaces, "
		"user.max_mnt_namespaces, user.max_pid_namespaces, user.max_ipc_namespaces, user.max_uts_namespaces, "
		"user.max_cgroup_namespaces%s", net ? ", user.max_net_namespaces" : "");
}

static void newborn_says(const struct newborn *n, const struct err *e)
{
	(void)!send(n->line[1], e->text, strlen(e->text) + 1, MSG_NOSIGNAL);
	_exit(1);
}

static void newborn_fails(const struct newborn *n, const char *what)
{
	struct err e;

	(void)err_set(&e, errno, "container: cannot %s: %s", what, strerror(errno));
	newborn_says(n, &e);
}

static void await(const struct newborn *n, char word)
{
	char got = 0;

	if (recv(n->line[1], &got, 1, 0) != 1 || got != word)
		_exit(1);
}

/* Shares the newborn's memory, as after vfork(2), but does not keep it waiting. */
static int base_detach(void *ret_errno)
{
	if (sys_umount2(".", MNT_DETACH) < 0)
		*(volatile int *)ret_errno = errno;
	_exit(0);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/*
 * The base with the host's /proc lies over the view now, and goes. The kernel takes it out of everybody's sight at once, but then
 * makes the caller wait until every processor has forgotten it, for milliseconds where they are busy. A child waits instead, and
 * carrel-init reaps it. "/.." is what lies on top of the root: until that is the view, nobody may hear that we are ready, and if it
 * becomes anything else, nobody ever does.
 */
static void leave_base(const struct newborn *n)
{
	static char stack[16384] __attribute__((aligned(16)));
	volatile int failed = 0;
	struct stat view, base, top;

	if (stat("/", &view) < 0 || stat("/..", &base) < 0)
		newborn_fails(n, "see the old root");
	if (clone(base_detach, stack + sizeof(stack), CLONE_VM | SIGCHLD, (void *)&failed) < 0)
		(void)(sys_umount2(".", MNT_DETACH) < 0 && (failed = errno));
	do {
		errno = failed;
		if (failed || stat("/..", &top) < 0)
			newborn_fails(n, "leave the old root");
	} while (same_file(&top, &base) && sched_yield() == 0);
	errno = EXDEV;
	if (!same_file(&top, &view))
		newborn_fails(n, "leave all that was over the view");
	if (chdir("/") < 0)
		newborn_fails(n, "go to /");
}

static void mounts_take(const struct newborn *n)
{
	struct err e;

	if (unshare(CLONE_NEWNS) == 0)
		return;
	if (errno != ENOSPC)
		newborn_fails(n, "copy the mounts");
	(void)namespaces_full(&e, n->spec->net_own);
	newborn_says(n, &e);
}

/*
 * The tree below may be the user's own, who can put a link in the place of its /proc at any moment: "/new/proc" could be any
 * directory of the base then, and the mount on it what pivot_root(2) and umount2(2) find in place of the base.
 */
static void proc_mount(const struct newborn *n)
{
	_cleanup_fd_ int view = open("/new", O_PATH | O_DIRECTORY | O_CLOEXEC), fs = sys_fsopen("proc"), at = -1, proc = -1;

	if (view < 0 || fs < 0 || sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		newborn_fails(n, "make a /proc");
	proc = sys_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	at = sys_openat2(view, "proc", O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	if (proc < 0 || at < 0 || sys_move_mount(proc, at) < 0)
		newborn_fails(n, "mount /proc");
}

/*
 * The message queues of its IPC namespace, which only who is in there can mount; programs do without, as on kernels that have none.
 * What is there to mount upon is the helper's own /dev.
 */
static void mqueue_mount(void)
{
	_cleanup_fd_ int view = open("/new", O_PATH | O_DIRECTORY | O_CLOEXEC), fs = sys_fsopen("mqueue"), at = -1, mount = -1;

	if (view < 0 || fs < 0 || sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return;
	mount = sys_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	at = sys_openat2(view, "dev/mqueue", O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	if (mount >= 0 && at >= 0)
		(void)sys_move_mount(mount, at);
}

static void enter_root(const struct newborn *n)
{
	int fd;

	proc_mount(n);
	if (n->spec->mqueue)
		mqueue_mount();
	/* A copy of its own: pivot_root(2) refuses a mount that is locked, and only the copy's top is not. */
	fd = sys_open_tree(AT_FDCWD, "/new", OPEN_TREE_CLONE | AT_RECURSIVE | OPEN_TREE_CLOEXEC);
	if (fd < 0)
		newborn_fails(n, "clone the view");
	if (syscall(SYS_move_mount, fd, "", AT_FDCWD, "/new", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
		chdir("/new") < 0)
		newborn_fails(n, "attach the view");
	if (sys_pivot_root(".", ".") < 0)
		newborn_fails(n, "pivot into the view");
	leave_base(n);
	(void)close(fd);
}

static void loopback_up(void)
{
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo" };

	request.ifr_flags = IFF_UP;
	if (fd >= 0)
		(void)ioctl(fd, SIOCSIFFLAGS, &request);
}

#define FD_SAFE 32 /* above every number that a first process is promised something at */

/* Every descriptor to its number. All others are O_CLOEXEC, and the user's program is further away than the next execve. */
static int fds_arrange(struct newborn *n, int *ret_program)
{
	const struct first_process *f = &n->spec->first;
	int high[16];
	size_t i;

	*ret_program = fcntl(f->program_fd, F_DUPFD_CLOEXEC, FD_SAFE);
	if (*ret_program < 0 || f->n_fds + 1 > sizeof(high) / sizeof(high[0]))
		return -1;
	for (i = 0; i <= f->n_fds; i++) {
		high[i] = fcntl(i < f->n_fds ? f->fds[i] : n->line[1], F_DUPFD_CLOEXEC, FD_SAFE);
		if (high[i] < 0)
			return -1;
	}
	for (i = 0; i <= f->n_fds; i++)
		if (dup2(high[i], 3 + (int)i) < 0)
			return -1;
	n->line[1] = 3 + (int)f->n_fds;
	return 0;
}

static void become_first(const struct newborn *n, int program)
{
	const struct first_process *f = &n->spec->first;

	if (f->limits)
		attributes_apply(f->limits);
	/* From here on the line tells of the builder's death, who ends as soon as it has said go: the signal would hit us then. */
	(void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	if (send(n->line[1], "r", 1, MSG_NOSIGNAL) != 1)
		_exit(1);
	(void)syscall(SYS_execveat, program, "", f->argv, f->envp, AT_EMPTY_PATH);
	_exit(1);
}

/*
 * Runs in the builder's memory: what is written here the builder sees. That holds for errno, which both write when a call fails and
 * at no other time; were both to fail at once, a text might name the other's reason.
 */
static int newborn_main(void *arg)
{
	struct newborn *n = arg;
	const char *hostname = n->spec->hostname;
	sigset_t all;
	int program;

	(void)close(n->line[0]); /* else it would never hear of the builder's death */
	await(n, 'm');
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		newborn_fails(n, "become the container's root");
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (send(n->line[1], "?", 1, MSG_NOSIGNAL) != 1) /* the builder died before the signal was set */
		_exit(1);
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		newborn_fails(n, "get a keyring of its own");
	if (n->spec->net_own)
		loopback_up();
	if (hostname && sethostname(hostname, strlen(hostname)) < 0)
		newborn_fails(n, "set the hostname");
	if (n->spec->domainname && setdomainname(n->spec->domainname, strlen(n->spec->domainname)) < 0)
		newborn_fails(n, "set the domain name");
	(void)setsid();
	(void)umask(022);
	/* Blocked, a SIGTERM that comes before the program asks for it waits; pid 1 would lose it otherwise. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	if (fds_arrange(n, &program) < 0)
		newborn_fails(n, "arrange its descriptors");
	await(n, 'v');
	mounts_take(n);
	enter_root(n);
	become_first(n, program);
	_exit(1);
}

/* --- the builder --- */

#define NEWBORN_STACK 65536

/* The newborn shares our memory, as after vfork(2), but does not keep us waiting: a copy would cost more than the namespaces. */
static int clone_newborn(const struct container_spec *spec, const int line[2], struct container_born *ret, struct err *e)
{
	static char stack[NEWBORN_STACK] __attribute__((aligned(16)));
	static struct newborn n;
	int flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD | CLONE_VM | SIGCHLD, code;
	struct ceilings ceilings;

	n = (struct newborn){ spec, { line[0], line[1] } };
	if (spec->net_own)
		flags |= CLONE_NEWNET;
	ceilings_take(spec->most, spec->spare, &ceilings);
	ret->pid = clone(newborn_main, stack + sizeof(stack), flags, &n, &ret->pidfd);
	code = errno;
	ceilings_return(&ceilings);
	if (ret->pid < 0 && code == ENOSPC)
		return namespaces_full(e, spec->net_own);
	if (ret->pid < 0 && code == EAGAIN)
		return err_set(e, code, "no process left for a container (EAGAIN): pids of this machine, of the helper's cgroup or RLIMIT_NPROC are used up");
	if (ret->pid < 0)
		return err_set(e, code, "container: cannot make namespaces: %s", strerror(code));
	return 0;
}

/*
 * All of them as the owner: what the kernel counts inside (inotify instances, namespaces, processes, locked memory) counts for that
 * ID outside, and so do these namespaces themselves, which live as long as somebody outside keeps a descriptor of /proc/PID/ns or of
 * what is mounted; one user takes nothing of another's or root's. The user could kill this process meanwhile, and thereby only the
 * own login.
 */
static int namespaces_make(const struct container_spec *spec, const int line[2], struct container_born *ret, struct err *e)
{
	int r;

	if (setgroups(spec->n_groups, spec->groups) < 0)
		return err_set(e, errno, "container: cannot take on the groups: %s", strerror(errno));
	if (owner_take(spec->uid, spec->owner) < 0)
		return err_set(e, errno, "container: cannot charge uid %u: %s", (unsigned)spec->uid, strerror(errno));
	/* The cgroup namespace stays the host root's: in one of its own the container's root could mount cgroup file systems. */
	if (unshare(CLONE_NEWNS | CLONE_NEWCGROUP) == 0)
		r = clone_newborn(spec, line, ret, e);
	else if (errno == ENOSPC)
		r = namespaces_full(e, false);
	else
		r = err_set(e, errno, "container: cannot copy the base namespace: %s", strerror(errno));
	owner_return();
	return r;
}

static int user_ns_open(int proc_fd, struct container_born *c, struct err *e)
{
	struct stat st;
	char path[64];

	c->user_ns_fd = sys_pidfd_user_ns(c->pidfd);
	if (c->user_ns_fd < 0) {
		(void)snprintf(path, sizeof(path), "%d/ns/user", (int)c->pid);
		c->user_ns_fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	}
	if (c->user_ns_fd < 0 || fstat(c->user_ns_fd, &st) < 0)
		return err_set(e, errno, "container: cannot see its user namespace: %s", strerror(errno));
	c->user_ns = st.st_ino;
	return 0;
}

static int died(struct err *e)
{
	return err_set(e, ECHILD, "container: its first process was killed while it was built");
}

static int tell(const struct container_born *c, const char *word, struct err *e)
{
	return send(c->line_fd, word, 1, MSG_NOSIGNAL) == 1 ? 0 : died(e);
}

/* No word may come while nobody is left for whom the container is built. */
static bool wait_for(int line, int owner_fd)
{
	struct pollfd p[] = { { .fd = line, .events = POLLIN }, { .fd = owner_fd } };

	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	return p[1].revents == 0;
}

/* The newborn's word: "?" it lives, "r" it is ready, anything longer is its failure. */
static int hear(int line, int owner_fd, struct err *e)
{
	struct err heard;
	ssize_t n;

	do {
		if (!wait_for(line, owner_fd))
			return err_set(e, EPIPE, "carrel-helper went away");
		n = recv(line, heard.text, sizeof(heard.text) - 1, 0);
	} while (n == 1 && heard.text[0] == '?');
	if (n == 1 && heard.text[0] == 'r')
		return 0;
	if (n <= 0)
		return died(e);
	heard.text[n] = '\0';
	return err_set(e, EIO, "%s", heard.text);
}

int container_raise(const struct container_spec *spec, struct container_born *ret, struct err *e)
{
	struct container_born born = { .pid = -1, .pidfd = -1, .line_fd = -1, .user_ns_fd = -1 };
	int line[2], r;

	if (setns(spec->base_mntns_fd, CLONE_NEWNS) < 0)
		return err_set(e, errno, "container: cannot enter the base namespace: %s", strerror(errno));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) < 0)
		return err_set(e, errno, "container: %s", strerror(errno));
	r = namespaces_make(spec, line, &born, e);
	(void)close(line[1]);
	born.line_fd = line[0];
	if (r == 0)
		r = id_maps_write(spec->proc_fd, born.pid, spec->uids, spec->gids, spec->deny_setgroups, e);
	if (r == 0)
		r = tell(&born, "m", e);
	if (r == 0)
		r = user_ns_open(spec->proc_fd, &born, e);
	if (r < 0)
		container_drop(&born);
	else
		*ret = born;
	return r;
}

int container_place(const struct container_born *c, const struct view *view, struct err *e)
{
	_cleanup_fd_ int new_root = -1;
	int r;

	r = view_mount(view, &new_root, e);
	return r == 0 ? tell(c, "v", e) : r;
}

int container_await(const struct container_born *c, int owner_fd, struct err *e)
{
	return hear(c->line_fd, owner_fd, e);
}

static void born_done(struct container_born *c)
{
	cleanup_fd(&c->line_fd);
	cleanup_fd(&c->user_ns_fd);
}

void container_go(struct container_born *c)
{
	(void)!send(c->line_fd, "g", 1, MSG_NOSIGNAL);
	born_done(c);
}

void container_drop(struct container_born *c)
{
	/* Until it is gone its control group cannot be removed. */
	if (c->pidfd >= 0 && sys_pidfd_send_signal(c->pidfd, SIGKILL) == 0)
		(void)waitpid(c->pid, NULL, 0);
	cleanup_fd(&c->pidfd);
	born_done(c);
}
