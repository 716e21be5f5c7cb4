/* The seccomp programs that listen: what they ask about, and what they let pass. Evaluated, never attached. */

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#include "helper/learn/base.h"
#include "helper/learn/decode.h"
#include "helper/learn/learnt.h"
#include "helper/learn/rate.h"
#include "helper/learn/record.h"
#include "helper/learn/refusals.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"
#include "policy/bpf_eval.h"
#include "policy/filter.h"
#include "tests/lib/test.h"

static struct sock_filter insns[BPF_MAXINSNS];
static size_t n_insns;

static uint32_t asked(const char *call, uint64_t a0, uint64_t a1)
{
	struct seccomp_data d = { .arch = syscall_native_arch(), .args = { a0, a1 } };

	d.nr = syscall_number(d.arch, call);
	CHECK(d.nr >= 0);
	return bpf_eval(insns, n_insns, &d);
}

#define ASKS(call, a0, a1) CHECK_EQ(asked(call, a0, a1), SECCOMP_RET_USER_NOTIF)
#define LETS(call, a0, a1) CHECK_EQ(asked(call, a0, a1), SECCOMP_RET_ALLOW)

static void learning_asks_about_all_but_the_base(void)
{
	struct seccomp_data foreign = { .arch = AUDIT_ARCH_I386, .nr = 3 };
	struct seccomp_data unknown = { .arch = syscall_native_arch(), .nr = 600 };

	n_insns = base_program(insns);
	CHECK(n_insns <= BPF_MAXINSNS);
	LETS("read", 0, 0);
	LETS("openat", 0, 0);
	LETS("getppid", 0, 0);
	ASKS("socket", 1, 1);
	ASKS("execve", 0, 0);
	ASKS("exit_group", 0, 0);
	ASKS("set_tid_address", 0, 0);
	ASKS("clone3", 0, 0);
	ASKS("mount", 0, 0);
	LETS("clone", CLONE_VM | CLONE_THREAD, 0);
	ASKS("clone", CLONE_NEWUSER, 0);
	ASKS("clone", CLONE_NEWNS | CLONE_VM, 0);
	LETS("ioctl", 0, TIOCGWINSZ);
	ASKS("ioctl", 0, TIOCSTI);
	ASKS("ioctl", 0, TIOCSTI | 1ull << 32);
	LETS("prctl", PR_SET_NAME, 0);
	LETS("prctl", PR_SET_NO_NEW_PRIVS, 1);
	ASKS("prctl", PR_SET_MM, 0);
	ASKS("prctl", PR_SET_MM | 1ull << 32, 0);
	CHECK_EQ(bpf_eval(insns, n_insns, &foreign), SECCOMP_RET_USER_NOTIF);
	CHECK_EQ(bpf_eval(insns, n_insns, &unknown), SECCOMP_RET_USER_NOTIF);
}

static void base_calls_have_names(void)
{
	size_t len;

	for (const struct base_group *g = base_groups(); g->reason; g++) {
		const char *list = g->calls;

		for (const char *w; (w = word_next(&list, &len));) {
			char name[SYSCALL_NAME_MAX];

			(void)snprintf(name, sizeof(name), "%.*s", (int)len, w);
			if (!syscall_known(name) || !base_has(name) || base_is_dangerous(name) || base_is_absent(name))
				test_fail(__FILE__, __LINE__, name);
		}
	}
}

static struct filter *filter_named(const char *name)
{
	const char *src = getenv("CARREL_SRCDIR");
	struct filter *f = NULL;
	struct err e = { "" };
	char dir[4096];
	const char *dirs[] = { dir };

	(void)snprintf(dir, sizeof(dir), "%s/etc/filters", src ? src : ".");
	if (filter_load(dirs, 1, name, 0, &f, &e) < 0)
		test_fail(__FILE__, __LINE__, e.text);
	return f;
}

