/*
 * bundle - `carrel run --bundle DIR`: what config.json asks for, as options of `carrel run`.
 *
 * Trust:  runs as the caller and is never privileged: policy is the helper's. The bundle is
 *         somebody else's, perhaps: what it names lies in it, but for the sources of binds, which
 *         policy judges, and what runs in it cannot rewrite it.
 * In:     the arguments of `carrel run`, which it found to be right; environment, cwd, descriptors.
 * Order:  options, config.json, tree, filter; limits last, as they hold for this
 *         process, too; exec.
 * Fails:  one line on stderr, exit 125.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/cli/bundle_config.h"
#include "helper/cli/bundle_filter.h"
#include "helper/cli/bundle_json.h"
#include "helper/cli/cli.h"
#include "helper/cli/filter_import.h"
#include "helper/public/syscalls.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/io.h"
#include "policy/base/parse.h"
#include "policy/base/paths.h"

#define FAILED 125

struct command {
	const char *dir;
	bool tty, has_workdir, has_user, has_net, has_caps, has_ambient, has_hostname, has_domainname,
		read_only, no_new_privs, no_tty;
	struct strv options; /* the caller's, for `carrel run` */
	struct strv said; /* --env, in order */
	char **words; /* the command; empty: the bundle's */
};

struct launch {
	struct command c;
	struct bundle b;
	int dir_fd, root_fd, filter_fd;
	char dir[PATH_MAX], root[PATH_MAX]; /* as the kernel calls them */
	struct strv argv, env;
};

static int no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "out of memory");
}

static int add(struct strv *v, const char *word, struct err *e)
{
	return strv_add(v, word, strlen(word)) < 0 ? no_memory(e) : 0;
}

static int add_two(struct strv *v, const char *option, const char *value, struct err *e)
{
	int r = add(v, option, e);

	return r == 0 ? add(v, value, e) : r;
}

/* ---- the caller's options ---- */

static int option_take(struct command *c, int letter, const char *name, struct err *e)
{
	char option[40];
	bool *flag = letter == 'w'   ? &c->has_workdir
		     : letter == 'u' ? &c->has_user
		     : letter == 'n' ? &c->has_net
		     : letter == 'a' ? &c->has_ambient
		     : letter == 'h' ? &c->has_hostname
		     : letter == 'o' ? &c->has_domainname
		     : letter == 'c' ? &c->has_caps
		     : letter == 'r' ? &c->read_only
		     : letter == 'p' ? &c->no_new_privs
		     : letter == 'T' ? &c->no_tty
				     : NULL;
	int r;

	if (letter == 'b' || letter == 't' || letter == 'e' || letter == 'i') {
		c->dir = letter == 'b' ? optarg : c->dir;
		c->tty |= letter == 't';
		return letter == 'e' ? add(&c->said, optarg, e) : 0;
	}
	if (flag)
		*flag = true;
	(void)snprintf(option, sizeof(option), "--%s", name);
	r = add(&c->options, option, e);
	return r == 0 && optarg ? add(&c->options, optarg, e) : r;
}

