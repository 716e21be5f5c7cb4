#include "helper/denials/table.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/denials/blame.h"
#include "helper/denials/people.h"
#include "helper/denials/suggest.h"
#include "policy/base/err.h"
#include "policy/filter.h"
#include "policy/filter_rules.h"
#include "tests/lib/test.h"

static struct record record(uint64_t time_us, uint32_t ses, int call, const char *exe)
{
	struct record r = { .time_us = time_us, .serial = 1, .auid = 1000, .uid = 1000, .ses = ses, .call = call,
		.arch = AUDIT_ARCH_X86_64, .code = SECCOMP_RET_ERRNO };

	(void)snprintf(r.exe, sizeof(r.exe), "%s", exe);
	(void)snprintf(r.comm, sizeof(r.comm), "x");
	return r;
}

/* --- counting --- */

static void counts_what_is_alike(void)
{
	struct denial_table t = { 0 };
	struct record r;

	r = record(20, 1, 165, "/bin/mount");
	CHECK_EQ(denial_add(&t, &r, RECORD_UNSET), 0);
	r.time_us = 10;
	r.pid = 77;
	CHECK_EQ(denial_add(&t, &r, RECORD_UNSET), 0);
	r.time_us = 0;
	CHECK_EQ(denial_add(&t, &r, RECORD_UNSET), 0);
	r = record(30, 2, 165, "/bin/mount");
	CHECK_EQ(denial_add(&t, &r, RECORD_UNSET), 0);
	r = record(40, 1, 165, "/bin/umount");
	CHECK_EQ(denial_add_many(&t, &r, RECORD_UNSET, 9, 35, 40), 0);
	r = record(40, 1, 165, "/bin/mount");
	r.code = SECCOMP_RET_LOG;
	CHECK_EQ(denial_add(&t, &r, RECORD_UNSET), 0);
	CHECK_EQ(t.n, 4);
	denial_sort(&t);
	CHECK_EQ(t.v[0].count, 9);
	CHECK_EQ(t.v[0].first_us, 35);
	CHECK_EQ(t.v[1].count, 3);
	CHECK_EQ(t.v[1].first_us, 10);
	CHECK_EQ(t.v[1].last_us, 20);
	CHECK_EQ(t.v[2].last_us, 40); /* one each: the later first */
	denial_table_done(&t);
}

static void has_an_end(void)
{
	struct denial_table t = { 0 };
	char exe[32];

	for (unsigned i = 0; i < DENIALS_MAX + 5; i++) {
		struct record r;

		(void)snprintf(exe, sizeof(exe), "/tmp/%u", i);
		r = record(i + 1, 1, 1, exe);
		if (denial_add(&t, &r, RECORD_UNSET) < 0)
			CHECK(false);
	}
	CHECK_EQ(t.n, DENIALS_MAX);
	CHECK_EQ(t.left_out, 5);
	denial_table_done(&t);
}

/* --- whose --- */

static void knows_owners_by_uid_and_range(void)
{
	struct people p = { 0 };
	struct owner alice = { .uid = 1000, .name = "alice", .uids = { 100000, 65536 } };
	struct owner bob = { .uid = 1001, .uids = { 165536, 65536 }, .has_container = true };

	CHECK_EQ(people_add_owner(&p, &alice), 0);
	CHECK_EQ(people_add_owner(&p, &bob), 0);
	CHECK_EQ(people_owner(&p, 1000)->uid, 1000);
	CHECK_EQ(people_owner(&p, 100000)->uid, 1000);
	CHECK_EQ(people_owner(&p, 165535)->uid, 1000);
	CHECK_EQ(people_owner(&p, 165536)->uid, 1001);
	CHECK(!people_owner(&p, 1002));
	CHECK(!people_owner(&p, 99999));
	CHECK(!people_owner(&p, 0));
	alice.has_container = true;
	CHECK_EQ(people_add_owner(&p, &alice), 0);
	CHECK(people_owner(&p, 1000)->has_container);
	people_done(&p);
}

