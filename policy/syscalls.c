#include "policy/syscalls.h"

#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <string.h>

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
