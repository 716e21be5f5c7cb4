/*
 * command - the relay's child on its way to being the user's program.
 *
 * Trust:  begins as root of the container, not dumpable. The request and the payload are the
 *         user's: every length is checked, and nothing of them is acted on before the drop except
 *         which terminal goes where.
 * In:     RELAY_PAYLOAD, RELAY_FILTER, RELAY_STDIN.., maybe RELAY_NARROW, and the pty's slave.
 * Order:  stdio, dispositions; bounding set; directory; drop to the user and prove it; cwd; no_new_privs or the one
 *         capability that attaching needs; filter; execve. After the filter comes nothing but
 *         execve, which ends that capability too.
 * Fails:  the step's name and errno, told to the door; never the program with less around it than
 *         was asked for.
 */
#include "helper/door/command.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper/door/names.h"
#include "helper/public/program.h"
#include "helper/public/relay.h"

#define USUAL_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The payload in memory. The strings stay where they are; only the tables of pointers are made. */
struct payload {
	char *file;
	char *cwd;
	char **argv;
	char **envp;
	size_t n_env; /* envp has room for one more */
};

/* The next string, or NULL at the end. The last byte is known to be NUL. */
static char *string_take(char **at, const char *end)
{
	char *s = *at;

	if (s >= end)
		return NULL;
	*at = s + strlen(s) + 1;
	return s;
}

static size_t strings_count(const char *at, const char *end)
{
	size_t n = 0;

	for (; at < end; at++)
		n += *at == '\0';
	return n;
}

static int payload_map(const struct command *c, char **ret)
{
	const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
	struct stat st;
	char *map;
	int got;

	/* Unsealed, it could change between the check and the use. */
	got = fcntl(RELAY_PAYLOAD, F_GET_SEALS);
	if (got < 0)
		return -errno;
	if ((got & seals) != seals)
		return -EPERM;

	if (fstat(RELAY_PAYLOAD, &st) < 0)
		return -errno;
	if (st.st_size != c->req.payload || c->req.payload == 0 ||
		c->req.payload > ENTER_PAYLOAD_MAX)
		return -EMSGSIZE;

	map = mmap(NULL, c->req.payload, PROT_READ, MAP_PRIVATE, RELAY_PAYLOAD, 0);
	if (map == MAP_FAILED)
		return -errno;
	if (map[c->req.payload - 1] != '\0')
		return -EBADMSG;
	*ret = map;
	return 0;
}

static int payload_read(const struct command *c, struct payload *ret)
{
	char *at = NULL, *end;
	char **table;
	size_t n;
	int r;

	r = payload_map(c, &at);
	if (r < 0)
		return r;
	end = at + c->req.payload;

	n = strings_count(at, end);
	if (n < 2 || c->req.argc > n - 2)
		return -EBADMSG;
	/*
	 * Two of the strings are no arguments, each table ends with NULL, and one more is room for
	 * HOME.
	 */
	table = mmap(NULL, (n + 1) * sizeof(*table), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (table == MAP_FAILED)
		return -errno;

	ret->file = string_take(&at, end);
	ret->cwd = string_take(&at, end);
	if (ret->file[0] != '/' && !(c->flags & RELAY_LAUNCHED))
		return -EBADMSG;

	ret->argv = table;
	for (uint32_t i = 0; i < c->req.argc; i++)
		*table++ = string_take(&at, end);
	*table++ = NULL;
	ret->envp = table;
	while ((*table = string_take(&at, end)))
		table++;
	ret->n_env = (size_t)(table - ret->envp);
	return 0;
}

static int stdio_take(const struct command *c)
{
	for (int i = 0; i < 3; i++) {
		bool is_tty = c->slave >= 0 && (c->req.ttys & ENTER_TTY(i));

		if (dup2(is_tty ? c->slave : RELAY_STDIN + i, i) < 0)
			return -errno;
	}
	/* The program gets 0, 1 and 2; what is needed until then goes with the execve. */
	if (close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
		return -errno;
	return 0;
}

static void signals_reset(void)
{
	const struct sigaction dfl = { .sa_handler = SIG_DFL };

	for (int sig = 1; sig < _NSIG; sig++)
		(void)sigaction(sig, &dfl, NULL);
}

/* Capabilities for a user's program: none, but where the user may be root, too. */
static uint32_t ambient(const struct command *c, int i)
{
	return c->flags & RELAY_ROOT ? c->req.caps_ambient[i] & ~c->req.caps_lost[i] : 0;
}

/*
 * Effective until the execve is at most what attaching needs, so that the drop can be proved; the execve makes the ambient ones
 * effective, and them alone.
 */
static int caps_keep(const struct command *c, bool attaches)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	if (attaches)
		data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective = CAP_TO_MASK(CAP_SYS_ADMIN);
	for (int i = 0; i < 2; i++) {
		data[i].inheritable = ambient(c, i);
		data[i].permitted = data[i].effective | ambient(c, i);
	}
	/* What is not inheritable goes from the ambient set as well. */
	if (syscall(SYS_capset, &head, data) < 0)
		return -errno;
	for (unsigned long cap = 0; cap < 64; cap++)
		if (ambient(c, (int)cap / 32) >> cap % 32 & 1 &&
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0L, 0L) < 0 && errno != EINVAL)
			return -errno;
	return 0;
}

