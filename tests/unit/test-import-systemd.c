/*
 * What imported units say, beside what systemd.exec(5) says of their lines.
 */
#include <sched.h>
#include <sys/socket.h>

#include "tests/lib/imported.h"
#include "tests/lib/test.h"

static struct imported *unit(const char *text)
{
	struct import_options o = options("", "6.18");
	struct imported *i = calloc(1, sizeof(*i));

	if (import_text(text, &o, i) < 0)
		test_fail(__FILE__, __LINE__, i->error);
	return i;
}

static void unit_done(struct imported *i)
{
	imported_done(i);
	free(i);
}

static void reads_an_allow_list_of_systemd(void)
{
	struct imported *i =
		unit("[Unit]\nSystemCallFilter=nonsense\n[Service]\n"
		     "SystemCallFilter=@file-system \\\n# between\n  mount:EINVAL ptrace\n"
		     "SystemCallFilter=~ptrace openat:EIO\n");

	CHECK_EQ(verdict(i, "open", 0, 0, 0), ALLOW);
	CHECK_EQ(verdict(i, "execve", 0, 0, 0), ALLOW); /* @default comes along */
	CHECK_EQ(verdict(i, "mount", 0, 0, 0), ERRNO(EINVAL));
	CHECK_EQ(verdict(i, "openat", 0, 0, 0), ERRNO(EIO));
	CHECK_EQ(verdict(i, "ptrace", 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
	CHECK_EQ(verdict(i, "socket", 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
	unit_done(i);
}

static void reads_a_deny_list_of_systemd(void)
{
	struct imported *i =
		unit("SystemCallFilter=~@mount @swap:EIO\nSystemCallErrorNumber=EPERM\n"
		     "SystemCallFilter=umount2\n");

	CHECK_EQ(verdict(i, "mount", 0, 0, 0), ERRNO(EPERM));
	CHECK_EQ(verdict(i, "swapon", 0, 0, 0), ERRNO(EIO));
	CHECK_EQ(verdict(i, "umount2", 0, 0, 0), ALLOW);
	CHECK_EQ(verdict(i, "socket", 0, 0, 0), ALLOW);
	unit_done(i);
}

static void an_empty_line_of_systemd_begins_anew(void)
{
	struct imported *i =
		unit("SystemCallFilter=~mount\nSystemCallFilter=\nSystemCallFilter=~swapon\n");

	CHECK_EQ(verdict(i, "mount", 0, 0, 0), ALLOW);
	CHECK_EQ(verdict(i, "swapon", 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
	unit_done(i);
}

static void reads_address_families(void)
{
	struct imported *i =
		unit("RestrictAddressFamilies=AF_UNIX AF_INET\nRestrictAddressFamilies=AF_INET6\n"
		     "RestrictAddressFamilies=~AF_INET\n");
	struct imported *not = unit("RestrictAddressFamilies=~AF_VSOCK AF_ALG\n");
	struct imported *none = unit("RestrictAddressFamilies=none\n");

	CHECK_EQ(verdict(i, "socket", AF_UNIX, 0, 0), ALLOW);
	CHECK_EQ(verdict(i, "socket", AF_INET6, 0, 0), ALLOW);
	CHECK_EQ(verdict(i, "socket", AF_INET, 0, 0), ERRNO(EAFNOSUPPORT));
	CHECK_EQ(verdict(i, "socket", AF_VSOCK, 0, 0), ERRNO(EAFNOSUPPORT));
	CHECK_EQ(verdict(i, "socketpair", AF_VSOCK, 0, 0), ALLOW);
	CHECK_EQ(verdict(not, "socket", AF_VSOCK, 0, 0), ERRNO(EAFNOSUPPORT));
	CHECK_EQ(verdict(not, "socket", AF_VSOCK | UINT64_C(1) << 32, 0, 0), ERRNO(EAFNOSUPPORT));
	CHECK_EQ(verdict(not, "socket", AF_INET, 0, 0), ALLOW);
	CHECK_EQ(verdict(none, "socket", AF_UNIX, 0, 0), ERRNO(EAFNOSUPPORT));
	unit_done(i);
	unit_done(not );
	unit_done(none);
}

static void reads_namespaces_and_personality(void)
{
	struct imported *i = unit("RestrictNamespaces=net uts\nLockPersonality=yes\n");
	struct imported *all = unit("RestrictNamespaces=yes\n");

	CHECK_EQ(verdict(i, "clone", CLONE_NEWUSER | 17, 0, 0), ERRNO(EPERM));
	CHECK_EQ(verdict(i, "clone", CLONE_NEWNET | CLONE_NEWUTS | 17, 0, 0), ALLOW);
	CHECK_EQ(verdict(i, "unshare", CLONE_NEWNS, 0, 0), ERRNO(EPERM));
	CHECK_EQ(verdict(i, "setns", 3, CLONE_NEWNET, 0), ALLOW);
	CHECK_EQ(verdict(i, "setns", 3, 0, 0), ERRNO(EPERM));
	CHECK_EQ(verdict(i, "clone3", 0, 0, 0), ERRNO(ENOSYS));
	CHECK_EQ(verdict(i, "personality", 0, 0, 0), ALLOW);
	CHECK_EQ(verdict(i, "personality", 8, 0, 0), ERRNO(EPERM));
	CHECK_EQ(verdict(all, "setns", 3, CLONE_NEWNET, 0), ERRNO(EPERM));
	CHECK_EQ(verdict(all, "clone", 17, 0, 0), ALLOW);
	unit_done(i);
	unit_done(all);
}

int main(void)
{
	if (syscall_native_arch() != AUDIT_ARCH_X86_64) {
		printf("1..0 # SKIP calls are looked up for x86-64\n");
		return 0;
	}
	TEST(reads_an_allow_list_of_systemd);
	TEST(reads_a_deny_list_of_systemd);
	TEST(an_empty_line_of_systemd_begins_anew);
	TEST(reads_address_families);
	TEST(reads_namespaces_and_personality);
	return test_done();
}
