/*
 * carrel check - reads a configuration as the helper would, and says what is wrong before a login
 * does.
 */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <jansson.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/cli.h"
#include "helper/cli/config.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/filter.h"
#include "policy/filter_rules.h"
#include "policy/idrange.h"

static const char usage_text[] =
	"usage: carrel check [--json] [FILE | DIRECTORY]\n"
	"\n"
	"  FILE        one configuration file, judged alone\n"
	"  DIRECTORY   like /etc/carrel: carrel.conf, conf.d/*.conf and filters/\n"
	"  --json      for programs\n"
	"\n"
	"Without an argument: the installed configuration, which must also be root's alone.\n"
	"Exit status: 0 no errors (there may be warnings), 1 errors, 2 wrong usage.\n";

/* All that is to be said, in the order it was found. */
struct findings {
	json_t *errors, *warnings;
};

static void __attribute__((format(printf, 3, 4)))
find(json_t *list, const struct origin *at, const char *fmt, ...)
{
	char text[1024];
	json_t *item;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	item = json_pack("{s:o}", "text", json_text(text));
	if (at) {
		(void)json_object_set_new(item, "file", json_text(at->file));
		(void)json_object_set_new(item, "line", json_integer(at->line));
	}
	(void)json_array_append_new(list, item);
}

static bool is_everybody(const struct assign *a)
{
	return strcmp(a->who, "*") == 0;
}

static bool same_list(const struct assign *a, const struct assign *b)
{
	if (!a->service || !b->service)
		return a->service == b->service;
	return strcmp(a->service, b->service) == 0;
}

/* A line behind "* =" of its own list. */
static void check_reached(const struct policy *p, size_t at, struct findings *f)
{
	const struct assign *a = &p->assigns[at];

	for (size_t i = 0; i < at; i++)
		if (is_everybody(&p->assigns[i]) && same_list(&p->assigns[i], a))
			find(f->warnings, &a->origin,
				"'%s' is never reached: '*' stands before it at %s:%u", a->who,
				p->assigns[i].origin.file, p->assigns[i].origin.line);
}

/* Names that NSS does not know may come later; more often they are misspelt. */
static void check_name(const struct assign *a, struct findings *f)
{
	if (a->who[0] == '@' && !getgrnam(a->who + 1))
		find(f->warnings, &a->origin, "group '%s' does not exist", a->who + 1);
	else if (a->who[0] != '@' && !is_everybody(a) && strncmp(a->who, "uid:", 4) != 0 &&
		 !getpwnam(a->who))
		find(f->warnings, &a->origin, "user '%s' does not exist", a->who);
}

static void check_assigns(const struct policy *p, struct findings *f)
{
	bool everybody = false, exempt = false;

	for (size_t i = 0; i < p->n_assigns; i++) {
		const struct assign *a = &p->assigns[i];

		check_reached(p, i, f);
		check_name(a, f);
		everybody |= is_everybody(a) && !a->service;
		exempt |= a->verdict == VERDICT_EXEMPT;
	}
	if (!everybody)
		find(f->warnings, NULL, "no '* =' in [assign]: whoever no line names is refused");
	if (!exempt)
		find(f->warnings, NULL, "nobody is exempt: only root gets in without a container");
}

/* Of launches: whoever is exempt may choose any profile that has run = yes. */
static bool profile_used(const struct policy *p, const struct profile *profile)
{
	if (profile->run)
		return true;
	for (size_t i = 0; i < p->n_assigns; i++)
		if (p->assigns[i].profile == profile)
			return true;
	return false;
}

/* Another profile before this one that has the same filter for the same kind of session. */
static bool filter_checked(const struct policy *p, size_t at)
{
	const struct profile *profile = &p->profiles[at];

	for (size_t i = 0; i < at; i++)
		if (p->profiles[i].root == profile->root &&
			strcmp(p->profiles[i].filter, profile->filter) == 0)
			return true;
	return false;
}

/* Does it become a program? */
static void check_filter(const struct config *c, const struct profile *profile, struct findings *f)
{
	_cleanup_(filter_cleanup) struct filter *filter = NULL;
	_cleanup_free_ void *program = NULL;
	struct err e;
	size_t len;

	if (config_filter(c, profile, &filter, &e) < 0 ||
		filter_compile(filter, 0, &program, &len, &e) < 0) {
		find(f->errors, &profile->origin, "profile '%s': %s", profile->name, e.text);
		return;
	}
	if (filter->i386)
		find(f->warnings, &filter->i386_at,
			"filter '%s' lets 32-bit programs in: for them the rules on socket, "
			"socketpair and "
			"setsockopt do not hold, as socketcall(2) takes its arguments from memory",
			profile->filter);
}

/* This profile's own section says the key, not the one it inherits from. */
static bool says(const struct policy *p, const struct profile *profile, const char *key)
{
	const struct origin at = profile_key_at(profile, key), *begin = &profile->origin;

	if (at.file != begin->file || at.line <= begin->line)
		return false;
	for (size_t i = 0; i < p->n_profiles; i++) {
		const struct origin *other = &p->profiles[i].origin;

		if (other->file == at.file && other->line > begin->line && other->line < at.line)
			return false;
	}
	return true;
}

