#include <errno.h>

#include "policy/base/err.h"
#include "policy/idrange.h"
#include "policy/policy.h"
#include "tests/lib/test.h"

#define MAX_OWN 500

/* The text a plan comes to; the map is kept in *m. */
static const char *plan(struct id_map *m, const struct id_range *r, const uint32_t *own, size_t n)
{
	static char text[ID_MAP_BYTES];
	struct err e;
	size_t len;

	if (id_map_plan(r, own, n, m, &e) < 0)
		return "refused";
	len = id_map_format(m, text);
	CHECK_EQ(len, strlen(text));
	return text;
}

#define PLAN(m, r, ...)                                                                            \
	plan(m, r, (const uint32_t[]){ __VA_ARGS__ },                                              \
		sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static const struct id_range slot = { 524288, 65536 };

static void maps_the_range_alone(void)
{
	struct id_map m;

	CHECK_STR(plan(&m, &slot, NULL, 0), "0 524288 65536\n");
	CHECK_EQ(m.dropped, 0);
}

static void cuts_out_an_id_below_65536(void)
{
	struct id_map m;

	CHECK_STR(PLAN(&m, &slot, 1000), "0 524288 1000\n1000 1000 1\n1001 525289 64535\n");
	CHECK_STR(PLAN(&m, &slot, 1), "0 524288 1\n1 1 1\n2 524290 65534\n");
	CHECK_STR(PLAN(&m, &slot, 65535), "0 524288 65535\n65535 65535 1\n");
}

static void adds_an_id_above_the_range(void)
{
	struct id_map m;

	CHECK_STR(PLAN(&m, &slot, 200000), "0 524288 65536\n200000 200000 1\n");
	CHECK_STR(PLAN(&m, &slot, 4294967294), "0 524288 65536\n4294967294 4294967294 1\n");
}

static void merges_neighbours(void)
{
	struct id_map m;

	CHECK_STR(PLAN(&m, &slot, 1001, 1003, 1002, 1000),
		"0 524288 1000\n1000 1000 4\n1004 525292 64532\n");
	CHECK_STR(PLAN(&m, &slot, 65536, 65535), "0 524288 65535\n65535 65535 2\n");
	CHECK_STR(PLAN(&m, &slot, 1000, 1000), "0 524288 1000\n1000 1000 1\n1001 525289 64535\n");
	CHECK_EQ(m.dropped, 0);
}

static void refuses_what_would_be_wrong(void)
{
	static const uint32_t root[] = { 1000, 0 }, none[] = { UINT32_MAX }, inside[] = { 524288 };
	struct id_range empty = { 524288, 0 }, holds_root = { 0, 65536 };
	struct id_map m = { .n = 77 };
	struct err e;

	CHECK_EQ(id_map_plan(&slot, root, 2, &m, &e), -EINVAL);
	CHECK_EQ(id_map_plan(&slot, none, 1, &m, &e), -EINVAL);
	CHECK_EQ(id_map_plan(&slot, inside, 1, &m, &e), -EEXIST);
	CHECK_EQ(id_map_plan(&empty, NULL, 0, &m, &e), -EINVAL);
	CHECK_EQ(id_map_plan(&holds_root, NULL, 0, &m, &e), -EINVAL);
	CHECK_EQ(m.n, 77);
}

/* What an inside ID must come to, straight from the definition. */
static uint64_t naive(const struct id_range *r, const uint32_t *own, size_t n, uint32_t inside)
{
	for (size_t i = 0; i < n; i++)
		if (own[i] == inside)
			return inside;
	return inside < r->count ? (uint64_t)r->start + inside : UINT64_MAX;
}

static uint64_t lookup(const struct id_map *m, uint32_t inside)
{
	for (size_t i = 0; i < m->n; i++)
		if (inside >= m->e[i].inside && inside - m->e[i].inside < m->e[i].count)
			return (uint64_t)m->e[i].outside + (inside - m->e[i].inside);
	return UINT64_MAX;
}

static bool extents_meet(uint64_t a, uint64_t an, uint64_t b, uint64_t bn)
{
	return a < b + bn && b < a + an;
}

/* Everything the kernel and we demand of a map; taken = the own IDs that must be in it. */
static void check_map(
	const struct id_map *m, const struct id_range *r, const uint32_t *own, size_t n)
{
	static char text[ID_MAP_BYTES];
	size_t taken = n - m->dropped, total = 0;

	CHECK(m->n >= 1 && m->n <= ID_MAP_LINES);
	CHECK(m->dropped <= n);
	CHECK(id_map_format(m, text) < ID_MAP_BYTES);
	for (size_t i = 0; i < m->n; i++) {
		const struct id_extent *x = &m->e[i];

		CHECK(x->count > 0);
		CHECK(x->outside > 0);
		CHECK((uint64_t)x->inside + x->count <= UINT32_MAX);
		total += x->count;
		for (size_t k = 0; k < i; k++) {
			CHECK(!extents_meet(x->inside, x->count, m->e[k].inside, m->e[k].count));
			CHECK(!extents_meet(x->outside, x->count, m->e[k].outside, m->e[k].count));
		}
		/* both ends and the IDs beside them */
		CHECK(lookup(m, x->inside) == naive(r, own, taken, x->inside));
		CHECK(lookup(m, x->inside + x->count - 1) ==
			naive(r, own, taken, x->inside + x->count - 1));
		CHECK(lookup(m, x->inside + x->count) ==
			naive(r, own, taken, x->inside + x->count));
	}
	for (size_t i = 0; i < taken; i++)
		CHECK(lookup(m, own[i]) == own[i]);
	for (uint32_t i = 0; i < r->count; i += 1 + r->count / 500)
		CHECK(lookup(m, i) == naive(r, own, taken, i));
	CHECK(total >= r->count); /* nothing of the inside is lost */
}

static uint32_t random_state = 12345;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)random_state * n) >> 32);
}

