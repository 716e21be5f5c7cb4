#ifndef CARREL_HELPER_VIEW_H
#define CARREL_HELPER_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/policy.h"

struct err;

/* What the planner must know of the host; gathered by view_open.c, made up by unit tests. */
struct view_facts {
	uid_t uid; /* the user's, mapped 1:1 */
	gid_t gid;
	uint32_t root_uid, root_gid; /* host IDs of the container's root */
	uint32_t tty_gid; /* whose terminals are, in a devpts of its own */
	const char *home;	     /* real path of the opened home, NULL: there is none */
	const char *resolv_conf;     /* real path behind /etc/resolv.conf when that lies in /run, else NULL */
	const char *const *dirs;     /* those of view_probed_dirs[] that exist */
	size_t n_dirs;
	const struct view_mount { /* the host's mounts, in mountinfo order */
		const char *path, *fstype;
	} *mounts;
	size_t n_mounts;
	const struct view_bind { /* of the profile, opened as the user */
		const char *path; /* real path */
		bool writable, is_dir;
	} *binds;
	size_t n_binds;
	const struct view_hidden { /* of the profile, those that exist */
		const char *path;
		bool is_dir;
	} *hides;
	size_t n_hides;
	const struct view_device { /* of the profile, as the host has them */
		const char *path;
		mode_t mode; /* with the type */
		dev_t rdev;
		uid_t uid;
		gid_t gid;
	} *devices;
	size_t n_devices;
	const char *hostname; /* of a launch, else NULL */
};

/* What a launch has at a place: something of the user's, or the container's own. */
enum view_place { PLACE_SHOWN, PLACE_TMPFS, PLACE_RESOLV, PLACE_HOSTS, PLACE_HOSTNAME };

/* What a launch sees: a tree, and little else. */
struct view_image {
	bool own_tree; /* the tree is a directory of the user's own: no row makes anything in it */
	bool writable; /* an image: for more than the time of building it */
	bool kept;     /* that layer is kept; else it is the container's tmpfs */
	bool net_host; /* the host's names are of use */
	mode_t etc; /* of the image's /etc when that is a plain directory of root's, else 0 */
	bool has_points; /* view_points[] are directories of the image */
	const char *home; /* where the home is to be; NULL: nowhere */
	const struct view_image_bind {
		const char *at;
		bool writable, is_dir;
		enum view_place kind;
		bool noexec; /* the rest: of a tmpfs; its IDs are the host's */
		mode_t mode;
		uint32_t uid, gid;
	} *binds;
	size_t n_binds;
};

/* Where mounts are attached in every launch, and /tmp. */
extern const char *const view_points[];

/* True for a path that every launch has of its own, and nothing of the user's may be shown at. */
bool view_at_is_taken(const char *at);

/* Paths whose existence decides a step. */
extern const char *const view_probed_dirs[];

/*
 * A view is built from two file systems of the container's own: "private" (what the user fills: bounded by tmp-size)
 * and "skel" (the small parts the helper makes), which are the same one for a launch. Sources and targets are absolute
 * paths in their own tree.
 */
enum step_op {
	STEP_CLONE,	   /* host path src, non-recursive -> dst */
	STEP_HOME,	   /* the opened home, recursive -> dst */
	STEP_BIND,	   /* binds[index], recursive -> dst */
	STEP_SKEL_DIR,	   /* mkdir src in skel */
	STEP_SKEL_FILE,	   /* empty file src in skel */
	STEP_SKEL_ROOT,	   /* carrel-root as src in skel, setuid container root, for the user's group */
	STEP_SKEL_LINK,	   /* hard link: dst in skel is src in skel */
	STEP_SKEL_NODES,   /* the usual devices in skel's directory src */
	STEP_SKEL_NODE,	   /* devices[index] as src in skel */
	STEP_SKEL_COPY,	   /* as STEP_PLACE_COPY, dst in skel */
	STEP_PRIVATE_DIR,  /* mkdir src in private */
	STEP_FROM_SKEL,	   /* skel's src -> dst */
	STEP_FROM_PRIVATE, /* private's src -> dst */
	STEP_DEV,	   /* the helper's /dev template -> dst */
	STEP_OVERLAY,	   /* skel's src laid over what stands at dst; skipped where overlayfs will not */
	/* launches; "place" is to make what is missing in the container's root, as its root */
	STEP_TREE,	   /* the opened tree -> / */
	STEP_LAYERS,	   /* the opened tree, and a layer that is to lie over it: on the kept file system, if there is one, else on private */
	STEP_LAYER_DIR,	   /* mkdir src in the layer */
	STEP_LAYER_COPY,   /* as STEP_PLACE_COPY, in the layer */
	STEP_LAYERED,	   /* the tree below the layer -> / */
	STEP_PLACE_DIR,	   /* a directory dst */
	STEP_PLACE_FILE,   /* an empty file dst */
	STEP_PLACE_COPY,   /* the host's file src as dst; index 1: /etc/hosts, which also names the container, and localhost if src is ""; index 2: the container's name */
	STEP_TERMINALS,	   /* a devpts of the container's own -> dst */
	STEP_SEAL,	   /* nothing can be written to / any more */
};

enum step_owner { OWNER_CONTAINER_ROOT, OWNER_USER, OWNER_SAID };

struct step {
	enum step_op op;
	char src[256];
	char dst[256];
	unsigned attr; /* MOUNT_ATTR_* */
	mode_t mode;
	enum step_owner owner;
	uint32_t uid, gid; /* OWNER_SAID: of the host */
	size_t index;
	bool optional; /* where there is no such place there is nothing to do */
};

struct view_plan {
	struct step *steps;
	size_t n;
	bool no_skel; /* private is skel as well */
};

/* The rows of `view = host`. -ENAMETOOLONG: a path of the profile or the home is longer than a row holds. */
int view_plan(const struct profile *p, const struct view_facts *f, struct view_plan *ret, struct err *e);
/* The rows of a launch. Of the facts it takes IDs, devices and which host paths there are. */
int view_plan_image(const struct profile *p, const struct view_facts *f, const struct view_image *v, struct view_plan *ret,
	struct err *e);
void view_plan_done(struct view_plan *v);

/* True if the mount belongs in a view beside the root file system. */
bool view_keeps_mount(const struct view_mount *m);

/*
 * True if a home or bind that is called word (NULL: any) may be shown where it really is. A link in a user's hands must not
 * put the host's root, or its /run, in the place of the container's own.
 */
bool view_may_show(const char *word, const char *real);

#endif
