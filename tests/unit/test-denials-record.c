#include "helper/denials/record.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <unistd.h>

#include "helper/denials/lines.h"
#include "helper/denials/seen.h"
#include "helper/denials/source.h"
#include "policy/base/err.h"
#include "tests/lib/test.h"

#define WORDS                                                                                      \
	"auid=1001 uid=100000 gid=1003 ses=8424 pid=25139 comm=\"sshd\" exe=\"/usr/sbin/sshd\" "      \
	"sig=0 arch=c000003e syscall=41 compat=0 ip=0x7fa209d3bdc7 code=0x50000"
#define STAMP "audit(1795305131.593:9009549): "
#define KERNEL "audit: type=1326 " STAMP WORDS

static struct record r;

static int read_text(const char *line)
{
	memset(&r, 0x55, sizeof(r));
	return record_read(line, strlen(line), &r);
}

static void check_usual(const char *line)
{
	CHECK_EQ(read_text(line), 1);
	CHECK_EQ(r.time_us, 1795305131593000);
	CHECK_EQ(r.serial, 9009549);
	CHECK_EQ(r.auid, 1001);
	CHECK_EQ(r.uid, 100000);
	CHECK_EQ(r.gid, 1003);
	CHECK_EQ(r.ses, 8424);
	CHECK_EQ(r.pid, 25139);
	CHECK_STR(r.comm, "sshd");
	CHECK_STR(r.exe, "/usr/sbin/sshd");
	CHECK_EQ(r.sig, 0);
	CHECK_EQ(r.arch, AUDIT_ARCH_X86_64);
	CHECK_EQ(r.call, 41);
	CHECK_EQ(r.code, SECCOMP_RET_ERRNO);
}

static void reads_the_audit_log(void)
{
	check_usual("type=SECCOMP msg=" STAMP WORDS);
	check_usual("type=1326 msg=" STAMP WORDS);
	check_usual("node=one.example type=SECCOMP msg=" STAMP WORDS);
	check_usual("type=UNKNOWN[1326] msg=" STAMP WORDS);
	/* ENRICHED: names of auditd's, which must not be taken for the kernel's words */
	check_usual("type=SECCOMP msg=" STAMP WORDS "\x1d"
		    "ARCH=x86_64 SYSCALL=unknown-syscall(-1) AUID=\"alice\" UID=\"unknown(100000)\" GID=\"alice\" ses=7");
}

static void reads_the_kernel_log(void)
{
	check_usual(KERNEL);
	check_usual("[10701.481711] " KERNEL);
	check_usual("[    3.141592] " KERNEL);
	check_usual("5,1234,10701481711,-;" KERNEL);
	check_usual("5,1234,10701481711,-,caller=T25139;" KERNEL);
	check_usual("Nov 22 00:52:11 one kernel: [10701.481711] " KERNEL);
	check_usual("Nov  2 00:52:11 one kernel: " KERNEL);
	check_usual("2026-11-22T00:52:11.593000+00:00 one kernel: [10701.481711] " KERNEL);
}

static void reads_security_labels_and_unset_ids(void)
{
	CHECK_EQ(read_text("type=SECCOMP msg=" STAMP "auid=4294967295 uid=0 gid=0 ses=4294967295 "
			   "subj=docker-default (enforce) pid=9 comm=\"x\" exe=\"/bin/x\" sig=31 arch=40000003 "
			   "syscall=-1 compat=1 ip=0xf7f1 code=0x80000000"),
		1);
	CHECK_EQ(r.auid, RECORD_UNSET);
	CHECK_EQ(r.ses, RECORD_UNSET);
	CHECK_EQ(r.pid, 9);
	CHECK_EQ(r.call, -1);
	CHECK_EQ(r.sig, 31);
	CHECK_EQ(r.arch, AUDIT_ARCH_I386);
	CHECK_EQ(r.code, SECCOMP_RET_KILL_PROCESS);
}

#define HEAD "type=SECCOMP msg=" STAMP "auid=1 uid=1 gid=1 ses=1 pid=1 "
#define TAIL " sig=0 arch=c000003e syscall=165 compat=0 ip=0x0 code=0x50000"

static void decodes_odd_names(void)
{
	CHECK_EQ(read_text(HEAD "comm=6D792070726F67 exe=2F746D702F6120220A" TAIL), 1);
	CHECK_STR(r.comm, "my prog");
	CHECK_STR(r.exe, "/tmp/a \"\n");
	CHECK_EQ(read_text(HEAD "comm=\"a=b,pid=7\" exe=(null)" TAIL), 1);
	CHECK_STR(r.comm, "a=b,pid=7");
	CHECK_STR(r.exe, "");
	CHECK_EQ(r.pid, 1);
}

