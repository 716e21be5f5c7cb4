#include "helper/cli/shown.h"

#include <stdio.h>
#include <time.h>

void shown_text(const char *s, char *buf, size_t size)
{
	size_t n = 0;

	for (; *s && n + 5 < size; s++) {
		if (*s > 0x1f && *s < 0x7f)
			buf[n++] = *s;
		else
			n += (size_t)sprintf(buf + n, "\\x%02x", (unsigned char)*s);
	}
	buf[n] = '\0';
}

void shown_time(uint64_t us, char *buf, size_t size)
{
	time_t t = (time_t)(us / 1000000);
	struct tm tm;

	if (!us || !localtime_r(&t, &tm) || strftime(buf, size, "%F %T", &tm) == 0)
		(void)snprintf(buf, size, "-");
}

json_t *shown_time_json(uint64_t us)
{
	time_t t = (time_t)(us / 1000000);
	char text[64], whole[80];
	struct tm tm;

	if (!us || !gmtime_r(&t, &tm) || strftime(text, sizeof(text), "%FT%T", &tm) == 0)
		return json_null();
	(void)snprintf(whole, sizeof(whole), "%s.%03uZ", text, (unsigned)(us / 1000 % 1000));
	return json_string(whole);
}
