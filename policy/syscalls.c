#include "policy/syscalls.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/memfd.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netlink.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

#include "policy/base/cleanup.h"

/* Since Linux 5.1 new calls have one number on all architectures: 424 and up, as of Linux 6.17. */
#define UNIFIED_FIRST 424
static const char *const unified[] = {
	"pidfd_send_signal",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"open_tree",
	"move_mount",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"pidfd_open",
	"clone3",
	"close_range",
	"openat2",
	"pidfd_getfd",
	"faccessat2",
	"process_madvise",
	"epoll_pwait2",
	"mount_setattr",
	"quotactl_fd",
	"landlock_create_ruleset",
	"landlock_add_rule",
	"landlock_restrict_self",
	"memfd_secret",
	"process_mrelease",
	"futex_waitv",
	"set_mempolicy_home_node",
	"cachestat",
	"fchmodat2",
	"map_shadow_stack",
	"futex_wake",
	"futex_wait",
	"futex_requeue",
	"statmount",
	"listmount",
	"lsm_get_self_attr",
	"lsm_set_self_attr",
	"lsm_list_modules",
	"mseal",
	"setxattrat",
	"getxattrat",
	"listxattrat",
	"removexattrat",
	"open_tree_attr",
	"file_getattr",
	"file_setattr",
};
#define UNIFIED_END (UNIFIED_FIRST + (int)(sizeof(unified) / sizeof(*unified)))

/*
 * Older numbers that libseccomp 2.5.4 does not know yet; and those of i386 for which it gives the
 * number of a part of socketcall(2) or ipc(2) instead.
 */
static const struct {
	uint32_t arch;
	int number;
	const char *name;
} late[] = {
	{ AUDIT_ARCH_X86_64, 335, "uretprobe" },
	{ AUDIT_ARCH_X86_64, 336, "uprobe" },
	{ AUDIT_ARCH_I386, 359, "socket" },
	{ AUDIT_ARCH_I386, 360, "socketpair" },
	{ AUDIT_ARCH_I386, 361, "bind" },
	{ AUDIT_ARCH_I386, 362, "connect" },
	{ AUDIT_ARCH_I386, 363, "listen" },
	{ AUDIT_ARCH_I386, 364, "accept4" },
	{ AUDIT_ARCH_I386, 365, "getsockopt" },
	{ AUDIT_ARCH_I386, 366, "setsockopt" },
	{ AUDIT_ARCH_I386, 367, "getsockname" },
	{ AUDIT_ARCH_I386, 368, "getpeername" },
	{ AUDIT_ARCH_I386, 369, "sendto" },
	{ AUDIT_ARCH_I386, 370, "sendmsg" },
	{ AUDIT_ARCH_I386, 371, "recvfrom" },
	{ AUDIT_ARCH_I386, 372, "recvmsg" },
	{ AUDIT_ARCH_I386, 373, "shutdown" },
	{ AUDIT_ARCH_I386, 393, "semget" },
	{ AUDIT_ARCH_I386, 394, "semctl" },
	{ AUDIT_ARCH_I386, 395, "shmget" },
	{ AUDIT_ARCH_I386, 396, "shmctl" },
	{ AUDIT_ARCH_I386, 397, "shmat" },
	{ AUDIT_ARCH_I386, 398, "shmdt" },
	{ AUDIT_ARCH_I386, 399, "msgget" },
	{ AUDIT_ARCH_I386, 400, "msgsnd" },
	{ AUDIT_ARCH_I386, 401, "msgrcv" },
	{ AUDIT_ARCH_I386, 402, "msgctl" },
};

