#include "helper/learn/base.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "helper/learn/args.h"
#include "policy/base/parse.h"
#include "policy/syscalls.h"

/* clang-format off */
/*
 * No program of any size does without them, and none acts on more than the caller's own files, memory, processes and
 * clock. What is in here is in every filter, so that nothing is lost by not looking at it.
 */
static const struct base_group groups[] = {
	{ "a program's beginning and end",
		"execve exit exit_group arch_prctl set_tid_address set_robust_list get_robust_list set_thread_area "
		"get_thread_area rseq restart_syscall rt_sigreturn uretprobe" },
	{ "its own memory",
		"brk mmap munmap mprotect mremap msync madvise mseal" },
	{ "open files",
		"read write close lseek pread64 pwrite64 readv writev preadv pwritev preadv2 pwritev2 dup dup2 dup3 fcntl "
		"flock fsync fdatasync sync syncfs sync_file_range ftruncate fallocate fadvise64 sendfile splice "
		"copy_file_range close_range pipe pipe2 ioctl" },
	{ "files by name",
		"open openat openat2 creat stat lstat fstat newfstatat statx access faccessat faccessat2 readlink readlinkat "
		"getcwd chdir fchdir getdents getdents64 rename renameat renameat2 mkdir mkdirat rmdir link linkat symlink "
		"symlinkat unlink unlinkat mknod mknodat chmod fchmod fchmodat fchmodat2 truncate utime utimes utimensat "
		"futimesat statfs fstatfs statmount listmount umask file_getattr file_setattr" },
	{ "extended attributes",
		"getxattr lgetxattr fgetxattr getxattrat setxattr lsetxattr fsetxattr setxattrat listxattr llistxattr "
		"flistxattr listxattrat removexattr lremovexattr fremovexattr removexattrat" },
	{ "waiting for something",
		"poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd "
		"eventfd2 signalfd signalfd4 inotify_init inotify_init1 inotify_add_watch inotify_rm_watch" },
	{ "signals",
		"rt_sigaction rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack pause kill tgkill" },
	{ "the time of day and timers",
		"time gettimeofday clock_gettime clock_getres nanosleep clock_nanosleep alarm getitimer setitimer "
		"timer_create timer_settime timer_gettime timer_getoverrun timer_delete timerfd_create timerfd_settime "
		"timerfd_gettime times" },
	{ "processes and threads of its own",
		"clone fork vfork wait4 waitid futex futex_waitv sched_yield sched_getaffinity getcpu membarrier prctl "
		"setpgid setsid" },
	{ "who it is, and where",
		"getpid gettid getppid getpgid getpgrp getsid getuid geteuid getgid getegid getresuid getresgid getgroups "
		"uname sysinfo getrlimit prlimit64 getrusage getrandom" },
	{ "giving up rights",
		"seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self" },
	{ NULL, NULL },
};

/*
 * Other users' processes, other namespaces, the machine's clock, name, modules and disks, and kernel code that is
 * mostly met by those who attack it.
 */
static const char dangerous[] =
	"acct add_key adjtimex bpf chroot clock_adjtime clock_adjtime64 clock_settime clock_settime64 "
	"create_module delete_module fanotify_init fanotify_mark finit_module fsconfig fsmount fsopen fspick "
	"get_kernel_syms init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl kexec_file_load "
	"kexec_load keyctl lookup_dcookie lsm_get_self_attr lsm_list_modules lsm_set_self_attr migrate_pages "
	"modify_ldt mount mount_setattr move_mount move_pages nfsservctl open_by_handle_at open_tree "
	"open_tree_attr perf_event_open pidfd_getfd pivot_root process_vm_readv process_vm_writev ptrace "
	"query_module quotactl quotactl_fd reboot request_key setdomainname sethostname setns settimeofday stime "
	"swapoff swapon syslog umount umount2 unshare uselib userfaultfd vhangup vm86 vm86old";

/* clone takes clone3's place in every libc, and files are read without io_uring where there is none. */
static const char absent[] = "clone3 io_uring_enter io_uring_register io_uring_setup";

/*
 * Base calls at which the caller is looked at: the ends of its life, for the files it has mapped - a libc makes
 * set_tid_address once, when the libraries it was linked with are there - and seccomp for who wants to listen.
 */
static const char watched[] = "execve exit_group set_tid_address seccomp";
/* clang-format on */

static bool list_has(const char *list, const char *call)
{
	size_t n = strlen(call);

	for (const char *w = list; (w = strstr(w, call)); w += n)
		if ((w == list || w[-1] == ' ') && (w[n] == ' ' || w[n] == '\0'))
			return true;
	return false;
}

const struct base_group *base_groups(void)
{
	return groups;
}

bool base_has(const char *call)
{
	for (const struct base_group *g = groups; g->reason; g++)
		if (list_has(g->calls, call))
			return true;
	return false;
}

bool base_is_dangerous(const char *call)
{
	return list_has(dangerous, call);
}

bool base_is_absent(const char *call)
{
	return list_has(absent, call);
}

/*
 * "Allow this number"; where an argument matters, only while it is not one of those that a filter would forbid. Seccomp
 * looks at words: the low one of the argument, all that the kernel looks at.
 */
static size_t call_emit(struct sock_filter *ret, size_t n, int number, const char *call)
{
	const struct arg_interest *a = arg_interest_of(call);
	uint64_t values[ARG_INTEREST_VALUES];
	size_t n_values = 0, at = n;

	if (a && a->kind == INTEREST_FORBID)
		n_values = arg_interest_values(a, values);
	n++; /* the comparison comes last, when it is known how far it jumps */
	if (n_values > 0) {
		bool flags = arg_interest_arg(a)->kind == ARG_FLAGS;
		uint32_t offset = (uint32_t)(offsetof(struct seccomp_data, args) +
					     8 * arg_interest_arg(a)->index);

		ret[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
		for (size_t i = 0; i < n_values; i++)
			ret[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | (flags ? BPF_JSET : BPF_JEQ) | BPF_K,
				(uint32_t)values[i], (uint8_t)(n_values - i), 0);
		ret[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
		ret[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	} else {
		ret[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	ret[at] = (struct sock_filter)BPF_JUMP(
		BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, (uint8_t)(n - at - 1));
	return n;
}

size_t base_program(struct sock_filter ret[static BPF_MAXINSNS])
{
	uint32_t arch = syscall_native_arch();
	const struct sock_filter head[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	size_t n = sizeof(head) / sizeof(*head);
	char call[SYSCALL_NAME_MAX];

	memcpy(ret, head, sizeof(head));
	for (int number = 0; number < SYSCALLS_MAX; number++)
		if (syscall_name(arch, number, call) && base_has(call) && !list_has(watched, call))
			n = call_emit(ret, n, number, call);
	ret[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	return n;
}
