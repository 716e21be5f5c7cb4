/*
 * kill - `carrel kill`: ends containers, or signals what runs in them. The helper does it and
 * judges who may.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "helper/cli/ask.h"
#include "helper/cli/cli.h"
#include "helper/public/message.h"
#include "helper/public/wire.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"

static const char usage_text[] =
	"usage: carrel kill [-s SIGNAL | -SIGNAL] [--user USER] NAME...\n"
	"\n"
	"Ends containers: their commands get SIGTERM, and 10 seconds to end by themselves.\n"
	"\n"
	"  -s, --signal SIGNAL, -SIGNAL\n"
	"                   instead sends their commands this signal: a name as kill -l\n"
	"                   tells it, with or without SIG, or a number. KILL ends all in it\n"
	"      --user USER  containers of this user; for root\n"
	"\n"
	"Exit status: 0, 1 it could not be done for each, 2 wrong usage.\n";

#define ANSWER_SECONDS 30
#define END_SECONDS 15 /* more than pid 1 gives its command (helper/door/relay.c) and the others */

/* What sigabbrev_np() calls otherwise, or not at all. */
static const struct {
	const char *name;
	int signal;
} aliases[] = {
	{ "CLD", SIGCHLD },
	{ "IO", SIGIO },
	{ "IOT", SIGABRT },
};

/* RTMIN, RTMIN+n, RTMAX, RTMAX-n. 0: it is none of them. */
static uint32_t signal_realtime(const char *word)
{
	bool is_min = strncasecmp(word, "RTMIN", 5) == 0;
	uint32_t first = (uint32_t)SIGRTMIN, last = (uint32_t)SIGRTMAX, n = 0;

	if (!is_min && strncasecmp(word, "RTMAX", 5) != 0)
		return 0;
	word += 5;
	if (*word == '\0')
		return is_min ? first : last;
	if (*word != (is_min ? '+' : '-') || parse_u32(word + 1, &n) < 0 || n > last - first)
		return 0;
	return is_min ? first + n : last - n;
}

/* 0: there is no such signal. */
static uint32_t signal_by_word(const char *word)
{
	uint32_t number;

	if (parse_u32(word, &number) == 0)
		return number < NSIG ? number : 0;
	if (strncasecmp(word, "SIG", 3) == 0)
		word += 3;
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strcasecmp(aliases[i].name, word) == 0)
			return (uint32_t)aliases[i].signal;
	for (int i = 1; i < NSIG; i++) {
		const char *name = sigabbrev_np(i);

		if (name && strcasecmp(name, word) == 0)
			return (uint32_t)i;
	}
	return signal_realtime(word);
}

static int uid_by_word(const char *word, uint32_t *ret)
{
	const struct passwd *p = getpwnam(word);

	if (!p)
		return parse_u32(word, ret);
	*ret = p->pw_uid;
	return 0;
}

static int ask(struct kill_request *q, struct kill_answer *ret, struct err *e)
{
	_cleanup_fd_ int fd = -1;
	ssize_t n;
	int r;

	r = helper_connect(ANSWER_SECONDS, &fd, e);
	if (r < 0)
		return r;
	if (message_send(fd, q, sizeof(*q), NULL, 0) < 0)
		return err_set(e, EPIPE, "carrel-helper does not listen; try again");
	n = message_recv(fd, ret, sizeof(*ret), NULL, 0, NULL);
	if (n <= 0)
		return err_set(e, EIO, "carrel-helper broke off: %s",
			n == 0 ? "too many ask at once; try again" : strerror((int)-n));
	if (n != (ssize_t)sizeof(*ret) || ret->head.version != WIRE_VERSION ||
		ret->head.request != REQ_KILL)
		return err_set(e, EBADMSG, "carrel-helper is of another version; restart it");
	ret->text[sizeof(ret->text) - 1] = '\0';
	if (ret->answer != ANSWER_CONFINED)
		return err_set(e, EPERM, "%s", ret->text[0] ? ret->text : "refused");
	return 0;
}

static int name_set(struct kill_request *q, const char *name, struct err *e)
{
	if (strlen(name) >= sizeof(q->name))
		return err_set(e, ENAMETOOLONG, "no container has so long a name");
	memset(q->name, 0, sizeof(q->name));
	memcpy(q->name, name, strlen(name));
	return 0;
}

