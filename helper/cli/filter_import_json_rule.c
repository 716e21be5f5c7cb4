/*
 * filter_import_json_rule - one rule of a profile: does it apply here, to which calls, with which
 * conditions.
 */
#include "helper/cli/filter_import_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/base/err.h"
#include "policy/config.h"

int json_action_read(struct json_reading *r, const char *word, int error, const char *place,
	struct import_action *ret)
{
	static const struct {
		const char *name;
		enum call_action kind;
	} actions[] = {
		{ "SCMP_ACT_ALLOW", CALL_ALLOW },
		{ "SCMP_ACT_LOG", CALL_LOG },
		{ "SCMP_ACT_ERRNO", CALL_REFUSE },
		{ "SCMP_ACT_KILL_PROCESS", CALL_KILL },
		{ "SCMP_ACT_KILL", CALL_KILL },
		{ "SCMP_ACT_KILL_THREAD", CALL_KILL },
	};
	char buf[64];

	if (!word)
		return err_set(r->e, EINVAL, "%s: no action", *place ? place : "defaultAction");
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		if (strcmp(actions[i].name, word) != 0)
			continue;
		*ret = (struct import_action){ actions[i].kind,
			actions[i].kind == CALL_REFUSE ? error : 0 };
		if (i >= 4 && !r->killed_thread) {
			r->killed_thread = true;
			import_note(r->im, "%s ends one thread; here the whole process ends", word);
		}
		return 0;
	}
	if (strcmp(word, "SCMP_ACT_TRAP") == 0 || strcmp(word, "SCMP_ACT_TRACE") == 0 ||
		strcmp(word, "SCMP_ACT_NOTIFY") == 0)
		return err_set(r->e, EINVAL,
			"%s%s%s: a filter here allows, refuses, logs or kills, nothing else",
			*place ? place : "defaultAction", ": ", word);
	return err_set(r->e, EINVAL, "%s: unknown action '%s'", *place ? place : "defaultAction",
		import_printable(word, buf));
}

static int strings_have(
	const struct json_reading *r, json_t *list, const char *place, const char *word, bool *ret)
{
	json_t *j;
	size_t i;

	*ret = false;
	json_array_foreach(list, i, j)
	{
		if (!json_is_string(j))
			return err_set(r->e, EINVAL, "%s[%zu]: not a string", place, i);
		*ret = *ret || strcmp(json_string_value(j), word) == 0;
	}
	return 0;
}

/* How many of the listed capabilities the session has. */
static int caps_count(const struct json_reading *r, json_t *list, const char *place, size_t *ret)
{
	char buf[64];
	json_t *j;
	size_t i;

	*ret = 0;
	json_array_foreach(list, i, j)
	{
		if (!json_is_string(j) || strncmp(json_string_value(j), "CAP_", 4) != 0)
			return err_set(r->e, EINVAL, "%s.caps[%zu]: '%s' is no capability", place,
				i, json_shown(j, buf));
		*ret += strv_has(&r->o->caps, json_string_value(j));
	}
	return 0;
}

static int kernel_reached(
	const struct json_reading *r, const char *word, const char *place, bool *ret)
{
	unsigned major, minor;
	char buf[64];

	if (sscanf(word, "%3u.%5u", &major, &minor) != 2 || word[0] < '0' || word[0] > '9')
		return err_set(r->e, EINVAL, "%s.minKernel: '%s' is not X.Y", place,
			import_printable(word, buf));
	*ret = r->o->kernel[0] > major || (r->o->kernel[0] == major && r->o->kernel[1] >= minor);
	return 0;
}

/* Facts about one "includes" or "excludes". */
struct condition {
	size_t caps, caps_held;
	bool arches, arch_named;
	bool kernel, kernel_reached;
};

static int condition_read(const struct json_reading *r, json_t *rule, const char *where,
	const char *key, struct condition *ret)
{
	static const char *const keys[] = { "arches", "caps", "minKernel", NULL };
	json_t *object = json_member(rule, key), *caps, *arches;
	const char *kernel;
	char place[64];
	int code;

	*ret = (struct condition){ 0 };
	if (!object)
		return 0;
	(void)snprintf(place, sizeof(place), "%s.%s", where, key);
	if (!json_is_object(object))
		return err_set(r->e, EINVAL, "%s: not an object", place);
	code = json_check_keys(r, object, place, keys);
	if (code == 0)
		code = json_take_list(r, object, place, "caps", &caps);
	if (code == 0)
		code = json_take_list(r, object, place, "arches", &arches);
	if (code == 0)
		code = json_take_string(r, object, place, "minKernel", &kernel);
	if (code < 0)
		return code;
	ret->caps = json_array_size(caps);
	ret->arches = json_array_size(arches) > 0;
	ret->kernel = kernel && *kernel;
	code = caps_count(r, caps, place, &ret->caps_held);
	if (code == 0)
		code = strings_have(r, arches, place, r->o->go_arch, &ret->arch_named);
	if (code == 0 && ret->kernel)
		code = kernel_reached(r, kernel, place, &ret->kernel_reached);
	return code;
}

/* All of includes must hold, and none of excludes. */
static int rule_applies(const struct json_reading *r, json_t *rule, const char *where, bool *ret)
{
	struct condition in, out;
	int code = condition_read(r, rule, where, "includes", &in);

	if (code == 0)
		code = condition_read(r, rule, where, "excludes", &out);
	if (code < 0)
		return code;
	*ret = in.caps_held == in.caps && (!in.arches || in.arch_named) &&
	       (!in.kernel || in.kernel_reached) && out.caps_held == 0 && !out.arch_named &&
	       !(out.kernel && out.kernel_reached);
	return 0;
}

