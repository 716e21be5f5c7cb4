/*
 * user - a disposable child looks at files with the user's eyes, and comes back.
 *
 * Trust:  none asked: the uids are from the helper's own NSS.
 * Order:  groups, gids, uids, then capabilities; back in the opposite order. SECBIT_NO_SETUID_FIXUP keeps the permitted
 *         set over setresuid(2), so that the way back exists and open_tree(2) works meanwhile.
 * Fails:  _exit(); nothing else may run with a mixture of two identities.
 */
#include "helper/user.h"

#include <errno.h>
#include <grp.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "policy/account.h"
#include "policy/base/err.h"

static int caps_only_ours(cap_t all)
{
	static const cap_value_t kept[] = { CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID };
	cap_t some = cap_dup(all);
	int r = -1;

	if (some && cap_clear_flag(some, CAP_EFFECTIVE) == 0 &&
		cap_set_flag(some, CAP_EFFECTIVE, 3, kept, CAP_SET) == 0)
		r = cap_set_proc(some);
	if (some)
		(void)cap_free(some);
	return r;
}

/*
 * With other IDs a process may be dumped as fs.suid_dumpable says, and the user may kill this one by a signal that dumps: the kernel
 * would write what the helper knows of everybody. Between the change and this call RLIMIT_CORE holds it back (carrel-helper.c).
 */
static void hide_again(void)
{
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int user_become(const struct account *a, struct user_guise *ret, struct err *e)
{
	ret->caps = cap_get_proc();
	if (!ret->caps)
		return err_set(e, errno, "cannot read capabilities: %s", strerror(errno));
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0 || setgroups(a->n_gids, a->gids) < 0 ||
		setresgid(a->gid, a->gid, a->gid) < 0 || setresuid(a->uid, a->uid, a->uid) < 0 ||
		caps_only_ours(ret->caps) < 0) {
		int code = errno;

		user_return(ret);
		return err_set(e, code, "cannot act as uid %u: %s", (unsigned)a->uid, strerror(code));
	}
	hide_again();
	return 0;
}

void user_return(struct user_guise *g)
{
	if (cap_set_proc(g->caps) < 0 || setresuid(0, 0, 0) < 0 || setresgid(0, 0, 0) < 0 ||
		setgroups(0, NULL) < 0 || prctl(PR_SET_SECUREBITS, 0) < 0)
		_exit(1);
	hide_again();
	(void)cap_free(g->caps);
	g->caps = NULL;
}