static void knows_sessions_by_user_number_and_time(void)
{
	static const struct known_session sessions[] = {
		{ 1000, 7, 100000000, false, "old", "sshd" },
		{ 1000, 7, 200000000, false, "shell", "sshd" },
		{ 1001, 7, 210000000, false, "other", "su" },
		{ 1000, 8, 300000000, true, "shell", "sshd" },
		{ 1000, RECORD_UNSET, 1, true, "cron", "cron" },
	};
	struct people p = { 0 };

	for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++)
		CHECK_EQ(people_add_session(&p, &sessions[i]), 0);
	CHECK_STR(people_session(&p, 1000, 7, 150000000)->profile, "old");
	CHECK_STR(people_session(&p, 1000, 7, 900000000)->profile, "shell");
	/* in one audit session, somebody else by su */
	CHECK_STR(people_session(&p, 1001, 7, 900000000)->profile, "other");
	CHECK(people_session(&p, 1000, 8, 900000000)->lives);
	/* the log is a little later than the first call */
	CHECK(people_session(&p, 1000, 8, 299000000) != NULL);
	/* but a number of before the last boot is another session's */
	CHECK(!people_session(&p, 1000, 8, 250000000));
	CHECK(!people_session(&p, 1000, 9, 900000000));
	CHECK(!people_session(&p, 1000, RECORD_UNSET, 900000000));
	people_done(&p);
}

static void lend(struct people *p, uint32_t start, uint32_t count, uint32_t uid, uint64_t from_s, uint64_t until_s)
{
	const struct lending l = { { start, count }, uid, from_s * 1000000, until_s * 1000000 };

	CHECK_EQ(people_add_lending(p, &l), 0);
}

static uint32_t holder(struct people *p, uint32_t id, uint64_t time_us)
{
	uint32_t uid = 7;

	return people_holder(p, id, time_us, &uid) ? uid : uid == 7 ? 0 : 1;
}

static void a_lent_range_is_whose_it_was_then(void)
{
	struct people p = { 0 };

	CHECK_EQ(holder(&p, 100000, 15000000), 0);
	lend(&p, 100000, 65536, 1001, 30, 40);
	lend(&p, 100000, 65536, 1000, 10, 20);
	lend(&p, 165536, 65536, 1002, 10, 90);
	lend(&p, 100000, 65536, 1001, 50, 60);
	CHECK_EQ(holder(&p, 100000, 15000000), 1000);
	CHECK_EQ(holder(&p, 165535, 35000000), 1001);
	CHECK_EQ(holder(&p, 165535, 55000000), 1001);
	CHECK_EQ(holder(&p, 165536, 15000000), 1002);
	CHECK_EQ(holder(&p, 231071, 89000000), 1002);
	/* nobody's, that is known */
	CHECK_EQ(holder(&p, 100000, 25000000), 0);
	CHECK_EQ(holder(&p, 100000, 5000000), 0);
	CHECK_EQ(holder(&p, 100000, 70000000), 0);
	CHECK_EQ(holder(&p, 99999, 15000000), 0);
	CHECK_EQ(holder(&p, 231072, 15000000), 0);
	CHECK_EQ(holder(&p, 100000, 0), 0);
	people_done(&p);
}

static void what_may_be_eithers_is_nobodys(void)
{
	struct people p = { 0 };

	lend(&p, 100000, 65536, 1000, 10, 20);
	lend(&p, 100000, 65536, 1001, 20, 30);
	lend(&p, 100000, 65536, 1001, 30, 40);
	CHECK_EQ(holder(&p, 100001, 19900000), 1000);
	CHECK_EQ(holder(&p, 100001, 20000000), 0);
	CHECK_EQ(holder(&p, 100001, 20100000), 1001);
	CHECK_EQ(holder(&p, 100001, 30000000), 1001);
	/* also where ranges lie across each other, as after another pool */
	lend(&p, 130000, 65536, 1002, 15, 18);
	CHECK_EQ(holder(&p, 129999, 16000000), 1000);
	CHECK_EQ(holder(&p, 130000, 16000000), 0);
	CHECK_EQ(holder(&p, 170000, 16000000), 1002);
	people_done(&p);
}

