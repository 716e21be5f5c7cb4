/*
 * launch - `carrel run` and `carrel exec`: asks the helper for a program in a container, and stands
 * for it outside.
 *
 * Trust:  runs as the caller and is never privileged. What may be asked for is judged by the
 * helper, from the kernel's word; names and numbers are looked at here only so that a mistake is
 * told by the option it was made in. In:     options, cwd, 0 to 2, TERM. The environment stays
 * outside. Order:  request, socket, answer, then relaying until the last event. Never a second
 * process: the connection is what the container lives by, and ends with us. Fails:  one line on
 * stderr; exit 127 the program does not exist, 126 it cannot be executed, 125 anything of carrel's.
 */
#include "helper/door/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper/door/ask.h"
#include "helper/door/client.h"
#include "helper/door/payload.h"
#include "helper/door/say.h"
#include "helper/public/wire.h"

/*
 * The helper sends away who waits too long in its queue; and it answers late when it reads the
 * whole of an image first.
 */
#ifndef ASK_WAIT_MS /* only tests say another */
#define ASK_WAIT_MS 30000
#endif
#define ANSWER_WAIT_MS 180000
#define PATIENCE_MS 2000 /* of a person */
#define PAUSE_FIRST_MS 5
#define PAUSE_MAX_MS 500

struct launch {
	const struct launch_options *o;
	struct client client;
	uint16_t request; /* REQ_* */
	struct enter_request command; /* as it was asked for */
	const void *data;
	size_t n_data, n_fds;
	int fds[5]; /* the client's, and a filter */
	int64_t begun_ms;
	bool is_told;
	struct launch_answer answer;
};

/*
 * What only asking takes, in pages of its own: a client may live for weeks beside its container, and gives them back before.
 */
static struct {
	_Alignas(4096) struct launch_request launch;
	struct exec_request exec;
	struct payload payload;
	char source[PATH_MAX], target[PATH_MAX], whole[2 * PATH_MAX];
} asking;

static void asking_forget(void)
{
	(void)syscall(SYS_madvise, &asking, sizeof(asking), MADV_DONTNEED);
}

/* ---- the request ---- */

static void text_set(char *to, size_t size, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	/* launch_options.c has seen to it that it fits. */
	if (n < size)
		memcpy(to, text, n);
}

/* The next field of SRC:DST[:ro], unescaped; NULL: it does not fit. *spec is NULL after the last.
 */
static bool field_take(const char **spec, char *to, size_t size)
{
	const char *c = *spec;
	size_t n = 0;

	for (; *c != '\0' && *c != ':'; c++) {
		if (*c == '\\' && (c[1] == ':' || c[1] == '\\'))
			c++;
		if (n + 1 >= size)
			return false;
		to[n++] = *c;
	}
	to[n] = '\0';
	*spec = *c == ':' ? c + 1 : NULL;
	return true;
}

static bool binds_put(struct launch_request *q, const char *text)
{
	size_t n = strlen(text) + 1;

	if (n > sizeof(q->binds) - q->binds_bytes)
		return false;
	memcpy(q->binds + q->binds_bytes, text, n);
	q->binds_bytes += (uint32_t)n;
	return true;
}

/* A path of the caller's, as seen from the root. What '..' and links in it mean is for who opens
 * it. */
static const char *source_absolute(char path[static PATH_MAX], const char **ret)
{
	char *whole = asking.whole;
	size_t n;

	*ret = path;
	if (path[0] == '/')
		return NULL;
	if (!getcwd(whole, PATH_MAX))
		return "is relative, and the working directory has no path";
	n = strlen(whole);
	if (n > 1)
		whole[n++] = '/';
	memcpy(whole + n, path, strlen(path) + 1);
	*ret = whole;
	return NULL;
}

/*
 * "ro", "rw", and "z" or "Z" beside them or alone: labels for SELinux, which other runtimes are asked
 * for out of habit and which nothing here needs.
 */
