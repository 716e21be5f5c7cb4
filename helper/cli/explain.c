/*
 * carrel explain - what a user's session or container would be, and which line decides it, without
 * opening one.
 *
 * One JSON object holds all that is found out; people get the same object as a table.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "helper/cli/cli.h"
#include "helper/cli/config.h"
#include "policy/account.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/filter.h"
#include "policy/filter_rules.h"
#include "policy/grant.h"
#include "policy/idrange.h"
#include "policy/subid.h"

static const char usage_text[] =
	"usage: carrel explain [--service SERVICE] [--config FILE | DIRECTORY] [--json] USER\n"
	"       carrel explain --run IMAGE [--profile NAME] [--config FILE | DIRECTORY] [--json] "
	"USER\n"
	"\n"
	"  --service SERVICE  the PAM service of the login, like sshd or cron; 'run': carrel run\n"
	"  --run IMAGE        would 'carrel run IMAGE' be allowed, and by which line not?\n"
	"  --profile NAME     with this profile instead of the one that policy gives\n"
	"  --config PATH      this configuration instead of the installed one\n"
	"  --json             for programs\n"
	"\n"
	"Exit status: 0 the user would get in, 1 refused or not to be told, 2 wrong usage.\n";

/* What the command line asks; NULL: not said. */
struct question {
	const char *service, *image, *profile;
};

static const char *const verdicts[] = { "refuse", "confine", "exempt" };
static const char *const nets[] = { "none", "host" };
static const char *const lingers[] = { "no", "processes", "yes" };
static const char *const limits[] = { "required", "best-effort" };

static void set(json_t *o, const char *key, json_t *value)
{
	(void)json_object_set_new(o, key, value);
}

/* What stands in the way; the first reason is the one the user would hear of. */
static void refuse(json_t *out, const char *why)
{
	set(out, "verdict", json_string(verdicts[VERDICT_REFUSE]));
	if (!json_object_get(out, "reason"))
		set(out, "reason", json_text(why));
}

static json_t *origin_json(const struct origin *at)
{
	json_t *o = json_object();

	set(o, "file", json_text(at->file));
	set(o, "line", json_integer(at->line));
	return o;
}

static json_t *list_json(const struct strv *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->n; i++)
		(void)json_array_append_new(list, json_text(v->v[i]));
	return list;
}

static json_t *limit_json(uint64_t n)
{
	return n ? json_integer((json_int_t)n) : json_null();
}

static json_t *profile_json(const struct profile *p)
{
	json_t *o = json_object();

	set(o, "name", json_text(p->name));
	set(o, "origin", origin_json(&p->origin));
	set(o, "filter", json_text(p->filter));
	set(o, "view", json_text(p->view));
	set(o, "root", json_boolean(p->root));
	set(o, "net", json_string(nets[p->net]));
	set(o, "linger", json_string(lingers[p->linger]));
	set(o, "limits", json_string(limits[p->limits]));
	set(o, "memory-max", limit_json(p->memory_max));
	set(o, "tasks-max", limit_json(p->tasks_max));
	set(o, "cpu-quota", limit_json(p->cpu_percent));
	set(o, "tmp-size", limit_json(p->tmp_size));
	set(o, "tmp-inodes", limit_json(p->tmp_inodes));
	set(o, "bind", list_json(&p->bind));
	set(o, "bind-readonly", list_json(&p->bind_readonly));
	set(o, "hide", list_json(&p->hide));
	set(o, "devices", list_json(&p->devices));
	set(o, "run", json_boolean(p->run)); /* from here on: launches */
	set(o, "images", list_json(&p->images));
	set(o, "signed", json_boolean(p->image_signed));
	set(o, "max-containers", limit_json(p->max_containers));
	set(o, "home", json_boolean(p->home));
	set(o, "run-bind", list_json(&p->run_bind));
	set(o, "run-profiles", list_json(&p->run_profiles));
	set(o, "keep-size", limit_json(p->keep_size));
	set(o, "bundles", json_boolean(p->bundles));
	return o;
}

