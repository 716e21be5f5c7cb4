#ifndef CARREL_PUBLIC_RELAY_H
#define CARREL_PUBLIC_RELAY_H

/*
 * How carrel-helper starts carrel-relay: in all namespaces of the container, as its root, with the
 * groups that the program is to have, cgroup, limits and nice value already set; as a joined process
 * for a door or `carrel exec`, as pid 1 for a launch.
 *
 *     carrel-relay UID GID FLAGS [USER[:GROUP]]        decimal
 *
 * USER and GROUP (helper/door/identity.h) take the place of UID and GID. Its environment is nothing to
 * it: a launch's pid 1 keeps there what helper/launch_told.h says, and RELAY_NARROW open, for others to
 * read. RELAY_CONN carried the request and already its answer: what the relay sends on it are
 * struct enter_event only. RELAY_REQUEST holds the struct enter_request as it was received, from
 * offset 0; RELAY_PAYLOAD a memfd with F_SEAL_WRITE, F_SEAL_GROW and F_SEAL_SHRINK (the relay checks
 * seals, size and strings itself). Descriptors 0 to 2 and from RELAY_FDS_END up may be anything; they
 * are closed. Exit status: 0 when the door was told, 111 when the call was wrong; as pid 1 the
 * command's, or 128 and its signal.
 */
enum relay_fd {
	RELAY_CONN = 3,
	RELAY_PAYLOAD = 4,
	RELAY_FILTER = 5,
	RELAY_STDIN = 6, /* then stdout and stderr */
	RELAY_REQUEST = 9,
	RELAY_NARROW = 10, /* with RELAY_NARROWED */
	RELAY_FDS_END = 11,
};

/*
 * With RELAY_INIT there is one more after the last: a byte is read from it before the command is started. Its end means that
 * whoever builds the container is gone.
 */

#define RELAY_NNP 1u	  /* set no_new_privs */
#define RELAY_LAUNCHED 2u /* in an image: gids are the relay's to set, the directory must be there, PATH finds the file */
#define RELAY_INIT 4u	  /* it is pid 1: the command's end is the container's */
#define RELAY_DETACHED 8u /* nobody stays at RELAY_CONN once the command runs */
#define RELAY_NARROWED 16u /* RELAY_NARROW is one more filter, attached last */
#define RELAY_ROOT 32u /* the command's user may be root inside as well: it may have capabilities, and things made for it */

/*
 * As pid 1 it takes SIGTERM for the order to end: the command gets it, and 10 s to end by itself;
 * then all end, within another second. Every other signal is passed on to the command. Those that
 * cannot come as they are (SIGTERM itself, SIGCHLD, which tells of children, SIGSTOP, which would
 * stop pid 1) are the value that comes with this one, queued from outside the container.
 */
#define RELAY_CARRIER 64

#endif
