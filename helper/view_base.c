/*
 * view_base - the helper's own mount namespaces, which all views start from.
 *
 * Trust:  nobody's word counts here: fixed paths, before anybody is served.
 * Order:  once, at start: mounts become slaves, the /dev template, then the base namespace, from a child.
 * Fails:  the helper does not start.
 */
#include "helper/view_base.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/public/syscalls.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

static int failed(struct err *e, const char *what, const char *path)
{
	return err_set(e, errno, "view: cannot %s '%s': %s", what, path, strerror(errno));
}

static const struct dev_entry {
	const char *name;
	unsigned major, minor;
} dev_nodes[] = {
	{ "null", 1, 3 },
	{ "zero", 1, 5 },
	{ "full", 1, 7 },
	{ "random", 1, 8 },
	{ "urandom", 1, 9 },
	{ "tty", 5, 0 },
	/* not a link to pts/ptmx: the host's devpts usually shuts that node (ptmxmode=000); this one finds pts beside it */
	{ "ptmx", 5, 2 },
};

int view_dev_fill(int dir_fd, struct err *e)
{
	static const char *const links[][2] = { { "/proc/self/fd", "fd" },
		{ "/proc/self/fd/0", "stdin" }, { "/proc/self/fd/1", "stdout" },
		{ "/proc/self/fd/2", "stderr" } };
	mode_t saved = umask(0);
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < sizeof(dev_nodes) / sizeof(dev_nodes[0]); i++)
		if (mknodat(dir_fd, dev_nodes[i].name, S_IFCHR | 0666,
			    makedev(dev_nodes[i].major, dev_nodes[i].minor)) < 0)
			r = failed(e, "make device", dev_nodes[i].name);
	for (i = 0; r == 0 && i < sizeof(links) / sizeof(links[0]); i++)
		if (symlinkat(links[i][0], dir_fd, links[i][1]) < 0)
			r = failed(e, "make link", links[i][1]);
	if (r == 0 && (mkdirat(dir_fd, "pts", 0755) < 0 || mkdirat(dir_fd, "shm", 01777) < 0))
		r = failed(e, "make directory", "pts");
	(void)umask(saved);
	return r;
}

int view_host_prepare(struct err *e)
{
	_cleanup_fd_ int dev = -1;

	if (unshare(CLONE_NEWNS) < 0)
		return failed(e, "unshare the mount namespace of", "carrel-helper");
	if (sys_mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return failed(e, "make slave", "/");
	if (mkdir(VIEW_DEV_TEMPLATE, 0700) < 0 && errno != EEXIST)
		return failed(e, "make directory", VIEW_DEV_TEMPLATE);
	if (sys_mount("carrel-dev", VIEW_DEV_TEMPLATE, "tmpfs", MS_NOSUID | MS_NOEXEC,
		    "mode=0755,size=64k,nr_inodes=64") < 0)
		return failed(e, "mount tmpfs at", VIEW_DEV_TEMPLATE);
	dev = open(VIEW_DEV_TEMPLATE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dev < 0)
		return failed(e, "open", VIEW_DEV_TEMPLATE);
	return view_dev_fill(dev, e);
}

/* In a child that has its own copy of the mounts: leaves it with nothing but the base. */
static int base_build(struct err *e)
{
	_cleanup_fd_ int proc = sys_open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	static const char *const dirs[] = { "new", "skel", "private", "lower", "kept", "proc" };
	_cleanup_fd_ int target = -1;
	size_t i;

	if (proc < 0)
		return failed(e, "clone", "/proc");
	if (unshare(CLONE_NEWNS) < 0 || sys_mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
		return failed(e, "unshare", "/");
	/* Any directory will do as the place where the new root is put together. */
	if (sys_mount("carrel", "/run", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		    "mode=0755,size=64k,nr_inodes=16") < 0 ||
		chdir("/run") < 0)
		return failed(e, "mount tmpfs at", "/run");
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (mkdir(dirs[i], 0755) < 0)
			return failed(e, "make directory in", "base");
	target = open("proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target < 0 || sys_move_mount(proc, target) < 0)
		return failed(e, "attach", "/proc");
	if (sys_pivot_root(".", ".") < 0 || sys_umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return failed(e, "pivot to", "base");
	return 0;
}

int view_base_make(int *ret_mntns_fd, struct err *e)
{
	int up[2], down[2], status = 0, fd = -1;
	char path[64], go;
	pid_t pid;

	if (pipe2(up, O_CLOEXEC) < 0)
		return failed(e, "make", "pipe");
	if (pipe2(down, O_CLOEXEC) < 0) {
		(void)close(up[0]);
		(void)close(up[1]);
		return failed(e, "make", "pipe");
	}
	pid = fork();
	if (pid == 0) {
		(void)close(down[1]);
		if (base_build(e) < 0) {
			(void)!write(up[1], e->text, sizeof(e->text));
			_exit(1);
		}
		(void)!write(up[1], "", 1);
		(void)!read(down[0], &go, 1); /* until the parent holds the namespace */
		_exit(0);
	}
	(void)close(up[1]);
	(void)close(down[0]);
	if (pid > 0 && read(up[0], e->text, sizeof(e->text)) > 0 && e->text[0] == '\0') {
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	(void)close(up[0]);
	(void)close(down[1]);
	if (pid > 0)
		(void)waitpid(pid, &status, 0);
	if (fd < 0)
		return e->text[0] ? -EIO : failed(e, "open", "base namespace");
	*ret_mntns_fd = fd;
	return 0;
}
