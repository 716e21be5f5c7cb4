/*
 * carrel-relay - runs one program in the container, of a door session or of `carrel exec`, and tells
 * the door how it goes; or the one that a container was launched for, and then it is pid 1.
 *
 * Trust:  runs as root of the container, in all its namespaces; the door at the other end is the
 *         user's and may say anything. Never dumpable, and installed unreadable for others, so that
 *         the user cannot reach into it.
 * In:     see helper/public/relay.h. What it keeps: the connection and the pty's slave, nothing of
 *         the user's stdio. The image's /etc/passwd and /etc/group, if a user is named.
 * Order:  keyring, session, pty as the user, fork; the child drops (command.c), the parent only
 *         waits and signals.
 * Fails:  EVENT_FAILED with step and errno, exit 0; exit 111 when the call itself was wrong. When
 *         the door is gone, so is the terminal: SIGHUP to the program, and out, which hangs up the
 *         foreground as well. As pid 1 it takes all of the container along. SIGTERM to it as pid 1:
 *         see helper/public/relay.h; who is root inside may give that order as well, as who could
 *         end the command anyway.
 * Links:  relay.c command.c names.c end.c sys.c ../public/program.c; static, no C library.
 *
 * The relay, not the program, leads the session: a program that is alone in its session can never
 * be stopped from the keyboard. It keeps the slave open so that output is not lost between the
 * program's end and the door's reading it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/door/command.h"
#include "helper/door/end.h"
#include "helper/door/identity.h"
#include "helper/public/relay.h"

#define EXIT_CALL 111

/* For the command to end by itself; man/carrel.1 and helper/cli/kill.c know it. */
#define TERM_WAIT_MS 10000
#define FRONT_STEP_MS 100

struct relay {
	struct command command;
	int master; /* on its way to the door */
	pid_t pid;
	int child_fd; /* the child's last words before execve; -1: it is running */
	int signal_fd;
	int conn; /* RELAY_CONN; -1: nobody is there any more */
	int64_t end_ms; /* as pid 1: when the command has had its time; 0: it was not told to end */
	bool is_shell; /* then: it does not mind SIGTERM, and is to be hung up behind its job */
};

static bool is_init(const struct relay *relay)
{
	return relay->command.flags & RELAY_INIT;
}

/* Of the descriptors that it was started with: what it opens itself lies there or above, and stays open. */
static unsigned int fds_end(const struct relay *relay)
{
	return relay->command.flags & RELAY_NARROWED ? RELAY_FDS_END : RELAY_NARROW;
}

/* As pid 1 it is started early, while the container is being recorded. */
static bool may_go(const struct relay *relay)
{
	char go;

	return read((int)fds_end(relay), &go, 1) == 1 && close((int)fds_end(relay)) == 0;
}

static void text_copy(char *to, size_t size, const char *from)
{
	size_t n = strlen(from);

	if (n > size - 1)
		n = size - 1;
	memcpy(to, from, n);
	to[n] = '\0';
}

static void event_send(const struct enter_event *e, int fd)
{
	struct iovec data = { (void *)(uintptr_t)e, sizeof(*e) };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1 };

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
	}
	/*
	 * A door that is gone or does not read shows as the end of the connection; nothing to do
	 * about it here.
	 */
	(void)sendmsg(RELAY_CONN, &m, MSG_NOSIGNAL);
}

static void event_tell(uint32_t kind, int value)
{
	const struct enter_event e = { .kind = kind, .value = value };

	event_send(&e, -1);
}

static struct enter_event failure(int code, const char *step)
{
	struct enter_event e = { .kind = EVENT_FAILED, .value = code == STEP_SAYS_ALL ? 0 : -code };

	text_copy(e.text, sizeof(e.text), step);
	return e;
}

/* ---- before the fork ---- */

static bool number_parse(const char *s, uint32_t *ret)
{
	uint64_t n = 0;

	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = n * 10 + (uint64_t)(*s - '0');
		if (n > UINT32_MAX)
			return false;
	}
	*ret = (uint32_t)n;
	return true;
}

