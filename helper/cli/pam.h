#ifndef CARREL_PAM_H
#define CARREL_PAM_H

#include <stdbool.h>

#include "helper/cli/pamtree.h"

/* What `carrel pam` was told, and what its three words share. */
struct pam_options {
	const char *root;
	const char *module; /* NULL: found */
	char *exempt; /* "adm:wheel", NULL: as it is */
	bool dry_run;
	bool force;
	bool json;
	bool help;
};

enum { PAM_REFUSED = 1, PAM_USAGE = 2 }; /* exit status */

/*
 * The three words. names are the services on the command line, which enable and disable put in
 * another order. The result is the exit status; everything is said by then.
 */
int pam_enable(struct pamtree *t, char **names, int n, const struct pam_options *o);
int pam_disable(struct pamtree *t, char **names, int n, const struct pam_options *o);
int pam_status(struct pamtree *t, char **names, int n, const struct pam_options *o);

/* Parts that services include. Lines in them would reach services nobody named, and tools write
 * these files anew. */
bool pam_name_is_part(const char *name);

/* Whether the file is there that lines with this module, a name or an absolute path, load. */
bool pam_module_is_there(const struct pamtree *t, const char *module);

/* To stderr: stdout is the diff, or the answer. */
void pam_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
