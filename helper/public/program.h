#ifndef CARREL_PUBLIC_PROGRAM_H
#define CARREL_PUBLIC_PROGRAM_H

#include <linux/filter.h>
#include <stdint.h>

/*
 * A compiled filter as it travels: one file of at most PROGRAM_MAX bytes holding this header, then the instructions of
 * the loud program, then those of the quiet one. Attach loud first, quiet last (newest wins where both deny).
 */
#define PROGRAM_MAGIC 0x6c727243u /* "Crrl" */
#define PROGRAM_VERSION 1
#define PROGRAM_INSNS 4096 /* BPF_MAXINSNS, seccomp(2) */

struct program_head {
	uint32_t magic;
	uint16_t version;
	uint16_t flags; /* none yet; must be 0 */
	uint16_t loud;	/* instructions; attached with SECCOMP_FILTER_FLAG_LOG */
	uint16_t quiet; /* instructions; attached without */
	uint32_t arch;	/* AUDIT_ARCH_* it was made for */
	uint8_t check[32]; /* BLAKE2b-256 of everything after the header; the cache's business, not the loader's */
};

#define PROGRAM_MAX (sizeof(struct program_head) + 2 * PROGRAM_INSNS * sizeof(struct sock_filter))

/*
 * Attaches a program read from fd (position does not matter) to the calling thread. Needs no_new_privs or CAP_SYS_ADMIN
 * in the caller's user namespace. libc only and no allocation: the module and the static programs share it.
 * -EBADMSG: not such a file, or made for another architecture.
 */
int program_attach(int fd);

#endif
