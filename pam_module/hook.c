/*
 * hook - placement in the service's own child.
 *
 * Trust:  runs as host root in a child that the service just forked; descriptors came from the helper.
 * Order:  limits and keyring while they are the host's to give; cgroup; all namespaces at once by pidfd; uid of container root
 *         (gids stay: the service has set them); "/" ; no_new_privs; filter; descriptors closed. The service's own
 *         setuid(2) then drops from container root, which clears the capabilities in the container.
 * Fails:  -errno and a line; the caller ends the process, since services ignore an error here (sshd for public keys, cron always).
 */
#include "pam_module/hook.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper/public/program.h"
#include "pam_module/session.h"
#include "policy/base/err.h"

bool hook_fits(const char *service)
{
	return strcmp(service, "sshd") == 0 || strcmp(service, "cron") == 0 ||
		strcmp(service, "crond") == 0;
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

int hook_join(struct carrel_data *d, struct err *e)
{
	const struct rlimit no_core = { 0, 0 }; /* a crash inside must not run the host's core_pattern */
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
		return failed(e, "join the container");
	if (setresuid(0, 0, 0) < 0)
		return failed(e, "become root of the container");
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
	return 0;
}
