/* The shipped filters against tests/filter/shipped.tests, as programs for both architectures. */

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/public/program.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/bpf_eval.h"
#include "policy/filter.h"
#include "policy/syscalls.h"
#include "tests/lib/test.h"

static const char *const names[] = { "default", "login", "root", "strict", "hpc", "nested", "observe" };
#define N_NAMES (sizeof(names) / sizeof(*names))
static void *programs[N_NAMES];
static uint32_t arch;

static const char *source(const char *path, char buf[static 4096])
{
	const char *dir = getenv("CARREL_SRCDIR");

	(void)snprintf(buf, 4096, "%s/%s", dir ? dir : ".", path);
	return buf;
}

static bool compile_all(void)
{
	char dir[4096];
	const char *dirs[] = { source("etc/filters", dir) };
	bool good = true;

	for (size_t i = 0; i < N_NAMES; i++) {
		_cleanup_(filter_cleanup) struct filter *f = NULL;
		struct err e = { "" };
		size_t len;

		free(programs[i]);
		programs[i] = NULL;
		if (filter_load(dirs, 1, names[i], FILTER_ROOT_INSIDE, &f, &e) < 0 ||
			filter_compile(f, arch, &programs[i], &len, &e) < 0) {
			test_fail(__FILE__, __LINE__, e.text);
			good = false;
		}
	}
	return good;
}

static uint64_t term(const char *call, unsigned index, const char *word)
{
	const struct syscall_arg *a = syscall_arg_at(call, index);
	uint64_t value, shift;
	char *end;

	if (a && syscall_constant(a, word, &value) == 0)
		return value;
	value = strtoull(word, &end, 0);
	if (strncmp(end, "<<", 2) == 0) {
		shift = strtoull(end + 2, &end, 0);
		value <<= shift;
	}
	if (end == word || *end)
		test_fail(__FILE__, __LINE__, word);
	return value;
}

static void arguments(const char *call, char *text, uint64_t args[6])
{
	char *s1 = NULL, *s2 = NULL;
	unsigned i = 0;

	if (strcmp(text, "-") == 0)
		return;
	for (char *a = strtok_r(text, ",", &s1); a && i < 6; a = strtok_r(NULL, ",", &s1), i++)
		for (char *t = strtok_r(a, "|", &s2); t; t = strtok_r(NULL, "|", &s2))
			args[i] |= term(call, i, t);
}

