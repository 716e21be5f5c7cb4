/*
 * tryout NAME - tries one forbidden thing and prints "denied: ERRNO", "done", or "killed" when a child died of it.
 *
 * Names: ia32 tiocsti tiocsti64 tioclinux keyctl addkey bpf uring userfaultfd perf userns clone-userns clone3 ptrace-init
 * memfd setns-init mount sysfs cgroup kexec module handle
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIOCSTI_NUMBER 0x5412UL
#define TIOCLINUX_NUMBER 0x541CUL

static long say_errno(long r)
{
	return r < 0 ? -errno : r;
}

/* getpid by the 32-bit door: allowed to do nothing, but only reachable when other ABIs are. */
static long try_ia32(void)
{
#ifdef __x86_64__
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
	return r;
#else
	return -ENOSYS;
#endif
}

static long try_clone_userns(void)
{
	long r = syscall(SYS_clone, CLONE_NEWUSER | 17, 0, 0, 0, 0);

	if (r == 0)
		_exit(0);
	return say_errno(r);
}

static long try_clone3(void)
{
	struct clone_args {
		unsigned long long v[11];
	} args = { { CLONE_NEWUSER, 0, 0, 0, 17 } };
	long r = syscall(SYS_clone3, &args, sizeof(args));

	if (r == 0)
		_exit(0);
	return say_errno(r);
}

static long try_uring(void)
{
	struct io_uring_params params = { 0 };

	return say_errno(syscall(SYS_io_uring_setup, 4, &params));
}

static long try_bpf(void)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

	return say_errno(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static long try_perf(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr) };

	return say_errno(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static long try_setns(void)
{
	int fd = open("/proc/1/ns/user", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : say_errno(setns(fd, 0));
}

static long try_handle(void)
{
	struct {
		struct file_handle head;
		char bytes[8];
	} h = { { .handle_bytes = 8, .handle_type = 1 }, { 2 } };
	int fd = open("/", O_RDONLY | O_DIRECTORY);

	return say_errno(open_by_handle_at(fd, &h.head, O_RDONLY));
}

static long attempt(const char *what)
{
	static const char byte = '\n', linux_request[2] = { 2 };

	if (!strcmp(what, "ia32"))
		return try_ia32();
	if (!strcmp(what, "tiocsti"))
		return say_errno(syscall(SYS_ioctl, 0, TIOCSTI_NUMBER, &byte));
	if (!strcmp(what, "tiocsti64"))
		return say_errno(syscall(SYS_ioctl, 0, TIOCSTI_NUMBER | 1UL << 32, &byte));
	if (!strcmp(what, "tioclinux"))
		return say_errno(syscall(SYS_ioctl, 0, TIOCLINUX_NUMBER | 1UL << 33, linux_request));
	if (!strcmp(what, "keyctl"))
		return say_errno(syscall(SYS_keyctl, 0, -3, 0)); /* KEYCTL_GET_KEYRING_ID, session */
	if (!strcmp(what, "addkey"))
		return say_errno(syscall(SYS_add_key, "user", "x", "y", 1, -3));
	if (!strcmp(what, "bpf"))
		return try_bpf();
	if (!strcmp(what, "uring"))
		return try_uring();
	if (!strcmp(what, "userfaultfd"))
		return say_errno(syscall(SYS_userfaultfd, O_CLOEXEC | 1));
	if (!strcmp(what, "perf"))
		return try_perf();
	if (!strcmp(what, "userns"))
		return say_errno(unshare(CLONE_NEWUSER));
	if (!strcmp(what, "clone-userns"))
		return try_clone_userns();
	if (!strcmp(what, "clone3"))
		return try_clone3();
	if (!strcmp(what, "ptrace-init"))
		return say_errno(ptrace(PTRACE_SEIZE, 1, 0, 0));
	if (!strcmp(what, "setns-init"))
		return try_setns();
	if (!strcmp(what, "sysfs"))
		return say_errno(mount("sysfs", "/mnt", "sysfs", 0, NULL));
	if (!strcmp(what, "cgroup"))
		return say_errno(mount("cgroup", "/mnt", "cgroup2", 0, NULL));
	if (!strcmp(what, "kexec"))
		return say_errno(syscall(SYS_kexec_load, 0, 0, 0, 0));
	if (!strcmp(what, "module"))
		return say_errno(syscall(SYS_init_module, "", 0, ""));
	if (!strcmp(what, "handle"))
		return try_handle();
	if (!strcmp(what, "works"))
		return say_errno(syscall(SYS_getuid));
	return -EDOM;
}

int main(int argc, char *argv[])
{
	int status;
	pid_t pid;

	for (int i = 1; i < argc; i++) {
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			long r = attempt(argv[i]);

			if (r < 0)
				printf("%s denied: %s\n", argv[i], strerrorname_np((int)-r));
			else
				printf("%s done\n", argv[i]);
			exit(0);
		}
		waitpid(pid, &status, 0);
		if (WIFSIGNALED(status))
			printf("%s killed: %d\n", argv[i], WTERMSIG(status));
	}
	return 0;
}
