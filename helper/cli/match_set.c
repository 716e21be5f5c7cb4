#include "helper/cli/match_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void match_set_done(struct match_set *s)
{
	free(s->v);
	*s = (struct match_set){ 0 };
}

int match_set_add(struct match_set *s, struct match m)
{
	struct match *grown;

	if (s->n == MATCH_SET_MAX)
		return -E2BIG;
	if ((s->n & (s->n - 1)) == 0) {
		grown = reallocarray(s->v, s->n ? 2 * s->n : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		s->v = grown;
	}
	s->v[s->n++] = m;
	return 0;
}

int match_set_copy(const struct match_set *s, struct match_set *ret)
{
	struct match_set copy = { 0 };
	int r = 0;

	for (size_t i = 0; i < s->n && r == 0; i++)
		r = match_set_add(&copy, s->v[i]);
	if (r < 0)
		match_set_done(&copy);
	else
		*ret = copy;
	return r;
}

int match_set_add_range(struct match_set *s, uint64_t first, uint64_t last, unsigned bits)
{
	const uint64_t all = match_bits(bits);

	for (;;) {
		/* The largest aligned block that begins here and does not go too far; 0: all there
		 * is. */
		uint64_t low = first ? (first & -first) - 1 : all;
		int r;

		while (low > last - first)
			low >>= 1;
		r = match_set_add(s, (struct match){ .mask = all & ~low, .value = first });
		if (r < 0)
			return r;
		if (first + low >= last)
			return 0;
		first += low + 1;
	}
}

static bool matches_meet(struct match a, struct match b)
{
	return ((a.value ^ b.value) & a.mask & b.mask) == 0;
}

int match_set_intersect(const struct match_set *a, const struct match_set *b, struct match_set *ret)
{
	int r = 0;

	*ret = (struct match_set){ 0 };
	for (size_t i = 0; i < a->n && r == 0; i++)
		for (size_t j = 0; j < b->n && r == 0; j++)
			if (matches_meet(a->v[i], b->v[j]))
				r = match_set_add(
					ret, (struct match){ .mask = a->v[i].mask | b->v[j].mask,
						     .value = a->v[i].value | b->v[j].value });
	if (r < 0)
		match_set_done(ret);
	return r;
}

/* What of m is not in cut, bit by bit: the same as cut in the bits before, different in this one.
 */
static int match_subtract(struct match m, struct match cut, struct match_set *ret)
{
	int r = 0;

	if (!matches_meet(m, cut))
		return match_set_add(ret, m);
	for (int bit = 63; bit >= 0 && r == 0; bit--) {
		const uint64_t one = UINT64_C(1) << bit;
		struct match rest = m;

		if (!(cut.mask & one) || (m.mask & one))
			continue;
		rest.mask |= one;
		rest.value |= ~cut.value & one;
		r = match_set_add(ret, rest);
		m.mask |= one;
		m.value |= cut.value & one;
	}
	return r;
}

int match_set_subtract(const struct match_set *a, const struct match_set *b, struct match_set *ret)
{
	struct match_set left;
	int r = match_set_copy(a, &left);

	if (r < 0)
		return r;
	for (size_t j = 0; j < b->n && r == 0; j++) {
		struct match_set next = { 0 };

		for (size_t i = 0; i < left.n && r == 0; i++)
			r = match_subtract(left.v[i], b->v[j], &next);
		match_set_done(&left);
		left = next;
	}
	if (r < 0)
		match_set_done(&left);
	else
		*ret = left;
	return r;
}

static bool compact_once(struct match_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		for (size_t j = i + 1; j < s->n; j++) {
			uint64_t differ = s->v[i].value ^ s->v[j].value;

			if (s->v[i].mask != s->v[j].mask || (differ & (differ - 1)) != 0)
				continue;
			s->v[i].mask &= ~differ;
			s->v[i].value &= ~differ;
			s->v[j] = s->v[--s->n];
			return true;
		}
	}
	return false;
}

static int match_compare(const void *a, const void *b)
{
	const struct match *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return x->mask < y->mask ? -1 : x->mask > y->mask;
}

void match_set_sort(struct match_set *s)
{
	if (s->n > 1)
		qsort(s->v, s->n, sizeof(*s->v), match_compare);
}

void match_set_compact(struct match_set *s)
{
	while (compact_once(s))
		;
	match_set_sort(s);
}

bool match_set_has(const struct match_set *s, uint64_t value)
{
	for (size_t i = 0; i < s->n; i++)
		if ((value & s->v[i].mask) == s->v[i].value)
			return true;
	return false;
}