/* Every call is asked about exactly when the filter does not let it. */
static void refusals_are_asked_about(const char *name)
{
	_cleanup_(filter_cleanup) struct filter *f = filter_named(name);
	struct refusals r;
	struct err e = { "" };
	unsigned asks = 0, lets = 0;

	if (!f || refusals_make(f, &r, &e) < 0) {
		test_fail(__FILE__, __LINE__, e.text);
		return;
	}
	for (int nr = -1; nr < 600; nr++) {
		for (uint64_t a = 0; a < 64; a++) {
			struct seccomp_data d = { .arch = syscall_native_arch(), .nr = nr, .args = { a, 1ull << (a & 31), a } };
			uint32_t verdict = refusals_verdict(&r, &d, NULL) & SECCOMP_RET_ACTION_FULL;
			uint32_t seen = bpf_eval(r.insns, r.n_insns, &d);
			bool let = verdict == SECCOMP_RET_ALLOW || verdict == SECCOMP_RET_LOG;

			if (seen != (let ? verdict : SECCOMP_RET_USER_NOTIF))
				test_check_int(__FILE__, __LINE__, name, nr, -2);
			asks += !let;
			lets += let;
		}
	}
	CHECK(asks > 1000);
	CHECK(lets > 1000);
	refusals_done(&r);
}

static void a_traced_filter_refuses_what_it_refused(void)
{
	refusals_are_asked_about("default");
	refusals_are_asked_about("observe");
	refusals_are_asked_about("strict");
}

static struct seccomp_notif notified(const char *call, uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct seccomp_notif n = { .data = { .arch = syscall_native_arch(), .args = { a0, a1, a2 } } };

	n.data.nr = syscall_number(n.data.arch, call);
	return n;
}

static void a_run_is_recorded(void)
{
	_cleanup_(record_cleanup) struct record *r = record_new(NULL);
	_cleanup_(learnt_cleanup) struct learnt l = { 0 };
	struct seccomp_notif n;
	struct err e;

	CHECK(r);
	if (!r)
		return;
	for (uint64_t i = 0; i < 100; i++) {
		n = notified("socket", 16, 3, i % 3);
		CHECK_EQ(record_call(r, &n), 0);
	}
	n = notified("socket", 2 | 1ull << 32, 1, 9);
	CHECK_EQ(record_call(r, &n), 0);
	n = notified("clone3", 0, 0, 0);
	CHECK_EQ(record_call(r, &n), ENOSYS);
	n = notified("prctl", PR_SET_NAME, 0, 0);
	CHECK_EQ(record_call(r, &n), 0);
	n = notified("prctl", PR_SET_MM, 0, 0);
	CHECK_EQ(record_call(r, &n), 0);
	n = notified("ptrace", PTRACE_PEEKDATA, 0, 0);
	CHECK_EQ(record_call(r, &n), 0);
	n = notified("ptrace", PTRACE_SEIZE, 0, 0);
	CHECK_EQ(record_call(r, &n), 0);
	n = notified("mount", 0, 0, 0);
	n.data.args[3] = MS_NOSUID | MS_BIND | MS_PRIVATE;
	CHECK_EQ(record_call(r, &n), 0);
	n.data.args[3] = MS_NOSUID;
	CHECK_EQ(record_call(r, &n), 0);
	n = notified("clone", CLONE_NEWUSER | SIGCHLD, 0, 0);
	CHECK_EQ(record_call(r, &n), 0);
	n.data.nr = 600;
	CHECK_EQ(record_call(r, &n), 0);
	CHECK_EQ(record_finish(r, &l, &e), 0);
	CHECK_EQ(l.runs, 1);
	CHECK_EQ(learnt_find(&l, "socket")->count, 101);
	CHECK_EQ(learnt_find(&l, "socket")->runs, 1);
	CHECK(!learnt_find(&l, "prctl"));
	for (size_t i = 0; arg_interests()[i].call; i++) {
		char key[ARG_KEY_MAX];

		arg_interest_key(&arg_interests()[i], key);
		if (strcmp(key, "socket.domain") == 0) {
			CHECK_EQ(l.values[i].n, 2);
			CHECK_EQ(l.values[i].values[1], 2);
		} else if (strcmp(key, "socket(AF_NETLINK).protocol") == 0) {
			CHECK_EQ(l.values[i].n, 3);
		} else if (strcmp(key, "prctl.option") == 0) {
			CHECK_EQ(l.values[i].n, 1);
			CHECK_EQ(l.values[i].values[0], PR_SET_MM);
		} else if (strcmp(key, "ptrace.request") == 0) {
			CHECK_EQ(l.values[i].n, 1);
			CHECK_EQ(l.values[i].values[0], PTRACE_SEIZE);
		} else if (strcmp(key, "mount.flags") == 0) {
			CHECK_EQ(l.values[i].n, 1);
			CHECK_EQ(l.values[i].values[0], MS_BIND);
		} else if (strcmp(key, "clone.flags") == 0) {
			CHECK_EQ(l.values[i].values[0], CLONE_NEWUSER);
		} else {
			CHECK_EQ(l.values[i].n, 0);
		}
	}
	CHECK_EQ(l.unresolved.n, 1);
}

