#include "helper/learn/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void tally_add(struct tally *t, const char *text)
{
	struct tally_line *lines;

	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->lines[i].text, text) == 0) {
			t->lines[i].count++;
			return;
		}
	}
	lines = t->n < TALLY_MAX ? reallocarray(t->lines, t->n + 1, sizeof(*lines)) : NULL;
	if (lines)
		t->lines = lines;
	if (!lines || !(lines[t->n].text = strdup(text))) {
		t->lost++;
		return;
	}
	lines[t->n++].count = 1;
}

static int more_often(const void *a, const void *b)
{
	const struct tally_line *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->text, y->text);
}

void tally_sort(struct tally *t)
{
	if (t->n)
		qsort(t->lines, t->n, sizeof(*t->lines), more_often);
}

void tally_done(struct tally *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->lines[i].text);
	free(t->lines);
	*t = (struct tally){ 0 };
}

void program_name(int pid, char ret[static PROGRAM_NAME_MAX])
{
	char link[40], path[512];
	const char *slash;
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	(void)snprintf(ret, PROGRAM_NAME_MAX, "%s", slash ? slash + 1 : "?");
	for (char *p = ret; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
}