/* clang-format off */
static const struct {
	const char *name, *members;
} groups[] = {
	{ "@aio",
		"io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup "
		"io_submit io_uring_enter io_uring_register io_uring_setup" },
	{ "@basic-io",
		"_llseek close close_range dup dup2 dup3 llseek lseek pread64 preadv preadv2 "
		"pwrite64 pwritev pwritev2 read readv write writev" },
	{ "@chown",
		"chown chown32 fchown fchown32 fchownat lchown lchown32" },
	{ "@clock",
		"adjtimex clock_adjtime clock_adjtime64 clock_settime clock_settime64 "
		"settimeofday" },
	{ "@cpu-emulation",
		"modify_ldt subpage_prot switch_endian vm86 vm86old" },
	{ "@debug",
		"lookup_dcookie perf_event_open pidfd_getfd ptrace rtas s390_runtime_instr "
		"sys_debug_setcontext" },
	{ "@default",
		"@sandbox arch_prctl brk cacheflush clock_getres clock_getres_time64 "
		"clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 execve "
		"exit exit_group futex futex_time64 futex_waitv get_robust_list get_thread_area "
		"getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 "
		"getpgid getpgrp getpid getppid getrandom getresgid getresgid32 getresuid "
		"getresuid32 getrlimit getsid gettid gettimeofday getuid getuid32 "
		"lsm_get_self_attr lsm_list_modules membarrier mmap mmap2 mprotect mseal munmap "
		"nanosleep pause prlimit64 restart_syscall riscv_flush_icache riscv_hwprobe "
		"rseq rt_sigreturn sched_getaffinity sched_yield set_robust_list "
		"set_thread_area set_tid_address set_tls sigreturn time ugetrlimit uretprobe" },
	{ "@file-system",
		"access chdir chmod close creat faccessat faccessat2 fallocate fchdir fchmod "
		"fchmodat fchmodat2 fcntl fcntl64 fgetxattr file_getattr file_setattr "
		"flistxattr fremovexattr fsetxattr fstat fstat64 fstatat fstatat64 fstatfs "
		"fstatfs64 ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr "
		"getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch "
		"lgetxattr link linkat listmount listxattr listxattrat llistxattr lremovexattr "
		"lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat newfstat newfstatat "
		"oldfstat oldlstat oldstat open openat openat2 readlink readlinkat removexattr "
		"removexattrat rename renameat renameat2 rmdir setxattr setxattrat stat stat64 "
		"statfs statfs64 statmount statx symlink symlinkat truncate truncate64 unlink "
		"unlinkat utime utimensat utimensat_time64 utimes" },
	{ "@io-event",
		"_newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait "
		"epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 poll ppoll "
		"ppoll_time64 pselect6 pselect6_time64 select" },
	{ "@ipc",
		"ipc memfd_create mq_getsetattr mq_notify mq_open mq_timedreceive "
		"mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl "
		"msgget msgrcv msgsnd pipe pipe2 process_madvise process_vm_readv "
		"process_vm_writev semctl semget semop semtimedop semtimedop_time64 shmat "
		"shmctl shmdt shmget" },
	{ "@keyring",
		"add_key keyctl request_key" },
	{ "@memlock",
		"mlock mlock2 mlockall munlock munlockall" },
	{ "@module",
		"delete_module finit_module init_module" },
	{ "@mount",
		"chroot fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree "
		"pivot_root umount umount2" },
	{ "@network-io",
		"accept accept4 bind connect getpeername getsockname getsockopt listen recv "
		"recvfrom recvmmsg recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto "
		"setsockopt shutdown socket socketcall socketpair" },
	{ "@obsolete",
		"_sysctl afs_syscall bdflush break create_module ftime get_kernel_syms getpmsg "
		"gtty idle lock mpx prof profil putpmsg query_module security sgetmask ssetmask "
		"stime stty sysfs tuxcall ulimit uselib ustat vserver" },
	{ "@pkey",
		"pkey_alloc pkey_free pkey_mprotect" },
	{ "@privileged",
		"@chown @clock @module @raw-io @reboot @swap _sysctl acct bpf capset chroot "
		"fanotify_init fanotify_mark nfsservctl open_by_handle_at pivot_root quotactl "
		"quotactl_fd setdomainname setfsuid setfsuid32 setgroups setgroups32 "
		"sethostname setresuid setresuid32 setreuid setreuid32 setuid setuid32 vhangup" },
	{ "@process",
		"capget clone clone3 execveat fork getrusage kill pidfd_open pidfd_send_signal "
		"prctl rt_sigqueueinfo rt_tgsigqueueinfo setns swapcontext tgkill times tkill "
		"unshare vfork wait4 waitid waitpid" },
	{ "@raw-io",
		"ioperm iopl pciconfig_iobase pciconfig_read pciconfig_write s390_pci_mmio_read "
		"s390_pci_mmio_write" },
	{ "@reboot",
		"kexec_file_load kexec_load reboot" },
	{ "@resources",
		"ioprio_set mbind migrate_pages move_pages nice sched_setaffinity sched_setattr "
		"sched_setparam sched_setscheduler set_mempolicy set_mempolicy_home_node "
		"setpriority setrlimit" },
	{ "@sandbox",
		"landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp" },
	{ "@setuid",
		"setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid "
		"setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32" },
	{ "@signal",
		"rt_sigaction rt_sigpending rt_sigprocmask rt_sigsuspend rt_sigtimedwait "
		"rt_sigtimedwait_time64 sigaction sigaltstack signal signalfd signalfd4 "
		"sigpending sigprocmask sigsuspend" },
	{ "@swap",
		"swapoff swapon" },
	{ "@sync",
		"fdatasync fsync msync sync sync_file_range sync_file_range2 syncfs" },
	{ "@system-service",
		"@aio @basic-io @chown @default @file-system @io-event @ipc @keyring @memlock "
		"@network-io @process @resources @setuid @signal @sync @timer arm_fadvise64_64 "
		"capget capset copy_file_range fadvise64 fadvise64_64 flock get_mempolicy "
		"getcpu getpriority ioctl ioprio_get kcmp madvise mremap name_to_handle_at "
		"oldolduname olduname personality readahead readdir remap_file_pages "
		"sched_get_priority_max sched_get_priority_min sched_getattr sched_getparam "
		"sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 "
		"sched_yield sendfile sendfile64 setfsgid setfsgid32 setfsuid setfsuid32 "
		"setpgid setsid splice sysinfo tee umask uname userfaultfd vmsplice" },
	{ "@timer",
		"alarm getitimer setitimer timer_create timer_delete timer_getoverrun "
		"timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create "
		"timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times" },
};