static void counts_each_holders_apart(void)
{
	struct denial_table t = { 0 };
	struct record r = record(1000, 3, 165, "/usr/bin/x");

	CHECK_EQ(denial_add(&t, &r, 1000), 0);
	CHECK_EQ(denial_add(&t, &r, 1001), 0);
	CHECK_EQ(denial_add(&t, &r, 1001), 0);
	CHECK_EQ(t.n, 2);
	denial_sort(&t);
	CHECK_EQ(t.v[0].holder, 1001);
	CHECK_EQ(t.v[0].count, 2);
	denial_table_done(&t);
}

static char dir[] = "/tmp/carrel-denials.XXXXXX";

static void write_file(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void write_file(const char *name, const char *fmt, ...)
{
	char path[128];
	va_list ap;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!f)
		exit(1);
	va_start(ap, fmt);
	(void)vfprintf(f, fmt, ap);
	va_end(ap);
	(void)fclose(f);
}

static unsigned long long own_start(void)
{
	char text[1024] = "", *field;
	FILE *f = fopen("/proc/self/stat", "r");

	if (!f || fread(text, 1, sizeof(text) - 1, f) == 0)
		exit(1);
	(void)fclose(f);
	field = strrchr(text, ')');
	for (int i = 2; field && i < 22; i++)
		field = strchr(field + 1, ' ');
	return field ? strtoull(field, NULL, 10) : 0;
}

static void reads_what_the_helper_recorded(void)
{
	struct people p = { 0 };
	struct err e;
	int state, proc = open("/proc", O_PATH | O_DIRECTORY);

	write_file("c.1000.shell", "pid 1\nstart 2\nuser-ns 3\nuids 100000 65536\ngids 100000 65536\nlinger 0\ncgroup -\nend\n");
	write_file("c.1001.shell", "pid 1\nstart 2\nuser-ns 3\nuids 165536 65536\ngids 165536 65536\nlinger 0\ncgroup -\nend\n");
	write_file("l.1001.box-1", "pid 1\nstart 2\nuser-ns 3\nuids 300000 65536\ngids 300000 65536\nlinger 1\ncgroup -\nprofile box\nuser bob\n"
		"started 1000000000000000\ngroups 0\nimage x\ndigest -\ncommand uids 1 1\nend\n");
	write_file("c.x.shell", "uids 1 1\n");
	write_file("s.1", "uid 1000\nprofile shell\npid %d\nstart %llu\nservice sshd\nuser alice\nend\n", (int)getpid(), own_start());
	write_file("s.2", "uid 1000\nprofile shell\npid %d\nstart 1\nservice sshd\nuser alice\nend\n", (int)getpid());
	write_file("s.3", "rubbish\n");
	state = open(dir, O_RDONLY | O_DIRECTORY);
	CHECK_EQ(people_read_state(&p, state, proc, RECORD_UNSET, &e), 0);
	CHECK_EQ(p.n_owners, 2);
	CHECK_EQ(p.n_sessions, 1); /* the second's process is another one now */
	CHECK_STR(p.sessions[0].profile, "shell");
	CHECK_STR(p.sessions[0].service, "sshd");
	CHECK(p.sessions[0].lives && p.sessions[0].opened_us > 1000000000000000);
	/* A launch that runs has its range since it began, whoever asks. */
	CHECK_EQ(p.n_lendings, 1);
	CHECK(!people_owner(&p, 300000));
	CHECK_EQ(holder(&p, 300000, 999999999000000), 0);
	CHECK_EQ(holder(&p, 300000, 1000000001000000), 1001);
	people_done(&p);
	CHECK_EQ(people_read_state(&p, state, proc, 1000, &e), 0);
	CHECK_EQ(holder(&p, 300000, 1000000001000000), 1001);
	people_done(&p);
	CHECK_EQ(people_read_state(&p, state, proc, 1001, &e), 0);
	CHECK_EQ(p.n_owners, 1);
	CHECK_EQ(p.owners[0].uid, 1001);
	CHECK_EQ(p.n_sessions, 0);
	people_done(&p);
	(void)close(state);
	(void)close(proc);
	for (const char *const *n = (const char *const[]){ "c.1000.shell", "c.1001.shell", "l.1001.box-1", "c.x.shell", "s.1", "s.2", "s.3", NULL }; *n; n++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/%s", dir, *n);
		(void)unlink(path);
	}
}

