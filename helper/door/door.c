/*
 * carrel-door - the one program a door session can execute outside: it has the wanted one run in
 * the container.
 *
 * Trust:  runs as the user and is never privileged; arguments, environment, descriptors and limits
 *         are hostile, and so they are only handed on, as the data they are. What it may ask is
 *         judged by the helper, from the kernel's word.
 * In:     AT_EXECFN, argv, environment, cwd, umask, 0 to 2. All other descriptors are closed first
 *         thing.
 * Order:  not dumpable, descriptors, request, answer (5 s at most for all), then relaying until the
 *         last event.
 * Fails:  one line on stderr; exit 127 the program does not exist, 126 it cannot be executed, 111
 *         anything of carrel's.
 * Links:  door.c terminal.c say.c sys.c; static, no C library.
 *
 * On success it prints nothing, whatever happens: scp and git speak their protocols through it. It
 * leaves as the program left: with its status, or by its signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "helper/door/say.h"
#include "helper/door/terminal.h"
#include "helper/public/wire.h"

#define EXIT_CARREL 111
#define EXIT_CANNOT_EXEC 126
#define EXIT_NOT_FOUND 127

#define ANSWER_WAIT_MS 5000
#define DRAIN_MAX (256 * 1024) /* a pty holds 64 KiB, and the line discipline 4 more */

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

/* Taken from others and passed on, unless they were ignored when we came: nohup means it. */
static const int forwarded[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM,
	SIGTSTP };

struct door {
	struct enter_request req;
	struct terminal terminal;
	char file[PATH_MAX]; /* what is to be executed inside */
	int fds[4]; /* stdio to hand over, and the payload */
	int conn;
	int signal_fd;
	bool ended;
	struct enter_event last;
	size_t drain_left;
};

/* ---- what was asked for ---- */

static bool text_add(char *to, size_t size, const char *text)
{
	size_t have = strlen(to), n = strlen(text);

	if (n >= size - have)
		return false;
	memcpy(to + have, text, n + 1);
	return true;
}

/* True if path is the door, under whatever name: hard link, bind mount or the file itself. */
static bool is_door(const char *path)
{
	struct stat self, other;

	return stat("/proc/self/exe", &self) == 0 && stat(path, &other) == 0 &&
	       self.st_dev == other.st_dev && self.st_ino == other.st_ino;
}

/*
 * The file the service meant. The kernel names a script here when the door stands over its
 * interpreter; the argument list is the interpreter's then. A descriptor (fexecve) is closed by
 * now, but the mount still knows its name.
 */
static bool file_find(struct door *d, int argc, char **argv)
{
	const char *name = (const char *)getauxval(AT_EXECFN);
	ssize_t n;

	if (name && strncmp(name, "/dev/fd/", 8) == 0) {
		n = readlink("/proc/self/exe", d->file, sizeof(d->file) - 1);
		if (n <= 0)
			return false;
		d->file[n] = '\0';
		return true;
	}
	if (!name || name[0] == '\0')
		return false;
	if (argc > 1 && argv[0][0] == '/' && !is_door(name) && is_door(argv[0]))
		name = argv[0];

	d->file[0] = '\0';
	if (name[0] != '/' &&
		(!getcwd(d->file, sizeof(d->file)) || !text_add(d->file, sizeof(d->file), "/")))
		return false;
	return text_add(d->file, sizeof(d->file), name);
}

/* ---- payload ---- */

struct writer {
	int fd;
	size_t n, total;
	char data[4096];
};

