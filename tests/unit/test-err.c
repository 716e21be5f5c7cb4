#include "policy/base/err.h"

#include <errno.h>

#include "tests/lib/test.h"

static void states_the_fact_and_returns_the_code(void)
{
	struct err e;

	CHECK_EQ(err_set(&e, EPERM, "file '%s' is %d bytes", "x", 3), -EPERM);
	CHECK_STR(e.text, "file 'x' is 3 bytes");
}

static void puts_context_before_the_fact(void)
{
	struct err e;
	int r = err_set(&e, ENOENT, "no such file");

	CHECK_EQ(err_wrap(&e, r, "policy '%s'", "lab"), -ENOENT);
	CHECK_EQ(err_wrap(&e, r, "session for '%s' refused", "ada"), -ENOENT);
	CHECK_STR(e.text, "session for 'ada' refused: policy 'lab': no such file");
}

static void cuts_what_is_too_long(void)
{
	char big[2 * sizeof(((struct err *)0)->text)];
	struct err e;

	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	CHECK_EQ(err_set(&e, EINVAL, "%s", big), -EINVAL);
	CHECK_EQ(strlen(e.text), sizeof(e.text) - 1);
	CHECK_EQ(err_wrap(&e, -EINVAL, "context"), -EINVAL);
	CHECK_EQ(strlen(e.text), sizeof(e.text) - 1);
	CHECK(strncmp(e.text, "context: xxx", 12) == 0);
	CHECK_EQ(err_wrap(&e, -EINVAL, "%s", big), -EINVAL);
	CHECK_EQ(strlen(e.text), sizeof(e.text) - 1);
}

int main(void)
{
	TEST(states_the_fact_and_returns_the_code);
	TEST(puts_context_before_the_fact);
	TEST(cuts_what_is_too_long);
	return test_done();
}
