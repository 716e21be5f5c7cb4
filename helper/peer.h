#ifndef CARREL_HELPER_PEER_H
#define CARREL_HELPER_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

/* Who is at the other end, as the kernel tells it (SO_PEERCRED: at connect(2); unix(7)). */
struct peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

int peer_of(int socket_fd, struct peer *ret, struct err *e);

/*
 * A pidfd of the process that connected, which lives; -ESRCH: it is gone, whoever holds its socket or has its number now. If
 * peer_still_there() later, every look at its pid meanwhile was a look at it. -EPERM: as below.
 */
int peer_open(int socket_fd, int proc_fd, int *ret_pidfd, struct err *e);
int peer_still_there(int pidfd, struct err *e);

/*
 * -EPERM: one of the user IDs of the process that connected, real, effective or saved, is not the one that it connected with. Then
 * it is no longer, or never was, the user's alone, and what it has is not the user's to hand on: a program of root's that a user
 * started raises its limits. -ESRCH: gone.
 */
int peer_check_uids(int socket_fd, int proc_fd, struct err *e);

/* SO_PEERGROUPS: supplementary groups at connect(2). *ret is malloc'ed. */
int peer_groups(int socket_fd, gid_t **ret, size_t *ret_n, struct err *e);

/* A process is its pid together with this: clock ticks since boot, proc(5) stat field 22. -ESRCH: gone. */
int process_start(int proc_fd, pid_t pid, uint64_t *ret);
/* It has begun to die, or is dead. Of a pid 1 that can last: everybody else in there dies first. */
bool process_is_ending(int proc_fd, pid_t pid);

/* Its session as the kernel's audit records name it; 0: it has none, or is gone. */
uint32_t process_audit_session(int proc_fd, pid_t pid);

/* The host's number of a gid in its user namespace. -ESRCH: it has none there, or the process is gone. */
int process_gid_outside(int proc_fd, pid_t pid, gid_t inside, gid_t *ret);

/* Inode number of one of its namespaces ("mnt", "user"). -ESRCH: gone. Needs the rights of ptrace(2). */
int process_ns(int proc_fd, pid_t pid, const char *ns, uint64_t *ret);

#endif
