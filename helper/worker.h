#ifndef CARREL_HELPER_WORKER_H
#define CARREL_HELPER_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "helper/public/wire.h"
#include "helper/server.h"

/*
 * A request is served by a child, which may wait for name services and file servers; the main process never does. The child
 * asks the main process, which alone knows what lives, over a socket pair; one struct serves for every word of theirs.
 */
enum word {
	WORD_NONE,
	/* child to main */
	WORD_CONFINE, /* uid, profile, linger, user, service: may this session have its container? */
	WORD_CLAIM,   /* ranges: may the container that is to be built have them? */
	WORD_BUILT,   /* container's pid, user_ns, cgroup; fd: its pidfd */
	WORD_EXEMPT,  /* the session needs none */
	WORD_REFUSED, /* text: it was refused, and told so */
	WORD_OPENED,  /* the caller has its answer */
	WORD_EMPTY,   /* census: nothing lives in the container besides its pid 1 */
	/* main to child */
	WORD_JOIN,  /* the container is there: session, cgroup; fd: its pidfd */
	WORD_BUILD, /* build it (answer to CONFINE); the ranges are yours (answer to CLAIM) */
	WORD_KEPT,  /* recorded: session */
	WORD_NO,    /* text says why */
};

struct note {
	uint32_t word;
	uint32_t uid;
	char profile[33];
	char user[256];
	char service[64];
	uint32_t linger;
	struct id_ranges ranges;
	int32_t pid;
	uint64_t user_ns;
	char cgroup[256];
	uint64_t session;
	char text[256];
};

/* What a child gets to work with, besides its copy of `server`. */
struct task {
	struct peer peer;
	int conn_fd; /* to the caller; -1 when nobody called */
	int main_fd; /* to the main process */
	const void *request;
	const int *fds; /* that came with it, WIRE_MAX_FDS of them, -1 where there is none; guests' requests only */
	bool inside;    /* the caller came through the socket for who is inside a container */
	bool stranger;  /* and is an ID of it that is neither the user nor root there: peer.uid says whose container, not who asks */
	const struct container *container; /* census: of whom */
};

typedef int child_main(const struct task *t); /* returns the exit status */

child_main session_child; /* session.c: REQ_SESSION */
child_main guest_child;	  /* dispatch.c: reads the request of who is not root, and does as it says */
child_main enter_child;	  /* enter.c: REQ_ENTER */
child_main denials_child; /* denials.c: REQ_DENIALS */
child_main launch_child;  /* launch.c: REQ_LAUNCH */
child_main exec_child;	  /* exec.c: REQ_EXEC */
child_main list_child;	  /* list.c: REQ_LIST */
child_main kill_child;	  /* kill.c: REQ_KILL */
child_main census_child;  /* census.c: does anything live in a container? */
child_main warm_child;	  /* warm.c: compiles the filters of a new configuration */

/* What such a child returns when it refused: a moment later, so that asking in vain is no way to keep us busy. */
int turn_away(void);

/* -EPERM: who asks is in a container of the user's, but does not speak for the user. */
int task_check_speaker(const struct task *t, struct err *e);

/* Main process only, all of these. timeout_ms is how long the caller will wait; 0: the default. */
void worker_start(struct connection *c, child_main *main, const void *request, uint32_t timeout_ms);
void worker_census(struct container *c);
void worker_warm(void);

/* In the child: runs main_function as a child of the helper is to run; its exit status. */
int worker_run(child_main *main_function, const struct task *t);

/* The caller has gone: so does the child. */
void worker_abandon(struct worker *w);

/* A container is gone: nobody builds or counts it any more. */
void worker_forget_container(struct container *c);

/* A session ends while the caller is not yet told of it. */
void worker_forget_session(const struct session *s);

/* Lets those go on that waited for a container to be built, or to be gone. */
void worker_retry(void);

#endif
