#ifndef CARREL_TEST_H
#define CARREL_TEST_H

/*
 * TAP for unit tests. A test is a plain function named after what it promises:
 *
 *	static void refuses_host_root(void)
 *	{
 *		CHECK_EQ(id_range_parse("0:65536", &r), -EPERM);
 *	}
 *
 *	int main(void)
 *	{
 *		TEST(refuses_host_root);
 *		return test_done();
 *	}
 *
 * A failed CHECK tells both values and goes on. TEST_SKIP(why) returns from the function; CARREL_MUST_WORK=1 makes it a
 * failure, except as an ordinary user and for want of root (why must name it): make check-root runs all of them as root.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	int run;
	int failed;
	bool bad;	  /* a check of the running test failed */
	const char *skip; /* why the running test could not be tried */
} test_state;

static inline void test_fail(const char *file, int line, const char *what)
{
	test_state.bad = true;
	printf("# %s:%d: %s\n", file, line, what);
}

static inline void test_check_int(
	const char *file, int line, const char *what, intmax_t seen, intmax_t expected)
{
	if (seen == expected)
		return;

	test_fail(file, line, what);
	printf("#   seen %jd, expected %jd\n", seen, expected);
}

static inline void test_check_str(
	const char *file, int line, const char *what, const char *seen, const char *expected)
{
	if (seen && expected ? strcmp(seen, expected) == 0 : seen == expected)
		return;

	test_fail(file, line, what);
	printf("#   seen     %s\n#   expected %s\n", seen ? seen : "(null)",
		expected ? expected : "(null)");
}

static inline void test_check_contains(
	const char *file, int line, const char *what, const char *text, const char *part)
{
	if (text && strstr(text, part))
		return;

	test_fail(file, line, what);
	printf("#   no '%s' in: %s\n", part, text ? text : "(null)");
}

static inline void test_end(const char *name)
{
	const char *must = getenv("CARREL_MUST_WORK");
	char words[128];

	(void)snprintf(words, sizeof(words), "%s", name);
	for (char *p = words; *p; p++)
		if (*p == '_')
			*p = ' ';
	if (test_state.skip && must && strcmp(must, "1") == 0 &&
		(geteuid() == 0 || !strstr(test_state.skip, "root"))) {
		printf("# CARREL_MUST_WORK=1, but: %s\n", test_state.skip);
		test_state.bad = true;
		test_state.skip = NULL;
	}
	test_state.failed += test_state.bad;
	printf("%sok %d - %s%s%s\n", test_state.bad ? "not " : "", ++test_state.run, words,
		test_state.skip ? " # SKIP " : "", test_state.skip ? test_state.skip : "");
	(void)fflush(stdout);
}

/* The plan; what main() returns. */
static inline int test_done(void)
{
	printf("1..%d\n", test_state.run);
	return test_state.failed ? 1 : 0;
}

#define TEST(fn)                                                                                   \
	do {                                                                                       \
		test_state.bad = false;                                                            \
		test_state.skip = NULL;                                                            \
		fn();                                                                              \
		test_end(#fn);                                                                     \
	} while (0)

#define TEST_SKIP(why)                                                                             \
	do {                                                                                       \
		test_state.skip = (why);                                                           \
		return;                                                                            \
	} while (0)

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			test_fail(__FILE__, __LINE__, #cond);                                      \
	} while (0)
#define CHECK_EQ(seen, expected)                                                                   \
	test_check_int(__FILE__, __LINE__, #seen " == " #expected, (intmax_t)(seen),               \
		(intmax_t)(expected))
#define CHECK_STR(seen, expected)                                                                  \
	test_check_str(__FILE__, __LINE__, #seen " == " #expected, (seen), (expected))
#define CHECK_CONTAINS(text, part)                                                                 \
	test_check_contains(__FILE__, __LINE__, #text " contains " #part, (text), (part))

#endif
