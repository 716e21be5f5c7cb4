/*
 * view_plan - rows put one after the other; nothing here touches the system.
 */
#include "helper/view_plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/err.h"

struct step *view_step_add(struct planner *p, enum step_op op, const char *src, const char *dst)
{
	static struct step spare; /* written to, never read, once something failed */
	struct step *s;

	if (p->failed)
		return &spare;
	if (strlen(src) >= sizeof(s->src) || strlen(dst) >= sizeof(s->dst)) {
		p->failed = err_set(p->err, ENAMETOOLONG, "view: '%s' is longer than %zu bytes",
			strlen(src) > strlen(dst) ? src : dst, sizeof(s->src) - 1);
		return &spare;
	}
	if (p->plan.n == p->room) {
		size_t room = p->room ? 2 * p->room : 64;
		struct step *steps = reallocarray(p->plan.steps, room, sizeof(*steps));

		if (!steps) {
			p->failed = err_set(p->err, ENOMEM, "view: out of memory");
			return &spare;
		}
		p->plan.steps = steps;
		p->room = room;
	}
	s = &p->plan.steps[p->plan.n++];
	memset(s, 0, sizeof(*s));
	s->op = op;
	(void)snprintf(s->src, sizeof(s->src), "%s", src);
	(void)snprintf(s->dst, sizeof(s->dst), "%s", dst);
	return s;
}

void view_mount_add(struct planner *p, enum step_op op, const char *src, const char *dst, unsigned attr)
{
	view_step_add(p, op, src, dst)->attr = attr;
}

void view_dir_add(struct planner *p, enum step_op op, const char *path, mode_t mode, enum step_owner owner)
{
	struct step *s = view_step_add(p, op, path, "");

	s->mode = mode;
	s->owner = owner;
}

void view_skel_chain(struct planner *p, const char *base, const char *path, bool with_last)
{
	char whole[512];
	const char *slash;

	for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		(void)snprintf(whole, sizeof(whole), "%s%.*s", base, (int)(slash - path), path);
		view_dir_add(p, STEP_SKEL_DIR, whole, 0755, OWNER_CONTAINER_ROOT);
	}
	if (with_last) {
		(void)snprintf(whole, sizeof(whole), "%s%s", base, path);
		view_dir_add(p, STEP_SKEL_DIR, whole, 0755, OWNER_CONTAINER_ROOT);
	}
}

int view_plan_take(struct planner *p, struct view_plan *ret)
{
	if (p->failed) {
		view_plan_done(&p->plan);
		return p->failed;
	}
	*ret = p->plan;
	return 0;
}

void view_plan_done(struct view_plan *v)
{
	free(v->steps);
	v->steps = NULL;
	v->n = 0;
}