static void fill_own(
	uint32_t *own, size_t n, uint32_t first, uint32_t spread, const struct id_range *r)
{
	for (size_t i = 0; i < n; i++)
		do
			own[i] = first + random_below(spread);
		while (own[i] == 0 || own[i] == UINT32_MAX || id_range_holds(r, own[i]));
}

static void agrees_with_the_definition_on_random_input(void)
{
	static const uint32_t spreads[] = { 600, 5000, 65536, 500000, UINT32_MAX - 70000 };
	uint32_t own[MAX_OWN];
	struct id_map m;
	struct err e;

	for (int round = 0; round < 400; round++) {
		struct id_range r = { 524288 + random_below(1000) * 65536,
			1024 + random_below(64513) };
		size_t n = random_below(MAX_OWN);

		fill_own(own, n, random_below(70000), spreads[round % 5], &r);
		CHECK_EQ(id_map_plan(&r, own, n, &m, &e), 0);
		check_map(&m, &r, own, n);
		if (test_state.bad)
			break;
	}
}

static void drops_the_last_and_only_as_many_as_it_must(void)
{
	uint32_t own[MAX_OWN];
	struct id_map m;
	struct err e;

	/* 400 scattered groups of a directory, none merges: 17 or more bytes a line */
	for (size_t i = 0; i < 400; i++)
		own[i] = 200000 + 7 * (uint32_t)(i * 263 % 400);
	CHECK_EQ(id_map_plan(&slot, own, 400, &m, &e), 0);
	check_map(&m, &slot, own, 400);
	CHECK(m.dropped > 0);
	CHECK_EQ(m.n, 1 + 400 - m.dropped);
	CHECK_EQ(m.n, 1 + (4095 - strlen("0 524288 65536\n")) / strlen("200000 200000 1\n"));
}

static void holds_64_groups_of_any_kind(void)
{
	uint32_t own[64];
	struct id_map m;
	struct err e;

	for (size_t i = 0; i < 64; i++)
		own[i] = i % 2 ? 4294900000u + 2 * (uint32_t)i : 64000 - 2 * (uint32_t)i;
	CHECK_EQ(id_map_plan(&slot, own, 64, &m, &e), 0);
	CHECK_EQ(m.dropped, 0);
	check_map(&m, &slot, own, 64);
}