static json_t *account_json(const struct account *a)
{
	json_t *o = json_object(), *gids = json_array();

	for (size_t i = 0; i < a->n_gids; i++)
		(void)json_array_append_new(gids, json_integer(a->gids[i]));
	set(o, "name", json_text(a->name));
	set(o, "uid", json_integer(a->uid));
	set(o, "gids", gids);
	set(o, "home", json_text(a->home));
	set(o, "shell", json_text(a->shell));
	return o;
}

static json_t *range_json(const struct id_range *r)
{
	return json_pack("{s:I, s:I}", "first", (json_int_t)r->start, "last",
		(json_int_t)r->start + r->count - 1);
}

static json_t *map_json(const struct id_map *m)
{
	json_t *lines = json_array();

	for (size_t i = 0; i < m->n; i++)
		(void)json_array_append_new(
			lines, json_pack("[I, I, I]", (json_int_t)m->e[i].inside,
				       (json_int_t)m->e[i].outside, (json_int_t)m->e[i].count));
	return lines;
}

/* Returns how many of the user's own IDs found no room. */
static size_t explain_map(json_t *out, json_t *ids, const char *key, const struct id_range *range,
	const uint32_t *own, size_t n)
{
	struct id_map map;
	struct err e;

	if (id_map_plan(range, own, n, &map, &e) < 0) {
		refuse(out, e.text);
		return 0;
	}
	set(ids, key, map_json(&map));
	return map.dropped;
}

static void explain_ids(json_t *out, const struct account *a, const struct policy *p)
{
	struct id_ranges r;
	size_t dropped;
	json_t *ids;
	struct err e;

	if (subid_ranges(a, &p->pool, &r, &e) < 0) {
		refuse(out, e.text);
		return;
	}
	ids = json_object();
	set(out, "ids", ids);
	set(ids, "source", json_text(r.source));
	set(ids, "uids", range_json(&r.uids));
	set(ids, "gids", range_json(&r.gids));
	if (subid_check(a, &p->pool, &r, &e) < 0)
		refuse(out, e.text);
	(void)explain_map(out, ids, "uid-map", &r.uids, &a->uid, 1);
	dropped = explain_map(out, ids, "gid-map", &r.gids, a->gids, a->n_gids);
	set(ids, "dropped-gids", json_integer((json_int_t)dropped));
}

/* setgroups() inside would let the user drop a group that denies something. */
static void explain_groups(json_t *out, const struct person *who, const struct policy *p)
{
	for (size_t i = 0; i < p->negative_groups.n; i++) {
		const char *group = p->negative_groups.v[i];

		if (who->in_group(who, group) == 0)
			continue;
		set(out, "setgroups", json_string("deny"));
		set(out, "negative-group", json_text(group));
		return;
	}
	set(out, "setgroups", json_string("allow"));
}

static void explain_rule(json_t *out, const struct decision *d, const char *service)
{
	char why[512];

	if (d->rule) {
		json_t *rule = origin_json(&d->rule->origin);

		set(rule, "service", json_text(d->rule->service));
		set(rule, "who", json_text(d->rule->who));
		set(out, "rule", rule);
	}
	if (d->verdict != VERDICT_REFUSE)
		return;
	if (d->unsure < 0)
		(void)snprintf(why, sizeof(why), "nobody can tell who is in '%s' now: %s",
			d->rule->who + 1, strerror(-d->unsure));
	else if (!d->rule)
		(void)snprintf(why, sizeof(why), "no line of [assign] names this user");
	else if (d->rule->verdict == VERDICT_CONFINE)
		(void)snprintf(why, sizeof(why),
			"'%s' would run on the host, outside the container", service);
	else
		(void)snprintf(why, sizeof(why), "the line says so");
	refuse(out, why);
}