static void calls_are_read_aloud(void)
{
	char text[DECODE_MAX];
	struct seccomp_notif n = notified("socket", 38, 5 | 02000000, 0);

	decode_call(NULL, &n, text);
	CHECK_STR(text, "socket(AF_ALG, SOCK_SEQPACKET|SOCK_CLOEXEC, 0)");
	n = notified("socket", 16, 3, 9);
	decode_call(NULL, &n, text);
	CHECK_STR(text, "socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT)");
	n = notified("socket", 40 | 1ull << 32, 1, 0);
	decode_call(NULL, &n, text);
	CHECK_STR(text, "socket(AF_VSOCK+0x100000000, SOCK_STREAM, 0)");
	n = notified("openat", (uint64_t)-100, 0, 02000101);
	decode_call(NULL, &n, text);
	CHECK_CONTAINS(text, "openat(AT_FDCWD, NULL, O_WRONLY|O_CREAT|O_CLOEXEC");
	n = notified("unshare", CLONE_NEWUSER | CLONE_NEWNS, 0, 0);
	decode_call(NULL, &n, text);
	CHECK_STR(text, "unshare(CLONE_NEWNS|CLONE_NEWUSER)");
	n = notified("vhangup", 1, 2, 3);
	decode_call(NULL, &n, text);
	CHECK_STR(text, "vhangup()");
	n.data.nr = 500;
	decode_call(NULL, &n, text);
	CHECK_STR(text, "syscall_500(1, 2, 3, 0, 0, 0)");
	n = notified("personality", 0xffffffffffffffff, 0, 0);
	decode_call(NULL, &n, text);
	CHECK_STR(text, "personality(QUERY)");
}

static void wider_is_named(void)
{
	_cleanup_(filter_cleanup) struct filter *ours = filter_named("observe"), *theirs = filter_named("default");
	_cleanup_(learnt_cleanup) struct learnt l = { .runs = 1 };
	struct rating rating;
	struct err e;
	bool mount = false, alg = false, read = false;

	CHECK_EQ(learnt_value_add(&l.values[0], 38), 0);
	CHECK_EQ(learnt_value_add(&l.values[0], 2), 0);
	CHECK_EQ(rate(ours, &l, theirs, &rating, &e), 0);
	CHECK(rating.ours > rating.theirs);
	CHECK_EQ(rating.both, rating.theirs);
	for (size_t i = 0; i < rating.wider.n; i++) {
		mount |= strcmp(rating.wider.v[i], "mount") == 0;
		alg |= strcmp(rating.wider.v[i], "socket.domain AF_ALG") == 0;
		read |= strcmp(rating.wider.v[i], "read") == 0 || strcmp(rating.wider.v[i], "socket.domain AF_INET") == 0;
	}
	CHECK(mount);
	CHECK(alg);
	CHECK(!read);
	rating_done(&rating);
	CHECK_EQ(rate(theirs, &l, theirs, &rating, &e), 0);
	CHECK_EQ(rating.wider.n, 0);
	rating_done(&rating);
}

int main(void)
{
	TEST(learning_asks_about_all_but_the_base);
	TEST(base_calls_have_names);
	TEST(a_traced_filter_refuses_what_it_refused);
	TEST(a_run_is_recorded);
	TEST(calls_are_read_aloud);
	TEST(wider_is_named);
	return test_done();
}
