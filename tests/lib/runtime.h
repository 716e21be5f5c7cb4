#ifndef CARREL_TEST_RUNTIME_H
#define CARREL_TEST_RUNTIME_H

/*
 * What libseccomp makes of a profile when it is handed over as engines and runtimes do it: the
 * engine's conditions resolved, rules that only say the default dropped, one libseccomp rule for
 * each rule, one for each condition where two look at the same argument, and runc's ENOSYS above
 * the largest named call. Nothing of the importer's is used.
 */

#include <errno.h>
#include <jansson.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "policy/base/cleanup.h"
#include "policy/syscalls.h"

struct program {
	struct sock_filter *insns;
	size_t n;
	int enosys_above; /* runc's stub; SYSCALLS_MAX: none */
	bool crun;	  /* made by crun, which has no such stub */
	bool library_names; /* made by a runtime, which passes over what its library has no name for
			     */
};

static inline bool list_has(json_t *list, const char *words)
{
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n; i++)
		if (words && strstr(words, json_string_value(json_array_get(list, i))))
			return true;
	return false;
}

static inline bool list_within(json_t *list, const char *words)
{
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n; i++)
		if (!strstr(words, json_string_value(json_array_get(list, i))))
			return false;
	return true;
}

static inline bool kernel_reaches(json_t *version, const char *kernel)
{
	int want[2], have[2];

	(void)sscanf(json_string_value(version), "%d.%d", &want[0], &want[1]);
	(void)sscanf(kernel, "%d.%d", &have[0], &have[1]);
	return have[0] * 1000 + have[1] >= want[0] * 1000 + want[1];
}

/* What Docker and Podman do before a runtime sees the rule. */
static inline bool engine_keeps(json_t *rule, const char *caps, const char *kernel)
{
	json_t *in = json_object_get(rule, "includes"), *out = json_object_get(rule, "excludes");

	if (list_has(json_object_get(out, "arches"), "amd64") ||
		list_has(json_object_get(out, "caps"), caps))
		return false;
	if (json_object_get(out, "minKernel") &&
		kernel_reaches(json_object_get(out, "minKernel"), kernel))
		return false;
	if (json_array_size(json_object_get(in, "arches")) &&
		!list_has(json_object_get(in, "arches"), "amd64"))
		return false;
	if (json_object_get(in, "minKernel") &&
		!kernel_reaches(json_object_get(in, "minKernel"), kernel))
		return false;
	return list_within(json_object_get(in, "caps"), caps);
}

static inline uint32_t runtime_action(const char *name, json_t *errno_ret)
{
	uint32_t error = errno_ret ? (uint32_t)json_integer_value(errno_ret) : EPERM;

	if (strcmp(name, "SCMP_ACT_ALLOW") == 0)
		return SCMP_ACT_ALLOW;
	if (strcmp(name, "SCMP_ACT_LOG") == 0)
		return SCMP_ACT_LOG;
	if (strcmp(name, "SCMP_ACT_ERRNO") == 0)
		return SCMP_ACT_ERRNO(error);
	return SCMP_ACT_KILL_PROCESS;
}

/* Above 2^63 - 1 as a string with a mark, see json_numbers_quote(). */
static inline uint64_t runtime_number(json_t *j)
{
	if (json_is_string(j))
		return strtoull(json_string_value(j) + 1, NULL, 10);
	return (uint64_t)json_integer_value(j);
}

static inline struct scmp_arg_cmp runtime_condition(json_t *arg)
{
	static const char *const names[] = { "", "NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ" };
	const char *op = json_string_value(json_object_get(arg, "op")) + strlen("SCMP_CMP_");
	struct scmp_arg_cmp c = {
		.arg = (unsigned)json_integer_value(json_object_get(arg, "index")),
		.datum_a = runtime_number(json_object_get(arg, "value")),
		.datum_b = runtime_number(json_object_get(arg, "valueTwo")),
	};

	for (int i = SCMP_CMP_NE; i <= SCMP_CMP_MASKED_EQ; i++)
		if (strcmp(names[i], op) == 0)
			c.op = (enum scmp_compare)i;
	return c;
}

static inline int runtime_rule(scmp_filter_ctx ctx, uint32_t action, int number, json_t *args)
{
	struct scmp_arg_cmp conditions[6];
	size_t n = json_array_size(args);
	unsigned count[6] = { 0 };
	bool repeated = false;
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		conditions[i] = runtime_condition(json_array_get(args, i));
		repeated |= ++count[conditions[i].arg] > 1;
	}
	if (!repeated)
		return seccomp_rule_add_array(ctx, action, number, (unsigned)n, conditions);
	for (size_t i = 0; i < n && r == 0; i++)
		r = seccomp_rule_add_array(ctx, action, number, 1, &conditions[i]);
	return r;
}

static inline int runtime_rules(
	scmp_filter_ctx ctx, json_t *root, const char *caps, const char *kernel, int *largest)
{
	json_t *rules = json_object_get(root, "syscalls");
	uint32_t otherwise =
		runtime_action(json_string_value(json_object_get(root, "defaultAction")),
			json_object_get(root, "defaultErrnoRet"));

	for (size_t i = 0; i < json_array_size(rules); i++) {
		json_t *rule = json_array_get(rules, i), *names = json_object_get(rule, "names");
		uint32_t action = runtime_action(json_string_value(json_object_get(rule, "action")),
			json_object_get(rule, "errnoRet"));

		if (!engine_keeps(rule, caps, kernel))
			continue;
		for (size_t k = 0; k < json_array_size(names); k++) {
			int r, number = syscall_number(AUDIT_ARCH_X86_64,
				       json_string_value(json_array_get(names, k)));

			if (number < 0)
				continue;
			*largest = number > *largest ? number : *largest;
			r = action == otherwise ? 0
						: runtime_rule(ctx, action, number,
							  json_object_get(rule, "args"));
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static inline bool names_arch(json_t *root)
{
	json_t *map = json_object_get(root, "archMap");

	for (size_t i = 0; i < json_array_size(map); i++)
		if (strcmp(json_string_value(
				   json_object_get(json_array_get(map, i), "architecture")),
			    "SCMP_ARCH_X86_64") == 0)
			return true;
	return list_has(json_object_get(root, "architectures"), "SCMP_ARCH_X86_64");
}

/* For the machine's own ABI alone; libseccomp refuses numbers it has no name for with more. */
static inline int runtime_program(
	json_t *root, const char *caps, const char *kernel, struct program *ret)
{
	uint32_t otherwise =
		runtime_action(json_string_value(json_object_get(root, "defaultAction")),
			json_object_get(root, "defaultErrnoRet"));
	_cleanup_fd_ int fd = memfd_create("program", MFD_CLOEXEC);
	scmp_filter_ctx ctx = seccomp_init(otherwise);
	int largest = -1, r = runtime_rules(ctx, root, caps, kernel, &largest);
	struct stat st = { .st_size = 0 };

	if (r == 0)
		r = seccomp_export_bpf(ctx, fd);
	seccomp_release(ctx);
	if (r < 0)
		return r;
	(void)fstat(fd, &st);
	ret->n = (size_t)st.st_size / sizeof(*ret->insns);
	ret->insns = malloc((size_t)st.st_size);
	r = pread(fd, ret->insns, (size_t)st.st_size, 0) == st.st_size ? 0 : -EIO;
	ret->enosys_above = SYSCALLS_MAX;
	if (names_arch(root) && otherwise != SCMP_ACT_ALLOW && otherwise != SCMP_ACT_LOG &&
		largest >= 0)
		ret->enosys_above = largest;
	return r;
}

#endif
