/*
 * kill - `carrel kill`: ends containers, or signals what runs in them. The helper does it and
 * judges who may.
 */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "helper/cli/ask.h"
#include "helper/cli/cli.h"
#include "helper/public/message.h"
#include "helper/public/wire.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"

static const char usage_text[] =
	"usage: carrel kill [-s SIGNAL] [--user USER] NAME...\n"
	"\n"
	"Ends containers, at once when they do not end by themselves within a few seconds.\n"
	"\n"
	"  -s, --signal SIGNAL  instead sends their commands this signal, a name or a number\n"
	"      --user USER      containers of this user; for root\n"
	"\n"
	"Exit status: 0, 1 it could not be done for each, 2 wrong usage.\n";

#define ANSWER_SECONDS 30 /* more than the helper gives a container to end by itself */

/* 0: there is no such signal. */
static uint32_t signal_by_word(const char *word)
{
	uint32_t number;

	if (parse_u32(word, &number) == 0)
		return number < NSIG ? number : 0;
	if (strncasecmp(word, "SIG", 3) == 0)
		word += 3;
	for (int i = 1; i < NSIG; i++) {
		const char *name = sigabbrev_np(i);

		if (name && strcasecmp(name, word) == 0)
			return (uint32_t)i;
	}
	return 0;
}

static int uid_by_word(const char *word, uint32_t *ret)
{
	const struct passwd *p = getpwnam(word);

	if (!p)
		return parse_u32(word, ret);
	*ret = p->pw_uid;
	return 0;
}

static int kill_one(struct kill_request *q, const char *name, struct err *e)
{
	struct kill_answer answer;
	_cleanup_fd_ int fd = -1;
	ssize_t n;
	int r;

	if (strlen(name) >= sizeof(q->name))
		return err_set(e, ENAMETOOLONG, "no container has so long a name");
	memset(q->name, 0, sizeof(q->name));
	memcpy(q->name, name, strlen(name));
	r = helper_connect(ANSWER_SECONDS, &fd, e);
	if (r < 0)
		return r;
	if (message_send(fd, q, sizeof(*q), NULL, 0) < 0)
		return err_set(e, EPIPE, "carrel-helper does not listen; try again");
	n = message_recv(fd, &answer, sizeof(answer), NULL, 0, NULL);
	if (n <= 0)
		return err_set(e, EIO, "carrel-helper broke off: %s",
			n == 0 ? "too many ask at once; try again" : strerror((int)-n));
	if (n != (ssize_t)sizeof(answer) || answer.head.version != WIRE_VERSION ||
		answer.head.request != REQ_KILL)
		return err_set(e, EBADMSG, "carrel-helper is of another version; restart it");
	answer.text[sizeof(answer.text) - 1] = '\0';
	if (answer.answer != ANSWER_CONFINED)
		return err_set(e, EPERM, "%s", answer.text[0] ? answer.text : "refused");
	return 0;
}

static int wrong(const char *what, const char *word)
{
	(void)fprintf(stderr, "carrel kill: %s '%s'; see 'carrel kill --help'\n", what, word);
	return 2;
}

int cmd_kill(int argc, char **argv)
{
	static const struct option options[] = {
		{ "signal", required_argument, NULL, 's' },
		{ "user", required_argument, NULL, 'u' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct kill_request q = { .head = { WIRE_VERSION, REQ_KILL, sizeof(q) },
		.uid = (uint32_t)-1 };
	int c, status = 0;
	struct err e;

	while ((c = getopt_long(argc, argv, "s:", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			(void)fputs(usage_text, stdout);
			return 0;
		case 's':
			q.signal = signal_by_word(optarg);
			if (q.signal == 0)
				return wrong("no such signal:", optarg);
			break;
		case 'u':
			if (uid_by_word(optarg, &q.uid) < 0)
				return wrong("no such user:", optarg);
			break;
		default:
			return 2; /* getopt has named it */
		}
	}
	if (optind == argc)
		return wrong("which container? nothing follows", argv[argc - 1]);
	for (; optind < argc; optind++)
		if (kill_one(&q, argv[optind], &e) < 0) {
			(void)fprintf(stderr, "carrel kill: %s: %s\n", argv[optind], e.text);
			status = 1;
		}
	return status;
}
