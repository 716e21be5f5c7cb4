#ifndef CARREL_HELPER_VIEW_BASE_H
#define CARREL_HELPER_VIEW_BASE_H

struct err;

/* Where the /dev lies that containers without devices of their own share, in the helper's namespace. */
#define VIEW_DEV_TEMPLATE "/run/carrel/dev"

/*
 * The helper's base mount namespace: an empty tmpfs with mount points new, skel, private, lower and kept, and the host's proc (the
 * kernel lets a user namespace mount proc only where one is already fully visible). Containers start as a copy of
 * it, which costs the same on a host with 5,000 mounts. Root only, once; the result is a namespace fd.
 */
int view_base_make(int *ret_mntns_fd, struct err *e);

/*
 * Copies the helper's mounts and makes them slaves of the host's: what the host mounts later appears, nothing of ours shows there.
 * Makes the /dev template. Once, at start.
 */
int view_host_prepare(struct err *e);

/* The usual devices and links in an empty directory. */
int view_dev_fill(int dir_fd, struct err *e);

#endif
