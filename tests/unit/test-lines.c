#include "policy/base/lines.h"

#include <errno.h>
#include <unistd.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "tests/lib/test.h"

static char dir[64], path[128];
static struct err e;

static void put(const char *text, size_t len)
{
	_cleanup_file_ FILE *f = fopen(path, "w");

	CHECK(f && fwrite(text, 1, len, f) == len);
}

/* The lines of text, each in brackets, as long as they fit. */
static const char *told(const char *text)
{
	static char all[512];
	const char *line;
	struct lines l;
	size_t len, n = 0;

	put(text, strlen(text));
	all[0] = '\0';
	CHECK_EQ(lines_open(&l, path, &e), 0);
	while (lines_next(&l, &line, &len, &e) > 0)
		n += (size_t)snprintf(all + n, sizeof(all) - n, "[%.*s]", (int)len, line);
	lines_close(&l);
	return all;
}

static void tells_every_line(void)
{
	CHECK_STR(told(""), "");
	CHECK_STR(told("\n"), "[]");
	CHECK_STR(told("a"), "[a]");
	CHECK_STR(told("a\n"), "[a]");
	CHECK_STR(told("a\n\nb c"), "[a][][b c]");
}

/* Lines that end before, at and after every place where the room does. */
static void loses_nothing_where_the_room_ends(void)
{
	static char text[3 * LINES_ROOM];
	const char *line;
	struct lines l;
	size_t len;

	for (size_t first = LINES_ROOM - 20; first < LINES_ROOM + 20; first++) {
		size_t n = 0, seen = 0;

		memset(text, 'x', sizeof(text));
		for (size_t at = first; at < sizeof(text); at += 1000)
			text[at] = '\n';
		text[0] = 'b';
		put(text, sizeof(text));
		CHECK_EQ(lines_open(&l, path, &e), 0);
		while (lines_next(&l, &line, &len, &e) > 0) {
			size_t expected = n == 0 ? first < LINES_ROOM ? first : LINES_ROOM : 999;

			if (seen + 1000 > sizeof(text))
				expected = len; /* the last, whatever is left */
			if (len != expected || line[0] != (n == 0 ? 'b' : 'x'))
				test_fail(__FILE__, __LINE__, "a line is not as it was written");
			seen += n == 0 ? first + 1 : len + 1;
			n++;
		}
		lines_close(&l);
		CHECK_EQ(seen, sizeof(text) + 1); /* the last has no newline */
	}
}

static void cuts_lines_that_are_too_long(void)
{
	static char text[4 * LINES_ROOM + 4];
	const char *line;
	struct lines l;
	size_t len;

	memset(text, 'x', sizeof(text));
	memcpy(text + sizeof(text) - 4, "\nend", 4);
	put(text, sizeof(text));
	CHECK_EQ(lines_open(&l, path, &e), 0);
	CHECK_EQ(lines_next(&l, &line, &len, &e), 1);
	CHECK_EQ(len, LINES_ROOM);
	CHECK_EQ(lines_next(&l, &line, &len, &e), 1);
	CHECK_EQ(len, 3);
	CHECK(memcmp(line, "end", 3) == 0);
	CHECK_EQ(lines_next(&l, &line, &len, &e), 0);
	lines_close(&l);
	put(text, 2 * LINES_ROOM); /* and no newline ever */
	CHECK_EQ(lines_open(&l, path, &e), 0);
	CHECK_EQ(lines_next(&l, &line, &len, &e), 1);
	CHECK_EQ(lines_next(&l, &line, &len, &e), 0);
	lines_close(&l);
}

static void says_what_cannot_be_read(void)
{
	const char *line = "kept";
	struct lines l;
	size_t len;

	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(lines_open(&l, path, &e), -ENOENT);
	CHECK_STR(e.text, "No such file or directory");
	CHECK_EQ(lines_open(&l, dir, &e), 0);
	CHECK_EQ(lines_next(&l, &line, &len, &e), -EIO);
	CHECK_CONTAINS(e.text, "directory");
	CHECK_STR(line, "kept");
	lines_close(&l);
}

int main(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/carrel-lines.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	(void)snprintf(path, sizeof(path), "%s/text", dir);
	TEST(tells_every_line);
	TEST(loses_nothing_where_the_room_ends);
	TEST(cuts_lines_that_are_too_long);
	TEST(says_what_cannot_be_read);
	(void)unlink(path);
	(void)rmdir(dir);
	return test_done();
}
