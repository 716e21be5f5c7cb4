/*
 * carrel-root - `carrel root` and `sudo` in a container: runs a program as its root, or as another
 * of its users.
 *
 * Trust:  setuid root of the container, mode 4710 with the user's group, on a tmpfs of the
 *         container. Who may execute it may run anything as that root: so nothing here decides, and
 *         the environment is put in order for the sake of programs that expect what sudo gives
 *         them. The memory it works with is still only as long as it is.
 * In:     arguments as sudo takes them, environment, 0 to 2. Others are closed.
 * Order:  options, target, gid, groups, uid (proved when it is not root), directory, execve in
 *         place: job control and the terminal need nobody in between.
 * Fails:  one line on stderr and exit 1, as sudo does; the status is the program's otherwise.
 * Links:  root.c root_options.c names.c say.c sys.c; static, no C library.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/door/names.h"
#include "helper/door/root_options.h"
#include "helper/door/say.h"

#define SAFE_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define FALLBACK_SHELL "/bin/sh"
#define COMMAND_TEXT_MAX 4096 /* SUDO_COMMAND is for people */
#define GROUPS_MAX 256

static const char usage[] =
	"usage: sudo [-EHikns] [-D DIR] [-g GROUP] [-u USER] [NAME=VALUE]... [COMMAND [ARG]...]\n"
	"       carrel root [the same]\n"
	"Without COMMAND: a shell. No password is asked for: this root is the container's, not the "
	"host's.\n";

/*
 * Kept without -E: how the terminal and the language are, and where the user's display and keys are
 * to be found.
 */
static const char *const kept[] = {
	"COLORTERM",
	"COLUMNS",
	"DISPLAY",
	"LANG",
	"LANGUAGE",
	"LC_*",
	"LINES",
	"LS_COLORS",
	"NO_COLOR",
	"PS1",
	"PS2",
	"SSH_AUTH_SOCK",
	"SSH_CLIENT",
	"SSH_CONNECTION",
	"SSH_TTY",
	"TERM",
	"TZ",
	"WAYLAND_DISPLAY",
	"XAUTHORITY",
	"XAUTHORIZATION",
	"XDG_RUNTIME_DIR",
};

struct root {
	struct root_options options;
	struct user caller, target;
	char shell[PATH_MAX];
	char file[PATH_MAX]; /* to execute */
	char **argv;
	char **envp;
	size_t n_env;
};

/* ---- memory: given back by execve ---- */

static void *memory_get(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		say(errno_text(errno), NULL);
		_exit(1);
	}
	return p;
}

static size_t strings_count(char *const *v)
{
	size_t n = 0;

	while (v[n])
		n++;
	return n;
}

static bool text_put(char *to, size_t size, const char *text)
{
	size_t n = strlen(text);

	if (n >= size)
		return false;
	memcpy(to, text, n + 1);
	return true;
}

/* ---- environment ---- */

static bool name_is(const char *assignment, const char *name, size_t n)
{
	return strncmp(assignment, name, n) == 0 && assignment[n] == '=';
}

static void env_put(struct root *r, char *assignment)
{
	const char *equals = strchr(assignment, '=');

	for (size_t i = 0; equals && i < r->n_env; i++)
		if (name_is(r->envp[i], assignment, (size_t)(equals - assignment))) {
			r->envp[i] = assignment;
			return;
		}
	r->envp[r->n_env++] = assignment;
}

static void env_set(struct root *r, const char *name, const char *value)
{
	size_t n = strlen(name), m = strlen(value);
	char *assignment = memory_get(n + m + 2);

	memcpy(assignment, name, n);
	assignment[n] = '=';
	memcpy(assignment + n + 1, value, m + 1);
	env_put(r, assignment);
}

static void env_set_id(struct root *r, const char *name, unsigned int id)
{
	char digits[11];
	size_t i = sizeof(digits) - 1;

	digits[i] = '\0';
	do {
		digits[--i] = (char)('0' + id % 10);
		id /= 10;
	} while (id > 0);
	env_set(r, name, digits + i);
}

static const char *env_get(const char *name)
{
	size_t n = strlen(name);

	for (char **e = environ; *e; e++)
		if (name_is(*e, name, n))
			return *e + n + 1;
	return NULL;
}

static bool is_in_list(const char *list, const char *assignment)
{
	while (list && *list != '\0') {
		const char *comma = strchr(list, ',');
		size_t n = comma ? (size_t)(comma - list) : strlen(list);

		if (name_is(assignment, list, n))
			return true;
		list = comma ? comma + 1 : NULL;
	}
	return false;
}

static bool is_kept(const struct root_options *o, const char *assignment)
{
	if (o->keep_environment || is_in_list(o->keep_names, assignment))
		return true;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		size_t n = strlen(kept[i]);

		if (kept[i][n - 1] == '*' ? strncmp(assignment, kept[i], n - 1) == 0
					  : name_is(assignment, kept[i], n))
			return true;
	}
	return false;
}

