/*
 * x86-64. Instructions begin at any byte, and finding where needs a disassembler; instead every
 * byte is tried. What is no instruction then gives a target at random, and hardly ever one that is
 * the start of a function.
 */
#include <elf.h>
#include <linux/audit.h>
#include <string.h>

#include "helper/learn/scan_code.h"
#include "policy/syscalls.h"

/* How far before a call its number or argument is looked for. */
#define WINDOW 96
/* How far a loaded pointer is looked for in calls. */
#define REACH 4096

#define RAX 0
#define RDI 7

static int32_t read_i32(const uint8_t *p)
{
	int32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The prefix before the instruction at this offset, were there one: 0100WRXB. */
static uint8_t rex(const struct code *c, size_t at)
{
	return at > 0 && (c->bytes[at - 1] & 0xf0) == 0x40 ? c->bytes[at - 1] & 0xf : 0;
}

#define REX_B 1
#define REX_R 4
#define REX_W 8

static bool may_set_constant(uint8_t opcode, unsigned low)
{
	return opcode == 0xb8 + low || opcode == 0xc7 || opcode == 0x31 || opcode == 0x33 ||
	       opcode == 0x6a;
}

/*
 * "register = constant" at this offset, ending at or before end: the constant, else -1. Registers
 * have the numbers of the instruction set. Constants that number no system call count as none.
 */
static int set_constant(const struct code *c, size_t at, size_t end, unsigned reg)
{
	const uint8_t *p = c->bytes + at;
	size_t left = end - at;
	unsigned low = reg & 7;
	bool has_b, has_r;
	int32_t value = -1;

	if (!may_set_constant(p[0], low))
		return -1;
	has_b = rex(c, at) & REX_B;
	has_r = rex(c, at) & REX_R;
	if (left >= 5 && p[0] == 0xb8 + low && has_b == (reg > 7) && !(rex(c, at) & REX_W))
		value = read_i32(p + 1); /* mov reg, imm32 */
	else if (left >= 6 && p[0] == 0xc7 && p[1] == 0xc0 + low && has_b == (reg > 7))
		value = read_i32(p + 2); /* mov reg, imm32, the long way */
	else if (left >= 2 && (p[0] == 0x31 || p[0] == 0x33) && p[1] == (0xc0 | low << 3 | low) &&
		 has_b == (reg > 7) && has_r == (reg > 7))
		value = 0; /* xor reg, reg */
	else if (left >= 3 && reg < 8 && p[0] == 0x6a && p[2] == 0x58 + reg)
		value = p[1]; /* push imm8, pop reg */
	return value >= 0 && value < SYSCALLS_MAX ? value : -1;
}

/* "reg = other", both 32 or 64 bits wide: the other register, else -1. */
static int set_register(const struct code *c, size_t at, size_t end, unsigned reg)
{
	const uint8_t *p = c->bytes + at;
	unsigned b, r;

	if ((p[0] != 0x89 && p[0] != 0x8b) || end - at < 2 || (p[1] & 0xc0) != 0xc0)
		return -1;
	b = rex(c, at) & REX_B ? 8 : 0;
	r = rex(c, at) & REX_R ? 8 : 0;
	if (p[0] == 0x89 && ((p[1] & 7) | b) == reg)
		return (int)((p[1] >> 3 & 7) | r);
	if (p[0] == 0x8b && ((p[1] >> 3 & 7) | r) == reg)
		return (int)((p[1] & 7) | b);
	return -1;
}

/* The nearest constant before end, wherever in the function: a loop's constant is set before the
 * loop. */
static int held_constant(const struct code *c, size_t end, unsigned reg)
{
	for (size_t at = end; at-- > 0;) {
		int value = set_constant(c, at, end, reg);

		if (value >= 0)
			return value;
	}
	return -1;
}

/*
 * Does an instruction at this offset seem to change the register, to what the code does not tell?
 * Loads do, and calls: those are told from other bytes by going not too far.
 */
static bool changes(const struct code *c, size_t at, size_t end, unsigned reg)
{
	const uint8_t *p = c->bytes + at;
	size_t left = end - at;
	unsigned r = rex(c, at) & REX_R ? 8 : 0;

	if (left >= 5 && p[0] == 0xe8)
		return p[4] == 0 || p[4] == 0xff;
	if (left >= 6 && p[0] == 0xff)
		return p[1] == 0x15 && (p[5] == 0 || p[5] == 0xff);
	return left >= 2 && (p[0] == 0x8b || p[0] == 0x8d) && (p[1] & 0xc0) != 0xc0 &&
	       ((p[1] >> 3 & 7) | r) == reg;
}

/* The nearest before end, which may come out of another register. */
static struct constant last_constant(const struct code *c, size_t end, unsigned reg)
{
	size_t first = end > WINDOW ? end - WINDOW : 0;
	struct constant ret = { -1, true };

	for (size_t at = end; at-- > first;) {
		int other = set_register(c, at, end, reg);

		ret.value = set_constant(c, at, end, reg);
		if (ret.value < 0 && other >= 0 && (unsigned)other != reg)
			ret.value = held_constant(c, at, (unsigned)other);
		if (ret.value >= 0)
			return ret;
		if (other >= 0 || changes(c, at, end, reg))
			ret.is_sure = false;
	}
	return ret;
}

/* What begins at this offset, if anything: its length without the four bytes of a displacement, or
 * 0. */
static size_t instruction(const struct code *c, size_t at, enum ref_kind *ret)
{
	const uint8_t *p = c->bytes + at;
	size_t left = c->len - at;
	bool is_relative = left >= 6 && (p[1] & 0xc7) == 0x05; /* to the instruction pointer */

	switch (p[0]) {
	case 0xe8:
		*ret = REF_CALL;
		return left >= 5 ? 1 : 0;
	case 0xe9:
		*ret = REF_JUMP;
		return left >= 5 ? 1 : 0;
	case 0x0f: /* conditional jumps */
		*ret = REF_JUMP;
		return left >= 6 && (p[1] & 0xf0) == 0x80 ? 2 : 0;
	case 0x8d: /* lea */
		*ret = REF_ADDRESS;
		return is_relative && (rex(c, at) & REX_W) ? 2 : 0;
	case 0x8b: /* mov from memory */
		*ret = REF_LOAD;
		return is_relative && (rex(c, at) & REX_W) ? 2 : 0;
	case 0xff: /* call and jump through memory */
		*ret = REF_SLOT;
		return is_relative && (p[1] == 0x15 || p[1] == 0x25) ? 2 : 0;
	}
	return 0;
}

/*
 * 0f 05 asks the kernel, unless the two bytes are part of a distance: a small one, as its upper
 * bytes tell, after an instruction that has one. No code continues with a zero byte.
 */
static bool is_syscall(const struct code *c, size_t at)
{
	const uint8_t *p = c->bytes + at;

	if (c->len - at < 2 || p[0] != 0x0f || p[1] != 0x05)
		return false;
	if (c->len - at > 2 && p[2] == 0)
		return false;
	for (size_t before = 1; before <= 2 && before <= at && c->len - at > 4 - before; before++) {
		uint8_t opcode = p[-(ptrdiff_t)before], top = p[4 - before];

		if ((top == 0 || top == 0xff) &&
			(opcode == 0xe8 || opcode == 0xe9 || (opcode & 0xf0) == 0x80 ||
				(opcode & 0xc7) == 0x05))
			return false;
	}
	return true;
}

/*
 * The first byte of everything that is told, with a mask and what the second must be under it,
 * complemented so that the zeroes of all other bytes match nothing. Nearly all bytes of a program
 * begin nothing, and what a scan costs is to pass over them.
 */
static const struct {
	uint8_t mask, not_second;
} openings[256] = {
	[0x0f] = { 0x70, 0xff }, /* 80 to 8f, 05, and some that fall away later */
	[0x8b] = { 0xc7, 0xfa },
	[0x8d] = { 0xc7, 0xfa },
	[0xe8] = { 0x00, 0xff },
	[0xe9] = { 0x00, 0xff },
	[0xeb] = { 0x00, 0xff },
	[0xff] = { 0xcf, 0xfa },
};

static bool may_begin(const uint8_t *p)
{
	return ((p[1] & openings[p[0]].mask) ^ openings[p[0]].not_second) == 0xff;
}

static void x86_look(
	const struct code *c, size_t at, void (*found)(void *arg, const struct ref *r), void *arg)
{
	struct ref r = { .at = at };
	size_t n = instruction(c, at, &r.kind);

	if (n > 0) {
		r.target = c->addr + at + n + 4 + (uint64_t)(int64_t)read_i32(c->bytes + at + n);
		found(arg, &r);
	} else if (c->bytes[at] == 0xeb) { /* the short jump, to a function next to this */
		r.kind = REF_CALL;
		r.target = c->addr + at + 2 + (uint64_t)(int64_t)(int8_t)c->bytes[at + 1];
		found(arg, &r);
	} else if (is_syscall(c, at)) {
		r.kind = REF_SYSCALL;
		r.number = last_constant(c, at, RAX);
		found(arg, &r);
	}
}

static void x86_read(const struct code *c, void (*found)(void *arg, const struct ref *r), void *arg)
{
	const uint8_t *bytes = c->bytes;
	size_t len = c->len;

	for (size_t at = 0; at + 1 < len; at++)
		if (may_begin(bytes + at))
			x86_look(c, at, found, arg);
}

/* endbr64 and bnd may stand before the jump. */
static bool x86_is_stub(const struct code *c, uint64_t *ret_slot)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	size_t at = 0;

	if (c->len >= sizeof(endbr64) && memcmp(c->bytes, endbr64, sizeof(endbr64)) == 0)
		at = sizeof(endbr64);
	if (at < c->len && c->bytes[at] == 0xf2)
		at++;
	if (c->len < at + 6 || c->bytes[at] != 0xff || c->bytes[at + 1] != 0x25)
		return false;

	*ret_slot = c->addr + at + 6 + (uint64_t)(int64_t)read_i32(c->bytes + at + 2);
	return true;
}

