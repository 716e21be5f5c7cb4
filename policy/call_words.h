#ifndef CARREL_POLICY_CALL_WORDS_H
#define CARREL_POLICY_CALL_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/syscalls.h"

struct err;

/* A system call as somebody writes it: "socket(AF_VSOCK, SOCK_STREAM, 0)". */
struct call_words {
	char name[SYSCALL_NAME_MAX];
	int number;
	uint64_t args[6];
	bool given[6]; /* false: left out, or of no concern to any filter */
};

/*
 * Arguments are numbers, or names of constants where filters know the argument, also several with
 * '|' between them. One that no rule can be about may be anything, such as a string. Left out are
 * those at the end and empty ones, with the parentheses all of them. -EINVAL: the text names the
 * word; -ENOENT: the architecture has no such call.
 */
int call_words_parse(uint32_t arch, const char *text, struct call_words *ret, struct err *e);

#endif
