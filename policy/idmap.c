#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/base/err.h"
#include "policy/idrange.h"
#include "policy/policy.h"

/*
 * A run of own IDs, both ends included; each costs at most two lines, so 340 are never exceeded by
 * a map that fits.
 */
struct runs {
	struct run {
		uint32_t first, last;
	} v[ID_MAP_LINES + 1];
	size_t n;
};

/* Sorted insertion; a neighbour is extended, and two that come to touch become one. */
static void runs_add(struct runs *r, uint32_t id)
{
	size_t i = 0;

	while (i < r->n && (uint64_t)r->v[i].last + 1 < id)
		i++;
	if (i == r->n || (uint64_t)id + 1 < r->v[i].first) {
		memmove(&r->v[i + 1], &r->v[i], (r->n - i) * sizeof(r->v[0]));
		r->v[i] = (struct run){ id, id };
		r->n++;
		return;
	}
	if (id < r->v[i].first)
		r->v[i].first = id;
	if (id > r->v[i].last)
		r->v[i].last = id;
	if (i + 1 < r->n && (uint64_t)r->v[i].last + 1 == r->v[i + 1].first) {
		r->v[i].last = r->v[i + 1].last;
		r->n--;
		memmove(&r->v[i + 1], &r->v[i + 2], (r->n - i - 1) * sizeof(r->v[0]));
	}
}

static size_t decimal_len(uint32_t n)
{
	size_t len = 1;

	while (n >= 10) {
		n /= 10;
		len++;
	}
	return len;
}

/* What the map costs so far. The text must leave room for a NUL: the kernel wants less than a page.
 */
struct plan {
	struct id_map *map;
	size_t lines, bytes;
};

static void plan_add(struct plan *p, uint32_t inside, uint32_t outside, uint32_t count)
{
	if (p->map && p->lines < ID_MAP_LINES)
		p->map->e[p->lines] = (struct id_extent){ inside, outside, count };
	p->lines++;
	p->bytes += decimal_len(inside) + decimal_len(outside) + decimal_len(count) + 3;
}

/* Cuts the range at the runs: the pieces between go to the range, the runs to themselves. */
static void plan_runs(struct plan *p, const struct id_range *range, const struct runs *own)
{
	uint64_t at = 0;

	for (size_t i = 0; i < own->n; i++) {
		const struct run *run = &own->v[i];
		uint32_t piece_end = run->first < range->count ? run->first : range->count;

		if (at < piece_end)
			plan_add(p, (uint32_t)at, (uint32_t)(range->start + at),
				(uint32_t)(piece_end - at));
		plan_add(p, run->first, run->first, run->last - run->first + 1);
		at = (uint64_t)run->last + 1;
	}
	if (at < range->count)
		plan_add(p, (uint32_t)at, (uint32_t)(range->start + at),
			(uint32_t)(range->count - at));
}

static bool runs_fit(const struct id_range *range, const struct runs *own)
{
	struct plan p = { 0 };

	plan_runs(&p, range, own);
	return p.lines <= ID_MAP_LINES && p.bytes < ID_MAP_BYTES;
}

static int own_check(const struct id_range *range, const uint32_t *own, size_t n_own, struct err *e)
{
	for (size_t i = 0; i < n_own; i++) {
		if (own[i] == 0)
			return err_set(e, EINVAL,
				"ID 0 would be the host's root inside: "
				"is the user in group 0?");
		if (own[i] == UINT32_MAX)
			return err_set(e, EINVAL, "ID %u is no ID", own[i]);
		if (id_range_holds(range, own[i]))
			return err_set(e, EEXIST, "own ID %u lies in the subordinate range %u-%llu",
				own[i], range->start,
				(unsigned long long)range->start + range->count - 1);
	}
	return 0;
}

int id_map_plan(const struct id_range *range, const uint32_t *own, size_t n_own, struct id_map *ret,
	struct err *e)
{
	struct runs runs = { .n = 0 }, more;
	struct plan p = { .map = ret };
	size_t taken = 0;
	int r;