/* The command and its arguments, as one line. */
static void env_set_command(struct root *r)
{
	static char text[COMMAND_TEXT_MAX];
	size_t n = 0;

	for (size_t i = 0; i == 0 || r->argv[i]; i++) {
		const char *word = i == 0 ? r->file : r->argv[i];

		if (i > 0 && n + 1 < sizeof(text))
			text[n++] = ' ';
		for (; *word != '\0' && n + 1 < sizeof(text); word++)
			text[n++] = *word;
		if (!r->argv[0])
			break;
	}
	text[n] = '\0';
	env_set(r, "SUDO_COMMAND", text);
}

static void env_make(struct root *r)
{
	const struct root_options *o = &r->options;

	/* Ours besides: PATH, HOME, SHELL, USER, LOGNAME, MAIL, five of SUDO_, and the NULL. */
	r->envp = memory_get(
		(strings_count(environ) + strings_count(o->assignments) + 16) * sizeof(char *));
	for (char **e = environ; *e; e++)
		if (is_kept(o, *e))
			r->envp[r->n_env++] = *e;

	if (!o->keep_environment || o->set_home || o->login || !env_get("HOME"))
		env_set(r, "HOME", r->target.home);
	env_set(r, "PATH", SAFE_PATH);
	env_set(r, "SHELL", r->shell);
	env_set(r, "USER", r->target.name);
	env_set(r, "LOGNAME", r->target.name);
	env_set(r, "SUDO_USER", r->caller.name);
	env_set_id(r, "SUDO_UID", r->caller.uid);
	env_set_id(r, "SUDO_GID", r->caller.gid);
	env_set_command(r);
	for (char **a = o->assignments; a < o->command; a++)
		env_put(r, *a);
}

/* ---- who ---- */

static bool name_is_sane(const char *name)
{
	if (!name || *name == '\0' || *name == '-' ||
		strlen(name) >= sizeof(((struct user *)NULL)->name))
		return false;
	for (; *name != '\0'; name++)
		if (*name <= ' ' || *name == 0x7f || *name == ':' || *name == '/')
			return false;
	return true;
}

/*
 * A user of the directory service stands in no local file; what the session calls them will do for
 * SUDO_USER.
 */
static void caller_find(struct user *ret)
{
	const char *name = env_get("USER");

	if (user_by_uid(getuid(), ret) < 0)
		(void)text_put(ret->name, sizeof(ret->name), name_is_sane(name) ? name : "user");
	ret->uid = getuid();
	ret->gid = getgid();
}

static bool target_find(const struct root_options *o, const struct user *caller, struct user *ret)
{
	const char *wanted = o->user ? o->user : "root";
	unsigned int uid;

	if (!o->user || id_parse(wanted, &uid) == 0) {
		uid = o->user ? uid : 0;
		if (user_by_uid(uid, ret) == 0)
			return true;
		ret->uid = ret->gid = uid;
		return text_put(ret->home, sizeof(ret->home), "/") &&
		       text_put(ret->shell, sizeof(ret->shell), FALLBACK_SHELL) &&
		       text_put(ret->name, sizeof(ret->name), wanted);
	}
	if (user_by_name(wanted, ret) == 0)
		return true;
	if (strcmp(wanted, caller->name) == 0) {
		const char *home = env_get("HOME");

		*ret = *caller;
		(void)text_put(ret->shell, sizeof(ret->shell), FALLBACK_SHELL);
		return text_put(ret->home, sizeof(ret->home), home ? home : "/");
	}
	return false;
}

static bool target_group(const struct root_options *o, gid_t *gid)
{
	unsigned int id;

	if (!o->group)
		return true;
	if (group_by_name(o->group, gid) == 0)
		return true;
	if (id_parse(o->group, &id) < 0)
		return false;
	*gid = id;
	return true;
}

/* ---- what ---- */

static void shell_choose(struct root *r)
{
	const char *own = env_get("SHELL");
	const char *shell = r->target.shell;

	/*
	 * A shell asked for is the caller's favourite one; a login, and SHELL for a program, are
	 * the target's.
	 */
	if (!r->options.login && own && shell_is_listed(own) &&
		(r->options.shell || !*r->options.command))
		shell = own;
	if (!shell_is_listed(shell) || !text_put(r->shell, sizeof(r->shell), shell))
		(void)text_put(r->shell, sizeof(r->shell), FALLBACK_SHELL);
}

/*
 * For `sh -c`: every byte of every word means itself, but $ may ask for a variable of the new
 * environment.
 */
static char *command_quote(char **words)
{
	size_t n = 1;
	char *text, *to;

	for (char **w = words; *w; w++)
		n += 2 * strlen(*w) + 1;
	text = to = memory_get(n);
	for (char **w = words; *w; w++) {
		if (w > words)
			*to++ = ' ';
		for (const char *c = *w; *c != '\0'; c++) {
			bool is_plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
					(*c >= '0' && *c <= '9') || *c == '_' || *c == '-' ||
					*c == '$';

			if (!is_plain)
				*to++ = '\\';
			*to++ = *c;
		}
	}
	*to = '\0';
	return text;
}

