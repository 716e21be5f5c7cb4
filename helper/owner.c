/*
 * owner - for whom the kernel counts what it makes.
 *
 * Trust:  the owner is from our own tables: an ID that nobody has, or root.
 * Order:  securebits, so that clone(2) and unshare(2) still find CAP_SYS_ADMIN, which they want where unprivileged user namespaces
 *         are switched off; the IDs; dumpable, which with another euid became what fs.suid_dumpable says. The saved uid stays 0,
 *         for the way back.
 * Fails:  owner_take() untouched; owner_return() by _exit(), as half of two identities is a hole.
 */
#include "helper/owner.h"

#include <errno.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <unistd.h>

int owner_take(uid_t ruid, uid_t owner)
{
	int code;

	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0)
		return -1;
	if (setresuid(ruid, owner, 0) < 0) {
		code = errno;
		(void)prctl(PR_SET_SECUREBITS, 0);
		errno = code;
		return -1;
	}
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return 0;
}

void owner_return(void)
{
	int code = errno;

	if (setresuid(0, 0, 0) < 0 || prctl(PR_SET_SECUREBITS, 0) < 0)
		_exit(1);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	errno = code;
}
