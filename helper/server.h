#ifndef CARREL_HELPER_SERVER_H
#define CARREL_HELPER_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "helper/peer.h"
#include "helper/registry.h"
#include "policy/slots.h"

struct cached_image;
struct err;
struct policy;
struct worker;

#define NAMES_FDS_MAX 8

/* What the main process holds, and its children see a copy of. Descriptors are opened once, at start. */
struct server {
	sd_event *loop;
	struct registry registry;
	struct policy *policy; /* the last good one; NULL: there never was one */
	uint64_t policy_stamp;
	char policy_trouble[512]; /* why the newest is not good; empty: it is */
	const char *config_dir;
	int listen_fd;
	int inside_fd; /* listens at the socket for who is inside a container; -1: there is none */
	int proc_fd;	   /* /proc */
	int cache_fd;	   /* /run/carrel/filters */
	int base_mntns_fd; /* view_base_make() */
	int init_fd, relay_fd, root_program_fd;
	int names_fds[NAMES_FDS_MAX]; /* of name service modules; their numbers stay theirs in children */
	size_t n_names_fds;
	struct worker *workers;
	struct slots slots; /* of the pool, for launches */
	struct cached_image *images;
};

/* The one server of this process. */
extern struct server server;

/* One caller, root. Its request is read when it is whole; then a worker has it; then, maybe, it stands for a session. */
struct connection {
	int fd;
	struct peer peer;
	sd_event_source *io, *timer;
	struct worker *worker;
	struct session *session;
};

/* Serves until SIGTERM or SIGINT. Sessions and containers live on. */
int server_run(struct err *e);

/* Reads the configuration again if it changed; keeps the last good one. */
void server_policy_refresh(void);

/* Waits for children that are dead, so that a launch's pid 1 has its status. */
void server_reap(void);

/* Arms or re-arms a one-shot timer. */
int server_timer(sd_event_source **timer, uint64_t wait_us, sd_event_time_handler_t late, void *data);

void connection_drop(struct connection *c);

#endif
