/*
 * holdon ATTEMPT… - tries to get rid of the session's filters, and says after each attempt what a call that they refuse
 * does now: "ATTEMPT EPERM" while they hold, "ATTEMPT EBADF" where nothing refuses it.
 * holdon filters PID - as the machine's root: a line for each filter of the process, newest first.
 *
 * Attempts: plain exec thread no-mode strict-mode allow-all allow-all-tsync own-errno ptrace suspend
 * suspend brings a filter of its own that refuses the same, so that it shows something where no filter is.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIOCSTI_NUMBER 0x5412UL

static int refused_call(void)
{
	return syscall(SYS_ioctl, -1L, TIOCSTI_NUMBER, 0L) < 0 ? errno : 0;
}

static int install(unsigned flags, const struct sock_filter *code, unsigned short n)
{
	const struct sock_fprog program = { n, (struct sock_filter *)code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static int allow_all(unsigned flags)
{
	static const struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };

	return install(flags, code, 1);
}

/* One number gets an errno; everything else is allowed. */
static int refuse(unsigned nr, unsigned error)
{
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return install(0, code, 4);
}

static void *in_thread(void *ret)
{
	*(int *)ret = refused_call();
	return NULL;
}

static int by_thread(void)
{
	pthread_t thread;
	int said = -1;

	if (pthread_create(&thread, NULL, in_thread, &said) != 0)
		return -1;
	(void)pthread_join(thread, NULL);
	return said;
}

/* The tracer of a child that asks for getppid makes it ask for the refused call instead. */
static int by_ptrace(void)
{
#ifdef __x86_64__
	const pid_t pid = fork();
	struct user_regs_struct regs;
	int status;

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			_exit(255);
		(void)raise(SIGSTOP);
		_exit(syscall(SYS_getppid, -1L, TIOCSTI_NUMBER, 0L) < 0 ? errno : 0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	while (ptrace(PTRACE_SYSCALL, pid, 0, 0) == 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		if (ptrace(PTRACE_GETREGS, pid, 0, &regs) < 0)
			return -1;
		if (regs.orig_rax == SYS_getppid && regs.rdi == UINT64_MAX) {
			regs.orig_rax = SYS_ioctl;
			(void)ptrace(PTRACE_SETREGS, pid, 0, &regs);
			(void)ptrace(PTRACE_CONT, pid, 0, 0);
			(void)waitpid(pid, &status, 0);
			break;
		}
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
#else
	return refused_call();
#endif
}

static int by_suspend(void)
{
	const pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			_exit(255);
		(void)raise(SIGSTOP);
		_exit(refuse(SYS_ioctl, EPERM) < 0 ? 254 : refused_call());
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	(void)ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_SUSPEND_SECCOMP);
	(void)ptrace(PTRACE_CONT, pid, 0, 0);
	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What the refused call says after the attempt; -1: the attempt is not possible at all. */
static int attempt(const char *what)
{
	if (!strcmp(what, "plain"))
		return refused_call();
	if (!strcmp(what, "thread"))
		return by_thread();
	if (!strcmp(what, "no-mode"))
		return prctl(PR_SET_SECCOMP, SECCOMP_MODE_DISABLED, 0, 0, 0) == 0 ? -1 : refused_call();
	if (!strcmp(what, "strict-mode")) {
		(void)syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL);
		(void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0);
		return refused_call();
	}
	if (!strcmp(what, "allow-all"))
		return allow_all(0) < 0 ? -1 : refused_call();
	if (!strcmp(what, "allow-all-tsync"))
		return allow_all(SECCOMP_FILTER_FLAG_TSYNC) < 0 ? -1 : refused_call();
	if (!strcmp(what, "own-errno")) /* one that the session's filter allows: now it is refused as well */
		return refuse(SYS_getppid, EXDEV) < 0 || syscall(SYS_getppid) != -1 || errno != EXDEV ? -1 : refused_call();
	if (!strcmp(what, "ptrace"))
		return by_ptrace();
	if (!strcmp(what, "suspend"))
		return by_suspend();
	return -1;
}

/* In a child, as some attempts would stay. exec is the same program once more. */
static void try(const char *self, const char *what)
{
	pid_t pid;
	int status;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int said;

		if (!strcmp(what, "exec")) {
			(void)execl("/proc/self/exe", self, "--status", NULL);
			_exit(250);
		}
		said = attempt(what);
		_exit(said < 0 ? 251 : said);
	}
	if (waitpid(pid, &status, 0) != pid)
		printf("%s lost\n", what);
	else if (WIFSIGNALED(status))
		printf("%s killed by %d\n", what, WTERMSIG(status));
	else if (WEXITSTATUS(status) < 200)
		printf("%s %s\n", what, WEXITSTATUS(status) ? strerrorname_np(WEXITSTATUS(status)) : "done");
	else
		printf("%s impossible (%d)\n", what, WEXITSTATUS(status));
}

/* FNV-1a over the instructions. */
static uint64_t digest(const struct sock_filter *code, long n)
{
	const unsigned char *bytes = (const unsigned char *)code;
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < (size_t)n * sizeof(*code); i++)
		h = (h ^ bytes[i]) * 0x100000001b3u;
	return h;
}

static int list_filters(pid_t pid)
{
	static struct sock_filter code[BPF_MAXINSNS];
	unsigned long i;
	int status;
	long n;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0 ||
		waitpid(pid, &status, __WALL) != pid) {
		printf("cannot be traced: %s\n", strerror(errno));
		return 1;
	}
	for (i = 0; (n = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, i, code)) > 0; i++)
		printf("%ld %016jx\n", n, (uintmax_t)digest(code, n));
	if (i == 0)
		printf("no filters: %s\n", strerror(errno));
	(void)ptrace(PTRACE_DETACH, pid, 0, 0);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--status"))
		return refused_call();
	if (argc == 3 && !strcmp(argv[1], "filters"))
		return list_filters((pid_t)atoi(argv[2]));
	for (int i = 1; i < argc; i++)
		try(argv[0], argv[i]);
	return 0;
}