static int writer_flush(struct writer *w)
{
	for (size_t done = 0; done < w->n;) {
		ssize_t n = write(w->fd, w->data + done, w->n - done);

		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	w->n = 0;
	return 0;
}

static int writer_put(struct writer *w, const char *text)
{
	size_t left = strlen(text) + 1;

	w->total += left;
	if (w->total > ENTER_PAYLOAD_MAX)
		return -E2BIG;
	while (left > 0) {
		size_t room = sizeof(w->data) - w->n, n = left < room ? left : room;
		int r;

		memcpy(w->data + w->n, text, n);
		w->n += n;
		text += n;
		left -= n;
		r = w->n == sizeof(w->data) ? writer_flush(w) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int payload_write(struct writer *w, const struct door *d, char **argv)
{
	char cwd[PATH_MAX];
	int r;

	r = writer_put(w, d->file);
	if (r == 0)
		r = writer_put(w, getcwd(cwd, sizeof(cwd)) ? cwd : "");
	for (; r == 0 && *argv; argv++)
		r = writer_put(w, *argv);
	for (char **e = environ; r == 0 && *e; e++)
		r = writer_put(w, *e);
	return r < 0 ? r : writer_flush(w);
}

static int payload_make(struct door *d, char **argv)
{
	struct writer w;
	int r;

	w.n = w.total = 0;
	/*
	 * vm.memfd_noexec may insist on the first form; before Linux 6.3 there is only the second.
	 */
	w.fd = memfd_create("carrel-door", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (w.fd < 0 && errno == EINVAL)
		w.fd = memfd_create("carrel-door", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (w.fd < 0)
		return -errno;

	r = payload_write(&w, d, argv);
	if (r < 0)
		return r;
	if (fcntl(w.fd, F_ADD_SEALS,
		    (long)(F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)) < 0)
		return -errno;
	d->fds[3] = w.fd;
	d->req.payload = (uint32_t)w.total;
	return 0;
}

/* ---- stdio ---- */

/*
 * A terminal has the pty in its place; a directory or a mere name of a file would be a way back
 * out.
 */
static bool is_fit(const struct door *d, int fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_PATH) && fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode) &&
	       !(d->req.ttys & ENTER_TTY(fd));
}

static int stdio_find(struct door *d)
{
	int null;

	/* Fills the closed ones of 0 to 2 on its way to a higher number. */
	do
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (null >= 0 && null <= 2);
	if (null < 0)
		return -errno;

	terminal_find(&d->terminal, &d->req);
	for (int i = 0; i < 3; i++)
		d->fds[i] = is_fit(d, i) ? i : null;
	return 0;
}

static uint32_t umask_get(void)
{
	mode_t mask = umask(077);

	(void)umask(mask);
	return mask;
}

static int request_make(struct door *d, int argc, char **argv)
{
	int r;

	d->req.head = (struct wire_head){ WIRE_VERSION, REQ_ENTER, sizeof(d->req) };
	d->req.argc = (uint32_t)argc;
	d->req.umask = umask_get();
	r = stdio_find(d);
	if (r < 0) {
		say("cannot open /dev/null: ", errno_text(-r), NULL);
		return EXIT_CARREL;
	}

	if (!file_find(d, argc, argv)) {
		say("cannot tell which program was wanted", NULL);
		return EXIT_CANNOT_EXEC;
	}
	r = payload_make(d, argv);
	if (r < 0) {
		say(d->file, ": cannot hand over arguments and environment: ", errno_text(-r),
			NULL);
		return r == -E2BIG ? EXIT_CANNOT_EXEC : EXIT_CARREL;
	}
	return 0;
}

/* ---- the helper ---- */

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int connect_until(int fd, int64_t end_ms)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = WIRE_SOCKET };
	const struct timespec pause = { 0, 20 * 1000000L };

	while (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		/* EAGAIN: more callers than the helper's queue holds. It gets shorter. */
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (now_ms() >= end_ms)
			return -ETIMEDOUT;
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

static int request_send(const struct door *d)
{
	struct iovec data = { (void *)(uintptr_t)&d->req, sizeof(d->req) };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(d->fds))];
	} control;
	struct msghdr m = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	memset(&control, 0, sizeof(control));
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(d->fds));
	memcpy(CMSG_DATA(&control.head), d->fds, sizeof(d->fds));
	return sendmsg(d->conn, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int answer_wait(const struct door *d, int64_t end_ms, struct enter_answer *ret)
{
	struct pollfd p = { .fd = d->conn, .events = POLLIN };
	ssize_t n;

	for (;;) {
		int64_t left = end_ms - now_ms();

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) > 0)
			break;
	}
	n = recv(d->conn, ret, sizeof(*ret), 0);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	if (n != (ssize_t)sizeof(*ret) || ret->head.version != WIRE_VERSION ||
		ret->head.request != REQ_ENTER)
		return -EBADMSG;
	return 0;
}

