#ifndef CARREL_CLI_FILTER_IMPORT_UNIT_H
#define CARREL_CLI_FILTER_IMPORT_UNIT_H

/* What the lines of a systemd unit come to. */
#include "helper/cli/filter_import.h"

#define ERROR_NONE (-1) /* SystemCallErrorNumber= decides */
#define ERROR_KILL (-2)

/* One call that SystemCallFilter= has put on its list. */
struct unit_entry {
	char name[SYSCALL_NAME_MAX];
	int error;
};

struct unit {
	const struct import_options *o;
	struct import *im;
	struct err *e;
	unsigned line;

	bool filtering, allow_list;
	struct unit_entry *entries;
	size_t n_entries;
	int error; /* SystemCallErrorNumber= */

	bool families_set, families_allow;
	struct strv families;

	bool namespaces_set;
	unsigned long namespaces; /* that may be made */

	bool lock_personality;
	unsigned long persona;
	bool arches_set;
	bool found; /* any line that means something to us */
};

/* The kinds of namespace that RestrictNamespaces= knows; ends with a NULL name. */
struct unit_namespace {
	const char *name;
	unsigned long flag;
};
extern const struct unit_namespace unit_namespaces[];
#define UNIT_NAMESPACES_ALL                                                                        \
	(CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID |              \
		CLONE_NEWUSER | CLONE_NEWUTS)

/* Reads a whole unit, drop-in or list of lines, which is written over. -EINVAL. */
int unit_read(struct unit *u, char *text);
void unit_done(struct unit *u);

#endif
