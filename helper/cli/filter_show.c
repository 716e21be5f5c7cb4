/*
 * carrel filter show - a filter as it is after includes, groups, conditions and overriding lines.
 *
 * One JSON object holds all of it; people get the same with groups where a whole group has one
 * verdict.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/filter.h"
#include "helper/cli/filter_find.h"
#include "helper/cli/filter_fold.h"
#include "helper/cli/filter_words.h"
#include "helper/cli/paragraph.h"
#include "helper/public/program.h"
#include "policy/base/cleanup.h"
#include "policy/filter.h"
#include "policy/filter_rules.h"

/* Of a machine all its ABIs, but i386 alone when that was asked for. */
static bool is_wanted(const struct filter_options *o, const struct verdict_table *t)
{
	return o->arch == arch_machine(o->arch) || o->arch == t->arch;
}

static void set(json_t *o, const char *key, json_t *value)
{
	(void)json_object_set_new(o, key, value);
}

/* ---- what there is to show ---- */

static json_t *calls_json(const struct filter *f, const struct verdict_table *t)
{
	json_t *calls = json_array();
	char name[SYSCALL_NAME_MAX];

	for (int n = 0; n < SYSCALLS_MAX; n++) {
		const struct call_verdict *v = &t->call[n];
		const struct origin *at;
		const char *note;
		json_t *call;

		if (!v->known || !syscall_name(t->arch, n, name))
			continue;
		at = call_decided_by(f, t, n, &note);
		call = verdict_json(v->action, v->error);
		set(call, "name", json_string(name));
		set(call, "number", json_integer(n));
		set(call, "file", at ? json_text(at->file) : json_null());
		set(call, "line", at && at->line ? json_integer(at->line) : json_null());
		(void)json_array_append_new(calls, call);
	}
	return calls;
}

static json_t *rules_json(const struct filter *f, const struct verdict_table *t)
{
	json_t *rules = json_array();

	for (size_t i = 0; i < f->n_args; i++) {
		_cleanup_free_ char *subject = NULL, *sentence = NULL;
		json_t *rule;

		if (t->rule_call[i] < 0)
			continue;
		subject = rule_subject(&f->args[i]);
		sentence = rule_sentence(&f->args[i]);
		rule = json_pack("{s:s, s:s, s:s}", "call", f->args[i].arg->call, "argument",
			subject, "rule", sentence);
		origin_into_json(rule, &f->args[i].at);
		(void)json_array_append_new(rules, rule);
	}
	return rules;
}

static json_t *abi_json(const struct filter *f, const struct verdict_table *t)
{
	return json_pack("{s:s, s:o, s:o}", "arch", arch_name(t->arch), "calls", calls_json(f, t),
		"rules", rules_json(f, t));
}

static json_t *files_json(const struct filter *f)
{
	json_t *files = json_array();

	for (size_t i = 0; i < f->files.n; i++)
		(void)json_array_append_new(files, json_text(f->files.v[i]));
	return files;
}

static int program_json(const struct filter *f, uint32_t arch, json_t **ret, struct err *e)
{
	_cleanup_free_ void *program = NULL;
	const struct program_head *h;
	size_t len;
	int r;

	r = filter_compile(f, arch_machine(arch), &program, &len, e);
	if (r < 0)
		return r;
	h = program;
	*ret = json_pack(
		"{s:i, s:i, s:I}", "loud", h->loud, "quiet", h->quiet, "bytes", (json_int_t)len);
	return 0;
}

/* ---- for people ---- */

/* Calls with one verdict; a call that no line mentions is told apart. */
struct bundle {
	enum call_action action;
	int error;
	bool mentioned;
	bool set[SYSCALLS_MAX];
	size_t n;
};

static bool bundle_takes(const struct bundle *b, const struct call_verdict *v)
{
	return v->known && b->action == v->action && b->error == v->error &&
	       b->mentioned == (v->at != NULL);
}

static void bundle_print(const struct bundle *b, uint32_t arch)
{
	_cleanup_free_ char *verdict = verdict_words(b->action, b->error);
	json_t *words = calls_fold(arch, b->set);

	(void)printf("\n%s%s%s%s: %zu call%s\n", colour(stdout, BOLD), verdict,
		colour(stdout, PLAIN), b->mentioned ? "" : ", as no line mentions them", b->n,
		plural(b->n));
	print_wrapped("  ", words);
	json_decref(words);
}

/* Every verdict once: the first call that has it brings the others with it. */
static void bundles_print(const struct verdict_table *t, enum call_action action)
{
	bool done[SYSCALLS_MAX] = { false };

	for (int first = 0; first < SYSCALLS_MAX; first++) {
		const struct call_verdict *v = &t->call[first];
		struct bundle b = { v->action, v->error, v->at != NULL, { false }, 0 };

		if (!v->known || v->action != action || done[first])
			continue;
		for (int n = first; n < SYSCALLS_MAX; n++) {
			b.set[n] = bundle_takes(&b, &t->call[n]);
			done[n] |= b.set[n];
			b.n += b.set[n];
		}
		bundle_print(&b, t->arch);
	}
}

