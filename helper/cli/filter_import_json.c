/*
 * filter_import_json - seccomp profiles of Docker, Podman and the OCI runtime specification.
 *
 * Docker's form has conditions (capabilities, architectures, kernel) that the engine resolves
 * before a runtime sees the profile; the specification's form is what it then sees. Both are read
 * as strictly as the runtimes act on them: a key that we do not know may mean anything, so it is
 * refused.
 */
#include <errno.h>
#include <jansson.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/filter_import.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/config.h"

#define ERRNO_LARGEST 133

struct reading {
	const struct import_options *o;
	struct import *im;
	struct err *e;
	bool native; /* the profile names this architecture, so runc adds its ENOSYS for newer calls
		      */
	bool killed_thread; /* said once */
};

static void cleanup_json(json_t **j)
{
	json_decref(*j);
}

static const char *shown(const json_t *j, char buf[static 64])
{
	if (json_is_string(j))
		return import_printable(json_string_value(j), buf);
	return json_is_object(j)   ? "an object"
	       : json_is_array(j)  ? "a list"
	       : json_is_number(j) ? "a number"
	       : json_is_null(j)   ? "null"
				   : "a truth value";
}

static int check_keys(
	const struct reading *r, json_t *object, const char *place, const char *const *keys)
{
	char buf[64];
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		size_t i = 0;

		while (keys[i] && strcmp(keys[i], key) != 0)
			i++;
		if (!keys[i])
			return err_set(r->e, EINVAL, "%s%sunknown key '%s'", place,
				*place ? ": " : "", import_printable(key, buf));
	}
	return 0;
}

/* NULL for what is absent or null; both mean the same to the engines. */
static json_t *member(json_t *object, const char *key)
{
	json_t *j = json_object_get(object, key);

	return json_is_null(j) ? NULL : j;
}

static int take_string(const struct reading *r, json_t *object, const char *place, const char *key,
	const char **ret)
{
	json_t *j = member(object, key);

	if (j && !json_is_string(j))
		return err_set(r->e, EINVAL, "%s%s%s: not a string", place, *place ? "." : "", key);
	*ret = j ? json_string_value(j) : NULL;
	return 0;
}

static int take_list(
	const struct reading *r, json_t *object, const char *place, const char *key, json_t **ret)
{
	json_t *j = member(object, key);

	if (j && !json_is_array(j))
		return err_set(r->e, EINVAL, "%s%s%s: not a list", place, *place ? "." : "", key);
	*ret = j;
	return 0;
}

/* Numbers too large for the library come as strings, with a mark that numbers_quote() has set. */
static int take_number(const struct reading *r, json_t *object, const char *place, const char *key,
	uint64_t max, uint64_t *ret)
{
	json_t *j = member(object, key);
	const char *s = json_string_value(j);
	uint64_t v = *ret; /* stays where there is none */

	if (s && s[0] == '#')
		v = strtoull(s + 1, NULL, 10);
	else if (json_is_integer(j) && json_integer_value(j) >= 0)
		v = (uint64_t)json_integer_value(j);
	else if (j)
		return err_set(
			r->e, EINVAL, "%s%s%s: not a whole number", place, *place ? "." : "", key);
	if (v > max)
		return err_set(r->e, EINVAL, "%s%s%s: too large", place, *place ? "." : "", key);
	*ret = v;
	return 0;
}

