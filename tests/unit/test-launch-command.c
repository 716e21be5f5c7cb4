#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

#include "helper/image/manifest.h"
#include "helper/launch_command.h"
#include "helper/public/wire.h"
#include "policy/account.h"
#include "policy/base/err.h"
#include "policy/policy.h"

static char words[64];

/* What came out, with a newline for every NUL. */
static const char *complete(const char *said, size_t bytes, uint32_t argc, const struct launch_defaults *d, int *ret)
{
	static char text[4096];
	struct launch_command c = { said, bytes, argc };
	uint32_t got_argc = 0;
	char *out = NULL;
	static struct err e;
	size_t n = 0, i;

	*ret = launch_command_complete(&c, d, &out, &n, &got_argc, words, sizeof(words), &e);
	if (*ret < 0)
		return e.text;
	for (i = 0; i < n; i++)
		text[i] = out[i] ? out[i] : '\n';
	text[n] = '\0';
	free(out);
	return text;
}

#define COMPLETE(said, argc, d, ret) complete(said, sizeof(said) - 1, argc, d, ret)

static struct manifest image(void)
{
	static char *command[] = { (char *)"/entry", (char *)"serve it" }, *env[] = { (char *)"PATH=/opt/bin", (char *)"LANG=C",
		(char *)"container=docker" };
	struct manifest m;

	memset(&m, 0, sizeof(m));
	m.command = (struct strv){ command, 2 };
	m.env = (struct strv){ env, 3 };
	m.workdir = (char *)"/srv";
	return m;
}

static void takes_the_images_command_where_there_is_none(void)
{
	struct manifest m = image();
	struct launch_defaults d = { &m, NULL };
	int r;

	CHECK_STR(COMPLETE("\0\0", 0, &d, &r), "/entry\n/srv\n/entry\nserve it\ncontainer=carrel\nPATH=/opt/bin\nLANG=C\n");
	CHECK_STR(words, "/entry serve it");
}

static void a_command_of_the_callers_is_run_instead(void)
{
	struct manifest m = image();
	struct launch_defaults d = { &m, NULL };
	int r;

	CHECK_STR(COMPLETE("ls\0/tmp\0ls\0-l\0LANG=de\0", 2, &d, &r),
		"ls\n/tmp\nls\n-l\ncontainer=carrel\nPATH=/opt/bin\nLANG=de\n");
	CHECK_STR(words, "ls -l");
}

static void without_an_image_there_is_a_shell_and_a_path(void)
{
	struct launch_defaults d = { NULL, NULL };
	int r;

	CHECK_STR(COMPLETE("\0\0", 0, &d, &r),
		"/bin/sh\n/\n/bin/sh\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\ncontainer=carrel\n");
}

static void a_home_that_is_shown_is_where_it_begins(void)
{
	struct manifest m = image();
	struct launch_defaults d = { &m, "/home/ada" };
	int r;

	CHECK_CONTAINS(COMPLETE("id\0\0id\0", 1, &d, &r), "id\n/home/ada\nid\nHOME=/home/ada\n");
	CHECK_CONTAINS(COMPLETE("id\0/x\0id\0HOME=/y\0", 1, &d, &r), "id\n/x\nid\ncontainer=carrel\nPATH=/opt/bin\nLANG=C\nHOME=/y\n");
}

static void refuses_what_is_cut_short(void)
{
	struct launch_defaults d = { NULL, NULL };
	int r;

	(void)COMPLETE("a\0b\0a\0", 1, &d, &r);
	CHECK_EQ(r, 0);
	(void)COMPLETE("a\0b\0a\0", 2, &d, &r);
	CHECK_EQ(r, -EINVAL);
	(void)COMPLETE("a\0b\0a", 1, &d, &r);
	CHECK_EQ(r, -EINVAL);
	(void)COMPLETE("a\0", 0, &d, &r);
	CHECK_EQ(r, -EINVAL);
	(void)complete("", 0, 0, &d, &r);
	CHECK_EQ(r, -EINVAL);
}

static void words_for_people_hold_no_control_characters(void)
{
	struct launch_defaults d = { NULL, NULL };
	int r;

	(void)COMPLETE("a\0\0a\0\033[2J\nb\0", 2, &d, &r);
	CHECK_EQ(r, 0);
	CHECK_STR(words, "a ?[2J?b");
	/* The second set, as UTF-8 and as a byte; what is no control character stays. */
	(void)COMPLETE("a\0\0a\0\302\2332J \233 \303\251 \342\202\254 \303\0", 2, &d, &r);
	CHECK_EQ(r, 0);
	CHECK_STR(words, "a ??2J ? \303\251 \342\202\254 ?");
}

static void who_is_not_root_inside_has_an_id_of_an_image(void)
{
	struct profile p = { .root = true };
	struct account a = { .uid = 1234, .gid = 1235 };
	uint32_t uid, gid;

	launch_identity(&p, &a, &uid, &gid);
	CHECK_EQ(uid, 0);
	CHECK_EQ(gid, 0);
	p.root = false;
	launch_identity(&p, &a, &uid, &gid);
	CHECK_EQ(uid, 1234);
	CHECK_EQ(gid, 1235);
	a.uid = 5000000;
	a.gid = 0;
	launch_identity(&p, &a, &uid, &gid);
	CHECK_EQ(uid, 1000);
	CHECK_EQ(gid, 1000);
}

static void a_payload_must_be_sealed(void)
{
	char *text = NULL;
	struct err e;
	int fd = -1, plain = fileno(tmpfile());

	CHECK_EQ(launch_payload_make("a\0b", 4, &fd, &e), 0);
	CHECK_EQ(launch_payload_read(fd, 4, &text, &e), 0);
	CHECK(text && memcmp(text, "a\0b", 4) == 0);
	free(text);
	text = NULL;
	CHECK_EQ(launch_payload_read(fd, 5, &text, &e), -EINVAL);
	CHECK_EQ((int)write(plain, "a\0b", 4), 4);
	CHECK_EQ(launch_payload_read(plain, 4, &text, &e), -EINVAL);
	CHECK(text == NULL);
	(void)close(fd);
}

int main(void)
{
	TEST(takes_the_images_command_where_there_is_none);
	TEST(a_command_of_the_callers_is_run_instead);
	TEST(without_an_image_there_is_a_shell_and_a_path);
	TEST(a_home_that_is_shown_is_where_it_begins);
	TEST(refuses_what_is_cut_short);
	TEST(words_for_people_hold_no_control_characters);
	TEST(who_is_not_root_inside_has_an_id_of_an_image);
	TEST(a_payload_must_be_sealed);
	return test_done();
}
