/* A system call as people write it, and as strace prints it. */

#include "policy/call_words.h"

#include <errno.h>
#include <linux/audit.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/base/err.h"
#include "tests/lib/test.h"

#define ARCH AUDIT_ARCH_X86_64

static struct call_words parse(const char *text)
{
	struct call_words c = { .number = -1 };
	struct err e = { "" };

	CHECK_EQ(call_words_parse(ARCH, text, &c, &e), 0);
	CHECK_STR(e.text, "");
	return c;
}

static void refused(int line, const char *text, int code, const char *part)
{
	struct call_words c = { .number = 7 };
	struct err e = { "" };

	test_check_int(__FILE__, line, text, call_words_parse(ARCH, text, &c, &e), code);
	test_check_contains(__FILE__, line, text, e.text, part);
	CHECK_EQ(c.number, 7); /* untouched on failure */
}
#define REFUSED(text, code, part) refused(__LINE__, text, code, part)

static void constants_and_numbers_are_values(void)
{
	struct call_words c = parse("socket(AF_VSOCK, 1, 0x10)");

	CHECK_STR(c.name, "socket");
	CHECK_EQ(c.number, 41);
	CHECK_EQ(c.args[0], AF_VSOCK);
	CHECK_EQ(c.args[1], 1);
	CHECK_EQ(c.args[2], 16);
	CHECK(c.given[0] && c.given[1] && c.given[2] && !c.given[3]);
}

static void flags_may_be_joined(void)
{
	struct call_words c = parse(" unshare( CLONE_NEWNS | CLONE_NEWPID|1 ) ");

	CHECK_EQ(c.args[0], CLONE_NEWNS | CLONE_NEWPID | 1);
}

static void numbers_keep_the_bits_that_the_kernel_drops(void)
{
	CHECK(parse("socket(0x100000028)").args[0] == UINT64_C(0x100000028));
	CHECK(parse("personality(-1)").args[0] == UINT64_MAX);
}

static void arguments_may_be_left_out(void)
{
	struct call_words c = parse("socket(, 1)");

	CHECK(!c.given[0] && c.given[1] && !c.given[2]);
	CHECK(!parse("socket").given[0]);
	CHECK(!parse("socket()").given[0]);
}

static void what_no_rule_can_be_about_may_be_anything(void)
{
	struct call_words c =
		parse("setsockopt(3, SOL_SOCKET, SO_MARK, {a, \"),\\\"\"}, [4], NULL)");

	CHECK(c.given[0] && c.given[1] && c.given[2] && !c.given[3] && !c.given[4] && !c.given[5]);
	c = parse("openat(AT_FDCWD, \"/a, b)\", O_RDONLY)");
	CHECK_EQ(c.number, 257);
	CHECK(!c.given[0]);
}

static void wrong_words_are_named(void)
{
	REFUSED("sokcet(1)", -EINVAL, "unknown system call 'sokcet'");
	REFUSED("@mount", -EINVAL, "'@mount' is a group");
	REFUSED("", -EINVAL, "name of a system call");
	REFUSED("(1)", -EINVAL, "name of a system call");
	REFUSED("socket(AF_SOCK)", -EINVAL, "unknown value 'AF_SOCK' for socket.domain");
	REFUSED("socket(AF_INET|AF_X)", -EINVAL, "unknown value 'AF_X'");
	REFUSED("socket(AF_INET|)", -EINVAL, "unknown value ''");
	REFUSED("socket(12x)", -EINVAL, "unknown value '12x'");
	REFUSED("socket(1, 2", -EINVAL, "')' is missing");
	REFUSED("openat(1, \"a)", -EINVAL, "')' is missing");
	REFUSED("socket(1) = 3", -EINVAL, "'= 3' after the call");
	REFUSED("mmap(0,1,2,3,4,5,6)", -EINVAL, "six arguments");
	REFUSED("riscv_flush_icache", -ENOENT, "no system call 'riscv_flush_icache'");
}

int main(void)
{
	TEST(constants_and_numbers_are_values);
	TEST(flags_may_be_joined);
	TEST(numbers_keep_the_bits_that_the_kernel_drops);
	TEST(arguments_may_be_left_out);
	TEST(what_no_rule_can_be_about_may_be_anything);
	TEST(wrong_words_are_named);
	return test_done();
}
