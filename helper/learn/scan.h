#ifndef CARREL_LEARN_SCAN_H
#define CARREL_LEARN_SCAN_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct scan_ahead;

/*
 * Which system calls can these programs make? Read from their code, not run: what is reached from a
 * program's own code, from constructors, and through imported symbols in the libraries among the
 * given files. An estimate in both directions: calls through tables and registers can be missed,
 * and code that never runs is counted.
 */

/* One system call that the files can make, with one of the ways to it. */
struct scan_call {
	uint32_t arch; /* AUDIT_ARCH_*, the file's */
	int number; /* never negative; syscall_name() knows most */
	const char *path; /* the file whose code makes it */
	char *symbol; /* the function through which the way enters that file; "": no name */
	const char *user; /* the file where the way begins: a program, or a library's constructor */
};

/* One of the given files; unresolved: reachable places that make a call whose number is not told
 * for sure around them. */
struct scan_file {
	char *path;
	char *problem; /* NULL: scanned. Else why not, in words for one line: "not an ELF file" */
	uint32_t arch; /* AUDIT_ARCH_*; 0 where problem says that it is none we can read */
	size_t unresolved;
};

/* Sorted: calls by architecture and number, one entry each; files as they were given. */
struct scan_result {
	struct scan_call *calls;
	size_t n_calls;
	struct scan_file *files;
	size_t n_files;
};

/*
 * Scans executables and shared objects by their full paths; one that is given twice is scanned
 * once. What was read ahead (or NULL) is taken from there, and the result is the same. A file that
 * cannot be read or scanned says so in its problem and is no failure: only -ENOMEM is. ret is
 * untouched on failure.
 */
int scan_files(const char *const *paths, size_t n, struct scan_ahead *ahead,
	struct scan_result *ret, struct err *e);

/* Accepts an empty (zeroed) result. */
void scan_result_done(struct scan_result *r);

#endif
