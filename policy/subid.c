#include "policy/subid.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/account.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"
#include "policy/idrange.h"

#define LEAST_IDS 1024u /* fewer make no system inside: its own accounts reach 999 */
#define FIRST_PERSON 1000u /* uids below are the system's own: they do not log in */

/* ---- the user's ranges ---- */

/* The largest of n, cut to one slot. 0: none is large enough; -EINVAL: the largest is no range. */
static int span_pick(
	const struct subid_span *s, int n, const char *file, struct id_range *ret, struct err *e)
{
	const struct subid_span *best = NULL;

	for (int i = 0; i < n; i++)
		if (s[i].count >= LEAST_IDS && (!best || s[i].count > best->count))
			best = &s[i];
	if (!best)
		return 0;
	if (best->start <= UINT32_MAX) {
		*ret = (struct id_range){
			(uint32_t)best->start,
			best->count < ID_SLOT ? (uint32_t)best->count : ID_SLOT,
		};
		if (id_range_valid(ret))
			return 1;
	}
	return err_set(e, EINVAL,
		"%s gives %" PRIu64 " IDs from %" PRIu64
		" on: not within 1-4294967294 or holds 65535",
		file, best->count, best->start);
}

static int range_from(const struct subid_world *w, const struct account *a, bool gids,
	struct id_range *ret, struct err *e)
{
	_cleanup_free_ struct subid_span *spans = NULL;
	int n = w->ranges(a->name, gids, &spans);

	/*
	 * libsubid says -1 for "no such file", "no such user" and "the server is down" alike. The
	 * pool is right for the first two; for the third it is a range of the user's own all the
	 * same, only not the usual one.
	 */
	return n > 0 ? span_pick(spans, n, gids ? w->subgid : w->subuid, ret, e) : 0;
}

int subid_ranges_in(const struct subid_world *w, const struct account *a,
	const struct id_pool *pool, struct id_ranges *ret, struct err *e)
{
	struct id_ranges found = { 0 };
	int uids, gids, r;

	uids = range_from(w, a, false, &found.uids, e);
	gids = uids < 0 ? uids : range_from(w, a, true, &found.gids, e);
	if (gids < 0)
		return err_wrap(e, gids, "user '%s'", a->name);
	if (uids && gids) {
		(void)snprintf(found.source, sizeof(found.source), "%s, %s", w->subuid, w->subgid);
		*ret = found;
		return 0;
	}
	r = id_pool_range(pool, a->uid, &found.uids, e);
	if (r < 0)
		return err_wrap(e, r, "user '%s' has no %u IDs in %s", a->name, LEAST_IDS,
			!uids ? w->subuid : w->subgid);
	found.gids = found.uids;
	(void)snprintf(found.source, sizeof(found.source), "pool");
	*ret = found;
	return 0;
}

/* ---- who else is there ---- */

/* What every check needs: whose range it is and what it is a range of. */
struct side {
	const struct account *a;
	const struct id_range *r;
	bool gids;
};

static int collides(const struct side *s, struct err *e, const char *whose)
{
	return err_set(e, EEXIST, "%s range %u-%u of user '%s' meets %s", s->gids ? "gid" : "uid",
		s->r->start, s->r->start + (s->r->count - 1), s->a->name, whose);
}

static bool side_meets(const struct side *s, uint64_t first, uint64_t last)
{
	return first < (uint64_t)s->r->start + s->r->count && last >= s->r->start;
}

/* Cuts the line at ':' into at most max fields; returns how many. */
static size_t fields_split(char *line, char **fields, size_t max)
{
	size_t n = 0;

	line[strcspn(line, "\n")] = '\0';
	while (n < max && line)
		fields[n++] = strsep(&line, ":");
	return n;
}

static bool owner_is(const struct account *a, const char *owner)
{
	uint32_t uid;

	return strcmp(owner, a->name) == 0 || (parse_u32(owner, &uid) == 0 && uid == a->uid);
}

