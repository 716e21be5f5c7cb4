#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/denials.h"
#include "helper/cli/shown.h"
#include "policy/base/cleanup.h"

/* --- for people --- */

enum column { COL_COUNT, COL_FIRST, COL_LAST, COL_USER, COL_FILTER, COL_PROGRAM, COL_CALL, COL_VERDICT, N_COLUMNS };

static const char *const titles[N_COLUMNS] = { "count", "first", "last", "user", "filter", "program", "call", "outcome" };

struct row {
	char cell[N_COLUMNS][320];
};

static void fill(const struct finding *f, struct row *r)
{
	(void)snprintf(r->cell[COL_COUNT], sizeof(r->cell[0]), "%llu", (unsigned long long)f->count);
	shown_time(f->first_us, r->cell[COL_FIRST], sizeof(r->cell[0]));
	shown_time(f->last_us, r->cell[COL_LAST], sizeof(r->cell[0]));
	shown_text(f->user, r->cell[COL_USER], sizeof(r->cell[0]));
	(void)snprintf(r->cell[COL_FILTER], sizeof(r->cell[0]), "%s%s", f->filter[0] ? f->filter : "-",
		f->joined == JOINED_NOW ? "*" : "");
	shown_text(f->exe[0] ? f->exe : f->comm, r->cell[COL_PROGRAM], sizeof(r->cell[0]));
	(void)snprintf(r->cell[COL_CALL], sizeof(r->cell[0]), "%s", f->call);
	(void)snprintf(r->cell[COL_VERDICT], sizeof(r->cell[0]), "%s", f->verdict);
}

/* What stands behind the columns: the line and its reason, or why there is none. */
static void print_where(const struct finding *f)
{
	const char *open = "";

	if (f->n_lines == 1) {
		(void)printf("%s:%u", f->lines[0].file, f->lines[0].line);
		if (f->lines[0].reason)
			(void)printf(": %s", f->lines[0].reason);
		open = " ";
	}
	if (f->doubt[0])
		(void)printf("%s(%s)", open, f->doubt);
	(void)putchar('\n');
	for (size_t i = 0; f->n_lines > 1 && i < f->n_lines; i++)
		(void)printf("%s%s:%u: %s\n", "        ", f->lines[i].file, f->lines[i].line,
			f->lines[i].text ? f->lines[i].text : "");
}

static void print_table(const struct findings *f)
{
	_cleanup_free_ struct row *rows = calloc(f->n, sizeof(*rows));
	size_t widths[N_COLUMNS];

	if (!rows)
		return;
	for (int c = 0; c < N_COLUMNS; c++)
		widths[c] = strlen(titles[c]);
	for (size_t i = 0; i < f->n; i++) {
		fill(&f->v[i], &rows[i]);
		for (int c = 0; c < N_COLUMNS; c++)
			if (strlen(rows[i].cell[c]) > widths[c])
				widths[c] = strlen(rows[i].cell[c]);
	}
	for (int c = 0; c < N_COLUMNS; c++)
		(void)printf("%*s  ", c == COL_COUNT ? (int)widths[c] : -(int)widths[c], titles[c]);
	(void)puts("line and reason");
	for (size_t i = 0; i < f->n; i++) {
		for (int c = 0; c < N_COLUMNS; c++)
			(void)printf("%*s  ", c == COL_COUNT ? (int)widths[c] : -(int)widths[c], rows[i].cell[c]);
		print_where(&f->v[i]);
	}
}

void findings_print(const struct findings *f, const struct gathered *g)
{
	bool guessed = false;

	if (f->n)
		print_table(f);
	else
		(void)puts("nothing was refused, as far as the logs tell");
	for (size_t i = 0; i < f->n; i++)
		guessed |= f->v[i].joined == JOINED_NOW;
	(void)putchar('\n');
	if (guessed)
		(void)puts("* the session is not on record: the filter is the one that the configuration gives that user now");
	for (size_t i = 0; i < g->n_notes; i++)
		(void)printf("%s%s%s %s\n", g->notes[i].loss ? colour(stdout, YELLOW) : "",
			g->notes[i].loss ? "warning:" : "source:", g->notes[i].loss ? colour(stdout, PLAIN) : "", g->notes[i].text);
	if (g->table.left_out)
		(void)printf("%swarning:%s %llu records of ever more programs are left out\n", colour(stdout, YELLOW),
			colour(stdout, PLAIN), (unsigned long long)g->table.left_out);
}

/* --- for programs --- */

static void set(json_t *o, const char *key, json_t *value)
{
	(void)json_object_set_new(o, key, value);
}

static json_t *known_text(const char *s)
{
	return s[0] ? json_text(s) : json_null();
}

static json_t *lines_json(const struct finding *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n_lines; i++) {
		json_t *o = json_object();

		set(o, "file", json_text(f->lines[i].file));
		set(o, "line", json_integer(f->lines[i].line));
		set(o, "text", json_text(f->lines[i].text));
		set(o, "reason", json_text(f->lines[i].reason));
		(void)json_array_append_new(list, o);
	}
	return list;
}

static json_t *finding_json(const struct finding *f)
{
	char program[4 * 4096 + 8];
	json_t *o = json_object();

	shown_text(f->exe, program, sizeof(program));
	set(o, "count", json_integer((json_int_t)f->count));
	set(o, "first", shown_time_json(f->first_us));
	set(o, "last", shown_time_json(f->last_us));
	set(o, "user", json_text(f->user));
	set(o, "uid", json_integer(f->uid));
	set(o, "loginuid", f->auid == RECORD_UNSET ? json_null() : json_integer(f->auid));
	set(o, "outside", json_boolean(f->outside));
	set(o, "known-by", json_string(joined_names[f->joined]));
	set(o, "profile", known_text(f->profile));
	set(o, "filter", known_text(f->filter));
	set(o, "service", known_text(f->service));
	set(o, "program", json_text(program));
	shown_text(f->comm, program, sizeof(program));
	set(o, "command", json_text(program));
	set(o, "call", json_text(f->call));
	set(o, "number", json_integer(f->number));
	set(o, "arch", json_integer(f->arch));
	set(o, "code", json_integer(f->code));
	set(o, "outcome", json_text(f->verdict));
	set(o, "doubt", known_text(f->doubt));
	set(o, "by-argument", json_boolean(f->by_rule));
	set(o, "lines", lines_json(f));
	return o;
}

void findings_print_json(const struct findings *f, const struct gathered *g)
{
	json_t *out = json_object(), *list = json_array(), *sources = json_array(), *warnings = json_array();

	for (size_t i = 0; i < f->n; i++)
		(void)json_array_append_new(list, finding_json(&f->v[i]));
	for (size_t i = 0; i < g->n_notes; i++)
		(void)json_array_append_new(g->notes[i].loss ? warnings : sources, json_text(g->notes[i].text));
	set(out, "denials", list);
	set(out, "sources", sources);
	set(out, "warnings", warnings);
	set(out, "left-out", json_integer((json_int_t)g->table.left_out));
	(void)json_dumpf(out, stdout, JSON_INDENT(2));
	(void)putchar('\n');
	json_decref(out);
}
