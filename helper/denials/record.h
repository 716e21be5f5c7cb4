#ifndef CARREL_DENIALS_RECORD_H
#define CARREL_DENIALS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the kernel logs of one system call that a filter refused, ended a process for, or let pass and wanted known: audit
 * type 1326 (SECCOMP). It tells neither arguments nor errno: `code` is the action alone.
 */
#define RECORD_UNSET UINT32_MAX /* of auid and ses: nobody has logged in */

struct record {
	uint64_t time_us; /* wall clock; 0: the line does not tell */
	uint64_t serial;  /* with time_us, one record's name; 0: the line does not tell */
	uint32_t auid;	  /* who logged in */
	uint32_t uid, gid; /* of the process, as the host counts */
	uint32_t ses;	  /* audit session */
	int32_t pid;
	uint32_t arch;	  /* AUDIT_ARCH_* */
	int32_t call;	  /* number, on arch */
	int32_t sig;
	uint32_t code; /* SECCOMP_RET_* */
	char comm[64]; /* decoded: any byte but NUL may stand here */
	char exe[4096];
};

/*
 * Reads one line, without its newline. 1: it is a record; 0: it is something else; -EBADMSG: it says that it is such a record
 * and is none, so that something was not counted. *ret is untouched unless 1. Known are
 *
 *	type=SECCOMP msg=audit(1795305131.593:9009549): auid=...     audit.log, raw and ENRICHED, with node= or without
 *	audit: type=1326 audit(1795305131.593:9009549): auid=...     the kernel log, behind nothing, "[  12.345678] ",
 *	                                                             "6,1234,5678,-;" or "DATE HOST kernel: [12.3] "
 */
int record_read(const char *line, size_t len, struct record *ret);

/* The words behind the colon alone: "auid=... code=0x50000", as the journal has them; time and serial become 0. 1 or -EBADMSG. */
int record_read_words(const char *text, size_t len, struct record *ret);

/*
 * Kernel log lines which say that records were lost: "kauditd_printk_skb: 14 callbacks suppressed" gives 14, and
 * "audit: audit_lost=3 ..." 3, which is a sum since boot. False: the line is no such line.
 */
enum loss { LOSS_RATE_LIMIT, LOSS_AUDIT };
bool record_loss(const char *line, size_t len, enum loss *ret_kind, uint64_t *ret_n);

/*
 * Appends the words of a record in the raw form, for record_read() to read again; -ENOSPC: buf is too small, and unchanged up
 * to its NUL. Strings with anything but plain characters are in hexadecimal.
 */
#define RECORD_LINE_MAX 8704 /* holds every record */
int record_write(const struct record *r, char *buf, size_t size);

/* What the kernel did: "refused", "killed", "logged" and so on. */
const char *record_action(uint32_t code);

#endif