static void holds_400_neighbouring_groups(void)
{
	uint32_t own[400];
	struct id_map m;
	struct err e;

	for (size_t i = 0; i < 400; i++)
		own[i] = 5000 + (uint32_t)(i * 7 % 400);
	CHECK_EQ(id_map_plan(&slot, own, 400, &m, &e), 0);
	CHECK_EQ(m.dropped, 0);
	CHECK_EQ(m.n, 3);
}

static void never_needs_more_than_340_lines(void)
{
	uint32_t own[MAX_OWN];
	struct id_range small = { 70000, 1024 };
	struct id_map m;
	struct err e;

	/* short lines: the count of lines is the limit, not the bytes */
	for (size_t i = 0; i < 400; i++)
		own[i] = 1 + 2 * (uint32_t)i;
	CHECK_EQ(id_map_plan(&small, own, 400, &m, &e), 0);
	CHECK(m.dropped > 0);
	check_map(&m, &small, own, 400);
}

static void remembers_65536_groups(void)
{
	static uint32_t own[65536];
	struct id_map m;
	struct err e;

	for (uint32_t i = 0; i < 65536; i++)
		own[i] = 100000 + 3 * i;
	CHECK_EQ(id_map_plan(&slot, own, 65536, &m, &e), 0);
	CHECK(m.dropped > 65000 && m.dropped < 65536);
}

static void replaces_one_id_wherever_it_lies(void)
{
	struct id_map m;
	uint32_t seen;
	struct err e;

	CHECK_EQ(id_map_plan(&slot, NULL, 0, &m, &e), 0);
	CHECK_EQ(id_map_replace(&m, 0, 1000), 0);
	CHECK(id_map_lookup(&m, 0, &seen) && seen == 1000);
	CHECK(id_map_lookup(&m, 1, &seen) && seen == slot.start + 1);
	CHECK_EQ(id_map_replace(&m, 500, 7), 0);
	CHECK(id_map_lookup(&m, 499, &seen) && seen == slot.start + 499);
	CHECK(id_map_lookup(&m, 500, &seen) && seen == 7);
	CHECK(id_map_lookup(&m, 501, &seen) && seen == slot.start + 501);
	CHECK_EQ(id_map_replace(&m, 500, 8), 0); /* a line of its own by now */
	CHECK(id_map_lookup(&m, 500, &seen) && seen == 8);
	CHECK_EQ(id_map_replace(&m, slot.count - 1, 9), 0);
	CHECK(id_map_lookup(&m, slot.count - 1, &seen) && seen == 9);
	CHECK(!id_map_lookup(&m, slot.count, &seen));
	for (uint32_t i = 1; i < slot.count - 1; i++)
		if (i != 500 && (!id_map_lookup(&m, i, &seen) || seen != slot.start + i)) {
			CHECK_EQ(i, 0);
			break;
		}
}

static void a_range_is_left_out(void)
{
	static const uint32_t own[] = { 1000, 7000 };
	struct id_map m;
	struct err e;
	uint32_t seen;

	CHECK_EQ(id_map_plan(&slot, own, 2, &m, &e), 0);
	CHECK_EQ(id_map_replace(&m, 0, 1001), 0);
	id_map_leave_out(&m, &slot);
	CHECK_EQ(m.n, 3);
	CHECK(id_map_lookup(&m, 0, &seen) && seen == 1001);
	CHECK(id_map_lookup(&m, 1000, &seen) && seen == 1000);
	CHECK(id_map_lookup(&m, 7000, &seen) && seen == 7000);
	CHECK(!id_map_lookup(&m, 1, &seen) && !id_map_lookup(&m, slot.count - 1, &seen));
}

static void a_full_map_takes_no_more(void)
{
	struct id_map m;
	struct err e;
	uint32_t at = 1;

	CHECK_EQ(id_map_plan(&slot, NULL, 0, &m, &e), 0);
	while (id_map_replace(&m, at, 100 + at) == 0 && at < 10000)
		at += 2;
	CHECK(at > 100 && at < 10000);
	CHECK(m.n <= ID_MAP_LINES);
	{
		char text[ID_MAP_BYTES];

		CHECK(id_map_format(&m, text) < ID_MAP_BYTES);
	}
}

