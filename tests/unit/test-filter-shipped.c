/* What holds for the shipped filters as a whole, and how they belong together. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "tests/lib/filter_side.h"

static void check_reason(const struct origin *at)
{
	_cleanup_free_ char *reason = reason_of(at);

	if (!reason || strlen(reason) < 20) {
		test_fail(__FILE__, __LINE__, "no reason above the line");
		printf("#   %s:%u\n", at->file, at->line);
	}
}

/*
 * A group that comes later takes a call, and the reason with it, from the line that names it.
 * Allowing again what a group of many allowed is how a call gets a reason of its own.
 */
static void check_once(const struct filter *f)
{
	for (size_t i = 0; i < f->n_calls; i++) {
		for (size_t j = i + 1; j < f->n_calls; j++) {
			const struct call_line *a = &f->calls[i], *b = &f->calls[j];

			if (a->action == CALL_ALLOW || a->action != b->action ||
				a->at.file != b->at.file || strcmp(a->name, b->name) != 0)
				continue;
			test_fail(__FILE__, __LINE__, "refused or logged twice");
			printf("#   %s in %s, lines %u and %u\n", a->name, a->at.file, a->at.line,
				b->at.line);
		}
	}
}

static int check_reasons(const char *name, unsigned flags)
{
	struct side s;

	if (!side_load(&s, NULL, name, flags))
		return 0;
	for (size_t i = 0; i < s.filter->n_calls; i++)
		if (i == 0 || s.filter->calls[i].at.line != s.filter->calls[i - 1].at.line)
			check_reason(&s.filter->calls[i].at);
	for (size_t i = 0; i < s.filter->n_args; i++)
		check_reason(&s.filter->args[i].at);
	check_once(s.filter);
	side_done(&s);
	return 1;
}

static void every_line_has_a_reason_and_every_call_one_line(void)
{
	const char *src = getenv("CARREL_SRCDIR");
	_cleanup_dir_ DIR *dir = NULL;
	char path[4096];
	int filters = 0;

	(void)snprintf(path, sizeof(path), "%s/etc/filters", src ? src : ".");
	dir = opendir(path);
	CHECK(dir);
	for (struct dirent *d = dir ? readdir(dir) : NULL; d; d = readdir(dir)) {
		char *dot = strrchr(d->d_name, '.');

		if (!dot || strcmp(dot, ".filter") != 0)
			continue;
		*dot = '\0';
		filters +=
			check_reasons(d->d_name, 0) + check_reasons(d->d_name, FILTER_ROOT_INSIDE);
	}
	CHECK(filters >= 14);
}

/* What no line mentions is refused as well, but 'carrel filter why' could only shrug. */
static void default_mentions_every_known_call(void)
{
	static const uint32_t arches[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64, AUDIT_ARCH_I386 };
	static struct verdicts v;
	struct side plain;

	if (!side_load(&plain, NULL, "default", 0))
		return;
	for (size_t i = 0; i < sizeof(arches) / sizeof(*arches); i++) {
		filter_resolve(plain.filter, arches[i], &v);
		for (int n = 0; n < SYSCALLS_MAX; n++) {
			char name[SYSCALL_NAME_MAX];

			if (syscall_name(arches[i], n, name) && !v.abi[0].call[n].at)
				test_fail(__FILE__, __LINE__, name);
		}
	}
	side_done(&plain);
}

struct pair {
	const struct side *a, *b;
	bool differs;
};

static void compare(const struct seccomp_data *d, void *data)
{
	struct pair *p = data;

	p->differs |= verdict(p->a, d, NULL) != verdict(p->b, d, NULL);
}

static void check_same(unsigned flags, const char *name)
{
	struct side login, other;
	char call[SYSCALL_NAME_MAX];

	if (!side_load(&login, NULL, "login", flags) || !side_load(&other, NULL, name, 0))
		return;
	for (int n = 0; n < SYSCALLS_MAX; n++) {
		struct pair p = { .a = &login, .b = &other };

		probe_call(&login, &other, n, compare, &p);
		if (p.differs)
			test_fail(__FILE__, __LINE__,
				syscall_name(ARCH, n, call) ? call : "an unknown number");
	}
	side_done(&login);
	side_done(&other);
}

static void login_is_what_the_profile_makes_of_it(void)
{
	check_same(FILTER_ROOT_INSIDE, "root");
	check_same(0, "default");
}

struct observed {
	const struct side *plain, *observe;
	bool less, silent, refused;
};

static void observe_call(const struct seccomp_data *d, void *data)
{
	struct observed *o = data;
	uint32_t normal = verdict(o->plain, d, NULL), seen = verdict(o->observe, d, NULL);

	if (normal == SECCOMP_RET_ALLOW)
		o->less |= seen != SECCOMP_RET_ALLOW;
	else if (seen != SECCOMP_RET_LOG)
		*(seen == SECCOMP_RET_ALLOW ? &o->silent : &o->refused) = true;
}

/* All that default allows without a record, and what it refuses with one; but not what acts on the
 * whole machine. */
static void observe_lets_through_and_logs(void)
{
	static const char refused[] =
		" ioctl acct settimeofday swapon swapoff reboot iopl ioperm init_module "
		"delete_module quotactl "
		"vhangup clock_settime kexec_load open_by_handle_at finit_module kexec_file_load "
		"bpf quotactl_fd "
		"io_uring_setup io_uring_enter io_uring_register clone3 socket ";
	struct side plain, observe;

	if (!side_load(&plain, NULL, "default", 0) || !side_load(&observe, NULL, "observe", 0))
		return;
	for (int n = 0; n < SYSCALLS_MAX; n++) {
		struct observed o = { .plain = &plain, .observe = &observe };
		char name[SYSCALL_NAME_MAX], word[SYSCALL_NAME_MAX + 2];

		if (!syscall_name(ARCH, n, name))
			continue;
		probe_call(&plain, &observe, n, observe_call, &o);
		(void)snprintf(word, sizeof(word), " %s ", name);
		test_check_int(__FILE__, __LINE__, name, o.less, false);
		test_check_int(__FILE__, __LINE__, name, o.silent, false);
		test_check_int(__FILE__, __LINE__, name, o.refused, strstr(refused, word) != NULL);
	}
	side_done(&plain);
	side_done(&observe);
}

int main(void)
{
	TEST(every_line_has_a_reason_and_every_call_one_line);
	TEST(default_mentions_every_known_call);
	TEST(login_is_what_the_profile_makes_of_it);
	TEST(observe_lets_through_and_logs);
	return test_done();
}