static bool mode_read(const char *words, const char **ret)
{
	*ret = "rw";
	for (size_t n; *words != '\0'; words += n + (words[n] == ',')) {
		for (n = 0; words[n] != '\0' && words[n] != ','; n++)
			continue;
		if (n == 2 && strncmp(words, "ro", n) == 0)
			*ret = "ro";
		else if (!(n == 2 && strncmp(words, "rw", n) == 0) &&
			 !(n == 1 && (*words == 'z' || *words == 'Z')))
			return false;
	}
	return true;
}

/* NULL, or what is wrong with it. */
static const char *bind_add(struct launch_request *q, const char *spec)
{
	char *source = asking.source, *target = asking.target, words[16] = "rw";
	const char *path, *why, *mode;

	if (q->n_binds == LAUNCH_BINDS_MAX)
		return "one --bind too many";
	if (!field_take(&spec, source, sizeof(asking.source)))
		return "too long a path";
	if (!spec || source[0] == '\0')
		return "is not SRC:DST, as --bind wants it";
	if (!field_take(&spec, target, sizeof(asking.target)))
		return "too long a path";
	if (target[0] != '/')
		return "has no absolute path in the container, as --bind wants it";
	if (spec && (!field_take(&spec, words, sizeof(words)) || spec))
		words[0] = '\0';
	if (words[0] == '\0' || !mode_read(words, &mode))
		return "ends neither in ':ro' nor in ':rw'; a colon in a path is '\\:'";

	why = source_absolute(source, &path);
	if (why)
		return why;
	if (!binds_put(q, path) || !binds_put(q, target) || !binds_put(q, mode))
		return "too much text in all --bind";
	q->n_binds++;
	return NULL;
}

/* The same of DST[:OPTION,...]. */
static const char *tmpfs_add(struct launch_request *q, const char *spec)
{
	char *target = asking.target, *mode = asking.source;
	size_t n = sizeof("tmpfs") - 1, more;

	if (q->n_binds == LAUNCH_BINDS_MAX)
		return "one --tmpfs too many";
	if (!field_take(&spec, target, sizeof(asking.target)))
		return "too long a path";
	if (target[0] != '/')
		return "has no absolute path in the container, as --tmpfs wants it";
	more = spec ? strlen(spec) : 0;
	if (n + 1 + more >= sizeof(asking.source))
		return "too long";
	memcpy(mode, "tmpfs,", n + 1);
	if (spec)
		memcpy(mode + n + 1, spec, more);
	mode[more > 0 ? n + 1 + more : n] = '\0';
	if (!binds_put(q, "") || !binds_put(q, target) || !binds_put(q, mode))
		return "too much text in all --tmpfs";
	q->n_binds++;
	return NULL;
}

static bool binds_make(const struct launch_options *o, struct launch_request *q)
{
	const char *why = NULL, *bad = NULL;

	if (o->rootfs) {
		char *path = asking.source;
		size_t n = strlen(o->rootfs);
		const char *whole = NULL;

		bad = o->rootfs;
		why = n < sizeof(asking.source) ? NULL : "too long a path";
		if (!why) {
			memcpy(path, o->rootfs, n + 1);
			why = source_absolute(path, &whole);
		}
		if (!why && (!binds_put(q, whole) || !binds_put(q, "/") ||
				    !binds_put(q, o->read_only ? "ro" : "rw")))
			why = "too long a path";
		q->n_binds = 1;
	}
	for (size_t i = 0; !why && i < o->binds.n; i++) {
		bad = o->binds.v[i];
		why = i < 8 * sizeof(o->tmpfs) && o->tmpfs >> i & 1 ? tmpfs_add(q, bad) : bind_add(q, bad);
	}
	if (why)
		say("run: '", bad, "' ", why, NULL);
	return !why;
}

/* ---- the payload ---- */

static size_t name_length(const char *variable)
{
	const char *equals = strchr(variable, '=');

	return equals ? (size_t)(equals - variable) : strlen(variable);
}

static bool same_name(const char *a, const char *b)
{
	size_t n = name_length(a);

	return n == name_length(b) && strncmp(a, b, n) == 0;
}

/* NAME=VALUE as it is outside; NULL: it is not. */
static const char *outside_get(const char *name)
{
	for (char **e = environ; *e; e++)
		if (same_name(*e, name))
			return *e;
	return NULL;
}

