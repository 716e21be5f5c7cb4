#include "policy/filter_reason.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r"

enum line_kind { LINE_NONE, LINE_BLANK, LINE_COMMENT, LINE_SECTION, LINE_STATEMENT };

const char *text_line(const char *text, unsigned line, size_t *ret_len)
{
	if (line == 0)
		return NULL;
	while (--line > 0) {
		text = strchr(text, '\n');
		if (!text)
			return NULL;
		text++;
	}
	if (!*text)
		return NULL;
	*ret_len = strcspn(text, "\n");
	return text;
}

/* Without the blanks at both ends. */
static const char *trim(const char *s, size_t *len)
{
	while (*len > 0 && strchr(BLANKS, *s)) {
		s++;
		--*len;
	}
	while (*len > 0 && strchr(BLANKS, s[*len - 1]))
		--*len;
	return s;
}

static enum line_kind line_kind(const char *text, unsigned line)
{
	size_t len;
	const char *s = text_line(text, line, &len);

	if (!s)
		return LINE_NONE;
	s = trim(s, &len);
	if (len == 0)
		return LINE_BLANK;
	if (*s == ';' || *s == '#')
		return LINE_COMMENT;
	return *s == '[' ? LINE_SECTION : LINE_STATEMENT;
}

/* The word before '=' of the statement that a line begins or goes on with; "" when there is none.
 */
static const char *statement_key(const char *text, unsigned line, size_t *len)
{
	for (; line > 0; line--) {
		const char *s = text_line(text, line, len);

		if (line_kind(text, line) != LINE_STATEMENT || strchr(BLANKS, *s))
			continue;
		*len = strcspn(s, "= \t\r\n");
		return s;
	}
	*len = 0;
	return "";
}

static bool is_verb(const char *key, size_t len)
{
	static const char *const verbs[] = { "allow", "refuse", "kill", "log" };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (strlen(verbs[i]) == len && strncmp(key, verbs[i], len) == 0)
			return true;
	return false;
}

/* Why calls are allowed is no reason to refuse others. */
static bool is_other_verb(const char *text, unsigned line, unsigned than)
{
	size_t len, than_len;
	const char *key = statement_key(text, line, &len);
	const char *than_key = statement_key(text, than, &than_len);

	return is_verb(key, len) && is_verb(than_key, than_len) &&
	       (len != than_len || strncmp(key, than_key, len) != 0);
}

static bool is_conditional(const char *text, unsigned line)
{
	size_t len = 0;
	const char *s = text_line(text, line, &len);

	return s && memchr(s, '=', len);
}

/* The last line of the comment that heads the group of `line`; 0: none does. */
static unsigned comment_above(const char *text, unsigned line)
{
	unsigned of = line;

	while (--line > 0) {
		enum line_kind kind = line_kind(text, line);

		if (kind == LINE_COMMENT)
			return line;
		if (kind == LINE_STATEMENT && is_other_verb(text, line, of))
			return 0;
		if (kind == LINE_SECTION && is_conditional(text, line))
			return line_kind(text, line - 1) == LINE_COMMENT ? line - 1 : 0;
		if (kind != LINE_STATEMENT)
			return 0;
	}
	return 0;
}

/* Appends one comment line to a text that has room, after a blank. */
static size_t comment_add(char *to, size_t at, const char *s, size_t len)
{
	s = trim(s, &len);
	while (len > 0 && (*s == ';' || *s == '#')) {
		s++;
		len--;
	}
	s = trim(s, &len);
	if (len == 0)
		return at;
	if (at > 0)
		to[at++] = ' ';
	memcpy(to + at, s, len);
	return at + len;
}

/* The ';' after a blank that begins a comment behind a value, as config_read() sees it. */
static const char *comment_behind(const char *s, size_t *len)
{
	for (size_t i = 1; i < *len; i++) {
		if (s[i] == ';' && strchr(BLANKS, s[i - 1])) {
			*len -= i;
			return s + i;
		}
	}
	return NULL;
}

int filter_reason(const char *text, unsigned line, char **ret)
{
	size_t len = 0, at = 0;
	const char *s = text_line(text, line, &len), *behind;
	unsigned first, last;
	char *reason;

	*ret = NULL;
	if (!s)
		return 0;
	reason = malloc(strlen(text) + 1);
	if (!reason)
		return -ENOMEM;
	behind = comment_behind(s, &len);
	if (behind)
		at = comment_add(reason, 0, behind, len);
	last = at > 0 ? 0 : comment_above(text, line);
	first = last;
	while (first > 1 && line_kind(text, first - 1) == LINE_COMMENT)
		first--;
	for (; last > 0 && first <= last; first++) {
		s = text_line(text, first, &len);
		at = comment_add(reason, at, s, len);
	}
	if (at == 0) {
		free(reason);
		return 0;
	}
	reason[at] = '\0';
	*ret = reason;
	return 0;
}