/* What is not in this set, nothing that is executed gets: neither root's programs nor set-user-ID ones. */
static int caps_bound(const struct command *c)
{
	for (unsigned long cap = 0; cap < 64; cap++)
		if (c->req.caps_lost[cap / 32] >> cap % 32 & 1 && prctl(PR_CAPBSET_DROP, cap, 0L, 0L, 0L) < 0) {
			/* One that this kernel does not have: they come in one row. */
			if (errno == EINVAL)
				return 0;
			return -errno;
		}
	return 0;
}

/* Whoever can be root again, or has another gid than the helper promised, must not go on. */
static int drop_prove(const struct command *c)
{
	gid_t r, e, s;

	if (setuid(0) == 0)
		return -ENOTRECOVERABLE;
	if (getresgid(&r, &e, &s) < 0)
		return -errno;
	if (r != c->gid || e != c->gid || s != c->gid)
		return -ENOTRECOVERABLE;
	return 0;
}

/* Where policy forbids setgroups() (negative groups), those the container began with stay: they are the user's own. */
static int groups_take(const struct command *c)
{
	if (!(c->flags & RELAY_LAUNCHED))
		return 0;
	if (c->n_groups > 0 && setgroups(c->n_groups, c->groups) < 0 && errno != EPERM)
		return -errno;
	return setresgid(c->gid, c->gid, c->gid) < 0 ? -errno : 0;
}

static int drop(const struct command *c)
{
	bool is_nnp = c->flags & RELAY_NNP, keeps = !is_nnp || ambient(c, 0) || ambient(c, 1);
	int r;

	if (is_nnp && prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0)
		return -errno;
	r = groups_take(c);
	if (r < 0)
		return r;
	if (c->uid == 0)
		return 0;

	/*
	 * Without no_new_privs attaching needs CAP_SYS_ADMIN. It is kept over the drop, alone,
	 * because the other order would put setresuid() and its proof behind a filter. The execve
	 * of a user takes it away [capabilities(7)], and until then the process is not dumpable and
	 * runs nothing but this file. What the user is to have anyway is kept with it.
	 */
	if (keeps && prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) < 0)
		return -errno;
	if (setresuid(c->uid, c->uid, c->uid) < 0)
		return -errno;
	if (keeps) {
		r = caps_keep(c, !is_nnp);
		if (r < 0)
			return r;
	}
	return drop_prove(c);
}

static const char *variable(const struct payload *p, const char *name)
{
	size_t n = strlen(name);

	for (char **e = p->envp; *e; e++)
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return *e + n + 1;
	return NULL;
}

/* Who a launched program runs as is known only here, in the image. */
static void home_add(const struct command *c, struct payload *p)
{
	static char text[5 + PATH_MAX];
	static struct user u;
	const char *home = "/";

	char **entry = p->envp;

	while (*entry && strncmp(*entry, "HOME=", 5) != 0)
		entry++;
	/* Empty it is as good as none to runtimes of OCI bundles, and so to their images. */
	if (*entry && (*entry)[5] != '\0')
		return;
	if (user_by_uid(c->uid, &u) == 0 && u.home[0] == '/')
		home = u.home;
	memcpy(text, "HOME=", 5);
	memcpy(text + 5, home, strlen(home) + 1);
	if (!*entry)
		p->envp[++p->n_env] = NULL;
	*entry = text;
}

/* A launch's directory need not be there: whoever built the image wrote it down, and did not make it. 0, or why one was not made. */
static int directory_make(const char *path)
{
	char upto[PATH_MAX];
	size_t n = strlen(path);
	int r = 0;

	if (n >= sizeof(upto))
		return -ENAMETOOLONG;
	memcpy(upto, path, n + 1);
	for (size_t i = 1; r == 0 && i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		upto[i] = '\0';
		r = syscall(SYS_mkdirat, AT_FDCWD, upto, 0755L) < 0 && errno != EEXIST ? -errno : 0;
		upto[i] = path[i];
	}
	return r;
}

static bool is_begun(const struct command *c)
{
	return (c->flags & RELAY_LAUNCHED) && (c->flags & RELAY_INIT);
}

