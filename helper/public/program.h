#ifndef CARREL_PUBLIC_PROGRAM_H
#define CARREL_PUBLIC_PROGRAM_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A compiled filter as it travels: one file of at most PROGRAM_MAX bytes holding this header, then
 * the instructions of the loud program, then those of the quiet one. Attach loud first, quiet last
 * (newest wins where both deny). Loud allows by default and refuses what an admin wants to hear of;
 * quiet allows only the calls that the loud one decides about and has ENOSYS for all others. Only
 * both together are the filter.
 */
#define PROGRAM_MAGIC 0x6c727243u /* "Crrl" */
#define PROGRAM_VERSION 1
#define PROGRAM_INSNS 4096 /* BPF_MAXINSNS, seccomp(2) */

#if defined(__x86_64__) && !defined(__ILP32__)
#define PROGRAM_NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
#define PROGRAM_NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "no filters for this architecture yet"
#endif

struct program_head {
	uint32_t magic;
	uint16_t version;
	uint16_t flags; /* none yet; must be 0 */
	uint16_t loud; /* instructions; attached with SECCOMP_FILTER_FLAG_LOG */
	uint16_t quiet; /* instructions; attached without */
	uint32_t arch; /* AUDIT_ARCH_* it was made for */
	/*
	 * BLAKE2b-256 of the whole file with this field 0, keyed with the cache key; the cache's
	 * business, not the loader's
	 */
	uint8_t check[32];
};

#define PROGRAM_MAX (sizeof(struct program_head) + 2 * PROGRAM_INSNS * sizeof(struct sock_filter))

/*
 * 0 if the bytes are a program file of any architecture as far as header and length tell, else
 * -EBADMSG.
 */
int program_check(const void *file, size_t len);

/*
 * Attaches a program read from fd (position does not matter) to the calling thread. Needs
 * no_new_privs or CAP_SYS_ADMIN in the caller's user namespace. libc only and no allocation: the
 * module and the static programs share it. -EBADMSG: not such a file, or made for another
 * architecture. On any failure the caller must end: half may be attached.
 */
int program_attach(int fd);

#endif