/* errnoRet is a number, errno of containers-common a name or a number; the name counts there. */
static int take_error(const struct reading *r, json_t *object, const char *place,
	const char *number_key, const char *name_key, int *ret)
{
	const char *name;
	uint64_t number = EPERM;
	int code = take_number(r, object, place, number_key, ERRNO_LARGEST, &number), named;
	char buf[64];

	if (code == 0)
		code = take_string(r, object, place, name_key, &name);
	if (code < 0)
		return code;
	if (number == 0)
		return err_set(r->e, EINVAL, "%s%s%s: 0 would mean that the call seems to succeed",
			place, *place ? "." : "", number_key);
	if (name && *name) {
		named = import_errno(name);
		if (named < 0)
			return err_set(r->e, EINVAL, "%s%s%s: unknown error '%s'", place,
				*place ? "." : "", name_key, import_printable(name, buf));
		if (member(object, number_key) && (uint64_t)named != number)
			return err_set(r->e, EINVAL, "%s%s%s and %s disagree", place,
				*place ? "." : "", number_key, name_key);
		if (!member(object, number_key) && named != EPERM)
			import_note(r->im,
				"%s%s%s: '%s' counts for Podman; Docker would take EPERM", place,
				*place ? "." : "", name_key, name);
		number = (uint64_t)named;
	}
	*ret = (int)number;
	return 0;
}

static int action_read(struct reading *r, const char *word, int error, const char *place,
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
	const struct reading *r, json_t *list, const char *place, const char *word, bool *ret)
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
static int caps_count(const struct reading *r, json_t *list, const char *place, size_t *ret)
{
	char buf[64];
	json_t *j;
	size_t i;

	*ret = 0;
	json_array_foreach(list, i, j)
	{
		if (!json_is_string(j) || strncmp(json_string_value(j), "CAP_", 4) != 0)
			return err_set(r->e, EINVAL, "%s.caps[%zu]: '%s' is no capability", place,
				i, shown(j, buf));
		*ret += strv_has(&r->o->caps, json_string_value(j));
	}
	return 0;
}

static int kernel_reached(const struct reading *r, const char *word, const char *place, bool *ret)
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

static int condition_read(const struct reading *r, json_t *rule, const char *where, const char *key,
	struct condition *ret)
{
	static const char *const keys[] = { "arches", "caps", "minKernel", NULL };
	json_t *object = member(rule, key), *caps, *arches;
	const char *kernel;
	char place[64];
	int code;

