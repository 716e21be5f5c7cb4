#ifndef CARREL_HELPER_VIEW_MOUNT_H
#define CARREL_HELPER_VIEW_MOUNT_H

#include "helper/view_open.h"

struct err;

/* A plan and what it takes to carry it out. */
struct view {
	struct view_plan plan;
	int *fds; /* one a row, -1 where a row has none */
	const struct profile *profile;
	const struct view_facts *facts;
	int root_program_fd; /* carrel-root; -1: no row wants it */
	int kept_fd; /* detached mount of a kept layer, with upper and work in it; -1: none */
};

/* Opens the source of every row of the host's in the calling (helper's) namespace, and of the user's where src has it. */
int view_sources_clone(const struct view_plan *plan, const struct view_sources *src, int *fds, struct err *e);

/* Fds for every row of the plan, all -1. -ENOMEM. */
int view_fds_make(struct view *v, struct err *e);
void view_done(struct view *v);

/*
 * In a fresh copy of the base namespace, owned by the initial user namespace: carries the plan out below /new. The copy made
 * for the container's user namespace then locks every mount and flag against the container's root.
 */
int view_mount(const struct view *v, int *ret_new_root_fd, struct err *e);

#endif
