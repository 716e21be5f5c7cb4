/*
 * supervise - keeps a listener company: the loop that answers calls, passes signals on, stops and continues with the
 * command as its shell would, and outlives everything that the command started.
 */
#include "helper/learn/supervise.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"

struct loop {
	const struct supervision *s;
	struct listener l;
	sigset_t old_mask;
	int signal_fd;
	bool ended; /* the command itself */
	bool told; /* that others go on */
	bool alone; /* no descendant is left */
	bool stopped;
	struct supervised result;
	struct timespec start, end;
};

/* Those that somebody sends to us and means the command. Stops are not among them: we stop with it. */
static const int passed[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT };

/* The parent of a process by its number; 0 if it is gone. ret_name may be NULL. */
static pid_t parent_of(pid_t pid, char ret_name[static 17])
{
	_cleanup_file_ FILE *f = NULL;
	char path[40], line[256];
	pid_t parent = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		(void)sscanf(line, "Name: %16s", ret_name);
		if (sscanf(line, "PPid: %d", &parent) == 1)
			break;
	}
	return parent;
}

static bool descends_from_us(pid_t pid, char ret_name[static 17])
{
	char name[17];
	pid_t parent = parent_of(pid, ret_name);

	for (int depth = 0; parent > 1 && depth < 64; depth++) {
		if (parent == getpid())
			return true;
		parent = parent_of(parent, name);
	}
	return false;
}

/* How many descendants there are, and one of them by name. */
static unsigned count_descendants(char ret_name[static 17], pid_t *ret_pid)
{
	_cleanup_dir_ DIR *proc = opendir("/proc");
	unsigned n = 0;

	for (struct dirent *d; proc && (d = readdir(proc));) {
		char name[17] = "?";
		pid_t pid = (pid_t)atoi(d->d_name);

		if (!isdigit((unsigned char)d->d_name[0]) || !descends_from_us(pid, name))
			continue;
		if (n++ == 0) {
			memcpy(ret_name, name, sizeof(name));
			*ret_pid = pid;
		}
	}
	return n;
}

static void tell_who_goes_on(struct loop *p)
{
	char name[17] = "?";
	pid_t pid = 0;
	unsigned n = count_descendants(name, &pid);

	p->told = true;
	if (n == 0)
		return;
	(void)fprintf(stderr, "%s: %s has ended (status %d), but %s[%d]%s; waiting for %s (Ctrl-C: no longer)\n",
		p->s->who, p->s->argv[0], p->result.status, name, (int)pid,
		n == 1 ? ", which it started, goes on" : " and others that it started go on", n == 1 ? "it" : "them");
}

static void stop_waiting(struct loop *p)
{
	char name[17] = "?";
	pid_t pid = 0;
	unsigned n = count_descendants(name, &pid);

	p->result.left = n > 0;
	p->alone = true;
	if (n > 0)
		(void)fprintf(stderr,
			"%s: %u process%s left running; calls that need an answer fail there with ENOSYS from now on, so end %s\n",
			p->s->who, n, n == 1 ? "" : "es", n == 1 ? "it" : "them");
}

/* Nobody outside our session could continue us: then a stop would be for ever. */
static bool somebody_can_continue_us(void)
{
	pid_t parent = getppid();

	return getsid(0) == getsid(parent) && getpgid(parent) != getpgrp();
}

static void continue_command(struct loop *p)
{
	pid_t group = getpgid(p->l.pid);

	if (!p->stopped)
		return;
	p->stopped = false;
	(void)kill(group > 1 && group != getpgrp() ? -group : p->l.pid, SIGCONT);
}

/* Whoever started us sees us stop, and takes the terminal. */
static void stop_with_command(struct loop *p)
{
	p->stopped = true;
	if (somebody_can_continue_us())
		(void)raise(SIGSTOP);
	continue_command(p);
}

static void reap(struct loop *p)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (pid != p->l.pid)
			continue;
		if (WIFSTOPPED(status)) {
			stop_with_command(p);
			continue;
		}
		p->ended = true;
		(void)clock_gettime(CLOCK_MONOTONIC, &p->end);
		p->result.microseconds = (uint64_t)((p->end.tv_sec - p->start.tv_sec) * 1000000 +
						    (p->end.tv_nsec - p->start.tv_nsec) / 1000);
		p->result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	if (pid < 0 && errno == ECHILD)
		p->alone = true;
}

