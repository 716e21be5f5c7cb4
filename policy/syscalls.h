#ifndef CARREL_POLICY_SYSCALLS_H
#define CARREL_POLICY_SYSCALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the project itself knows of system calls: groups, newer numbers, argument names, widths and
 * constants.
 */

#define SYSCALLS_MAX                                                                               \
	512 /* numbers are below this on every architecture that filters are made for */

/* AUDIT_ARCH_* of this machine. */
uint32_t syscall_native_arch(void);

/* "x86-64"; NULL for an architecture that filters are not made for. */
const char *arch_name(uint32_t arch);
/* AUDIT_ARCH_* of such a name, 0 when there is none. */
uint32_t arch_by_name(const char *name);

/* Known to this program or to libseccomp on any architecture. */
bool syscall_known(const char *name);

/* The call's number on the architecture, below SYSCALLS_MAX; -ENOENT if it has none there. */
int syscall_number(uint32_t arch, const char *name);

/*
 * The name of a call that counts as known: a filter that does not mention it refuses it with EPERM,
 * while all other numbers are ENOSYS. NULL: not known. buf holds the name.
 */
#define SYSCALL_NAME_MAX 40
const char *syscall_name(uint32_t arch, int number, char buf[static SYSCALL_NAME_MAX]);

/*
 * The members of a group ("@mount"), blank-separated, which may be groups themselves; NULL: no such
 * group. The names and members are those of systemd's SystemCallFilter=, systemd.exec(5).
 */
const char *syscall_group(const char *name);
/* The names of all groups, one for each i from 0 on; then NULL. */
const char *syscall_group_at(size_t i);

enum arg_kind {
	ARG_VALUE, /* one of several values: compared whole */
	ARG_FLAGS, /* a set of bits: compared bit by bit */
};

struct arg_constant {
	const char *name;
	uint64_t value;
};

/*
 * One argument as the kernel's prototype declares it. bits is what the kernel looks at; the rest of
 * the register is noise.
 */
struct syscall_arg {
	const char *call;
	const char *name;
	uint8_t index;
	uint8_t bits;
	bool selector; /* decides what the call's other arguments mean:
			  "socket(AF_NETLINK).protocol" */
	enum arg_kind kind;
	const struct arg_constant *constants; /* ends with a NULL name */
};

/* NULL: not in the table. */
const struct syscall_arg *syscall_arg(const char *call, const char *name);
const struct syscall_arg *syscall_arg_at(const char *call, unsigned index);
const struct syscall_arg *syscall_selector(const char *call);

/* All bits that the kernel looks at. */
uint64_t syscall_arg_mask(const struct syscall_arg *a);

/*
 * A constant's name or a number (decimal, 0x, negative for -1 as in personality). -EINVAL: neither,
 * or too wide.
 */
int syscall_constant(const struct syscall_arg *a, const char *word, uint64_t *ret);

#endif