/* --- which line --- */

static struct filter *filter;
static struct verdicts verdicts;

static void load(const char *text)
{
	char path[128];
	const char *dirs[] = { dir };
	struct err e;

	filter_free(filter);
	filter = NULL;
	write_file("x.filter", "%s", text);
	if (filter_load(dirs, 1, "x", 0, &filter, &e) < 0) {
		printf("# %s\n", e.text);
		exit(1);
	}
	(void)snprintf(path, sizeof(path), "%s/x.filter", dir);
	(void)unlink(path);
	filter_resolve(filter, AUDIT_ARCH_X86_64, &verdicts);
}

static struct blame blame(const char *call, uint32_t code)
{
	struct blame b;

	blame_find(filter, &verdicts, AUDIT_ARCH_X86_64, syscall_number(AUDIT_ARCH_X86_64, call), code, &b);
	return b;
}

static const char rules[] = "[filter]\n"
			    "allow = @default socket ioctl read\n"
			    "refuse = mount:EACCES mbind:ENOSYS\n"
			    "kill = swapon\n"
			    "log = sync\n"
			    "[args]\n"
			    "socket.domain = AF_UNIX AF_INET else EAFNOSUPPORT\n"
			    "socket(AF_INET).protocol = 0 6 else EPROTO\n"
			    "ioctl.request = not TIOCSTI\n";

static void blames_the_line_of_the_call(void)
{
	struct blame b;

	load(rules);
	b = blame("mount", SECCOMP_RET_ERRNO);
	CHECK_EQ(b.kind, BLAME_CALL);
	CHECK_EQ(b.error, EACCES);
	CHECK_EQ(b.at->line, 3);
	b = blame("swapon", SECCOMP_RET_KILL_PROCESS);
	CHECK_EQ(b.kind, BLAME_CALL);
	CHECK_EQ(b.at->line, 4);
	b = blame("sync", SECCOMP_RET_LOG);
	CHECK_EQ(b.kind, BLAME_CALL);
	CHECK_EQ(b.at->line, 5);
	b = blame("umount2", SECCOMP_RET_ERRNO);
	CHECK_EQ(b.kind, BLAME_CALL);
	CHECK_EQ(b.error, EPERM);
	CHECK(b.at == NULL); /* no line mentions it */
}

static void blames_the_rules_that_can_have_done_it(void)
{
	struct blame b;

	load(rules);
	b = blame("socket", SECCOMP_RET_ERRNO);
	CHECK_EQ(b.kind, BLAME_RULES);
	CHECK_EQ(b.n_rules, 2);
	CHECK_EQ(b.error, 0); /* they differ */
	CHECK_EQ(b.rules[0]->at.line, 7);
	CHECK_EQ(b.rules[1]->at.line, 8);
	b = blame("ioctl", SECCOMP_RET_ERRNO);
	CHECK_EQ(b.n_rules, 1);
	CHECK_EQ(b.error, EPERM);
	CHECK_EQ(b.rules[0]->at.line, 9);
	CHECK_EQ(blame("socket", SECCOMP_RET_KILL_PROCESS).kind, BLAME_NOTHING);
}

