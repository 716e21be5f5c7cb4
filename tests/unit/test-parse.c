#include "policy/base/parse.h"

#include <errno.h>

#include "tests/lib/test.h"

#define MARK 77

static void takes_whole_numbers_only(void)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "1x", "0x10", "1.0", "١",
		"1\n" };
	uint64_t n = MARK;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(parse_u64(bad[i], UINT64_MAX, &n), -EINVAL);
	CHECK_EQ(n, MARK);
	CHECK_EQ(parse_u64("0", 0, &n), 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(parse_u64("007", 7, &n), 0);
	CHECK_EQ(n, 7);
}

static void keeps_numbers_within_bounds(void)
{
	uint64_t n = MARK;
	uint32_t small = MARK;

	CHECK_EQ(parse_u64("8", 7, &n), -ERANGE);
	CHECK_EQ(parse_u64("18446744073709551616", UINT64_MAX, &n), -ERANGE);
	CHECK_EQ(parse_u64("99999999999999999999999", UINT64_MAX, &n), -ERANGE);
	CHECK_EQ(n, MARK);
	CHECK_EQ(parse_u64("18446744073709551615", UINT64_MAX, &n), 0);
	CHECK(n == UINT64_MAX);
	CHECK_EQ(parse_u32("4294967296", &small), -ERANGE);
	CHECK_EQ(small, MARK);
	CHECK_EQ(parse_u32("4294967295", &small), 0);
	CHECK_EQ(small, UINT32_MAX);
}

static void reads_sizes(void)
{
	uint64_t n = MARK;

	CHECK_EQ(parse_size("4096", &n), 0);
	CHECK_EQ(n, 4096);
	CHECK_EQ(parse_size("1k", &n), 0);
	CHECK_EQ(n, 1024);
	CHECK_EQ(parse_size("3M", &n), 0);
	CHECK_EQ(n, 3 << 20);
	CHECK_EQ(parse_size("4G", &n), 0);
	CHECK_EQ(n, 4LL << 30);
	CHECK_EQ(parse_size("2t", &n), 0);
	CHECK_EQ(n, 2LL << 40);
	CHECK_EQ(parse_size("1P", &n), 0);
	CHECK_EQ(n, 1LL << 50);
	n = MARK;
	CHECK_EQ(parse_size("16384P", &n), -ERANGE);
	CHECK_EQ(parse_size("G", &n), -EINVAL);
	CHECK_EQ(parse_size("4GB", &n), -EINVAL);
	CHECK_EQ(parse_size("4 G", &n), -EINVAL);
	CHECK_EQ(parse_size("4%", &n), -EINVAL);
	CHECK_EQ(n, MARK);
}

static void reads_percentages(void)
{
	uint64_t n = MARK;

	CHECK_EQ(parse_percent("200", &n), -EINVAL);
	CHECK_EQ(parse_percent("%", &n), -EINVAL);
	CHECK_EQ(parse_percent("20%%", &n), -EINVAL);
	CHECK_EQ(parse_percent("4294967296%", &n), -ERANGE);
	CHECK_EQ(n, MARK);
	CHECK_EQ(parse_percent("200%", &n), 0);
	CHECK_EQ(n, 200);
}

static void knows_two_truths(void)
{
	bool b = false;

	CHECK_EQ(parse_bool("yes", &b), 0);
	CHECK(b);
	CHECK_EQ(parse_bool("Yes", &b), -EINVAL);
	CHECK_EQ(parse_bool("1", &b), -EINVAL);
	CHECK_EQ(parse_bool("", &b), -EINVAL);
	CHECK(b);
	CHECK_EQ(parse_bool("no", &b), 0);
	CHECK(!b);
}

static void reads_spans(void)
{
	uint32_t a = MARK, b = MARK;

	CHECK_EQ(parse_u32_span("9-8", &a, &b), -EINVAL);
	CHECK_EQ(parse_u32_span("9-", &a, &b), -EINVAL);
	CHECK_EQ(parse_u32_span("-9", &a, &b), -EINVAL);
	CHECK_EQ(parse_u32_span("1-2-3", &a, &b), -EINVAL);
	CHECK_EQ(parse_u32_span("1 - 2", &a, &b), -EINVAL);
	CHECK_EQ(parse_u32_span("1-4294967296", &a, &b), -ERANGE);
	CHECK_EQ(a, MARK);
	CHECK_EQ(b, MARK);
	CHECK_EQ(parse_u32_span("5", &a, &b), 0);
	CHECK(a == 5 && b == 5);
	CHECK_EQ(parse_u32_span("1-4294967295", &a, &b), 0);
	CHECK(a == 1 && b == UINT32_MAX);
}

static void lets_safe_names_through_only(void)
{
	CHECK(name_valid("a"));
	CHECK(name_valid("0-lab-2"));
	CHECK(name_valid("abcdefghijklmnopqrstuvwxyz012345"));
	CHECK(!name_valid("abcdefghijklmnopqrstuvwxyz0123456"));
	CHECK(!name_valid(""));
	CHECK(!name_valid("-a"));
	CHECK(!name_valid("A"));
	CHECK(!name_valid("a/b"));
	CHECK(!name_valid(".."));
	CHECK(!name_valid("a b"));
	CHECK(!name_valid("a\n"));
	CHECK(!name_valid("\xc3\xa4"));
}

static void lets_plain_paths_through_only(void)
{
	CHECK(path_valid("/"));
	CHECK(path_valid("/a"));
	CHECK(path_valid("/a/.b/c.."));
	CHECK(!path_valid(""));
	CHECK(!path_valid("a"));
	CHECK(!path_valid("a/b"));
	CHECK(!path_valid("//"));
	CHECK(!path_valid("/a/"));
	CHECK(!path_valid("/a//b"));
	CHECK(!path_valid("/."));
	CHECK(!path_valid("/a/./b"));
	CHECK(!path_valid("/a/.."));
	CHECK(!path_valid("/../a"));
}

static void knows_what_lies_in_a_path(void)
{
	CHECK(path_inside("/a", "/a"));
	CHECK(path_inside("/a", "/a/b"));
	CHECK(path_inside("/", "/a"));
	CHECK(path_inside("/", "/"));
	CHECK(!path_inside("/a", "/"));
	CHECK(!path_inside("/a", "/ab"));
	CHECK(!path_inside("/a/b", "/a"));
	CHECK(!path_inside("/a", "/b/a"));
}

static void walks_words(void)
{
	const char *rest = " one\t two  ", *w;
	size_t n;

	w = word_next(&rest, &n);
	CHECK(w && n == 3 && memcmp(w, "one", 3) == 0);
	w = word_next(&rest, &n);
	CHECK(w && n == 3 && memcmp(w, "two", 3) == 0);
	CHECK(!word_next(&rest, &n));
	rest = "";
	CHECK(!word_next(&rest, &n));
}

int main(void)
{
	TEST(takes_whole_numbers_only);
	TEST(keeps_numbers_within_bounds);
	TEST(reads_sizes);
	TEST(reads_percentages);
	TEST(knows_two_truths);
	TEST(reads_spans);
	TEST(lets_safe_names_through_only);
	TEST(lets_plain_paths_through_only);
	TEST(knows_what_lies_in_a_path);
	TEST(walks_words);
	return test_done();
}