/* What was said last wins. TERM alone comes by itself: the terminal that it tells of does as well.
 */
static int environment_put(struct payload *p, const struct launch_options *o, bool has_terminal)
{
	bool has_term = !has_terminal;
	int r = 0;

	for (size_t i = 0; r == 0 && i < o->env.n; i++) {
		const char *variable = o->env.v[i];
		size_t later = i + 1;

		has_term |= same_name(variable, "TERM");
		while (later < o->env.n && !same_name(variable, o->env.v[later]))
			later++;
		if (later < o->env.n)
			continue;
		if (!strchr(variable, '='))
			variable = outside_get(variable);
		if (variable)
			r = payload_put(p, variable);
	}
	if (r == 0 && !has_term && outside_get("TERM"))
		r = payload_put(p, outside_get("TERM"));
	return r;
}

static int payload_make(const struct launch *l, struct payload *p)
{
	const struct launch_options *o = l->o;
	int r = payload_begin(p);

	if (r == 0)
		r = payload_put(p, o->command[0] ? o->command[0] : "");
	if (r == 0)
		r = payload_put(p, o->workdir ? o->workdir : "");
	for (char **word = o->command; r == 0 && *word; word++)
		r = payload_put(p, *word);
	if (r == 0)
		r = environment_put(p, o, l->client.command->ttys != 0);
	return r < 0 ? r : payload_seal(p);
}

/*
 * /dev/stdout is opened anew by many a daemon's log, and the caller's pipe is nobody's in there. The
 * mode of a pipe without a name lets nobody come to it who does not hold it, or whose process does.
 */
static void pipes_open_up(const struct client *c)
{
	struct statfs fs;
	struct stat st;

	for (int i = 0; i < 3; i++)
		if (fstat(c->fds[i], &st) == 0 && S_ISFIFO(st.st_mode) &&
			fstatfs(c->fds[i], &fs) == 0 && fs.f_type == PIPEFS_MAGIC)
			(void)fchmod(c->fds[i], 0666);
}

static int command_make(struct launch *l)
{
	const struct launch_options *o = l->o;
	struct enter_request *command = &l->command;
	struct payload *p = &asking.payload;
	struct client *c = &l->client;
	int r;

	c->command = command;
	c->name = o->command[0] ? o->command[0] : "the image's command";
	c->own_failure = LAUNCH_FAILED;
	/* The caller's would make what root writes in there unreadable for the others in there. */
	command->umask = 022;
	while (o->command[command->argc])
		command->argc++;

	r = o->detach ? client_stdio_null(c) : client_stdio(c);
	if (r == 0 && o->no_tty)
		r = terminal_piped(&c->terminal, command, c->fds);
	if (r < 0) {
		say("cannot make standard input and output ready: ", errno_text(-r), NULL);
		return LAUNCH_FAILED;
	}
	pipes_open_up(c);
	r = payload_make(l, p);
	if (r < 0) {
		say(c->name, ": cannot hand over arguments and environment: ", errno_text(-r),
			NULL);
		return r == -E2BIG ? EXIT_CANNOT_EXEC : LAUNCH_FAILED;
	}
	command->payload = (uint32_t)p->total;
	c->fds[3] = p->fd;
	memcpy(l->fds, c->fds, sizeof(c->fds));
	l->n_fds = 4;
	return 0;
}

/* A descriptor that is open; -1: the text is none. */
static int descriptor_parse(const char *text)
{
	int fd = 0;

	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9' || fd > 99999)
			return -1;
		fd = 10 * fd + (*text - '0');
	}
	return fcntl(fd, F_GETFD) < 0 ? -1 : fd;
}

static int mask_parse(const char *option, const char *text, uint64_t *ret)
{
	uint64_t mask = 0;
	const char *c = text;

	for (; *c != '\0' && mask >> 60 == 0; c++) {
		unsigned int digit = *c >= '0' && *c <= '9'   ? (unsigned int)(*c - '0')
				     : *c >= 'a' && *c <= 'f' ? (unsigned int)(*c - 'a') + 10
							      : 16;

		if (digit > 15)
			break;
		mask = mask << 4 | digit;
	}
	if (*c != '\0') {
		say("run: ", option, ": '", text, "' is no mask of hexadecimal digits", NULL);
		return LAUNCH_FAILED;
	}
	*ret = mask;
	return 0;
}

