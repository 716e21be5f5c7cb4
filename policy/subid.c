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
#include "policy/base/lines.h"
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
	const struct account *a; /* NULL: a slot of the pool that is nobody's yet */
	const struct id_range *r;
	bool gids;
	uint32_t owner; /* without an account: the uid whose slot it is by the pool's rule; 0: none
			 */
};

static int collides(const struct side *s, struct err *e, const char *whose)
{
	uint32_t last = s->r->start + (s->r->count - 1);

	if (!s->a)
		return err_set(
			e, EEXIST, "slot %u-%u of the pool meets %s", s->r->start, last, whose);
	return err_set(e, EEXIST, "%s range %u-%u of user '%s' meets %s", s->gids ? "gid" : "uid",
		s->r->start, last, s->a->name, whose);
}

static bool side_meets(const struct side *s, uint64_t first, uint64_t last)
{
	return first < (uint64_t)s->r->start + s->r->count && last >= s->r->start;
}

/* The field at *at, which moves behind its ':' and is NULL after the line's last. */
static const char *field_next(const char **at, const char *end, size_t *ret_len)
{
	const char *field = *at, *colon = memchr(field, ':', (size_t)(end - field));

	*ret_len = (size_t)((colon ? colon : end) - field);
	*at = colon ? colon + 1 : NULL;
	return field;
}

/*
 * The number that is all of the field at *at, UINT64_MAX if it has more digits than are sure to
 * fit. False: it is none. By hand, as it is done for every line of four files at every launch.
 */
static bool number_next(const char **at, const char *end, uint64_t *ret)
{
	const char *first = *at, *p = first;
	uint64_t n = 0;

	if (!first)
		return false;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	if (p == first || (p < end && *p != ':'))
		return false;
	*ret = p - first > 19 ? UINT64_MAX : n;
	*at = p < end ? p + 1 : NULL;
	return true;
}

static bool owner_is(const struct account *a, const char *owner)
{
	uint32_t uid;

	return a && (strcmp(owner, a->name) == 0 || (parse_u32(owner, &uid) == 0 && uid == a->uid));
}

/* One line of subuid or subgid: OWNER:START:COUNT. A line that is none gives nobody anything. */
static int check_subid_line(
	const struct side *s, const char *path, const char *line, size_t len, struct err *e)
{
	const char *at = line, *end = line + len;
	char owner[256], whose[512];
	uint64_t start, count, last;
	size_t n;

	(void)field_next(&at, end, &n);
	if (!number_next(&at, end, &start) || !side_meets(s, start, UINT64_MAX))
		return 0;
	if (!number_next(&at, end, &count) || at || count == 0)
		return 0;
	last = count - 1 > UINT64_MAX - start ? UINT64_MAX : start + (count - 1);
	if (!side_meets(s, start, last) || line[0] == '#')
		return 0;
	(void)snprintf(owner, sizeof(owner), "%.*s", (int)n, line);
	if (owner_is(s->a, owner))
		return 0;
	(void)snprintf(whose, sizeof(whose), "%" PRIu64 "-%" PRIu64 " of '%s' in %s", start, last,
		owner, path);
	return collides(s, e, whose);
}

/* One line of passwd or group: NAME:x:ID:... */
static int check_account_line(
	const struct side *s, const char *path, const char *line, size_t len, struct err *e)
{
	const char *at = line, *end = line + len;
	char whose[512];
	size_t n, ignored;
	uint64_t id;

	(void)field_next(&at, end, &n);
	if (at)
		(void)field_next(&at, end, &ignored);
	if (!number_next(&at, end, &id) || id > UINT32_MAX)
		return 0;
	if (id_range_holds(s->r, (uint32_t)id))
		(void)snprintf(whose, sizeof(whose), "%s %u of '%.*s' in %s",
			s->gids ? "gid" : "uid", (unsigned)id, (int)n, line, path);
	else if (s->owner && s->owner == id)
		(void)snprintf(whose, sizeof(whose), "that of '%.*s' (uid %u) in %s", (int)n, line,
			(unsigned)id, path);
	else
		return 0;
	return collides(s, e, whose);
}

typedef int line_fn(
	const struct side *s, const char *path, const char *line, size_t len, struct err *e);

/* A file that is not there holds nobody; one that cannot be read may hold anybody. */
static int check_file(const struct side *s, const char *path, line_fn *fn, struct err *e)
{
	struct lines l;
	const char *line;
	size_t len;
	int r = lines_open(&l, path, e);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_wrap(e, r, "%s", path);
	while ((r = lines_next(&l, &line, &len, e)) > 0) {
		r = fn(s, path, line, len, e);
		if (r < 0)
			break;
	}
	lines_close(&l);
	return r == -EIO ? err_wrap(e, r, "%s", path) : r;
}

