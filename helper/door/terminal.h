#ifndef CARREL_DOOR_TERMINAL_H
#define CARREL_DOOR_TERMINAL_H

#include <asm/termbits.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "helper/public/wire.h"

/* Bytes on their way. Read into only when empty. */
struct passage {
	size_t start, end;
	size_t size;
	char *data;
};

/* The caller's terminal and the container's pty that stands for it inside. */
struct terminal {
	int keys; /* where input is read; -1: none of the caller's terminals can be read */
	int screen; /* where output is written; -1: it is dropped */
	int pty; /* the master; -1 before EVENT_PTY and after the hang-up. It or a pipe is: */
	int to, from; /* where keys go, and output comes from; -1: nowhere */
	int open_fd; /* our own open file of the terminal, non-blocking; -1: the caller's must do */
	bool wants_opost; /* the pty came without output processing, as the terminal still does its
			     own */
	bool raw;
	struct termios saved;
	struct passage in, out;
};

/* Looks at 0, 1 and 2 and fills in what the request says about terminals. */
void terminal_find(struct terminal *t, struct enter_request *req);

/* No terminal at all. */
void terminal_none(struct terminal *t);

/*
 * After terminal_find(): pipes, not a pty, for those of 0 to 2 that are terminals, whose other ends
 * are put into fds[]. The terminal stays as it is and ends lines and input, and makes signals, itself.
 */
int terminal_piped(struct terminal *t, struct enter_request *req, int fds[static 3]);

/* The pty has come: fd is the terminal's from now on. */
void terminal_attach(struct terminal *t, int fd);

/* True if nobody else could be reading from the terminal in our place. */
bool terminal_in_front(const struct terminal *t);
/* True if whoever made us a job of this terminal's has put us in front, and can continue us. */
bool terminal_has_jobs(const struct terminal *t);
/* True if the caller has a terminal among 0 to 2, and the program one in its place. */
bool terminal_is_there(const struct terminal *t);
void terminal_raw(struct terminal *t);
void terminal_restore(struct terminal *t);
void terminal_resize(const struct terminal *t);

#define TERMINAL_POLLS 4

enum terminal_state {
	TERMINAL_GONE,
	TERMINAL_BEHIND, /* it has keys for us, but somebody else is in front; only with pipes */
	TERMINAL_THERE,
};

/* What there is to wait for, and what to do when it is there. */
void terminal_poll(const struct terminal *t, struct pollfd p[static TERMINAL_POLLS]);
enum terminal_state terminal_move(
	struct terminal *t, const struct pollfd p[static TERMINAL_POLLS]);

/* The end of the input, for the program. Only with pipes. */
void terminal_end_keys(struct terminal *t);

/* After the program's end: true when all it wrote has reached the screen. */
bool terminal_is_drained(struct terminal *t, size_t *budget);
void terminal_hang_up(struct terminal *t);

#endif
