#ifndef CARREL_DOOR_NAMES_H
#define CARREL_DOOR_NAMES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Who somebody is by the container's own /etc/passwd and /etc/group. No NSS: that would load code.
 */
struct user {
	uid_t uid;
	gid_t gid;
	char name[256];
	char home[PATH_MAX];
	char shell[PATH_MAX];
};

/* "123" or "#123"; -ERANGE when it is a number, but no ID; -EINVAL when it is none. */
int id_parse(const char *text, unsigned int *ret);

/* -ENOENT: not in the file. *ret is untouched on failure. */
int user_by_name(const char *name, struct user *ret);
int user_by_uid(uid_t uid, struct user *ret);
int group_by_name(const char *name, gid_t *ret);

/* The groups that list the user as a member, the given one first; at most n. */
size_t groups_of(const char *name, gid_t first, gid_t *list, size_t n);

bool shell_is_listed(const char *path);

#endif
