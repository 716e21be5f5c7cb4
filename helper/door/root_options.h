#ifndef CARREL_DOOR_ROOT_OPTIONS_H
#define CARREL_DOOR_ROOT_OPTIONS_H

#include <stdbool.h>

/* What `sudo` was told. Strings are the caller's arguments. */
struct root_options {
	const char *user; /* NULL: root */
	const char *group; /* NULL: the user's own */
	const char *directory; /* NULL: stay */
	const char *keep_names; /* NULL, or NAME,NAME… of variables to keep */
	char **assignments; /* NAME=VALUE, as far as they go */
	char **command; /* NULL at once: a shell */
	bool keep_environment;
	bool set_home;
	bool login;
	bool shell;
	bool only_validates; /* nothing is to run; all is well */
	bool help;
};

/* False: *ret_bad is the argument that was not understood, *ret_why what is wrong with it. */
bool root_options_parse(
	char **argv, struct root_options *ret, const char **ret_why, const char **ret_bad);

/* NAME=VALUE with a name that a shell could have given. */
bool is_assignment(const char *text);

#endif
