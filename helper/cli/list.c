/*
 * list - `carrel list`: the containers that run, as the helper tells the caller.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/ask.h"
#include "helper/cli/cli.h"
#include "helper/cli/config.h"
#include "helper/cli/shown.h"
#include "helper/public/message.h"
#include "helper/public/wire.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

static const char usage_text[] = "usage: carrel list [-a] [-s] [--json | -q]\n"
				 "\n"
				 "Shows your containers that run.\n"
				 "\n"
				 "  -a, --all       everybody's; for root\n"
				 "  -s, --sessions  also those of sessions, as @PROFILE\n"
				 "      --json      for programs\n"
				 "  -q, --quiet     the names only\n"
				 "\n"
				 "Exit status: 0, 1 it cannot be told, 2 wrong usage.\n";

#define ANSWER_SECONDS 10

struct list_options {
	bool all, sessions, json, quiet;
};

struct list {
	struct list_item *v;
	size_t n;
};

static void list_done(struct list *l)
{
	free(l->v);
}

/* ---- from the helper ---- */

static void item_end_texts(struct list_item *i)
{
	i->name[sizeof(i->name) - 1] = i->profile[sizeof(i->profile) - 1] = '\0';
	i->image[sizeof(i->image) - 1] = i->digest[sizeof(i->digest) - 1] = '\0';
	i->text[sizeof(i->text) - 1] = '\0';
}

static int list_add(struct list *l, const struct list_item *i, struct err *e)
{
	struct list_item *v = reallocarray(l->v, l->n + 1, sizeof(*v));

	if (!v)
		return err_set(e, ENOMEM, "out of memory");
	l->v = v;
	l->v[l->n++] = *i;
	return 0;
}

static int item_receive(int fd, struct list_item *ret, struct err *e)
{
	ssize_t n = message_recv(fd, ret, sizeof(*ret), NULL, 0, NULL);

	if (n <= 0)
		return err_set(e, EIO, "carrel-helper broke off: %s",
			n == 0 ? "too many ask at once; try again" : strerror((int)-n));
	if (n != (ssize_t)sizeof(*ret) || ret->head.version != WIRE_VERSION ||
		ret->head.request != REQ_LIST)
		return err_set(e, EBADMSG, "carrel-helper is of another version; restart it");
	item_end_texts(ret);
	return 0;
}

