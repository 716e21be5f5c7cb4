#ifndef CARREL_HELPER_LAUNCH_OPEN_H
#define CARREL_HELPER_LAUNCH_OPEN_H

#include <stdbool.h>
#include <stddef.h>

#include "helper/public/wire.h"
#include "helper/view.h"
#include "policy/idrange.h"

struct account;
struct err;

#define LAUNCH_PATH_MAX 256 /* what a row of a view holds */

/* A place of the user's own that a launch shows, or another that it is to have. */
struct launch_place {
	enum view_place kind;
	int fd; /* PLACE_SHOWN: opened as the user; else -1, and so below */
	char real[LAUNCH_PATH_MAX]; /* where it really is; policy is asked about this */
	char at[LAUNCH_PATH_MAX];   /* where it is to be inside */
	bool writable, is_dir;
	int mount_fd; /* launch_place_mount(): a detached mount of it; -1: not yet */
	bool noexec; /* PLACE_TMPFS, and so the rest; IDs are those inside */
	mode_t mode;
	uint32_t uid, gid;
};

struct launch_places {
	struct launch_place v[LAUNCH_BINDS_MAX + 1]; /* +1: the home */
	size_t n;
	bool own_tree; /* the first is the tree (LAUNCH_ROOTFS) */
	int home;      /* its index; -1: not wanted */
};

/*
 * Opens what a request names, with the user's own credentials; it may hang for as long as a dead file server likes: only for a
 * disposable process with a deadline. -EINVAL: the request is not well-formed; -EACCES, -ENOENT: it is not there for this user.
 */
int launch_places_open(const struct account *a, const struct launch_request *q, struct launch_places *ret, struct err *e);
/* Whether any of it is the user's. */
bool launch_places_show(const struct launch_places *p);
void launch_places_done(struct launch_places *p);

/* The third word of what is to be a tmpfs, "tmpfs,OPTION...", at ret->at. -EINVAL: one of them cannot be kept to. */
int launch_tmpfs_take(const char *text, struct launch_place *ret, struct err *e);

/*
 * Makes the detached mount, in which IDs on disk are seen through idmap_fd (idmap_fd.h); -1: as they are. -EOPNOTSUPP: this file
 * system knows no such mounts (NFS, FUSE); nothing was made.
 */
int launch_place_mount(struct launch_place *p, int idmap_fd, struct err *e);

#endif
