#include <errno.h>
#include <string.h>
#include <time.h>

#include "helper/cli/denials.h"
#include "policy/base/parse.h"

#define SECOND 1000000u

/* "90s", "10m", "2h", "7d": so long ago. */
static int ago(const char *word, uint64_t now_us, uint64_t *ret_us)
{
	static const struct {
		char letter;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	size_t n = strlen(word);
	char digits[12];
	uint64_t count;

	if (n < 2 || n > sizeof(digits))
		return -EINVAL;
	memcpy(digits, word, n - 1);
	digits[n - 1] = '\0';
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (word[n - 1] != units[i].letter)
			continue;
		if (parse_u64(digits, now_us / (units[i].seconds * SECOND), &count) < 0)
			return -EINVAL;
		*ret_us = now_us - count * units[i].seconds * SECOND;
		return 0;
	}
	return -EINVAL;
}

/* Local time; what is not said is midnight, and of a time alone the day is today. */
static int by_clock(const char *word, uint64_t now_us, uint64_t *ret_us)
{
	static const char *const forms[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d", "%H:%M:%S",
		"%H:%M" };
	time_t now = (time_t)(now_us / SECOND), t;
	struct tm today, tm;

	if (!localtime_r(&now, &today))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const char *end;

		tm = today;
		tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
		tm.tm_isdst = -1;
		end = strptime(word, forms[i], &tm);
		if (!end || *end)
			continue;
		tm.tm_isdst = -1;
		t = mktime(&tm);
		if (t <= 0)
			return -EINVAL;
		*ret_us = (uint64_t)t * SECOND;
		return 0;
	}
	return -EINVAL;
}

int denials_when(const char *word, uint64_t now_us, uint64_t *ret_us)
{
	uint64_t n, midnight;

	if (word[0] == '@') {
		if (parse_u64(word + 1, UINT32_MAX, &n) < 0)
			return -EINVAL;
		*ret_us = n * SECOND;
		return 0;
	}
	if (strcmp(word, "today") == 0)
		return by_clock("00:00", now_us, ret_us);
	if (strcmp(word, "yesterday") == 0) {
		if (by_clock("00:00", now_us, &midnight) < 0)
			return -EINVAL;
		/* Noon of the day before, so that a day of 23 or 25 hours is one as well. */
		return by_clock("00:00", midnight - 12u * 3600 * SECOND, ret_us);
	}
	return ago(word, now_us, ret_us) == 0 ? 0 : by_clock(word, now_us, ret_us);
}
