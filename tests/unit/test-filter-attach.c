/*
 * The shipped filters on the running kernel. Every refusal is first shown to be the filter's: the
 * same call without it gives something else. Children attach and use raw calls or exec only, so
 * that a sanitizer in this program is not in the way.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/public/program.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/filter.h"
#include "tests/lib/filtered_child.h"
#include "tests/lib/test.h"

#define HIGH (1UL << 32)

static const char *const names[] = { "default", "login", "strict" };
enum { DEFAULT, LOGIN, STRICT, N_NAMES, NONE };
static int programs[N_NAMES];

static int memory_file(const void *data, size_t len)
{
	int fd = memfd_create("program", MFD_CLOEXEC);

	CHECK(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	return fd;
}

static void compile_all(void)
{
	const char *src = getenv("CARREL_SRCDIR");
	char dir[4096];
	const char *dirs[] = { dir };

	(void)snprintf(dir, sizeof(dir), "%s/etc/filters", src ? src : ".");
	for (int i = 0; i < N_NAMES; i++) {
		_cleanup_(filter_cleanup) struct filter *f = NULL;
		_cleanup_free_ void *file = NULL;
		struct err e = { "" };
		size_t len = 0;

		programs[i] = -1;
		if (filter_load(dirs, 1, names[i], FILTER_ROOT_INSIDE, &f, &e) < 0 ||
			filter_compile(f, 0, &file, &len, &e) < 0)
			test_fail(__FILE__, __LINE__, e.text);
		else
			programs[i] = memory_file(file, len);
	}
}

static void confine(int filter)
{
	if (filter != NONE)
		confine_self(programs[filter]);
}

/*
 * errno of one raw call in a child of its own under the filter, 0 for success, 1000 + signal for
 * death.
 */