static void explain_profile(json_t *out, const struct config *c, const struct profile *p)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	struct err e;

	set(out, "profile", profile_json(p));
	if (config_filter(c, p, &f, &e) < 0)
		refuse(out, e.text);
	else
		set(out, "filter-files", list_json(&f->files));
}

/* The profiles that --profile may choose. */
static json_t *choices_json(const struct policy *p, const struct person *who)
{
	const struct profile *chosen;
	json_t *names = json_array();
	struct err e;

	for (size_t i = 0; i < p->n_profiles; i++)
		if (grant_profile(p, who, p->profiles[i].name, &chosen, &e) == 0)
			(void)json_array_append_new(names, json_text(chosen->name));
	return names;
}

/* Without an image it is not asked which profile an exempt user would choose. */
static void explain_launch(json_t *out, const struct config *c, const struct person *who,
	const struct decision *d, const struct question *q)
{
	const struct wish wish = {
		.image = q->image, .profile = q->profile, .net = WISH_NET_PROFILE
	};
	const struct policy *p = c->policy;
	const struct profile *profile = d->profile;
	json_t *choices = choices_json(p, who);
	struct grant grant;
	struct err e;
	int r;

	set(out, "image", json_text(q->image));
	set(out, "choices", choices);
	r = grant_profile(p, who, q->profile, &profile, &e);
	if (r == 0 && q->image)
		r = grant_decide(p, who, &wish, &grant, &e);
	if (r < 0 && (profile || q->image || q->profile || json_array_size(choices) == 0))
		refuse(out, e.text);
	if (!profile)
		return;
	explain_profile(out, c, profile);
	set(out, "needs-signature",
		json_boolean(
			r == 0 && q->image && grant_check_image(profile, q->image, NULL, &e) < 0));
	set(out, "pool",
		json_pack("{s:I, s:I}", "first", (json_int_t)p->pool.first, "last",
			(json_int_t)p->pool.last));
}

static void explain_account(
	json_t *out, const struct config *c, const struct account *a, const struct question *q)
{
	struct person who = account_person(a);
	struct decision d = policy_decide(c->policy, &who, q->service);

	set(out, "user", account_json(a));
	set(out, "service", json_text(q->service));
	set(out, "verdict", json_string(verdicts[d.verdict]));
	explain_rule(out, &d, q->service);
	if (q->service && strcmp(q->service, SERVICE_RUN) == 0 && d.verdict != VERDICT_REFUSE) {
		explain_launch(out, c, &who, &d, q);
		return;
	}
	if (d.verdict != VERDICT_CONFINE)
		return;
	explain_profile(out, c, d.profile);
	explain_groups(out, &who, c->policy);
	explain_ids(out, a, c->policy);
}

/* ---- for people ---- */

#define ROW "%-16s "
#define BELOW "  %-14s "

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static json_int_t number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void print_size(json_int_t n)
{
	static const char *const units[] = { "", "K", "M", "G", "T", "P" };
	size_t unit = 0;

	for (; n >= 1024 && n % 1024 == 0 && unit < 5; unit++)
		n /= 1024;
	(void)printf("%" JSON_INTEGER_FORMAT "%s\n", n, units[unit]);
}

static void print_words(const json_t *list)
{
	json_t *word;
	size_t i;

	json_array_foreach(list, i, word)(void)
		printf("%s%s", i ? " " : "", json_string_value(word));
	(void)putchar('\n');
}

static void print_value(const char *key, const json_t *v)
{
	if (json_is_null(v))
		(void)puts("none");
	else if (json_is_boolean(v))
		(void)puts(json_is_true(v) ? "yes" : "no");
	else if (json_is_array(v))
		print_words(v);
	else if (json_is_string(v))
		(void)puts(json_string_value(v));
	else if (strcmp(key, "cpu-quota") == 0)
		(void)printf("%" JSON_INTEGER_FORMAT "%%\n", json_integer_value(v));
	else if (strcmp(key, "memory-max") == 0 || strcmp(key, "tmp-size") == 0 ||
		 strcmp(key, "keep-size") == 0)
		print_size(json_integer_value(v));
	else
		(void)printf("%" JSON_INTEGER_FORMAT "\n", json_integer_value(v));
}