/* Of what the text of --caps leaves out, all capabilities are lost. */
static int caps_take(const struct launch_options *o, struct enter_request *ret)
{
	uint64_t kept = UINT64_MAX, ambient = 0;
	int status = o->caps ? mask_parse("--caps", o->caps, &kept) : 0;

	if (status == 0 && o->ambient)
		status = mask_parse("--ambient", o->ambient, &ambient);
	ret->caps_lost[0] = (uint32_t)~kept;
	ret->caps_lost[1] = (uint32_t)(~kept >> 32);
	ret->caps_ambient[0] = (uint32_t)ambient;
	ret->caps_ambient[1] = (uint32_t)(ambient >> 32);
	return status;
}

/* To be called before any descriptor is opened here: it must be the caller's. */
static int narrow_find(const struct launch_options *o, int *ret_fd)
{
	*ret_fd = o->narrow ? descriptor_parse(o->narrow) : -1;
	if (!o->narrow || *ret_fd >= 3)
		return 0;
	say("run: --narrow: '", o->narrow, "' is no open descriptor from 3 up", NULL);
	return LAUNCH_FAILED;
}

/* ---- the helper ---- */

/*
 * Root's launches, and those from inside a container, are heard at another place; and in a
 * container only that is there.
 */
static const char *own_place(void)
{
	return geteuid() == 0 ? WIRE_INSIDE : WIRE_SOCKET;
}

static int helper_connect(int *ret_conn)
{
	int r = ask_connect(own_place(), ret_conn);

	return r == -ENOENT ? ask_connect(WIRE_INSIDE, ret_conn) : r;
}

static void patience_tell(struct launch *l)
{
	struct termios t;

	if (l->is_told || now_ms() - l->begun_ms < PATIENCE_MS)
		return;
	l->is_told = true;
	if (ioctl(2, TCGETS, &t) == 0)
		say("waiting for carrel-helper; it is busy, or reads the whole image, as it does "
		    "for the first run of one",
			NULL);
}

static int ask_once(struct launch *l)
{
	struct client *c = &l->client;
	int r = helper_connect(&c->conn);

	if (r < 0)
		return r;
	r = ask_send(c->conn, l->data, l->n_data, l->fds, l->n_fds);
	if (r == 0 && !l->is_told) {
		r = ask_wait(c->conn, l->request, l->begun_ms + PATIENCE_MS, &l->answer,
			sizeof(l->answer));
		if (r != -ETIMEDOUT)
			goto out;
		patience_tell(l);
		r = 0;
	}
	if (r == 0)
		r = ask_wait(c->conn, l->request, l->begun_ms + ANSWER_WAIT_MS, &l->answer,
			sizeof(l->answer));
out:
	if (r < 0)
		(void)close(c->conn);
	return r;
}

/* What many callers at once make of a helper that is well. */
static bool is_busy(int r)
{
	return r == -EAGAIN || r == -EINTR || r == -ECONNREFUSED || r == -ECONNRESET || r == -EPIPE;
}

static int ask(struct launch *l)
{
	unsigned int pause = PAUSE_FIRST_MS;
	int r;

	l->begun_ms = now_ms();
	while (is_busy(r = ask_once(l))) {
		if (now_ms() + pause > l->begun_ms + ASK_WAIT_MS)
			break;
		pause_ms(pause);
		pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
		patience_tell(l);
	}
	return r;
}

/* 0, or the exit status when there is nothing more to do. */
static int launch(struct launch *l)
{
	struct launch_answer *a = &l->answer;
	int r = ask(l);

	if (r < 0) {
		say("carrel-helper does not answer at ", own_place(), ": ", errno_text(-r),
			is_busy(r) && r != -ECONNREFUSED ? "; too many ask at once, try again"
							 : "; ask the administrator",
			NULL);
		return LAUNCH_FAILED;
	}
	a->text[sizeof(a->text) - 1] = a->name[sizeof(a->name) - 1] = '\0';
	if (a->answer != ANSWER_CONFINED) {
		say(a->text[0] ? a->text : "refused", NULL);
		return LAUNCH_FAILED;
	}
	return 0;
}