static bool command_read(int argc, char **argv, struct command *ret)
{
	struct enter_request *req = &ret->req;

	if ((argc != 4 && argc != 5) || !number_parse(argv[1], &ret->uid) ||
		!number_parse(argv[2], &ret->gid) || !number_parse(argv[3], &ret->flags))
		return false;
	if (ret->uid == UINT32_MAX || ret->gid == UINT32_MAX ||
		(ret->flags & ~(RELAY_NNP | RELAY_LAUNCHED | RELAY_INIT | RELAY_DETACHED | RELAY_NARROWED |
					RELAY_ROOT)))
		return false;
	return pread(RELAY_REQUEST, req, sizeof(*req), 0) == (ssize_t)sizeof(*req);
}

/* The caller's keys are the host's business: this session starts with a keyring of its own. */
static int keyring_join(void)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		return -errno;
	return 0;
}

static int session_lead(void)
{
	/* Who leads one already may go on leading it. */
	if (setsid() < 0 && getsid(0) != getpid())
		return -errno;
	return 0;
}

/*
 * A new pty whose slave belongs to the user: devpts takes the owner from the opener's file system
 * uid.
 */
static int master_open(uid_t uid)
{
	int fd, saved;

	(void)setfsuid(uid);
	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	saved = errno;
	(void)setfsuid(0);
	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L); /* that had become what fs.suid_dumpable says: 1, and root inside could trace us */
	return fd < 0 ? -saved : fd;
}

static int slave_set_up(int slave, const struct enter_request *req)
{
	const unsigned short size[4] = { req->rows, req->cols, req->xpixel, req->ypixel };

	/*
	 * The bytes are the caller's; any bytes are some terminal mode of a terminal that is the
	 * caller's own.
	 */
	if (ioctl(slave, TCSETS, req->termios) < 0 || ioctl(slave, TIOCSWINSZ, size) < 0)
		return -errno;
	if (ioctl(slave, TIOCSCTTY, 0L) < 0)
		return -errno;
	return 0;
}

