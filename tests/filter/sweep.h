#ifndef CARREL_TESTS_SWEEP_H
#define CARREL_TESTS_SWEEP_H

#include <stdint.h>

/*
 * A plan is what tests/filter/plan.c derives from the rules of a filter and tests/filter/sweep.c
 * tries in a session: this head, then the cases.
 */
#define PLAN_MAGIC 0x6e616c50u /* "Plan" */

struct plan_head {
	uint32_t magic;
	uint32_t n;
};

enum way {
	WAY_NATIVE, /* the instruction of this machine's own ABI */
	WAY_INT80, /* int 0x80, the one of i386 */
};

struct plan_case {
	uint32_t way;
	uint32_t expected; /* SECCOMP_RET_*, with its errno */
	uint64_t nr; /* the whole register: the kernel looks at 32 bits of it */
	uint64_t args[6];
};

#endif
