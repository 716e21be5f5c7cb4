#include "helper/cli/diff.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"

#define CONTEXT 3
#define LINES_MAX 4000

struct line {
	const char *text;
	size_t len; /* without the newline */
	bool newline;
};

struct edit {
	char sign; /* ' ', '-', '+' */
	const struct line *line;
};

static int lines_split(const char *text, struct line **ret, size_t *ret_n)
{
	size_t n = 0;
	struct line *lines;

	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n')
		n++;
	if (n > LINES_MAX)
		return -EFBIG;
	lines = calloc(n + 1, sizeof(*lines));
	if (!lines)
		return -ENOMEM;

	for (size_t i = 0; i < n; i++) {
		lines[i].text = text;
		lines[i].len = strcspn(text, "\n");
		text += lines[i].len;
		lines[i].newline = *text == '\n';
		text += lines[i].newline;
	}
	*ret = lines;
	*ret_n = n;
	return 0;
}

static bool lines_equal(const struct line *a, const struct line *b)
{
	return a->len == b->len && a->newline == b->newline && !memcmp(a->text, b->text, a->len);
}

/* The longest common subsequence decides. common[i][j]: its length in what follows line i and line
 * j. */
static int edits_find(const struct line *a, size_t n, const struct line *b, size_t m,
	struct edit *edits, size_t *ret_n)
{
	size_t width = m + 1;
	_cleanup_free_ uint16_t *common = calloc((n + 1) * width, sizeof(*common));
	size_t i = 0, j = 0, k = 0;

	if (!common)
		return -ENOMEM;
	for (size_t p = n; p-- > 0;) {
		for (size_t q = m; q-- > 0;) {
			uint16_t down = common[(p + 1) * width + q],
				 right = common[p * width + q + 1];

			if (lines_equal(&a[p], &b[q]))
				common[p * width + q] =
					(uint16_t)(common[(p + 1) * width + q + 1] + 1);
			else
				common[p * width + q] = down > right ? down : right;
		}
	}

	while (i < n || j < m) {
		if (i < n && j < m && lines_equal(&a[i], &b[j])) {
			edits[k++] = (struct edit){ ' ', &a[i] };
			i++;
			j++;
		} else if (j == m ||
			   (i < n && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
			edits[k++] = (struct edit){ '-', &a[i++] };
		} else {
			edits[k++] = (struct edit){ '+', &b[j++] };
		}
	}
	*ret_n = k;
	return 0;
}

static void range_print(char sign, size_t first, size_t count)
{
	printf(" %c%zu", sign, count ? first + 1 : first);
	if (count != 1)
		printf(",%zu", count);
}

static void hunk_print(const struct edit *edits, size_t from, size_t to, size_t a, size_t b)
{
	size_t removed = 0, added = 0;

	for (size_t i = from; i < to; i++) {
		removed += edits[i].sign != '+';
		added += edits[i].sign != '-';
	}
	printf("@@");
	range_print('-', a, removed);
	range_print('+', b, added);
	printf(" @@\n");
	for (size_t i = from; i < to; i++)
		printf("%c%.*s\n%s", edits[i].sign, (int)edits[i].line->len, edits[i].line->text,
			edits[i].line->newline ? "" : "\\ No newline at end of file\n");
}

/* The end of the hunk whose first change is at i: no further change within twice the context. */
static size_t hunk_end(const struct edit *edits, size_t n, size_t i)
{
	size_t last = i;

	for (size_t k = i; k < n && k <= last + 2 * CONTEXT; k++)
		if (edits[k].sign != ' ')
			last = k;
	return last + 1 + CONTEXT < n ? last + 1 + CONTEXT : n;
}

static void hunks_print(const struct edit *edits, size_t n)
{
	size_t a = 0, b = 0, done = 0;

	for (size_t i = 0; i < n; i++) {
		size_t from, to;

		if (edits[i].sign == ' ')
			continue;
		from = i > done + CONTEXT ? i - CONTEXT : done;
		for (size_t k = done; k < from; k++) {
			a += edits[k].sign != '+';
			b += edits[k].sign != '-';
		}
		to = hunk_end(edits, n, i);
		hunk_print(edits, from, to, a, b);
		for (size_t k = from; k < to; k++) {
			a += edits[k].sign != '+';
			b += edits[k].sign != '-';
		}
		done = to;
		i = to - 1;
	}
}

int diff_print(
	const char *old_name, const char *old_text, const char *new_name, const char *new_text)
{
	_cleanup_free_ struct line *a = NULL;
	_cleanup_free_ struct line *b = NULL;
	_cleanup_free_ struct edit *edits = NULL;
	size_t n, m, k = 0;
	int r;

	r = lines_split(old_text, &a, &n);
	if (r == 0)
		r = lines_split(new_text, &b, &m);
	if (r < 0)
		return r;
	edits = calloc(n + m + 1, sizeof(*edits));
	if (!edits)
		return -ENOMEM;
	r = edits_find(a, n, b, m, edits, &k);
	if (r < 0)
		return r;

	printf("--- %s\n+++ %s\n", old_name, new_name);
	hunks_print(edits, k);
	return 0;
}
