#include <errno.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/pamline.h"
#include "policy/pamstack.h"
#include "tests/lib/test.h"

struct file {
	const char *name, *text;
};

/* A tree in memory: pairs of name and text, ended by a NULL name. */
static int file_load(void *ctx, const char *name, char **ret_text, char **ret_path, struct err *e)
{
	for (const struct file *f = ctx; f->name; f++) {
		if (strcmp(f->name, name))
			continue;
		*ret_text = strdup(f->text);
		*ret_path = strdup(name);
		return *ret_text && *ret_path ? 0 : -ENOMEM;
	}
	return err_set(e, ENOENT, "%s: no such file", name);
}

static struct err error;

static struct pamstack_report judge(const struct file *files)
{
	struct pamstack_source src = { file_load, (void *)files };
	struct pamstack_report report = { 0 };

	CHECK_EQ(pamstack_judge(&src, files->name, &report, &error), 0);
	return report;
}

static char *enable_as(const struct file *files, const char *module, const char *exempt)
{
	struct pamstack_source src = { file_load, (void *)files };
	struct pamstack_want want = { module, exempt };
	char *text = NULL;
	int r = pamstack_enable(&src, files->name, &want, &text, &error);

	if (r < 0)
		printf("# %s\n", error.text);
	CHECK_EQ(r, 0);
	return text ? text : strdup("");
}

static char *enable(const struct file *files)
{
	return enable_as(files, PAMSTACK_MODULE, NULL);
}

#define COMMON_AUTH                                                                                \
	"auth [success=1 default=ignore] pam_unix.so nullok\n"                                     \
	"auth requisite pam_deny.so\n"                                                             \
	"auth required pam_permit.so\n"
#define COMMON_SESSION                                                                             \
	"session [default=1] pam_permit.so\n"                                                      \
	"session requisite pam_deny.so\n"                                                          \
	"session required pam_permit.so\n"                                                         \
	"session required pam_unix.so\n"
#define AUTH_LINES                                                                                 \
	"# Carrel needs to be first here; 'carrel pam disable' takes it out. See pam_carrel(8).\n" \
	"auth optional pam_carrel.so\n"
#define SESSION_NOTE                                                                               \
	"# Carrel confines every session from here on, but for the exempt. See pam_carrel(8).\n"
#define LANDING "session optional pam_permit.so # where the jumps above land\n"
#define SESSION_LINES                                                                              \
	SESSION_NOTE "session [success=1 default=ignore] pam_succeed_if.so quiet uid = 0\n"        \
		     "session required pam_carrel.so\n" LANDING

static void puts_its_lines_first_in_auth_and_last_in_session(void)
{
	struct file files[] = {
		{ "sshd", "# head\n@include common-auth\naccount required pam_nologin.so\n"
			  "@include common-session\nsession required pam_limits.so\n"
			  "@include common-password\n" },
		{ "common-auth", COMMON_AUTH },
		{ "common-session", COMMON_SESSION },
		{ "common-password", "password required pam_unix.so\n" },
		{ 0 },
	};
	_cleanup_free_ char *text = enable(files);

	CHECK_STR(text,
		"# head\n" AUTH_LINES "@include common-auth\naccount required pam_nologin.so\n"
		"@include common-session\nsession required pam_limits.so\n" SESSION_LINES
		"@include common-password\n");
}

static void its_own_outcome_is_sound(void)
{
	struct file files[] = { { "s", "auth required a.so\nsession required b.so\n" }, { 0 } };
	_cleanup_free_ char *text = enable(files);
	struct pamstack_report r;

	files[0].text = text;
	r = judge(files);
	CHECK(r.has_auth && r.has_session && r.guarded);
	CHECK_EQ(r.auth_lines, 1);
	CHECK_EQ(r.session_lines, 1);
	CHECK_STR(r.auth_trouble, "");
	CHECK_STR(r.session_trouble, "");
	CHECK_STR(r.note, "");
	CHECK_STR(r.file, "s");
	CHECK_EQ(r.line, 7);
}

static void enabling_twice_changes_nothing(void)
{
	struct file files[] = { { "s", "auth required a.so\nsession required b.so\n" }, { 0 } };
	_cleanup_free_ char *once = enable_as(files, PAMSTACK_MODULE, "adm:wheel");
	_cleanup_free_ char *twice = NULL;

	files[0].text = once;
	twice = enable(files);
	CHECK_STR(twice, once);
}