#define C(name)                                                                                    \
	{                                                                                          \
#name, (uint64_t)(name)                                                            \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, 0                                                                            \
	}

static const struct arg_constant families[] = {
	C(AF_UNSPEC),
	C(AF_UNIX),
	C(AF_LOCAL),
	C(AF_INET),
	C(AF_AX25),
	C(AF_IPX),
	C(AF_APPLETALK),
	C(AF_X25),
	C(AF_INET6),
	C(AF_DECnet),
	C(AF_KEY),
	C(AF_NETLINK),
	C(AF_ROUTE),
	C(AF_PACKET),
	C(AF_RDS),
	C(AF_PPPOX),
	C(AF_LLC),
	C(AF_IB),
	C(AF_MPLS),
	C(AF_CAN),
	C(AF_TIPC),
	C(AF_BLUETOOTH),
	C(AF_RXRPC),
	C(AF_ISDN),
	C(AF_PHONET),
	C(AF_IEEE802154),
	C(AF_CAIF),
	C(AF_ALG),
	C(AF_NFC),
	C(AF_VSOCK),
	C(AF_KCM),
	C(AF_QIPCRTR),
	C(AF_SMC),
	C(AF_XDP),
	END,
};

static const struct arg_constant protocols[] = {
	C(NETLINK_ROUTE),
	C(NETLINK_USERSOCK),
	C(NETLINK_FIREWALL),
	C(NETLINK_SOCK_DIAG),
	C(NETLINK_NFLOG),
	C(NETLINK_XFRM),
	C(NETLINK_SELINUX),
	C(NETLINK_ISCSI),
	C(NETLINK_AUDIT),
	C(NETLINK_FIB_LOOKUP),
	C(NETLINK_CONNECTOR),
	C(NETLINK_NETFILTER),
	C(NETLINK_IP6_FW),
	C(NETLINK_DNRTMSG),
	C(NETLINK_KOBJECT_UEVENT),
	C(NETLINK_GENERIC),
	C(NETLINK_SCSITRANSPORT),
	C(NETLINK_ECRYPTFS),
	C(NETLINK_RDMA),
	C(NETLINK_CRYPTO),
	C(NETLINK_SMC),
	C(IPPROTO_ICMP),
	C(IPPROTO_TCP),
	C(IPPROTO_UDP),
	C(IPPROTO_ICMPV6),
	C(IPPROTO_SCTP),
	C(IPPROTO_RAW),
	END,
};

/* CSIGNAL stands for the signal number in the low byte of clone's flags. */
static const struct arg_constant clone_flags[] = {
	C(CSIGNAL),
	C(CLONE_VM),
	C(CLONE_FS),
	C(CLONE_FILES),
	C(CLONE_SIGHAND),
	C(CLONE_PIDFD),
	C(CLONE_PTRACE),
	C(CLONE_VFORK),
	C(CLONE_PARENT),
	C(CLONE_THREAD),
	C(CLONE_NEWNS),
	C(CLONE_SYSVSEM),
	C(CLONE_SETTLS),
	C(CLONE_PARENT_SETTID),
	C(CLONE_CHILD_CLEARTID),
	C(CLONE_DETACHED),
	C(CLONE_UNTRACED),
	C(CLONE_CHILD_SETTID),
	C(CLONE_NEWCGROUP),
	C(CLONE_NEWUTS),
	C(CLONE_NEWIPC),
	C(CLONE_NEWUSER),
	C(CLONE_NEWPID),
	C(CLONE_NEWNET),
	C(CLONE_IO),
	END,
};