static void rules_print(const struct filter *f, const struct verdict_table *t)
{
	bool begun = false;

	for (size_t i = 0; i < f->n_args; i++) {
		_cleanup_free_ char *subject = NULL, *sentence = NULL, *line = NULL;

		if (t->rule_call[i] < 0)
			continue;
		if (!begun)
			(void)printf("\n%sarguments%s of calls that are allowed\n",
				colour(stdout, BOLD), colour(stdout, PLAIN));
		begun = true;
		subject = rule_subject(&f->args[i]);
		sentence = rule_sentence(&f->args[i]);
		if (asprintf(&line, "%s %s", subject, sentence) < 0)
			line = NULL;
		print_paragraph("  ", "    ", line ? line : "");
		if (f->args[i].at.line > 0)
			(void)printf("    %s:%u\n", f->args[i].at.file, f->args[i].at.line);
	}
}

static void abi_print(const struct filter *f, const struct verdict_table *t)
{
	static const enum call_action order[] = { CALL_ALLOW, CALL_LOG, CALL_REFUSE, CALL_KILL };

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		bundles_print(t, order[i]);
	rules_print(f, t);
}

#define ROW "  %-12s "

static void head_print(const struct filter *f, const struct filter_options *o,
	const struct verdicts *v, const json_t *out)
{
	const json_t *program = json_object_get(out, "program");
	const char *description = json_string_value(json_object_get(out, "description"));

	(void)printf("%s%s%s: %s\n", colour(stdout, BOLD), f->name, colour(stdout, PLAIN),
		description ? description : "no description");
	for (size_t i = 0; i < f->files.n; i++)
		(void)printf(ROW "%s\n", i == 0 ? "file" : "includes", f->files.v[i]);
	(void)printf(ROW "%s\n", "root inside",
		o->root ? "yes" : "no; --root yes shows it for profiles with root = yes");
	(void)printf(ROW "%s%s%s; a call of another ABI ends the process\n", "ABIs",
		arch_name(v->abi[0].arch), v->n > 1 ? " " : "",
		v->n > 1 ? arch_name(v->abi[1].arch) : "");
	(void)printf(ROW "%d instructions whose refusals are logged, %d for the rest\n", "programs",
		(int)json_integer_value(json_object_get(program, "loud")),
		(int)json_integer_value(json_object_get(program, "quiet")));
}

static void print_people(const struct filter *f, const struct filter_options *o,
	const struct verdicts *v, const json_t *out)
{
	head_print(f, o, v, out);
	for (size_t i = 0; i < v->n; i++) {
		if (!is_wanted(o, &v->abi[i]))
			continue;
		if (v->n > 1)
			(void)printf("\n%s---- %s ----%s\n", colour(stdout, BOLD),
				arch_name(v->abi[i].arch), colour(stdout, PLAIN));
		abi_print(f, &v->abi[i]);
	}
	(void)printf("\nall other numbers: refused with ENOSYS\n");
}

static json_t *filter_json(
	const struct filter *f, const struct filter_options *o, const struct verdicts *v)
{
	_cleanup_free_ char *description = filter_description(f->files.v[0]);
	json_t *out = json_object(), *abis = json_array();

	set(out, "name", json_text(f->name));
	set(out, "description", json_text(description));
	set(out, "files", files_json(f));
	set(out, "root", json_boolean(o->root));
	for (size_t i = 0; i < v->n; i++)
		if (is_wanted(o, &v->abi[i]))
			(void)json_array_append_new(abis, abi_json(f, &v->abi[i]));
	set(out, "abis", abis);
	return out;
}

static int show(const struct filter *f, const struct filter_options *o)
{
	_cleanup_free_ struct verdicts *v = calloc(1, sizeof(*v));
	json_t *out, *program = NULL;
	struct err e;

	if (!v)
		return filter_fail("show", "out of memory");
	if (program_json(f, o->arch, &program, &e) < 0)
		return filter_fail("show", "%s", e.text);
	filter_resolve(f, arch_machine(o->arch), v);
	if (!verdicts_abi(v, o->arch)) {
		json_decref(program);
		return filter_fail("show",
			"filter '%s' has no line 'arches = native i386': calls of i386 end the "
			"process",
			f->name);
	}
	out = filter_json(f, o, v);
	set(out, "program", program);
	if (o->json) {
		(void)json_dumpf(out, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else {
		print_people(f, o, v, out);
	}
	json_decref(out);
	return 0;
}

int cmd_filter_show(int argc, char **argv)
{
	_cleanup_(filter_finder_close) struct filter_finder ff = { .n_dirs = 0 };
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	struct filter_options o;
	struct err e;
	int r;

	r = filter_options_read(argc, argv, "acjr", &o);
	if (r != 0)
		return r < 0 ? 2 : 0;
	if (argc - o.first != 1)
		return filter_fail("show",
			o.first < argc ? "'%s': one filter at a time" : "which filter?%s",
			o.first < argc ? argv[o.first + 1] : "");
	if (filter_finder_open(o.config, &ff, &e) < 0)
		return filter_fail("show", "%s", e.text);
	ff.arch = o.arch;
	if (filter_find(&ff, argv[o.first], o.root ? FILTER_ROOT_INSIDE : 0, &f, &e) < 0)
		return filter_fail("show", "%s", e.text);
	return show(f, &o);
}