static void cuts_names_that_are_too_long(void)
{
	static char line[20000];
	size_t n = (size_t)sprintf(line, HEAD "comm=\"");

	n += (size_t)sprintf(line + n, "%0200d\" exe=", 0);
	for (int i = 0; i < 5000; i++)
		n += (size_t)sprintf(line + n, "41");
	(void)sprintf(line + n, TAIL);
	CHECK_EQ(read_text(line), 1);
	CHECK_EQ(strlen(r.comm), sizeof(r.comm) - 1);
	CHECK_EQ(strlen(r.exe), sizeof(r.exe) - 1);
}

static void refuses_broken_records(void)
{
	static const char *const bad[] = {
		HEAD "comm=\"a\" exe=\"/b\"",			/* cut off */
		HEAD "comm=\"a\" exe=\"/b" TAIL,			/* no end of the string */
		HEAD "comm=\"a\" exe=\"/b\"c\"" TAIL,			/* a quote inside */
		HEAD "comm=a exe=\"/b\"" TAIL,			/* neither quoted nor hexadecimal */
		HEAD "comm=414 exe=\"/b\"" TAIL,			/* half a byte */
		HEAD "comm=4100 exe=\"/b\"" TAIL,			/* NUL */
		HEAD "comm= exe=\"/b\"" TAIL,
		"type=SECCOMP msg=audit(1.5): " WORDS,
		"type=SECCOMP msg=audit(99999999999.000:1): " WORDS,
		"type=SECCOMP msg=audit(1.1000:1): " WORDS,
		"type=SECCOMP msg=" STAMP "auid=-2 uid=1 gid=1 ses=1 pid=1 comm=\"a\" exe=\"/b\"" TAIL,
		"type=SECCOMP msg=" STAMP "auid=4294967296 uid=1 gid=1 ses=1 pid=1 comm=\"a\" exe=\"/b\"" TAIL,
		HEAD "comm=\"a\" exe=\"/b\" sig=0 arch=c000003e syscall=2147483648 compat=0 ip=0x0 code=0x0",
		HEAD "comm=\"a\" exe=\"/b\" sig=0 arch=c000003e syscall=-2147483649 compat=0 ip=0x0 code=0x0",
		"type=SECCOMP msg=" STAMP "auid=\x11 uid=1 gid=1 ses=1 pid=1 comm=\"a\" exe=\"/b\"" TAIL,
		"audit: type=1326 ",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_EQ(read_text(bad[i]), -EBADMSG);
		CHECK_EQ(r.pid, 0x55555555); /* untouched */
	}
}

static void passes_over_other_lines(void)
{
	static const char *const other[] = {
		"",
		"type=USER_AUTH msg=" STAMP "pid=1 uid=0 msg='op=PAM acct=\"type=SECCOMP msg=\"'",
		"audit: type=1400 " STAMP "apparmor=\"DENIED\"",
		/* root's programs write into the kernel's buffer too, but as themselves */
		"12,1234,10701481711,-;" KERNEL,
		/* and everybody sends lines to syslog */
		"Nov 22 00:52:11 one alice: kernel: " KERNEL,
		"Nov 22 00:52:11 one alice: x kernel: " KERNEL,
		"2026-11-22T00:52:11+00:00 one alice: kernel: " KERNEL,
		"Nov 22 00:52:11 one alice: " KERNEL,
		"[no end " KERNEL,
	};

	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		CHECK_EQ(read_text(other[i]), 0);
}

/* No line may make it read outside: each is cut and changed at every byte, in memory that ends with it. */
static void survives_every_cut_and_change(void)
{
	static const char line[] = "5,1,2,-;" KERNEL;
	size_t len = sizeof(line) - 1;

	for (size_t n = 0; n <= len; n++) {
		char *copy = malloc(n ? n : 1);

		memcpy(copy, line, n);
		CHECK(record_read(copy, n, &r) <= (n + 4 >= len)); /* code=0x5 is a number as well */
		for (size_t i = 0; n == len && i < n; i++)
			for (unsigned c = 0; c < 256; c++) {
				copy[i] = (char)c;
				(void)record_read(copy, n, &r);
				copy[i] = line[i];
			}
		free(copy);
	}
}

