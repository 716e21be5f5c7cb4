/* What is known of a program: how it grows, how two stories become one, and that a text says all of it. */

#include "helper/learn/learnt.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/learn/base.h"
#include "helper/learn/families.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"
#include "policy/config.h"
#include "policy/filter.h"
#include "policy/filter_rules.h"
#include "tests/lib/test.h"

static char *text_of(const struct learnt *l)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	CHECK(f);
	if (!f)
		exit(1);
	learnt_write(l, NULL, f);
	(void)fclose(f);
	return text;
}

static void see(struct learnt *l, const char *call, const char *program)
{
	struct learnt_call *c = learnt_call(l, call, LEARNT_SEEN);

	CHECK(c);
	if (!c)
		return;
	c->runs = 1;
	c->count = 1;
	CHECK_EQ(learnt_program_add(c, program), 0);
}

static size_t row_of(const char *key)
{
	char seen[ARG_KEY_MAX];
	size_t i = 0;

	for (; arg_interests()[i].call; i++) {
		arg_interest_key(&arg_interests()[i], seen);
		if (strcmp(seen, key) == 0)
			return i;
	}
	test_fail(__FILE__, __LINE__, key);
	return 0;
}

static struct filter *load(const char *text)
{
	char dir[] = "/tmp/test-learnt.XXXXXX", path[64];
	const char *dirs[] = { dir };
	struct filter *f = NULL;
	struct err e = { "" };
	FILE *file;

	CHECK(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/t.filter", dir);
	file = fopen(path, "we");
	CHECK(file && fputs(text, file) >= 0);
	if (file)
		(void)fclose(file);
	if (filter_load(dirs, 1, "t", 0, &f, &e) < 0)
		test_fail(__FILE__, __LINE__, e.text);
	(void)unlink(path);
	(void)rmdir(dir);
	return f;
}

/* 0: the filter lets it; else the errno. */
static int verdict(const struct filter *f, const char *call, uint64_t a, uint64_t c)
{
	_cleanup_free_ struct verdicts *v = malloc(sizeof(*v));
	struct seccomp_data d = { .arch = syscall_native_arch(), .args = { a, 0, c, c } };
	uint32_t action;

	d.nr = syscall_number(d.arch, call);
	if (!v || !f)
		return -1;
	filter_resolve(f, 0, v);
	action = filter_verdict(f, v, &d, NULL);
	return action == SECCOMP_RET_ALLOW ? 0 : (int)(action & SECCOMP_RET_DATA);
}

static void every_line_says_why(void)
{
	_cleanup_(learnt_cleanup) struct learnt l = { .runs = 5 };
	const uint32_t arch = syscall_native_arch();
	_cleanup_free_ char *text = NULL;

	see(&l, "listen", "/usr/bin/bash");
	see(&l, "listen", "/usr/bin/git");
	learnt_call(&l, "listen", LEARNT_SEEN)->runs = 3;
	CHECK_EQ(learnt_static_add(&l, "setpriority", "git"), 0);
	CHECK_EQ(learnt_static_add(&l, "chroot", "git"), 0);
	CHECK_EQ(learnt_static_add(&l, "read", "git"), 0);
	CHECK_EQ(learnt_families_add(&l, &arch, 1), 0);
	text = text_of(&l);
	CHECK_CONTAINS(text, "\nallow = listen                  ; seen 3 of 5 runs: bash, git\n");
	CHECK_CONTAINS(text, "\nallow = accept4                 ; family of listen\n");
	CHECK_CONTAINS(text, "\nallow = setpriority             ; static: git\n");
	CHECK_CONTAINS(text, "\n; allow = chroot                ; waits, static: git\n");
	CHECK_CONTAINS(text, "\nrefuse = clone3:ENOSYS ");
	CHECK(!strstr(text, "static: git\nallow = read"));
	for (const char *line = text; (line = strstr(line, "\nallow = ")); line++)
		CHECK(memchr(line + 1, ';', strcspn(line + 1, "\n")));
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		CHECK(strcspn(line, "\n") <= 197);
}

static void a_text_is_a_filter_that_says_the_same(void)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	_cleanup_(learnt_cleanup) struct learnt l = { .runs = 1 };
	_cleanup_free_ char *text = NULL;