static int outcome(int filter, long nr, unsigned long a, unsigned long b, unsigned long c)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		confine(filter);
		_exit(syscall(nr, a, b, c, 0L, 0L, 0L) < 0 ? errno : 0);
	}
	status = wait_status(pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/*
 * Under every filter the call has this error, and without any filter it has not. Where the machine
 * refuses the call to this user anyway, that second half cannot be shown: a note, and a failure
 * where everything must be shown.
 */
static void closed(int line, const char *what, int expected, long nr, unsigned long a,
	unsigned long b, unsigned long c)
{
	const char *must = getenv("CARREL_MUST_WORK");

	if (outcome(NONE, nr, a, b, c) == expected) {
		printf("# %s: %s without a filter too, so this shows nothing\n", what,
			strerrorname_np(expected));
		if (must && strcmp(must, "1") == 0 && geteuid() == 0)
			test_fail(__FILE__, line, what);
	}
	for (int i = 0; i < N_NAMES; i++)
		test_check_int(__FILE__, line, what, outcome(i, nr, a, b, c), expected);
}
#define CLOSED(expected, nr, a, b, c)                                                              \
	closed(__LINE__, #nr " " #a " " #b, expected, nr, (unsigned long)(a), (unsigned long)(b),  \
		(unsigned long)(c))

static void families_are_closed_with_and_without_high_bits(void)
{
	CHECK_EQ(outcome(NONE, SYS_socket, AF_UNIX, SOCK_STREAM, 0), 0);
	for (int i = 0; i < N_NAMES; i++) {
		CHECK_EQ(outcome(i, SYS_socket, AF_UNIX, SOCK_STREAM, 0), 0);
		CHECK_EQ(outcome(i, SYS_socket, AF_INET, SOCK_STREAM, 0), 0);
	}
	/*
	 * EPROTOTYPE and the like from the kernel say that the family is there and our call reached
	 * it.
	 */
	if (outcome(NONE, SYS_socket, AF_VSOCK, SOCK_STREAM, 0) == EAFNOSUPPORT)
		TEST_SKIP("this kernel has no AF_VSOCK");
	CHECK_EQ(outcome(NONE, SYS_socket, AF_VSOCK | HIGH, SOCK_STREAM, 0), 0);
	CLOSED(EAFNOSUPPORT, SYS_socket, AF_VSOCK, SOCK_STREAM, 0);
	CLOSED(EAFNOSUPPORT, SYS_socket, AF_VSOCK | HIGH, SOCK_STREAM, 0);
	CLOSED(EAFNOSUPPORT, SYS_socket, AF_VSOCK | HIGH << 31, SOCK_STREAM, 0);
}

static void odd_netlink_protocols_are_closed(void)
{
	CHECK_EQ(outcome(NONE, SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), 0);
	CHECK_EQ(outcome(DEFAULT, SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), 0);
	CHECK_EQ(outcome(LOGIN, SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), 0);
	CHECK_EQ(outcome(STRICT, SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), EAFNOSUPPORT);
	if (outcome(NONE, SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) != 0)
		TEST_SKIP("this kernel has no NETLINK_NETFILTER");
	for (long high = 0; high < 2; high++) {
		CHECK_EQ(outcome(DEFAULT, SYS_socket, AF_NETLINK | (unsigned long)high << 32,
				 SOCK_RAW, NETLINK_NETFILTER),
			EPROTONOSUPPORT);
		CHECK_EQ(outcome(DEFAULT, SYS_socket, AF_NETLINK, SOCK_RAW,
				 NETLINK_NETFILTER | (unsigned long)high << 40),
			EPROTONOSUPPORT);
	}
}

static void typing_into_terminals_is_closed(void)
{
	/* EBADF: without a filter the call gets as far as looking at its descriptor. */
	CLOSED(EPERM, SYS_ioctl, -1, TIOCSTI, 0);
	CLOSED(EPERM, SYS_ioctl, -1, TIOCSTI | HIGH, 0);
	CLOSED(EPERM, SYS_ioctl, -1, TIOCSTI | HIGH << 31, 0);
	CLOSED(EPERM, SYS_ioctl, -1, TIOCLINUX, 0);
	CLOSED(EPERM, SYS_ioctl, -1, TIOCSETD | HIGH, 0);
	CHECK_EQ(outcome(STRICT, SYS_ioctl, -1, TIOCGWINSZ, 0), EBADF);
}

static void user_namespaces_are_closed(void)
{
	int bare = outcome(NONE, SYS_unshare, CLONE_NEWUSER, 0, 0);

	for (int i = 0; i < N_NAMES; i++) {
		CHECK_EQ(outcome(i, SYS_unshare, CLONE_NEWUSER, 0, 0), EPERM);
		CHECK_EQ(outcome(i, SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0), EPERM);
		/* Its structure cannot be looked into; ENOSYS sends every libc to clone. */
		CHECK_EQ(outcome(i, SYS_clone3, 0, 0, 0), ENOSYS);
		CHECK_EQ(outcome(i, SYS_clone, SIGCHLD, 0, 0), 0);
	}
	CHECK(outcome(NONE, SYS_clone3, 0, 0, 0) != ENOSYS);
	if (bare != 0)
		TEST_SKIP("user namespaces are off here anyway");
}

static void dangerous_calls_are_closed(void)
{
	CLOSED(EPERM, SYS_bpf, -1, 0, 0);
	CLOSED(EPERM, SYS_userfaultfd, -1, 0, 0);
	CLOSED(EPERM, SYS_perf_event_open, 0, 0, 0);
	CLOSED(ENOSYS, SYS_io_uring_setup, 0, 0, 0);
	CLOSED(EPERM, SYS_fanotify_init, -1, 0, 0);
	CLOSED(EPERM, SYS_quotactl, -1, 0, 0);
	CHECK_EQ(outcome(STRICT, SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0),
		EPERM);
	CHECK_EQ(outcome(DEFAULT, SYS_keyctl, KEYCTL_DH_COMPUTE, 0, 0), EPERM);
	CHECK(outcome(NONE, SYS_keyctl, KEYCTL_DH_COMPUTE, 0, 0) != EPERM);
	CHECK_EQ(outcome(NONE, SYS_personality, READ_IMPLIES_EXEC, 0, 0), 0);
	CHECK_EQ(outcome(DEFAULT, SYS_personality, READ_IMPLIES_EXEC, 0, 0), EPERM);
	CHECK_EQ(outcome(DEFAULT, SYS_personality, READ_IMPLIES_EXEC | HIGH, 0, 0), EPERM);
	CHECK_EQ(outcome(DEFAULT, SYS_personality, ADDR_NO_RANDOMIZE, 0, 0), 0);
}

static void newer_calls_are_absent(void)
{
	for (int i = 0; i < N_NAMES; i++) {
		CHECK_EQ(outcome(i, 999, 0, 0, 0), ENOSYS);
		CHECK_EQ(outcome(i, 0x7ffffff, 0, 0, 0), ENOSYS);
	}
}

#ifdef __x86_64__
static int int80(int filter)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		long r = 20; /* getpid of i386 */

		confine(filter);
		__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
		_exit(r > 0 ? 0 : 1);
	}
	status = wait_status(pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void other_abis_are_killed(void)
{
	for (int i = 0; i < N_NAMES; i++)
		CHECK_EQ(outcome(i, 0x40000000 + SYS_getpid, 0, 0, 0), 1000 + SIGSYS);
	if (int80(NONE) != 0)
		TEST_SKIP("this kernel takes no int 0x80");
	for (int i = 0; i < N_NAMES; i++)
		CHECK_EQ(int80(i), 1000 + SIGSYS);
}
#endif

static void filter_cannot_be_attached_without_the_right_to(void)
{
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(1);
		_exit(program_attach(programs[DEFAULT]) == -EACCES ? 0 : 1);
	}
	CHECK_EQ(wait_status(pid), 0);
}