	*ret = (struct condition){ 0 };
	if (!object)
		return 0;
	(void)snprintf(place, sizeof(place), "%s.%s", where, key);
	if (!json_is_object(object))
		return err_set(r->e, EINVAL, "%s: not an object", place);
	code = check_keys(r, object, place, keys);
	if (code == 0)
		code = take_list(r, object, place, "caps", &caps);
	if (code == 0)
		code = take_list(r, object, place, "arches", &arches);
	if (code == 0)
		code = take_string(r, object, place, "minKernel", &kernel);
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
static int rule_applies(const struct reading *r, json_t *rule, const char *where, bool *ret)
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

static int cond_read(
	const struct reading *r, json_t *arg, const char *where, size_t i, struct import_cond *ret)
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
	code = check_keys(r, arg, place, keys);
	if (code == 0)
		code = take_number(r, arg, place, "index", CALL_ARGS - 1, &index);
	if (code == 0)
		code = take_number(r, arg, place, "value", UINT64_MAX, &value);
	if (code == 0)
		code = take_number(r, arg, place, "valueTwo", UINT64_MAX, &second);
	if (code == 0)
		code = take_string(r, arg, place, "op", &op);
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
static int rule_split(const struct reading *r, const struct import_rule *whole,
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

static int call_read(const struct reading *r, json_t *name, const struct import_rule *rule,
	const struct import_cond *conds, size_t n)
{
	struct import_rule own = *rule;
	struct import_call *call;
	unsigned seen = 0;
	bool repeated = false;
	char buf[64];

	if (!json_is_string(name) || !import_name_valid(json_string_value(name)))
		return err_set(r->e, EINVAL, "%s: '%s' is no name of a system call", rule->where,
			shown(name, buf));
	call = import_call(r->im, json_string_value(name));
	if (!call)
		return err_set(r->e, ENOMEM, "out of memory");
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

static int rule_read(struct reading *r, json_t *j, size_t number)
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
	code = check_keys(r, j, rule.where, keys);
	if (code == 0)
		code = take_string(r, j, rule.where, "action", &action);
	if (code == 0)
		code = take_string(r, j, rule.where, "name", &single);
	if (code == 0)
		code = take_list(r, j, rule.where, "names", &names);
	if (code == 0)
		code = take_list(r, j, rule.where, "args", &args);
	if (code == 0)
		code = rule_applies(r, j, rule.where, &applies);
	if (code < 0 || !applies)
		return code;
	if (single && *single && json_array_size(names) > 0)
		return err_set(r->e, EINVAL, "%s: name and names at once", rule.where);
	code = take_error(r, j, rule.where, "errnoRet", "errno", &error);
	if (code == 0)
		code = action_read(r, action, error, rule.where, &rule.action);
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

/* What the profile says of ABIs; one that is not ours is only remembered. */
static int arch_read(struct reading *r, json_t *j, const char *place)
{
	const char *name = json_string_value(j);
	char buf[64];

	if (!name || strncmp(name, "SCMP_ARCH_", 10) != 0)
		return err_set(r->e, EINVAL, "%s: '%s' is no architecture", place, shown(j, buf));
	name += 10;
	if (strcmp(name, r->o->arch == AUDIT_ARCH_X86_64 ? "X86_64" : "AARCH64") == 0 ||
		strcmp(name, "NATIVE") == 0)
		r->native = true;
	if (r->o->arch == AUDIT_ARCH_X86_64 && strcmp(name, "X86") == 0)
		r->im->i386 = true;
	if (r->o->arch == AUDIT_ARCH_X86_64 && strcmp(name, "X32") == 0)
		r->im->x32 = true;
	return 0;
}

static int arches_read(struct reading *r, json_t *list, const char *place)
{
	json_t *j;
	size_t i;
	int code = 0;

	json_array_foreach(list, i, j) if (code == 0) code = arch_read(r, j, place);
	return code;
}

/* [{ "architecture": A, "subArchitectures": [B, ...] }, ...]: the entry of this machine counts. */
static int arch_map_read(struct reading *r, json_t *list)
{
	static const char *const keys[] = { "architecture", "subArchitectures", NULL };
	json_t *entry, *sub;
	size_t i;
	int code = 0;

	json_array_foreach(list, i, entry)
	{
		struct reading probe = *r;
		struct import aside = { .form = NULL };

		if (!json_is_object(entry))
			return err_set(r->e, EINVAL, "archMap[%zu]: not an object", i);
		probe.im = &aside;
		probe.native = false;
		code = check_keys(r, entry, "archMap", keys);
		if (code == 0)
			code = take_list(r, entry, "archMap", "subArchitectures", &sub);
		if (code == 0)
			code = arch_read(&probe, json_object_get(entry, "architecture"), "archMap");
		if (code == 0 && probe.native && !r->native) {
			r->native = true;
			code = arches_read(r, sub, "archMap");
		}
		if (code < 0)
			return code;
	}
	return 0;
}

static int abis_read(struct reading *r, json_t *root)
{
	json_t *map, *list, *flags, *flag;
	size_t i;
	char buf[64];
	int code = take_list(r, root, "", "archMap", &map);

	if (code == 0)
		code = take_list(r, root, "", "architectures", &list);
	if (code == 0 && json_array_size(map) > 0 && json_array_size(list) > 0)
		code = err_set(r->e, EINVAL, "archMap and architectures at once");
	if (code == 0)
		code = arches_read(r, list, "architectures");
	if (code == 0)
		code = arch_map_read(r, map);
	if (code == 0)
		code = take_list(r, root, "", "flags", &flags);
	if (code < 0)
		return code;
	json_array_foreach(flags, i, flag)
		import_note(r->im, "flag %s is not taken over", shown(flag, buf));
	return 0;
}

static int profile_read(struct reading *r, json_t *root)
{
	static const char *const keys[] = { "defaultAction", "defaultErrnoRet", "defaultErrno",
		"archMap", "architectures", "flags", "listenerPath", "listenerMetadata", "syscalls",
		"comment", NULL };
	json_t *rules, *rule;
	const char *action;
	int code, error = EPERM;
	size_t i;

	if (!json_is_object(root))
		return err_set(r->e, EINVAL, "not a seccomp profile");
	code = check_keys(r, root, "", keys);
	if (code == 0)
		code = take_string(r, root, "", "defaultAction", &action);
	if (code == 0)
		code = take_error(r, root, "", "defaultErrnoRet", "defaultErrno", &error);
	if (code == 0)
		code = action_read(r, action, error, "", &r->im->otherwise);
	if (code == 0)
		code = abis_read(r, root);
	if (code == 0)
		code = take_list(r, root, "", "syscalls", &rules);
	if (code < 0)
		return code;
	if (member(root, "listenerPath"))
		import_note(r->im, "listenerPath is not taken over");
	json_array_foreach(rules, i, rule)
	{
		code = rule_read(r, rule, i);
		if (code < 0)
			return code;
	}
	/* crun does no such thing, nor does runc where it would change nothing. */
	r->im->newer_enosys =
		r->native &&
		(r->im->otherwise.kind == CALL_KILL ||
			(r->im->otherwise.kind == CALL_REFUSE && r->im->otherwise.error != ENOSYS));
	return 0;
}

/*
 * The library's integers end at 2^63 - 1, masks of 64 bits do not. Larger numbers become strings
 * with a '#' before them, which take_number() knows. malloc'ed; NULL: no memory.
 */
static char *numbers_quote(const char *text, size_t len)
{
	char *copy = malloc(len + len / 19 * 3 + 4), *to = copy;
	bool string = false;

	for (size_t i = 0; copy && i < len;) {
		size_t digits = 0;

		if (string && text[i] == '\\' && i + 1 < len)
			*to++ = text[i++];
		else if (text[i] == '"')
			string = !string;
		while (!string && i + digits < len && text[i + digits] >= '0' &&
			text[i + digits] <= '9')
			digits++;
		if (digits < 19 || digits > 20 ||
			(i > 0 && strchr("0123456789.-+eE", text[i - 1])) ||
			(i + digits < len && strchr(".eE", text[i + digits])) ||
			(digits == 19 && memcmp(text + i, "9223372036854775807", 19) <= 0) ||
			(digits == 20 && memcmp(text + i, "18446744073709551615", 20) > 0)) {
			digits = digits ? digits : 1;
			memcpy(to, text + i, digits);
			to += digits;
		} else {
			to += sprintf(to, "\"#%.*s\"", (int)digits, text + i);
		}
		i += digits;
	}
	if (copy)
		*to = '\0';
	return copy;
}

int import_json(const char *text, size_t len, const struct import_options *o, struct import *ret,
	struct err *e)
{
	_cleanup_(cleanup_json) json_t *root = NULL;
	_cleanup_free_ char *quoted = NULL;
	struct reading r = { .o = o, .im = ret, .e = e };
	json_t *profile, *linux_part;
	json_error_t error;
	char buf[64];

	if (memchr(text, '\0', len))
		return err_set(e, EINVAL, "a NUL byte");
	quoted = numbers_quote(text, len);
	if (!quoted)
		return err_set(e, ENOMEM, "out of memory");
	root = json_loads(quoted, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return err_set(e, EINVAL, "line %d, column %d: %s", error.line, error.column,
			import_printable(error.text, buf));
	ret->form = "a seccomp profile in JSON";
	profile = root;
	linux_part = json_object_get(root, "linux");
	if (linux_part) {
		ret->form = "the seccomp part of an OCI configuration";
		profile = member(linux_part, "seccomp");
		if (!profile)
			return err_set(e, EINVAL, "linux.seccomp: absent, so nothing is filtered");
	}
	return profile_read(&r, profile);
}