static int kill_one(const struct kill_request *request, const char *name, int32_t *ret_pid,
	struct err *e)
{
	struct kill_request q = *request;
	struct kill_answer answer;
	int r = name_set(&q, name, e);

	if (r == 0)
		r = ask(&q, &answer, e);
	if (r < 0)
		return r;
	*ret_pid = answer.pid;
	return 0;
}

static time_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* The helper waits a moment each time, so this does not keep it busy. */
static int end_await(const struct kill_request *request, const char *name, int32_t pid,
	time_t until, struct err *e)
{
	struct kill_request q = *request;
	int r = 0;

	while (r == 0 && pid != 0 && now() < until) {
		q.pid = pid;
		r = kill_one(&q, name, &pid, e);
	}
	if (r == 0 && pid != 0) {
		q.signal = SIGKILL;
		r = kill_one(&q, name, &pid, e);
	}
	return r;
}

static int wrong(const char *what, const char *word)
{
	(void)fprintf(stderr, "carrel kill: %s '%s'; see 'carrel kill --help'\n", what, word);
	return 2;
}

/*
 * -9, -KILL, -SIGINT, as kill(1) takes them: out of argv, into *ret. False: it looks like one and
 * is none.
 */
static bool signal_take(int *argc, char **argv, uint32_t *ret)
{
	for (int i = 1; i < *argc && strcmp(argv[i], "--") != 0; i++) {
		const char *word = argv[i];
		uint32_t sig;

		if (strcmp(word, "-s") == 0 || strcmp(word, "--signal") == 0 ||
			strcmp(word, "--user") == 0)
			i++;
		if (word[0] != '-' || word[1] == '\0' || word[1] == '-')
			continue;
		sig = signal_by_word(word + 1);
		if (sig == 0 && !isupper((unsigned char)word[1]) &&
			!isdigit((unsigned char)word[1]))
			continue; /* getopt's */
		if (sig == 0) {
			(void)wrong("no such signal:", word + 1);
			return false;
		}
		*ret = sig;
		memmove(argv + i, argv + i + 1, (size_t)(*argc - i) * sizeof(*argv));
		(*argc)--;
		i--;
	}
	return true;
}

static bool options_take(int argc, char **argv, struct kill_request *q, int *ret_status)
{
	static const struct option options[] = {
		{ "signal", required_argument, NULL, 's' },
		{ "user", required_argument, NULL, 'u' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*ret_status = 2;
	while ((c = getopt_long(argc, argv, "s:", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			(void)fputs(usage_text, stdout);
			*ret_status = 0;
			return false;
		case 's':
			q->signal = signal_by_word(optarg);
			if (q->signal == 0) {
				(void)wrong("no such signal:", optarg);
				return false;
			}
			break;
		case 'u':
			if (uid_by_word(optarg, &q->uid) < 0) {
				(void)wrong("no such user:", optarg);
				return false;
			}
			break;
		default:
			return false; /* getopt has named it */
		}
	}
	return true;
}

/* All are told first: they end beside each other. */
static int kill_all(const struct kill_request *q, char **names, size_t n)
{
	time_t until = now() + END_SECONDS;
	int32_t *pids = calloc(n, sizeof(*pids));
	int r, status = 0;
	struct err e;

	if (!pids) {
		(void)fprintf(stderr, "carrel kill: %s\n", strerror(ENOMEM));
		return 1;
	}
	for (size_t i = 0; i < 2 * n; i++) {
		const char *name = names[i % n];
		int32_t *pid = &pids[i % n];

		if (i < n)
			r = kill_one(q, name, pid, &e);
		else
			r = end_await(q, name, *pid, until, &e);
		if (r == 0)
			continue;
		(void)fprintf(stderr, "carrel kill: %s: %s\n", name, e.text);
		status = 1;
	}
	free(pids);
	return status;
}

int cmd_kill(int argc, char **argv)
{
	struct kill_request q = { .head = { WIRE_VERSION, REQ_KILL, sizeof(q) },
		.uid = (uint32_t)-1 };
	uint32_t sig = 0;
	int status = 2;

	if (!signal_take(&argc, argv, &sig) || !options_take(argc, argv, &q, &status))
		return status;
	if (sig != 0)
		q.signal = sig;
	if (optind == argc)
		return wrong("which container? nothing follows", argv[argc - 1]);
	return kill_all(&q, argv + optind, (size_t)(argc - optind));
}