static int pty_make(struct relay *relay)
{
	struct command *c = &relay->command;
	int unlock = 0;

	relay->master = master_open(c->uid);
	if (relay->master < 0)
		return relay->master;
	if (ioctl(relay->master, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	c->slave = ioctl(relay->master, TIOCGPTPEER, (long)(O_RDWR | O_NOCTTY | O_CLOEXEC));
	if (c->slave < 0)
		return -errno;
	/* The first of this devpts; programs of images look for it there. */
	if (is_init(relay))
		(void)syscall(SYS_symlinkat, "pts/0", AT_FDCWD, "/dev/console");
	return slave_set_up(c->slave, &c->req);
}

static int prepare(struct relay *relay, const char *user, const char **ret_step)
{
	int r;

	if (user && !identity_take(&relay->command, user, ret_step))
		return STEP_SAYS_ALL;

	*ret_step = "keyring";
	r = keyring_join();
	if (r < 0)
		return r;

	*ret_step = "session";
	r = session_lead();
	if (r < 0)
		return r;

	*ret_step = "terminal";
	if (relay->command.req.ttys & (ENTER_TTY(0) | ENTER_TTY(1) | ENTER_TTY(2)))
		r = pty_make(relay);
	return r;
}

static int group_take(const struct relay *relay)
{
	const struct enter_event e = { .kind = EVENT_PTY };
	int slave = relay->command.slave;
	pid_t self = getpid();

	/*
	 * A group of its own, whose parent is in the session: so job control may stop it, and the
	 * relay is told.
	 */
	if (setpgid(0, 0) < 0)
		return -errno;
	if (slave < 0)
		return 0;
	/*
	 * All signals are blocked, so SIGTTOU does not stop who takes the foreground from the
	 * background.
	 */
	if (!(relay->command.req.ttys & ENTER_BACKGROUND) && ioctl(slave, TIOCSPGRP, &self) < 0)
		return -errno;
	/* Not before: the first key may be Ctrl-C, and would hit nobody. */
	event_send(&e, relay->master);
	return 0;
}

__attribute__((noreturn)) static void child_run(const struct relay *relay, int tell_fd)
{
	const char *step = "process group";
	struct enter_event e;
	int r;

	r = group_take(relay);
	if (r == 0)
		r = command_become(&relay->command, &step);
	e = failure(r, step);
	(void)write(tell_fd, &e, sizeof(e));
	_exit(EXIT_CALL);
}

static int child_start(struct relay *relay)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	relay->pid = fork();
	if (relay->pid < 0)
		return -errno;
	if (relay->pid == 0)
		child_run(relay, ends[1]);

	/*
	 * Both do it, so that it is done whoever comes first: a signal may be on its way already.
	 */
	(void)setpgid(relay->pid, relay->pid);
	/* The other end of a pipe would wait for its end as long as the relay held a copy. */
	(void)close(ends[1]);
	/* The door alone holds the master, so that its end is the terminal's end. */
	if (relay->master >= 0)
		(void)close(relay->master);
	relay->child_fd = ends[0];
	/* Of pid 1 `carrel exec` takes the caller's own filter. */
	(void)close_range(RELAY_PAYLOAD, is_init(relay) ? RELAY_REQUEST : fds_end(relay) - 1, 0);
	(void)close_range(0, 2, 0);
	return 0;
}

/* ---- while it runs ---- */

static pid_t foreground(const struct relay *relay)
{
	pid_t group;

	if (relay->command.slave < 0 || ioctl(relay->command.slave, TIOCGPGRP, &group) < 0 ||
		group <= 1)
		return relay->pid;
	/*
	 * In the background the relay's own group stands in front: nobody who would want a signal.
	 */
	return group == getpgrp() ? relay->pid : group;
}

static void signal_forward(const struct relay *relay, int sig)
{
	pid_t front = foreground(relay);

	(void)kill(-front, sig);
	/* A shell behind its job goes on as well. */
	if (front != relay->pid && sig == SIGCONT)
		(void)kill(-relay->pid, SIGCONT);
}

/* Also the shell behind its job; and who is stopped must wake up to end. */
static void hang_up_forward(const struct relay *relay)
{
	signal_forward(relay, SIGHUP);
	if (foreground(relay) != relay->pid)
		(void)kill(-relay->pid, SIGHUP);
	(void)kill(-relay->pid, SIGCONT);
}

/* What a door may have sent to the program: what a terminal or kill(1) by its owner would. */
static bool may_be_sent(int sig)
{
	return sig > 0 && sig < _NSIG && sig != SIGKILL && sig != SIGSTOP;
}

static void command_continue(const struct relay *relay, bool is_foreground)
{
	pid_t front, own = getpgrp();
	int slave = relay->command.slave;

	/*
	 * Only who stands for the program as a whole is moved; a shell in there moves its jobs
	 * itself.
	 */
	if (slave >= 0 && ioctl(slave, TIOCGPGRP, &front) == 0) {
		if (is_foreground && front == own)
			(void)ioctl(slave, TIOCSPGRP, &relay->pid);
		else if (!is_foreground && front == relay->pid)
			(void)ioctl(slave, TIOCSPGRP, &own);
	}
	(void)kill(-relay->pid, SIGCONT);
}

static void chld_only(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
}

/*
 * The kernel hangs up the foreground group of a session whose leader exits; the program's own group
 * may be another.
 */
__attribute__((noreturn)) static void hang_up(const struct relay *relay)
{
	sigset_t set;

	chld_only(&set);
	if (is_init(relay))
		(void)all_end(&set, END_HANG_UP, relay->pid);
	(void)kill(-relay->pid, SIGHUP);
	(void)kill(-relay->pid, SIGCONT);
	_exit(is_init(relay) ? 128 + SIGHUP : 0);
}

static void door_hear(const struct relay *relay)
{
	struct enter_event e;
	ssize_t n;

	n = recv(relay->conn, &e, sizeof(e), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		hang_up(relay);
	if (n != (ssize_t)sizeof(e))
		return;
	if (e.kind == EVENT_SIGNAL && e.value == SIGHUP)
		hang_up_forward(relay);
	else if (e.kind == EVENT_SIGNAL && may_be_sent(e.value))
		signal_forward(relay, e.value);
	else if (e.kind == EVENT_CONT)
		command_continue(relay, e.value == 1);
}

/* The pipe ends empty when the execve worked. */
static void child_hear(struct relay *relay)
{
	struct enter_event e;
	ssize_t n;

	n = read(relay->child_fd, &e, sizeof(e));
	(void)close(relay->child_fd);
	relay->child_fd = -1;
	if (n == (ssize_t)sizeof(e)) {
		event_send(&e, -1);
		_exit(is_init(relay) ? EXIT_CALL : 0);
	}
	if (relay->command.flags & RELAY_DETACHED) {
		event_tell(EVENT_RUNNING, 0);
		(void)close(relay->conn);
		relay->conn = -1;
	}
}

__attribute__((noreturn)) static void command_ended(struct relay *relay, int status)
{
	bool exited = WIFEXITED(status);
	sigset_t set;

	if (relay->child_fd >= 0)
		child_hear(relay);
	if (relay->end_ms > 0) {
		/* It was told to end, and has; the others hear of it now. */
		chld_only(&set);
		(void)all_end(&set, END_TERM, 0);
	}
	if (relay->conn >= 0)
		event_tell(exited ? EVENT_EXITED : EVENT_KILLED, exited ? WEXITSTATUS(status) : WTERMSIG(status));
	if (!is_init(relay))
		_exit(0);
	_exit(exited ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* As pid 1 it inherits every orphan: one signal may tell of many. */
static void children_wait(struct relay *relay)
{
	pid_t pid, whose = is_init(relay) ? -1 : relay->pid;
	int status;

	while ((pid = waitpid(whose, &status, WNOHANG | WUNTRACED)) > 0) {
		if (pid != relay->pid)
			continue;
		if (!WIFSTOPPED(status))
			command_ended(relay, status);
		if (relay->conn >= 0)
			event_tell(EVENT_STOPPED, WSTOPSIG(status));
	}
}

/* ---- its end, as pid 1 ---- */

/*
 * What /proc/PID/status says of SIGTERM. Its buffer must not be in the frame of who waits for weeks,
 * one for each container.
 */
__attribute__((noinline)) static bool ignores_term(pid_t pid)
{
	static const char key[] = "\nSigIgn:\t";
	char path[sizeof("/proc/4294967295/status")], text[4096], *p = path + sizeof(path);
	/* 16 hexadecimal digits, the lowest last. */
	size_t digit = sizeof(key) - 1 + 15 - (SIGTERM - 1) / 4;
	ssize_t n;
	int fd;

	p -= sizeof("/status");
	memcpy(p, "/status", sizeof("/status"));
	for (; pid > 0; pid /= 10)
		*--p = (char)('0' + pid % 10);
	p -= sizeof("/proc/") - 1;
	memcpy(p, "/proc/", sizeof("/proc/") - 1);

	fd = open(p, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text));
	(void)close(fd);
	for (p = text; n - (p - text) > (ssize_t)digit; p++)
		if (memcmp(p, key, sizeof(key) - 1) == 0) {
			char c = p[digit];

			return ((c > '9' ? c - 'a' + 10 : c - '0') >> (SIGTERM - 1) % 4) & 1;
		}
	return false;
}

static void end_begin(struct relay *relay)
{
	pid_t front = foreground(relay);

	if (relay->end_ms > 0)
		return;
	relay->end_ms = end_clock_ms() + TERM_WAIT_MS;
	if (front != relay->pid)
		(void)kill(-front, SIGTERM);
	(void)kill(-relay->pid, SIGTERM);
	/* An interactive shell would not use its time. */
	relay->is_shell = relay->command.slave >= 0 && ignores_term(relay->pid);
	/* Who is stopped must wake up to end. */
	if (front != relay->pid)
		(void)kill(-front, SIGCONT);
	(void)kill(-relay->pid, SIGCONT);
}

/* The command has had its time. If it minds nothing of this either, SIGKILL comes with our end. */
__attribute__((noreturn)) static void end_now(struct relay *relay)
{
	sigset_t set;
	int status;

	chld_only(&set);
	status = all_end(&set, END_TERM, relay->pid);
	relay->end_ms = 0;
	command_ended(relay, status >= 0 ? status : SIGKILL);
}

static int end_left(const struct relay *relay)
{
	int64_t left = relay->end_ms - end_clock_ms();

	return left > 0 ? (int)left : 0;
}

/* As poll() takes it. */
static int end_wait(const struct relay *relay)
{
	if (relay->end_ms == 0)
		return -1;
	return relay->is_shell ? FRONT_STEP_MS : end_left(relay);
}

static void end_go_on(struct relay *relay)
{
	/* Not before: the shell would hang up its job, which has its time as well. */
	if (relay->is_shell && foreground(relay) == relay->pid) {
		(void)kill(-relay->pid, SIGHUP);
		relay->is_shell = false;
	}
	if (end_left(relay) == 0)
		end_now(relay);
}

static void signal_hear(struct relay *relay)
{
	struct signalfd_siginfo info;
	int sig;

	if (read(relay->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	sig = (int)info.ssi_signo;
	/* Who sends from outside has no number here. */
	if (sig == RELAY_CARRIER && info.ssi_code == SI_QUEUE && info.ssi_pid == 0)
		signal_forward(relay, info.ssi_int);
	else if (sig == SIGCHLD)
		children_wait(relay);
	else if (sig == SIGTERM)
		end_begin(relay);
	else
		signal_forward(relay, sig);
}

__attribute__((noreturn)) static void relay_loop(struct relay *relay)
{
	/* Who came with the building of the container is gone already, and no signal tells of it any more. */
	children_wait(relay);
	for (;;) {
		struct pollfd p[] = {
			{ .fd = relay->conn, .events = POLLIN },
			{ .fd = relay->signal_fd, .events = POLLIN },
			{ .fd = relay->child_fd, .events = POLLIN },
		};

		if (poll(p, 3, end_wait(relay)) < 0)
			continue;
		if (p[2].revents)
			child_hear(relay);
		if (p[1].revents)
			signal_hear(relay);
		if (p[0].revents && relay->conn >= 0)
			door_hear(relay);
		if (relay->end_ms > 0)
			end_go_on(relay);
	}
}

/*
 * Joined, its children alone concern it. As pid 1 it also gets what root of the host sends the
 * container (carrel kill), and root inside.
 */
static int signals_take(struct relay *relay)
{
	sigset_t set;

	chld_only(&set);
	if (is_init(relay))
		sigfillset(&set);
	relay->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return relay->signal_fd < 0 ? -errno : 0;
}

static int relay_start(struct relay *relay, const char *user, const char **ret_step)
{
	int r;

	r = prepare(relay, user, ret_step);
	if (r < 0)
		return r;

	*ret_step = "signals";
	r = signals_take(relay);
	if (r < 0)
		return r;

	*ret_step = "process";
	return child_start(relay);
}

int main(int argc, char **argv)
{
	struct relay relay = { .command.slave = -1, .master = -1, .child_fd = -1, .signal_fd = -1, .conn = RELAY_CONN };
	const struct sigaction dfl = { .sa_handler = SIG_DFL };
	const char *step;
	sigset_t all;
	int r;

	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	(void)prctl(PR_SET_NAME, "carrel-relay", 0L, 0L, 0L);
	/*
	 * The user can send the terminal's signals to a session's leader: none of them may do
	 * anything.
	 */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)sigaction(SIGCHLD, &dfl, NULL);
	if (!command_read(argc, argv, &relay.command))
		return EXIT_CALL;
	(void)close_range(fds_end(&relay) + (is_init(&relay) ? 1 : 0), UINT_MAX, 0);
	if (is_init(&relay) && !may_go(&relay))
		return EXIT_CALL;

	r = relay_start(&relay, argc == 5 ? argv[4] : NULL, &step);
	if (r < 0) {
		struct enter_event e = failure(r, step);

		event_send(&e, -1);
		return is_init(&relay) ? EXIT_CALL : 0;
	}
	relay_loop(&relay);
}