static int helper_ask(struct door *d, struct enter_answer *ret)
{
	int64_t end_ms = now_ms() + ANSWER_WAIT_MS;
	int r;

	d->conn = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->conn < 0)
		return -errno;
	r = connect_until(d->conn, end_ms);
	if (r == 0)
		r = request_send(d);
	if (r == 0)
		r = answer_wait(d, end_ms, ret);
	return r;
}

/* The relay has them now. A copy kept here would hold other people's pipes open. */
static void stdio_forget(struct door *d)
{
	bool is_kept[3] = { false, false, true };

	for (int i = 3; i >= 0; i--)
		if (d->fds[i] > 2)
			(void)close_range((unsigned int)d->fds[i], (unsigned int)d->fds[i], 0);
	for (int i = 0; i < 3; i++)
		is_kept[i] |= i == d->terminal.keys || i == d->terminal.screen;
	for (int i = 0; i < 2; i++)
		if (!is_kept[i])
			(void)close(i);
}

/* 0, or the exit status when there is nothing more to do. */
static int enter(struct door *d)
{
	struct enter_answer answer;
	int r;

	r = helper_ask(d, &answer);
	if (r < 0) {
		say("no session: the helper does not answer (", errno_text(-r),
			"); try again, or ask the administrator", NULL);
		return EXIT_CARREL;
	}
	answer.text[sizeof(answer.text) - 1] = '\0';
	if (answer.answer != ANSWER_CONFINED) {
		say(answer.text[0] ? answer.text : "refused", NULL);
		return EXIT_CARREL;
	}
	stdio_forget(d);
	return 0;
}

/* ---- while it runs ---- */

static void event_tell(const struct door *d, uint32_t kind, int value)
{
	const struct enter_event e = { .kind = kind, .value = value };

	/* A relay that does not listen is one that has no use for it any more. */
	(void)send(d->conn, &e, sizeof(e), MSG_NOSIGNAL);
}

/*
 * SIGCONT with nothing stopped by us: somebody stopped the door itself, and may have used the
 * terminal since.
 */
static void door_continued(struct door *d)
{
	bool was_raw = d->terminal.raw;

	d->terminal.raw = false;
	if (was_raw && terminal_in_front(&d->terminal))
		terminal_raw(&d->terminal);
	terminal_resize(&d->terminal);
}

