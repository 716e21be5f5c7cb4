#include "policy/slots.h"

#include <errno.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/policy.h"
#include "tests/lib/test.h"

#define N_STANDARD 28663u

static const struct id_pool standard = { .first = 524288, .last = 1878982655 };
static struct err e;

/* A pool of n slots and a rest that is none. */
static struct slots small(size_t n)
{
	struct id_pool pool = { .first = 100000 };
	struct slots s = { 0 };

	pool.last = (uint32_t)(pool.first + n * ID_SLOT + 65534);
	CHECK_EQ(slots_open(&pool, &s, &e), 0);
	CHECK_EQ(s.n, n);
	return s;
}

static struct id_range at(const struct slots *s, size_t slot)
{
	return (struct id_range){ (uint32_t)(s->first + slot * ID_SLOT), ID_SLOT };
}

static void take_expecting(int line, struct slots *s, size_t slot)
{
	struct id_range r = { 7, 7 };

	test_check_int(__FILE__, line, "taken", slots_take(s, &r, &e), 0);
	test_check_int(__FILE__, line, "start", r.start, at(s, slot).start);
	test_check_int(__FILE__, line, "count", r.count, ID_SLOT);
}

#define TAKES(s, slot) take_expecting(__LINE__, s, slot)

static void begins_at_the_end_and_goes_down(void)
{
	_cleanup_(slots_done) struct slots s = small(3);

	TAKES(&s, 2);
	TAKES(&s, 1);
	CHECK_EQ(s.in_use, 2);
	TAKES(&s, 0);
	CHECK_EQ(s.in_use, 3);
}

static void refuses_when_none_is_left(void)
{
	_cleanup_(slots_done) struct slots s = small(3);
	struct id_range r = { 7, 7 }, first = at(&s, 0), gone = at(&s, 2);

	slots_mark(&s, &first);
	TAKES(&s, 2);
	TAKES(&s, 1);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(slots_take(&s, &r, &e), -ENOSPC);
		CHECK_CONTAINS(e.text, "3 slots");
		CHECK_CONTAINS(e.text, "containers use 2, 1 are of accounts");
		CHECK_CONTAINS(e.text, "'pool' in [ids]");
		CHECK_EQ(r.start, 7); /* untouched on failure */
	}
	slots_return(&s, &gone);
	TAKES(&s, 2);
	CHECK_EQ(slots_take(&s, &r, &e), -ENOSPC);
}

static void takes_the_highest_again(void)
{
	_cleanup_(slots_done) struct slots s = small(5);
	struct id_range r;

	for (size_t i = 5; i-- > 1;)
		TAKES(&s, i);
	r = at(&s, 2);
	slots_return(&s, &r);
	r = at(&s, 4);
	slots_return(&s, &r);
	r = at(&s, 3);
	slots_return(&s, &r);
	CHECK_EQ(s.in_use, 1);
	TAKES(&s, 4);
	TAKES(&s, 3);
	TAKES(&s, 2);
	TAKES(&s, 0); /* over the one in use */
}

static void returns_only_slots_in_use(void)
{
	_cleanup_(slots_done) struct slots s = small(3);
	struct id_range r;

	TAKES(&s, 2);
	for (int i = 0; i < 6; i++) {
		const struct id_range wrong[] = {
			{ at(&s, 2).start, 1000 }, /* not the whole */
			{ at(&s, 2).start + 1, ID_SLOT }, /* not a beginning */
			at(&s, 1), /* not in use */
			at(&s, 3), /* beyond the end */
			{ s.first - ID_SLOT, ID_SLOT }, /* before the beginning */
			{ 0, 0 },
		};

		slots_return(&s, &wrong[i]);
		CHECK_EQ(s.in_use, 1);
	}
	r = at(&s, 2);
	slots_return(&s, &r);
	CHECK_EQ(s.in_use, 0);
	slots_return(&s, &r);
	CHECK_EQ(s.in_use, 0);
}