/* Words that nothing comes of. */
static void check_launches(
	const struct policy *p, const struct profile *profile, struct findings *f)
{
	static const char *const keys[] = { "images", "signed", "max-containers", "home",
		"run-bind", "run-profiles", "keep-size", "bundles" };
	struct origin at;

	for (size_t i = 0; !profile->run && i < sizeof(keys) / sizeof(keys[0]); i++) {
		at = profile_key_at(profile, keys[i]);
		if (says(p, profile, keys[i]))
			find(f->warnings, &at, "profile '%s': '%s' means nothing without run = yes",
				profile->name, keys[i]);
	}
	if (!profile->run)
		return;
	at = profile_key_at(profile, "bundles");
	if (profile->bundles && profile->image_signed)
		find(f->warnings, &at,
			"profile '%s': bundles = yes means nothing with signed = yes",
			profile->name);
	if (!profile->images.n && !(profile->bundles && !profile->image_signed))
		find(f->warnings, &profile->origin,
			"profile '%s': run = yes without images or bundles: there is nothing to "
			"start",
			profile->name);
	at = profile_key_at(profile, "run-profiles");
	for (size_t i = 0; says(p, profile, "run-profiles") && i < profile->run_profiles.n; i++)
		if (!policy_profile(p, profile->run_profiles.v[i])->run)
			find(f->warnings, &at, "profile '%s': '%s' of run-profiles has run = no",
				profile->name, profile->run_profiles.v[i]);
}

static void check_profiles(const struct config *c, struct findings *f)
{
	const struct policy *p = c->policy;

	for (size_t i = 0; i < p->n_profiles; i++) {
		const struct profile *profile = &p->profiles[i];

		if (!profile_used(p, profile))
			find(f->warnings, &profile->origin, "profile '%s' is assigned to nobody",
				profile->name);
		if (profile->linger == LINGER_YES && !(profile->memory_max && profile->tasks_max))
			find(f->warnings, &profile->origin,
				"profile '%s': linger = yes without memory-max "
				"and tasks-max: what is left running has no bounds",
				profile->name);
		check_launches(p, profile, f);
		if (!filter_checked(p, i))
			check_filter(c, profile, f);
	}
}

static void check_ids(const struct policy *p, struct findings *f)
{
	const struct id_window *last = &p->pool.uids[p->pool.n_uids - 1];
	struct id_range range;
	struct err e;

	if (id_pool_range(&p->pool, last->last, &range, &e) < 0)
		find(f->warnings, NULL, "[ids]: %s", e.text);
	for (size_t i = 0; i < p->negative_groups.n; i++)
		if (!getgrnam(p->negative_groups.v[i]))
			find(f->warnings, NULL, "[groups]: negative group '%s' does not exist",
				p->negative_groups.v[i]);
}

static void print_list(const json_t *list, const char *kind, const char *code)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *file = json_string_value(json_object_get(item, "file"));

		(void)printf("%s%s%s: ", colour(stdout, code), kind, colour(stdout, PLAIN));
		if (file)
			(void)printf("%s:%d: ", file,
				(int)json_integer_value(json_object_get(item, "line")));
		(void)printf("%s\n", json_string_value(json_object_get(item, "text")));
	}
}

static void print_people(const struct config *c, const struct findings *f)
{
	size_t errors = json_array_size(f->errors), warnings = json_array_size(f->warnings);
	const struct policy *p = c->policy;

	print_list(f->errors, "error", RED);
	print_list(f->warnings, "warning", YELLOW);
	if (!p)
		return;
	for (size_t i = 0; i < p->files.n; i++)
		(void)printf("read %s\n", p->files.v[i]);
	(void)printf("%zu profile%s, %zu assignment%s, %zu error%s, %zu warning%s\n", p->n_profiles,
		plural(p->n_profiles), p->n_assigns, plural(p->n_assigns), errors, plural(errors),
		warnings, plural(warnings));
}

static void print_json(const struct config *c, const struct findings *f)
{
	json_t *files = json_array(), *out;

	for (size_t i = 0; c->policy && i < c->policy->files.n; i++)
		(void)json_array_append_new(files, json_text(c->policy->files.v[i]));
	out = json_pack("{s:b, s:o, s:O, s:O}", "ok", json_array_size(f->errors) == 0, "files",
		files, "errors", f->errors, "warnings", f->warnings);
	(void)json_dumpf(out, stdout, JSON_INDENT(2));
	(void)putchar('\n');
	json_decref(out);
}

static int check(const char *path, bool json)
{
	struct findings f = { json_array(), json_array() };
	_cleanup_(config_close) struct config c = { 0 };
	struct err e;
	int status;

	if (config_open(path, &c, &e) < 0) {
		find(f.errors, NULL, "%s", e.text);
	} else {
		check_assigns(c.policy, &f);
		check_profiles(&c, &f);
		check_ids(c.policy, &f);
	}
	if (json)
		print_json(&c, &f);
	else
		print_people(&c, &f);
	status = json_array_size(f.errors) ? 1 : 0;
	json_decref(f.errors);
	json_decref(f.warnings);
	return status;
}

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h') {
			(void)fputs(usage_text, stdout);
			return 0;
		}
		if (c != 'j')
			return 2; /* getopt has named it */
		json = true;
	}
	if (argc - optind > 1) {
		(void)fprintf(stderr, "carrel check: '%s': one file or directory is enough\n",
			argv[optind + 1]);
		return 2;
	}
	return check(argv[optind], json);
}
