#include "helper/cli/filter_words.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "helper/cli/config.h"
#include "helper/cli/filter_find.h"
#include "policy/base/cleanup.h"

uint32_t arch_machine(uint32_t abi)
{
	return abi == AUDIT_ARCH_I386 ? AUDIT_ARCH_X86_64 : abi;
}

const struct verdict_table *verdicts_abi(const struct verdicts *v, uint32_t abi)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->abi[i].arch == abi)
			return &v->abi[i];
	return NULL;
}

/* ---- verdicts ---- */

static char __attribute__((format(printf, 1, 2))) * text(const char *fmt, ...)
{
	char *ret = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&ret, fmt, ap) < 0)
		abort(); /* out of memory, in a program that has nothing to lose */
	va_end(ap);
	return ret;
}

char *verdict_words(enum call_action action, int error)
{
	switch (action) {
	case CALL_ALLOW:
		return text("allowed");
	case CALL_LOG:
		return text("allowed and logged");
	case CALL_REFUSE:
		return text("refused with %s", strerrorname_np(error));
	case CALL_KILL:
		break;
	}
	return text("killed");
}

char *verdict_words_of(uint32_t verdict)
{
	switch (verdict & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		return verdict_words(CALL_ALLOW, 0);
	case SECCOMP_RET_LOG:
		return verdict_words(CALL_LOG, 0);
	case SECCOMP_RET_ERRNO:
		return verdict_words(CALL_REFUSE, (int)(verdict & SECCOMP_RET_DATA));
	default:
		return verdict_words(CALL_KILL, 0);
	}
}

json_t *verdict_json(enum call_action action, int error)
{
	static const char *const actions[] = { "kill", "refuse", "log", "allow" };

	return json_pack("{s:s, s:s?}", "verdict", actions[action], "error",
		action == CALL_REFUSE ? strerrorname_np(error) : NULL);
}

const struct origin *call_decided_by(
	const struct filter *f, const struct verdict_table *t, int number, const char **ret_note)
{
	const struct call_verdict *v = &t->call[number];
	int clone = syscall_number(t->arch, "clone");

	*ret_note = NULL;
	if (!v->at || v->action >= CALL_LOG || number != syscall_number(t->arch, "clone3"))
		return v->at;
	/* Allowed by its line and refused all the same: see filter_resolve(). */
	for (size_t i = 0; i < f->n_calls; i++)
		if (&f->calls[i].at == v->at && f->calls[i].action < CALL_LOG)
			return v->at;
	for (size_t i = 0; i < f->n_args; i++) {
		if (clone < 0 || t->rule_call[i] != clone)
			continue;
		*ret_note = "its flags lie in memory, where no filter can look; programs take "
			    "clone instead";
		return &f->args[i].at;
	}
	return v->at;
}

json_t *decided_json(const struct origin *at)
{
	_cleanup_free_ char *line = NULL, *reason = NULL;
	json_t *o = json_object();

	filter_line_read(at, &line, &reason);
	origin_into_json(o, at);
	(void)json_object_set_new(o, "text", json_text(line));
	return o;
}

char *place_words(const json_t *o)
{
	const char *file = json_string_value(json_object_get(o, "file"));
	const json_t *line = json_object_get(o, "line");

	return json_is_integer(line)
		       ? text("%s:%" JSON_INTEGER_FORMAT, file, json_integer_value(line))
		       : text("%s", file);
}

void origin_into_json(json_t *o, const struct origin *at)
{
	_cleanup_free_ char *line = NULL, *reason = NULL;

	filter_line_read(at, &line, &reason);
	(void)json_object_set_new(o, "file", at ? json_text(at->file) : json_null());
	(void)json_object_set_new(o, "line", at && at->line ? json_integer(at->line) : json_null());
	(void)json_object_set_new(o, "reason", json_text(reason));
}

/* ---- argument rules ---- */

/* Protocols are numbered anew in each family: 6 is NETLINK_XFRM or IPPROTO_TCP. */
static bool constant_fits(const struct arg_rule *rule, const char *name)
{
	static const char netlink[] = "NETLINK_";

	if (!rule->selector || strcmp(rule->arg->name, "protocol") != 0)
		return true;
	return (rule->selected == AF_NETLINK) == (strncmp(name, netlink, strlen(netlink)) == 0);
}

