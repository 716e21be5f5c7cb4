#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/image.h"
#include "helper/image/escape.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

enum word { WORD_PATH, WORD_TYPE, WORD_MODE, WORD_UID, WORD_GID, WORD_CONTENT, N_WORDS };

/* A line of a list, and where the reader stands. */
struct entry {
	FILE *from;
	char *line;
	size_t room;
	char *word[N_WORDS];
	char *attributes; /* the rest of the line */
	char *path; /* as bytes, for comparing */
	bool here; /* false: the list has ended */
};

static void entry_done(struct entry *n)
{
	free(n->line);
	free(n->path);
}

/* The next line, taken to words. -EBADMSG: no line of a list. */
static int entry_next(struct entry *n, struct err *e)
{
	ssize_t len = getline(&n->line, &n->room, n->from);
	char *at = n->line;

	n->here = len > 0;
	if (!n->here)
		return 0;
	if (n->line[len - 1] == '\n')
		n->line[len - 1] = '\0';
	for (int i = 0; i < N_WORDS; i++) {
		n->word[i] = at ? strsep(&at, " ") : NULL;
		if (!n->word[i])
			return err_set(e, EBADMSG, "'%s' is no line of a list", n->line);
	}
	n->attributes = at ? at : n->word[N_WORDS - 1] + strlen(n->word[N_WORDS - 1]);
	free(n->path);
	n->path = strdup(n->word[WORD_PATH]);
	if (!n->path)
		return err_set(e, ENOMEM, "out of memory");
	return escape_undo(n->path) < 0 ? err_set(e, EBADMSG, "'%s' is no path of a list", n->word[WORD_PATH]) : 0;
}

/* What a directory holds comes before what only has the longer name: '/' is the first of all bytes, and the top the first of all. */
static int path_order(const char *a, const char *b)
{
	if (strcmp(a, ".") == 0 || strcmp(b, ".") == 0)
		return strcmp(a, ".") == 0 ? -(strcmp(b, ".") != 0) : 1;
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == *b)
		return 0;
	if (*a == '/' || *b == '/')
		return *a == '/' ? (*b ? -1 : 1) : (*a ? 1 : -1);
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

static const char *content_name(char type)
{
	switch (type) {
	case 'f':
		return "content";
	case 'l':
		return "the link's target";
	case 'h':
		return "which file it is another name of";
	default:
		return "the device's number";
	}
}

static void __attribute__((format(printf, 3, 4))) add(char *to, size_t size, const char *fmt, ...)
{
	size_t n = strlen(to);
	va_list ap;

	(void)snprintf(to + n, size - n, "%s", n ? ", " : "");
	n = strlen(to);
	va_start(ap, fmt);
	(void)vsnprintf(to + n, size - n, fmt, ap);
	va_end(ap);
}

/* The same path in both. */
static void compare(const struct entry *was, const struct entry *is, difference_fn *fn, void *data)
{
	char told[512] = "", old_owner[32], new_owner[32];

	(void)snprintf(old_owner, sizeof(old_owner), "%.15s:%.15s", was->word[WORD_UID], was->word[WORD_GID]);
	(void)snprintf(new_owner, sizeof(new_owner), "%.15s:%.15s", is->word[WORD_UID], is->word[WORD_GID]);
	if (strcmp(was->word[WORD_TYPE], is->word[WORD_TYPE]) != 0)
		add(told, sizeof(told), "type %s, was %s", is->word[WORD_TYPE], was->word[WORD_TYPE]);
	else if (strcmp(was->word[WORD_CONTENT], is->word[WORD_CONTENT]) != 0)
		add(told, sizeof(told), "%s", content_name(*is->word[WORD_TYPE]));
	if (strcmp(was->word[WORD_MODE], is->word[WORD_MODE]) != 0)
		add(told, sizeof(told), "mode %s, was %s", is->word[WORD_MODE], was->word[WORD_MODE]);
	if (strcmp(old_owner, new_owner) != 0)
		add(told, sizeof(told), "owner %s, was %s", new_owner, old_owner);
	if (strcmp(was->attributes, is->attributes) != 0)
		add(told, sizeof(told), "extended attributes");
	if (told[0])
		fn(data, is->word[WORD_PATH], told);
}

/* One step: what comes first of both, or both if it is the same path. */
static int step(struct entry *was, struct entry *is, difference_fn *fn, void *data, struct err *e)
{
	int order = !was->here ? 1 : !is->here ? -1 : path_order(was->path, is->path), r = 0;

	if (order < 0)
		fn(data, was->word[WORD_PATH], "is missing");
	else if (order > 0)
		fn(data, is->word[WORD_PATH], "was added");
	else
		compare(was, is, fn, data);
	if (order <= 0)
		r = entry_next(was, e);
	if (r == 0 && order >= 0)
		r = entry_next(is, e);
	return r;
}

/* The first line says which kind of list it is. */
static int begin(struct entry *n, struct err *e)
{
	if (getline(&n->line, &n->room, n->from) <= 0 || strcmp(n->line, "carrel-tree 1\n") != 0)
		return err_set(e, EBADMSG, "is no list of a tree");
	return entry_next(n, e);
}

int image_differences(FILE *was_file, FILE *is_file, difference_fn *fn, void *data, struct err *e)
{
	_cleanup_(entry_done) struct entry was = { .from = was_file }, is = { .from = is_file };
	int r = begin(&was, e);

	if (r == 0)
		r = begin(&is, e);
	while (r == 0 && (was.here || is.here))
		r = step(&was, &is, fn, data, e);
	return r;
}
