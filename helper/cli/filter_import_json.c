/*
 * filter_import_json - seccomp profiles of Docker, Podman and the OCI runtime specification.
 *
 * Docker's form has conditions (capabilities, architectures, kernel) that the engine resolves
 * before a runtime sees the profile; the specification's form is what it then sees. Both are read
 * as strictly as the runtimes act on them: a key that we do not know may mean anything, so it is
 * refused.
 */
#include "helper/cli/filter_import_json.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"

static void cleanup_json(json_t **j)
{
	json_decref(*j);
}

/* What the profile says of ABIs; one that is not ours is only remembered. */
static int arch_read(struct json_reading *r, json_t *j, const char *place)
{
	static const char *const arches[] = { "NATIVE", "X86", "X86_64", "X32", "ARM", "AARCH64",
		"MIPS", "MIPS64", "MIPS64N32", "MIPSEL", "MIPSEL64", "MIPSEL64N32", "PPC", "PPC64",
		"PPC64LE", "S390", "S390X", "PARISC", "PARISC64", "RISCV64", "LOONGARCH64",
		"M68K", "SH", "SHEB" };
	const char *name = json_string_value(j);
	char buf[64];
	size_t i;

	if (!name || strncmp(name, "SCMP_ARCH_", 10) != 0)
		return err_set(
			r->e, EINVAL, "%s: '%s' is no architecture", place, json_shown(j, buf));
	name += 10;
	for (i = 0; i < sizeof(arches) / sizeof(arches[0]) && strcmp(name, arches[i]) != 0; i++)
		;
	if (i == sizeof(arches) / sizeof(arches[0]))
		return err_set(
			r->e, EINVAL, "%s: '%s' is no architecture", place, json_shown(j, buf));
	if (strcmp(name, r->o->arch == AUDIT_ARCH_X86_64 ? "X86_64" : "AARCH64") == 0 ||
		strcmp(name, "NATIVE") == 0)
		r->native = true;
	if (r->o->arch == AUDIT_ARCH_X86_64 && strcmp(name, "X86") == 0)
		r->im->i386 = true;
	if (r->o->arch == AUDIT_ARCH_X86_64 && strcmp(name, "X32") == 0)
		r->im->x32 = true;
	return 0;
}

static int arches_read(struct json_reading *r, json_t *list, const char *place)
{
	json_t *j;
	size_t i;
	int code = 0;

	json_array_foreach(list, i, j) if (code == 0) code = arch_read(r, j, place);
	return code;
}

/* [{ "architecture": A, "subArchitectures": [B, ...] }, ...]: the entry of this machine counts. */
static int arch_map_read(struct json_reading *r, json_t *list)
{
	static const char *const keys[] = { "architecture", "subArchitectures", NULL };
	json_t *entry, *sub;
	size_t i;
	int code = 0;

	json_array_foreach(list, i, entry)
	{
		struct json_reading probe = *r;
		struct import aside = { .form = NULL };

		if (!json_is_object(entry))
			return err_set(r->e, EINVAL, "archMap[%zu]: not an object", i);
		probe.im = &aside;
		probe.native = false;
		code = json_check_keys(r, entry, "archMap", keys);
		if (code == 0)
			code = json_take_list(r, entry, "archMap", "subArchitectures", &sub);
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

static int abis_read(struct json_reading *r, json_t *root)
{
	json_t *map, *list, *flags, *flag;
	size_t i;
	char buf[64];
	int code = json_take_list(r, root, "", "archMap", &map);

	if (code == 0)
		code = json_take_list(r, root, "", "architectures", &list);
	if (code == 0 && json_array_size(map) > 0 && json_array_size(list) > 0)
		code = err_set(r->e, EINVAL, "archMap and architectures at once");
	if (code == 0)
		code = arches_read(r, list, "architectures");
	if (code == 0)
		code = arch_map_read(r, map);
	if (code == 0)
		code = json_take_list(r, root, "", "flags", &flags);
	if (code < 0)
		return code;
	json_array_foreach(flags, i, flag)
		import_note(r->im, "flag %s is not taken over", json_shown(flag, buf));
	return 0;
}

static int profile_read(struct json_reading *r, json_t *root)
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
	code = json_check_keys(r, root, "", keys);
	if (code == 0)
		code = json_take_string(r, root, "", "defaultAction", &action);
	if (code == 0)
		code = json_take_error(r, root, "", "defaultErrnoRet", "defaultErrno", &error);
	if (code == 0)
		code = json_action_read(r, action, error, "", &r->im->otherwise);
	if (code == 0)
		code = abis_read(r, root);
	if (code == 0)
		code = json_take_list(r, root, "", "syscalls", &rules);
	if (code < 0)
		return code;
	if (json_member(root, "listenerPath"))
		import_note(r->im, "listenerPath is not taken over");
	json_array_foreach(rules, i, rule)
	{
		code = json_rule_read(r, rule, i);
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

int import_json(const char *text, size_t len, const struct import_options *o, struct import *ret,
	struct err *e)
{
	_cleanup_(cleanup_json) json_t *root = NULL;
	_cleanup_free_ char *quoted = NULL;
	struct json_reading r = { .o = o, .im = ret, .e = e };
	json_t *profile, *linux_part;
	json_error_t error;
	char buf[64];

	if (memchr(text, '\0', len))
		return err_set(e, EINVAL, "a NUL byte");
	quoted = json_numbers_quote(text, len);
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
		profile = json_member(linux_part, "seccomp");
		if (!profile)
			return err_set(e, EINVAL, "linux.seccomp: absent, so nothing is filtered");
	}
	return profile_read(&r, profile);
}