static const char *constant_name(const struct arg_rule *rule, uint64_t value)
{
	for (const struct arg_constant *c = rule->arg->constants; c->name; c++)
		if ((c->value & syscall_arg_mask(rule->arg)) == value &&
			constant_fits(rule, c->name))
			return c->name;
	return NULL;
}

static char *number_words(uint64_t value)
{
	return value < 1024 ? text("%" PRIu64, value) : text("0x%" PRIx64, value);
}

/* Names of the bits of value with sep between them; bits without a name as one number. */
static char *bits_words(const struct syscall_arg *arg, uint64_t value, const char *sep)
{
	_cleanup_free_ char *rest = NULL;
	char *ret = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&ret, &len);
	const char *before = "";

	if (!f)
		abort();
	for (const struct arg_constant *c = arg->constants; c->name; c++) {
		uint64_t bits = c->value & syscall_arg_mask(arg);

		if (bits == 0 || (value & bits) != bits)
			continue;
		(void)fprintf(f, "%s%s", before, c->name);
		value &= ~bits;
		before = sep;
	}
	if (value || !*before) {
		rest = number_words(value);
		(void)fprintf(f, "%s%s", before, rest);
	}
	(void)fclose(f);
	return ret;
}

char *value_words(const struct arg_rule *rule, uint64_t value)
{
	const struct syscall_arg *arg = rule->arg;
	const char *name = constant_name(rule, value);

	if (name)
		return text("%s", name);
	return arg->kind == ARG_FLAGS ? bits_words(arg, value, "|") : number_words(value);
}

static char *match_words(const struct arg_rule *rule, const struct match *m)
{
	_cleanup_free_ char *value = value_words(rule, m->value), *mask = NULL;

	if (m->mask == syscall_arg_mask(rule->arg))
		return ptr_take(&value);
	mask = value_words(rule, m->mask);
	return text("%s/%s", value, mask);
}

static void print_matches(FILE *f, const struct arg_rule *rule, const struct match *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *word = match_words(rule, &m[i]);

		(void)fprintf(f, "%s%s", i ? ", " : "", word);
	}
}

/* "not A B" and "A B" of a set of flags, as filter_read() makes them. */
static bool is_flag_set(const struct arg_rule *rule)
{
	return rule->arg->kind == ARG_FLAGS && rule->n_values == 1 && !rule->exclude &&
	       rule->values[0].value == 0 && rule->values[0].mask != syscall_arg_mask(rule->arg);
}

static void print_flag_set(FILE *f, const struct arg_rule *rule)
{
	uint64_t closed = rule->values[0].mask, open = syscall_arg_mask(rule->arg) & ~closed;
	bool few = __builtin_popcountll(closed) <= __builtin_popcountll(open);
	_cleanup_free_ char *names = bits_words(rule->arg, few ? closed : open, ", ");

	(void)fprintf(f, "%s %s", few ? "must not have" : "must have no flags but", names);
}

static void print_said(FILE *f, const struct arg_rule *rule)
{
	if (is_flag_set(rule)) {
		print_flag_set(f, rule);
		return;
	}
	if (rule->n_values > 0) {
		(void)fprintf(f, "%s%s", rule->exclude ? "may be anything but " : "must be ",
			!rule->exclude && rule->n_values > 1 ? "one of " : "");
		print_matches(f, rule, rule->values, rule->n_values);
	} else {
		(void)fputs(rule->n_quiet ? "may be anything" : "may be anything at all", f);
	}
}

char *rule_sentence(const struct arg_rule *rule)
{
	char *ret = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&ret, &len);

	if (!f)
		abort();
	print_said(f, rule);
	if (rule->n_quiet > 0) {
		(void)fputs(
			rule->n_values ? ", and without a record not " : " but, without a record, ",
			f);
		print_matches(f, rule, rule->quiet, rule->n_quiet);
	}
	if (rule->n_values + rule->n_quiet > 0)
		(void)fprintf(f, ", else %s",
			rule->action == CALL_KILL  ? "the process is killed"
			: rule->action == CALL_LOG ? "it is logged"
						   : strerrorname_np(rule->error));
	(void)fclose(f);
	return ret;
}

char *rule_subject(const struct arg_rule *rule)
{
	const struct arg_rule by_selector = { .arg = rule->selector };
	_cleanup_free_ char *selected = NULL;

	if (!rule->selector)
		return text("%s.%s", rule->arg->call, rule->arg->name);
	selected = value_words(&by_selector, rule->selected);
	return text("%s(%s).%s", rule->arg->call, selected, rule->arg->name);
}
