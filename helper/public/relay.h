#ifndef CARREL_PUBLIC_RELAY_H
#define CARREL_PUBLIC_RELAY_H

/*
 * How carrel-helper starts carrel-relay: by a child that stands in all namespaces of the container
 * as its root, with the user's gid and groups (or with those of root, when root is to run), cgroup,
 * limits and nice value already set.
 *
 *     carrel-relay UID GID FLAGS        decimal; empty environment
 *
 * RELAY_CONN carried ENTER and already its answer: what the relay sends on it are struct
 * enter_event only. RELAY_REQUEST holds the struct enter_request as it was received, from offset 0;
 * RELAY_PAYLOAD the caller's memfd with F_SEAL_WRITE, F_SEAL_GROW and F_SEAL_SHRINK (the relay
 * checks seals, size and strings itself). Descriptors 0 to 2 and from 10 up may be anything; they
 * are closed. Exit status: 0 when the door was told, 111 when the call was wrong.
 */
enum relay_fd {
	RELAY_CONN = 3,
	RELAY_PAYLOAD = 4,
	RELAY_FILTER = 5,
	RELAY_STDIN = 6, /* then stdout and stderr */
	RELAY_REQUEST = 9,
};

#define RELAY_NNP 1u /* set no_new_privs */

#endif
