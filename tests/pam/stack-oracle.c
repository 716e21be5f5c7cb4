/*
 * Holds policy/pamstack.c against libpam: makes stacks at random, with included files, substacks
 * and jumps, has them judged, and runs them in libpam with modules that return anything. What was
 * judged sound must be so in every run.
 *
 * Run in a private mount namespace in which /etc/pam.d is an empty directory of its own:
 * stack-oracle MODULE CARREL SEED COUNT (MODULE is pam_say.so, CARREL the same file under the name
 * pam_carrel.so.)
 */
#include <errno.h>
#include <security/pam_appl.h>
#include <stdarg.h>

#include "policy/base/err.h"
#include "policy/pamstack.h"
#include "tests/lib/test.h"

#define RUNS 40
#define FILES 3

static const char *module_path, *carrel_path;
static unsigned count;
static char text[FILES][8192];
static const char *const file_names[FILES] = { "svc", "inc1", "inc2" };
static unsigned tags;

/* What was seen over all stacks; a test that saw only one side proves nothing. */
static struct {
	unsigned sound, troubled, proved, auth_sound, auth_troubled, auth_proved, success;
} seen;

static unsigned dice(unsigned sides)
{
	return (unsigned)random() % sides;
}

static int file_load(void *ctx, const char *name, char **ret_text, char **ret_path, struct err *e)
{
	(void)ctx;
	for (int i = 0; i < FILES; i++) {
		if (strcmp(name, file_names[i]))
			continue;
		*ret_text = strdup(text[i]);
		*ret_path = strdup(name);
		return 0;
	}
	return err_set(e, ENOENT, "%s: no such file", name);
}

static const struct pamstack_source source = { file_load, NULL };

static void text_add(int file, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void text_add(int file, const char *fmt, ...)
{
	size_t n = strlen(text[file]);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text[file] + n, sizeof(text[file]) - n, fmt, ap);
	va_end(ap);
}

static const char *control_make(char *buf, size_t size)
{
	static const char *const plain[] = { "required", "requisite", "sufficient", "optional",
		"required", "optional" };
	static const char *const words[] = { "ignore", "ok", "done", "bad", "die", "reset", "1",
		"2", "3", "1" };
	static const char *const codes[] = { "success", "auth_err", "ignore", "session_err" };
	size_t n;

	if (dice(3))
		return plain[dice(6)];
	n = (size_t)snprintf(buf, size, "[default=%s", words[dice(10)]);
	for (int i = 0; i < 4; i++)
		if (dice(2))
			n += (size_t)snprintf(
				buf + n, size - n, " %s=%s", codes[i], words[dice(10)]);
	snprintf(buf + n, size - n, "]");
	return buf;
}

static void lines_make(int file, int depth)
{
	static const char *const types[] = { "auth", "session" };
	unsigned n = 1 + dice(4);
	char control[128];

	for (unsigned i = 0; i < n; i++) {
		const char *type = types[dice(2)];

		if (depth < FILES - 1 && dice(4) == 0) {
			if (dice(3) == 0)
				text_add(file, "@include %s\n", file_names[depth + 1]);
			else
				text_add(file, "%s %s %s\n", type, dice(2) ? "include" : "substack",
					file_names[depth + 1]);
			continue;
		}
		text_add(file, "%s %s %s tag=t%u\n", type, control_make(control, sizeof(control)),
			module_path, tags++);
	}
}

static void stack_make(void)
{
	tags = 0;
	for (int i = FILES - 1; i >= 0; i--) {
		text[i][0] = '\0';
		lines_make(i, i);
	}
	if (dice(2)) /* a line of ours that somebody put anywhere */
		text_add((int)dice(2), "%s %s\n", dice(2) ? "session required" : "auth optional",
			carrel_path);
	if (dice(3) == 0)
		lines_make(0, 0);
}

static bool files_write(void)
{
	for (int i = 0; i < FILES; i++) {
		char path[64];
		FILE *f;

		snprintf(path, sizeof(path), "/etc/pam.d/%s", file_names[i]);
		f = fopen(path, "we");
		if (!f || fputs(text[i], f) < 0 || fclose(f) != 0)
			return false;
	}
	return true;
}

static int conversation(
	int n, const struct pam_message **msg, struct pam_response **resp, void *data)
{
	(void)n, (void)msg, (void)resp, (void)data;
	return PAM_CONV_ERR;
}

static void returns_set(const char *carrel)
{
	static const char *const values[] = { "0", "0", "0", "25", "7", "14", "12", "6" };
	char name[32];

	for (unsigned i = 0; i < tags; i++) {
		snprintf(name, sizeof(name), "SAY_t%u", i);
		setenv(name, values[dice(8)], 1);
	}
	setenv("SAY_carrel", carrel, 1);
	setenv("SAID_carrel", "", 1);
}