static const struct arg_constant unshare_flags[] = {
	C(CLONE_FS),
	C(CLONE_FILES),
	C(CLONE_SYSVSEM),
	C(CLONE_NEWTIME),
	C(CLONE_NEWNS),
	C(CLONE_NEWCGROUP),
	C(CLONE_NEWUTS),
	C(CLONE_NEWIPC),
	C(CLONE_NEWUSER),
	C(CLONE_NEWPID),
	C(CLONE_NEWNET),
	C(CLONE_VM),
	C(CLONE_SIGHAND),
	C(CLONE_THREAD),
	END,
};

static const struct arg_constant ioctls[] = {
	C(TIOCSTI),
	C(TIOCLINUX),
	C(TIOCSETD),
	C(TIOCGETD),
	C(TIOCCONS),
	C(TIOCSCTTY),
	C(TIOCNOTTY),
	C(TIOCGWINSZ),
	C(TIOCSWINSZ),
	C(TIOCGPTPEER),
	C(TIOCVHANGUP),
	C(TCGETS),
	C(TCSETS),
	C(TCSETSW),
	C(TCSETSF),
	C(FIONREAD),
	C(FIONBIO),
	C(FIOCLEX),
	C(FIONCLEX),
	END,
};

static const struct arg_constant personas[] = {
	C(PER_LINUX),
	C(PER_LINUX32),
	C(UNAME26),
	C(ADDR_NO_RANDOMIZE),
	C(MMAP_PAGE_ZERO),
	C(READ_IMPLIES_EXEC),
	C(ADDR_COMPAT_LAYOUT),
	{ "QUERY", 0xffffffff },
	END,
};

static const struct arg_constant prctls[] = {
	C(PR_SET_PDEATHSIG),
	C(PR_SET_DUMPABLE),
	C(PR_SET_KEEPCAPS),
	C(PR_SET_NAME),
	C(PR_SET_SECCOMP),
	C(PR_CAPBSET_DROP),
	C(PR_SET_TSC),
	C(PR_SET_SECUREBITS),
	C(PR_SET_TIMERSLACK),
	C(PR_SET_MM),
	C(PR_SET_PTRACER),
	C(PR_SET_CHILD_SUBREAPER),
	C(PR_SET_NO_NEW_PRIVS),
	C(PR_SET_THP_DISABLE),
	C(PR_CAP_AMBIENT),
	C(PR_SET_SPECULATION_CTRL),
	C(PR_SET_IO_FLUSHER),
	C(PR_SET_SYSCALL_USER_DISPATCH),
	END,
};

static const struct arg_constant keyctls[] = {
	C(KEYCTL_GET_KEYRING_ID),
	C(KEYCTL_JOIN_SESSION_KEYRING),
	C(KEYCTL_UPDATE),
	C(KEYCTL_REVOKE),
	C(KEYCTL_CHOWN),
	C(KEYCTL_SETPERM),
	C(KEYCTL_DESCRIBE),
	C(KEYCTL_CLEAR),
	C(KEYCTL_LINK),
	C(KEYCTL_UNLINK),
	C(KEYCTL_SEARCH),
	C(KEYCTL_READ),
	C(KEYCTL_INSTANTIATE),
	C(KEYCTL_NEGATE),
	C(KEYCTL_SET_REQKEY_KEYRING),
	C(KEYCTL_SET_TIMEOUT),
	C(KEYCTL_ASSUME_AUTHORITY),
	C(KEYCTL_GET_SECURITY),
	C(KEYCTL_SESSION_TO_PARENT),
	C(KEYCTL_REJECT),
	C(KEYCTL_INSTANTIATE_IOV),
	C(KEYCTL_INVALIDATE),
	C(KEYCTL_GET_PERSISTENT),
	C(KEYCTL_DH_COMPUTE),
	C(KEYCTL_PKEY_QUERY),
	C(KEYCTL_RESTRICT_KEYRING),
	C(KEYCTL_MOVE),
	C(KEYCTL_CAPABILITIES),
	C(KEYCTL_WATCH_KEY),
	END,
};