/* One line of subuid or subgid: OWNER:START:COUNT. A line that is none gives nobody anything. */
static int check_subid_line(const struct side *s, const char *path, char *line, struct err *e)
{
	uint64_t start, count, last;
	char whose[256], *f[4];

	if (line[0] == '#' || fields_split(line, f, 4) != 3 ||
		parse_u64(f[1], UINT64_MAX, &start) < 0 ||
		parse_u64(f[2], UINT64_MAX, &count) < 0 || count == 0 || owner_is(s->a, f[0]))
		return 0;
	last = count - 1 > UINT64_MAX - start ? UINT64_MAX : start + (count - 1);
	if (!side_meets(s, start, last))
		return 0;
	(void)snprintf(whose, sizeof(whose), "%" PRIu64 "-%" PRIu64 " of '%s' in %s", start, last,
		f[0], path);
	return collides(s, e, whose);
}

/* One line of passwd or group: NAME:x:ID:... */
static int check_account_line(const struct side *s, const char *path, char *line, struct err *e)
{
	char whose[256], *f[4];
	uint32_t id;

	if (fields_split(line, f, 4) < 3 || parse_u32(f[2], &id) < 0 || !id_range_holds(s->r, id))
		return 0;
	(void)snprintf(whose, sizeof(whose), "%s %u of '%s' in %s", s->gids ? "gid" : "uid", id,
		f[0], path);
	return collides(s, e, whose);
}

typedef int line_fn(const struct side *s, const char *path, char *line, struct err *e);

/* A file that is not there holds nobody; one that cannot be read may hold anybody. */
static int check_file(const struct side *s, const char *path, line_fn *fn, struct err *e)
{
	_cleanup_file_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int r = 0;

	if (!f && errno == ENOENT)
		return 0;
	if (!f)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	while (r == 0 && getline(&line, &size, f) >= 0)
		r = fn(s, path, line, e);
	if (r == 0 && ferror(f))
		return err_set(e, EIO, "%s: cannot be read", path);
	return r;
}

/* https://systemd.io/UIDS-GIDS: IDs that come and go without a line in any file. */
static const struct {
	uint32_t first, last;
	const char *what;
} given_out[] = {
	{ 60001, 60513, "systemd-homed's users" },
	{ 60514, 60577, "systemd's users for the desktop" },
	{ 60578, 60705, "systemd's greeters" },
	{ 61184, 65519, "systemd's DynamicUser services" },
	{ 65534, 65534, "nobody" },
	{ 2147352576, 2147418111, "systemd's foreign IDs" },
};

static int check_given_out(const struct side *s, struct err *e)
{
	char whose[128];

	for (size_t i = 0; i < sizeof(given_out) / sizeof(given_out[0]); i++) {
		if (!side_meets(s, given_out[i].first, given_out[i].last))
			continue;
		(void)snprintf(whose, sizeof(whose), "%u-%u of %s", given_out[i].first,
			given_out[i].last, given_out[i].what);
		return collides(s, e, whose);
	}
	return 0;
}

/*
 * A directory cannot be listed (there may be a million accounts, or enumeration is off): ask for
 * the ends and the middle. systemd's machines name their whole range this way, too.
 */
static int check_sample(const struct subid_world *w, const struct side *s, struct err *e)
{
	const uint32_t offsets[] = { 0, s->r->count / 2, s->r->count - 1 };
	char name[64], whose[128];

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		uint32_t id = s->r->start + offsets[i];

		if (!w->name_of(id, s->gids, name))
			continue;
		(void)snprintf(
			whose, sizeof(whose), "%s %u of '%s'", s->gids ? "gid" : "uid", id, name);
		return collides(s, e, whose);
	}
	return 0;
}

/*
 * A range from the pool may lie where a directory has given one to somebody else, which no file
 * here tells.
 */
static int check_owners(const struct subid_world *w, const struct side *s, struct err *e)
{
	const uint32_t ids[] = { s->r->start, s->r->start + (s->r->count - 1) };
	char whose[128];

	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ uid_t *owners = NULL;
		int n = w->owners(ids[i], s->gids, &owners);

		for (int k = 0; k < n; k++) {
			if (owners[k] == s->a->uid)
				continue;
			(void)snprintf(whose, sizeof(whose), "the subordinate IDs of uid %u at %u",
				(unsigned)owners[k], ids[i]);
			return collides(s, e, whose);
		}
	}
	return 0;
}

