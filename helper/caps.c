/*
 * caps - what of root the helper keeps.
 *
 * Order:  bounding set first (needs CAP_SETPCAP), then permitted and effective; afterwards one given-up capability is tried.
 * Fails:  the helper does not start.
 */
#include "helper/caps.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "policy/base/err.h"

static const struct kept {
	cap_value_t cap;
	bool needed; /* false: the helper does without where the machine has taken it away */
} kept[] = {
	{ CAP_SYS_ADMIN, true },       /* mounts, setns, the maps */
	{ CAP_SYS_CHROOT, true },      /* setns into a mount namespace, pivot_root */
	{ CAP_SETUID, true },	       /* uid_map; looking at homes as their user */
	{ CAP_SETGID, true },	       /* gid_map; groups */
	{ CAP_CHOWN, true },	       /* the container's /tmp and /run belong to its root */
	{ CAP_FOWNER, true },	       /* and get their modes afterwards */
	{ CAP_FSETID, true },	       /* carrel-root's setuid bit, on the container's tmpfs */
	{ CAP_DAC_OVERRIDE, true },    /* files below directories that already belong to the container's root */
	{ CAP_DAC_READ_SEARCH, true },
	{ CAP_MKNOD, true },	       /* /dev */
	{ CAP_SYS_PTRACE, true },      /* reading other users' /proc/PID/ns, setns by pidfd */
	{ CAP_KILL, true },	       /* ending containers */
	{ CAP_SETPCAP, true },	       /* securebits while in a user's guise */
	{ CAP_SETFCAP, false },	       /* overlayfs passes on with it what setcap does in a launched container */
	{ CAP_SYS_RESOURCE, false },   /* a door's raised limits, lowered oom_score_adj */
	{ CAP_SYS_NICE, false },       /* a door's nice value and affinity */
	{ CAP_AUDIT_CONTROL, false },  /* loginuid; what the audit subsystem lost */
	{ CAP_SYSLOG, false },	       /* the kernel's log, for users who ask what they were denied */
};

static bool is_kept(cap_value_t cap)
{
	size_t i;

	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (kept[i].cap == cap)
			return true;
	return false;
}

static int reduce(cap_t now, cap_t less, struct err *e)
{
	cap_flag_value_t has;
	cap_value_t cap;
	size_t i;

	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (cap_get_flag(now, kept[i].cap, CAP_PERMITTED, &has) < 0 || has != CAP_SET) {
			char *name = cap_to_name(kept[i].cap);

			if (!kept[i].needed)
				continue;
			(void)err_set(e, EPERM, "carrel-helper needs %s, which it was not given (run it as root; see CapabilityBoundingSet= of its unit)",
				name ? name : "a capability");
			(void)cap_free(name);
			return -EPERM;
		}
		(void)cap_set_flag(less, CAP_PERMITTED, 1, &kept[i].cap, CAP_SET);
		(void)cap_set_flag(less, CAP_EFFECTIVE, 1, &kept[i].cap, CAP_SET);
	}
	for (cap = 0; cap_get_bound(cap) >= 0; cap++)
		if (!is_kept(cap) && cap_get_bound(cap) == 1 && cap_drop_bound(cap) < 0)
			return err_set(e, errno, "cannot give up capability %d: %s", (int)cap,
				strerror(errno));
	if (cap_set_proc(less) < 0)
		return err_set(e, errno, "cannot give up capabilities: %s", strerror(errno));
	return 0;
}

int caps_keep_needed(struct err *e)
{
	static const cap_value_t given_up = CAP_SYS_MODULE;
	cap_t now = cap_get_proc(), less = cap_init();
	int r;

	if (!now || !less)
		r = err_set(e, ENOMEM, "out of memory");
	else
		r = reduce(now, less, e);
	/* The proof: taking one back must fail. */
	if (r == 0 && (cap_set_flag(less, CAP_PERMITTED, 1, &given_up, CAP_SET) < 0 || cap_set_proc(less) == 0))
		r = err_set(e, EPERM, "capabilities that were given up can be had again");
	if (now)
		(void)cap_free(now);
	if (less)
		(void)cap_free(less);
	return r;
}