/*
 * Of root's it is, where the user may be root: as in images. Where not, what root made in a tree or at a place of the user's would
 * be nobody's on disk, and cwd_take() makes it as the user.
 */
static void cwd_make(const struct command *c, const struct payload *p)
{
	if (is_begun(c) && c->flags & RELAY_ROOT && p->cwd[0] == '/' &&
		syscall(SYS_faccessat, AT_FDCWD, p->cwd, (long)F_OK) < 0 && errno == ENOENT)
		(void)directory_make(p->cwd);
}

/*
 * As the user. What a door's caller's directory is called need not exist here, and a shell must start
 * all the same. A launch was told where to go.
 */
static int cwd_take(const struct command *c, const struct payload *p)
{
	const char *home = variable(p, "HOME");
	int r;

	if (p->cwd[0] == '/' && chdir(p->cwd) == 0)
		return 0;
	if (c->flags & RELAY_LAUNCHED) {
		r = p->cwd[0] == '/' ? -errno : -EINVAL;
		if (r == -ENOENT && is_begun(c)) {
			r = directory_make(p->cwd);
			if (r == 0 && chdir(p->cwd) < 0)
				r = -errno;
		}
		return r;
	}
	if (chdir(home ? home : "/") == 0)
		return 0;
	if (chdir("/") < 0)
		return -errno;
	return 0;
}

/* As execvpe(3) does, with the PATH that the program will have. What it found but may not execute is the better answer. */
static int execute_found(const struct payload *p)
{
	static char file[2 * PATH_MAX];
	const char *at = variable(p, "PATH");
	size_t n = strlen(p->file);
	int code = ENOENT;

	if (!at || *at == '\0')
		at = USUAL_PATH;
	if (n == 0 || n >= PATH_MAX)
		return n == 0 ? -ENOENT : -ENAMETOOLONG;
	for (;;) {
		size_t len = 0;

		while (at[len] != '\0' && at[len] != ':')
			len++;
		if (len > 0 && len < PATH_MAX) {
			memcpy(file, at, len);
			file[len] = '/';
			memcpy(file + len + 1, p->file, n + 1);
			(void)execve(file, p->argv, p->envp);
			if (errno == EACCES)
				code = EACCES;
			else if (errno != ENOENT && errno != ENOTDIR)
				return -errno;
		}
		if (at[len] == '\0')
			return -code;
		at += len + 1;
	}
}

static int execute(const struct command *c, const struct payload *p)
{
	if ((c->flags & RELAY_LAUNCHED) && !strchr(p->file, '/'))
		return execute_found(p);
	(void)execve(p->file, p->argv, p->envp);
	return -errno;
}

/* The step, with the directory, which need not be one that the caller named. */
static const char *cwd_step(const struct payload *p)
{
	static const char what[] = "working directory ";
	static char step[sizeof(((struct enter_event *)NULL)->text)];
	size_t at = sizeof(what) - 1, n = strlen(p->cwd), room = sizeof(step) - 1 - at;

	memcpy(step, what, at);
	memcpy(step + at, p->cwd, n < room ? n : room);
	if (n > room)
		memcpy(step + sizeof(step) - 4, "...", 3);
	return step;
}

int command_become(const struct command *c, const char **ret_step)
{
	struct payload p = { 0 };
	sigset_t none;
	int r;

	*ret_step = "request";
	r = payload_read(c, &p);
	if (r < 0)
		return r;

	*ret_step = "stdio";
	r = stdio_take(c);
	if (r < 0)
		return r;
	if (c->flags & RELAY_LAUNCHED)
		home_add(c, &p);

	signals_reset();
	(void)umask(c->req.umask & 0777);

	*ret_step = "drop of privilege";
	r = caps_bound(c);
	if (r < 0)
		return r;
	cwd_make(c, &p);
	r = drop(c);
	if (r == -EINVAL) {
		*ret_step = "the container has no such user or group ID";
		return STEP_SAYS_ALL;
	}
	if (r < 0)
		return r;
	/* With other IDs it became what fs.suid_dumpable says: 1, and root inside could trace what has no filter yet. Its execve resets it. */
	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);

	r = cwd_take(c, &p);
	if (r < 0) {
		*ret_step = cwd_step(&p);
		return r;
	}

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);

	*ret_step = "filter";
	r = program_attach(RELAY_FILTER);
	if (r < 0)
		return r;
	/* After the policy's, which must not depend on what the caller's forbids. */
	*ret_step = "the caller's own filter";
	if (c->flags & RELAY_NARROWED)
		r = program_attach(RELAY_NARROW);
	if (r < 0)
		return r;

	*ret_step = "";
	return execute(c, &p);
}
