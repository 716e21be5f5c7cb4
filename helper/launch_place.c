/*
 * launch_place - what a launch gets from the main process: a name, a range, and the image of the cache; or the image is read here.
 *
 * Trust:  the main process alone knows what is taken. An image is what its manifest says, or nothing (image/open.c).
 * Order:  a place first, as reading an image takes long; then the image, handed over for the next launch.
 * Fails:  the place is given back when this process is dead.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/image_cache.h"
#include "helper/launch.h"
#include "helper/launch_command.h"
#include "helper/owner.h"
#include "helper/paths.h"
#include "helper/public/message.h"
#include "helper/public/syscalls.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/paths.h"
#include "policy/grant.h"
#include "policy/policy.h"
#include "policy/subid.h"

#define RANGES_TRIED 512 /* slots that turn out to be somebody's */
#define END_WAIT_US 2000 /* for a container that is about to be gone */
#define ENDS_AWAITED 2500

void launch_note_fill(const struct attempt *a, struct launch_note *n, enum launch_word word)
{
	memset(n, 0, sizeof(*n));
	n->word = word;
	n->what = a->what;
	n->ranges = a->ranges;
	(void)snprintf(n->what.user, sizeof(n->what.user), "%s", a->account.name ? a->account.name : "?");
	(void)snprintf(n->profile, sizeof(n->profile), "%s", a->profile ? a->profile->name : "");
}

int launch_tell(const struct attempt *a, const struct launch_note *n, const int *fds, size_t n_fds)
{
	return message_send(a->task->main_fd, n, sizeof(*n), fds, n_fds);
}

int launch_hear(const struct attempt *a, struct launch_note *n, struct err *e)
{
	if (message_recv(a->task->main_fd, n, sizeof(*n), NULL, 0, NULL) != (ssize_t)sizeof(*n))
		return err_set(e, EPIPE, "carrel-helper went away");
	if (n->word == LAUNCH_NO)
		return err_set(e, EBUSY, "%s", n->text);
	return 0;
}

static int launch_ask(const struct attempt *a, struct launch_note *n, const int *fds, size_t n_fds, struct err *e)
{
	return launch_tell(a, n, fds, n_fds) < 0 ? err_set(e, EPIPE, "carrel-helper went away") : launch_hear(a, n, e);
}

/* --- a place --- */

static void place_note(const struct attempt *a, const struct cached_image *known, struct launch_note *n)
{
	launch_note_fill(a, n, LAUNCH_PLACE);
	n->serial = known ? known->serial : 0;
}

int launch_place_get(struct attempt *a, struct err *e)
{
	const struct cached_image *known = a->request->flags & LAUNCH_ROOTFS ? NULL : image_cache_find(a->request->image);
	struct launch_note n;
	int tries, waited = 0, r;

	place_note(a, known, &n);
	for (tries = 0; tries < RANGES_TRIED; tries++) {
		r = launch_ask(a, &n, NULL, 0, e);
		if (r < 0)
			return r;
		if (n.word == LAUNCH_LATER) {
			if (waited++ == ENDS_AWAITED)
				return err_set(e, EBUSY, "%s", n.text);
			(void)usleep(END_WAIT_US);
			place_note(a, known, &n);
			tries--;
			continue;
		}
		if (n.same)
			a->image = &known->image;
		a->what = n.what;
		a->ranges = n.ranges;
		a->owner = n.owner;
		r = n.known ? 0 : subid_check_slot(&server.policy->pool, &a->ranges.uids, e);
		if (r == 0 && a->owner == 0)
			a->owner = a->owner_asked = subid_owner(&server.policy->pool, a->account.uid);
		if (r != -EEXIST)
			return r;
		launch_note_fill(a, &n, LAUNCH_TAKEN);
	}
	return err_wrap(e, -EEXIST, "the last %d slots of the pool are somebody's; enlarge 'pool' in [ids]", RANGES_TRIED);
}

/* --- the image --- */

static int directory_open(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* True: the main process keeps it, so that the next launch need not read it. */
static bool image_hand_over(struct attempt *a)
{
	const struct image *i = &a->opened;
	_cleanup_fd_ int text_fd = -1, none = open("/dev/null", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct launch_note n;
	struct err e;
	size_t len;

	if (i->watch_fd < 0 || none < 0 || manifest_write(&i->manifest, &text, &len, &e) < 0 ||
		launch_payload_make(text, len, &text_fd, &e) < 0)
		return false;
	launch_note_fill(a, &n, LAUNCH_IMAGE);
	n.stamp = i->stamp;
	memcpy(n.signer, i->signer, sizeof(n.signer));
	return launch_ask(a, &n, (const int[]){ text_fd, i->tree_fd, i->file_fd < 0 ? none : i->file_fd, i->watch_fd }, LAUNCH_FDS, &e) == 0;
}

/* In mounts of this process's own, because kernels before 6.15 clone none that is attached nowhere. */
static int image_attach_here(const struct attempt *a, struct err *e)
{
	const struct image *i = &a->opened;
	_cleanup_fd_ int at = -1;
	int r = owner_take((uid_t)-1, a->owner);

	if (r == 0) {
		r = unshare(CLONE_NEWNS);
		owner_return();
	}
	if (r < 0 || (mkdir(IMAGES_DIR, 0700) < 0 && errno != EEXIST))
		return err_set(e, errno, "cannot attach an image: %s", strerror(errno));
	at = open(IMAGES_DIR, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0 || sys_move_mount(i->tree_fd, at) < 0)
		return err_set(e, errno, "cannot attach an image: %s", strerror(errno));
	return 0;
}

static int image_read(struct attempt *a, struct err *e)
{
	_cleanup_fd_ int store = directory_open(IMAGE_STORE), keys = directory_open(CARREL_SYSCONFDIR "/trusted.d");
	struct launch_note n;
	int r;

	if (store < 0 && errno == ENOENT)
		return err_set(e, ENOENT, "there is no image '%s' (carrel image list)", a->request->image);
	if (store < 0)
		return err_set(e, errno, "cannot open %s: %s", IMAGE_STORE, strerror(errno));
	launch_note_fill(a, &n, LAUNCH_SLOW);
	(void)launch_tell(a, &n, NULL, 0);
	r = image_open(store, a->request->image, keys, &a->opened, e);
	if (r < 0)
		return r;
	a->image = &a->opened;
	return image_hand_over(a) ? 0 : image_attach_here(a, e);
}

int launch_image_find(struct attempt *a, struct err *e)
{
	int r = a->image ? 0 : image_read(a, e);

	if (r < 0)
		return r;
	(void)snprintf(a->what.digest, sizeof(a->what.digest), "%s", a->image->manifest.digest);
	return grant_check_image(a->profile, a->request->image, a->image->signer, e);
}