static void blames_nobody_for_what_it_lets_pass(void)
{
	struct blame b;

	load(rules);
	CHECK_EQ(blame("read", SECCOMP_RET_ERRNO).kind, BLAME_NOTHING);
	CHECK_EQ(blame("mount", SECCOMP_RET_KILL_PROCESS).kind, BLAME_NOTHING);
	CHECK_EQ(blame("mount", SECCOMP_RET_TRAP).kind, BLAME_NOTHING);
	/* ENOSYS is never logged: it was somebody else's */
	CHECK_EQ(blame("mbind", SECCOMP_RET_ERRNO).kind, BLAME_NOTHING);
	for (int n = -2; n < SYSCALLS_MAX + 2; n += SYSCALLS_MAX + 2) {
		blame_find(filter, &verdicts, AUDIT_ARCH_X86_64, n, SECCOMP_RET_ERRNO, &b);
		CHECK_EQ(b.kind, BLAME_NOTHING);
	}
	blame_find(filter, &verdicts, AUDIT_ARCH_X86_64, INT32_MIN, SECCOMP_RET_ERRNO, &b);
	CHECK_EQ(b.kind, BLAME_NOTHING);
}

static void blames_the_abi(void)
{
	struct blame b;

	load(rules);
	blame_find(filter, &verdicts, AUDIT_ARCH_I386, 4, SECCOMP_RET_KILL_PROCESS, &b);
	CHECK_EQ(b.kind, BLAME_ABI);
	blame_find(filter, &verdicts, AUDIT_ARCH_X86_64, 0x40000001, SECCOMP_RET_KILL_PROCESS, &b);
	CHECK_EQ(b.kind, BLAME_ABI);
	blame_find(filter, &verdicts, AUDIT_ARCH_I386, 4, SECCOMP_RET_ERRNO, &b);
	CHECK_EQ(b.kind, BLAME_NOTHING);
	load("[filter]\narches = native i386\nallow = @default\nrefuse = mount\n");
	blame_find(filter, &verdicts, AUDIT_ARCH_I386, 21, SECCOMP_RET_ERRNO, &b);
	CHECK_EQ(b.kind, BLAME_CALL);
	CHECK_EQ(b.at->line, 4);
}

/* --- suggestions --- */

static void never_suggests_what_is_the_machines(void)
{
	static const char *const machine[] = { "reboot", "init_module", "finit_module", "delete_module", "kexec_load",
		"kexec_file_load", "swapon", "swapoff", "settimeofday", "clock_settime", "iopl", "ioperm", "acct", "bpf",
		"open_by_handle_at", "quotactl", "syslog", "vhangup", "nfsservctl" };
	static const char *const warned[] = { "mount", "umount2", "unshare", "setns", "ptrace", "keyctl", "io_uring_setup",
		"userfaultfd", "perf_event_open", "clone3", "chroot" };
	const char *why;

	for (size_t i = 0; i < sizeof(machine) / sizeof(machine[0]); i++)
		if (call_risk(machine[i], &why) != RISK_MACHINE || !*why)
			test_fail(__FILE__, __LINE__, machine[i]);
	for (size_t i = 0; i < sizeof(warned) / sizeof(warned[0]); i++)
		if (call_risk(warned[i], &why) != RISK_WARN || !*why)
			test_fail(__FILE__, __LINE__, warned[i]);
	CHECK_EQ(call_risk("read", &why), RISK_USUAL);
	CHECK_EQ(call_risk("adjtimex", &why), RISK_USUAL);
	CHECK_EQ(call_risk("no-such-call", &why), RISK_USUAL);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	TEST(counts_what_is_alike);
	TEST(has_an_end);
	TEST(knows_owners_by_uid_and_range);
	TEST(knows_sessions_by_user_number_and_time);
	TEST(a_lent_range_is_whose_it_was_then);
	TEST(what_may_be_eithers_is_nobodys);
	TEST(counts_each_holders_apart);
	TEST(reads_what_the_helper_recorded);
	TEST(blames_the_line_of_the_call);
	TEST(blames_the_rules_that_can_have_done_it);
	TEST(blames_nobody_for_what_it_lets_pass);
	TEST(blames_the_abi);
	TEST(never_suggests_what_is_the_machines);
	filter_free(filter);
	(void)rmdir(dir);
	return test_done();
}
