#include "helper/image/escape.h"

#include <errno.h>
#include <stdbool.h>

static bool is_plain(unsigned char c, enum escape_place place)
{
	if (c == '\\' || c < ' ' || c == 0x7f)
		return false;
	return place == ESCAPE_LINE || (c > ' ' && c < 0x7f);
}

void escape_write(FILE *f, const char *s, size_t len, enum escape_place place)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (is_plain(c, place))
			(void)putc_unlocked(c, f);
		else
			(void)fprintf(f, "\\%03o", c);
	}
}

static bool is_octal(char c, char most)
{
	return c >= '0' && c <= most;
}

int escape_undo(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s != '\\') {
			*to++ = *s;
			continue;
		}
		if (!is_octal(s[1], '3') || !is_octal(s[2], '7') || !is_octal(s[3], '7'))
			return -EINVAL;
		*to = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
		if (!*to++)
			return -EINVAL;
		s += 3;
	}
	*to = '\0';
	return 0;
}