	see(&l, "socket", "x");
	see(&l, "unshare", "x");
	CHECK_EQ(learnt_static_add(&l, "chroot", "x"), 0);
	CHECK_EQ(learnt_value_add(&l.values[row_of("socket.domain")], AF_ALG), 0);
	CHECK_EQ(learnt_value_add(&l.values[row_of("unshare.flags")], CLONE_NEWUSER), 0);
	CHECK_EQ(learnt_value_add(&l.values[row_of("clone.flags")], CLONE_NEWUSER | CLONE_NEWPID), 0);
	text = text_of(&l);
	f = load(text);
	CHECK_EQ(verdict(f, "read", 0, 0), 0);
	CHECK_EQ(verdict(f, "socket", AF_INET6, 0), 0);
	CHECK_EQ(verdict(f, "socket", AF_ALG, 0), 0);
	CHECK_EQ(verdict(f, "socket", AF_VSOCK, 0), EAFNOSUPPORT);
	CHECK_EQ(verdict(f, "socket", AF_VSOCK | 1ull << 32, 0), EAFNOSUPPORT);
	CHECK_EQ(verdict(f, "socket", AF_NETLINK, 9), EPROTONOSUPPORT);
	CHECK_EQ(verdict(f, "unshare", CLONE_NEWUSER | CLONE_FS, 0), 0);
	CHECK_EQ(verdict(f, "unshare", CLONE_NEWNS, 0), EPERM);
	CHECK_EQ(verdict(f, "clone", CLONE_NEWUSER | 17, 0), 0);
	CHECK_EQ(verdict(f, "clone", CLONE_NEWNS | 17, 0), EPERM);
	CHECK_EQ(verdict(f, "clone3", 0, 0), ENOSYS);
	CHECK_EQ(verdict(f, "io_uring_setup", 0, 0), ENOSYS);
	CHECK_EQ(verdict(f, "chroot", 0, 0), EPERM);
	CHECK_EQ(verdict(f, "bind", 0, 0), EPERM);
}

/* What a run did not do is refused, where that acts on others; what varies from run to run passes. */
static void rules_forbid_what_was_not_seen(void)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL, *wider = NULL;
	_cleanup_(learnt_cleanup) struct learnt l = { .runs = 1 };
	_cleanup_free_ char *text = NULL, *more = NULL;

	see(&l, "ptrace", "x");
	see(&l, "mount", "x");
	see(&l, "memfd_create", "x");
	text = text_of(&l);
	f = load(text);
	CHECK_EQ(verdict(f, "prctl", PR_SET_NAME, 0), 0);
	CHECK_EQ(verdict(f, "prctl", 0x53564d41, 0), 0); /* PR_SET_VMA of newer headers */
	CHECK_EQ(verdict(f, "prctl", PR_SET_MM, 0), EINVAL);
	CHECK_EQ(verdict(f, "prctl", PR_SET_MM | 1ull << 32, 0), EINVAL); /* the kernel looks at 32 bits */
	CHECK_EQ(verdict(f, "prctl", PR_SET_SECUREBITS, 0), EINVAL);
	CHECK_EQ(verdict(f, "prctl", PR_SET_SYSCALL_USER_DISPATCH, 0), EINVAL);
	CHECK_EQ(verdict(f, "ptrace", PTRACE_TRACEME, 0), 0);
	CHECK_EQ(verdict(f, "ptrace", PTRACE_SYSCALL, 0), 0);
	CHECK_EQ(verdict(f, "ptrace", PTRACE_ATTACH, 0), EPERM);
	CHECK_EQ(verdict(f, "ptrace", PTRACE_SEIZE, 0), EPERM);
	CHECK_EQ(verdict(f, "mount", 0, MS_NOSUID | MS_RDONLY), 0);
	CHECK_EQ(verdict(f, "mount", 0, MS_REC | MS_SLAVE), 0);
	CHECK_EQ(verdict(f, "mount", 0, MS_BIND), EPERM);
	CHECK_EQ(verdict(f, "mount", 0, MS_REMOUNT | MS_NOSUID), EPERM);
	CHECK_EQ(verdict(f, "mount", 0, MS_MOVE), EPERM);
	CHECK_EQ(verdict(f, "mount", 0, MS_REC | MS_SHARED), EPERM);
	CHECK_EQ(verdict(f, "memfd_create", 0, 0), 0);

	CHECK_EQ(learnt_value_add(&l.values[row_of("prctl.option")], PR_SET_MM), 0);
	CHECK_EQ(learnt_value_add(&l.values[row_of("ptrace.request")], PTRACE_SEIZE), 0);
	CHECK_EQ(learnt_value_add(&l.values[row_of("mount.flags")], MS_BIND), 0);
	more = text_of(&l);
	wider = load(more);
	CHECK_EQ(verdict(wider, "prctl", PR_SET_MM, 0), 0);
	CHECK_EQ(verdict(wider, "prctl", PR_SET_SECUREBITS, 0), EINVAL);
	CHECK_EQ(verdict(wider, "ptrace", PTRACE_SEIZE, 0), 0);
	CHECK_EQ(verdict(wider, "ptrace", PTRACE_ATTACH, 0), EPERM);
	CHECK_EQ(verdict(wider, "mount", 0, MS_REC | MS_BIND), 0);
	CHECK_EQ(verdict(wider, "mount", 0, MS_BIND | MS_REMOUNT), EPERM);
}

