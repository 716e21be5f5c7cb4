#include "policy/idrange.h"

#include <errno.h>

#include "policy/base/err.h"
#include "policy/policy.h"
#include "tests/lib/test.h"

static const struct id_pool standard = {
	.first = 524288,
	.last = 1878982655,
	.uids = { { 1, 28663 } },
	.n_uids = 1,
};

static bool valid(uint32_t start, uint32_t count)
{
	struct id_range r = { start, count };

	return id_range_valid(&r);
}

static bool overlap(uint32_t a, uint32_t an, uint32_t b, uint32_t bn)
{
	struct id_range x = { a, an }, y = { b, bn };

	return id_range_overlaps(&x, &y) && id_range_overlaps(&y, &x);
}

static void refuses_special_ids_and_wrap(void)
{
	CHECK(valid(1, 1));
	CHECK(valid(524288, 65536));
	CHECK(!valid(524288, 0));
	CHECK(!valid(0, 65536));
	CHECK(!valid(65535, 1));
	CHECK(!valid(60000, 65536));
	CHECK(valid(65536, 65536));
	CHECK(valid(1, 65534));
	CHECK(!valid(1, 65535));
	CHECK(valid(UINT32_MAX - 1, 1));
	CHECK(!valid(UINT32_MAX, 1));
	CHECK(!valid(UINT32_MAX - 10, 11));
	CHECK(!valid(UINT32_MAX - 10, 65536));
	CHECK(!valid(65536, UINT32_MAX));
}

static void sees_overlap_at_the_edges(void)
{
	CHECK(!overlap(100, 10, 110, 10));
	CHECK(overlap(100, 11, 110, 10));
	CHECK(overlap(100, 10, 100, 10));
	CHECK(overlap(100, 100, 150, 1));
	CHECK(!overlap(UINT32_MAX - 9, 10, 0, 10)); /* would meet if the end wrapped */
}

static void holds_its_ends_and_no_more(void)
{
	struct id_range r = { 100, 10 }, top = { UINT32_MAX - 9, 10 }, none = { 100, 0 };

	CHECK(!id_range_holds(&r, 99));
	CHECK(id_range_holds(&r, 100));
	CHECK(id_range_holds(&r, 109));
	CHECK(!id_range_holds(&r, 110));
	CHECK(id_range_holds(&top, UINT32_MAX));
	CHECK(!id_range_holds(&top, 0));
	CHECK(!id_range_holds(&none, 100));
}

static void gives_every_uid_its_own_slot(void)
{
	struct id_range r;
	struct err e;

	CHECK_EQ(id_pool_range(&standard, 1, &r, &e), 0);
	CHECK_EQ(r.start, 524288);
	CHECK_EQ(r.count, 65536);
	CHECK_EQ(id_pool_range(&standard, 1000, &r, &e), 0);
	CHECK_EQ(r.start, 524288 + 999 * 65536);
	CHECK_EQ(id_pool_range(&standard, 28663, &r, &e), 0);
	CHECK_EQ((uint64_t)r.start + r.count - 1, 1878982655);
}

static void counts_slots_along_the_windows(void)
{
	struct id_pool pool = standard;
	struct id_range r;
	struct err e;

	pool.uids[0] = (struct id_window){ 1000, 1999 };
	pool.uids[1] = (struct id_window){ 200000, 200009 };
	pool.n_uids = 2;
	CHECK_EQ(id_pool_range(&pool, 1000, &r, &e), 0);
	CHECK_EQ(r.start, 524288);
	CHECK_EQ(id_pool_range(&pool, 1999, &r, &e), 0);
	CHECK_EQ(r.start, 524288 + 999 * 65536);
	CHECK_EQ(id_pool_range(&pool, 200000, &r, &e), 0);
	CHECK_EQ(r.start, 524288 + 1000 * 65536);
}

static void refuses_a_uid_without_a_slot(void)
{
	struct id_range r = { 7, 7 };
	struct id_pool pool = standard;
	struct err e;

	CHECK_EQ(id_pool_range(&pool, 28664, &r, &e), -ERANGE);
	CHECK_CONTAINS(e.text, "'uids'");
	CHECK_EQ(id_pool_range(&pool, 0, &r, &e), -ERANGE);
	pool.uids[0].last = UINT32_MAX - 2;
	CHECK_EQ(id_pool_range(&pool, 28664, &r, &e), -ERANGE);
	CHECK_CONTAINS(e.text, "'pool'");
	CHECK_EQ(id_pool_range(&pool, UINT32_MAX - 2, &r, &e), -ERANGE); /* 2^48: must not wrap */
	pool.last = 524288 + 65534;
	CHECK_EQ(id_pool_range(&pool, 1, &r, &e), -ERANGE);
	CHECK_EQ(r.start, 7);
	CHECK_EQ(r.count, 7);
}

int main(void)
{
	TEST(refuses_special_ids_and_wrap);
	TEST(sees_overlap_at_the_edges);
	TEST(holds_its_ends_and_no_more);
	TEST(gives_every_uid_its_own_slot);
	TEST(counts_slots_along_the_windows);
	TEST(refuses_a_uid_without_a_slot);
	return test_done();
}
