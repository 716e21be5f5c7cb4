#include "helper/cli/bundle_json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/filter_import.h"
#include "helper/cli/filter_import_json.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

/* ---- the text ---- */

/* The library's own limit is far above what its callers' stacks, and people, can follow. */
static bool is_deep(const char *text, size_t len)
{
	bool in_string = false;
	size_t depth = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '['))
			depth++;
		else if (!in_string && (c == '}' || c == ']') && depth > 0)
			depth--;
		if (depth > JSON_DEPTH_MAX)
			return true;
	}
	return false;
}

int json_text_read(const char *text, size_t len, json_t **ret, struct err *e)
{
	_cleanup_free_ char *quoted = NULL;
	json_error_t error;
	char buf[64];

	if (len > JSON_BYTES_MAX)
		return err_set(e, EINVAL, "config.json: larger than %u bytes", JSON_BYTES_MAX);
	if (memchr(text, '\0', len))
		return err_set(e, EINVAL, "config.json: a NUL byte");
	if (is_deep(text, len))
		return err_set(
			e, EINVAL, "config.json: nested deeper than %d levels", JSON_DEPTH_MAX);
	quoted = json_numbers_quote(text, len);
	if (!quoted)
		return err_set(e, ENOMEM, "out of memory");
	*ret = json_loads(quoted, JSON_REJECT_DUPLICATES, &error);
	if (!*ret)
		return err_set(e, EINVAL, "config.json: line %d, column %d: %s", error.line,
			error.column, import_printable(error.text, buf));
	return 0;
}

/* ---- where ---- */

static size_t path_write(const struct node *n, char *to, size_t size)
{
	size_t at = n->up ? path_write(n->up, to, size) : 0;
	char key[64];
	int len = 0;

	if (n->up && n->key)
		len = snprintf(to + at, size - at, "%s%s", at > 0 ? "." : "",
			import_printable(n->key, key));
	else if (n->up)
		len = snprintf(to + at, size - at, "[%zu]", n->index);
	return at + (size_t)len < size ? at + (size_t)len : size - 1;
}

int node_refuse(const struct node *n, struct err *e, const char *fmt, ...)
{
	char path[200] = "", why[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	(void)path_write(n, path, sizeof(path));
	return err_set(e, EINVAL, "config.json: %s%s%s", path, *path ? ": " : "", why);
}

/* ---- what ---- */

static const struct row *row_find(const struct row *rows, const char *key)
{
	for (; rows->key; rows++)
		if (strcmp(rows->key, key) == 0)
			return rows;
	return NULL;
}

int node_object(const struct node *n, const struct row *rows, void *data, struct err *e)
{
	const char *key;
	json_t *value;

	if (!json_is_object(n->j))
		return node_refuse(n, e, "not an object");
	json_object_foreach(n->j, key, value)
	{
		const struct node child = { n, key, 0, value };
		const struct row *row = row_find(rows, key);
		int r;

		if (!row)
			return node_refuse(&child, e, "nothing that is known here: take it out");
		r = json_is_null(value) ? 0 : row->take(&child, row, data, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int node_list(const struct node *n, const struct row *row,
	int (*take)(const struct node *n, const struct row *row, void *data, struct err *e),
	void *data, struct err *e)
{
	json_t *value;
	size_t i;

	if (!json_is_array(n->j))
		return node_refuse(n, e, "not a list");
	json_array_foreach(n->j, i, value)
	{
		const struct node child = { n, NULL, i, value };
		int r = take(&child, row, data, e);

		if (r < 0)
			return r;
	}
	return 0;
}

int node_text(const struct node *n, const char **ret, struct err *e)
{
	if (!json_is_string(n->j))
		return node_refuse(n, e, "not a string");
	*ret = json_string_value(n->j);
	return 0;
}

int node_flag(const struct node *n, bool *ret, struct err *e)
{
	if (!json_is_boolean(n->j))
		return node_refuse(n, e, "neither true nor false");
	*ret = json_is_true(n->j);
	return 0;
}

int node_number(const struct node *n, uint64_t max, uint64_t *ret, struct err *e)
{
	const char *large = json_string_value(n->j);
	uint64_t v;

	if (large && large[0] == '#')
		v = strtoull(large + 1, NULL, 10);
	else if (json_is_integer(n->j) && json_integer_value(n->j) >= 0)
		v = (uint64_t)json_integer_value(n->j);
	else
		return node_refuse(n, e, "not a whole number");
	if (v > max)
		return node_refuse(n, e, "larger than %llu", (unsigned long long)max);
	*ret = v;
	return 0;
}

/* ---- rows ---- */

/* Tools write down what they could have asked for: 0 and -1 are their "no limit". */
static bool says_nothing(json_t *j)
{
	const char *key;
	json_t *value;

	if (json_is_integer(j))
		return json_integer_value(j) == 0 || json_integer_value(j) == -1;
	if (json_is_string(j))
		return json_string_length(j) == 0;
	if (json_is_array(j))
		return json_array_size(j) == 0;
	if (!json_is_object(j))
		return json_is_null(j) || json_is_false(j);
	json_object_foreach(j, key, value) if (!says_nothing(value)) return false;
	return true;
}

int row_pass(const struct node *n, const struct row *row, void *data, struct err *e)
{
	(void)n;
	(void)row;
	(void)data;
	(void)e;
	return 0;
}

int row_refuse(const struct node *n, const struct row *row, void *data, struct err *e)
{
	(void)data;
	return says_nothing(n->j) ? 0 : node_refuse(n, e, "%s", row->why);
}
