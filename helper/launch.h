#ifndef CARREL_HELPER_LAUNCH_H
#define CARREL_HELPER_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "helper/attributes.h"
#include "helper/container.h"
#include "helper/image/image.h"
#include "helper/launch_open.h"
#include "helper/launches.h"
#include "helper/view_mount.h"
#include "helper/worker.h"
#include "policy/account.h"

struct err;

/* One launch on its way, in the child that serves it; all that launch*.c know. */
struct attempt {
	const struct task *task;
	const struct launch_request *request;
	struct enter_request command; /* completed */
	struct account account;
	const struct profile *profile;
	const struct image *image; /* NULL: a tree of the user's own */
	struct image opened; /* when it was read here */
	struct launch_places places;
	struct launch what;
	struct id_ranges ranges;
	struct id_map uids, gids; /* of the container */
	uid_t owner, owner_asked; /* of its user namespace; what name services were asked about for that */
	uint32_t uid, gid; /* inside, of the command */
	bool net_own;
	struct view_sources sources;
	struct view view;
	struct attributes attributes;
	char cgroup[256];
	char hostname[LAUNCH_NAME_MAX + 1], domainname[LAUNCH_NAME_MAX + 1];
	int payload_fd, request_fd, filter_fd;
	struct container_spec spec;
	char numbers[3][16], user[sizeof(((struct launch_request *)0)->user)], *argv[6], **envp; /* of pid 1 */
	int fds[8];
};

/* --- launch_place.c: what the main process gives --- */

/* A note about this launch. launch_tell() sends one; launch_hear() waits for the answer, and -EBUSY is a "no". */
void launch_note_fill(const struct attempt *a, struct launch_note *n, enum launch_word word);
int launch_tell(const struct attempt *a, const struct launch_note *n, const int *fds, size_t n_fds);
int launch_hear(const struct attempt *a, struct launch_note *n, struct err *e);

/* A name and a range; and, asked along with it, whether the image of the cache is still what it was. */
int launch_place_get(struct attempt *a, struct err *e);
/* The image, verified now or before, and as the profile wants it. After launch_place_get(). */
int launch_image_find(struct attempt *a, struct err *e);

/* --- launch_view.c: what it is made of --- */

/* Of the host's groups those that the container has. */
const uint32_t *launch_own_groups(const struct attempt *a, size_t *ret_n);
/* Who is who inside, and the user's places as mounts that show it. After launch_image_find(). */
int launch_ids_settle(struct attempt *a, struct err *e);
/* The plan of the view, and its sources opened. */
int launch_view_make(struct attempt *a, struct err *e);
/* The image's mounts get the container's IDs, through its user namespace. */
int launch_view_shift(const struct attempt *a, const struct container_born *born, struct err *e);

#endif
