#ifndef CARREL_DOOR_LAUNCH_OPTIONS_H
#define CARREL_DOOR_LAUNCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define WORDS_MAX 256

struct words {
	size_t n;
	const char *v[WORDS_MAX];
};

/* What `carrel run` or `carrel exec` was told. Strings are the caller's arguments; NULL: not said.
 */
struct launch_options {
	const char *image; /* run only; NULL with bundle or rootfs */
	const char *bundle, *rootfs;
	const char *container; /* exec: in which; run: what it is to be called */
	const char *ambient, *caps, *domainname, *hostname, *workdir, *net, *narrow, *profile, *user;
	char **command; /* NULL at once: none */
	bool no_tty, no_new_privs, home, keep, detach, read_only, help;
	bool interactive, tty, rm;  /* what Docker's users type, and is so anyway */
	unsigned int tmpfs; /* which of the first binds are DST[:OPTION,...] of a tmpfs */
	struct words binds, env; /* last: most of it is never touched, and costs no memory then */
};

/*
 * argv without the subcommand. NULL: understood; else what is wrong with *ret_bad, an argument. An
 * option that is right in itself but not for the helper is refused by the helper.
 */
const char *run_options_parse(char **argv, struct launch_options *ret, const char **ret_bad);
const char *exec_options_parse(char **argv, struct launch_options *ret, const char **ret_bad);

extern const char run_usage[], exec_usage[];

#endif
