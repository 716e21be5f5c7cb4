/*
 * idmap_fd - user namespaces that stand for a map of IDs.
 *
 * Trust:  root of the host writes the maps. Mounts keep the namespace alive, and whoever holds a file of one: so it belongs to an ID
 *         that nobody has, who can no more join it than a container. Its one process is root's, and lives as long as the maps take.
 */
#include "helper/idmap_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/owner.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

static int proc_write(int proc_fd, pid_t pid, const char *file, const char *text, size_t n, struct err *e)
{
	_cleanup_fd_ int fd = -1;
	char path[64];

	(void)snprintf(path, sizeof(path), "%d/%s", (int)pid, file);
	fd = openat(proc_fd, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, n) != (ssize_t)n)
		return err_set(e, errno ? errno : EIO, "cannot write %s of a user namespace: %s", file, strerror(errno));
	return 0;
}

int id_maps_write(int proc_fd, pid_t pid, const struct id_map *uids, const struct id_map *gids, bool deny, struct err *e)
{
	char text[ID_MAP_BYTES];
	int r = 0;

	if (deny)
		r = proc_write(proc_fd, pid, "setgroups", "deny", 4, e);
	if (r == 0)
		r = proc_write(proc_fd, pid, "gid_map", text, id_map_format(gids, text), e);
	if (r == 0)
		r = proc_write(proc_fd, pid, "uid_map", text, id_map_format(uids, text), e);
	return r;
}

#define STACK 16384

/*
 * The child's only work is to be looked at; it shares our memory, as after vfork(2), so that it costs no copy of it. Nobody waits
 * for its end, which takes the kernel longer than all the rest: its stack is nobody else's, and the helper's main process inherits it.
 */
static int wait_to_end(void *line)
{
	char none;

	(void)!read((int)(intptr_t)line, &none, 1);
	_exit(0);
}

int idmap_fd_make(int proc_fd, uid_t owner, const struct id_map *uids, const struct id_map *gids, int *ret_fd, struct err *e)
{
	char *stack = malloc(STACK), path[64];
	int line[2], fd = -1, r;
	pid_t pid = -1;

	if (!stack || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line) < 0) {
		free(stack);
		return err_set(e, errno, "cannot make a user namespace for IDs: %s", strerror(errno));
	}
	if (owner_take((uid_t)-1, owner) == 0) {
		pid = clone(wait_to_end, stack + STACK, CLONE_NEWUSER | CLONE_VM | SIGCHLD, (void *)(intptr_t)line[1]);
		owner_return();
	}
	r = pid < 0 ? err_set(e, errno, "cannot make a user namespace for IDs: %s (user.max_user_namespaces?)", strerror(errno)) :
		      id_maps_write(proc_fd, pid, uids, gids, false, e);
	if (r == 0) {
		(void)snprintf(path, sizeof(path), "%d/ns/user", (int)pid);
		fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			r = err_set(e, errno, "cannot open a user namespace for IDs: %s", strerror(errno));
	}
	(void)!write(line[0], "", 1);
	(void)close(line[0]);
	(void)close(line[1]);
	if (r == 0)
		*ret_fd = fd;
	return r;
}
