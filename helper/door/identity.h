#ifndef CARREL_DOOR_IDENTITY_H
#define CARREL_DOOR_IDENTITY_H

#include <stdbool.h>

#include "helper/door/command.h"

/*
 * Who the command runs as by USER[:GROUP], each a name of the container's /etc/passwd and
 * /etc/group, or a number. Without a group it has the user's own, of passwd, and all groups that
 * list it; a number that passwd does not know has group 0, as images for Docker expect. With one
 * it has that alone. False: nobody is called so; *ret_why says it, and c is as it was.
 */
bool identity_take(struct command *c, const char *words, const char **ret_why);

#endif
