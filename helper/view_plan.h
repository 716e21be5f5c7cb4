#ifndef CARREL_HELPER_VIEW_PLAN_H
#define CARREL_HELPER_VIEW_PLAN_H

#include <linux/mount.h>

#include "helper/view.h"

/* A plan in the making, for view.c and view_image.c. After a failure every call is without effect. */
struct planner {
	struct view_plan plan;
	size_t room;
	const struct profile *profile;
	const struct view_facts *facts;
	struct err *err;
	int failed; /* negative errno */
};

#define SYSTEM (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define WRITABLE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/* Never NULL; what it points to is good until the next call. */
struct step *view_step_add(struct planner *p, enum step_op op, const char *src, const char *dst);
void view_mount_add(struct planner *p, enum step_op op, const char *src, const char *dst, unsigned attr);
void view_dir_add(struct planner *p, enum step_op op, const char *path, mode_t mode, enum step_owner owner);

/* mkdir for every parent of path below skel's directory base; path itself too if with_last. */
void view_skel_chain(struct planner *p, const char *base, const char *path, bool with_last);

/* path below skel's directory base, as something to mount upon. */
void view_point_add(struct planner *p, const char *base, const char *path, bool is_dir);

/*
 * /dev with the profile's devices, and its terminals by the given row; own: root inside may make sockets and links in it; queues: and
 * then it has a place for mqueue. view.c
 */
void view_plan_dev(struct planner *p, enum step_op terminals, bool own, bool queues);

/* The plan, or what went wrong. */
int view_plan_take(struct planner *p, struct view_plan *ret);

#endif
