#ifndef CARREL_DOOR_CLIENT_H
#define CARREL_DOOR_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "helper/door/terminal.h"
#include "helper/public/wire.h"

#define EXIT_CANNOT_EXEC 126
#define EXIT_NOT_FOUND 127

/*
 * A process that stands outside for a program that runs in a container: carrel-door, carrel run and
 * carrel exec.
 */
struct client {
	struct enter_request *command; /* of the request, wherever that holds it */
	const char *name; /* of the program, for people */
	int own_failure; /* exit status for what is carrel's fault */
	struct terminal terminal;
	int fds[4]; /* stdio to hand over, and the payload */
	int conn;
	int signal_fd;
	bool is_asked_to_stop; /* by a SIGTSTP from outside, which the program has got */
	bool program_waits; /* it is stopped, and we are not: SIGCONT to us is for it */
	bool ended;
	struct enter_event last;
	size_t drain_left;
};

/* Each 0 or a negative errno. */

/* Looks at 0 to 2: fills in fds[] and what the request says about terminals. */
int client_stdio(struct client *c);
/* Nothing of the caller's. */
int client_stdio_null(struct client *c);

/* After the answer: the relay has them now. */
void client_stdio_forget(struct client *c);

/* Relays terminal and signals until the last event, which is then in `last`. */
int client_follow(struct client *c);
/* As well, but hands on nothing: for who leaves when it is known that the program runs. */
void client_await(struct client *c);

/*
 * After the last event: until the relay's end of the connection is closed, or for a second. As pid 1
 * it is dying by then, and its container's name is free for whoever waits for that.
 */
void client_await_end(struct client *c);

/*
 * Leaves as the program left: the exit status, or by its signal. -1: the connection ended without a
 * word, and the caller knows what that means.
 */
int client_leave(struct client *c);

#endif