static void writes_a_guard_for_exempt_groups(void)
{
	struct file files[] = { { "s", "session required b.so\n" }, { 0 } };
	_cleanup_free_ char *text = enable_as(files, "/opt/pam_carrel.so", "adm:wheel");

	CHECK_STR(text, "session required b.so\n" SESSION_NOTE
			"session [success=2 default=ignore] pam_succeed_if.so quiet uid = 0\n"
			"session [success=1 default=ignore] pam_succeed_if.so quiet user ingroup "
			"adm:wheel\n"
			"session required /opt/pam_carrel.so exempt=adm exempt=wheel\n" LANDING);
}

static void keeps_arguments_written_by_hand(void)
{
	struct file files[] = { { "s", "auth optional pam_carrel.so debug\nauth required a.so\n"
				       "session required b.so\n"
				       "session required pam_carrel.so exempt=adm debug\n" },
		{ 0 } };
	_cleanup_free_ char *text = enable(files);

	CHECK_CONTAINS(text, "auth optional pam_carrel.so debug\n");
	CHECK_CONTAINS(text, "session required pam_carrel.so exempt=adm debug\n");
	CHECK_CONTAINS(text, "quiet user ingroup adm\n");
}

static void moves_a_line_that_is_no_longer_last(void)
{
	struct file files[] = { { "s", SESSION_LINES "session required late.so\n" }, { 0 } };
	_cleanup_free_ char *text = enable(files);

	CHECK_STR(text, "session required late.so\n" SESSION_LINES);
}

static void disabling_restores_every_byte(void)
{
	static const char before[] =
		"#%PAM-1.0\n\nauth  required\ta.so # x\n"
		"session [success=1 default=ignore] pam_succeed_if.so uid = 0\n"
		"-session optional \\\n  b.so arg\nsession required c.so\n\n# end\n";
	struct file files[] = { { "s", before }, { 0 } };
	_cleanup_free_ char *with = enable_as(files, PAMSTACK_MODULE, "adm");
	_cleanup_free_ char *without = NULL;

	CHECK_EQ(pamstack_disable("s", with, &without, &error), 0);
	CHECK_STR(without, before);
}

static void disabling_removes_guards_left_by_a_hand_edit(void)
{
	_cleanup_free_ char *text = NULL;

	CHECK_EQ(pamstack_disable("s",
			 "session required b.so\n" SESSION_NOTE
			 "session [success=1 default=ignore] pam_succeed_if.so quiet uid = "
			 "0\n" LANDING,
			 &text, &error),
		0);
	CHECK_STR(text, "session required b.so\n");
}

static void leaves_a_service_without_auth_alone_there(void)
{
	struct file files[] = { { "systemd-user", "account required a.so\nsession required b.so" },
		{ 0 } };
	_cleanup_free_ char *text = enable(files);

	CHECK_STR(text, "account required a.so\nsession required b.so\n" SESSION_LINES);
}

static void refuses_a_service_without_sessions(void)
{
	struct file files[] = { { "passwd", "@include common-password\n" },
		{ "common-password", "password required pam_unix.so\n" }, { 0 } };
	struct pamstack_source src = { file_load, files };
	struct pamstack_want want = { PAMSTACK_MODULE, NULL };
	char *text = NULL;

	CHECK_EQ(pamstack_enable(&src, "passwd", &want, &text, &error), -ENOTSUP);
	CHECK(!text);
}

/* What stands before our session lines, and what judging says about them. */
static void check_trouble(
	const char *service, const char *before, const char *included, const char *trouble)
{
	_cleanup_free_ char *text = NULL;
	struct file files[] = { { service, before }, { "inc", included }, { 0 } };
	struct pamstack_report r;

	text = enable(files);
	files[0].text = text;
	r = judge(files);
	if (*trouble)
		CHECK_CONTAINS(r.session_trouble, trouble);
	else
		CHECK_STR(r.session_trouble, "");
}

static void sees_what_skips_the_session_line(void)
{
	check_trouble("s", "session sufficient a.so\n", "", "s:1: 'a.so' can end or leave");
	check_trouble(
		"s", "session [success=done default=ignore] a.so\n", "", "s:1: 'a.so' can end");
	check_trouble("s", "session [success=2 default=ignore] a.so\n", "", "s:1: 'a.so' can end");
	check_trouble("s", "session [success=3 default=ignore] a.so\n", "", "s:1: 'a.so' can end");
	check_trouble("s", "session required a.so\nsession [auth_err=3 default=bad] b.so\n", "",
		"s:2: 'b.so' can end");
	check_trouble("s", "@include inc\n", "session sufficient a.so\n", "inc:1: 'a.so' can end");
	check_trouble("s", "session include inc\n", "session [default=2] a.so\n", "inc:1: 'a.so'");
	check_trouble("s", "session [success=2 default=ignore] a.so\nsession substack inc\n",
		"session required b.so\nsession required c.so\n", "behind the guard");
}