/* ---- afterwards ---- */

static int leave(struct launch *l)
{
	int status;

	client_await_end(&l->client);
	status = client_leave(&l->client);

	if (status >= 0)
		return status;
	say(l->client.name, ": its container '", l->answer.name, "' was ended", NULL);
	/* Nothing but SIGKILL to its pid 1, or to our relay in there, leaves no last word. */
	return l->o->detach ? LAUNCH_FAILED : 128 + SIGKILL;
}

static int leave_detached(struct launch *l)
{
	char line[sizeof(l->answer.name) + 1];
	size_t n = strlen(l->answer.name);

	client_await(&l->client);
	if (l->client.last.kind == EVENT_NONE || l->client.last.kind == EVENT_FAILED)
		return leave(l);
	memcpy(line, l->answer.name, n);
	line[n] = '\n';
	if (write(1, line, n + 1) == (ssize_t)n + 1)
		return leave(l);
	say("standard output: ", errno_text(errno), "; the container '", l->answer.name, "' runs",
		NULL);
	return LAUNCH_FAILED;
}

static int follow(struct launch *l)
{
	int status = launch(l);

	if (status != 0)
		return status;
	asking_forget();
	if (l->o->detach)
		return leave_detached(l);
	client_stdio_forget(&l->client);
	if (client_follow(&l->client) < 0) {
		say("cannot watch for signals", NULL);
		return LAUNCH_FAILED;
	}
	return leave(l);
}

int launch_run(const struct launch_options *o)
{
	struct launch_request *q = &asking.launch;
	struct launch l = { .o = o, .request = REQ_LAUNCH, .data = q, .n_data = sizeof(*q) };
	int status, narrow_fd;

	q->head = (struct wire_head){ WIRE_VERSION, REQ_LAUNCH, sizeof(*q) };
	q->flags = (o->detach ? LAUNCH_DETACH : 0) | (o->home ? LAUNCH_HOME : 0) |
		   (o->keep ? LAUNCH_KEEP : 0) | (o->rootfs ? LAUNCH_ROOTFS : 0) |
		   (o->read_only ? LAUNCH_READONLY : 0) | (o->no_new_privs ? LAUNCH_NNP : 0);
	if (o->net)
		q->flags |= strcmp(o->net, "host") == 0 ? LAUNCH_NET_HOST : LAUNCH_NET_NONE;
	text_set(q->image, sizeof(q->image), o->image);
	text_set(q->name, sizeof(q->name), o->container);
	text_set(q->profile, sizeof(q->profile), o->profile);
	text_set(q->user, sizeof(q->user), o->user);
	text_set(q->hostname, sizeof(q->hostname), o->hostname);
	text_set(q->domainname, sizeof(q->domainname), o->domainname);
	if (!binds_make(o, q))
		return LAUNCH_FAILED;

	status = narrow_find(o, &narrow_fd);
	if (status == 0)
		status = caps_take(o, &l.command);
	if (status == 0)
		status = command_make(&l);
	if (status != 0)
		return status;
	q->command = l.command;
	if (narrow_fd >= 0) {
		l.fds[l.n_fds++] = narrow_fd;
		q->narrow = 1;
	}
	return follow(&l);
}

int launch_exec(const struct launch_options *o)
{
	struct exec_request *q = &asking.exec;
	struct launch l = { .o = o, .request = REQ_EXEC, .data = q, .n_data = sizeof(*q) };
	int status;

	q->head = (struct wire_head){ WIRE_VERSION, REQ_EXEC, sizeof(*q) };
	text_set(q->name, sizeof(q->name), o->container);
	text_set(q->user, sizeof(q->user), o->user);
	status = command_make(&l);
	if (status != 0)
		return status;
	q->command = l.command;
	return follow(&l);
}