static pam_handle_t *service_start(const char *user)
{
	static const struct pam_conv conv = { conversation, NULL };
	pam_handle_t *h = NULL;

	if (pam_start("svc", user, &conv, &h) != PAM_SUCCESS)
		return NULL;
	return h;
}

static void stack_show(const char *why, const struct pamstack_report *r)
{
	printf("# %s; judged: auth '%s' session '%s'\n", why, r->auth_trouble, r->session_trouble);
	for (int i = 0; i < FILES; i++) {
		printf("# == %s\n", file_names[i]);
		for (char *line = text[i]; *line; line += strcspn(line, "\n") + 1)
			printf("# %.*s\n", (int)strcspn(line, "\n"), line);
	}
}

/* True when a session was opened without our module, or root's ran it in spite of the guard. */
static bool session_escapes(const struct pamstack_report *r, const char *user)
{
	pam_handle_t *h = service_start(user);
	int opened;

	if (!h)
		return false;
	returns_set("0");
	opened = pam_open_session(h, 0);
	pam_end(h, opened);
	seen.success += opened == PAM_SUCCESS;
	if (!strcmp(user, "root"))
		return r->guarded && strchr(getenv("SAID_carrel"), 'o');
	return opened == PAM_SUCCESS && !strchr(getenv("SAID_carrel"), 'o');
}

/* True when a setcred did not reach our module. */
static bool setcred_escapes(bool authenticate)
{
	pam_handle_t *h = service_start("nobody");
	int r;

	if (!h)
		return false;
	returns_set("25");
	if (authenticate)
		(void)pam_authenticate(h, 0);
	setenv("SAID_carrel", "", 1);
	r = pam_setcred(h, PAM_ESTABLISH_CRED);
	pam_end(h, r);
	return !strchr(getenv("SAID_carrel"), 's');
}

static void session_compare(const struct pamstack_report *r)
{
	bool escaped = false;

	for (int i = 0; i < RUNS && !escaped; i++)
		escaped = session_escapes(r, i % 4 ? "nobody" : "root");
	if (*r->session_trouble) {
		seen.troubled++;
		seen.proved += escaped;
		return;
	}
	seen.sound++;
	if (escaped)
		stack_show("a session got past the module", r);
	CHECK(!escaped);
}

static void auth_compare(const struct pamstack_report *r)
{
	bool escaped = false;

	for (int i = 0; i < RUNS && !escaped; i++)
		escaped = setcred_escapes(i % 2);
	if (*r->auth_trouble) {
		seen.auth_troubled++;
		seen.auth_proved += escaped;
		return;
	}
	seen.auth_sound++;
	if (escaped)
		stack_show("a setcred got past the module", r);
	CHECK(!escaped);
}

static void stack_try(bool enable)
{
	struct pamstack_want want = { carrel_path, NULL };
	struct pamstack_report r;
	struct err e;
	char *with = NULL;
	int ret;

	stack_make();
	if (enable) {
		ret = pamstack_enable(&source, "svc", &want, &with, &e);
		if (ret == -ENOTSUP)
			return;
		CHECK_EQ(ret, 0);
		if (ret < 0)
			return;
		snprintf(text[0], sizeof(text[0]), "%s", with);
		free(with);
	}
	ret = pamstack_judge(&source, "svc", &r, &e);
	CHECK_EQ(ret, 0);
	if (ret < 0)
		return;
	CHECK(files_write());
	if (r.session_lines > 0)
		session_compare(&r);
	if (r.auth_lines > 0)
		auth_compare(&r);
}

static void what_is_judged_sound_is_so_in_libpam(void)
{
	for (unsigned i = 0; i < count; i++)
		stack_try(i % 2);
	printf("# session: %u sound, %u troubled of which %u shown by a run; %u runs opened a "
	       "session\n",
		seen.sound, seen.troubled, seen.proved, seen.success);
	printf("# auth: %u sound, %u troubled of which %u shown by a run\n", seen.auth_sound,
		seen.auth_troubled, seen.auth_proved);
}

static void both_sides_were_seen(void)
{
	CHECK(seen.sound > count / 20);
	CHECK(seen.auth_sound > count / 20);
	CHECK(seen.proved > count / 50);
	CHECK(seen.auth_proved > count / 50);
	CHECK(seen.success > count);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	module_path = argv[1];
	carrel_path = argv[2];
	srandom((unsigned)atoi(argv[3]));
	count = (unsigned)atoi(argv[4]);
	TEST(what_is_judged_sound_is_so_in_libpam);
	TEST(both_sides_were_seen);
	return test_done();
}