static struct constant x86_first_argument(const struct code *c, size_t at)
{
	return last_constant(c, at, RDI);
}

/* On the stack. */
static struct constant x86_seventh_argument(const struct code *c, size_t at)
{
	size_t first = at > WINDOW ? at - WINDOW : 0;
	struct constant ret = { -1, true };

	for (size_t i = at; i-- > first && ret.value < 0;) {
		const uint8_t *p = c->bytes + i;

		if (at - i >= 2 && p[0] == 0x6a && p[1] < 0x80) /* push imm8 */
			ret.value = p[1];
		else if (at - i >= 5 && p[0] == 0x68) /* push imm32 */
			ret.value = read_i32(p + 1);
		else if (at - i >= 7 && p[0] == 0xc7 && p[1] == 0x04 &&
			 p[2] == 0x24) /* mov [rsp], imm32 */
			ret.value = read_i32(p + 3);
		if (ret.value >= SYSCALLS_MAX)
			ret.value = -1;
	}
	return ret;
}

/* mov reg, memory before, call reg after. */
static bool x86_next_call(const struct code *c, size_t load, size_t *at)
{
	uint8_t modrm = c->bytes[load + 1] >> 3 & 7;
	bool is_high = rex(c, load) & REX_R;

	for (size_t i = *at + 1; i + 2 <= c->len && i < load + REACH; i++) {
		if (c->bytes[i] == 0xff && c->bytes[i + 1] == (0xd0 | modrm) &&
			!!(rex(c, i) & REX_B) == is_high) {
			*at = i;
			return true;
		}
	}
	return false;
}

const struct processor scan_x86 = { EM_X86_64, AUDIT_ARCH_X86_64, x86_read, x86_is_stub,
	x86_first_argument, x86_seventh_argument, x86_next_call };