static int command_read(int argc, char **argv, struct command *c, struct err *e)
{
	/*
	 * As in helper/door/launch_options.c. What is looked at here has a letter of its own; 'x'
	 * goes through.
	 */
	static const struct option options[] = {
		{ "ambient", required_argument, NULL, 'a' },
		{ "bind", required_argument, NULL, 'v' },
		{ "bundle", required_argument, NULL, 'b' },
		{ "caps", required_argument, NULL, 'c' },
		{ "detach", no_argument, NULL, 'd' },
		{ "domainname", required_argument, NULL, 'o' },
		{ "env", required_argument, NULL, 'e' },
		{ "home", no_argument, NULL, 'x' },
		{ "hostname", required_argument, NULL, 'h' },
		{ "interactive", no_argument, NULL, 'i' },
		{ "keep", no_argument, NULL, 'x' },
		{ "name", required_argument, NULL, 'x' },
		{ "narrow", required_argument, NULL, 'x' },
		{ "net", required_argument, NULL, 'n' },
		{ "network", required_argument, NULL, 'n' },
		{ "no-new-privs", no_argument, NULL, 'p' },
		{ "no-tty", no_argument, NULL, 'T' },
		{ "profile", required_argument, NULL, 'x' },
		{ "read-only", no_argument, NULL, 'r' },
		{ "rm", no_argument, NULL, 'x' },
		{ "tmpfs", required_argument, NULL, 'x' },
		{ "tty", no_argument, NULL, 't' },
		{ "user", required_argument, NULL, 'u' },
		{ "volume", required_argument, NULL, 'v' },
		{ "workdir", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	int letter, index, r = 0;

	optind = 0;
	opterr = 0;
	while (r == 0 && (index = -1, letter = getopt_long(argc, argv, "+:v:de:iTtu:w:", options,
					      &index)) != -1) {
		for (int i = 0; index < 0 && options[i].name; i++)
			if (options[i].val == letter)
				index = i;
		if (letter == '?' || letter == ':' || index < 0)
			return err_set(e, EINVAL, "'%s': no option that goes with --bundle",
				argv[optind - 1]);
		r = option_take(c, letter, options[index].name, e);
	}
	c->words = argv + optind;
	if (r == 0 && !c->dir)
		return err_set(e, EINVAL, "which --bundle?");
	return r;
}

/* ---- the bundle ---- */

static int real_path(int fd, char ret[static PATH_MAX], struct err *e)
{
	char link[32];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, PATH_MAX);
	if (n <= 0 || n >= PATH_MAX || ret[0] != '/')
		return err_set(e, ENAMETOOLONG, "the bundle has no path that could be told");
	ret[n] = '\0';
	return 0;
}

static int configuration_read(struct launch *l, char **ret, size_t *ret_len, struct err *e)
{
	_cleanup_fd_ int fd = -1;
	int r;

	l->dir_fd = open(l->c.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (l->dir_fd < 0)
		return err_set(e, errno, "bundle '%s': %s", l->c.dir, strerror(errno));
	fd = sys_openat2(l->dir_fd, "config.json", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
	if (fd < 0)
		return err_set(e, errno, "bundle '%s': config.json: %s", l->c.dir, strerror(errno));
	r = fd_check_type(fd, S_IFREG, e);
	if (r == 0)
		r = fd_read_all(fd, JSON_BYTES_MAX, ret, ret_len, e);
	if (r < 0)
		return err_wrap(e, r, "bundle '%s': config.json", l->c.dir);
	l->b.own_uid = geteuid();
	l->b.own_gid = getegid();
	return bundle_read(*ret, *ret_len, &l->b, e);
}

static int root_open(struct launch *l, struct err *e)
{
	struct stat dir, root;
	char buf[64];
	const char *shown = import_printable(l->b.root, buf);

	l->root_fd = sys_openat2(l->dir_fd, l->b.root, O_PATH | O_DIRECTORY | O_CLOEXEC,
		(l->b.root[0] == '/' ? 0 : RESOLVE_BENEATH) | RESOLVE_NO_MAGICLINKS);
	if (l->root_fd >= 0) {
		int r = real_path(l->root_fd, l->root, e);

		if (r < 0)
			return r;
		errno = EXDEV;
	}
	/* An absolute path is judged by where it led: the helper is told that, not the path. */
	if (l->root_fd < 0 || !path_inside(l->dir, l->root))
		return err_set(e, errno, "config.json: root.path: '%s'%s%s", shown,
			errno == EXDEV ? " " : ": ",
			errno == EXDEV ? "leaves the bundle" : strerror(errno));
	if (fstat(l->dir_fd, &dir) < 0 || fstat(l->root_fd, &root) < 0)
		return err_set(
			e, errno, "config.json: root.path: '%s': %s", shown, strerror(errno));
	if (dir.st_dev == root.st_dev && dir.st_ino == root.st_ino)
		return err_set(e, EINVAL,
			"config.json: root.path: '%s' is the bundle itself: what runs in it could "
			"rewrite it",
			shown);
	return 0;
}

/* ---- its groups ---- */

static FILE *file_open(const struct launch *l, const char *path)
{
	struct err e;
	int fd = sys_openat2(l->root_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	FILE *f = fd >= 0 && fd_check_type(fd, S_IFREG, &e) == 0 ? fdopen(fd, "re") : NULL;

	if (!f && fd >= 0)
		(void)close(fd);
	return f;
}

/* malloc'ed; NULL: the tree has no such user. */
static char *user_name(const struct launch *l)
{
	_cleanup_file_ FILE *f = file_open(l, "/etc/passwd");
	const struct passwd *p;

	while (f && (p = fgetpwent(f)))
		if (p->pw_uid == l->b.uid)
			return p->pw_gid == l->b.gid ? strdup(p->pw_name) : NULL;
	return NULL;
}

static bool is_member(const struct group *g, const char *name)
{
	for (char **member = g->gr_mem; *member; member++)
		if (strcmp(*member, name) == 0)
			return true;
	return false;
}

/* The wanted groups are those of the tree's /etc/group, no more and no less. */
static bool groups_are(const struct launch *l, const char *name)
{
	_cleanup_file_ FILE *f = file_open(l, "/etc/group");
	bool has[BUNDLE_GROUPS_MAX] = { false };
	const struct group *g;
	size_t i, n = 0;

	while (f && (g = fgetgrent(f))) {
		if (!is_member(g, name) || g->gr_gid == l->b.gid)
			continue;
		for (i = 0; i < l->b.n_groups && l->b.groups[i] != g->gr_gid; i++)
			;
		if (i == l->b.n_groups)
			return false;
		n += !has[i];
		has[i] = true;
	}
	return n == l->b.n_groups;
}

/* umoci(1) writes down what the image's files give the user anyway; other groups are nobody's to give. */
static int groups_check(const struct launch *l, struct err *e)
{
	_cleanup_free_ char *name = NULL;

	if (l->b.n_groups == 0 || l->c.has_user)
		return 0;
	name = user_name(l);
	if (name && groups_are(l, name))
		return 0;
	return err_set(e, EINVAL,
		"config.json: process.user.additionalGids: other groups than the tree's /etc/group "
		"gives this user cannot be had");
}

/* ---- its binds ---- */

static int source_find(const struct launch *l, const struct bundle_bind *b,
	char ret[static PATH_MAX], struct err *e)
{
	int n = snprintf(ret, PATH_MAX, "%s%s%s", b->source[0] == '/' ? "" : l->dir,
		b->source[0] == '/' ? "" : "/", b->source);

	return n < PATH_MAX ? 0
			    : err_set(e, ENAMETOOLONG,
				      "config.json: mounts: a source is too long a path");
}

/* What tmpcopyup would copy is none where there is no such directory, or nothing in it. */
static int copies_check(const struct launch *l, struct err *e)
{
	for (size_t i = 0; i < l->b.n_binds; i++) {
		const struct bundle_bind *b = &l->b.binds[i];
		int fd = !b->copies_up ? -1
				       : sys_openat2(l->root_fd, b->destination,
						 O_RDONLY | O_DIRECTORY | O_CLOEXEC,
						 RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
		DIR *d = fd < 0 ? NULL : fdopendir(fd);
		size_t n = 0;

		if (fd < 0 && (!b->copies_up || errno == ENOENT))
			continue;
		while (d && readdir(d))
			n++;
		if (d)
			(void)closedir(d);
		if (!d || n > 2)
			return err_set(e, EINVAL,
				"config.json: mounts: the tmpfs at '%s' has 'tmpcopyup', but what the "
				"tree has there is not copied",
				b->destination);
	}
	return 0;
}

static char *escape(char *to, const char *path)
{
	for (; *path; path++) {
		if (*path == ':' || *path == '\\')
			*to++ = '\\';
		*to++ = *path;
	}
	*to = '\0';
	return to;
}

static int binds_put(struct launch *l, struct err *e)
{
	static char spec[4 * PATH_MAX + 8];
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->b.n_binds; i++) {
		const struct bundle_bind *b = &l->b.binds[i];
		char source[PATH_MAX], *end;

		if (strlen(b->destination) >= PATH_MAX || (b->options && strlen(b->options) >= PATH_MAX))
			return err_set(e, ENAMETOOLONG,
				"config.json: mounts: a destination is too long a path");
		if (!b->source) {
			end = escape(spec, b->destination);
			(void)snprintf(end, PATH_MAX + 1, ":%s", b->options);
			r = add_two(&l->argv, "--tmpfs", spec, e);
			continue;
		}
		r = source_find(l, b, source, e);
		if (r < 0)
			return r;
		end = escape(spec, source);
		*end++ = ':';
		end = escape(end, b->destination);
		memcpy(end, b->read_only ? ":ro" : ":rw", 4);
		r = add_two(&l->argv, "--bind", spec, e);
	}
	return r;
}

/* ---- environment ---- */

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return n == strcspn(b, "=") && strncmp(a, b, n) == 0;
}

static void env_drop(struct strv *env, const char *variable)
{
	size_t n = 0;

	for (size_t i = 0; i < env->n; i++)
		if (same_name(env->v[i], variable))
			free(env->v[i]);
		else
			env->v[n++] = env->v[i];
	env->n = n;
}

static int env_put(struct strv *env, const char *variable, struct err *e)
{
	env_drop(env, variable);
	return add(env, variable, e);
}

/* NAME alone: as it is here, and not at all where it is not. */
static int env_put_said(struct strv *env, const char *said, struct err *e)
{
	_cleanup_free_ char *variable = NULL;
	const char *here;

	if (strchr(said, '='))
		return env_put(env, said, e);
	env_drop(env, said);
	here = getenv(said);
	if (!here)
		return 0;
	if (asprintf(&variable, "%s=%s", said, here) < 0) {
		variable = NULL;
		return no_memory(e);
	}
	return add(env, variable, e);
}

/*
 * Values go by the environment, since everybody can read arguments. It is for `carrel run` alone,
 * which has nothing of its own in there but TERM.
 */
static int env_make(struct launch *l, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->b.env.n; i++)
		r = env_put(&l->env, l->b.env.v[i], e);
	for (size_t i = 0; r == 0 && i < l->c.said.n; i++)
		r = env_put_said(&l->env, l->c.said.v[i], e);
	for (size_t i = 0; r == 0 && i < l->env.n; i++) {
		_cleanup_free_ char *name = strndup(l->env.v[i], strcspn(l->env.v[i], "="));

		r = name ? add_two(&l->argv, "--env", name, e) : no_memory(e);
	}
	for (size_t i = 0; r == 0 && i < l->env.n; i++)
		if (same_name(l->env.v[i], "TERM"))
			return 0;
	return r == 0 && getenv("TERM") ? env_put_said(&l->env, "TERM", e) : r;
}

/* ---- what becomes of it ---- */

static int process_put(struct launch *l, struct err *e)
{
	const struct command *c = &l->c;
	const struct bundle *b = &l->b;
	char text[32];
	int r = 0;

	if (!c->has_workdir)
		r = add_two(&l->argv, "--workdir", b->cwd, e);
	/* Root one is anyway, as far as policy lets; to ask is refused where it does not. */
	if (r == 0 && !c->has_user && (b->uid || b->gid || b->n_groups)) {
		(void)snprintf(text, sizeof(text), b->n_groups ? "%u" : "%u:%u", b->uid, b->gid);
		r = add_two(&l->argv, "--user", text, e);
	}
	if (r == 0 && !c->has_caps) {
		(void)snprintf(text, sizeof(text), "%" PRIx64, b->caps);
		r = add_two(&l->argv, "--caps", text, e);
	}
	/* To root they say nothing, and policy may have none for others. */
	if (r == 0 && !c->has_caps && !c->has_ambient && b->ambient && (c->has_user || b->uid)) {
		(void)snprintf(text, sizeof(text), "%" PRIx64, b->ambient);
		r = add_two(&l->argv, "--ambient", text, e);
	}
	if (r == 0 && b->no_new_privs && !c->no_new_privs)
		r = add(&l->argv, "--no-new-privs", e);
	if (r == 0 && !b->terminal && !c->tty && !c->no_tty)
		r = add(&l->argv, "--no-tty", e);
	return r == 0 ? env_make(l, e) : r;
}

static int words_put(struct launch *l, struct err *e)
{
	int r = add(&l->argv, "--", e);

	if (!l->c.words[0] && l->b.args.n == 0)
		return err_set(
			e, EINVAL, "config.json: process has no args, and no command was given");
	for (char **word = l->c.words; r == 0 && *word; word++)
		r = add(&l->argv, *word, e);
	for (size_t i = 0; r == 0 && !l->c.words[0] && i < l->b.args.n; i++)
		r = add(&l->argv, l->b.args.v[i], e);
	return r;
}

static int argv_make(struct launch *l, struct err *e)
{
	char fd[16];
	int r = add_two(&l->argv, "carrel", "run", e);

	for (size_t i = 0; r == 0 && i < l->c.options.n; i++)
		r = add(&l->argv, l->c.options.v[i], e);
	if (r == 0)
		r = add_two(&l->argv, "--rootfs", l->root, e);
	if (r == 0 && l->b.read_only && !l->c.read_only)
		r = add(&l->argv, "--read-only", e);
	if (r == 0 && l->b.hostname && !l->c.has_hostname)
		r = add_two(&l->argv, "--hostname", l->b.hostname, e);
	if (r == 0 && l->b.domainname && !l->c.has_domainname)
		r = add_two(&l->argv, "--domainname", l->b.domainname, e);
	if (r == 0 && l->b.net_own && !l->c.has_net)
		r = add_two(&l->argv, "--net", "none", e);
	if (r == 0 && l->filter_fd >= 0) {
		(void)snprintf(fd, sizeof(fd), "%d", l->filter_fd);
		r = add_two(&l->argv, "--narrow", fd, e);
	}
	if (r == 0)
		r = process_put(l, e);
	if (r == 0)
		r = binds_put(l, e);
	return r == 0 ? words_put(l, e) : r;
}

/* ---- what is taken over from this process ---- */

static int limits_set(const struct bundle *b, struct err *e)
{
	for (int i = 0; i < (int)RLIM_NLIMITS; i++)
		if (b->limited[i] && setrlimit((__rlimit_resource_t)i, &b->limits[i]) < 0)
			return err_set(e, errno,
				"config.json: process.rlimits: %s: %llu is more than you may set: %s",
				bundle_limit_name(i), (unsigned long long)b->limits[i].rlim_max,
				strerror(errno));
	return 0;
}

static int oom_score_adj_set(const struct bundle *b, struct err *e)
{
	_cleanup_file_ FILE *f =
		b->has_oom_score_adj ? fopen("/proc/self/oom_score_adj", "r+e") : NULL;
	int now;

	if (!b->has_oom_score_adj || (f && fscanf(f, "%d", &now) == 1 && now == b->oom_score_adj))
		return 0;
	if (f)
		rewind(f);
	if (!f || fprintf(f, "%d", b->oom_score_adj) < 0 || fflush(f) != 0)
		return err_set(e, errno, "config.json: process.oomScoreAdj: %d: %s",
			b->oom_score_adj, strerror(errno));
	return 0;
}

static int become(struct launch *l, struct err *e)
{
	char beside[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", beside, sizeof(beside) - sizeof("carrel"));
	char *slash;
	int r = add(&l->argv, "", e);

	if (r == 0)
		r = add(&l->env, "", e);
	if (r < 0)
		return r;
	cleanup_free(&l->argv.v[l->argv.n - 1]);
	cleanup_free(&l->env.v[l->env.n - 1]);
	l->argv.v[l->argv.n - 1] = l->env.v[l->env.n - 1] = NULL;
	beside[n > 0 ? n : 0] = '\0';
	slash = strrchr(beside, '/');
	if (slash) {
		memcpy(slash + 1, "carrel", sizeof("carrel"));
		(void)execve(beside, l->argv.v, l->env.v);
	}
	(void)execve(CARREL_BINDIR "/carrel", l->argv.v, l->env.v);
	return err_set(e, errno, "cannot execute %s: %s", CARREL_BINDIR "/carrel", strerror(errno));
}

static int launch(int argc, char **argv, struct launch *l, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = command_read(argc, argv, &l->c, e);

	if (r == 0)
		r = configuration_read(l, &text, &len, e);
	if (r == 0)
		r = real_path(l->dir_fd, l->dir, e);
	if (r == 0)
		r = root_open(l, e);
	if (r == 0 && l->b.has_filter)
		r = bundle_filter_open(text, len, &l->b.cap_names, &l->filter_fd, e);
	if (r == 0)
		r = argv_make(l, e);
	if (r == 0)
		r = copies_check(l, e);
	if (r == 0)
		r = groups_check(l, e);
	if (r < 0)
		return r;
	r = oom_score_adj_set(&l->b, e);
	if (r == 0)
		r = limits_set(&l->b, e);
	return r == 0 ? become(l, e) : r;
}

int cmd_bundle(int argc, char **argv)
{
	static struct launch l = { .dir_fd = -1, .root_fd = -1, .filter_fd = -1 };
	struct err e = { "" };

	(void)launch(argc, argv, &l, &e);
	/* What it holds goes with the process. */
	(void)fprintf(stderr, "carrel: run: %s\n", e.text);
	return FAILED;
}
