/* The language of filter files, and what rules compile to. */

#include "policy/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/public/program.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/bpf_eval.h"
#include "policy/filter_rules.h"
#include "tests/lib/test.h"

static char top[] = "/tmp/test-filter.XXXXXX";
static char admin[64], shipped[64];
static const char *dirs[2] = { admin, shipped };

static void put(const char *dir, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s.filter", dir, name);
	f = fopen(path, "we");
	CHECK(f && fputs(text, f) >= 0);
	if (f)
		(void)fclose(f);
}

static void clear(void)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "rm -f %s/*.filter %s/*.filter", admin, shipped);
	CHECK_EQ(system(command), 0);
}

static int load(const char *text, struct filter **ret, struct err *e)
{
	e->text[0] = '\0';
	put(admin, "t", text);
	return filter_load(dirs, 2, "t", 0, ret, e);
}

static void refused(int line, const char *text, const char *part)
{
	struct filter *f = NULL;
	struct err e;

	test_check_int(__FILE__, line, text, load(text, &f, &e), -EINVAL);
	test_check_contains(__FILE__, line, "error", e.text, part);
	CHECK(!f);
	filter_free(f);
}
#define REFUSED(text, part) refused(__LINE__, text, part)

static uint32_t verdict_on(const struct filter *f, uint32_t arch, const char *call, uint64_t a0,
	uint64_t a1, uint64_t a2)
{
	static struct verdicts t;
	struct seccomp_data d = { .arch = arch, .args = { a0, a1, a2 } };

	filter_resolve(f, arch == AUDIT_ARCH_AARCH64 ? arch : AUDIT_ARCH_X86_64, &t);
	d.nr = syscall_number(arch, call);
	return filter_verdict(f, &t, &d, NULL);
}

/*
 * The verdict of the rules, after checking that a compiled program says the same: filter_compile()
 * proves it.
 */
static uint32_t verdict(
	const struct filter *f, const char *call, uint64_t a0, uint64_t a1, uint64_t a2)
{
	return verdict_on(f, AUDIT_ARCH_X86_64, call, a0, a1, a2);
}

#define ERR(e) (SECCOMP_RET_ERRNO | (e))

static void compiles(const struct filter *f)
{
	static const uint32_t arches[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64 };

	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ void *file = NULL;
		struct err e = { "" };
		size_t len;

		CHECK_EQ(filter_compile(f, arches[i], &file, &len, &e), 0);
		CHECK_STR(e.text, "");
	}
}