static int cond_read(const struct json_reading *r, json_t *arg, const char *where, size_t i,
	struct import_cond *ret)
{
	static const char *const keys[] = { "index", "value", "valueTwo", "op", NULL };
	static const char *const ops[] = {
		[OP_NE] = "SCMP_CMP_NE",
		[OP_LT] = "SCMP_CMP_LT",
		[OP_LE] = "SCMP_CMP_LE",
		[OP_EQ] = "SCMP_CMP_EQ",
		[OP_GE] = "SCMP_CMP_GE",
		[OP_GT] = "SCMP_CMP_GT",
		[OP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
	};
	uint64_t index = 0, value = 0, second = 0;
	char place[64], buf[64];
	const char *op;
	size_t n = 0;
	int code;

	(void)snprintf(place, sizeof(place), "%s.args[%zu]", where, i);
	if (!json_is_object(arg))
		return err_set(r->e, EINVAL, "%s: not an object", place);
	code = json_check_keys(r, arg, place, keys);
	if (code == 0)
		code = json_take_number(r, arg, place, "index", CALL_ARGS - 1, &index);
	if (code == 0)
		code = json_take_number(r, arg, place, "value", UINT64_MAX, &value);
	if (code == 0)
		code = json_take_number(r, arg, place, "valueTwo", UINT64_MAX, &second);
	if (code == 0)
		code = json_take_string(r, arg, place, "op", &op);
	if (code < 0)
		return code;
	while (n < sizeof(ops) / sizeof(*ops) && (!op || strcmp(ops[n], op) != 0))
		n++;
	if (n == sizeof(ops) / sizeof(*ops))
		return err_set(r->e, EINVAL, "%s.op: unknown comparison '%s'", place,
			op ? import_printable(op, buf) : "");
	*ret = (struct import_cond){ (unsigned)index, (enum import_op)n, value, second };
	return 0;
}

/*
 * Two conditions on one argument: libseccomp takes none such, so both runtimes make a rule of each
 * condition, and one that holds is enough.
 */
static int rule_split(const struct json_reading *r, const struct import_rule *whole,
	const struct import_cond *conds, size_t n, struct import_call *call)
{
	for (size_t i = 0; i < n; i++) {
		struct import_rule one = *whole;
		int code;

		one.conds[0] = conds[i];
		one.n_conds = 1;
		code = import_rule_add(call, &one, r->e);
		if (code < 0)
			return code;
	}
	import_note(r->im,
		"%s: several conditions on one argument of %s: each alone is enough, as runc and "
		"crun "
		"have it",
		whole->where, call->name);
	return 0;
}

static int call_read(const struct json_reading *r, json_t *name, const struct import_rule *rule,
	const struct import_cond *conds, size_t n)
{
	struct import_rule own = *rule;
	struct import_call *call;
	unsigned seen = 0;
	bool repeated = false;
	char buf[64];

	if (!json_is_string(name) || !import_name_valid(json_string_value(name)))
		return err_set(r->e, EINVAL, "%s: '%s' is no name of a system call", rule->where,
			json_shown(name, buf));
	call = import_call(r->im, json_string_value(name));
	if (!call)
		return err_set(r->e, ENOMEM, "too many system calls");
	for (size_t i = 0; i < n; i++) {
		repeated = repeated || (seen & 1u << conds[i].arg);
		seen |= 1u << conds[i].arg;
	}
	if (repeated)
		return rule_split(r, rule, conds, n, call);
	memcpy(own.conds, conds, n * sizeof(*conds));
	own.n_conds = n;
	return import_rule_add(call, &own, r->e);
}

/* runc takes any number of conditions, crun six. */
#define CONDS_MAX CALL_ARGS

int json_rule_read(struct json_reading *r, json_t *j, size_t number)
{
	static const char *const keys[] = { "name", "names", "action", "errnoRet", "errno", "args",
		"comment", "includes", "excludes", NULL };
	struct import_cond conds[CONDS_MAX];
	struct import_rule rule = { .n_conds = 0 };
	json_t *names, *args, *name, *arg;
	const char *action, *single;
	bool applies = false;
	size_t i;
	int code, error = EPERM;

	(void)snprintf(rule.where, sizeof(rule.where), "syscalls[%zu]", number);
	if (!json_is_object(j))
		return err_set(r->e, EINVAL, "%s: not an object", rule.where);
	code = json_check_keys(r, j, rule.where, keys);
	if (code == 0)
		code = json_take_string(r, j, rule.where, "action", &action);
	if (code == 0)
		code = json_take_string(r, j, rule.where, "name", &single);
	if (code == 0)
		code = json_take_list(r, j, rule.where, "names", &names);
	if (code == 0)
		code = json_take_list(r, j, rule.where, "args", &args);
	if (code == 0)
		code = rule_applies(r, j, rule.where, &applies);
	if (code < 0 || !applies)
		return code;
	if (single && *single && json_array_size(names) > 0)
		return err_set(r->e, EINVAL, "%s: name and names at once", rule.where);
	code = json_take_error(r, j, rule.where, "errnoRet", "errno", &error);
	if (code == 0)
		code = json_action_read(r, action, error, rule.where, &rule.action);
	if (code == 0 && json_array_size(args) > CONDS_MAX)
		code = err_set(r->e, EINVAL, "%s: more than %d conditions", rule.where, CONDS_MAX);
	json_array_foreach(args, i, arg) if (code == 0) code =
		cond_read(r, arg, rule.where, i, &conds[i]);
	if (code == 0 && single && *single)
		code = call_read(
			r, json_object_get(j, "name"), &rule, conds, json_array_size(args));
	json_array_foreach(names, i, name) if (code == 0) code =
		call_read(r, name, &rule, conds, json_array_size(args));
	return code;
}
