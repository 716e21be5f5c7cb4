/*
 * filter_import_json_take - single values of a profile, and what is wrong with them.
 */
#include "helper/cli/filter_import_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/err.h"

#define ERRNO_LARGEST 133

const char *json_shown(const json_t *j, char buf[static 64])
{
	if (json_is_string(j))
		return import_printable(json_string_value(j), buf);
	return json_is_object(j)   ? "an object"
	       : json_is_array(j)  ? "a list"
	       : json_is_number(j) ? "a number"
	       : json_is_null(j)   ? "null"
				   : "a truth value";
}

int json_check_keys(
	const struct json_reading *r, json_t *object, const char *place, const char *const *keys)
{
	char buf[64];
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		size_t i = 0;

		while (keys[i] && strcmp(keys[i], key) != 0)
			i++;
		if (!keys[i])
			return err_set(r->e, EINVAL, "%s%sunknown key '%s'", place,
				*place ? ": " : "", import_printable(key, buf));
	}
	return 0;
}

json_t *json_member(json_t *object, const char *key)
{
	json_t *j = json_object_get(object, key);

	return json_is_null(j) ? NULL : j;
}

int json_take_string(const struct json_reading *r, json_t *object, const char *place,
	const char *key, const char **ret)
{
	json_t *j = json_member(object, key);

	if (j && !json_is_string(j))
		return err_set(r->e, EINVAL, "%s%s%s: not a string", place, *place ? "." : "", key);
	*ret = j ? json_string_value(j) : NULL;
	return 0;
}

int json_take_list(const struct json_reading *r, json_t *object, const char *place, const char *key,
	json_t **ret)
{
	json_t *j = json_member(object, key);

	if (j && !json_is_array(j))
		return err_set(r->e, EINVAL, "%s%s%s: not a list", place, *place ? "." : "", key);
	*ret = j;
	return 0;
}

/* Numbers too large for the library come as strings, with a mark that json_numbers_quote() has set.
 */
int json_take_number(const struct json_reading *r, json_t *object, const char *place,
	const char *key, uint64_t max, uint64_t *ret)
{
	json_t *j = json_member(object, key);
	const char *s = json_string_value(j);
	uint64_t v = *ret; /* stays where there is none */

	if (s && s[0] == '#')
		v = strtoull(s + 1, NULL, 10);
	else if (json_is_integer(j) && json_integer_value(j) >= 0)
		v = (uint64_t)json_integer_value(j);
	else if (j)
		return err_set(
			r->e, EINVAL, "%s%s%s: not a whole number", place, *place ? "." : "", key);
	if (v > max)
		return err_set(r->e, EINVAL, "%s%s%s: too large", place, *place ? "." : "", key);
	*ret = v;
	return 0;
}

int json_take_error(const struct json_reading *r, json_t *object, const char *place,
	const char *number_key, const char *name_key, int *ret)
{
	const char *name;
	uint64_t number = EPERM;
	int code = json_take_number(r, object, place, number_key, ERRNO_LARGEST, &number), named;
	char buf[64];

	if (code == 0)
		code = json_take_string(r, object, place, name_key, &name);
	if (code < 0)
		return code;
	if (number == 0)
		return err_set(r->e, EINVAL, "%s%s%s: 0 would mean that the call seems to succeed",
			place, *place ? "." : "", number_key);
	if (name && *name) {
		named = import_errno(name);
		if (named < 0)
			return err_set(r->e, EINVAL, "%s%s%s: unknown error '%s'", place,
				*place ? "." : "", name_key, import_printable(name, buf));
		if (json_member(object, number_key) && (uint64_t)named != number)
			return err_set(r->e, EINVAL, "%s%s%s and %s disagree", place,
				*place ? "." : "", number_key, name_key);
		if (!json_member(object, number_key) && named != EPERM)
			import_note(r->im,
				"%s%s%s: '%s' counts for Podman; Docker would take EPERM", place,
				*place ? "." : "", name_key, name);
		number = (uint64_t)named;
	}
	*ret = (int)number;
	return 0;
}

char *json_numbers_quote(const char *text, size_t len)
{
	char *copy = malloc(len + len / 19 * 3 + 4), *to = copy;
	bool string = false;

	for (size_t i = 0; copy && i < len;) {
		size_t digits = 0;

		if (string && text[i] == '\\' && i + 1 < len)
			*to++ = text[i++];
		else if (text[i] == '"')
			string = !string;
		while (!string && i + digits < len && text[i + digits] >= '0' &&
			text[i + digits] <= '9')
			digits++;
		if (digits < 19 || digits > 20 ||
			(i > 0 && strchr("0123456789.-+eE", text[i - 1])) ||
			(i + digits < len && strchr(".eE", text[i + digits])) ||
			(digits == 19 && memcmp(text + i, "9223372036854775807", 19) <= 0) ||
			(digits == 20 && memcmp(text + i, "18446744073709551615", 20) > 0)) {
			digits = digits ? digits : 1;
			memcpy(to, text + i, digits);
			to += digits;
		} else {
			to += sprintf(to, "\"#%.*s\"", (int)digits, text + i);
		}
		i += digits;
	}
	if (copy)
		*to = '\0';
	return copy;
}
