/*
 * learnt_write - knowledge to the text of a filter. Every line that allows something says why in a comment of fixed
 * form, which learnt_read() takes back.
 */
#include <stdlib.h>
#include <string.h>

#include "helper/learn/base.h"
#include "helper/learn/learnt.h"
#include "helper/learn/learnt_text.h"
#include "policy/base/cleanup.h"
#include "policy/base/parse.h"

#define REASON_COLUMN 32

static const char introduction[] =
	"; Made by `carrel learn`: what runs did, what else their programs can do, and why each line is there. Nothing uses it\n"
	"; until a profile names it. `carrel learn --merge` adds to it and takes the counts from these comments, so leave the\n"
	"; lines as they are, and put your own into a filter that says `include = ` and the name of this one.\n";

static void write_words(const char *before, const struct strv *words, FILE *f)
{
	for (size_t i = 0; i < words->n; i++)
		if (strlen(before) + strlen(words->v[i]) < LEARNT_LINE)
			(void)fprintf(f, "%s%s\n", before, words->v[i]);
}

static void write_head(const struct learnt *l, const struct strv *notes, FILE *f)
{
	(void)fputs(introduction, f);
	(void)fprintf(f, ";\n" TEXT_VERSION "\n" TEXT_RUNS "%u\n", l->runs);
	write_words(TEXT_COMMAND, &l->commands, f);
	write_words(TEXT_FILE, &l->files, f);
	write_words(TEXT_UNRESOLVED, &l->unresolved, f);
	if (notes)
		write_words("; ", notes, f);
	(void)fprintf(f, "\n[filter]\ndescription = learned from %u run%s\n", l->runs, l->runs == 1 ? "" : "s");
	if (l->foreign_runs)
		(void)fprintf(f,
			"; Rules about sockets do not hold for 32-bit programs: socketcall hides its arguments.\n"
			"arches = native i386 " TEXT_SEEN "%u of %u runs\n",
			l->foreign_runs, l->runs);
}

/* As many lines as it takes, each with the reason. */
static void write_base(const struct base_group *g, FILE *f)
{
	const char *list = g->calls;
	size_t len, column = 0, room = LEARNT_LINE - strlen(TEXT_BASE) - strlen(g->reason) - 40;

	for (const char *w; (w = word_next(&list, &len));) {
		char name[SYSCALL_NAME_MAX];

		(void)snprintf(name, sizeof(name), "%.*s", (int)len, w);
		if (!syscall_known(name))
			continue; /* a library too old for it, and so no rule about it */
		if (column + len > room) {
			(void)fprintf(f, " " TEXT_BASE "%s\n", g->reason);
			column = 0;
		}
		column += (size_t)fprintf(f, column ? " %s" : "allow = %s", name);
	}
	if (column)
		(void)fprintf(f, " " TEXT_BASE "%s\n", g->reason);
}

static void write_programs(const struct learnt_call *c, FILE *f)
{
	for (size_t i = 0; i < c->programs.n; i++)
		(void)fprintf(f, "%s%s", i ? ", " : " ", c->programs.v[i]);
	(void)fputs(c->more_programs ? TEXT_MORE "\n" : "\n", f);
}

static void write_reason(const struct learnt *l, const struct learnt_call *c, FILE *f)
{
	switch (c->source) {
	case LEARNT_SEEN:
		(void)fprintf(f, TEXT_SEEN "%u of %u runs:", c->runs, l->runs);
		write_programs(c, f);
		break;
	case LEARNT_STATIC:
		(void)fputs(TEXT_STATIC, f);
		write_programs(c, f);
		break;
	case LEARNT_WAITING:
		(void)fputs(TEXT_WAITS, f);
		write_programs(c, f);
		break;
	case LEARNT_FAMILY:
		(void)fprintf(f, TEXT_FAMILY "%s\n", c->family);
		break;
	}
}

static void write_call(const struct learnt *l, const struct learnt_call *c, const char *key, const char *error, FILE *f)
{
	int column = fprintf(f, "%s = %s%s", key, c->name, error);

	(void)fprintf(f, "%*s", column < REASON_COLUMN ? REASON_COLUMN - column : 1, "");
	write_reason(l, c, f);
}

static bool is_active(const struct learnt_call *c)
{
	return c->source != LEARNT_WAITING && !base_is_absent(c->name);
}

static bool any_waits(const struct learnt *l)
{
	for (size_t i = 0; i < l->n_calls; i++)
		if (l->calls[i].source == LEARNT_WAITING)
			return true;
	return false;
}

static void write_calls(const struct learnt *l, FILE *f)
{
	(void)fputc('\n', f);
	for (const struct base_group *g = base_groups(); g->reason; g++)
		write_base(g, f);
	(void)fputc('\n', f);
	for (size_t i = 0; i < l->n_calls; i++)
		if (is_active(&l->calls[i]))
			write_call(l, &l->calls[i], "allow", "", f);
	if (any_waits(l))
		(void)fputs("\n; In the code of the programs, but in no run, and with much power: without the first ';' it is allowed.\n", f);
	for (size_t i = 0; i < l->n_calls; i++)
		if (l->calls[i].source == LEARNT_WAITING && !base_is_absent(l->calls[i].name))
			write_call(l, &l->calls[i], "; allow", "", f);
}