static void on_disk_one_id_is_another_and_the_pools_are_nobodys(void)
{
	const struct id_pool pool = { .first = 524288, .last = 1878982655 };
	static const uint32_t themselves[] = { 1, 999, 1001, 65534, 524287, 1878982656, 4294967293u },
			      none[] = { 524288, 600000, 1878982655, 4294967294u };
	struct id_map m;
	uint32_t seen;

	id_map_as(&pool, 1000, 600000, &m);
	CHECK(id_map_lookup(&m, 1000, &seen) && seen == 600000);
	for (size_t i = 0; i < sizeof(themselves) / sizeof(themselves[0]); i++)
		CHECK(id_map_lookup(&m, themselves[i], &seen) && seen == themselves[i]);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		CHECK(!id_map_lookup(&m, none[i], &seen));
	CHECK(!id_map_lookup(&m, UINT32_MAX, &seen));
	CHECK(id_map_lookup(&m, 0, &seen) && seen == 4294967294u);
	/* No two IDs are shown as one: the kernel would refuse the map. */
	for (size_t i = 0; i < m.n; i++)
		for (size_t j = 0; j < i; j++)
			CHECK(m.e[i].outside + (uint64_t)m.e[i].count <= m.e[j].outside ||
				m.e[j].outside + (uint64_t)m.e[j].count <= m.e[i].outside);
	id_map_as(&pool, 0, 600000, &m);
	CHECK(id_map_lookup(&m, 0, &seen) && seen == 600000);
	CHECK(id_map_lookup(&m, 1, &seen) && seen == 1);
	id_map_as(&pool, 3000000000u, 600000, &m);
	CHECK(id_map_lookup(&m, 3000000000u, &seen) && seen == 600000);
	CHECK(id_map_lookup(&m, 2999999999u, &seen) && seen == 2999999999u);
}

static void every_user_has_an_owner_that_is_nobody(void)
{
	const struct id_pool below = { .first = 524288, .last = 2147483647 },
			     into = { .first = 524288, .last = 2147483648u },
			     above = { .first = 3000000000u, .last = 3000065535u };

	CHECK_EQ(id_owner(&below, 1), 2147483649u);
	CHECK_EQ(id_owner(&below, 1000), 2147484648u);
	CHECK_EQ(id_owner(&below, 2147483645), 4294967293u);
	/* Root owns where that would be root's namesake, ID_STRANGER, "no change", or below where it began. */
	CHECK_EQ(id_owner(&below, 0), 0);
	CHECK_EQ(id_owner(&below, 2147483646), 0);
	CHECK_EQ(id_owner(&below, 2147483647), 0);
	CHECK_EQ(id_owner(&below, 2147483648u), 0);
	CHECK_EQ(id_owner(&below, 2147484648u), 0);
	CHECK_EQ(id_owner(&below, UINT32_MAX), 0);
	/* And where the upper half is not nobody's. */
	CHECK_EQ(id_owner(&into, 1000), 0);
	CHECK_EQ(id_owner(&above, 1000), 0);
}

int main(void)
{
	TEST(every_user_has_an_owner_that_is_nobody);
	TEST(replaces_one_id_wherever_it_lies);
	TEST(a_range_is_left_out);
	TEST(a_full_map_takes_no_more);
	TEST(on_disk_one_id_is_another_and_the_pools_are_nobodys);
	TEST(maps_the_range_alone);
	TEST(cuts_out_an_id_below_65536);
	TEST(adds_an_id_above_the_range);
	TEST(merges_neighbours);
	TEST(refuses_what_would_be_wrong);
	TEST(agrees_with_the_definition_on_random_input);
	TEST(drops_the_last_and_only_as_many_as_it_must);
	TEST(holds_64_groups_of_any_kind);
	TEST(holds_400_neighbouring_groups);
	TEST(never_needs_more_than_340_lines);
	TEST(remembers_65536_groups);
	return test_done();
}
