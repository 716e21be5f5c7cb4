#include "tests/lib/test.h"

#include <errno.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "helper/caps.h"
#include "helper/sandbox.h"
#include "policy/base/err.h"

/* What the helper gives up at start; each promise in a child, for it cannot be taken back. */

static int in_child(int (*tried)(void))
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(tried());
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int acct_off(void)
{
	return syscall(SYS_acct, "/nowhere/at-all") < 0 ? errno : 0;
}

static int acct_off_sandboxed(void)
{
	struct err e;

	return sandbox_enter(&e) < 0 ? 250 : acct_off();
}

static int work_sandboxed(void)
{
	struct err e;

	if (sandbox_enter(&e) < 0)
		return 250;
	return unshare(CLONE_NEWNS) < 0 ? errno : 0;
}

static int module_cap(void)
{
	cap_flag_value_t has = CAP_CLEAR;
	cap_t now = cap_get_proc();

	if (!now || cap_get_flag(now, CAP_SYS_MODULE, CAP_PERMITTED, &has) < 0)
		return 250;
	(void)cap_free(now);
	return has == CAP_SET;
}

static int module_cap_reduced(void)
{
	struct err e;

	return caps_keep_needed(&e) < 0 ? 250 : module_cap() + 2 * (cap_get_bound(CAP_SYS_MODULE) == 1);
}

static int admin_cap_reduced(void)
{
	struct err e;

	if (caps_keep_needed(&e) < 0)
		return 250;
	return unshare(CLONE_NEWNS) < 0 ? errno : 0;
}

static int caps_missing(void)
{
	static const cap_value_t admin = CAP_SYS_ADMIN;
	cap_t now = cap_get_proc();
	struct err e;

	if (!now || cap_set_flag(now, CAP_PERMITTED, 1, &admin, CAP_CLEAR) < 0 ||
		cap_set_flag(now, CAP_EFFECTIVE, 1, &admin, CAP_CLEAR) < 0 || cap_set_proc(now) < 0)
		return 250;
	(void)cap_free(now);
	return caps_keep_needed(&e) == -EPERM && strstr(e.text, "cap_sys_admin") ? 0 : 1;
}

static void calls_for_the_whole_machine_are_refused(void)
{
	if (geteuid() != 0)
		TEST_SKIP("needs root");
	CHECK_EQ(in_child(acct_off), ENOENT); /* allowed, it finds no such file */
	CHECK_EQ(in_child(acct_off_sandboxed), EPERM);
	CHECK_EQ(in_child(work_sandboxed), 0);
}

static void capabilities_are_given_up_for_ever(void)
{
	if (geteuid() != 0)
		TEST_SKIP("needs root");
	if (in_child(module_cap) != 1)
		TEST_SKIP("this machine has no CAP_SYS_MODULE to give up");
	CHECK_EQ(in_child(module_cap_reduced), 0);
	CHECK_EQ(in_child(admin_cap_reduced), 0);
}

static void a_missing_capability_is_named(void)
{
	if (geteuid() != 0)
		TEST_SKIP("needs root");
	CHECK_EQ(in_child(caps_missing), 0);
}

int main(void)
{
	TEST(calls_for_the_whole_machine_are_refused);
	TEST(capabilities_are_given_up_for_ever);
	TEST(a_missing_capability_is_named);
	return test_done();
}
