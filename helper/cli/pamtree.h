#ifndef CARREL_CLI_PAMTREE_H
#define CARREL_CLI_PAMTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "policy/pamstack.h"

struct err;

/* The files that PAM reads, of this machine or of a tree elsewhere. Everything is looked up inside
 * the tree. */
struct pamtree {
	int root_fd;
	int pamd_fd; /* ROOT/etc/pam.d */
	const char *prefix; /* for messages: "" or the tree's path */

	/* One service as if its file in /etc/pam.d read so; NULL when none. Borrowed. */
	const char *changed_name;
	const char *changed_text;
};

/* root NULL: this machine. lock: for writing; -EBUSY while another of us holds it. */
int pamtree_open(const char *root, bool lock, struct pamtree *ret, struct err *e);
void pamtree_close(struct pamtree *t);

/* openat2(2) inside the tree, with O_CLOEXEC; -1 and errno. */
int pamtree_openat(int root_fd, const char *path, int flags);

/* How pamstack reads the tree. */
struct pamstack_source pamtree_source(struct pamtree *t);

/* Whether the tree has this regular file (absolute path). */
bool pamtree_has(const struct pamtree *t, const char *path);

/* Whether ROOT/etc/group has a group of this name (len bytes of it). */
bool pamtree_has_group(const struct pamtree *t, const char *name, size_t len);

/* Where libpam looks for modules named without a path: the directory with pam_permit.so. NULL: none
 * is known. */
const char *pamtree_module_dir(const struct pamtree *t);

/* All services, sorted, each once, without what editors and packagers leave behind. Freed by
 * names_free(). */
int pamtree_list(const struct pamtree *t, char ***ret, size_t *ret_n, struct err *e);
void names_free(char **names, size_t n);

/* One service's own file, fit to be replaced. */
struct pamtree_file {
	int fd; /* -1: only the vendor's directory has one, and /etc/pam.d gets a copy */
	char *path; /* the file read, for messages */
	char *text;
	struct stat st;
};

/*
 * Judges the open file: regular, root's (of a tree elsewhere: or the caller's), nobody else's to
 * write, no symbolic link. -ENOENT: no such service; the text lists what there is.
 */
int pamtree_file_open(
	const struct pamtree *t, const char *service, struct pamtree_file *ret, struct err *e);
void pamtree_file_close(struct pamtree_file *f);

/*
 * Replaces the service's file in one step; owner, mode and extended attributes (SELinux label, ACL)
 * stay. The old text goes to ROOT/var/lib/carrel/pam-backup first; *ret_backup is the caller's,
 * NULL for a file that is new. -EBUSY: somebody changed the file meanwhile.
 */
int pamtree_file_replace(const struct pamtree *t, const char *service, const struct pamtree_file *f,
	const char *text, char **ret_backup, struct err *e);

/* Removes the service's file in /etc/pam.d, after a backup. */
int pamtree_file_remove(const struct pamtree *t, const char *service, const struct pamtree_file *f,
	char **ret_backup, struct err *e);

#endif
