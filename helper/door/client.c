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

/* Taken from others and passed on, unless they were ignored when we came: nohup means it. */
static const int forwarded[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM,
	SIGTSTP };

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

/*
 * SIGCONT with nothing stopped by us: somebody stopped the client itself, and may have used the
 * terminal since.
 */
static void continued(struct client *c)
{
	bool was_raw = c->terminal.raw;

	c->terminal.raw = false;
	if (was_raw && terminal_in_front(&c->terminal))
		terminal_raw(&c->terminal);
	terminal_resize(&c->terminal);
}

/* False: none is there. */
static bool signal_take(struct client *c)
{
	struct signalfd_siginfo info;

	if (read(c->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return false;
	if (info.ssi_signo == SIGWINCH) {
		terminal_resize(&c->terminal);
	} else if (info.ssi_signo == SIGCONT) {
		continued(c);
	} else {
		event_tell(c, EVENT_SIGNAL, (int)info.ssi_signo);
		/*
		 * Whoever wants us to end does not want to wait for a terminal that takes no more.
		 */
		if (c->ended && info.ssi_signo != SIGTSTP)
			c->drain_left = 0;
	}
	return true;
}

static void set_one(sigset_t *set, int sig)
{
	sigemptyset(set);
	sigaddset(set, sig);
}

/*
 * Stops as the program has; true once continued, false if nobody is there who could continue us (an
 * orphaned group).
 */
static bool stop_self(int sig)
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
	/* The whole group, as the keyboard would: a pipeline stops as one. */
	(void)kill(0, sig);
	(void)sigprocmask(SIG_BLOCK, &one, NULL);
	(void)sigaction(sig, &old, NULL);
	return sigtimedwait(&cont, NULL, &at_once) == SIGCONT;
}

static void resume(struct client *c, bool takes_terminal, bool was_stopped)
{
	bool in_front = terminal_in_front(&c->terminal);

	/*
	 * What came while we were stopped acts before the program runs on: it may be the end of it.
	 */
	while (signal_take(c))
		continue;
	if (in_front && takes_terminal)
		terminal_raw(&c->terminal);
	terminal_resize(&c->terminal);
	/*
	 * A program that could not be stopped must not ask again and again: it waits for its keys
	 * instead.
	 */
	event_tell(c, EVENT_CONT, in_front || !was_stopped);
}

static void program_stopped(struct client *c, int sig)
{
	bool asks = sig == SIGTTIN || sig == SIGTTOU, was_raw = c->terminal.raw, was_stopped;

	if (asks && !was_raw && terminal_in_front(&c->terminal)) {
		resume(c, true, true);
		return;
	}
	terminal_restore(&c->terminal);
	was_stopped = stop_self(sig);
	resume(c, asks || was_raw, was_stopped);
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
		if (!stop_self(SIGTTIN))
			terminal_end_keys(&c->terminal);
		break;
	case TERMINAL_THERE:
		break;
	}
}

static int signals_take(struct client *c)
{
	sigset_t set, all;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGCONT);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++) {
		struct sigaction old;

		if (sigaction(forwarded[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaddset(&set, forwarded[i]);
	}
	c->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (c->signal_fd < 0)
		return -errno;
	/*
	 * Also those nobody reads: SIGPIPE must not end us, nor SIGTTOU stop us while the terminal
	 * is put in order.
	 */
	sigfillset(&all);
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

		if (p[1].revents)
			(void)signal_take(c);
		if (c->ended && c->drain_left == 0)
			break;
		terminal_serve(c, p + 2);
		if (p[0].revents)
			event_take(c);
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
