/*
 * learnt_read - the text of a learned filter back to what was known. Strict, as a line that is not understood would be
 * lost when the file is written again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helper/learn/base.h"
#include "helper/learn/learnt.h"
#include "helper/learn/learnt_text.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"
#include "policy/config.h"

struct reading {
	struct learnt l;
	bool version;
	bool args; /* [args] has begun */
	unsigned line;
	unsigned args_line;
	char *rules; /* the lines of [args] as they are, to compare with those that we would write */
	FILE *rules_file;
};

static int foreign(const char *line, struct err *e)
{
	return err_set(e, EINVAL,
		"'%.60s' is not what carrel learn wrote; lines of your own belong into a filter that includes this one",
		line);
}

/* The rest of the line behind a prefix; NULL: it begins otherwise. */
static const char *after(const char *line, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(line, prefix, len) == 0 ? line + len : NULL;
}

static int keep(int r, struct err *e)
{
	return r < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

/* "a, b, and more" */
static int programs_read(struct learnt_call *c, const char *list)
{
	_cleanup_free_ char *copy = strdup(list);
	char *save = NULL;

	if (!copy)
		return -ENOMEM;
	for (char *p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		p += strspn(p, " ");
		if (strcmp(p, "and more") == 0)
			c->more_programs = 1;
		else if (learnt_program_add(c, p) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* "; seen 3 of 5 runs: bash, git" */
static int seen_read(const char *reason, unsigned *ret_runs, const char **ret_programs)
{
	unsigned of;
	int end = 0;

	if (sscanf(reason, TEXT_SEEN "%u of %u runs:%n", ret_runs, &of, &end) != 2 || end == 0)
		return -EINVAL;
	*ret_programs = reason + end;
	return 0;
}

static int call_read(struct reading *r, const char *name, const char *reason, struct err *e)
{
	const char *programs = NULL, *rest;
	struct learnt_call *c;
	unsigned runs = 0;
	enum learnt_source source;

	if ((rest = after(reason, TEXT_FAMILY))) {
		source = LEARNT_FAMILY;
	} else if ((programs = after(reason, TEXT_STATIC)) || (programs = after(reason, TEXT_WAITS))) {
		source = LEARNT_STATIC;
	} else if (seen_read(reason, &runs, &programs) == 0) {
		source = LEARNT_SEEN;
	} else {
		return foreign(reason, e);
	}
	c = learnt_call(&r->l, name, source);
	if (!c)
		return keep(-ENOMEM, e);
	c->source = source;
	c->runs = runs;
	if (source == LEARNT_FAMILY)
		(void)snprintf(c->family, sizeof(c->family), "%s", rest);
	return programs ? keep(programs_read(c, programs), e) : 0;
}

/* Calls that were base for who wrote it and are not for us stay allowed. */
static int base_read(struct reading *r, const char *words, struct err *e)
{
	size_t len;

	for (const char *w; (w = word_next(&words, &len));) {
		char name[SYSCALL_NAME_MAX];
		struct learnt_call *c;

		(void)snprintf(name, sizeof(name), "%.*s", (int)len, w);
		if (base_has(name))
			continue;
		c = learnt_call(&r->l, name, LEARNT_STATIC);
		if (!c || learnt_program_add(c, "base") < 0)
			return keep(-ENOMEM, e);
	}
	return 0;
}

/* "NAME   ; reason": one call, or the words of a base line. */
static int allow_read(struct reading *r, const char *value, const char *whole, struct err *e)
{
	const char *reason = strchr(value, ';');
	char words[LEARNT_LINE + 64];
	size_t len;

	if (!reason || (size_t)(reason - value) >= sizeof(words))
		return foreign(whole, e);
	(void)snprintf(words, sizeof(words), "%.*s", (int)(reason - value), value);
	len = strlen(words);
	while (len > 0 && words[len - 1] == ' ')
		words[--len] = '\0';
	if (after(reason, TEXT_BASE))
		return base_read(r, words, e);
	if (!syscall_known(words))
		return foreign(whole, e);
	return call_read(r, words, reason, e);
}

/* "NAME:ENOSYS ; reason" */
static int refuse_read(struct reading *r, const char *value, const char *whole, struct err *e)
{
	const char *colon = strstr(value, ":ENOSYS "), *reason = strchr(value, ';');
	char name[SYSCALL_NAME_MAX];

	if (!colon || !reason || (size_t)(colon - value) >= sizeof(name))
		return foreign(whole, e);
	(void)snprintf(name, sizeof(name), "%.*s", (int)(colon - value), value);
	if (!base_is_absent(name))
		return foreign(whole, e);
	return after(reason, TEXT_ABSENT) ? 0 : call_read(r, name, reason, e);
}

/* "socket.domain: AF_UNIX AF_INET" */
static int values_read(struct reading *r, const char *text, struct err *e)
{
	const struct arg_interest *a = arg_interests();
	char key[ARG_KEY_MAX], word[ARG_WORDS_MAX];
	const char *list = NULL;
	uint64_t value;
	size_t i, len;

	for (i = 0; a[i].call; i++) {
		arg_interest_key(&a[i], key);
		list = after(text, key);
		if (list && *list == ':')
			break;
	}
	if (!a[i].call)
		return foreign(text, e);
	list++;
	for (const char *w; (w = word_next(&list, &len));) {
		(void)snprintf(word, sizeof(word), "%.*s", (int)len, w);
		if (arg_value_parse(arg_interest_arg(&a[i]), word, &value) < 0)
			return foreign(word, e);
		if (learnt_value_add(&r->l.values[i], value) < 0)
			return keep(-ENOMEM, e);
	}
	return 0;
}

static int comment_read(struct reading *r, const char *line, struct err *e)
{
	const char *rest;
	uint32_t runs;

	if (strcmp(line, TEXT_VERSION) == 0) {
		r->version = true;
	} else if ((rest = after(line, TEXT_RUNS))) {
		if (parse_u32(rest, &runs) < 0)
			return foreign(line, e);
		r->l.runs = runs;
	} else if ((rest = after(line, TEXT_COMMAND))) {
		return keep(learnt_word_add(&r->l.commands, rest), e);
	} else if ((rest = after(line, TEXT_FILE))) {
		return keep(strv_add(&r->l.files, rest, strlen(rest)), e);
	} else if ((rest = after(line, TEXT_UNRESOLVED))) {
		return keep(learnt_word_add(&r->l.unresolved, rest), e);
	} else if ((rest = after(line, TEXT_VALUES))) {
		return values_read(r, rest, e);
	} else if ((rest = after(line, "; allow = ")) && strstr(rest, TEXT_WAITS)) {
		int code = allow_read(r, rest, line, e);
		char name[SYSCALL_NAME_MAX];

		(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(rest, " "), rest);
		if (code == 0)
			learnt_call(&r->l, name, LEARNT_WAITING)->source = LEARNT_WAITING;
		return code;
	}
	return 0; /* words for people */
}

static int arches_read(struct reading *r, const char *value, const char *line, struct err *e)
{
	const char *rest = after(value, "native i386 ");
	unsigned of;

	if (!rest || sscanf(rest, TEXT_SEEN "%u of %u runs", &r->l.foreign_runs, &of) != 2)
		return foreign(line, e);
	return 0;
}

static int line_read(struct reading *r, const char *line, struct err *e)
{
	const char *rest;

	if (line[0] == '\0' || after(line, "description = ") || strcmp(line, "[filter]") == 0)
		return 0;
	if (line[0] == ';')
		return comment_read(r, line, e);
	if (strcmp(line, "[args]") == 0) {
		r->args = true;
		r->args_line = r->line + 1;
		return 0;
	}
	if (r->args)
		return fprintf(r->rules_file, "%s\n", line) < 0 ? keep(-ENOMEM, e) : 0;
	if ((rest = after(line, "allow = ")))
		return allow_read(r, rest, line, e);
	if ((rest = after(line, "refuse = ")))
		return refuse_read(r, rest, line, e);
	if ((rest = after(line, "arches = ")))
		return arches_read(r, rest, line, e);
	return foreign(line, e);
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return true;
	return false;
}

/* Rules are made of the values seen; one that somebody wrote would be lost. */
static int rules_check(struct reading *r, struct err *e)
{
	_cleanup_free_ char *ours = NULL;
	char *save_theirs = NULL, *theirs;
	size_t len;
	FILE *f = open_memstream(&ours, &len);

	if (!f)
		return keep(-ENOMEM, e);
	learnt_write_args(&r->l, f);
	if (fclose(f) != 0)
		return keep(-ENOMEM, e);
	r->line = r->args_line;
	for (theirs = strtok_r(r->rules, "\n", &save_theirs); theirs; theirs = strtok_r(NULL, "\n", &save_theirs))
		if (!has_line(ours, theirs))
			return foreign(theirs, e);
	return 0;
}

static int text_read(struct reading *r, char *text, struct err *e)
{
	char *next;
	int code = 0;

	for (char *line = text; line && *line && code == 0; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		r->line++;
		code = line_read(r, line, e);
	}
	if (code == 0 && !r->version) {
		r->line = 1;
		return err_set(e, EINVAL, "no '" TEXT_VERSION "': not a filter that carrel learn wrote");
	}
	return code;
}

int learnt_read(const char *text, const char *file, struct learnt *ret, struct err *e)
{
	_cleanup_free_ char *copy = strdup(text);
	struct reading r = { .version = false };
	size_t len;
	int code = -ENOMEM;

	r.rules_file = open_memstream(&r.rules, &len);
	if (copy && r.rules_file)
		code = text_read(&r, copy, e);
	else
		(void)keep(-ENOMEM, e);
	if (r.rules_file && fclose(r.rules_file) != 0 && code == 0)
		code = keep(-ENOMEM, e);
	if (code == 0)
		code = rules_check(&r, e);
	free(r.rules);
	if (code < 0) {
		learnt_done(&r.l);
		return err_wrap(e, code, "%s:%u", file, r.line);
	}
	*ret = r.l;
	return 0;
}
