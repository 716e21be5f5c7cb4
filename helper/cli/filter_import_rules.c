/*
 * filter_import_rules - what all readers of foreign rules put theirs into.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/filter_import.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"
#include "policy/config.h"

#define NOTES_MAX 400
#define RULES_MAX 4096
#define CALLS_MAX 4096 /* several times what all architectures have */

void import_done(struct import *im)
{
	for (size_t i = 0; i < im->n_calls; i++)
		free(im->calls[i].rules);
	free(im->calls);
	strv_done(&im->notes);
	*im = (struct import){ .form = NULL };
}

void import_note(struct import *im, const char *fmt, ...)
{
	char line[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (im->notes.n < NOTES_MAX)
		(void)strv_add(&im->notes, line, strlen(line));
}

struct import_call *import_call(struct import *im, const char *name)
{
	struct import_call *grown;

	for (size_t i = 0; i < im->n_calls; i++)
		if (strcmp(im->calls[i].name, name) == 0)
			return &im->calls[i];
	if (im->n_calls == CALLS_MAX)
		return NULL;
	if ((im->n_calls & (im->n_calls - 1)) == 0) {
		grown = reallocarray(im->calls, im->n_calls ? 2 * im->n_calls : 1, sizeof(*grown));
		if (!grown)
			return NULL;
		im->calls = grown;
	}
	grown = &im->calls[im->n_calls++];
	*grown = (struct import_call){ .otherwise = im->otherwise };
	(void)snprintf(grown->name, sizeof(grown->name), "%s", name);
	return grown;
}

int import_rule_add(struct import_call *c, const struct import_rule *rule, struct err *e)
{
	struct import_rule *grown;

	/* Both runtimes drop a rule that only says what holds anyway. */
	if (import_action_verdict(rule->action) == import_action_verdict(c->otherwise))
		return 0;
	if (c->n_rules == RULES_MAX)
		return err_set(
			e, EINVAL, "%s: more than %d rules of %s", rule->where, RULES_MAX, c->name);
	if ((c->n_rules & (c->n_rules - 1)) == 0) {
		grown = reallocarray(c->rules, c->n_rules ? 2 * c->n_rules : 1, sizeof(*grown));
		if (!grown)
			return err_set(e, ENOMEM, "out of memory");
		c->rules = grown;
	}
	c->rules[c->n_rules++] = *rule;
	return 0;
}

const char *import_printable(const char *word, char buf[static 64])
{
	size_t n = 0;

	for (; *word && n < 60; word++)
		buf[n++] = *word >= ' ' && *word < 0x7f ? *word : '?';
	if (*word)
		n = (size_t)(stpcpy(buf + 57, "...") - buf);
	buf[n] = '\0';
	return buf;
}

bool import_name_valid(const char *name)
{
	size_t n = 0;

	while (isalnum((unsigned char)name[n]) || name[n] == '_')
		n++;
	return n > 0 && !name[n] && n < SYSCALL_NAME_MAX;
}

int import_errno(const char *word)
{
	uint64_t number;
	const char *name = word;

	if (parse_u64(word, 4095, &number) == 0)
		name = strerrorname_np((int)number);
	return name ? parse_errno(name) : -EINVAL;
}