static void writes_what_it_reads(void)
{
	char text[RECORD_LINE_MAX], small[64] = "x";
	struct record first;

	CHECK_EQ(read_text(HEAD "comm=\"plain\" exe=2F746D702F6120220A" TAIL), 1);
	first = r;
	CHECK_EQ(record_write(&first, text, sizeof(text)), 0);
	CHECK_EQ(read_text(text), 1);
	CHECK_EQ(r.time_us, first.time_us);
	CHECK_EQ(r.serial, first.serial);
	CHECK_EQ(r.call, 165);
	CHECK_STR(r.comm, "plain");
	CHECK_STR(r.exe, "/tmp/a \"\n");
	CHECK_EQ(record_write(&first, small, sizeof(small)), -ENOSPC);
	CHECK_STR(small, "x");
	memset(first.comm, '\xff', sizeof(first.comm) - 1);
	memset(first.exe, '\xff', sizeof(first.exe) - 1);
	first.call = INT32_MIN;
	CHECK_EQ(record_write(&first, text, sizeof(text)), 0);
	CHECK_EQ(read_text(text), 1);
	CHECK_EQ(r.call, INT32_MIN);
}

static void hears_of_losses(void)
{
	static const char *const suppressed = "[10703.198987] kauditd_printk_skb: 14 callbacks suppressed";
	static const char *const old = "Nov 22 00:52:11 one kernel: [3.1] audit_printk_skb: 3 callbacks suppressed";
	static const char *const lost = "4,1,2,-;audit: audit_lost=5 audit_rate_limit=0 audit_backlog_limit=64";
	static const char *const other = "[1.0] printk: 14 callbacks suppressed";
	static const char *const forged = "Nov 22 00:52:11 one alice: audit_printk_skb: 3 callbacks suppressed";
	enum loss kind;
	uint64_t n;

	CHECK(record_loss(suppressed, strlen(suppressed), &kind, &n) && kind == LOSS_RATE_LIMIT && n == 14);
	CHECK(record_loss(old, strlen(old), &kind, &n) && kind == LOSS_RATE_LIMIT && n == 3);
	CHECK(record_loss(lost, strlen(lost), &kind, &n) && kind == LOSS_AUDIT && n == 5);
	CHECK(!record_loss(other, strlen(other), &kind, &n));
	CHECK(!record_loss(forged, strlen(forged), &kind, &n));
}

static void names_actions(void)
{
	CHECK_STR(record_action(SECCOMP_RET_ERRNO), "refused");
	CHECK_STR(record_action(SECCOMP_RET_LOG), "logged");
	CHECK_STR(record_action(SECCOMP_RET_KILL_PROCESS), "killed");
	CHECK_STR(record_action(0), "killed");
	CHECK_STR(record_action(12345), "passed on");
}

/* --- files --- */

static char path[] = "/tmp/carrel-denials.XXXXXX";