static const struct arg_constant socket_levels[] = {
	C(SOL_SOCKET),
	{ "SOL_IP", 0 },
	{ "SOL_TCP", 6 },
	{ "SOL_UDP", 17 },
	{ "SOL_IPV6", 41 },
	C(SOL_PACKET),
	C(SOL_NETLINK),
	END,
};

/* The numbers of iptables and ip6tables are the same; see linux/netfilter_ipv6/ip6_tables.h. */
static const struct arg_constant socket_options[] = {
	C(IPT_SO_SET_REPLACE),
	C(IPT_SO_SET_ADD_COUNTERS),
	{ "ARPT_SO_SET_REPLACE", 96 },
	{ "ARPT_SO_SET_ADD_COUNTERS", 97 },
	{ "EBT_SO_SET_ENTRIES", 128 },
	{ "EBT_SO_SET_COUNTERS", 129 },
	C(SO_ATTACH_FILTER),
	C(SO_ATTACH_BPF),
	C(SO_MARK),
	END,
};

static const struct arg_constant ptraces[] = {
	C(PTRACE_TRACEME),
	C(PTRACE_ATTACH),
	C(PTRACE_SEIZE),
	C(PTRACE_PEEKDATA),
	C(PTRACE_POKEDATA),
	C(PTRACE_GETREGSET),
	C(PTRACE_SETREGSET),
	END,
};

static const struct arg_constant seccomps[] = {
	C(SECCOMP_SET_MODE_STRICT),
	C(SECCOMP_SET_MODE_FILTER),
	C(SECCOMP_GET_ACTION_AVAIL),
	C(SECCOMP_GET_NOTIF_SIZES),
	END,
};

static const struct arg_constant mount_flags[] = {
	C(MS_RDONLY),
	C(MS_NOSUID),
	C(MS_NODEV),
	C(MS_NOEXEC),
	C(MS_REMOUNT),
	C(MS_BIND),
	C(MS_MOVE),
	C(MS_REC),
	C(MS_PRIVATE),
	C(MS_SLAVE),
	C(MS_SHARED),
	C(MS_UNBINDABLE),
	END,
};

static const struct arg_constant memfd_flags[] = {
	C(MFD_CLOEXEC),
	C(MFD_ALLOW_SEALING),
	C(MFD_HUGETLB),
	END,
};
/* clang-format on */

/*
 * Widths are those of SYSCALL_DEFINE in the kernel. Two differ from the prototype: of clone's
 * unsigned long the kernel keeps the low 32 bits, and of ptrace's request it compares the long.
 */
static const struct syscall_arg args[] = {
	{ "socket", "domain", 0, 32, true, ARG_VALUE, families },
	{ "socket", "protocol", 2, 32, false, ARG_VALUE, protocols },
	{ "socketpair", "domain", 0, 32, true, ARG_VALUE, families },
	{ "clone", "flags", 0, 32, false, ARG_FLAGS, clone_flags },
	{ "unshare", "flags", 0, 64, false, ARG_FLAGS, unshare_flags },
	{ "setns", "nstype", 1, 32, false, ARG_FLAGS, unshare_flags },
	{ "ioctl", "request", 1, 32, false, ARG_VALUE, ioctls },
	{ "personality", "persona", 0, 32, false, ARG_VALUE, personas },
	{ "prctl", "option", 0, 32, true, ARG_VALUE, prctls },
	{ "keyctl", "operation", 0, 32, true, ARG_VALUE, keyctls },
	{ "setsockopt", "level", 1, 32, true, ARG_VALUE, socket_levels },
	{ "setsockopt", "optname", 2, 32, false, ARG_VALUE, socket_options },
	{ "ptrace", "request", 0, 64, true, ARG_VALUE, ptraces },
	{ "seccomp", "operation", 0, 32, true, ARG_VALUE, seccomps },
	{ "mount", "flags", 3, 64, false, ARG_FLAGS, mount_flags },
	{ "memfd_create", "flags", 1, 32, false, ARG_FLAGS, memfd_flags },
};

uint32_t syscall_native_arch(void)
{
	return seccomp_arch_native();
}

/* The names of carrel-filter(5). */
static const struct {
	const char *name;
	uint32_t arch;
} abis[] = {
	{ "x86-64", AUDIT_ARCH_X86_64 },
	{ "aarch64", AUDIT_ARCH_AARCH64 },
	{ "i386", AUDIT_ARCH_I386 },
};