static void attached_as_root_before_setresuid_it_holds_after(void)
{
	pid_t pid;

	if (geteuid() != 0)
		TEST_SKIP("needs root");
	pid = fork();
	if (pid == 0) {
		/* No no_new_privs: this is how a session that may become root gets its filter. */
		if (program_attach(programs[LOGIN]) < 0)
			_exit(2);
		if (syscall(SYS_setgroups, 0, NULL) < 0 ||
			syscall(SYS_setresgid, 65534, 65534, 65534) < 0 ||
			syscall(SYS_setresuid, 65534, 65534, 65534) < 0)
			_exit(3);
		if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0)
			_exit(4);
		_exit(syscall(SYS_ioctl, -1, TIOCSTI, 0) < 0 && errno == EPERM ? 0 : 5);
	}
	CHECK_EQ(wait_status(pid), 0);
}

/* In a user namespace of its own, as root there: which of the calls that root needs fail? A bit for
 * each. */
static int root_inside(int filter)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int failed = 0;

		if (syscall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWNS) < 0)
			_exit(128);
		confine(filter);
		failed |= syscall(SYS_sethostname, "carrel", 6) < 0 ? 1 : 0;
		failed |= syscall(SYS_unshare, CLONE_NEWNS) < 0 ? 2 : 0;
		failed |= syscall(SYS_mount, "/", "/", NULL, MS_BIND | MS_REC, NULL) < 0 ? 4 : 0;
		failed |= syscall(SYS_chroot, "/") < 0 ? 8 : 0;
		failed |= syscall(SYS_unshare, CLONE_NEWNET) < 0 ? 16 : 0;
		failed |= syscall(SYS_unshare, CLONE_NEWUSER) < 0 ? 32 : 0;
		_exit(failed);
	}
	status = wait_status(pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void login_is_open_for_root_inside_and_no_wider(void)
{
	/* Whether chroot and a nested user namespace work without a filter is this machine's
	 * business. */
	int bare = root_inside(NONE);

	if (bare == 128)
		TEST_SKIP("no user namespaces here");
	CHECK_EQ(bare & (1 | 2 | 4 | 16), 0);
	CHECK_EQ(root_inside(LOGIN), (bare & ~32) | 16 | 32);
	CHECK_EQ(root_inside(DEFAULT), 1 | 2 | 4 | (bare & 8) | 16 | 32);
	CHECK_EQ(root_inside(STRICT), 1 | 2 | 4 | (bare & 8) | 16 | 32);
}

/* flags of the filter that was attached as number `off`, or -errno. */
static int filter_flags(pid_t pid, uint64_t off)
{
	struct {
		uint64_t filter_off, flags;
	} metadata = { .filter_off = off };

	if (ptrace(PTRACE_SECCOMP_GET_METADATA, pid, sizeof(metadata), &metadata) < 0)
		return -errno;
	return (int)metadata.flags;
}

static void only_the_loud_program_is_logged(void)
{
	int loud, quiet;
	pid_t pid;

	if (geteuid() != 0)
		TEST_SKIP("the kernel tells only root");
	pid = fork();
	if (pid == 0) {
		confine(DEFAULT);
		(void)syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
		(void)syscall(SYS_kill, getpid(), SIGSTOP);
		_exit(0);
	}
	CHECK(WIFSTOPPED(wait_status(pid)));
	loud = filter_flags(pid, 0);
	quiet = filter_flags(pid, 1);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	(void)wait_status(pid);
	if (loud == -EIO || loud == -EINVAL)
		TEST_SKIP("this kernel does not tell the flags of a filter");
	CHECK_EQ(loud, SECCOMP_FILTER_FLAG_LOG);
	CHECK_EQ(quiet, 0);
}

static void users_own_filters_stack_on_ours(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		confine(STRICT);
		/* Twice more, as a nested sandbox would. */
		if (program_attach(programs[DEFAULT]) < 0 || program_attach(programs[STRICT]) < 0)
			_exit(1);
		_exit(syscall(SYS_bpf, -1, 0, 0) < 0 && errno == EPERM ? 0 : 2);
	}
	CHECK_EQ(wait_status(pid), 0);
}

