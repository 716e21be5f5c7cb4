#ifndef CARREL_LEARN_DECODE_H
#define CARREL_LEARN_DECODE_H

#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct listener;

#define DECODE_MAX 768

/*
 * A call as people write it: "openat(AT_FDCWD, "/etc/shadow", O_RDONLY)". Strings are read from the caller's memory and are
 * what lay there at that moment, no more: another thread may change them before the kernel looks. l may be NULL: then
 * pointers stay numbers.
 */
void decode_call(const struct listener *l, const struct seccomp_notif *n, char ret[static DECODE_MAX]);

/* "x86-64" calls by name; a number with its ABI where there is no name. */
void decode_name(const struct seccomp_data *d, char ret[static 64]);

#endif
