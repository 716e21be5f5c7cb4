#include "policy/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define ENTRY_MAX (64u << 20) /* a group of a directory may list a hundred thousand members */
#define GROUPS_MAX 65536 /* NGROUPS_MAX, setgroups(2) */

void account_done(struct account *a)
{
	free(a->name);
	free(a->home);
	free(a->shell);
	free(a->gids);
	*a = (struct account){ 0 };
}

struct by_gid {
	gid_t gid;
	size_t at;
};

static int by_gid(const void *x, const void *y)
{
	const struct by_gid *a = x, *b = y;

	if (a->gid != b->gid)
		return a->gid < b->gid ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

/* Drops repeated gids, keeps the order: NSS tells the local groups before those of a directory. */
static int gids_unique(gid_t *gids, size_t *n)
{
	_cleanup_free_ struct by_gid *sorted = calloc(*n + 1, sizeof(*sorted));
	_cleanup_free_ bool *again = calloc(*n + 1, sizeof(*again));
	size_t kept = 0;

	if (!sorted || !again)
		return -ENOMEM;
	for (size_t i = 0; i < *n; i++)
		sorted[i] = (struct by_gid){ gids[i], i };
	qsort(sorted, *n, sizeof(*sorted), by_gid);
	for (size_t i = 1; i < *n; i++)
		again[sorted[i].at] = sorted[i].gid == sorted[i - 1].gid;
	for (size_t i = 0; i < *n; i++)
		if (!again[i])
			gids[kept++] = gids[i];
	*n = kept;
	return 0;
}

static int account_groups(struct account *a, struct err *e)
{
	int n = 64, room;

	do {
		gid_t *grown = reallocarray(a->gids, (size_t)n, sizeof(*grown));

		if (!grown)
			return err_set(e, ENOMEM, "out of memory");
		a->gids = grown;
		room = n;
		if (getgrouplist(a->name, a->gid, a->gids, &n) >= 0) {
			a->n_gids = (size_t)n;
			if (gids_unique(a->gids, &a->n_gids) < 0)
				return err_set(e, ENOMEM, "out of memory");
			return 0;
		}
		/*
		 * It says how many it wants; a directory that grows meanwhile must not keep us
		 * here.
		 */
		n = n > room ? n : 2 * room;
	} while (n <= GROUPS_MAX);
	return err_set(e, E2BIG, "user '%s' is in more than %d groups", a->name, GROUPS_MAX);
}

static int account_fill(struct account *a, const struct passwd *pw, struct err *e)
{
	a->uid = pw->pw_uid;
	a->gid = pw->pw_gid;
	a->name = strdup(pw->pw_name);
	a->home = strdup(pw->pw_dir ? pw->pw_dir : "");
	a->shell = strdup(pw->pw_shell ? pw->pw_shell : "");
	if (!a->name || !a->home || !a->shell)
		return err_set(e, ENOMEM, "out of memory");
	return account_groups(a, e);
}

/* By name, or by uid where name is NULL. */
static int account_get(const char *name, uid_t uid, struct account *ret, struct err *e)
{
	_cleanup_(account_done) struct account a = { 0 };
	_cleanup_free_ char *buf = NULL;
	struct passwd pw, *found = NULL;
	size_t size = 1024;
	int r;

	do {
		free(buf);
		size *= 2;
		buf = size <= ENTRY_MAX ? malloc(size) : NULL;
		if (!buf)
			return err_set(e, ENOMEM, "out of memory");
		r = name ? getpwnam_r(name, &pw, buf, size, &found)
			 : getpwuid_r(uid, &pw, buf, size, &found);
	} while (r == ERANGE || r == EINTR);
	if (!found && name)
		return err_set(e, r && r != ESRCH ? r : ENOENT, "user '%s': %s", name,
			r && r != ENOENT && r != ESRCH ? strerror(r) : "no such user");
	if (!found)
		return err_set(e, r && r != ESRCH ? r : ENOENT, "uid %u: %s", (unsigned)uid,
			r && r != ENOENT && r != ESRCH ? strerror(r) : "no such user");
	r = account_fill(&a, found, e);
	if (r < 0)
		return r;
	*ret = a;
	a = (struct account){ 0 };
	return 0;
}

int account_by_name(const char *name, struct account *ret, struct err *e)
{
	return account_get(name, (uid_t)-1, ret, e);
}

int account_by_uid(uid_t uid, struct account *ret, struct err *e)
{
	return account_get(NULL, uid, ret, e);
}

static bool account_has_gid(const struct account *a, gid_t gid)
{
	for (size_t i = 0; i < a->n_gids; i++)
		if (a->gids[i] == gid)
			return true;
	return false;
}

/*
 * One question to NSS for the group's gid, however many groups the user is in. A name server that
 * is configured but not running answers with all sorts of errno for any name it does not know:
 * these mean "no such group". Our own shortages do not: then nobody can tell.
 */
static int person_in_group(const struct person *who, const char *group)
{
	_cleanup_free_ char *buf = NULL;
	struct group gr, *found = NULL;
	size_t size = 1024;
	int r;

	do {
		free(buf);
		size *= 2;
		buf = size <= ENTRY_MAX ? malloc(size) : NULL;
		if (!buf)
			return -ENOMEM;
		r = getgrnam_r(group, &gr, buf, size, &found);
	} while (r == ERANGE || r == EINTR);
	if (found)
		return account_has_gid(who->data, gr.gr_gid);
	if (r == ENOMEM || r == EMFILE || r == ENFILE || r == EAGAIN || r == ETIMEDOUT)
		return -r;
	return 0;
}

struct person account_person(const struct account *a)
{
	return (struct person){
		.name = a->name,
		.uid = a->uid,
		.in_group = person_in_group,
		.data = a,
	};
}