	if (!id_range_valid(range))
		return err_set(
			e, EINVAL, "range %u+%u is no valid range", range->start, range->count);
	r = own_check(range, own, n_own, e);
	if (r < 0)
		return r;
	/*
	 * The first that does not fit ends it: an ID of less weight must not be mapped where a
	 * weightier one is not.
	 */
	for (; taken < n_own; taken++) {
		more = runs;
		runs_add(&more, own[taken]);
		if (!runs_fit(range, &more))
			break;
		runs = more;
	}
	plan_runs(&p, range, &runs);
	assert(p.lines <= ID_MAP_LINES);
	ret->n = p.lines;
	ret->dropped = n_own - taken;
	return 0;
}

static size_t map_bytes(const struct id_map *m)
{
	struct plan p = { .map = NULL };

	for (size_t i = 0; i < m->n; i++)
		plan_add(&p, m->e[i].inside, m->e[i].outside, m->e[i].count);
	return p.bytes;
}

#define LINE_BYTES 33 /* three numbers of ten digits */

/* The span without id. */
static void span_add(struct id_map *m, uint64_t first, uint64_t last, uint32_t id)
{
	if (first > last)
		return;
	if (id < first || id > last) {
		m->e[m->n++] = (struct id_extent){ (uint32_t)first, (uint32_t)first, (uint32_t)(last - first + 1) };
		return;
	}
	if (id > first)
		span_add(m, first, id - 1ull, id);
	span_add(m, id + 1ull, last, id);
}

void id_map_as(const struct id_pool *pool, uint32_t id, uint32_t as, struct id_map *ret)
{
	ret->n = 0;
	ret->dropped = 0;
	/* Mapping the host's root itself would take CAP_SETFCAP [user_namespaces(7), since Linux 5.12], and be of no use. */
	if (id != 0)
		ret->e[ret->n++] = (struct id_extent){ 0, ID_STRANGER, 1 };
	span_add(ret, 1, pool->first - 1ull, id);
	span_add(ret, pool->last + 1ull, ID_STRANGER - 1ull, id);
	ret->e[ret->n++] = (struct id_extent){ id, as, 1 };
}

bool id_map_lookup(const struct id_map *m, uint32_t inside, uint32_t *ret_outside)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct id_extent *x = &m->e[i];

		if (inside >= x->inside && inside - x->inside < x->count) {
			*ret_outside = x->outside + (inside - x->inside);
			return true;
		}
	}
	return false;
}

/* Takes one ID out of the line that holds it: what lies before it stays, what lies after becomes a line of its own. */
static void map_cut(struct id_map *m, uint32_t inside)
{
	for (size_t i = 0; i < m->n; i++) {
		struct id_extent *x = &m->e[i], rest;
		uint32_t before = inside - x->inside;

		if (inside < x->inside || before >= x->count)
			continue;
		rest = (struct id_extent){ inside + 1, x->outside + before + 1, x->count - before - 1 };
		x->count = before;
		if (x->count == 0)
			*x = rest;
		else if (rest.count > 0)
			m->e[m->n++] = rest;
		if (x->count == 0)
			*x = m->e[--m->n];
		return;
	}
}

int id_map_replace(struct id_map *m, uint32_t inside, uint32_t outside)
{
	if (m->n + 2 > ID_MAP_LINES || map_bytes(m) + 2 * LINE_BYTES >= ID_MAP_BYTES) /* a line may become three */
		return -E2BIG;
	map_cut(m, inside);
	m->e[m->n++] = (struct id_extent){ inside, outside, 1 };
	return 0;
}

void id_map_leave_out(struct id_map *m, const struct id_range *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n; i++)
		if (!id_range_holds(r, m->e[i].outside))
			m->e[kept++] = m->e[i];
	m->n = kept;
}

size_t id_map_format(const struct id_map *m, char buf[static ID_MAP_BYTES])
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < m->n; i++) {
		const struct id_extent *x = &m->e[i];
		int n = snprintf(buf + len, ID_MAP_BYTES - len, "%u %u %u\n", x->inside, x->outside,
			x->count);

		assert(n > 0 && (size_t)n < ID_MAP_BYTES - len);
		len += (size_t)n;
	}
	return len;
}