static void print_profile(json_t *profile)
{
	const json_t *at = json_object_get(profile, "origin");
	const char *key;
	json_t *value;

	(void)printf(ROW "%s (%s:%d)\n", "profile", text_of(profile, "name"), text_of(at, "file"),
		(int)number_of(at, "line"));
	json_object_foreach(profile, key, value)
	{
		if (strcmp(key, "name") == 0 || strcmp(key, "origin") == 0 ||
			(json_is_array(value) && json_array_size(value) == 0))
			continue;
		(void)printf(BELOW, key);
		print_value(key, value);
		if (strcmp(key, "run") == 0 && !json_is_true(value))
			break; /* what follows means nothing then */
	}
}

static void print_map(const char *title, const json_t *lines)
{
	json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)(void)
		printf(BELOW "%10" JSON_INTEGER_FORMAT " %10" JSON_INTEGER_FORMAT
			     " %10" JSON_INTEGER_FORMAT "\n",
			i ? "" : title, json_integer_value(json_array_get(line, 0)),
			json_integer_value(json_array_get(line, 1)),
			json_integer_value(json_array_get(line, 2)));
}

static void print_range(const char *title, const json_t *r)
{
	(void)printf(BELOW "%" JSON_INTEGER_FORMAT "-%" JSON_INTEGER_FORMAT "\n", title,
		number_of(r, "first"), number_of(r, "last"));
}

static void print_ids(const json_t *ids)
{
	(void)printf(ROW "from %s\n", "IDs", text_of(ids, "source"));
	print_range("uids", json_object_get(ids, "uids"));
	print_range("gids", json_object_get(ids, "gids"));
	print_map("uid map", json_object_get(ids, "uid-map"));
	print_map("gid map", json_object_get(ids, "gid-map"));
	if (number_of(ids, "dropped-gids"))
		(void)printf(BELOW "%" JSON_INTEGER_FORMAT
				   " groups do not fit the map; their files stay "
				   "accessible\n",
			"", number_of(ids, "dropped-gids"));
}

static void print_verdict(const json_t *out)
{
	const char *verdict = text_of(out, "verdict");
	bool bad = strcmp(verdict, verdicts[VERDICT_REFUSE]) == 0;

	(void)printf(ROW "%s%s%s", "verdict", colour(stdout, bad ? RED : BOLD), verdict,
		colour(stdout, PLAIN));
	if (bad)
		(void)printf(": %s", text_of(out, "reason"));
	(void)putchar('\n');
}

static void print_rule(const json_t *rule, bool root)
{
	const char *service = text_of(rule, "service");

	if (!rule) {
		(void)printf(ROW "%s\n", "decided by", root ? "uid 0 is always exempt" : "no line");
		return;
	}
	(void)printf(ROW "%s:%d: [assign%s%s] %s\n", "decided by", text_of(rule, "file"),
		(int)number_of(rule, "line"), *service ? " " : "", service, text_of(rule, "who"));
}

/* The first is the filter's own, the others are those that it includes. */
static void print_filter(const json_t *files)
{
	json_t *file;
	size_t i;

	json_array_foreach(files, i, file)(void)
		printf(ROW "%s\n", i ? "" : "filter files", json_string_value(file));
}