static int attach_bytes(const void *data, size_t len)
{
	_cleanup_fd_ int fd = memory_file(data, len);
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		_exit(-program_attach(fd));
	}
	return WEXITSTATUS(wait_status(pid));
}

static void wrong_files_are_not_attached(void)
{
	static union {
		struct program_head head;
		char bytes[PROGRAM_MAX + 8];
	} good, bad;
	ssize_t n = pread(programs[DEFAULT], good.bytes, sizeof(good.bytes), 0);
	const uint16_t loud = good.head.loud;

	CHECK(n > 0);
	CHECK_EQ(attach_bytes(&good, (size_t)n), 0);
	CHECK_EQ(attach_bytes(&good, (size_t)n - 8), EBADMSG);
	CHECK_EQ(attach_bytes(&good, (size_t)n + 8), EBADMSG);
	CHECK_EQ(attach_bytes(&good, sizeof(good)), EBADMSG);
	CHECK_EQ(attach_bytes(&good, 4), EBADMSG);
	CHECK_EQ(attach_bytes(&good, 0), EBADMSG);
#define BAD(field, value)                                                                          \
	do {                                                                                       \
		bad = good;                                                                        \
		bad.head.field = (value);                                                          \
		CHECK_EQ(attach_bytes(&bad, (size_t)n), EBADMSG);                                  \
	} while (0)
	BAD(magic, 1);
	BAD(version, PROGRAM_VERSION + 1);
	BAD(flags, 1);
	BAD(arch, AUDIT_ARCH_I386);
	BAD(loud, 0);
	BAD(quiet, 0);
	BAD(loud, (uint16_t)(loud + 1));
	BAD(loud, PROGRAM_INSNS + 1);
	CHECK_EQ(program_attach(-1), -EBADF);
}

/* The position of a shared descriptor belongs to others: it does not matter and is not moved. */
static void position_of_the_descriptor_does_not_matter(void)
{
	pid_t pid;

	CHECK_EQ(lseek(programs[DEFAULT], 7, SEEK_SET), 7);
	pid = fork();
	if (pid == 0) {
		confine(DEFAULT);
		_exit(0);
	}
	CHECK_EQ(wait_status(pid), 0);
	CHECK_EQ(lseek(programs[DEFAULT], 0, SEEK_CUR), 7);
}

int main(void)
{
	compile_all();
	TEST(families_are_closed_with_and_without_high_bits);
	TEST(odd_netlink_protocols_are_closed);
	TEST(typing_into_terminals_is_closed);
	TEST(user_namespaces_are_closed);
	TEST(dangerous_calls_are_closed);
	TEST(newer_calls_are_absent);
#ifdef __x86_64__
	TEST(other_abis_are_killed);
#endif
	TEST(filter_cannot_be_attached_without_the_right_to);
	TEST(attached_as_root_before_setresuid_it_holds_after);
	TEST(login_is_open_for_root_inside_and_no_wider);
	TEST(only_the_loud_program_is_logged);
	TEST(users_own_filters_stack_on_ours);
	TEST(wrong_files_are_not_attached);
	TEST(position_of_the_descriptor_does_not_matter);
	return test_done();
}
