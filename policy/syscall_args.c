#include <asm/ioctls.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/memfd.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netlink.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

#include "policy/syscalls.h"

/* clang-format off */
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