static void signal_pass(struct loop *p, const struct signalfd_siginfo *s)
{
	int sig = (int)s->ssi_signo;

	if (sig == SIGCONT) {
		continue_command(p);
	} else if (p->ended) {
		if (sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT)
			stop_waiting(p);
	} else if (s->ssi_code != SI_KERNEL && (pid_t)s->ssi_pid != p->l.pid) {
		/* What the kernel sends at a key goes to the whole group: the command has it. */
		(void)kill(p->l.pid, sig);
	}
}

static void signals(struct loop *p)
{
	struct signalfd_siginfo s;

	while (read(p->signal_fd, &s, sizeof(s)) == sizeof(s))
		if (s.ssi_signo != SIGCHLD)
			signal_pass(p, &s);
	reap(p);
}

static unsigned seconds_since(const struct timespec *start)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned)(now.tv_sec - start->tv_sec);
}

static int answer(struct loop *p, struct err *e)
{
	struct seccomp_notif n;
	int r = listener_receive(&p->l, &n, e);

	if (r > 0)
		listener_answer(&p->l, n.id, p->s->call(p->s->data, &p->l, &n));
	return r < 0 ? r : 0;
}

static int turn(struct loop *p, struct err *e)
{
	struct pollfd fds[] = { { .fd = p->l.fd, .events = POLLIN }, { .fd = p->signal_fd, .events = POLLIN } };
	int r = 0;

	if (poll(fds, 2, p->ended ? 500 : 1000) < 0)
		return errno == EINTR ? 0 : err_set(e, errno, "poll: %s", strerror(errno));
	if (fds[0].revents & POLLIN)
		r = answer(p, e);
	else if (fds[0].revents & (POLLHUP | POLLERR))
		cleanup_fd(&p->l.fd); /* nobody is left who could call; poll passes over -1 */
	if (fds[1].revents)
		signals(p);
	if (p->s->tick && !p->ended)
		p->s->tick(p->s->data, seconds_since(&p->start));
	return r;
}

static int loop(struct loop *p, struct err *e)
{
	int r = 0;

	while (r == 0 && !(p->ended && (p->alone || p->l.fd < 0))) {
		r = turn(p, e);
		/* Most children end with their parent: nobody needs to hear of those. */
		if (p->ended && !p->alone && !p->told && p->l.fd >= 0 && seconds_since(&p->end) > 0)
			tell_who_goes_on(p);
	}
	return r;
}

static void block_signals(struct loop *p)
{
	sigset_t mask;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGCHLD);
	for (size_t i = 0; i < sizeof(passed) / sizeof(*passed); i++)
		(void)sigaddset(&mask, passed[i]);
	p->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	/* Messages may come from the background of a terminal where that would stop us. */
	(void)sigaddset(&mask, SIGTTOU);
	(void)sigprocmask(SIG_BLOCK, &mask, &p->old_mask);
}

static int start(struct loop *p, struct err *e)
{
	const struct listener_start how = {
		.argv = p->s->argv,
		.insns = p->s->insns,
		.n_insns = p->s->n_insns,
		.mask = &p->old_mask,
		.silent = p->s->silent,
		.no_new_privs = p->s->no_new_privs,
	};
	int r = listener_start(&how, &p->l, e);

	p->result.began = r == 0;
	p->result.no_new_privs = p->l.no_new_privs;
	return r;
}

int supervise(const struct supervision *s, struct supervised *ret, struct err *e)
{
	struct loop p = { .s = s, .signal_fd = -1 };
	int r;

	(void)clock_gettime(CLOCK_MONOTONIC, &p.start);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	block_signals(&p);
	r = start(&p, e);
	ret->began = r == 0;
	if (r == 0)
		r = loop(&p, e);
	if (r == 0)
		p.result.exec_error = listener_exec_error(&p.l);
	listener_close(&p.l);
	cleanup_fd(&p.signal_fd);
	(void)sigprocmask(SIG_SETMASK, &p.old_mask, NULL);
	if (r == 0)
		*ret = p.result;
	return r;
}

bool supervise_is_filtered(void)
{
	_cleanup_file_ FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	int mode = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Seccomp: %d", &mode) == 1)
			break;
	return mode == 2;
}
