/*
 * keep - what a launch wrote, kept for the next one.
 *
 * Trust:  the file is root's, and only the kernel's ext4 ever wrote to it; its directories are 0700. Names in it are the user's
 *         business, and nobody follows them on the host.
 * Order:  lock; make under another name, rename; loop device; mount; the two directories. The lock belongs to the open file that
 *         the loop device holds, so it goes when the last mount does.
 * Fails:  a file that is half made has another name, and is made anew.
 */
#include "helper/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "helper/image/attach.h"
#include "helper/public/syscalls.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define DIGEST_SHOWN 12 /* digits: another version of an image has another layer */

#define LOCK_TRIES 25

static const char *const mkfs_paths[] = { "/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4" };

static void file_name(const char *image, const char *digest, char name[static 128])
{
	const char *hex = strchr(digest, ':');

	(void)snprintf(name, 128, "%s-%.*s.ext4", image, DIGEST_SHOWN, hex ? hex + 1 : digest);
}

/* Made on the way, each for root alone. */
static int directory_open(uid_t uid, int *ret_fd, struct err *e)
{
	_cleanup_fd_ int store = -1, fd = -1;
	char name[16];

	if (mkdir(KEEP_STORE, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "cannot make %s: %s", KEEP_STORE, strerror(errno));
	store = open(KEEP_STORE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	(void)snprintf(name, sizeof(name), "%u", (unsigned)uid);
	if (store < 0 || (mkdirat(store, name, 0700) < 0 && errno != EEXIST))
		return err_set(e, errno, "cannot make a directory in %s: %s", KEEP_STORE, strerror(errno));
	fd = openat(store, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "cannot open %s/%s: %s", KEEP_STORE, name, strerror(errno));
	*ret_fd = fd_take(&fd);
	return 0;
}

bool keep_is_new(uid_t uid, const char *image, const char *digest)
{
	char path[sizeof(KEEP_STORE) + 160], name[128];
	struct stat st;

	file_name(image, digest, name);
	(void)snprintf(path, sizeof(path), "%s/%u/%s", KEEP_STORE, (unsigned)uid, name);
	return lstat(path, &st) < 0;
}

static int format(int fd, struct err *e)
{
	char path[32];
	int status = 0;
	size_t i;
	pid_t pid;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	pid = fork();
	if (pid == 0) {
		static char mkfs[] = "mkfs.ext4", quiet[] = "-qF", reserved[] = "-m0", lazy[] = "-Elazy_itable_init=1,nodiscard";
		char *const argv[] = { mkfs, quiet, reserved, lazy, path, NULL }, *const envp[] = { NULL };
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		(void)fcntl(fd, F_SETFD, 0);
		(void)dup2(null, 1);
		(void)dup2(null, 2);
		for (i = 0; i < sizeof(mkfs_paths) / sizeof(mkfs_paths[0]); i++)
			(void)execve(mkfs_paths[i], argv, envp);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return err_set(e, errno, "cannot start mkfs.ext4: %s", strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_set(e, ENOENT, "keeping what is written needs mkfs.ext4 (package e2fsprogs)");
	return status == 0 ? 0 : err_set(e, EIO, "mkfs.ext4 failed");
}

/* The kernel takes a mount apart a moment after the last process that saw it. */
static int lock(int fd, const char *image, struct err *e)
{
	const struct timespec pause = { 0, 20000000 };
	int i;

	for (i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			break;
		(void)nanosleep(&pause, NULL);
	}
	if (errno == EWOULDBLOCK)
		return err_set(e, EBUSY, "another container of yours keeps what it writes to '%s'; one at a time can", image);
	return err_set(e, errno, "cannot lock what is kept of '%s': %s", image, strerror(errno));
}

/* Two who make it at once each make their own, and the first to rename wins; the other's lock is on a file without a name. */
static int file_make(int dir_fd, const char *image, const char *name, uint64_t size, struct err *e)
{
	_cleanup_fd_ int fd = -1;
	char hidden[160];
	int r;

	(void)snprintf(hidden, sizeof(hidden), ".%s.%d", name, (int)getpid());
	fd = openat(dir_fd, hidden, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return err_set(e, errno, "cannot make a place for what '%s' writes: %s", image, strerror(errno));
	r = format(fd, e);
	if (r == 0 && linkat(dir_fd, hidden, dir_fd, name, 0) < 0 && errno != EEXIST)
		r = err_set(e, errno, "cannot make a place for what '%s' writes: %s", image, strerror(errno));
	(void)unlinkat(dir_fd, hidden, 0);
	return r;
}

static int file_open(int dir_fd, const char *image, const char *name, uint64_t size, int *ret_fd, struct err *e)
{
	_cleanup_fd_ int fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	int r;

	if (fd < 0 && errno == ENOENT) {
		r = file_make(dir_fd, image, name, size, e);
		if (r < 0)
			return r;
		fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	}
	if (fd < 0)
		return err_set(e, errno, "cannot open what is kept of '%s': %s", image, strerror(errno));
	r = lock(fd, image, e);
	if (r == 0)
		*ret_fd = fd_take(&fd);
	return r;
}

static int layer_dirs_make(int mount_fd, int tree_fd, struct err *e)
{
	struct stat st;

	if (fstat(tree_fd, &st) < 0)
		return err_set(e, errno, "cannot look at the image: %s", strerror(errno));
	if ((mkdirat(mount_fd, "upper", 0700) < 0 && errno != EEXIST) || (mkdirat(mount_fd, "work", 0700) < 0 && errno != EEXIST) ||
		fchmodat(mount_fd, "upper", st.st_mode & 07777, 0) < 0)
		return err_set(e, errno, "cannot use what is kept: %s", strerror(errno));
	return 0;
}

int keep_open(uid_t uid, const char *image, const char *digest, uint64_t size, int tree_fd, int *ret_fd, struct err *e)
{
	_cleanup_fd_ int dir = -1, file = -1, mount = -1;
	char name[128];
	int r;

	file_name(image, digest, name);
	r = directory_open(uid, &dir, e);
	if (r == 0)
		r = file_open(dir, image, name, size, &file, e);
	if (r == 0)
		r = attach_writable(file, "ext4", &mount, e);
	if (r == 0)
		r = layer_dirs_make(mount, tree_fd, e);
	if (r == 0)
		*ret_fd = fd_take(&mount);
	return r;
}
