/*
 * sandbox - the helper's own filter.
 *
 * Trust:  none left to give: this is for the day when a bug lets somebody else speak with the helper's voice.
 * Order:  after the capabilities went, before anybody is served. Needs CAP_SYS_ADMIN instead of no_new_privs, which would be
 *         inherited by containers, where setuid files of the container's root must work.
 * Fails:  the helper does not start.
 */
#include "helper/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>

#include "policy/base/err.h"

static const int never[] = {
	SCMP_SYS(bpf),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(acct),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(nfsservctl),
};

/* The i386 calls of a session whose filter lets it have them are that filter's business. */
static int fill(scmp_filter_ctx filter)
{
	size_t i;
	int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);

	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	for (i = 0; r == 0 && i < sizeof(never) / sizeof(never[0]); i++)
		if (never[i] >= 0) /* negative: this architecture has no such call */
			r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), never[i], 0);
	return r;
}

int sandbox_enter(struct err *e)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = filter ? fill(filter) : -ENOMEM;

	if (r == 0)
		r = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return r < 0 ? err_set(e, -r, "cannot load the helper's own filter: %s", strerror(-r)) : 0;
}
