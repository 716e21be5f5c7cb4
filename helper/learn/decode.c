#include "helper/learn/decode.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/learn/args.h"
#include "helper/learn/listener.h"
#include "policy/base/cleanup.h"
#include "policy/syscalls.h"

/* clang-format off */
/*
 * One letter an argument: d a descriptor or -1, D a directory (AT_FDCWD), s a string, i int, u unsigned, o octal mode,
 * O open's flags, S a socket's type, p a pointer, x bits. What stands in the kernel's table of constants is printed by name
 * whatever its letter.
 */
static const struct {
	const char *call, *args;
} prototypes[] = {
	{ "accept", "dpp" }, { "accept4", "dppx" }, { "acct", "s" }, { "add_key", "sspui" }, { "adjtimex", "p" },
	{ "bind", "dpu" }, { "bpf", "ipu" }, { "capset", "pp" }, { "chmod", "so" }, { "chown", "sii" }, { "chroot", "s" },
	{ "clock_adjtime", "ip" }, { "clock_settime", "ip" }, { "clone", "xpppp" }, { "clone3", "pu" }, { "connect", "dpu" },
	{ "delete_module", "sx" }, { "execve", "spp" }, { "execveat", "Dsppx" }, { "fanotify_init", "xx" },
	{ "fanotify_mark", "dxxDs" }, { "fchmodat", "Dso" }, { "fchownat", "Dsiix" }, { "finit_module", "dsx" },
	{ "fsconfig", "dispi" }, { "fsmount", "dxx" }, { "fsopen", "sx" }, { "fspick", "Dsx" }, { "getpriority", "ii" },
	{ "init_module", "pus" }, { "io_uring_enter", "duuxpu" }, { "io_uring_register", "dupu" }, { "io_uring_setup", "up" },
	{ "ioctl", "dxx" }, { "ioperm", "uui" }, { "iopl", "u" }, { "ioprio_set", "iii" }, { "kcmp", "iiixx" },
	{ "kexec_file_load", "ddupx" }, { "kexec_load", "pupx" }, { "keyctl", "ixxxx" }, { "kill", "ii" },
	{ "lchown", "sii" }, { "listen", "di" }, { "mbind", "pxxpux" }, { "get_mempolicy", "ppupx" },
	{ "memfd_create", "sx" }, { "migrate_pages", "iupp" }, { "mkdir", "so" }, { "mkdirat", "Dso" },
	{ "mknod", "sox" }, { "mknodat", "Dsox" }, { "mlock", "pu" }, { "modify_ldt", "ipu" }, { "mount", "sssxp" },
	{ "mount_setattr", "Dsxpu" }, { "move_mount", "DsDsx" }, { "move_pages", "iupppx" }, { "mq_open", "sxop" },
	{ "name_to_handle_at", "Dsppx" }, { "open", "sOo" }, { "open_by_handle_at", "dpx" }, { "open_tree", "Dsx" },
	{ "openat", "DsOo" }, { "openat2", "Dspu" }, { "perf_event_open", "piidx" }, { "personality", "x" },
	{ "pidfd_getfd", "ddx" }, { "pidfd_open", "ix" }, { "pidfd_send_signal", "dipx" }, { "pivot_root", "ss" },
	{ "prctl", "ixxxx" }, { "process_vm_readv", "ipupux" }, { "process_vm_writev", "ipupux" }, { "ptrace", "xixx" },
	{ "quotactl", "xsip" }, { "quotactl_fd", "dxip" }, { "readlink", "spu" }, { "reboot", "xxxp" }, { "rename", "ss" },
	{ "renameat2", "DsDsx" }, { "request_key", "sssi" }, { "sched_setaffinity", "iup" }, { "sched_setscheduler", "iip" },
	{ "seccomp", "xxp" }, { "sendto", "dpuxpu" }, { "set_mempolicy", "ipu" }, { "setdomainname", "su" },
	{ "setgid", "i" }, { "setgroups", "ip" }, { "sethostname", "su" }, { "setns", "dx" }, { "setpriority", "iii" },
	{ "setresgid", "iii" }, { "setresuid", "iii" }, { "setsockopt", "diipu" }, { "settimeofday", "pp" },
	{ "setuid", "i" }, { "shmget", "xux" }, { "socket", "iSi" }, { "socketpair", "iSip" }, { "statx", "Dsxxp" },
	{ "swapoff", "s" }, { "swapon", "sx" }, { "symlink", "ss" }, { "syslog", "ipi" }, { "umount2", "sx" },
	{ "unlink", "s" }, { "unlinkat", "Dsx" }, { "unshare", "x" }, { "userfaultfd", "x" }, { "vhangup", "" },
	{ "lsm_get_self_attr", "uppx" }, { "lsm_list_modules", "ppx" }, { "lsm_set_self_attr", "upux" },
	{ "landlock_create_ruleset", "pux" }, { "lookup_dcookie", "xpu" }, { "vmsplice", "dpux" },
};