static void sees_what_skips_only_the_guard(void)
{
	check_trouble("s", "session [success=1 default=ignore] a.so\n", "", "behind the guard");
	check_trouble("s", "@include inc\n", "session required b.so\nsession [default=1] a.so\n",
		"inc:2: 'a.so' can jump in behind the guard");
}

static void allows_jumps_that_end_before_its_lines(void)
{
	check_trouble("s", "@include inc\n", COMMON_SESSION, "");
	check_trouble(
		"s", "session [success=1 default=ignore] a.so\nsession required b.so\n", "", "");
	check_trouble("s", "session [success=1 default=ignore] a.so\nsession substack inc\n",
		"session required b.so\nsession required c.so\n", "");
	check_trouble("s", "session substack inc\n", "session sufficient a.so\n", "");
	check_trouble("s", "session substack inc\n", "session [default=5] a.so\n", "");
	check_trouble("s", "session requisite a.so\n", "", "");
	check_trouble("s", "session [success=9 default=ignore] a.so\n", "",
		""); /* libpam refuses the login */
}

static struct pamstack_report judge_text(const char *text)
{
	struct file files[] = { { "s", text }, { 0 } };

	return judge(files);
}

static void an_auth_line_behind_others_is_seen(void)
{
	CHECK_CONTAINS(judge_text("auth sufficient pam_rootok.so\nauth optional pam_carrel.so\n")
			       .auth_trouble,
		"s:1: 'pam_rootok.so'");
	CHECK_CONTAINS(
		judge_text("auth requisite a.so\nauth optional pam_carrel.so\n").auth_trouble,
		"s:1: 'a.so'");
	CHECK_STR(judge_text("auth required a.so\nauth optional pam_carrel.so\n").auth_trouble, "");
}

static void a_session_line_that_forgives_is_seen(void)
{
	CHECK_CONTAINS(judge_text("session optional pam_carrel.so\n").session_trouble,
		"must be 'required'");
	CHECK_CONTAINS(
		judge_text("session [success=ok default=ignore] pam_carrel.so\n").session_trouble,
		"must be 'required'");
	CHECK_STR(judge_text("session requisite pam_carrel.so\n").session_trouble, "");
	CHECK(!judge_text("session required pam_carrel.so\n").guarded);
}

static void a_second_line_is_seen(void)
{
	CHECK_CONTAINS(
		judge_text("session required pam_carrel.so\nsession required pam_carrel.so\n")
			.session_trouble,
		"2 times");
	CHECK_CONTAINS(judge_text("auth optional pam_carrel.so\nauth optional pam_carrel.so\n")
			       .auth_trouble,
		"2 times");
}

static void a_guard_must_land_behind_the_line(void)
{
	CHECK(!judge_text("session [success=2 default=ignore] pam_succeed_if.so quiet uid = 0\n"
			  "session required pam_carrel.so\n")
			.guarded);
	CHECK(!judge_text("session [success=1 default=ignore] pam_succeed_if.so quiet uid = 1\n"
			  "session required pam_carrel.so\n")
			.guarded);
	CHECK(!judge_text("session [success=1 default=die] pam_succeed_if.so quiet uid = 0\n"
			  "session required pam_carrel.so\n")
			.guarded);
}

static void check_refused(const char *text, const char *why)
{
	struct file files[] = { { "s", text }, { "s2", "@include s\n" }, { 0 } };
	struct pamstack_source src = { file_load, files };
	struct pamstack_report r = { 0 };

	CHECK(pamstack_judge(&src, "s", &r, &error) < 0);
	CHECK_CONTAINS(error.text, why);
}

static void refuses_what_it_does_not_understand(void)
{
	check_refused("session wanted a.so\n", "s:1: unknown control 'wanted'");
	check_refused("\nsesion required a.so\n", "s:2: unknown type 'sesion'");
	check_refused("session\n", "s:1: no control word");
	check_refused("session required\n", "s:1: 'session' without a module");
	check_refused("@include\n", "s:1: '@include' without a file name");
	check_refused("session [success=ok a.so\n", "has no ']'");
	check_refused("session [success=ok]a.so\n", "blank after ']'");
	check_refused("session [success] a.so\n", "'success' in a control");
	check_refused("session [sucess=ok] a.so\n", "unknown return code 'sucess'");
	check_refused("session [success=okay] a.so\n", "unknown action 'okay'");
	check_refused("session [success=0] a.so\n", "unknown action '0'");
	check_refused("session [success=99999999999] a.so\n", "unknown action '99999999999'");
	check_refused("session [success=-1] a.so\n", "unknown action '-1'");
	check_refused("session required a.so\r\n", "control character 0x0d");
	check_refused("session required a.so \\\n", "ends in a '\\'");
	check_refused("session required \\ \na.so\n", "blank after the '\\'");
	check_refused("@include gone\n", "s:1: 'gone': gone: no such file");
	check_refused("@include s2\n", "include each other");
}

