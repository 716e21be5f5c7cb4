/* The facts of this machine for subid.c: libsubid and NSS. */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <shadow/subid.h>

#include "policy/base/cleanup.h"
#include "policy/subid.h"

/* shadow 4.11 renamed everything; what is called here has the same arguments before and after. */
#ifndef HAVE_SUBID_GET_UID_RANGES
#define subid_init libsubid_init
#define subid_get_uid_ranges get_subuid_ranges
#define subid_get_gid_ranges get_subgid_ranges
#define subid_get_uid_owners get_subuid_owners
#define subid_get_gid_owners get_subgid_owners
#endif

#define ENTRY_MAX (64u << 20)

/* Without this the library writes to stderr, which may be anybody's. */
static void quiet_once(void)
{
	static bool done;

	if (!done)
		(void)subid_init("carrel", NULL);
	done = true;
}

static int machine_ranges(const char *owner, bool gids, struct subid_span **ret)
{
	_cleanup_free_ struct subid_range *ranges = NULL;
	struct subid_span *spans;
	int n;

	quiet_once();
	n = gids ? subid_get_gid_ranges(owner, &ranges) : subid_get_uid_ranges(owner, &ranges);
	if (n <= 0)
		return n;
	spans = calloc((size_t)n, sizeof(*spans));
	if (!spans)
		return -ENOMEM;
	for (int i = 0; i < n; i++)
		spans[i] = (struct subid_span){ ranges[i].start, ranges[i].count };
	*ret = spans;
	return n;
}

static int machine_owners(uint32_t id, bool gids, uid_t **ret)
{
	quiet_once();
	return gids ? subid_get_gid_owners(id, ret) : subid_get_uid_owners(id, ret);
}

static bool machine_name_of(uint32_t id, bool gid, char name[static 64])
{
	_cleanup_free_ char *buf = NULL;
	struct passwd pw, *user = NULL;
	struct group gr, *group = NULL;
	size_t size = 1024;
	int r;

	do {
		free(buf);
		size *= 2;
		buf = size <= ENTRY_MAX ? malloc(size) : NULL;
		if (!buf)
			break;
		r = gid ? getgrgid_r(id, &gr, buf, size, &group)
			: getpwuid_r(id, &pw, buf, size, &user);
	} while (r == ERANGE || r == EINTR);
	if (!user && !group)
		return false;
	(void)snprintf(name, 64, "%s", gid ? gr.gr_name : pw.pw_name);
	return true;
}

const struct subid_world subid_this_machine = {
	.subuid = "/etc/subuid",
	.subgid = "/etc/subgid",
	.passwd = "/etc/passwd",
	.group = "/etc/group",
	.ranges = machine_ranges,
	.owners = machine_owners,
	.name_of = machine_name_of,
	.nsswitch = "/etc/nsswitch.conf",
};