static const struct {
	const char *name;
	unsigned bits;
} open_flags[] = {
	{ "O_CREAT", O_CREAT }, { "O_EXCL", O_EXCL }, { "O_NOCTTY", O_NOCTTY }, { "O_TRUNC", O_TRUNC },
	{ "O_APPEND", O_APPEND }, { "O_NONBLOCK", O_NONBLOCK }, { "O_TMPFILE", O_TMPFILE }, { "O_DIRECTORY", O_DIRECTORY },
	{ "O_SYNC", O_SYNC }, { "O_DSYNC", O_DSYNC }, { "O_DIRECT", O_DIRECT }, { "O_NOFOLLOW", O_NOFOLLOW },
	{ "O_NOATIME", O_NOATIME }, { "O_CLOEXEC", O_CLOEXEC }, { "O_PATH", O_PATH },
};
static const char *const access_modes[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE" };
static const char *const socket_types[] = { "0", "SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW", "SOCK_RDM", "SOCK_SEQPACKET" };
/* clang-format on */

struct text {
	char *to;
	size_t n;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->to + t->n, DECODE_MAX - t->n, fmt, ap);
	va_end(ap);
	t->n = t->n + (size_t)n < DECODE_MAX ? t->n + (size_t)n : DECODE_MAX - 1;
}

static void add_char(struct text *t, unsigned char c)
{
	if (c == '"' || c == '\\')
		add(t, "\\%c", c);
	else if (c == '\n')
		add(t, "\\n");
	else if (c < ' ' || c >= 0x7f)
		add(t, "\\%03o", c);
	else
		add(t, "%c", c);
}

#define STRING_SHOWN 128