/* A line of nsswitch.conf: DATABASE: SOURCE... False: it is of another database. */
static bool sources_of(const char *line, size_t len, const char *database, bool *more)
{
	const char *rest, *word;
	char copy[256];
	size_t n;

	(void)snprintf(copy, sizeof(copy), "%.*s", (int)len, line);
	copy[strcspn(copy, "#")] = '\0';
	rest = strchr(copy, ':');
	if (!rest)
		return false;
	copy[rest++ - copy] = '\0';
	n = strspn(copy, " \t");
	if (strncmp(copy + n, database, strcspn(copy + n, " \t")) != 0 ||
		strcspn(copy + n, " \t") != strlen(database))
		return false;
	while ((word = word_next(&rest, &n)))
		*more |= n != 5 || memcmp(word, "files", 5) != 0;
	return true;
}

/*
 * Whether others than the local files are asked for this database. Yes when it cannot be told; but
 * libsubid has files where nothing is said of `subid`.
 */
static bool knows_more(const struct subid_world *w, const char *database)
{
	bool said = strcmp(database, "subid") == 0, more = false;
	struct lines l;
	const char *line;
	struct err e;
	size_t len;

	if (!w->nsswitch || lines_open(&l, w->nsswitch, &e) < 0)
		return true;
	while (lines_next(&l, &line, &len, &e) > 0)
		said |= sources_of(line, len, database, &more);
	lines_close(&l);
	return more || !said;
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

	if (!knows_more(w, s->gids ? "group" : "passwd"))
		return 0; /* they have been read in full */
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
			if (s->a && owners[k] == s->a->uid)
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
	const struct side uids = { .a = a, .r = &r->uids };
	const struct side gids = { .a = a, .r = &r->gids, .gids = true };
	int code = check_side(w, &uids, pool, e);

	return code < 0 ? code : check_side(w, &gids, pool, e);
}

/* ---- slots for launches ---- */

/* What only NSS knows: somebody whose slot it is, or that systemd has given it to a machine. */
static int check_slot_names(const struct subid_world *w, const struct side *s, struct err *e)
{
	/* systemd names ranges that begin at multiples of 65536, so a slot that does not may meet
	 * two. */
	const uint32_t last = s->r->start + (s->r->count - 1),
		       ids[] = { s->owner, s->r->start, s->r->start % ID_SLOT ? last : 0 };
	char name[64], whose[128];

	if (!knows_more(w, "passwd"))
		return 0;
	for (size_t i = 0; i < 3; i++) {
		if (ids[i] == 0 || !w->name_of(ids[i], false, name))
			continue;
		(void)snprintf(whose, sizeof(whose),
			i == 0 ? "that of '%s' (uid %u)" : "'%s' (uid %u)", name, ids[i]);
		return collides(s, e, whose);
	}
	return 0;
}

int subid_check_slot_in(const struct subid_world *w, const struct id_pool *pool,
	const struct id_range *slot, struct err *e)
{
	struct side uids = { .r = slot }, gids = { .r = slot, .gids = true };
	int r;

	if (!id_range_valid(slot) || slot->count != ID_SLOT || slot->start < pool->first ||
		(slot->start - pool->first) % ID_SLOT != 0 ||
		(uint64_t)slot->start + slot->count - 1 > pool->last)
		return err_set(e, EINVAL, "%u+%u is no slot of the pool", slot->start, slot->count);
	(void)slot_owner(pool, (slot->start - pool->first) / ID_SLOT, &uids.owner);
	r = check_given_out(&uids, e);
	if (r == 0)
		r = check_file(&uids, w->passwd, check_account_line, e);
	if (r == 0)
		r = check_file(&gids, w->group, check_account_line, e);
	if (r == 0)
		r = check_file(&uids, w->subuid, check_subid_line, e);
	if (r == 0)
		r = check_file(&gids, w->subgid, check_subid_line, e);
	if (r == 0)
		r = check_slot_names(w, &uids, e);
	if (r == 0 && knows_more(w, "subid"))
		r = check_owners(w, &uids, e);
	if (r == 0 && knows_more(w, "subid"))
		r = check_owners(w, &gids, e);
	return r;
}

uid_t subid_owner_in(const struct subid_world *w, const struct id_pool *pool, uid_t uid)
{
	uid_t owner = id_owner(pool, uid);
	char name[64];

	return owner != 0 && w->name_of(owner, false, name) ? 0 : owner;
}

uid_t subid_owner(const struct id_pool *pool, uid_t uid)
{
	return subid_owner_in(&subid_this_machine, pool, uid);
}

int subid_check_slot(const struct id_pool *pool, const struct id_range *slot, struct err *e)
{
	return subid_check_slot_in(&subid_this_machine, pool, slot, e);
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
