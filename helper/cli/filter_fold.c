#include "helper/cli/filter_fold.h"

#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"

/* The members that the architecture has, groups in it resolved. */
static void group_members(uint32_t arch, const char *group, bool ret[static SYSCALLS_MAX])
{
	_cleanup_free_ char *members = strdup(syscall_group(group));
	char *save = NULL;

	for (char *m = members ? strtok_r(members, " ", &save) : NULL; m;
		m = strtok_r(NULL, " ", &save)) {
		int n = m[0] == '@' ? -1 : syscall_number(arch, m);

		if (m[0] == '@')
			group_members(arch, m, ret);
		else if (n >= 0)
			ret[n] = true;
	}
}

/* How many calls of `open` the group names; 0 when it has one that is not in set. */
static size_t group_gain(const bool members[static SYSCALLS_MAX],
	const bool set[static SYSCALLS_MAX], const bool open[static SYSCALLS_MAX])
{
	size_t gain = 0;

	for (int n = 0; n < SYSCALLS_MAX; n++) {
		if (members[n] && !set[n])
			return 0;
		gain += members[n] && open[n];
	}
	return gain;
}

/* A group for one call would only hide its name. */
#define GAIN_MIN 2

static const char *best_group(
	uint32_t arch, const bool set[static SYSCALLS_MAX], bool open[static SYSCALLS_MAX])
{
	const char *name, *best = NULL;
	size_t most = GAIN_MIN - 1;

	for (size_t i = 0; (name = syscall_group_at(i)) != NULL; i++) {
		bool members[SYSCALLS_MAX] = { false };
		size_t gain;

		group_members(arch, name, members);
		gain = group_gain(members, set, open);
		if (gain > most) {
			most = gain;
			best = name;
		}
	}
	return best;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

json_t *calls_fold(uint32_t arch, const bool set[static SYSCALLS_MAX])
{
	json_t *words = json_array();
	char names[SYSCALLS_MAX][SYSCALL_NAME_MAX];
	bool open[SYSCALLS_MAX];
	const char *group;
	size_t n_names = 0;

	memcpy(open, set, sizeof(open));
	while ((group = best_group(arch, set, open)) != NULL) {
		bool members[SYSCALLS_MAX] = { false };

		group_members(arch, group, members);
		for (int n = 0; n < SYSCALLS_MAX; n++)
			open[n] &= !members[n];
		(void)json_array_append_new(words, json_string(group));
	}
	for (int n = 0; n < SYSCALLS_MAX; n++)
		n_names += open[n] && syscall_name(arch, n, names[n_names]);
	qsort(names, n_names, sizeof(*names), by_name);
	for (size_t i = 0; i < n_names; i++)
		(void)json_array_append_new(words, json_string(names[i]));
	return words;
}