static void takes_over_what_is_in_use_already(void)
{
	_cleanup_(slots_done) struct slots s = small(3);
	struct id_range r = at(&s, 1), end = at(&s, 3), odd = { r.start + 1, ID_SLOT }, half = r;

	half.count = 1000;
	CHECK(slots_take_range(&s, &r));
	CHECK_EQ(s.in_use, 1);
	CHECK(!slots_take_range(&s, &r)); /* twice */
	CHECK(!slots_take_range(&s, &end));
	CHECK(!slots_take_range(&s, &odd));
	CHECK(!slots_take_range(&s, &half));
	CHECK_EQ(s.in_use, 1);
	TAKES(&s, 2);
	TAKES(&s, 0);
	slots_return(&s, &r);
	CHECK(slots_take_range(&s, &r));
	r = at(&s, 2);
	slots_mark(&s, &r);
	CHECK(!slots_take_range(&s, &r)); /* somebody's */
}

static void leaves_to_others_what_is_theirs(void)
{
	_cleanup_(slots_done) struct slots s = small(6);
	struct id_range r = at(&s, 4), none = { at(&s, 1).start, 0 };

	slots_mark(&s, &none);
	CHECK_EQ(s.somebodys, 0);
	TAKES(&s, 5);
	r = at(&s, 5);
	slots_mark(&s, &r); /* found out when it was taken */
	CHECK_EQ(s.in_use, 0);
	CHECK_EQ(s.somebodys, 1);
	slots_return(&s, &r); /* is still theirs */
	CHECK_EQ(s.in_use, 0);
	r = (struct id_range){ at(&s, 3).start + 65535,
		2 }; /* the last of one, the first of the next */
	slots_mark(&s, &r);
	slots_mark(&s, &r);
	CHECK_EQ(s.somebodys, 3);
	TAKES(&s, 2);
	r = (struct id_range){ 0, s.first + 1 }; /* up to the very first */
	slots_mark(&s, &r);
	CHECK_EQ(s.somebodys, 4);
	r = (struct id_range){ 0, s.first };
	slots_mark(&s, &r);
	r = (struct id_range){ at(&s, 6).start, UINT32_MAX }; /* beyond, and it would wrap */
	slots_mark(&s, &r);
	CHECK_EQ(s.somebodys, 4);
	TAKES(&s, 1);
	CHECK_EQ(slots_take(&s, &r, &e), -ENOSPC);
	r = (struct id_range){ 1, UINT32_MAX }; /* all */
	slots_mark(&s, &r);
	CHECK_EQ(s.somebodys, 6);
	CHECK_EQ(s.in_use, 0);
}

static void refuses_a_pool_without_a_slot(void)
{
	struct id_pool pool = { .first = 100000, .last = 100000 + 65534 };
	struct slots s = { .n = 7 };

	CHECK_EQ(slots_open(&pool, &s, &e), -ERANGE);
	CHECK_CONTAINS(e.text, "100000-165534");
	CHECK_CONTAINS(e.text, "'pool' in [ids]");
	CHECK_EQ(s.n, 7); /* untouched on failure */
	pool.last = 5;
	CHECK_EQ(slots_open(&pool, &s, &e), -ERANGE);
	pool.last = 100000 + 65535;
	CHECK_EQ(slots_open(&pool, &s, &e), 0);
	CHECK_EQ(s.n, 1);
	TAKES(&s, 0);
	slots_done(&s);
}

/* All that there is: nothing wraps, and what no range may hold is in none. */
static void knows_the_ends_of_all_ids(void)
{
	struct id_pool all = { .first = 0, .last = UINT32_MAX };
	_cleanup_(slots_done) struct slots s = { 0 };
	struct id_range r = { 0 };
	size_t n = 0;

	CHECK_EQ(slots_open(&all, &s, &e), 0);
	CHECK_EQ(s.n, 65536);
	CHECK_EQ(s.somebodys, 2);
	TAKES(&s, 65534);
	for (n = 1; slots_take(&s, &r, &e) == 0; n++)
		if (!id_range_valid(&r))
			break;
	CHECK_EQ(n, 65534);
	CHECK_EQ(r.start, 65536);
}