static void later_lines_win(void)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	struct err e;

	CHECK_EQ(load("[filter]\nallow = @file-system mount\nrefuse = openat:EACCES "
		      "@mount\n\tstatx:ENOSYS\n"
		      "kill = bpf\nallow = umount2\n",
			 &f, &e),
		0);
	if (!f)
		return;
	CHECK_EQ(verdict(f, "open", 0, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(f, "openat", 0, 0, 0), ERR(EACCES));
	CHECK_EQ(verdict(f, "mount", 0, 0, 0), ERR(EPERM));
	CHECK_EQ(verdict(f, "umount2", 0, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(f, "statx", 0, 0, 0), ERR(ENOSYS));
	CHECK_EQ(verdict(f, "bpf", 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
	CHECK_EQ(verdict(f, "ptrace", 0, 0, 0), ERR(EPERM)); /* known, not mentioned */
	compiles(f);
}

static void every_mistake_names_file_line_and_word(void)
{
	REFUSED("[filter]\nallow = read\n\twrite raed\n", "t.filter:3: unknown system call 'raed'");
	REFUSED("[filter]\nallow = @fiel-system\n", "t.filter:2: unknown group '@fiel-system'");
	REFUSED("[filter]\nalow = read\n", "t.filter:2: unknown key 'alow'");
	REFUSED("[filters]\n", "t.filter:1: unknown section 'filters'");
	REFUSED("allow = read\n", "t.filter:1: 'allow' stands before [filter]");
	REFUSED("[filter]\nrefuse = mount:EWHAT\n", "unknown error 'EWHAT'");
	REFUSED("[filter]\nallow = mount:EPERM\n", "only refuse takes an error");
	REFUSED("[filter]\nallow = read\ninclude = default\n", "t.filter:3: include comes before");
	REFUSED("[filter]\ninclude = nobody\n", "no filter 'nobody'");
	REFUSED("[filter]\ninclude = ../x\n", "'../x' is no name of a filter");
	REFUSED("[args]\nsocket.domian = AF_UNIX\n", "unknown argument 'domian' of 'socket'");
	REFUSED("[args]\nsocket.domain = AF_UNIX AF_INTE\n",
		"unknown value 'AF_INTE' for socket.domain");
	REFUSED("[args]\nsocket.domain = 4294967297\n", "unknown value '4294967297'");
	REFUSED("[args]\nsocket.domain = 1x\n", "unknown value '1x'");
	REFUSED("[args]\nsocket.domain =\n", "line 2: socket.domain has no values");
	REFUSED("[args]\nsocket.domain = not\n[filter]\n",
		"t.filter:3: line 2: socket.domain has no values");
	REFUSED("[args]\nsocket.domain = not else EPERM\n", "has no values");
	REFUSED("[args]\nsocket.domain = AF_UNIX else\n", "unknown error '' after else");
	REFUSED("[args]\nsocket.domain = AF_UNIX else EPERM AF_INET\n",
		"'AF_INET' after the rule's end");
	REFUSED("[args]\nsocket.domain = AF_UNIX\nsocket.domain = AF_INET\n",
		"line 3: socket.domain is repeated; first on line 2");
	REFUSED("[filter]\nlog = read:EPERM\n", "only refuse takes an error");
	REFUSED("[filter]\narches = native x32\n", "unknown ABI 'x32'");
	REFUSED("[filter root=maybe]\nallow = read\n",
		"t.filter:1: unknown condition 'root=maybe'");
	REFUSED("[filter arch=arm]\n", "unknown condition 'arch=arm'");
	REFUSED("[filter arch=i386 arch=aarch64]\n", "'arch=aarch64' is a second arch=");
	REFUSED("[filter root=yes]\ninclude = base\n",
		"include stands in a [filter] without conditions");
	REFUSED("[filter root=yes]\nallow = raed\n", "t.filter:2: unknown system call 'raed'");
	REFUSED("[args]\nmount.flags = MS_BIND 0/MS_REC\n", "flags and VALUE/MASK do not mix");
	REFUSED("[args]\nmount.flags = 0/MS_REC MS_BIND\n", "flags and VALUE/MASK do not mix");
	REFUSED("[args]\nmount.flags = MS_BIND/MS_REC\n",
		"'MS_BIND' has bits that 'MS_REC' masks away");
	REFUSED("[args]\nmount.flags = MS_BIND|MS_REK\n", "unknown value 'MS_REK'");
	REFUSED("[args]\nsocket.domain = quiet AF_INET\n", "socket.domain has no values");
	REFUSED("[args]\nclone(1).flags = CLONE_VM\n", "no argument of 'clone' can select");
	REFUSED("[args]\nsocket(AF_INET).domain = AF_UNIX\n", "'domain' cannot select itself");
	REFUSED("[args]\nsocket = AF_UNIX\n", "'socket' is not CALL.ARGUMENT");
}

static void question_mark_tolerates_unknown_names_only(void)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	struct err e;

	CHECK_EQ(load("[filter]\nallow = ?not_yet_invented ?read\n", &f, &e), 0);
	if (f)
		CHECK_EQ(verdict(f, "read", 0, 0, 0), SECCOMP_RET_ALLOW);
	REFUSED("[filter]\nallow = not_yet_invented\n", "unknown system call 'not_yet_invented'");
}

static void includes_are_overridden_line_by_line(void)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	struct err e;

	put(shipped, "base",
		"[filter]\nallow = socket read mount\n[args]\nsocket.domain = AF_UNIX else EACCES\n"
		"socket(AF_NETLINK).protocol = 0 else EACCES\n");
	CHECK_EQ(load("[filter]\ndescription = x\ninclude = base\nrefuse = "
		      "mount\n[args]\nsocket.domain = AF_INET\n"
		      "socket(AF_NETLINK).protocol = any\n",
			 &f, &e),
		0);
	if (!f)
		return;
	CHECK_EQ(verdict(f, "mount", 0, 0, 0), ERR(EPERM));
	CHECK_EQ(verdict(f, "read", 0, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(f, "socket", 1, 0, 0), ERR(EPERM));
	CHECK_EQ(verdict(f, "socket", 2, 0, 0), SECCOMP_RET_ALLOW);
	compiles(f);
	clear();
}

static void admin_stands_before_shipped_and_may_include_it(void)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	struct err e;

	put(shipped, "base", "[filter]\nallow = read\n");
	put(admin, "base", "[filter]\ninclude = base\nallow = write\n");
	CHECK_EQ(filter_load(dirs, 2, "base", 0, &f, &e), 0);
	if (f) {
		CHECK_EQ(verdict(f, "read", 0, 0, 0), SECCOMP_RET_ALLOW);
		CHECK_EQ(verdict(f, "write", 0, 0, 0), SECCOMP_RET_ALLOW);
	}
	clear();
}

static void circles_of_includes_end(void)
{
	put(shipped, "base", "[filter]\ninclude = t\n");
	REFUSED("[filter]\ninclude = base\n", "includes itself");
	clear();
}

static void missing_filter_is_enoent(void)
{
	struct filter *f = NULL;
	struct err e;

	CHECK_EQ(filter_load(dirs, 2, "nobody", 0, &f, &e), -ENOENT);
	CHECK_STR(e.text, "filter 'nobody': no filter 'nobody'");
	CHECK_EQ(filter_load(dirs, 2, "/etc/passwd", 0, &f, &e), -EINVAL);
	CHECK(!f);
}

static void others_files_are_refused_on_demand(void)
{
	struct filter *f = NULL;
	char path[128];
	struct err e;

	put(admin, "mine", "[filter]\nallow = read\n");
	(void)snprintf(path, sizeof(path), "%s/mine.filter", admin);
	CHECK_EQ(chmod(path, 0666), 0);
	CHECK_EQ(filter_load(dirs, 2, "mine", FILTER_ROOT_OWNED, &f, &e), -EPERM);
	CHECK(!f);
	CHECK_EQ(filter_load(dirs, 2, "mine", 0, &f, &e), 0);
	filter_free(f);
}

static void ints_are_judged_as_the_kernel_sees_them(void)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	struct err e;

	CHECK_EQ(load("[filter]\nallow = socket ioctl personality ptrace\n[args]\nsocket.domain = "
		      "AF_UNIX AF_INET\n"
		      "ioctl.request = not TIOCSTI 0\npersonality.persona = 0 -1\nptrace.request = "
		      "0 -1\n",
			 &f, &e),
		0);
	if (!f)
		return;
	CHECK_EQ(verdict(f, "socket", 40, 0, 0), ERR(EPERM));
	CHECK_EQ(verdict(f, "socket", 40 | UINT64_C(1) << 32, 0, 0), ERR(EPERM));
	CHECK_EQ(verdict(f, "socket", 2 | UINT64_C(1) << 32, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(f, "ioctl", 0, 0x5412 | UINT64_C(1) << 63, 0), ERR(EPERM));
	CHECK_EQ(verdict(f, "ioctl", 0, UINT64_C(1) << 63, 0), ERR(EPERM));
	CHECK_EQ(verdict(f, "personality", 0xffffffff, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(f, "personality", UINT64_MAX, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(f, "personality", 0x7fffffff, 0, 0), ERR(EPERM));
	/* A long counts whole. */
	CHECK_EQ(verdict(f, "ptrace", UINT64_MAX, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(f, "ptrace", 0xffffffff, 0, 0), ERR(EPERM));
	CHECK_EQ(verdict(f, "ptrace", UINT64_C(1) << 32, 0, 0), ERR(EPERM));
	compiles(f);
}

static void flags_are_judged_bit_by_bit(void)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	struct err e;

	CHECK_EQ(load("[filter]\nallow = unshare memfd_create clone clone3\n[args]\n"
		      "unshare.flags = not CLONE_NEWUSER CLONE_NEWNET\nmemfd_create.flags = "
		      "MFD_CLOEXEC\n",
			 &f, &e),
		0);
	if (!f)
		return;
	CHECK_EQ(verdict(f, "unshare", 0x10000000, 0, 0), ERR(EPERM));
	CHECK_EQ(verdict(f, "unshare", 0x10020000, 0, 0), ERR(EPERM));
	CHECK_EQ(verdict(f, "unshare", 0x20000, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(f, "memfd_create", 0, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(f, "memfd_create", 0, 1, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(f, "memfd_create", 0, 3, 0), ERR(EPERM));
	CHECK_EQ(verdict(f, "clone3", 0, 0, 0), SECCOMP_RET_ALLOW); /* clone has no rule here */
	compiles(f);
}

static void clone3_is_absent_where_clone_is_filtered(void)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	struct err e;

	CHECK_EQ(load("[filter]\nallow = clone clone3\n[args]\nclone.flags = not CLONE_NEWUSER\n",
			 &f, &e),
		0);
	if (!f)
		return;
	CHECK_EQ(verdict(f, "clone3", 0, 0, 0), ERR(ENOSYS));
	compiles(f);
}

static void logged_calls_are_allowed(void)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	struct err e;

	CHECK_EQ(load("[filter]\nallow = @known\nlog = mount bpf\nrefuse = bpf\n[args]\n"
		      "socket.domain = AF_UNIX AF_INET else log\n"
		      "socket(AF_NETLINK).protocol = 0 1 else EPROTONOSUPPORT\n"
		      "ptrace.request = not 16 else kill\n",
			 &f, &e),
		0);
	if (!f)
		return;
	CHECK_EQ(verdict(f, "mount", 0, 0, 0), SECCOMP_RET_LOG);
	CHECK_EQ(verdict(f, "bpf", 0, 0, 0), ERR(EPERM));
	CHECK_EQ(verdict(f, "socket", 1, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(f, "socket", 40, 0, 0), SECCOMP_RET_LOG);
	/* A rule that logs does not keep later ones from refusing. */
	CHECK_EQ(verdict(f, "socket", 16, 0, 0), SECCOMP_RET_LOG);
	CHECK_EQ(verdict(f, "socket", 16, 0, 9), ERR(EPROTONOSUPPORT));
	CHECK_EQ(verdict(f, "ptrace", 16, 0, 0), SECCOMP_RET_KILL_PROCESS);
	compiles(f);
}

static void conditions_choose_sections(void)
{
	static const char text[] =
		"[filter]\nallow = read mount socket\n[filter root=no]\nrefuse = mount\n"
		"[args root=yes]\nsocket.domain = AF_UNIX\n"
		"[filter arch=aarch64]\nrefuse = read:EIO\n"
		"[args arch=x86-64]\nsocket.domain = AF_INET else EIO\n";
	_cleanup_(filter_cleanup) struct filter *without = NULL, *with = NULL;
	char a[65], b[65];
	struct err e;

	CHECK_EQ(load(text, &without, &e), 0);
	CHECK_EQ(filter_load(dirs, 2, "t", FILTER_ROOT_INSIDE, &with, &e), 0);
	if (!without || !with)
		return;
	CHECK_EQ(verdict(without, "mount", 0, 0, 0), ERR(EPERM));
	CHECK_EQ(verdict(with, "mount", 0, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(with, "read", 0, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict_on(with, AUDIT_ARCH_AARCH64, "read", 0, 0, 0), ERR(EIO));
	/* The later section stands in the place of the earlier, where it applies. */
	CHECK_EQ(verdict(with, "socket", 1, 0, 0), ERR(EIO));
	CHECK_EQ(verdict(with, "socket", 2, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict_on(with, AUDIT_ARCH_AARCH64, "socket", 1, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict_on(with, AUDIT_ARCH_AARCH64, "socket", 2, 0, 0), ERR(EPERM));
	CHECK_EQ(verdict_on(without, AUDIT_ARCH_AARCH64, "socket", 2, 0, 0), SECCOMP_RET_ALLOW);
	filter_key(without, a);
	filter_key(with, b);
	CHECK(strcmp(a, b) != 0);
	compiles(with);
	compiles(without);
}

static void i386_is_let_in_on_demand_only(void)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL, *g = NULL;
	struct err e;

	CHECK_EQ(load("[filter]\nallow = read socket\n[args]\nsocket.domain = AF_UNIX\n", &g, &e),
		0);
	CHECK_EQ(load("[filter]\narches = native i386\nallow = read socket socketcall\n"
		      "[args]\nsocket.domain = AF_UNIX\n",
			 &f, &e),
		0);
	if (!f || !g)
		return;
	CHECK_EQ(verdict_on(g, AUDIT_ARCH_I386, "read", 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
	CHECK_EQ(verdict_on(f, AUDIT_ARCH_I386, "read", 0, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(syscall_number(AUDIT_ARCH_I386, "read"), 3);
	CHECK_EQ(syscall_number(AUDIT_ARCH_I386, "socket"), 359);
	CHECK_EQ(verdict_on(f, AUDIT_ARCH_I386, "socket", 2, 0, 0), ERR(EPERM));
	CHECK_EQ(verdict_on(f, AUDIT_ARCH_I386, "socketcall", 1, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict_on(f, AUDIT_ARCH_I386, "write", 0, 0, 0), ERR(EPERM));
	compiles(f);
}

static void masks_and_sums_of_constants(void)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	struct err e;

	CHECK_EQ(load("[filter]\nallow = mount clone socket\n[args]\n"
		      "mount.flags = MS_BIND/MS_BIND|MS_REC 0/0xffff\n"
		      "clone.flags = not CLONE_NEWUSER|CLONE_NEWNET/CLONE_NEWUSER|CLONE_NEWNET\n"
		      "socket.domain = 0/0xfffffff0\n",
			 &f, &e),
		0);
	if (!f)
		return;
	/* mount's flags are its fourth argument, which verdict() leaves 0 */
	CHECK_EQ(verdict(f, "mount", 0, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(f, "clone", 0x10000000, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(f, "clone", 0x40000000, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(f, "clone", 0x50000011, 0, 0), ERR(EPERM));
	CHECK_EQ(verdict(f, "socket", 15, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(f, "socket", 16, 0, 0), ERR(EPERM));
	CHECK_EQ(verdict(f, "socket", 15 | UINT64_C(1) << 32, 0, 0), SECCOMP_RET_ALLOW);
	compiles(f);
}

/* Who says no: the loud program, whose refusals are recorded, or the quiet one? */
static bool loud(const struct filter *f, const char *call, uint64_t a0, uint64_t a2)
{
	struct seccomp_data d = { .arch = AUDIT_ARCH_X86_64, .args = { a0, 0, a2 } };
	_cleanup_free_ void *file = NULL;
	struct program_head *h;
	struct err e;
	size_t len;

	if (filter_compile(f, d.arch, &file, &len, &e) < 0) {
		test_fail(__FILE__, __LINE__, e.text);
		return false;
	}
	h = file;
	d.nr = syscall_number(d.arch, call);
	return bpf_eval((const void *)(h + 1), h->loud, &d) != SECCOMP_RET_ALLOW;
}

static void quiet_values_are_refused_without_a_record(void)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	struct err e;

	CHECK_EQ(load("[filter]\nallow = socket seccomp personality\n[args]\n"
		      "socket(AF_NETLINK).protocol = 0 quiet NETLINK_AUDIT else EPROTONOSUPPORT\n"
		      "personality.persona = not quiet 7 8\n"
		      "seccomp.operation = not SECCOMP_SET_MODE_STRICT\n",
			 &f, &e),
		0);
	if (!f)
		return;
	CHECK_EQ(verdict(f, "socket", 16, 0, 9), ERR(EPROTONOSUPPORT));
	CHECK_EQ(verdict(f, "socket", 16, 0, 8), ERR(EPROTONOSUPPORT));
	CHECK_EQ(verdict(f, "socket", 16, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(f, "socket", 2, 0, 9), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(f, "personality", 7, 0, 0), ERR(EPERM));
	CHECK_EQ(verdict(f, "personality", 9, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(f, "seccomp", 0, 0, 0), ERR(EPERM));
	CHECK(loud(f, "socket", 16, 8));
	CHECK(!loud(f, "socket", 16, 9));
	CHECK(!loud(f, "personality", 8, 0));
	/* The loud program stands when the quiet one is attached by this very call. */
	CHECK(!loud(f, "seccomp", 0, 0));
}

static void key_follows_content_and_meaning(void)
{
	struct filter *f = NULL;
	char a[65], b[65], c[65];
	struct err e;

	CHECK_EQ(load("[filter]\nallow = read\n", &f, &e), 0);
	filter_key(f, a);
	filter_free(f);
	CHECK_EQ(load("[filter]\nallow = read\n", &f, &e), 0);
	filter_key(f, b);
	filter_free(f);
	CHECK_EQ(load("[filter]\nallow = read write\n", &f, &e), 0);
	filter_key(f, c);
	filter_free(f);
	CHECK_EQ(strlen(a), 64);
	CHECK_STR(a, b);
	CHECK(strcmp(a, c) != 0);
}

static void damaged_programs_are_not_proved(void)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	_cleanup_free_ struct verdicts *t = calloc(1, sizeof(*t));
	_cleanup_free_ void *file = NULL;
	struct sock_filter *insns;
	struct program_head *h;
	int returns = 0, caught = 0;
	struct err e;
	size_t len;

	CHECK(t);
	CHECK_EQ(load("[filter]\nallow = @system-service\n[args]\nsocket.domain = AF_UNIX\n", &f,
			 &e),
		0);
	if (!t || !f || filter_compile(f, AUDIT_ARCH_X86_64, &file, &len, &e) < 0) {
		test_fail(__FILE__, __LINE__, e.text);
		return;
	}
	filter_resolve(f, AUDIT_ARCH_X86_64, t);
	CHECK_EQ(filter_prove(f, t, file, len, &e), 0);
	h = file;
	insns = (void *)(h + 1);
	/*
	 * Each return of the loud program turned round must be noticed; foreign ABIs are killed by
	 * the quiet one too.
	 */
	for (int i = 0; i < h->loud; i++) {
		uint32_t k = insns[i].k;

		if (BPF_CLASS(insns[i].code) != BPF_RET || k == SECCOMP_RET_KILL_PROCESS)
			continue;
		returns++;
		insns[i].k = k == SECCOMP_RET_ALLOW ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ALLOW;
		caught += filter_prove(f, t, file, len, &e) == -EUCLEAN;
		insns[i].k = k;
	}
	CHECK(returns >= 2);
	CHECK_EQ(caught, returns);
	CHECK_CONTAINS(e.text, "miscompiled");
}

/* For values, masks and ways out that no human would choose. */
static void random_rules_compile_to_what_they_say(void)
{
	static const char *const args[] = { "socket.domain", "ioctl.request", "clone.flags",
		"ptrace.request", "unshare.flags", "socket(AF_NETLINK).protocol",
		"keyctl.operation" };
	static const char *const ends[] = { "", " else log", " else kill", " else EIO" };
	unsigned seed = 1;

	for (int round = 0; round < 100; round++) {
		_cleanup_(filter_cleanup) struct filter *f = NULL;
		char text[4096] =
			"[filter]\nallow = socket ioctl clone ptrace unshare keyctl\n[args]\n";
		struct err e;

		for (size_t i = 0; i < sizeof(args) / sizeof(*args); i++) {
			char *at = text + strlen(text);
			int n = 1 + rand_r(&seed) % 6;
			bool masked;

			if (rand_r(&seed) % 3 == 0)
				continue;
			at += sprintf(at, "%s =%s", args[i], rand_r(&seed) % 2 ? " not" : "");
			masked = rand_r(&seed) % 3 == 0;
			for (int j = 0; j < n; j++) {
				unsigned v = rand_r(&seed) % 2 ? (unsigned)rand_r(&seed)
							       : 1u << rand_r(&seed) % 32;

				at += masked ? sprintf(at, " 0x%x/0x%x", v,
						       v | (unsigned)rand_r(&seed))
					     : sprintf(at, " 0x%x", v);
			}
			if (rand_r(&seed) % 3 == 0)
				at += sprintf(at, " quiet 0x%x", (unsigned)rand_r(&seed) % 64);
			(void)sprintf(at, "%s\n", ends[rand_r(&seed) % 4]);
		}
		CHECK_EQ(load(text, &f, &e), 0);
		if (f)
			compiles(f);
	}
}

int main(void)
{
	if (!mkdtemp(top))
		return 1;
	(void)snprintf(admin, sizeof(admin), "%s/admin", top);
	(void)snprintf(shipped, sizeof(shipped), "%s/shipped", top);
	if (mkdir(admin, 0755) < 0 || mkdir(shipped, 0755) < 0)
		return 1;
	TEST(later_lines_win);
	TEST(every_mistake_names_file_line_and_word);
	TEST(question_mark_tolerates_unknown_names_only);
	TEST(includes_are_overridden_line_by_line);
	TEST(admin_stands_before_shipped_and_may_include_it);
	TEST(circles_of_includes_end);
	TEST(missing_filter_is_enoent);
	TEST(others_files_are_refused_on_demand);
	TEST(ints_are_judged_as_the_kernel_sees_them);
	TEST(flags_are_judged_bit_by_bit);
	TEST(clone3_is_absent_where_clone_is_filtered);
	TEST(logged_calls_are_allowed);
	TEST(conditions_choose_sections);
	TEST(i386_is_let_in_on_demand_only);
	TEST(masks_and_sums_of_constants);
	TEST(quiet_values_are_refused_without_a_record);
	TEST(key_follows_content_and_meaning);
	TEST(damaged_programs_are_not_proved);
	TEST(random_rules_compile_to_what_they_say);
	clear();
	(void)rmdir(admin);
	(void)rmdir(shipped);
	(void)rmdir(top);
	return test_done();
}
