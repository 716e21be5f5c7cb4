/*
 * client - a program in a container as the one who waits for it outside sees it: stdio on the way
 * in, then signals, stops and the terminal both ways, then its end.
 */
#include "helper/door/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/door/say.h"

#define DRAIN_MAX (256 * 1024) /* a pty holds 64 KiB, and the line discipline 4 more */

/* ---- stdio ---- */

/*
 * A terminal has the pty in its place; a directory or a mere name of a file would be a way back
 * out.
 */
static bool is_fit(const struct client *c, int fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_PATH) && fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode) &&
	       !(c->command->ttys & ENTER_TTY(fd));
}

/* Fills the closed ones of 0 to 2 on its way to a higher number. */
static int null_open(void)
{
	int null;

	do
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (null >= 0 && null <= 2);
	return null < 0 ? -errno : null;
}

int client_stdio(struct client *c)
{
	int null = null_open();

	if (null < 0)
		return null;

	terminal_find(&c->terminal, c->command);
	for (int i = 0; i < 3; i++)
		c->fds[i] = is_fit(c, i) ? i : null;
	return 0;
}

int client_stdio_null(struct client *c)
{
	int null = null_open();

	if (null < 0)
		return null;
	terminal_none(&c->terminal);
	for (int i = 0; i < 3; i++)
		c->fds[i] = null;
	return 0;
}

/* A copy kept here would hold other people's pipes open. */
void client_stdio_forget(struct client *c)
{
	bool is_kept[3] = { false, false, true };

	for (int i = 3; i >= 0; i--)
		if (c->fds[i] > 2)
			(void)close_range((unsigned int)c->fds[i], (unsigned int)c->fds[i], 0);
	for (int i = 0; i < 3; i++)
		is_kept[i] |= i == c->terminal.keys || i == c->terminal.screen;
	for (int i = 0; i < 2; i++)
		if (!is_kept[i])
			(void)close(i);
}

/* ---- while it runs ---- */

static void event_tell(const struct client *c, uint32_t kind, int value)
{
	const struct enter_event e = { .kind = kind, .value = value };

	/* A relay that does not listen is one that has no use for it any more. */
	(void)send(c->conn, &e, sizeof(e), MSG_NOSIGNAL);
}

static void resume(struct client *c, bool takes_terminal, bool was_stopped);

/*
 * SIGCONT with nothing stopped by us: the program alone is stopped; or somebody stopped the client
 * itself, and may have used the terminal since.
 */
static void continued(struct client *c)
{
	bool was_raw = c->terminal.raw;

	c->terminal.raw = false;
	if (c->program_waits) {
		resume(c, was_raw, true);
		return;
	}
	if (was_raw && terminal_in_front(&c->terminal))
		terminal_raw(&c->terminal);
	terminal_resize(&c->terminal);
}

static void set_one(sigset_t *set, int sig)
{
	sigemptyset(set);
	sigaddset(set, sig);
}

/*
 * Stops us, or with 0 our group, as the program has stopped; true once continued, false if nobody
 * is there who could continue us (an orphaned group). Never SIGSTOP: the kernel does not ask then.
 */
static bool stop(pid_t whom, int sig)
{
	const struct sigaction dfl = { .sa_handler = SIG_DFL };
	const struct timespec at_once = { 0, 0 };
	struct sigaction old;
	sigset_t one, cont;

	set_one(&one, sig);
	set_one(&cont, SIGCONT);
	(void)sigtimedwait(&cont, NULL, &at_once);

	(void)sigaction(sig, &dfl, &old);
	(void)sigprocmask(SIG_UNBLOCK, &one, NULL);
	(void)kill(whom, sig);
	(void)sigprocmask(SIG_BLOCK, &one, NULL);
	(void)sigaction(sig, &old, NULL);
	return sigtimedwait(&cont, NULL, &at_once) == SIGCONT;
}

/* When we came: nohup means it. */
static bool is_ignored(int sig)
{
	struct sigaction old;

	return sigaction(sig, NULL, &old) == 0 && old.sa_handler == SIG_IGN;
}