/* Libraries take ENOSYS for an older kernel and go the way that a filter can see; EPERM would be the end. */
static void write_absent(const struct learnt *l, FILE *f)
{
	static const char *const absent[] = { "clone3", "io_uring_setup", "io_uring_enter", "io_uring_register" };

	(void)fputs("\n; What these do, no filter sees; for who meets ENOSYS there is another way.\n", f);
	for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++) {
		const struct learnt_call *c = learnt_find(l, absent[i]);

		if (c)
			write_call(l, c, "refuse", ":ENOSYS", f);
		else
			(void)fprintf(f, "refuse = %s:ENOSYS " TEXT_ABSENT "\n", absent[i]);
	}
}

static bool value_seen(const struct learnt_values *v, uint64_t value)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->values[i] == value)
			return true;
	return false;
}

static void write_seen(const char *key, const struct syscall_arg *arg, const struct learnt_values *v, FILE *f)
{
	size_t column = 0;

	for (size_t i = 0; i < v->n; i++) {
		char words[ARG_WORDS_MAX];

		arg_value_words(arg, v->values[i], '|', words);
		if (column > 0 && column + strlen(words) > LEARNT_LINE) {
			(void)fputc('\n', f);
			column = 0;
		}
		if (column == 0)
			column = (size_t)fprintf(f, TEXT_VALUES "%s:", key);
		column += (size_t)fprintf(f, " %s", words);
	}
	if (column)
		(void)fputc('\n', f);
}

/* Words of a rule, wrapped; the first stands behind "KEY =". */
struct wrap {
	FILE *f;
	size_t column;
	unsigned n;
};

static void wrap_word(struct wrap *w, const char *word)
{
	bool fits = w->column + strlen(word) <= 120;

	if (!fits)
		w->column = 8;
	w->column += (size_t)fprintf(w->f, "%s%s", fits ? " " : "\n\t", word);
	w->n++;
}

static void wrap_words(struct wrap *w, const char *words)
{
	size_t len;

	for (const char *p; (p = word_next(&words, &len));) {
		char word[ARG_KEY_MAX];

		(void)snprintf(word, sizeof(word), "%.*s", (int)len, p);
		wrap_word(w, word);
	}
}

/* What was seen comes on top of what is always let through. */
static void write_only(const struct arg_interest *a, const struct learnt_values *v, struct wrap *w)
{
	const struct syscall_arg *arg = arg_interest_arg(a);
	uint64_t floor[ARG_INTEREST_VALUES], done = 0;
	size_t n = arg_interest_values(a, floor);
	char words[ARG_WORDS_MAX];

	wrap_words(w, a->values);
	for (size_t i = 0; i < n; i++)
		done |= floor[i];
	for (size_t i = 0; i < v->n && w->n < 60; i++) {
		struct learnt_values known = { floor, n };

		if (arg->kind == ARG_FLAGS) {
			uint64_t added = v->values[i] & ~done;

			done |= added;
			if (!added && w->n)
				continue;
			arg_value_words(arg, added, ' ', words);
		} else if (value_seen(&known, v->values[i])) {
			continue;
		} else {
			arg_value_words(arg, v->values[i], ' ', words);
		}
		wrap_words(w, words);
	}
}

static void write_forbidden(const struct arg_interest *a, const struct learnt_values *v, struct wrap *w)
{
	const struct syscall_arg *arg = arg_interest_arg(a);
	uint64_t values[ARG_INTEREST_VALUES], seen = 0;
	size_t n = arg_interest_values(a, values);
	char words[ARG_WORDS_MAX];

	for (size_t i = 0; i < v->n; i++)
		seen |= v->values[i];
	for (size_t i = 0; i < n; i++) {
		if (arg->kind == ARG_FLAGS ? (values[i] & seen) != 0 : value_seen(v, values[i]))
			continue;
		arg_value_words(arg, values[i], ' ', words);
		if (w->n == 0)
			wrap_word(w, "not");
		wrap_words(w, words);
	}
}

static bool may_be_made(const struct learnt *l, const char *call)
{
	const struct learnt_call *c = learnt_find(l, call);

	return base_has(call) || (c && is_active(c));
}

static void write_rule(const struct arg_interest *a, const struct learnt_values *v, FILE *f)
{
	_cleanup_free_ char *text = NULL;
	char key[ARG_KEY_MAX];
	size_t len;
	struct wrap w = { .f = open_memstream(&text, &len) };

	if (!w.f)
		return;
	arg_interest_key(a, key);
	w.column = strlen(key) + 3;
	if (a->kind == INTEREST_ONLY)
		write_only(a, v, &w);
	else
		write_forbidden(a, v, &w);
	if (w.n && a->error) {
		wrap_word(&w, "else");
		wrap_word(&w, a->error);
	}
	(void)fclose(w.f);
	if (w.n)
		(void)fprintf(f, "%s =%s\n", key, text);
}

void learnt_write_args(const struct learnt *l, FILE *f)
{
	const struct arg_interest *a = arg_interests();

	for (size_t i = 0; a[i].call; i++) {
		char key[ARG_KEY_MAX];

		arg_interest_key(&a[i], key);
		write_seen(key, arg_interest_arg(&a[i]), &l->values[i], f);
		if (a[i].kind != INTEREST_NOTE && may_be_made(l, a[i].call))
			write_rule(&a[i], &l->values[i], f);
	}
}

void learnt_write(const struct learnt *l, const struct strv *notes, FILE *f)
{
	write_head(l, notes, f);
	write_calls(l, f);
	write_absent(l, f);
	(void)fputs("\n[args]\n", f);
	learnt_write_args(l, f);
}