/* False: none is there. */
static bool signal_take(struct door *d)
{
	struct signalfd_siginfo info;

	if (read(d->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return false;
	if (info.ssi_signo == SIGWINCH) {
		terminal_resize(&d->terminal);
	} else if (info.ssi_signo == SIGCONT) {
		door_continued(d);
	} else {
		event_tell(d, EVENT_SIGNAL, (int)info.ssi_signo);
		/*
		 * Whoever wants us to end does not want to wait for a terminal that takes no more.
		 */
		if (d->ended && info.ssi_signo != SIGTSTP)
			d->drain_left = 0;
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

static void resume(struct door *d, bool takes_terminal, bool was_stopped)
{
	bool in_front = terminal_in_front(&d->terminal);

	/*
	 * What came while we were stopped acts before the program runs on: it may be the end of it.
	 */
	while (signal_take(d))
		continue;
	if (in_front && takes_terminal)
		terminal_raw(&d->terminal);
	terminal_resize(&d->terminal);
	/*
	 * A program that could not be stopped must not ask again and again: it waits for its keys
	 * instead.
	 */
	event_tell(d, EVENT_CONT, in_front || !was_stopped);
}

static void program_stopped(struct door *d, int sig)
{
	bool asks = sig == SIGTTIN || sig == SIGTTOU, was_raw = d->terminal.raw, was_stopped;

	if (asks && !was_raw && terminal_in_front(&d->terminal)) {
		resume(d, true, true);
		return;
	}
	terminal_restore(&d->terminal);
	was_stopped = stop_self(sig);
	resume(d, asks || was_raw, was_stopped);
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

static void pty_take(struct door *d, int fd)
{
	if (fd < 0)
		return;
	terminal_attach(&d->terminal, fd);
	if (!(d->req.ttys & ENTER_BACKGROUND))
		terminal_raw(&d->terminal);
}

/* The end of the connection without a last event leaves `last` at EVENT_NONE. */
static void event_take(struct door *d)
{
	struct enter_event e;
	int fd = -1;
	ssize_t n;

	n = event_receive(d->conn, &e, &fd);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof(e)) {
		d->ended = true;
		return;
	}

	if (e.kind == EVENT_PTY) {
		pty_take(d, fd);
	} else if (e.kind == EVENT_STOPPED) {
		program_stopped(d, e.value);
	} else {
		e.text[sizeof(e.text) - 1] = '\0';
		d->last = e;
		d->ended = true;
	}
}

static void terminal_lost(struct door *d)
{
	/* First the word, then the hang-up, so that the relay still knows who is in front. */
	event_tell(d, EVENT_SIGNAL, SIGHUP);
	terminal_hang_up(&d->terminal);
}

static int signals_take(struct door *d)
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
	d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (d->signal_fd < 0)
		return -errno;
	/*
	 * Also those nobody reads: SIGPIPE must not end us, nor SIGTTOU stop us while the terminal
	 * is put in order.
	 */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	return 0;
}

static void door_loop(struct door *d)
{
	struct pollfd p[2 + TERMINAL_POLLS];

	d->drain_left = DRAIN_MAX;
	while (!d->ended || !terminal_is_drained(&d->terminal, &d->drain_left)) {
		p[0] = (struct pollfd){ .fd = d->ended ? -1 : d->conn, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = d->signal_fd, .events = POLLIN };
		terminal_poll(&d->terminal, p + 2);
		if (poll(p, 2 + TERMINAL_POLLS, -1) < 0)
			continue;

		if (p[1].revents)
			(void)signal_take(d);
		if (d->ended && d->drain_left == 0)
			break;
		if (!terminal_move(&d->terminal, p + 2))
			terminal_lost(d);
		if (p[0].revents)
			event_take(d);
	}
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

static int leave_failed(const struct door *d)
{
	int code = d->last.value;

	if (d->last.text[0] == '\0') {
		say(d->file, ": ", errno_text(code), NULL);
		return code == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXEC;
	}
	say(d->file, ": not started: ", d->last.text, ": ", errno_text(code), NULL);
	return EXIT_CARREL;
}

static int leave(struct door *d)
{
	terminal_restore(&d->terminal);
	switch (d->last.kind) {
	case EVENT_EXITED:
		return d->last.value & 0xff;
	case EVENT_KILLED:
		die_by(d->last.value);
		/* Still here: a signal that does not end everyone. Shells say it like this. */
		return 128 + (d->last.value & 0x7f);
	case EVENT_FAILED:
		return leave_failed(d);
	default:
		say("the session has ended under ", d->file, "; log in again", NULL);
		return EXIT_CARREL;
	}
}

int main(int argc, char **argv)
{
	static struct door d;
	int status;

	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	/*
	 * Not the name of the program it stands for: who looks at processes must see what runs
	 * outside.
	 */
	(void)prctl(PR_SET_NAME, "carrel-door", 0L, 0L, 0L);
	if (close_range(3, UINT_MAX, 0) < 0) {
		say("cannot close what was left open: ", errno_text(errno), NULL);
		return EXIT_CARREL;
	}
	d.last.kind = EVENT_NONE;

	status = request_make(&d, argc, argv);
	if (status == 0)
		status = enter(&d);
	if (status != 0)
		return status;

	if (signals_take(&d) < 0) {
		say("cannot watch for signals", NULL);
		return EXIT_CARREL;
	}
	door_loop(&d);
	return leave(&d);
}