const char *arch_name(uint32_t arch)
{
	for (size_t i = 0; i < sizeof(abis) / sizeof(*abis); i++)
		if (abis[i].arch == arch)
			return abis[i].name;
	return NULL;
}

uint32_t arch_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(abis) / sizeof(*abis); i++)
		if (strcmp(abis[i].name, name) == 0)
			return abis[i].arch;
	return 0;
}

static int unified_number(const char *name)
{
	for (int n = UNIFIED_FIRST; n < UNIFIED_END; n++)
		if (strcmp(unified[n - UNIFIED_FIRST], name) == 0)
			return n;
	return -ENOENT;
}

static int late_number(uint32_t arch, const char *name)
{
	for (size_t i = 0; i < sizeof(late) / sizeof(*late); i++)
		if (late[i].arch == arch && strcmp(late[i].name, name) == 0)
			return late[i].number;
	return -ENOENT;
}

bool syscall_known(const char *name)
{
	if (seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR || unified_number(name) >= 0)
		return true;
	for (size_t i = 0; i < sizeof(late) / sizeof(*late); i++)
		if (strcmp(late[i].name, name) == 0)
			return true;
	return false;
}

int syscall_number(uint32_t arch, const char *name)
{
	int n;

	n = seccomp_syscall_resolve_name_arch(arch, name);
	if (n >= 0 && n < SYSCALLS_MAX)
		return n;
	/* Below zero libseccomp means: known, but not on this architecture, or only through socketcall(2). */
	if (n == __NR_SCMP_ERROR)
		n = unified_number(name);
	return n >= 0 ? n : late_number(arch, name);
}

const char *syscall_name(uint32_t arch, int number, char buf[static SYSCALL_NAME_MAX])
{
	_cleanup_free_ char *name = NULL;
	const char *found = NULL;

	if (number >= UNIFIED_FIRST && number < UNIFIED_END) {
		found = unified[number - UNIFIED_FIRST];
	} else if (number >= 0 && number < UNIFIED_FIRST) {
		name = seccomp_syscall_resolve_num_arch(arch, number);
		found = name;
		for (size_t i = 0; !found && i < sizeof(late) / sizeof(*late); i++)
			if (late[i].arch == arch && late[i].number == number)
				found = late[i].name;
	}
	/* One way and back: what no rule can be made for does not count as known. */
	if (!found || strlen(found) >= SYSCALL_NAME_MAX || syscall_number(arch, found) != number)
		return NULL;
	return strcpy(buf, found);
}

const char *syscall_group(const char *name)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (strcmp(groups[i].name, name) == 0)
			return groups[i].members;
	return NULL;
}

const char *syscall_group_at(size_t i)
{
	return i < sizeof(groups) / sizeof(*groups) ? groups[i].name : NULL;
}

const struct syscall_arg *syscall_arg(const char *call, const char *name)
{
	for (size_t i = 0; i < sizeof(args) / sizeof(*args); i++)
		if (strcmp(args[i].call, call) == 0 && strcmp(args[i].name, name) == 0)
			return &args[i];
	return NULL;
}

const struct syscall_arg *syscall_arg_at(const char *call, unsigned index)
{
	for (size_t i = 0; i < sizeof(args) / sizeof(*args); i++)
		if (args[i].index == index && strcmp(args[i].call, call) == 0)
			return &args[i];
	return NULL;
}

const struct syscall_arg *syscall_selector(const char *call)
{
	for (size_t i = 0; i < sizeof(args) / sizeof(*args); i++)
		if (args[i].selector && strcmp(args[i].call, call) == 0)
			return &args[i];
	return NULL;
}

uint64_t syscall_arg_mask(const struct syscall_arg *a)
{
	return a->bits >= 64 ? UINT64_MAX : (UINT64_C(1) << a->bits) - 1;
}

int syscall_constant(const struct syscall_arg *a, const char *word, uint64_t *ret)
{
	const char *digits = word + (*word == '-');
	uint64_t value;
	char *end;

	for (const struct arg_constant *c = a->constants; c->name; c++) {
		if (strcmp(c->name, word) == 0) {
			*ret = c->value & syscall_arg_mask(a);
			return 0;
		}
	}
	if (*digits < '0' || *digits > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(digits, &end, 0);
	if (errno || *end || (value & ~syscall_arg_mask(a)))
		return -EINVAL;
	*ret = (*word == '-' ? -value : value) & syscall_arg_mask(a);
	return 0;
}
