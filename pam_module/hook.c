/*
 * hook - placement in the service's own child.
 *
 * Trust:  runs as host root in a child that the service just forked; descriptors came from the helper.
 * Order:  limits and keyring while they are the host's to give; cgroup; all namespaces at once by pidfd; uid of container root
 *         (gids stay: the service has set them); "/" ; no_new_privs; filter; descriptors closed. The service's own
 *         setuid(2) then drops from container root, which clears the capabilities in the container.
 *         Last, where the child is to become the user's program itself, a fork into the pid namespace.
 * Fails:  -errno and a line; the caller ends the process, since services ignore an error here (sshd for public keys, cron always).
 */
#include "pam_module/hook.h"

#include <errno.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/public/program.h"
#include "pam_module/session.h"
#include "policy/base/err.h"

/* "sshd" of "/usr/sbin/sshd", also after an upgrade has replaced the file of a process that runs. */
static void program_name(char *ret, size_t room)
{
	static const char replaced[] = " (deleted)";
	char path[PATH_MAX], *slash, *tail;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[n > 0 ? n : 0] = '\0';
	tail = strstr(path, replaced);
	if (tail && tail[sizeof(replaced) - 1] == '\0')
		*tail = '\0';
	slash = strrchr(path, '/');
	(void)snprintf(ret, room, "%s", slash ? slash + 1 : "");
}

enum hook_program hook_program_find(const char *service)
{
	char name[64];

	program_name(name, sizeof(name));
	if (strcmp(name, "sshd") == 0 || strcmp(name, "sshd-session") == 0)
		return HOOK_SERVES;
	if (strcmp(name, "cron") == 0 || strcmp(name, "crond") == 0)
		return HOOK_EXECUTES;
	/* By its service's name alone it may be one or the other; the stricter treatment is right for both. */
	if (strcmp(service, "sshd") == 0 || strcmp(service, "cron") == 0 || strcmp(service, "crond") == 0)
		return HOOK_EXECUTES;
	return HOOK_NONE;
}

int hook_hold(struct carrel_data *d, struct err *e)
{
	struct rlimit none;

	if (getrlimit(RLIMIT_NPROC, &d->processes) < 0)
		return err_set(e, errno, "cannot read RLIMIT_NPROC: %s", strerror(errno));
	none = d->processes;
	none.rlim_cur = 0;
	if (setrlimit(RLIMIT_NPROC, &none) < 0)
		return err_set(e, errno, "cannot hold the session's processes back: %s", strerror(errno));
	return 0;
}

static int failed(struct err *e, const char *what)
{
	return err_set(e, errno, "cannot %s: %s", what, strerror(errno));
}

/* No process owns the container's user namespace; who joins it needs the capabilities of the host's root for that. */
static int join_failed(struct err *e)
{
	if (errno != EPERM)
		return failed(e, "join the container");
	return err_set(e, EPERM, "cannot join the container: this service has not all of CAP_SYS_ADMIN, CAP_SYS_CHROOT and CAP_SYS_PTRACE; "
		"CapabilityBoundingSet= of its unit must not leave one out");
}

/*
 * In the opener as well: cron's mailer is a later child of it, and runs as the user. The real gid must be the opener's for
 * prlimit(2) where CAP_SYS_RESOURCE is missing; the service has made it the user's by now.
 */
static int release(const struct carrel_data *d)
{
	gid_t mine = getgid();

	if (setrlimit(RLIMIT_NPROC, &d->processes) < 0 || setresgid(d->opener_gid, (gid_t)-1, (gid_t)-1) < 0)
		return -1;
	(void)prlimit(d->opener, RLIMIT_NPROC, &d->processes, NULL);
	return setresgid(mine, (gid_t)-1, (gid_t)-1);
}

/* Nothing of the session's stays open here: cron reads the job's output until everybody has closed it. */
static void stand_in(pid_t pid)
{
	int status = 0;

	(void)syscall(SYS_close_range, 0U, ~0U, 0);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status)) {
		(void)signal(WTERMSIG(status), SIG_DFL);
		(void)raise(WTERMSIG(status));
	}
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 255);
}

/* This process stays in the host's pid namespace whatever it joins; its child does not. */
static int go_on_as_child(struct err *e)
{
	bool leads = getsid(0) == getpid();
	void (*children)(int) = signal(SIGCHLD, SIG_DFL);
	pid_t pid = fork();

	if (pid < 0)
		return failed(e, "make a process in the container");
	if (pid > 0)
		stand_in(pid);
	(void)signal(SIGCHLD, children);
	if (leads)
		(void)setsid();
	return 0;
}

int hook_join(struct carrel_data *d, struct err *e)
{
	const struct rlimit no_core = { 1, 1 }; /* a crash inside must not run the host's core_pattern: helper/attributes.c */
	int r;

	if (release(d) < 0)
		return failed(e, "let the session's processes go");
	(void)setrlimit(RLIMIT_CORE, &no_core);
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		return failed(e, "get a session keyring");
	if (d->cgroup_fd >= 0 && write(d->cgroup_fd, "0", 1) != 1)
		return failed(e, "join the container's cgroup");
	if (setns(d->pidfd, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
				CLONE_NEWCGROUP | CLONE_NEWNET) < 0)
		return join_failed(e);
	if (setresuid(0, 0, 0) < 0)
		return failed(e, "become root of the container");
	/* Whatever fs.suid_dumpable says: container root sees the processes that this one forks. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return failed(e, "hide from the container's root");
	if (chdir("/") < 0)
		return failed(e, "go to /");
	if ((d->flags & SESSION_NNP) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failed(e, "set no_new_privs");
	r = program_attach(d->filter_fd);
	if (r < 0) {
		errno = -r;
		return failed(e, "attach the filter");
	}
	session_forget(d);
	d->joined = true;
	return d->program == HOOK_SERVES ? 0 : go_on_as_child(e);
}