static void what_was_written_is_read_back(void)
{
	_cleanup_(learnt_cleanup) struct learnt l = { .runs = 7, .foreign_runs = 2 }, back = { 0 };
	_cleanup_free_ char *text = NULL, *again = NULL;
	const uint32_t arch = syscall_native_arch();
	struct err e = { "" };

	for (int i = 0; i < 6; i++)
		see(&l, "socket", (const char *[]){ "a", "b", "c", "d", "e", "f" }[i]);
	see(&l, "unshare", "strange name, with; marks\n");
	see(&l, "clone3", "x");
	CHECK_EQ(learnt_static_add(&l, "chroot", "x"), 0);
	CHECK_EQ(learnt_static_add(&l, "mount", "y"), 0);
	CHECK_EQ(learnt_families_add(&l, &arch, 1), 0);
	CHECK_EQ(learnt_word_add(&l.commands, "a\nb ; c"), 0);
	CHECK_EQ(learnt_word_add(&l.unresolved, "8 places in /lib/x"), 0);
	CHECK_EQ(strv_add(&l.files, "/usr/bin/x", 10), 0);
	for (uint64_t v = 0; v < 40; v++)
		CHECK_EQ(learnt_value_add(&l.values[row_of("prctl.option")], v * v), 0);
	CHECK_EQ(learnt_value_add(&l.values[row_of("unshare.flags")], CLONE_NEWUSER | CLONE_NEWNS), 0);
	CHECK_EQ(learnt_value_add(&l.values[row_of("ioctl.request")], 0x5412), 0);
	text = text_of(&l);
	if (learnt_read(text, "t", &back, &e) < 0)
		test_fail(__FILE__, __LINE__, e.text);
	again = text_of(&back);
	CHECK_STR(again, text);
	CHECK_EQ(back.runs, 7);
	CHECK_EQ(back.foreign_runs, 2);
	CHECK_EQ(learnt_find(&back, "chroot")->source, LEARNT_WAITING);
	CHECK_EQ(learnt_find(&back, "socket")->more_programs, 1);
}

static void two_stories_become_one(void)
{
	_cleanup_(learnt_cleanup) struct learnt a = { .runs = 3 }, b = { .runs = 2 };
	struct err e;

	see(&a, "socket", "git");
	learnt_call(&a, "socket", LEARNT_SEEN)->runs = 2;
	see(&b, "socket", "ssh");
	see(&b, "bind", "ssh");
	CHECK_EQ(learnt_static_add(&a, "bind", "git"), 0);
	CHECK_EQ(learnt_static_add(&a, "chroot", "git"), 0);
	CHECK_EQ(learnt_static_add(&b, "chroot", "ssh"), 0);
	CHECK_EQ(learnt_value_add(&b.values[0], 38), 0);
	CHECK_EQ(learnt_value_add(&a.values[0], 1), 0);
	CHECK_EQ(learnt_merge(&a, &b, &e), 0);
	CHECK_EQ(a.runs, 5);
	CHECK_EQ(learnt_find(&a, "socket")->runs, 3);
	CHECK_EQ(learnt_find(&a, "socket")->programs.n, 2);
	/* Seen is stronger than read of, and whoever was seen comes in the place of the files. */
	CHECK_EQ(learnt_find(&a, "bind")->source, LEARNT_SEEN);
	CHECK_EQ(learnt_find(&a, "bind")->runs, 1);
	CHECK_STR(learnt_find(&a, "bind")->programs.v[0], "ssh");
	CHECK_EQ(learnt_find(&a, "bind")->programs.n, 1);
	CHECK_EQ(learnt_find(&a, "chroot")->source, LEARNT_WAITING);
	CHECK_EQ(a.values[0].n, 2);
}

static void what_a_person_approved_stays(void)
{
	_cleanup_(learnt_cleanup) struct learnt l = { .runs = 1 }, back = { 0 };
	_cleanup_free_ char *text = NULL;
	struct err e = { "" };
	char *at;

	CHECK_EQ(learnt_static_add(&l, "chroot", "x"), 0);
	text = text_of(&l);
	at = strstr(text, "; allow = chroot");
	CHECK(at);
	if (at)
		memmove(at, at + 2, strlen(at + 2) + 1);
	CHECK_EQ(learnt_read(text, "t", &back, &e), 0);
	CHECK_EQ(learnt_find(&back, "chroot")->source, LEARNT_STATIC);
	CHECK_EQ(learnt_static_add(&back, "chroot", "x"), 0);
	CHECK_EQ(learnt_find(&back, "chroot")->source, LEARNT_STATIC);
}