/* The uid that owns the pool's slot number `slot`; false: nobody. */
static bool slot_owner(const struct id_pool *pool, uint64_t slot, uint32_t *ret_uid)
{
	for (size_t i = 0; i < pool->n_uids; i++) {
		uint64_t n = (uint64_t)pool->uids[i].last - pool->uids[i].first + 1;

		if (slot < n) {
			*ret_uid = (uint32_t)(pool->uids[i].first + slot);
			return true;
		}
		slot -= n;
	}
	return false;
}

/*
 * A range from a file may lie in a slot of the pool. That is no harm as long as the slot's owner
 * does not live there: there is no such account, it has a range of its own, or it is one of the
 * system's. (Should such a one ever ask for its slot, it is refused, by the line in the file.)
 */
static int check_slot(
	const struct subid_world *w, const struct side *s, uint32_t uid, struct err *e)
{
	_cleanup_free_ struct subid_span *spans = NULL;
	char name[64], whose[128];
	struct id_range own;
	struct err ignored;
	int n;

	if (uid == s->a->uid || uid < FIRST_PERSON || !w->name_of(uid, false, name))
		return 0;
	n = w->ranges(name, s->gids, &spans);
	if (n > 0 && span_pick(spans, n, w->subuid, &own, &ignored) > 0)
		return 0;
	(void)snprintf(whose, sizeof(whose), "the pool's slot of '%s' (uid %u)", name, uid);
	return collides(s, e, whose);
}

static int check_slots(const struct subid_world *w, const struct side *s,
	const struct id_pool *pool, struct err *e)
{
	uint64_t first = s->r->start, last = first + s->r->count - 1;
	uint32_t uid;
	int r = 0;

	if (last < pool->first || first > pool->last)
		return 0;
	first = first < pool->first ? 0 : (first - pool->first) / ID_SLOT;
	last = (last - pool->first) / ID_SLOT;
	for (uint64_t slot = first; slot <= last && r == 0; slot++)
		if (slot_owner(pool, slot, &uid))
			r = check_slot(w, s, uid, e);
	return r;
}

static int check_side(const struct subid_world *w, const struct side *s, const struct id_pool *pool,
	struct err *e)
{
	struct id_range slot;
	struct err ignored;
	bool pooled;
	int r;

	if (!id_range_valid(s->r))
		return err_set(e, EINVAL, "%s range %u+%u of user '%s' is no valid range",
			s->gids ? "gid" : "uid", s->r->start, s->r->count, s->a->name);
	pooled = id_pool_range(pool, s->a->uid, &slot, &ignored) == 0 &&
		 slot.start == s->r->start && slot.count == s->r->count;
	r = check_given_out(s, e);
	if (r == 0)
		r = check_file(s, s->gids ? w->subgid : w->subuid, check_subid_line, e);
	if (r == 0)
		r = check_file(s, s->gids ? w->group : w->passwd, check_account_line, e);
	if (r == 0)
		r = pooled ? check_owners(w, s, e) : check_slots(w, s, pool, e);
	if (r == 0)
		r = check_sample(w, s, e);
	return r;
}

int subid_check_in(const struct subid_world *w, const struct account *a, const struct id_pool *pool,
	const struct id_ranges *r, struct err *e)
{
	const struct side uids = { a, &r->uids, false }, gids = { a, &r->gids, true };
	int code = check_side(w, &uids, pool, e);

	return code < 0 ? code : check_side(w, &gids, pool, e);
}

int subid_ranges(
	const struct account *a, const struct id_pool *pool, struct id_ranges *ret, struct err *e)
{
	return subid_ranges_in(&subid_this_machine, a, pool, ret, e);
}

int subid_check(const struct account *a, const struct id_pool *pool, const struct id_ranges *r,
	struct err *e)
{
	return subid_check_in(&subid_this_machine, a, pool, r, e);
}
