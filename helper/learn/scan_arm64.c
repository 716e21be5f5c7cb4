/* AArch64: instructions are four bytes each, and an address takes two of them. */
#include <elf.h>
#include <endian.h>
#include <linux/audit.h>
#include <string.h>

#include "helper/learn/scan_code.h"
#include "policy/syscalls.h"

/* How many instructions before a call its number or argument is looked for, and between the halves
 * of an address. */
#define WINDOW 24
#define PAIR 12
/* How far a loaded pointer is looked for in calls, in bytes. */
#define REACH 4096

static uint32_t word(const struct code *c, size_t at)
{
	uint32_t v;

	memcpy(&v, c->bytes + at, sizeof(v));
	return le32toh(v);
}

/* A field of the instruction as a signed number. */
static int64_t field(uint32_t w, unsigned low, unsigned bits)
{
	uint64_t v = w >> low & ((UINT64_C(1) << bits) - 1);

	return (int64_t)(v << (64 - bits)) >> (64 - bits);
}

/* movz of a whole number, or mov from the zero register. Loads into the register and calls make it
 * unsure. */
static struct constant last_constant(const struct code *c, size_t end, unsigned reg)
{
	struct constant ret = { -1, true };

	for (size_t n = 1; n <= WINDOW && 4 * n <= end; n++) {
		uint32_t w = word(c, end - 4 * n), imm = w >> 5 & 0xffff;

		if ((w & 0x7fe0001f) == (0x52800000 | reg)) /* shifted by nothing */
			ret.value = imm < SYSCALLS_MAX ? (int)imm : -1;
		if ((w & 0x7fffffff) == (0x2a1f03e0 | reg))
			ret.value = 0;
		if (ret.value >= 0)
			return ret;
		if ((w & 0xfc000000) == 0x94000000 || (w & 0xfffffc1f) == 0xd63f0000 ||
			((w & 0x3b40001f) == (0x39400000 | reg)) ||
			(w & 0x7fe0ffff) == (0x2a0003e0 | reg))
			ret.is_sure = false;
	}
	return ret;
}

/* b, bl, b.cond, cbz, cbnz, tbz, tbnz. */
static bool is_branch(uint32_t w, enum ref_kind *ret, int64_t *ret_distance)
{
	*ret = w >> 31 && (w & 0x7c000000) == 0x14000000 ? REF_CALL : REF_JUMP;
	if ((w & 0x7c000000) == 0x14000000)
		*ret_distance = 4 * field(w, 0, 26);
	else if ((w & 0xff000010) == 0x54000000 || (w & 0x7e000000) == 0x34000000)
		*ret_distance = 4 * field(w, 5, 19);
	else if ((w & 0x7e000000) == 0x36000000)
		*ret_distance = 4 * field(w, 5, 14);
	else
		return false;
	return true;
}

/* The distance that adr and adrp hold, in bytes or pages. */
static int64_t adr_distance(uint32_t w)
{
	return (int64_t)((uint64_t)field(w, 5, 19) << 2 | (w >> 29 & 3));
}

/*
 * What add and ldr make of the page that adrp put into a register: the next one that uses it. Code
 * in between that changes the register is not noticed; the compiler does not do that.
 */
static bool second_half(const struct code *c, size_t adrp, struct ref *ret)
{
	uint32_t w = word(c, adrp);
	unsigned reg = w & 31;
	uint64_t page = ((c->addr + adrp) & ~UINT64_C(0xfff)) + ((uint64_t)adr_distance(w) << 12);

	for (size_t at = adrp + 4; at + 4 <= c->len && at <= adrp + 4 * PAIR; at += 4) {
		w = word(c, at);
		if ((w >> 5 & 31) != reg)
			continue;
		ret->at = at;
		if ((w & 0xffc00000) == 0x91000000) {
			ret->kind = REF_ADDRESS;
			ret->target = page + (w >> 10 & 0xfff);
			return true;
		}
		if ((w & 0xffc00000) == 0xf9400000) {
			ret->kind = REF_LOAD;
			ret->target = page + 8 * (w >> 10 & 0xfff);
			return true;
		}
	}
	return false;
}

static bool instruction(const struct code *c, size_t at, struct ref *ret)
{
	uint32_t w = word(c, at);
	int64_t distance;

	if (w == 0xd4000001) { /* svc #0 */
		ret->kind = REF_SYSCALL;
		ret->number = last_constant(c, at, 8);
		return true;
	}
	if (is_branch(w, &ret->kind, &distance)) {
		ret->target = c->addr + at + (uint64_t)distance;
		return true;
	}
	if ((w & 0x9f000000) == 0x10000000) { /* adr */
		ret->kind = REF_ADDRESS;
		ret->target = c->addr + at + (uint64_t)adr_distance(w);
		return true;
	}
	return (w & 0x9f000000) == 0x90000000 && second_half(c, at, ret);
}

static void arm64_read(
	const struct code *c, void (*found)(void *arg, const struct ref *r), void *arg)
{
	for (size_t at = 0; at + 4 <= c->len; at += 4) {
		struct ref r = { .at = at };

		if (instruction(c, at, &r))
			found(arg, &r);
	}
}

/* bti may stand before adrp, ldr, add, br. */
static bool arm64_is_stub(const struct code *c, uint64_t *ret_slot)
{
	struct ref r;
	size_t at = 0;

	if (c->len >= 4 && (word(c, 0) & 0xffffff3f) == 0xd503241f)
		at = 4;
	if (c->len < at + 16 || (word(c, at) & 0x9f00001f) != 0x90000010)
		return false;
	if (word(c, at + 12) != 0xd61f0220 || !second_half(c, at, &r) || r.kind != REF_LOAD)
		return false;

	*ret_slot = r.target;
	return true;
}

static struct constant arm64_first_argument(const struct code *c, size_t at)
{
	return last_constant(c, at, 0);
}

static struct constant arm64_seventh_argument(const struct code *c, size_t at)
{
	return last_constant(c, at, 6);
}

/* ldr reg, memory before, blr reg after. */
static bool arm64_next_call(const struct code *c, size_t load, size_t *at)
{
	uint32_t blr = 0xd63f0000 | (word(c, load) & 31) << 5;

	for (size_t i = *at + 4; i + 4 <= c->len && i < load + REACH; i += 4) {
		if (word(c, i) == blr) {
			*at = i;
			return true;
		}
	}
	return false;
}

const struct processor scan_arm64 = { EM_AARCH64, AUDIT_ARCH_AARCH64, arm64_read, arm64_is_stub,
	arm64_first_argument, arm64_seventh_argument, arm64_next_call };
