#ifndef CARREL_CLI_BUNDLE_JSON_H
#define CARREL_CLI_BUNDLE_JSON_H

/*
 * Reading JSON by tables that name every key there may be, with what is to be done about it. A
 * value knows where it lies, so that whoever refuses it can say so.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define JSON_BYTES_MAX (1u << 20)
#define JSON_DEPTH_MAX 32

struct node {
	const struct node *up; /* NULL: the whole text */
	const char *key; /* NULL: it is member `index` of a list */
	size_t index;
	json_t *j;
};

/* One key of an object. null is the same as no such key. */
struct row {
	const char *key;
	int (*take)(const struct node *n, const struct row *row, void *data, struct err *e);
	const char *why; /* for take, which may say it */
};

/*
 * The text as a value that json_decref() frees. Numbers above 2^63 - 1 are strings with a '#'
 * before them (filter_import_json.h). -EINVAL: no JSON, or more of it than anybody needs.
 */
int json_text_read(const char *text, size_t len, json_t **ret, struct err *e);

/* -EINVAL: "config.json: process.args[0]: " and the rest. */
int node_refuse(const struct node *n, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Every key by its row; rows end with an empty one. -EINVAL: no object, or a key without a row. */
int node_object(const struct node *n, const struct row *rows, void *data, struct err *e);
/* Every member by take; row is handed through. */
int node_list(const struct node *n, const struct row *row,
	int (*take)(const struct node *n, const struct row *row, void *data, struct err *e),
	void *data, struct err *e);
int node_text(const struct node *n, const char **ret, struct err *e);
int node_flag(const struct node *n, bool *ret, struct err *e);
int node_number(const struct node *n, uint64_t max, uint64_t *ret, struct err *e);

/* Rows: what changes nothing whatever it says, and what is refused, with row->why, unless it says
 * nothing. */
int row_pass(const struct node *n, const struct row *row, void *data, struct err *e);
int row_refuse(const struct node *n, const struct row *row, void *data, struct err *e);

#endif
