/*
 * root - `carrel root`: the user becomes root of the container, by the one program that can do it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helper/cli/cli.h"

#define INSIDE_MARK "/run/carrel/session"
#define ROOT_PROGRAM "/run/carrel/bin/carrel-root"

int cmd_root(int argc, char **argv)
{
	(void)argc;
	if (access(INSIDE_MARK, F_OK) < 0) {
		(void)fputs("carrel: root: this is no session of Carrel's: there is no root to be but the machine's own\n",
			stderr);
		return 1;
	}
	if (access(ROOT_PROGRAM, F_OK) < 0) {
		(void)fputs("carrel: root: the profile of this session says root = no; ask the administrator\n",
			stderr);
		return 1;
	}
	argv[0] = "carrel root";
	(void)execv(ROOT_PROGRAM, argv);
	(void)fprintf(stderr, "carrel: root: cannot execute %s: %s\n", ROOT_PROGRAM, strerror(errno));
	return 126;
}