static int list_ask(const struct list_options *o, struct list *ret, struct err *e)
{
	const struct list_request q = { .head = { WIRE_VERSION, REQ_LIST, sizeof(q) },
		.all = o->all };
	_cleanup_fd_ int fd = -1;
	struct list_item i;
	int r = helper_connect(ANSWER_SECONDS, &fd, e);

	if (r == 0 && message_send(fd, &q, sizeof(q), NULL, 0) < 0)
		r = err_set(e, EPIPE, "carrel-helper does not listen; try again");
	while (r == 0) {
		r = item_receive(fd, &i, e);
		if (r < 0 || i.kind == LIST_END)
			break;
		if (i.kind == LIST_CONTAINER && (o->sessions || i.name[0] != '@'))
			r = list_add(ret, &i, e);
		else if (i.kind == LIST_REFUSED)
			r = err_set(e, EPERM, "%s", i.text[0] ? i.text : "refused");
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct list_item *x = a, *y = b;

	return x->uid != y->uid ? (x->uid < y->uid ? -1 : 1) : strcmp(x->name, y->name);
}

/* ---- for people and programs ---- */

enum column {
	COL_NAME,
	COL_USER,
	COL_PROFILE,
	COL_IMAGE,
	COL_PID,
	COL_RANGE,
	COL_STARTED,
	N_COLUMNS
};

static const char *const titles[N_COLUMNS] = { "name", "user", "profile", "image", "pid", "range",
	"started" };

struct row {
	char cell[N_COLUMNS][264];
};

static void user_name(uint32_t uid, char *buf, size_t size)
{
	const struct passwd *p = getpwuid(uid);

	if (p)
		shown_text(p->pw_name, buf, size);
	else
		(void)snprintf(buf, size, "%u", uid);
}

static void row_fill(const struct list_item *i, struct row *r)
{
	size_t size = sizeof(r->cell[0]);

	shown_text(i->name, r->cell[COL_NAME], size);
	user_name(i->uid, r->cell[COL_USER], size);
	shown_text(i->profile[0] ? i->profile : "-", r->cell[COL_PROFILE], size);
	shown_text(i->image[0] ? i->image : "-", r->cell[COL_IMAGE], size);
	(void)snprintf(r->cell[COL_PID], size, "%d", i->pid);
	(void)snprintf(r->cell[COL_RANGE], size, "-");
	if (i->range_count)
		(void)snprintf(r->cell[COL_RANGE], size, "%u-%u", i->range_start,
			i->range_start + i->range_count - 1);
	shown_time(i->started_us, r->cell[COL_STARTED], size);
}

static int print_table(const struct list *l)
{
	_cleanup_free_ struct row *rows = calloc(l->n + 1, sizeof(*rows));
	size_t widths[N_COLUMNS] = { 0 };
	char command[1100];

	if (!rows)
		return -ENOMEM;
	for (int c = 0; c < N_COLUMNS; c++)
		(void)snprintf(rows[0].cell[c], sizeof(rows[0].cell[c]), "%s", titles[c]);
	for (size_t i = 0; i < l->n; i++)
		row_fill(&l->v[i], &rows[i + 1]);
	for (size_t i = 0; i <= l->n; i++)
		for (int c = 0; c < N_COLUMNS; c++)
			if (strlen(rows[i].cell[c]) > widths[c])
				widths[c] = strlen(rows[i].cell[c]);

	for (size_t i = 0; i <= l->n; i++) {
		for (int c = 0; c < N_COLUMNS; c++)
			(void)printf("%*s  ", c == COL_PID ? (int)widths[c] : -(int)widths[c],
				rows[i].cell[c]);
		shown_text(i == 0 ? "command" : l->v[i - 1].text, command, sizeof(command));
		(void)puts(command);
	}
	return 0;
}

static int print_json(const struct list *l)
{
	json_t *all = json_array();
	int r = all ? 0 : -ENOMEM;

	for (size_t i = 0; i < l->n; i++) {
		const struct list_item *c = &l->v[i];
		char user[264];
		json_t *o;

		user_name(c->uid, user, sizeof(user));
		o = json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:i, s:{s:I, s:I}, s:o, s:I, s:o}",
			"name", json_text(c->name), "user", json_text(user), "uid",
			(json_int_t)c->uid, "profile", json_text(c->profile[0] ? c->profile : NULL),
			"image", json_text(c->image[0] ? c->image : NULL), "digest",
			json_text(c->digest[0] ? c->digest : NULL), "pid", (int)c->pid, "range",
			"start", (json_int_t)c->range_start, "count", (json_int_t)c->range_count,
			"started", shown_time_json(c->started_us), "sessions",
			(json_int_t)c->sessions, "command", json_text(c->text));
		if (json_array_append_new(all, o) < 0)
			r = -ENOMEM;
	}
	if (r == 0 && json_dumpf(all, stdout, JSON_INDENT(2)) == 0)
		(void)putchar('\n');
	json_decref(all);
	return r;
}

static void print_names(const struct list *l)
{
	char name[LAUNCH_NAME_MAX * 4 + 8];

	for (size_t i = 0; i < l->n; i++) {
		shown_text(l->v[i].name, name, sizeof(name));
		(void)puts(name);
	}
}

static int print(const struct list *l, const struct list_options *o)
{
	if (!o->quiet)
		return o->json ? print_json(l) : print_table(l);
	print_names(l);
	return 0;
}

static int list_show(const struct list_options *o)
{
	_cleanup_(list_done) struct list l = { 0 };
	struct err e;
	int r = list_ask(o, &l, &e);

	if (r == 0 && l.n)
		qsort(l.v, l.n, sizeof(*l.v), compare);
	if (r == 0 && print(&l, o) < 0)
		r = err_set(&e, ENOMEM, "out of memory");
	if (r < 0)
		(void)fprintf(stderr, "carrel list: %s\n", e.text);
	return r < 0;
}

static int wrong(const char *what, const char *word)
{
	(void)fprintf(stderr, "carrel list: %s '%s'; see 'carrel list --help'\n", what, word);
	return 2;
}

int cmd_list(int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "sessions", no_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct list_options o = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, "asq", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			(void)fputs(usage_text, stdout);
			return 0;
		case 'a':
			o.all = true;
			break;
		case 's':
			o.sessions = true;
			break;
		case 'j':
			o.json = true;
			break;
		case 'q':
			o.quiet = true;
			break;
		default:
			return 2; /* getopt has named it */
		}
	}
	if (optind < argc)
		return wrong("unknown argument", argv[optind]);
	if (o.json && o.quiet)
		return wrong("--json and", "--quiet");
	return list_show(&o);
}
