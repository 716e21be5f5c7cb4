/*
 * carrel-door - the one program a door session can execute outside: it has the wanted one run in
 * the container.
 *
 * Trust:  runs as the user and is never privileged; arguments, environment, descriptors and limits
 *         are hostile, and so they are only handed on, as the data they are. What it may ask is
 *         judged by the helper, from the kernel's word.
 * In:     AT_EXECFN, argv, environment, cwd, umask, 0 to 2. All other descriptors are closed first
 *         thing.
 * Order:  not dumpable, descriptors, request, answer (5 s at most for all), then relaying until the
 *         last event.
 * Fails:  one line on stderr; exit 127 the program does not exist, 126 it cannot be executed, 111
 *         anything of carrel's.
 * Links:  door.c client.c ask.c payload.c terminal.c say.c sys.c; static, no C library.
 *
 * On success it prints nothing, whatever happens: scp and git speak their protocols through it. It
 * leaves as the program left: with its status, or by its signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/door/ask.h"
#include "helper/door/client.h"
#include "helper/door/payload.h"
#include "helper/door/say.h"
#include "helper/public/wire.h"

#define EXIT_CARREL 111

#define ANSWER_WAIT_MS 5000

struct door {
	struct enter_request req;
	struct client client;
	char file[PATH_MAX]; /* what is to be executed inside */
};

/* ---- what was asked for ---- */

static bool text_add(char *to, size_t size, const char *text)
{
	size_t have = strlen(to), n = strlen(text);

	if (n >= size - have)
		return false;
	memcpy(to + have, text, n + 1);
	return true;
}

/* True if path is the door, under whatever name: hard link, bind mount or the file itself. */
static bool is_door(const char *path)
{
	struct stat self, other;

	return stat("/proc/self/exe", &self) == 0 && stat(path, &other) == 0 &&
	       self.st_dev == other.st_dev && self.st_ino == other.st_ino;
}

/*
 * The file the service meant. The kernel names a script here when the door stands over its
 * interpreter; the argument list is the interpreter's then. A descriptor (fexecve) is closed by
 * now, but the mount still knows its name.
 */
static bool file_find(struct door *d, int argc, char **argv)
{
	const char *name = (const char *)getauxval(AT_EXECFN);
	ssize_t n;

	if (name && strncmp(name, "/dev/fd/", 8) == 0) {
		n = readlink("/proc/self/exe", d->file, sizeof(d->file) - 1);
		if (n <= 0)
			return false;
		d->file[n] = '\0';
		return true;
	}
	if (!name || name[0] == '\0')
		return false;
	if (argc > 1 && argv[0][0] == '/' && !is_door(name) && is_door(argv[0]))
		name = argv[0];

	d->file[0] = '\0';
	if (name[0] != '/' &&
		(!getcwd(d->file, sizeof(d->file)) || !text_add(d->file, sizeof(d->file), "/")))
		return false;
	return text_add(d->file, sizeof(d->file), name);
}

/* ---- the request ---- */

static int payload_write(struct payload *p, const struct door *d, char **argv)
{
	char cwd[PATH_MAX];
	int r;

	r = payload_put(p, d->file);
	if (r == 0)
		r = payload_put(p, getcwd(cwd, sizeof(cwd)) ? cwd : "");
	for (; r == 0 && *argv; argv++)
		r = payload_put(p, *argv);
	for (char **e = environ; r == 0 && *e; e++)
		r = payload_put(p, *e);
	return r < 0 ? r : payload_seal(p);
}

static int payload_make(struct door *d, char **argv)
{
	struct payload p;
	int r;

	r = payload_begin(&p);
	if (r == 0)
		r = payload_write(&p, d, argv);
	if (r < 0)
		return r;
	d->client.fds[3] = p.fd;
	d->req.payload = (uint32_t)p.total;
	return 0;
}

static uint32_t umask_get(void)
{
	mode_t mask = umask(077);

	(void)umask(mask);
	return mask;
}

static int request_make(struct door *d, int argc, char **argv)
{
	int r;

	d->req.head = (struct wire_head){ WIRE_VERSION, REQ_ENTER, sizeof(d->req) };
	d->req.argc = (uint32_t)argc;
	d->req.umask = umask_get();
	r = client_stdio(&d->client);
	if (r < 0) {
		say("cannot open /dev/null: ", errno_text(-r), NULL);
		return EXIT_CARREL;
	}

	if (!file_find(d, argc, argv)) {
		say("cannot tell which program was wanted", NULL);
		return EXIT_CANNOT_EXEC;
	}
	r = payload_make(d, argv);
	if (r < 0) {
		say(d->file, ": cannot hand over arguments and environment: ", errno_text(-r),
			NULL);
		return r == -E2BIG ? EXIT_CANNOT_EXEC : EXIT_CARREL;
	}
	return 0;
}

/* ---- the helper ---- */

static int helper_ask(struct door *d, struct enter_answer *ret)
{
	struct client *c = &d->client;
	int64_t end_ms = now_ms() + ANSWER_WAIT_MS;
	int r;

	while ((r = ask_connect(WIRE_SOCKET, &c->conn)) == -EAGAIN || r == -EINTR) {
		if (now_ms() >= end_ms)
			return -ETIMEDOUT;
		pause_ms(20);
	}
	if (r == 0)
		r = ask_send(c->conn, &d->req, sizeof(d->req), c->fds, 4);
	if (r == 0)
		r = ask_wait(c->conn, REQ_ENTER, end_ms, ret, sizeof(*ret));
	return r;
}

/* 0, or the exit status when there is nothing more to do. */
static int enter(struct door *d)
{
	struct enter_answer answer;
	int r;

	r = helper_ask(d, &answer);
	if (r < 0) {
		say("no session: the helper does not answer (", errno_text(-r),
			"); try again, or ask the administrator", NULL);
		return EXIT_CARREL;
	}
	answer.text[sizeof(answer.text) - 1] = '\0';
	if (answer.answer != ANSWER_CONFINED) {
		say(answer.text[0] ? answer.text : "refused", NULL);
		return EXIT_CARREL;
	}
	client_stdio_forget(&d->client);
	return 0;
}

int main(int argc, char **argv)
{
	static struct door d;
	int status;

	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	/*
	 * Not the name of the program it stands for: who looks at processes must see what runs
	 * outside.
	 */
	(void)prctl(PR_SET_NAME, "carrel-door", 0L, 0L, 0L);
	if (close_range(3, UINT_MAX, 0) < 0) {
		say("cannot close what was left open: ", errno_text(errno), NULL);
		return EXIT_CARREL;
	}
	d.client.command = &d.req;
	d.client.name = d.file;
	d.client.own_failure = EXIT_CARREL;

	status = request_make(&d, argc, argv);
	if (status == 0)
		status = enter(&d);
	if (status != 0)
		return status;

	if (client_follow(&d.client) < 0) {
		say("cannot watch for signals", NULL);
		return EXIT_CARREL;
	}
	status = client_leave(&d.client);
	if (status < 0) {
		say("the session has ended under ", d.file, "; log in again", NULL);
		return EXIT_CARREL;
	}
	return status;
}
