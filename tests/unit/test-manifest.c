#include "tests/lib/test.h"

#include <errno.h>

#include "helper/image/escape.h"
#include "helper/image/manifest.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define GOOD "name = deb\nkind = tree\ndigest = sha256:" HEX64 "\nsize = 12\n"

static struct err e;

static int parse(const char *text, struct manifest *m)
{
	*m = (struct manifest){ 0 };
	return manifest_parse(text, strlen(text), m, &e);
}

static void reads_what_an_image_is(void)
{
	struct manifest m;

	CHECK_EQ(parse("# made by hand\n\nname = deb.12_x-y\nkind = squashfs\ndigest = sha256:" HEX64 "\n"
		       "verity = sha512:" HEX64 HEX64 "\nsize = 123456789012\n"
		       "command = /bin/sh\ncommand = -c\ncommand = echo  a = b # c\ncommand =\n"
		       "env = PATH=/bin\nenv = EMPTY=\nworkdir = /srv/x\n",
			 &m),
		0);
	CHECK_STR(m.name, "deb.12_x-y");
	CHECK_EQ(m.kind, IMAGE_SQUASHFS);
	CHECK_STR(m.digest, "sha256:" HEX64);
	CHECK_STR(m.verity, "sha512:" HEX64 HEX64);
	CHECK_EQ(m.size, 123456789012);
	CHECK_EQ(m.command.n, 4);
	CHECK_STR(m.command.v[2], "echo  a = b # c");
	CHECK_STR(m.command.v[3], "");
	CHECK_EQ(m.env.n, 2);
	CHECK_STR(m.env.v[1], "EMPTY=");
	CHECK_STR(m.workdir, "/srv/x");
	manifest_done(&m);
	CHECK_EQ(parse(GOOD, &m), 0);
	CHECK_EQ(m.kind, IMAGE_TREE);
	CHECK_STR(m.verity, "");
	CHECK_STR(m.workdir, NULL);
	manifest_done(&m);
}

static void blanks_newlines_and_backslashes_survive(void)
{
	static char *const words[] = { " a  b ", "x\ny\t", "\\n", "\xc3\xa4", "", "\x7f" };
	struct manifest m, again = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len;

	CHECK_EQ(parse(GOOD, &m), 0);
	for (size_t i = 0; i < 6; i++)
		CHECK_EQ(strv_add(&m.command, words[i], strlen(words[i])), 0);
	CHECK_EQ(strv_add(&m.env, "A=1\n2", 5), 0);
	m.workdir = strdup("/a b");
	CHECK_EQ(manifest_write(&m, &text, &len, &e), 0);
	CHECK_EQ(len, strlen(text));
	CHECK_CONTAINS(text, "command = x\\012y\\011\n");
	CHECK_CONTAINS(text, "command = \xc3\xa4\n");
	CHECK_EQ(manifest_parse(text, len, &again, &e), 0);
	CHECK_EQ(again.command.n, 6);
	for (size_t i = 0; i < again.command.n; i++)
		CHECK_STR(again.command.v[i], words[i]);
	CHECK_STR(again.env.v[0], "A=1\n2");
	CHECK_STR(again.workdir, "/a b");
	CHECK_STR(again.digest, m.digest);
	CHECK_EQ(again.size, 12);
	manifest_done(&m);
	manifest_done(&again);
}