static void add_string(struct text *t, const struct listener *l, const struct seccomp_notif *n, uint64_t at)
{
	_cleanup_fd_ int fd = -1;
	char path[40], s[STRING_SHOWN];
	ssize_t got = -1;
	size_t len;

	if (at == 0) {
		add(t, "NULL");
		return;
	}
	if (l) {
		(void)snprintf(path, sizeof(path), "/proc/%u/mem", n->pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd >= 0)
		got = pread(fd, s, sizeof(s), (off_t)at);
	/* Near the end of a mapping it may be shorter: up to the page's end there is something. */
	if (fd >= 0 && got < 0)
		got = pread(fd, s, 4096 - at % 4096 < sizeof(s) ? 4096 - at % 4096 : 1, (off_t)at);
	/* The number of a process may be another's by now; then that was not the caller's memory. */
	if (got <= 0 || !listener_is_valid(l, n->id)) {
		add(t, "0x%llx", (unsigned long long)at);
		return;
	}
	len = strnlen(s, (size_t)got);
	add(t, "\"");
	for (size_t i = 0; i < len; i++)
		add_char(t, (unsigned char)s[i]);
	add(t, len == (size_t)got ? "\"..." : "\"");
}

static void add_open_flags(struct text *t, unsigned flags)
{
	add(t, "%s", access_modes[flags & O_ACCMODE]);
	flags &= ~(unsigned)O_ACCMODE;
	for (size_t i = 0; i < sizeof(open_flags) / sizeof(*open_flags); i++) {
		if (open_flags[i].bits && (flags & open_flags[i].bits) == open_flags[i].bits) {
			add(t, "|%s", open_flags[i].name);
			flags &= ~open_flags[i].bits;
		}
	}
	if (flags)
		add(t, "|0x%x", flags);
}

static void add_socket_type(struct text *t, unsigned type)
{
	unsigned kind = type & 0xf;

	if (kind < sizeof(socket_types) / sizeof(*socket_types))
		add(t, "%s", socket_types[kind]);
	else
		add(t, "%u", kind);
	if (type & SOCK_CLOEXEC)
		add(t, "|SOCK_CLOEXEC");
	if (type & SOCK_NONBLOCK)
		add(t, "|SOCK_NONBLOCK");
	if (type & ~(0xfu | SOCK_CLOEXEC | SOCK_NONBLOCK))
		add(t, "|0x%x", type & ~(0xfu | SOCK_CLOEXEC | SOCK_NONBLOCK));
}

/* By the kernel's table; of a protocol the names only for the family that they belong to. */
static bool add_constant(struct text *t, const char *call, unsigned index, const uint64_t args[6])
{
	const struct syscall_arg *a = syscall_arg_at(call, index);
	char words[ARG_WORDS_MAX];

	if (!a || (strcmp(a->name, "protocol") == 0 && (uint32_t)args[0] != AF_NETLINK))
		return false;
	arg_value_words(a, args[index] & syscall_arg_mask(a), '|', words);
	/* Bits above those that the kernel looks at are how filters were got past. */
	if (args[index] & ~syscall_arg_mask(a) && a->bits == 32 && args[index] >> 32 != UINT32_MAX)
		add(t, "%s+0x%llx", words, (unsigned long long)(args[index] & ~syscall_arg_mask(a)));
	else
		add(t, "%s", words);
	return true;
}

static void add_arg(struct text *t, const struct listener *l, const struct seccomp_notif *n, char kind, uint64_t v)
{
	switch (kind) {
	case 's':
		add_string(t, l, n, v);
		break;
	case 'D':
		if ((int)v == AT_FDCWD) {
			add(t, "AT_FDCWD");
			break;
		}
		/* fall through */
	case 'd':
	case 'i':
		add(t, "%d", (int)v);
		break;
	case 'u':
		add(t, "%llu", (unsigned long long)v);
		break;
	case 'o':
		add(t, "0%o", (unsigned)v);
		break;
	case 'O':
		add_open_flags(t, (unsigned)v);
		break;
	case 'S':
		add_socket_type(t, (unsigned)v);
		break;
	case 'p':
		if (v == 0) {
			add(t, "NULL");
			break;
		}
		/* fall through */
	default:
		add(t, v > 9 ? "0x%llx" : "%llu", (unsigned long long)v);
	}
}

void decode_name(const struct seccomp_data *d, char ret[static 64])
{
	char name[SYSCALL_NAME_MAX];
	const char *abi = d->arch == AUDIT_ARCH_I386 ? "i386:" : d->arch == syscall_native_arch() ? "" : "foreign:";

	if (syscall_name(d->arch, d->nr, name))
		(void)snprintf(ret, 64, "%s%s", abi, name);
	else
		(void)snprintf(ret, 64, "%ssyscall_%d", abi, d->nr);
}

static const char *prototype_of(const char *call)
{
	for (size_t i = 0; i < sizeof(prototypes) / sizeof(*prototypes); i++)
		if (strcmp(prototypes[i].call, call) == 0)
			return prototypes[i].args;
	return "xxxxxx";
}

void decode_call(const struct listener *l, const struct seccomp_notif *n, char ret[static DECODE_MAX])
{
	struct text t = { .to = ret };
	const char *kinds;
	uint64_t args[6];
	char name[64];

	memcpy(args, n->data.args, sizeof(args));
	decode_name(&n->data, name);
	/* Another ABI has other prototypes: numbers then. */
	kinds = n->data.arch == syscall_native_arch() ? prototype_of(name) : "xxxxxx";
	add(&t, "%s(", name);
	for (unsigned i = 0; i < 6 && kinds[i]; i++) {
		if (i)
			add(&t, ", ");
		if (!add_constant(&t, name, i, args))
			add_arg(&t, l, n, kinds[i], args[i]);
	}
	add(&t, ")");
}