static void reads_lines_as_libpam_does(void)
{
	struct pamfile f = { 0 };

	CHECK_EQ(pamfile_parse("s",
			 "SESSION Optional \\\n# between\n\n  a.so x \\\n y # z\n-auth "
			 "[default=bad success=2]\t/l/b.so",
			 &f, &error),
		0);
	CHECK_EQ(f.n_lines, 2);
	if (f.n_lines != 2)
		return;
	CHECK_EQ(f.lines[0].type, PAMLINE_SESSION);
	CHECK_STR(f.lines[0].target, "a.so");
	CHECK_STR(f.lines[0].args, "x  y");
	CHECK_EQ(f.lines[1].number, 6);
	CHECK_EQ(f.lines[1].action[0], 2);
	CHECK_EQ(f.lines[1].action[25], PAMLINE_BAD);
	CHECK(pamline_is_module(&f.lines[1], PAMLINE_AUTH, "b.so"));
	pamfile_free(&f);
}

static void refuses_a_line_longer_than_libpam_reads(void)
{
	char text[1200] = "session required a.so ";

	memset(text + 22, 'x', 1100);
	check_refused(text, "longer than");
}

static void refuses_its_module_where_it_has_no_function(void)
{
	struct file files[] = { { "s", "account required pam_carrel.so\nsession required a.so\n" },
		{ 0 } };
	struct pamstack_source src = { file_load, files };
	struct pamstack_want want = { PAMSTACK_MODULE, NULL };
	char *text = NULL;

	CHECK_EQ(pamstack_enable(&src, "s", &want, &text, &error), -EINVAL);
	CHECK_CONTAINS(error.text, "s:1: 'pam_carrel.so' is for auth and session only");
}

static void finds_who_includes_whom(void)
{
	struct file files[] = { { "su-l", "auth include su\n" }, { "su", "@include common\n" },
		{ "common", "" }, { 0 } };
	struct pamstack_source src = { file_load, files };

	CHECK_EQ(pamstack_includes(&src, "su-l", "common", &error), 1);
	CHECK_EQ(pamstack_includes(&src, "su", "su-l", &error), 0);
	CHECK_EQ(pamstack_includes(&src, "gone", "su", &error), -ENOENT);
}

static void refuses_words_that_are_no_groups(void)
{
	CHECK_EQ(pamstack_check_groups("adm", &error), 0);
	CHECK_EQ(pamstack_check_groups("adm:wheel", &error), 0);
	CHECK_EQ(pamstack_check_groups("", &error), -EINVAL);
	CHECK_EQ(pamstack_check_groups("adm:", &error), -EINVAL);
	CHECK_EQ(pamstack_check_groups("-adm", &error), -EINVAL);
	CHECK_EQ(pamstack_check_groups("adm wheel", &error), -EINVAL);
	CHECK_EQ(pamstack_check_groups("adm\nsession", &error), -EINVAL);
}

int main(void)
{
	TEST(puts_its_lines_first_in_auth_and_last_in_session);
	TEST(its_own_outcome_is_sound);
	TEST(enabling_twice_changes_nothing);
	TEST(writes_a_guard_for_exempt_groups);
	TEST(keeps_arguments_written_by_hand);
	TEST(moves_a_line_that_is_no_longer_last);
	TEST(disabling_restores_every_byte);
	TEST(disabling_removes_guards_left_by_a_hand_edit);
	TEST(leaves_a_service_without_auth_alone_there);
	TEST(refuses_a_service_without_sessions);
	TEST(sees_what_skips_the_session_line);
	TEST(sees_what_skips_only_the_guard);
	TEST(allows_jumps_that_end_before_its_lines);
	TEST(an_auth_line_behind_others_is_seen);
	TEST(a_session_line_that_forgives_is_seen);
	TEST(a_second_line_is_seen);
	TEST(a_guard_must_land_behind_the_line);
	TEST(refuses_what_it_does_not_understand);
	TEST(reads_lines_as_libpam_does);
	TEST(refuses_a_line_longer_than_libpam_reads);
	TEST(refuses_its_module_where_it_has_no_function);
	TEST(finds_who_includes_whom);
	TEST(refuses_words_that_are_no_groups);
	return test_done();
}
