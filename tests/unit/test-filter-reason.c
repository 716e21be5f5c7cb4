/* The reason of a line is what its author wrote above or behind it, and nothing else. */

#include "policy/filter_reason.h"

#include "policy/base/cleanup.h"
#include "tests/lib/test.h"

static const char text[] = "; x - a filter about x.\n" /* 1 */
			   "\n"
			   "[filter]\n"
			   "description = words\n"
			   "\n"
			   "; What everybody needs,\n"
			   ";   and on a second line.\n"
			   "allow = read write\n" /* 8 */
			   "\topenat close\n"
			   "# Another sign for comments.\n"
			   "\tmount\n" /* 11 */
			   "refuse = bpf\n"
			   "\n"
			   "refuse = acct\n" /* 14 */
			   "\tkexec_load ; never in a session\n"
			   "; Root of a container mounts.\n"
			   "[filter root=yes]\n"
			   "allow = mount\n" /* 18 */
			   "; A plain section has no reason to give.\n"
			   "[args]\n"
			   "ioctl.request = not TIOCSTI\n" /* 21 */
			   ";\n"
			   "socket.domain = AF_UNIX"; /* 23, without a newline */

static void reason_is(int line, const char *in, unsigned of, const char *expected)
{
	_cleanup_free_ char *reason = NULL;

	CHECK_EQ(filter_reason(in, of, &reason), 0);
	test_check_str(__FILE__, line, "reason", reason, expected);
}
#define REASON(line, expected) reason_is(__LINE__, text, line, expected)

static void a_comment_heads_the_group_below_it(void)
{
	REASON(8, "What everybody needs, and on a second line.");
	REASON(9, "What everybody needs, and on a second line.");
	REASON(11, "Another sign for comments.");
}

static void why_calls_are_allowed_is_no_reason_to_refuse_others(void)
{
	REASON(12, NULL);
	reason_is(__LINE__, "; r\nrefuse = a\nrefuse = b\nkill = c\n", 3, "r");
	reason_is(__LINE__, "; r\nrefuse = a\nrefuse = b\nkill = c\n", 4, NULL);
	reason_is(__LINE__, "; r\nclone.flags = A\nunshare.flags = A\n", 3, "r");
}

static void a_blank_line_or_a_section_ends_the_group(void)
{
	REASON(4, NULL);
	REASON(14, NULL);
	REASON(21, NULL);
}

static void a_section_with_a_condition_hands_its_comment_down(void)
{
	REASON(18, "Root of a container mounts.");
}

static void the_comment_behind_a_line_is_nearer(void)
{
	REASON(15, "never in a session");
	reason_is(__LINE__, "; above\nallow = a;b\n", 2, "above"); /* no blank: part of the value */
	reason_is(__LINE__, "; above\nallow = a ;\n", 2, "above"); /* nothing said */
}

static void empty_comments_say_nothing(void)
{
	REASON(23, NULL);
}

static void lines_that_are_not_there_have_none(void)
{
	REASON(0, NULL);
	REASON(24, NULL);
	REASON(4000000000U, NULL);
	reason_is(__LINE__, "", 1, NULL);
}

static void lines_are_counted_from_one(void)
{
	size_t len = 0;
	const char *s = text_line(text, 8, &len);

	CHECK(s && len == strlen("allow = read write") && memcmp(s, "allow", 5) == 0);
	s = text_line(text, 23, &len);
	CHECK(s && len == strlen("socket.domain = AF_UNIX"));
	CHECK(!text_line(text, 0, &len));
	CHECK(!text_line(text, 24, &len));
	CHECK(!text_line("a\n", 2, &len));
}

int main(void)
{
	TEST(a_comment_heads_the_group_below_it);
	TEST(why_calls_are_allowed_is_no_reason_to_refuse_others);
	TEST(a_blank_line_or_a_section_ends_the_group);
	TEST(a_section_with_a_condition_hands_its_comment_down);
	TEST(the_comment_behind_a_line_is_nearer);
	TEST(empty_comments_say_nothing);
	TEST(lines_that_are_not_there_have_none);
	TEST(lines_are_counted_from_one);
	return test_done();
}