static void print_launch(const json_t *out)
{
	const json_t *choices = json_object_get(out, "choices"), *pool;
	const char *image = text_of(out, "image");

	if (*image)
		(void)printf(ROW "%s%s\n", "image", image,
			json_is_true(json_object_get(out, "needs-signature"))
				? ", if a trusted key has signed it"
				: "");
	if (json_array_size(choices)) {
		(void)printf(ROW, "--profile");
		print_words(choices);
	}
	pool = json_object_get(out, "pool");
	if (pool)
		(void)printf(ROW "a slot of the pool for each container, %" JSON_INTEGER_FORMAT
				 "-%" JSON_INTEGER_FORMAT "\n",
			"IDs", number_of(pool, "first"), number_of(pool, "last"));
}

static void print_people(json_t *out)
{
	const json_t *user = json_object_get(out, "user");
	json_t *profile = json_object_get(out, "profile");
	const char *service = text_of(out, "service");
	size_t n_groups = json_array_size(json_object_get(user, "gids"));

	if (!user) {
		print_verdict(out);
		return;
	}
	(void)printf(ROW "%s (uid %" JSON_INTEGER_FORMAT ", %zu group%s)\n", "user",
		text_of(user, "name"), number_of(user, "uid"), n_groups, plural(n_groups));
	(void)printf(ROW "%s\n", "service", *service ? service : "any");
	print_rule(json_object_get(out, "rule"), number_of(user, "uid") == 0);
	print_verdict(out);
	if (json_object_get(out, "choices"))
		print_launch(out);
	if (!profile)
		return;
	print_profile(profile);
	print_filter(json_object_get(out, "filter-files"));
	if (!json_object_get(out, "setgroups"))
		return;
	(void)printf(ROW "%s%s%s\n", "setgroups", text_of(out, "setgroups"),
		json_object_get(out, "negative-group") ? ", as a member of " : "",
		text_of(out, "negative-group"));
	if (json_object_get(out, "ids"))
		print_ids(json_object_get(out, "ids"));
}

static int explain(const char *user, const struct question *q, const char *path, bool json)
{
	_cleanup_(account_done) struct account a = { 0 };
	_cleanup_(config_close) struct config c = { 0 };
	json_t *out = json_object();
	struct err e;
	int status;

	if (config_open(path, &c, &e) < 0 || account_by_name(user, &a, &e) < 0)
		refuse(out, e.text);
	else
		explain_account(out, &c, &a, q);
	if (json) {
		(void)json_dumpf(out, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else {
		print_people(out);
	}
	status = strcmp(text_of(out, "verdict"), verdicts[VERDICT_REFUSE]) == 0;
	json_decref(out);
	return status;
}

int cmd_explain(int argc, char **argv)
{
	static const struct option options[] = {
		{ "service", required_argument, NULL, 's' },
		{ "run", required_argument, NULL, 'r' },
		{ "profile", required_argument, NULL, 'p' },
		{ "config", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct question q = { 0 };
	const char *path = NULL;
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h') {
			(void)fputs(usage_text, stdout);
			return 0;
		}
		if (c == '?')
			return 2; /* getopt has named it */
		if (c == 's')
			q.service = optarg;
		else if (c == 'r')
			q.image = optarg;
		else if (c == 'p')
			q.profile = optarg;
		else if (c == 'c')
			path = optarg;
		else
			json = true;
	}
	if (argc - optind != 1) {
		(void)fprintf(stderr, "carrel explain: %s%s%s\n",
			optind < argc ? "'" : "which user?", optind < argc ? argv[optind + 1] : "",
			optind < argc ? "': one user at a time" : "");
		return 2;
	}
	if (q.image && !q.service)
		q.service = SERVICE_RUN;
	if ((q.image || q.profile) && (!q.service || strcmp(q.service, SERVICE_RUN) != 0)) {
		(void)fprintf(stderr, "carrel explain: '%s': only for --service run\n",
			q.image ? q.image : q.profile);
		return 2;
	}
	if (q.image && !*q.image) {
		(void)fprintf(stderr, "carrel explain: --run: which image?\n");
		return 2;
	}
	return explain(argv[optind], &q, path, json);
}