static const char *verdict_name(uint32_t v)
{
	if (v == SECCOMP_RET_ALLOW)
		return "allow";
	if (v == SECCOMP_RET_KILL_PROCESS)
		return "kill";
	if (v == SECCOMP_RET_LOG)
		return "log";
	if ((v & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
		return strerrorname_np((int)(v & SECCOMP_RET_DATA));
	return "something else";
}

/* "*", "A,B", or "*-A-B" for all but A and B */
static bool list_has(const char *list, const char *name)
{
	const char *at = strstr(list, name);
	const char before = list[0] == '*' ? '-' : ',';
	const size_t len = strlen(name);
	bool named = at && (at == list || at[-1] == before) && (at[len] == '\0' || at[len] == before);

	return named == (list[0] != '*');
}

/* Returns 1 if the row was tried at least once. */
static int row(const char *filters, const char *call, char *args, const char *expected, int line)
{
	int tried = 0;
	struct seccomp_data d = { .arch = arch };
	uint64_t values[6] = { 0 };

	if (!syscall_known(call)) {
		test_fail(__FILE__, line, call);
		return 1;
	}
	d.nr = syscall_number(arch, call);
	if (d.nr < 0)
		return 0;
	arguments(call, args, values);
	memcpy(d.args, values, sizeof(values));
	for (size_t i = 0; i < N_NAMES; i++) {
		char what[256];

		if (!list_has(filters, names[i]) || !programs[i])
			continue;
		tried = 1;
		(void)snprintf(what, sizeof(what), "%s: %s on 0x%x", names[i], call, arch);
		test_check_str("shipped.tests", line, what,
			verdict_name(bpf_eval_file(programs[i], &d)), expected);
	}
	return tried;
}

static int table(void)
{
	_cleanup_file_ FILE *file = NULL;
	char path[4096], text[512];
	int line = 0, tried = 0;

	file = fopen(source("tests/filter/shipped.tests", path), "re");
	CHECK(file);
	while (file && fgets(text, sizeof(text), file)) {
		char filters[64], call[64], args[128], expected[32];

		line++;
		if (text[0] == '#' || text[0] == '\n')
			continue;
		if (sscanf(text, "%63s %63s %127s %31s", filters, call, args, expected) != 4)
			test_fail("shipped.tests", line, text);
		else
			tried += row(filters, call, args, expected, line);
	}
	return tried;
}

static void other_numbers_and_abis(void)
{
	for (size_t i = 0; i < N_NAMES && programs[i]; i++) {
		struct seccomp_data d = { .arch = arch, .nr = 500 };

		CHECK_STR(verdict_name(bpf_eval_file(programs[i], &d)), "ENOSYS");
		d.nr = 100000;
		CHECK_STR(verdict_name(bpf_eval_file(programs[i], &d)), "ENOSYS");
		d.nr = -1; /* a tracer cancels a call so */
		CHECK_STR(verdict_name(bpf_eval_file(programs[i], &d)), "ENOSYS");
		d.nr = 0x40000000; /* x32's read */
		CHECK_STR(verdict_name(bpf_eval_file(programs[i], &d)),
			arch == AUDIT_ARCH_X86_64 ? "kill" : "ENOSYS");
		d = (struct seccomp_data){ .arch = AUDIT_ARCH_I386, .nr = 20 }; /* getpid */
		CHECK_STR(verdict_name(bpf_eval_file(programs[i], &d)), "kill");
		d = (struct seccomp_data){ .arch = AUDIT_ARCH_ARM, .nr = 20 };
		CHECK_STR(verdict_name(bpf_eval_file(programs[i], &d)), "kill");
		d = (struct seccomp_data){
			.arch = arch == AUDIT_ARCH_X86_64 ? AUDIT_ARCH_AARCH64 : AUDIT_ARCH_X86_64,
		};
		CHECK_STR(verdict_name(bpf_eval_file(programs[i], &d)), "kill");
	}
}

static void shipped_filters_on_x86_64(void)
{
	arch = AUDIT_ARCH_X86_64;
	CHECK(compile_all());
	CHECK(table() > 150);
	other_numbers_and_abis();
}

static void shipped_filters_on_aarch64(void)
{
	arch = AUDIT_ARCH_AARCH64;
	CHECK(compile_all());
	CHECK(table() > 130);
	other_numbers_and_abis();
}

static void refusals_are_loud_and_fallbacks_quiet(void)
{
	struct seccomp_data d = { .arch = AUDIT_ARCH_X86_64 };

	arch = AUDIT_ARCH_X86_64;
	CHECK(compile_all());
	for (size_t i = 0; i < N_NAMES && programs[i]; i++) {
		const struct program_head *h = programs[i];
		const struct sock_filter *loud = (const void *)(h + 1), *quiet = loud + h->loud;

		d.nr = syscall_number(arch, "bpf");
		CHECK_STR(verdict_name(bpf_eval(loud, h->loud, &d)), "EPERM");
		CHECK_STR(verdict_name(bpf_eval(quiet, h->quiet, &d)), "allow");
		d.nr = syscall_number(arch, "io_uring_setup");
		CHECK_STR(verdict_name(bpf_eval(loud, h->loud, &d)), "allow");
		CHECK_STR(verdict_name(bpf_eval(quiet, h->quiet, &d)), "ENOSYS");
		d.nr = syscall_number(arch, "ioctl");
		d.args[1] = 0x5412;
		CHECK_STR(verdict_name(bpf_eval(loud, h->loud, &d)), "EPERM");
		CHECK_STR(verdict_name(bpf_eval(quiet, h->quiet, &d)), "allow");
	}
}

int main(void)
{
	TEST(shipped_filters_on_x86_64);
	TEST(shipped_filters_on_aarch64);
	TEST(refusals_are_loud_and_fallbacks_quiet);
	for (size_t i = 0; i < N_NAMES; i++)
		free(programs[i]);
	return test_done();
}
