#include "policy/cgroup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/test.h"

static struct cgroup_place places[CGROUP_PLACES_MAX];
static char room[65536];
static size_t n;

static int places_of(const char *text)
{
	n = 99;
	(void)snprintf(room, sizeof(room), "%s", text);
	return cgroup_places_read(room, strlen(room), places, &n);
}

static void reads_what_kernels_write(void)
{
	CHECK_EQ(places_of("0::/user.slice/user-1000.slice/session-3.scope\n"), 0);
	CHECK_EQ(n, 1);
	CHECK_STR(places[0].hierarchy, "");
	CHECK_STR(places[0].path, "/user.slice/user-1000.slice/session-3.scope");

	CHECK_EQ(places_of("12:cpu,cpuacct:/\n9:name=systemd:/a\n4:memory:/api/8b\n3:net_cls,net_prio:/x\n1:misc:/y\n0::/\n"), 0);
	CHECK_EQ(n, 6);
	CHECK_STR(places[0].hierarchy, "cpu,cpuacct");
	CHECK_STR(places[1].hierarchy, "systemd");
	CHECK_STR(places[2].path, "/api/8b");
	CHECK_STR(places[5].hierarchy, "");
	CHECK_EQ(places_of(""), 0);
	CHECK_EQ(n, 0);
}

static void a_path_is_the_whole_rest_of_its_line(void)
{
	char text[8192], *p = text;

	CHECK_EQ(places_of("0::/a:b/0::/c d/... (deleted)/..x\n"), 0);
	CHECK_EQ(n, 1);
	CHECK_STR(places[0].path, "/a:b/0::/c d/... (deleted)/..x");

	/* However long: nothing in it becomes a line. */
	p += sprintf(p, "0::");
	while (p < text + 3900)
		p += sprintf(p, "/%0100d", 0);
	(void)sprintf(p, "0::/system.slice\n");
	CHECK_EQ(places_of(text), 0);
	CHECK_EQ(n, 1);
	CHECK_EQ(strlen(places[0].path), strlen(text) - 4);
}

static void refuses_what_leads_elsewhere(void)
{
	static const char *const wrong[] = { "0::/../x\n", "0::/x/../../y\n", "0::/x/..\n", "0::/.\n", "0::/x//y\n", "0::/x/\n", "0::x\n",
		"0::\n", "0:../fuse:/x\n", "5:../fuse:/x\n", "5:a/b:/x\n", "5:..:/x\n", "5:name=..:/x\n", "5:name=a/b:/x\n" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK_EQ(places_of(wrong[i]), -EBADMSG);
}

static void refuses_what_is_no_line(void)
{
	static const char *const wrong[] = { "\n", ":\n", "::/x\n", "x::/y\n", "0:/x\n", "0\n", "5::/x\n", "0:memory:/x\n", "5:name=:/x\n",
		"5:a b:/x\n", "-1:memory:/x\n", "0::/x\n\n", "0::/x", "0::/x\n0::/y" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK_EQ(places_of(wrong[i]), -EBADMSG);
	memcpy(room, "0::/x\0y\n", 8);
	CHECK_EQ(cgroup_places_read(room, 8, places, &n), -EBADMSG);
}

static void refuses_what_the_kernel_may_have_cut(void)
{
	char text[8192];

	(void)sprintf(text, "0::/%04093d\n", 0);
	CHECK_EQ(places_of(text), 0);
	(void)sprintf(text, "0::/%04094d\n", 0);
	CHECK_EQ(places_of(text), -ENAMETOOLONG);
}

static void refuses_more_than_it_can_hold(void)
{
	char text[4096], *p = text;

	for (int i = 1; i <= CGROUP_PLACES_MAX; i++)
		p += sprintf(p, "%d:name=h%d:/\n", i, i);
	CHECK_EQ(places_of(text), 0);
	CHECK_EQ(n, CGROUP_PLACES_MAX);
	(void)sprintf(p, "0::/\n");
	CHECK_EQ(places_of(text), -E2BIG);
}

int main(void)
{
	TEST(reads_what_kernels_write);
	TEST(a_path_is_the_whole_rest_of_its_line);
	TEST(refuses_what_leads_elsewhere);
	TEST(refuses_what_is_no_line);
	TEST(refuses_what_the_kernel_may_have_cut);
	TEST(refuses_more_than_it_can_hold);
	return test_done();
}
