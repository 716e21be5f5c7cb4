#ifndef CARREL_LEARN_SCAN_CODE_H
#define CARREL_LEARN_SCAN_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What machine code says without being disassembled: for each processor, the few instructions that
 * call, jump, take an address or ask the kernel. Pure functions of the bytes, which may be
 * anything.
 */

/* The bytes of one function, or of a stretch of code without known functions. */
struct code {
	const uint8_t *bytes;
	size_t len;
	uint64_t addr; /* of the first byte, as the file counts */
};

enum ref_kind {
	REF_CALL, /* to this address */
	REF_JUMP, /* to this address, most often in the same function */
	REF_ADDRESS, /* this address is taken: of a function, or of data */
	REF_SLOT, /* what this address points to is called, or jumped to */
	REF_LOAD, /* what this address points to is loaded into a register */
	REF_SYSCALL, /* the kernel is asked here */
};

/* A number that the code before some place puts into a register. */
struct constant {
	int value; /* -1: none to be seen */
	bool is_sure; /* nothing in between looks as if it changed the register */
};

struct ref {
	enum ref_kind kind;
	uint64_t target;
	size_t at; /* offset of the instruction */
	struct constant number; /* of REF_SYSCALL */
};

struct processor {
	uint16_t machine; /* EM_* */
	uint32_t arch; /* AUDIT_ARCH_* */
	/* Tells everything that might be a reference; on x86, where any byte might begin an
	 * instruction, also what is none. */
	void (*read)(
		const struct code *c, void (*found)(void *arg, const struct ref *r), void *arg);
	/* Code that only jumps to where a slot points, as in a procedure linkage table. */
	bool (*is_stub)(const struct code *c, uint64_t *ret_slot);
	/* What the call at this offset gets as its first argument. */
	struct constant (*first_argument)(const struct code *c, size_t at);
	/* And as its seventh, where C libraries pass a number behind a system call's six arguments.
	 */
	struct constant (*seventh_argument)(const struct code *c, size_t at);
	/* The next call after *at of what the REF_LOAD at this offset loads; in *at. */
	bool (*next_call)(const struct code *c, size_t load, size_t *at);
};

extern const struct processor scan_x86, scan_arm64;

#endif