static void signal_pass(struct client *c, int sig)
{
	if (is_ignored(sig))
		return;
	if (sig == SIGTSTP && c->program_waits) {
		/* It cannot stop once more; we are what does not look stopped. */
		if (stop(getpid(), SIGTSTP))
			continued(c);
		return;
	}
	event_tell(c, EVENT_SIGNAL, sig);
	c->is_asked_to_stop |= sig == SIGTSTP;
	/* Whoever wants us to end does not want to wait for a terminal that takes no more. */
	if (c->ended && sig != SIGTSTP)
		c->drain_left = 0;
}

/* False: none is there. */
static bool signal_take(struct client *c)
{
	struct signalfd_siginfo info;

	if (read(c->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return false;
	switch (info.ssi_signo) {
	case SIGWINCH:
		terminal_resize(&c->terminal);
		break;
	case SIGCONT:
		continued(c);
		break;
	case SIGCHLD:
	case SIGPIPE:
	case SIGTTIN:
	case SIGTTOU:
		/* Of what we do ourselves. */
		break;
	default:
		signal_pass(c, (int)info.ssi_signo);
	}
	return true;
}

static void resume(struct client *c, bool takes_terminal, bool was_stopped)
{
	bool gets_keys = takes_terminal && terminal_in_front(&c->terminal);

	c->program_waits = c->is_asked_to_stop = false;
	/*
	 * What came while we were stopped acts before the program runs on: it may be the end of it.
	 */
	while (signal_take(c))
		continue;
	if (gets_keys)
		terminal_raw(&c->terminal);
	terminal_resize(&c->terminal);
	/*
	 * A program that could not be stopped must not ask again and again: it waits for its keys
	 * instead.
	 */
	event_tell(c, EVENT_CONT, gets_keys || !was_stopped);
}

/*
 * A program may stop who waits for it only as the keyboard would stop both: where there is a
 * terminal and we are in front of it, or in its background and keys are asked for; then it is the
 * whole group, as a pipeline stops as one. Else it would stop whoever watches over it (timeout) for
 * ever. Whom somebody outside wants to stop stops, too, but alone: others have been asked
 * themselves. And so does a shell's job in the background, as fg continues only what it knows to
 * have stopped.
 */
static bool stop_with_program(const struct client *c, int sig)
{
	bool asks = sig == SIGTTIN || sig == SIGTTOU;
	bool has_terminal = terminal_is_there(&c->terminal);

	if (asks ? has_terminal : terminal_has_jobs(&c->terminal))
		return stop(0, asks ? sig : SIGTSTP);
	if (c->is_asked_to_stop || (has_terminal && getpgrp() == getpid()))
		return stop(getpid(), SIGTSTP);
	return false;
}

static void program_stopped(struct client *c, int sig)
{
	bool asks = sig == SIGTTIN || sig == SIGTTOU, was_raw = c->terminal.raw, was_stopped;
	bool is_keyboards = was_raw || (asks && terminal_is_there(&c->terminal));

	if (asks && !was_raw && terminal_in_front(&c->terminal)) {
		resume(c, true, true);
		return;
	}
	terminal_restore(&c->terminal);
	was_stopped = stop_with_program(c, sig);
	/* Whom the keyboard would not stop, as nobody could continue him, goes on. */
	if (was_stopped || (sig != SIGSTOP && (c->is_asked_to_stop || is_keyboards))) {
		resume(c, asks || was_raw, was_stopped);
		return;
	}
	if (was_raw)
		terminal_raw(&c->terminal);
	c->program_waits = true;
}

static ssize_t event_receive(int conn, struct enter_event *ret, int *ret_fd)
{
	struct iovec data = { ret, sizeof(*ret) };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr m = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	memset(&control, 0, sizeof(control));
	n = recvmsg(conn, &m, MSG_CMSG_CLOEXEC);
	if (n >= 0 && m.msg_controllen >= CMSG_LEN(sizeof(int)) &&
		control.head.cmsg_level == SOL_SOCKET && control.head.cmsg_type == SCM_RIGHTS &&
		control.head.cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(&control.head), sizeof(*ret_fd));
	return n;
}

static void pty_take(struct client *c, int fd)
{
	if (fd < 0)
		return;
	terminal_attach(&c->terminal, fd);
	if (!(c->command->ttys & ENTER_BACKGROUND))
		terminal_raw(&c->terminal);
}

/* The end of the connection without a last event leaves `last` at EVENT_NONE. */
static void event_take(struct client *c)
{
	struct enter_event e;
	int fd = -1;
	ssize_t n;

	n = event_receive(c->conn, &e, &fd);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof(e)) {
		c->ended = true;
		return;
	}

	if (e.kind == EVENT_PTY) {
		pty_take(c, fd);
	} else if (e.kind == EVENT_STOPPED) {
		program_stopped(c, e.value);
	} else {
		e.text[sizeof(e.text) - 1] = '\0';
		c->last = e;
		c->ended = true;
	}
}

static void terminal_lost(struct client *c)
{
	/* First the word, then the hang-up, so that the relay still knows who is in front. */
	event_tell(c, EVENT_SIGNAL, SIGHUP);
	terminal_hang_up(&c->terminal);
}

static void terminal_serve(struct client *c, const struct pollfd *p)
{
	switch (terminal_move(&c->terminal, p)) {
	case TERMINAL_GONE:
		terminal_lost(c);
		break;
	case TERMINAL_BEHIND:
		/* As the program would, if it read the terminal itself. */
		if (!stop(0, SIGTTIN))
			terminal_end_keys(&c->terminal);
		break;
	case TERMINAL_THERE:
		break;
	}
}

static int signals_take(struct client *c)
{
	sigset_t all;

	sigfillset(&all);
	c->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (c->signal_fd < 0)
		return -errno;
	/*
	 * Also those that are not passed on: SIGPIPE must not end us, nor SIGTTOU stop us while the
	 * terminal is put in order.
	 */
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	return 0;
}

int client_follow(struct client *c)
{
	struct pollfd p[2 + TERMINAL_POLLS];
	int r = signals_take(c);

	if (r < 0)
		return r;

	c->drain_left = DRAIN_MAX;
	while (!c->ended || !terminal_is_drained(&c->terminal, &c->drain_left)) {
		p[0] = (struct pollfd){ .fd = c->ended ? -1 : c->conn, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = c->signal_fd, .events = POLLIN };
		terminal_poll(&c->terminal, p + 2);
		if (poll(p, 2 + TERMINAL_POLLS, -1) < 0)
			continue;

		terminal_serve(c, p + 2);
		/* What has stopped is known before the word to go on comes. */
		if (p[0].revents)
			event_take(c);
		if (p[1].revents)
			(void)signal_take(c);
		if (c->ended && c->drain_left == 0)
			break;
	}
	return 0;
}

void client_await(struct client *c)
{
	struct pollfd p = { .fd = c->conn, .events = POLLIN };

	while (!c->ended)
		if (poll(&p, 1, -1) > 0)
			event_take(c);
}

#define END_WAIT_MS 1000

void client_await_end(struct client *c)
{
	struct pollfd p = { .fd = c->conn };

	(void)poll(&p, 1, END_WAIT_MS);
}

/* ---- leaving ---- */

static void die_by(int sig)
{
	const struct sigaction dfl = { .sa_handler = SIG_DFL };
	const struct rlimit none = { 0, 0 };
	sigset_t one;

	/* The core, if there is one, is the program's. */
	(void)setrlimit(RLIMIT_CORE, &none);
	set_one(&one, sig);
	(void)sigaction(sig, &dfl, NULL);
	(void)sigprocmask(SIG_UNBLOCK, &one, NULL);
	(void)kill(getpid(), sig);
}

static int leave_failed(const struct client *c)
{
	int code = c->last.value;

	if (c->last.text[0] == '\0') {
		say(c->name, ": ", errno_text(code), NULL);
		return code == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXEC;
	}
	if (code == 0)
		say(c->name, ": not started: ", c->last.text, NULL);
	else
		say(c->name, ": not started: ", c->last.text, ": ", errno_text(code), NULL);
	return c->own_failure;
}

int client_leave(struct client *c)
{
	terminal_restore(&c->terminal);
	switch (c->last.kind) {
	case EVENT_EXITED:
		return c->last.value & 0xff;
	case EVENT_KILLED:
		die_by(c->last.value);
		/* Still here: a signal that does not end everyone. Shells say it like this. */
		return 128 + (c->last.value & 0x7f);
	case EVENT_FAILED:
		return leave_failed(c);
	case EVENT_RUNNING:
		return 0;
	default:
		return -1;
	}
}
