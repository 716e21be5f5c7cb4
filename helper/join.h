#ifndef CARREL_HELPER_JOIN_H
#define CARREL_HELPER_JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "helper/attributes.h"
#include "helper/public/wire.h"

struct err;

/* One program on its way into a container that stands. */
struct joining {
	int conn_fd; /* to who asked */
	const struct enter_request *request;
	const int *fds; /* that came with it: stdio and payload */
	int filter_fd;
	int narrow_fd; /* one more filter, with RELAY_NARROWED; -1: none */
	int container_pidfd;
	const gid_t *groups; /* host gids, taken on before joining */
	size_t n_groups;
	gid_t gid; /* the user's, taken on before joining; 0: the container's root's, after it */
	uid_t uid; /* these two as the container has them: what the program runs as */
	gid_t inside_gid;
	const char *user; /* or a name for them; NULL: none */
	unsigned flags; /* RELAY_* */
	struct attributes attributes; /* of who asked */
};

/* A directory, O_PATH descriptor or disk of the host would be a way back out (openat). -EINVAL: one of 0 to 2 is. */
int stdio_check(const int *fds, struct err *e);

/* What `carrel run` and `carrel exec` hear of their requests. */
void launch_answer(int conn_fd, enum request request, const char *name, enum answer verdict, const char *text);

/* The request as carrel-relay reads it. */
int request_file(const struct enter_request *r, int *ret_fd, struct err *e);

/* Puts every descriptor where carrel-relay wants it, and closes all others. Nothing of the process's is left afterwards. */
int joining_prepare(struct joining *j, struct err *e);

/* Enters and starts the relay. Who asked has its answer already: failures are told as EVENT_FAILED, and end the process. */
void joining_go(struct joining *j);

#endif