/* The whole of the standard pool, as 28,663 launches and no end would. */
static void goes_to_the_end_of_the_standard_pool(void)
{
	_cleanup_(slots_done) struct slots s = { 0 };
	struct id_range r, last = { 0 };
	uint64_t expected = 1878982656;

	CHECK_EQ(slots_open(&standard, &s, &e), 0);
	CHECK_EQ(s.n, N_STANDARD);
	for (size_t i = 0; i < N_STANDARD; i++) {
		expected -= ID_SLOT;
		if (slots_take(&s, &r, &e) < 0 || r.start != expected || !id_range_valid(&r)) {
			CHECK(!"a slot of its own for every launch");
			return;
		}
		last = r;
	}
	CHECK_EQ(last.start, 524288);
	CHECK_EQ(s.in_use, N_STANDARD);
	CHECK_EQ(slots_take(&s, &r, &e), -ENOSPC);
	CHECK_CONTAINS(e.text, "28663");
	for (size_t i = 0; i < N_STANDARD; i += 2) {
		r = at(&s, i);
		slots_return(&s, &r);
	}
	for (size_t i = N_STANDARD; i-- > 0;)
		if (i % 2 == 0)
			TAKES(&s, i);
	CHECK_EQ(slots_take(&s, &r, &e), -ENOSPC);
}

/* ---- beside a model that is too simple to be wrong ---- */

#define N_MODEL 40

static uint32_t noise(void)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static size_t count(const char *model, char what)
{
	size_t n = 0;

	for (size_t i = 0; i < N_MODEL; i++)
		n += model[i] == what;
	return n;
}

/* One random step on both; false: they differ. Free, Used, Theirs. */
static bool step(struct slots *s, char *model)
{
	size_t slot = noise() % N_MODEL, high = N_MODEL;
	struct id_range r = at(s, slot), taken;

	switch (noise() % 16) {
	case 0:
		if (noise() % 8 == 0) {
			slots_mark(s, &r);
			model[slot] = 'T';
		}
		return true;
	case 1:
	case 2:
		if (slots_take_range(s, &r) != (model[slot] == 'F'))
			return false;
		if (model[slot] == 'F')
			model[slot] = 'U';
		return true;
	case 3 ... 8:
		slots_return(s, &r);
		if (model[slot] == 'U')
			model[slot] = 'F';
		return true;
	}
	while (high > 0 && model[high - 1] != 'F')
		high--;
	if (slots_take(s, &taken, &e) < 0)
		return high == 0;
	if (high == 0 || taken.start != at(s, high - 1).start)
		return false;
	model[high - 1] = 'U';
	return true;
}

static void agrees_with_a_naive_model(void)
{
	for (int round = 0; round < 200; round++) {
		_cleanup_(slots_done) struct slots s = small(N_MODEL);
		char model[N_MODEL];
		bool same = true;

		memset(model, 'F', sizeof(model));
		for (int i = 0; i < 1000 && same; i++)
			same = step(&s, model) && s.in_use == count(model, 'U') &&
			       s.somebodys == count(model, 'T');
		CHECK(same);
	}
}

int main(void)
{
	TEST(begins_at_the_end_and_goes_down);
	TEST(refuses_when_none_is_left);
	TEST(takes_the_highest_again);
	TEST(returns_only_slots_in_use);
	TEST(takes_over_what_is_in_use_already);
	TEST(leaves_to_others_what_is_theirs);
	TEST(refuses_a_pool_without_a_slot);
	TEST(knows_the_ends_of_all_ids);
	TEST(goes_to_the_end_of_the_standard_pool);
	TEST(agrees_with_a_naive_model);
	return test_done();
}