static void refused(int line, const char *from, const char *to, const char *part)
{
	_cleanup_(learnt_cleanup) struct learnt l = { .runs = 1 }, back = { 0 };
	_cleanup_free_ char *text = NULL, *changed = NULL;
	struct err e = { "" };
	char *at;

	see(&l, "socket", "x");
	text = text_of(&l);
	at = strstr(text, from);
	if (!at || asprintf(&changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) < 0) {
		changed = NULL;
		test_fail(__FILE__, line, from);
		return;
	}
	test_check_int(__FILE__, line, to, learnt_read(changed, "file", &back, &e), -EINVAL);
	test_check_contains(__FILE__, line, "error", e.text, part);
	test_check_contains(__FILE__, line, "error", e.text, "file:");
}

static void lines_of_another_hand_are_refused(void)
{
	refused(__LINE__, "; learnt 1\n", "", "learnt 1");
	refused(__LINE__, "; runs 1", "; runs many", "runs many");
	refused(__LINE__, "; seen 1 of 1 runs: x", "; because", "because");
	refused(__LINE__, "allow = socket ", "allow = sockte ", "sockte");
	refused(__LINE__, "\n[args]", "\nallow = mount\n[args]", "allow = mount");
	refused(__LINE__, "\n[args]", "\nkill = mount\n[args]", "kill = mount");
	refused(__LINE__, "\n[args]", "\ninclude = default\n[args]", "include");
	refused(__LINE__, "refuse = clone3:ENOSYS", "refuse = clone3:EPERM", "clone3");
	refused(__LINE__, "AF_UNIX AF_INET AF_INET6 AF_NETLINK", "AF_UNIX", "socket.domain = AF_UNIX else");
	refused(__LINE__, "[args]\n", "[args]\n; values of socket.nothing: 1\n", "socket.nothing");
	refused(__LINE__, "[args]\n", "[args]\n; values of socket.domain: AF_NONSENSE\n", "AF_NONSENSE");
}

static void families_drag_nothing_dangerous_along(void)
{
	size_t len;

	for (const char *const *row = families(); *row; row++) {
		const char *list = *row;
		int dangerous = 0, harmless = 0;

		for (const char *w; (w = word_next(&list, &len));) {
			char name[SYSCALL_NAME_MAX];

			(void)snprintf(name, sizeof(name), "%.*s", (int)len, w);
			if (!syscall_known(name))
				test_fail(__FILE__, __LINE__, name);
			dangerous += base_is_dangerous(name);
			harmless += !base_is_dangerous(name);
		}
		if (dangerous && harmless)
			test_fail(__FILE__, __LINE__, *row);
		CHECK(dangerous + harmless > 1);
	}
}

static void what_waits_has_no_relatives(void)
{
	_cleanup_(learnt_cleanup) struct learnt l = { .runs = 1 };
	const uint32_t arch = syscall_native_arch();

	CHECK_EQ(learnt_static_add(&l, "mount", "x"), 0);
	CHECK_EQ(learnt_families_add(&l, &arch, 1), 0);
	CHECK(!learnt_find(&l, "fsopen"));
	see(&l, "umount2", "x");
	CHECK_EQ(learnt_families_add(&l, &arch, 1), 0);
	CHECK_EQ(learnt_find(&l, "fsopen")->source, LEARNT_FAMILY);
}

static void rules_are_about_arguments_that_there_are(void)
{
	uint64_t values[ARG_INTEREST_VALUES];
	size_t n = 0, len;

	for (const struct arg_interest *a = arg_interests(); a->call; a++, n++) {
		const char *list = a->values;
		size_t words = 0;

		CHECK(arg_interest_arg(a));
		while (word_next(&list, &len))
			words++;
		CHECK_EQ(arg_interest_values(a, values), words);
	}
	CHECK(n <= ARG_INTERESTS);
}

int main(void)
{
	TEST(every_line_says_why);
	TEST(a_text_is_a_filter_that_says_the_same);
	TEST(rules_forbid_what_was_not_seen);
	TEST(what_was_written_is_read_back);
	TEST(two_stories_become_one);
	TEST(what_a_person_approved_stays);
	TEST(lines_of_another_hand_are_refused);
	TEST(families_drag_nothing_dangerous_along);
	TEST(what_waits_has_no_relatives);
	TEST(rules_are_about_arguments_that_there_are);
	return test_done();
}
