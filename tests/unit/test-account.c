#include "policy/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>

#include "policy/base/err.h"
#include "tests/lib/test.h"

/* Only root is on every machine; what it is in, NSS tells this test, too. */

static void finds_root_by_name_and_by_uid(void)
{
	struct account a = { 0 }, b = { 0 };
	struct passwd *pw = getpwuid(0);
	struct err e;

	CHECK(pw);
	CHECK_EQ(account_by_name(pw->pw_name, &a, &e), 0);
	CHECK_EQ(account_by_uid(0, &b, &e), 0);
	pw = getpwuid(0);
	CHECK_STR(a.name, pw->pw_name);
	CHECK_STR(b.name, pw->pw_name);
	CHECK_STR(a.home, pw->pw_dir);
	CHECK_STR(b.shell, pw->pw_shell);
	CHECK_EQ(a.uid, 0);
	CHECK_EQ(a.gid, pw->pw_gid);
	account_done(&a);
	account_done(&b);
	CHECK(!a.name && !a.gids);
	account_done(&a); /* the empty one, too */
}

static void lists_the_primary_group_first_and_none_twice(void)
{
	struct account a = { 0 };
	struct err e;

	CHECK_EQ(account_by_uid(0, &a, &e), 0);
	CHECK(a.n_gids >= 1);
	CHECK_EQ(a.gids[0], a.gid);
	for (size_t i = 0; i < a.n_gids; i++)
		for (size_t k = 0; k < i; k++)
			CHECK(a.gids[i] != a.gids[k]);
	account_done(&a);
}

static void refuses_whom_nobody_knows(void)
{
	struct account a = { .uid = 77 };
	struct err e;

	CHECK_EQ(account_by_name("no-such-user-here", &a, &e), -ENOENT);
	CHECK_CONTAINS(e.text, "'no-such-user-here'");
	CHECK_EQ(account_by_name("", &a, &e), -ENOENT);
	CHECK_EQ(account_by_uid(4000000123u, &a, &e), -ENOENT);
	CHECK_CONTAINS(e.text, "4000000123");
	CHECK_EQ(a.uid, 77);
}

static void answers_for_groups(void)
{
	gid_t own[] = { 4000000123u, 0, 5 };
	char name[] = "somebody";
	struct account a = { .name = name, .uid = 1, .gids = own, .n_gids = 3 };
	struct person who = account_person(&a);
	struct group *zero = getgrgid(0);

	CHECK(zero);
	CHECK_STR(who.name, "somebody");
	CHECK_EQ(who.uid, 1);
	CHECK_EQ(who.in_group(&who, zero->gr_name), 1);
	CHECK_EQ(who.in_group(&who, "no-such-group-here"), 0);
	a.n_gids = 1;
	zero = getgrgid(0);
	CHECK_EQ(who.in_group(&who, zero->gr_name), 0);
}

int main(void)
{
	TEST(finds_root_by_name_and_by_uid);
	TEST(lists_the_primary_group_first_and_none_twice);
	TEST(refuses_whom_nobody_knows);
	TEST(answers_for_groups);
	return test_done();
}