static void shell_command(struct root *r)
{
	static char name[PATH_MAX + 1];
	static char *argv[4];
	const char *slash = strrchr(r->shell, '/');

	if (r->options.login)
		name[0] = '-';
	(void)text_put(name + (r->options.login ? 1 : 0), PATH_MAX, slash ? slash + 1 : r->shell);
	argv[0] = name;
	if (*r->options.command) {
		argv[1] = (char *)(uintptr_t) "-c";
		argv[2] = command_quote(r->options.command);
	}
	r->argv = argv;
	memcpy(r->file, r->shell, sizeof(r->file));
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

static bool path_search(const char *name, char ret[static PATH_MAX])
{
	size_t n = strlen(name);

	for (const char *dir = SAFE_PATH; dir;) {
		const char *colon = strchr(dir, ':');
		size_t m = colon ? (size_t)(colon - dir) : strlen(dir);

		if (m + n + 2 > PATH_MAX)
			return false;
		memcpy(ret, dir, m);
		ret[m] = '/';
		memcpy(ret + m + 1, name, n + 1);
		if (is_program(ret))
			return true;
		dir = colon ? colon + 1 : NULL;
	}
	return false;
}

static bool command_find(struct root *r)
{
	char *name = r->options.command[0];

	if (!name || r->options.shell || r->options.login) {
		shell_command(r);
		return true;
	}
	r->argv = r->options.command;
	if (strchr(name, '/'))
		return text_put(r->file, sizeof(r->file), name);
	return *name != '\0' && path_search(name, r->file);
}

/* ---- becoming ---- */

/* 0 or a negative errno. Nothing may follow this but what the target itself may do. */
static int become(const struct user *t)
{
	gid_t list[GROUPS_MAX];
	size_t n;

	if (setresgid(t->gid, t->gid, t->gid) < 0)
		return -errno;
	/*
	 * Root keeps the caller's groups: over files of people who do not exist in here they are
	 * all the power there is. Where setgroups is forbidden, because a group of the caller's is
	 * there to deny, nobody may drop it.
	 */
	if (t->uid != 0) {
		n = groups_of(t->name, t->gid, list, GROUPS_MAX);
		if (setgroups(n, list) < 0 && errno != EPERM)
			return -errno;
	}
	if (setresuid(t->uid, t->uid, t->uid) < 0)
		return -errno;
	if (t->uid != 0 && setuid(0) == 0)
		return -ENOTRECOVERABLE;
	return 0;
}

static bool directory_take(const struct root *r)
{
	/* A login without a home is still a login. */
	if (r->options.login)
		(void)chdir(r->target.home);
	if (!r->options.directory || chdir(r->options.directory) == 0)
		return true;
	say("cannot go to ", r->options.directory, ": ", errno_text(errno), NULL);
	return false;
}

/* A script without #! is the shell's, as execvp(3) has it. */
static void script_run(const struct root *r)
{
	size_t n = strings_count(r->argv);
	char **argv = memory_get((n + 2) * sizeof(char *));

	argv[0] = (char *)(uintptr_t)FALLBACK_SHELL;
	argv[1] = (char *)(uintptr_t)r->file;
	for (size_t i = 1; i < n; i++)
		argv[i + 1] = r->argv[i];
	(void)execve(argv[0], argv, r->envp);
}

static void run(const struct root *r)
{
	(void)umask(umask(0) | 022);
	(void)execve(r->file, r->argv, r->envp);
	if (errno == ENOEXEC)
		script_run(r);
	say(r->file, ": ", errno_text(errno), NULL);
}

static int prepare(struct root *r)
{
	const struct root_options *o = &r->options;

	caller_find(&r->caller);
	if (!target_find(o, &r->caller, &r->target)) {
		say("there is no user '", o->user, "' in /etc/passwd", NULL);
		return -ENOENT;
	}
	if (!target_group(o, &r->target.gid)) {
		say("there is no group '", o->group, "' in /etc/group", NULL);
		return -ENOENT;
	}
	shell_choose(r);
	if (!command_find(r)) {
		say(o->command[0], ": command not found", NULL);
		return -ENOENT;
	}
	env_make(r);
	return 0;
}

static void stdio_fill(void)
{
	int fd;

	/* Whatever the program opens first must not become its stdout. */
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	(void)close_range(3, UINT_MAX, 0);
}

static int options_read(char **argv, struct root_options *ret)
{
	const char *why = "", *bad = "";

	if (!argv[0] || !root_options_parse(argv + 1, ret, &why, &bad)) {
		say(why, " '", bad, "'", NULL);
		(void)write(2, usage, sizeof(usage) - 1);
		return -EINVAL;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct root r;
	int code;

	(void)argc;
	stdio_fill();
	if (options_read(argv, &r.options) < 0)
		return 1;
	if (r.options.help) {
		(void)write(1, usage, sizeof(usage) - 1);
		return 0;
	}
	if (geteuid() != 0) {
		say("this session may not have root: its profile says so, or no_new_privs is set",
			NULL);
		return 1;
	}
	if (r.options.only_validates)
		return 0;

	if (prepare(&r) < 0)
		return 1;
	code = become(&r.target);
	if (code < 0) {
		say("cannot become '", r.target.name, "': ", errno_text(-code), NULL);
		return 1;
	}
	if (directory_take(&r))
		run(&r);
	return 1;
}