static int file_with(const char *text)
{
	int fd;

	(void)strcpy(path + strlen(path) - 6, "XXXXXX");
	fd = mkstemp(path);
	if (fd >= 0 && write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		CHECK(false);
	return fd;
}

struct counted {
	size_t n;
	uint64_t serial;
	int answer;
};

static int count(const struct record *record, void *data)
{
	struct counted *c = data;

	c->n++;
	c->serial = record->serial;
	return c->answer;
}

#define AT(seconds, serial) "type=SECCOMP msg=audit(" seconds ".000:" serial "): " WORDS "\n"

static int counted_between(uint64_t since, uint64_t until, struct counted *c, struct source_note *notes, size_t *n_notes)
{
	struct reading_limits limits = { since * 1000000, until * 1000000, 0 };
	struct source *s = NULL;
	struct err e;
	int answer = source_open_file(path, &s, &e);

	if (answer < 0)
		return answer;
	answer = source_read(s, &limits, count, c, &e);
	*n_notes = source_notes(s, notes);
	source_close(s);
	return answer;
}

static void reads_a_file_between_times_and_each_record_once(void)
{
	struct source_note notes[SOURCE_NOTES_MAX];
	struct counted c = { 0 };
	size_t n;
	int fd = file_with(AT("100", "1") AT("200", "2") AT("200", "2") "[1.0] audit_printk_skb: 7 callbacks suppressed\n"
		AT("300", "3") "type=SECCOMP msg=audit(300.000:4): rubbish\n"
		"[1.0] audit_printk_skb: 8 callbacks suppressed\n" AT("400", "4"));

	CHECK_EQ(counted_between(0, 0, &c, notes, &n), 0);
	CHECK_EQ(c.n, 4);
	CHECK_EQ(n, 3);
	CHECK_CONTAINS(notes[0].text, ": 4 records, the oldest of 1970-01-01");
	CHECK_CONTAINS(notes[1].text, "1 records could not be understood");
	CHECK_CONTAINS(notes[2].text, "dropped 15 audit records");
	CHECK_CONTAINS(notes[2].text, "install auditd");
	CHECK(notes[2].loss && !notes[0].loss);
	c = (struct counted){ 0 };
	CHECK_EQ(counted_between(200, 300, &c, notes, &n), 0);
	CHECK_EQ(c.n, 2);
	CHECK_EQ(c.serial, 3);
	c = (struct counted){ 0 };
	CHECK_EQ(counted_between(250, 0, &c, notes, &n), 0);
	CHECK_EQ(c.n, 2);
	CHECK_CONTAINS(notes[2].text, "dropped 8 audit records");
	c = (struct counted){ .answer = 1 };
	CHECK_EQ(counted_between(0, 0, &c, notes, &n), 0);
	CHECK_EQ(c.n, 4);
	CHECK_CONTAINS(notes[0].text, ": 0 records"); /* none of the caller's */
	CHECK(!strstr(notes[0].text, "oldest"));
	c = (struct counted){ .answer = -EIO };
	CHECK_EQ(counted_between(0, 0, &c, notes, &n), -EIO);
	CHECK_EQ(c.n, 1);
	(void)close(fd);
	(void)unlink(path);
	CHECK_EQ(counted_between(0, 0, &c, notes, &n), -ENOENT);
}

static void stops_in_time(void)
{
	const struct reading_limits limits = { .deadline_us = 1 };
	struct source_note notes[SOURCE_NOTES_MAX];
	struct counted c = { 0 };
	struct source *s = NULL;
	struct err e;
	int fd = file_with(AT("100", "1"));

	CHECK_EQ(source_open_file(path, &s, &e), 0);
	CHECK_EQ(source_read(s, &limits, count, &c, &e), -ETIME);
	CHECK_EQ(source_notes(s, notes), 2);
	CHECK(notes[1].loss);
	CHECK_CONTAINS(notes[1].text, "not read to its end");
	source_close(s);
	(void)close(fd);
	(void)unlink(path);
}

static void refuses_what_is_no_file(void)
{
	struct source *s = NULL;
	struct err e;

	CHECK_EQ(source_open_file("/dev/zero", &s, &e), -EINVAL);
	CHECK_EQ(source_open_file("/", &s, &e), -EINVAL);
	CHECK(s == NULL);
}

struct lengths {
	size_t n, of[8];
};

static int note_length(const char *line, size_t len, void *data)
{
	struct lengths *l = data;

	(void)line;
	if (l->n < 8)
		l->of[l->n++] = len;
	return 0;
}

static void cuts_endless_lines_and_leaves_half_ones(void)
{
	static char text[3 * LINES_MAX];
	struct lengths l = { 0 };
	struct err e;
	int fd;

	memset(text, 'x', sizeof(text) - 1);
	text[3] = '\n';
	text[2 * LINES_MAX + 1000] = '\n';
	text[2 * LINES_MAX + 1003] = '\n';
	text[2 * LINES_MAX + 1010] = '\0';
	fd = file_with(text);
	CHECK_EQ(lines_read(fd, note_length, &l, &e), 0);
	CHECK_EQ(l.n, 3);
	CHECK_EQ(l.of[0], 3);
	CHECK_EQ(l.of[1], LINES_MAX);
	CHECK_EQ(l.of[2], 2);
	(void)close(fd);
	(void)unlink(path);
}

static void remembers_many_names(void)
{
	struct seen s = { 0 };
	size_t fresh = 0, again = 0;

	for (uint64_t i = 1; i <= 100000; i++)
		fresh += seen_add(&s, i / 7, i);
	for (uint64_t i = 1; i <= 100000; i++)
		again += seen_add(&s, i / 7, i);
	CHECK_EQ(fresh, 100000);
	CHECK_EQ(again, 0);
	CHECK(seen_add(&s, 1, 0) && seen_add(&s, 1, 0)); /* no name */
	seen_done(&s);
}

int main(void)
{
	TEST(reads_the_audit_log);
	TEST(reads_the_kernel_log);
	TEST(reads_security_labels_and_unset_ids);
	TEST(decodes_odd_names);
	TEST(cuts_names_that_are_too_long);
	TEST(refuses_broken_records);
	TEST(passes_over_other_lines);
	TEST(survives_every_cut_and_change);
	TEST(writes_what_it_reads);
	TEST(hears_of_losses);
	TEST(names_actions);
	TEST(reads_a_file_between_times_and_each_record_once);
	TEST(stops_in_time);
	TEST(refuses_what_is_no_file);
	TEST(cuts_endless_lines_and_leaves_half_ones);
	TEST(remembers_many_names);
	return test_done();
}
