#ifndef CARREL_LEARN_LISTENER_H
#define CARREL_LEARN_LISTENER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

/* A program that was started under a seccomp program with a listener, and the listener's side of it. */
struct listener {
	pid_t pid;
	int fd;
	bool no_new_privs; /* it had to be set, so set-user-ID programs have no power */
	struct listener_shared *shared;
};

/* How a program is started. */
struct listener_start {
	char *const *argv; /* found in PATH */
	const struct sock_filter *insns;
	size_t n_insns;
	const sigset_t *mask; /* of signals, for argv */
	bool silent; /* stdout and stderr that are no terminal go nowhere */
	bool no_new_privs; /* also for root, who could attach without */
};

/*
 * Starts argv with the program attached. ret is to be closed, whatever comes. -EBUSY: this process has a listener above it
 * already, and the kernel gives no second one.
 */
int listener_start(const struct listener_start *s, struct listener *ret, struct err *e);
void listener_close(struct listener *l);

/* Why argv could not be executed, an errno; 0 if it was. Known when pid has ended. */
int listener_exec_error(const struct listener *l);

/* Takes one call, if there is one. 0: none, or its caller is gone. 1: ret is filled. */
int listener_receive(const struct listener *l, struct seccomp_notif *ret, struct err *e);

/* Lets the call happen (error 0) or fail. */
void listener_answer(const struct listener *l, uint64_t id, int error);

/* Is the caller still waiting in this call? Only then what was read from its memory was its own. */
bool listener_is_valid(const struct listener *l, uint64_t id);

#endif