static const struct {
	const char *text, *story;
} refused[] = {
	{ "name = deb\nkind = tree\nsize = 1\n", "no 'digest'" },
	{ "kind = tree\ndigest = sha256:" HEX64 "\nsize = 1\n", "no 'name'" },
	{ "name = deb\ndigest = sha256:" HEX64 "\nsize = 1\n", "no 'kind'" },
	{ "name = deb\nkind = tree\ndigest = sha256:" HEX64 "\n", "no 'size'" },
	{ GOOD "privileged = yes\n", "line 5: unknown key 'privileged'" },
	{ GOOD "nam = x\n", "line 5: unknown key 'nam'" },
	{ GOOD "name = deb\n", "line 5: 'name' a second time" },
	{ GOOD "digest = sha256:" HEX64 "\n", "line 5: 'digest' a second time" },
	{ GOOD "workdir = /a\nworkdir = /a\n", "line 6: 'workdir' a second time" },
	{ GOOD "command\n", "line 5: 'command' is no 'key = value'" },
	{ GOOD "command=x\n", "line 5: 'command=x' is no 'key = value'" },
	{ GOOD "command =x\n", "line 5: 'command =x' is no 'key = value'" },
	{ GOOD " command = x\n", "line 5: ' command = x' is no 'key = value'" },
	{ GOOD "command = x", "line 5 does not end" },
	{ GOOD "command = a\tb\n", "line 5: control character 0x09" },
	{ GOOD "command = a\r\n", "line 5: control character 0x0d" },
	{ GOOD "command = a\\b\n", "line 5: 'command': a backslash begins" },
	{ GOOD "command = \\12\n", "line 5: 'command': a backslash begins" },
	{ GOOD "command = \\400\n", "line 5: 'command': a backslash begins" },
	{ GOOD "command = \\000\n", "line 5: 'command': a backslash begins" },
	{ GOOD "env = =x\n", "line 5: env '=x': not NAME=VALUE" },
	{ GOOD "env = x\n", "line 5: env 'x': not NAME=VALUE" },
	{ GOOD "workdir = a\n", "line 5: workdir 'a'" },
	{ GOOD "workdir = /a/../b\n", "line 5: workdir '/a/../b'" },
	{ GOOD "verity = sha256:12\n", "line 5: verity 'sha256:12'" },
	{ "name = ../x\n", "line 1: name '../x'" },
	{ "name = .x\n", "line 1: name '.x'" },
	{ "name = X\n", "line 1: name 'X'" },
	{ "name =\n", "line 1: name ''" },
	{ "kind = ext4\n", "line 1: kind 'ext4'" },
	{ "kind = none\n", "line 1: kind 'none'" },
	{ "size = -1\n", "line 1: size '-1'" },
	{ "size = 1K\n", "line 1: size '1K'" },
	{ "size = 18446744073709551615\n", "line 1: size '18446744073709551615'" },
	{ "digest = md5:" HEX64 "\n", "line 1: digest 'md5:" },
	{ "digest = sha256:0" HEX64 "\n", "line 1: digest 'sha256:" },
	{ "digest = sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\n", "line 1: digest" },
};

static void refuses_by_line_and_word(void)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct manifest m = { .size = 7 };

		CHECK_EQ(manifest_parse(refused[i].text, strlen(refused[i].text), &m, &e), -EINVAL);
		CHECK_CONTAINS(e.text, refused[i].story);
		CHECK_EQ(m.size, 7); /* untouched */
		CHECK(!m.command.v && !m.workdir);
	}
}

static void refuses_bytes_that_hide(void)
{
	static const char text[] = GOOD "command = a\0b\n";
	struct manifest m;

	CHECK_EQ(manifest_parse(text, sizeof(text) - 1, &m, &e), -EINVAL);
	CHECK_CONTAINS(e.text, "line 5: control character 0x00");
}

static void refuses_what_is_too_large(void)
{
	_cleanup_free_ char *text = malloc(MANIFEST_MAX + 64);
	struct manifest m;
	size_t n = strlen(GOOD);

	memcpy(text, GOOD, n);
	while (n < MANIFEST_MAX)
		text[n++] = '\n';
	CHECK_EQ(manifest_parse(text, n, &m, &e), 0);
	manifest_done(&m);
	text[n++] = '\n';
	CHECK_EQ(manifest_parse(text, n, &m, &e), -EINVAL);
}

static void names_are_safe_as_file_names(void)
{
	char longest[IMAGE_NAME_MAX + 2];

	CHECK(image_name_valid("a") && image_name_valid("0.9-rc_1") && image_name_valid("debian12"));
	CHECK(!image_name_valid("") && !image_name_valid(".") && !image_name_valid("..") && !image_name_valid("-a"));
	CHECK(!image_name_valid("_a") && !image_name_valid("a/b") && !image_name_valid("A") && !image_name_valid("a b"));
	memset(longest, 'a', sizeof(longest));
	longest[IMAGE_NAME_MAX + 1] = '\0';
	CHECK(!image_name_valid(longest));
	longest[IMAGE_NAME_MAX] = '\0';
	CHECK(image_name_valid(longest));
}

int main(void)
{
	TEST(reads_what_an_image_is);
	TEST(blanks_newlines_and_backslashes_survive);
	TEST(refuses_by_line_and_word);
	TEST(refuses_bytes_that_hide);
	TEST(refuses_what_is_too_large);
	TEST(names_are_safe_as_file_names);
	return test_done();
}
