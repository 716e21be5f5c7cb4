#include "policy/policy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/io.h"
#include "policy/base/parse.h"
#include "policy/config-profile.h"
#include "policy/config.h"
#include "policy/idrange.h"

#define MAIN_FILE "carrel.conf"
#define DROPIN_DIR "conf.d"
#define DROPINS_MAX 1000

/* systemd's range for containers: 28663 slots from 8 * 65536 on. */
#define POOL_FIRST 524288u
#define POOL_LAST 1878982655u
#define POOL_UIDS 28663u

struct assign_draft {
	struct assign a;
	char *outcome; /* a profile's name, which may be defined after its use */
};

enum { SET_POOL = 1, SET_UIDS = 2, SET_NEGATIVE = 4 };

/* A policy while its files are being read. Nothing of it is seen outside before all of it is good. */
struct draft {
	struct policy *p;
	struct profile_draft *profiles;
	size_t n_profiles;
	struct assign_draft *assigns;
	size_t n_assigns;
	unsigned set;
	struct origin ids_at; /* of the last key of [ids] */
};

static void draft_done(struct draft *d)
{
	for (size_t i = 0; i < d->n_profiles; i++) {
		profile_done(&d->profiles[i].p);
		free(d->profiles[i].inherit);
	}
	for (size_t i = 0; i < d->n_assigns; i++) {
		free(d->assigns[i].a.service);
		free(d->assigns[i].a.who);
		free(d->assigns[i].outcome);
	}
	free(d->profiles);
	free(d->assigns);
	policy_free(d->p);
}

static int no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "out of memory");
}

static struct profile_draft *draft_profile(const struct draft *d, const char *name)
{
	for (size_t i = 0; i < d->n_profiles; i++)
		if (strcmp(d->profiles[i].p.name, name) == 0)
			return &d->profiles[i];
	return NULL;
}

/* exempt and refuse stand where a profile's name may stand. */
static bool outcome_reserved(const char *name)
{
	return strcmp(name, "exempt") == 0 || strcmp(name, "refuse") == 0;
}

static int profile_begin(struct draft *d, const char *name, const struct config_line *l,
	struct err *e)
{
	struct profile_draft *grown, *old = draft_profile(d, name);

	if (!name_valid(name))
		return err_set(e, EINVAL, "[profile %s]: a name has 1 to 32 of a-z, 0-9 and '-'", name);
	if (outcome_reserved(name))
		return err_set(e, EINVAL, "no profile can be called '%s'", name);
	if (old)
		return err_set(e, EINVAL, "profile '%s' is already at %s:%u", name,
			old->p.origin.file, old->p.origin.line);
	grown = reallocarray(d->profiles, d->n_profiles + 1, sizeof(*grown));
	if (!grown)
		return no_memory(e);
	d->profiles = grown;
	grown[d->n_profiles] = (struct profile_draft){ .p.origin = l->at };
	grown[d->n_profiles].p.name = strdup(name);
	if (!grown[d->n_profiles].p.name)
		return no_memory(e);
	d->n_profiles++;
	return 0;
}

static int profile_key(struct draft *d, const char *name, const struct config_line *l, struct err *e)
{
	(void)name; /* the section that began last is the last of the array */
	return profile_draft_set(&d->profiles[d->n_profiles - 1], l, e);
}

static int assign_begin(struct draft *d, const char *service, const struct config_line *l,
	struct err *e)
{
	(void)d;
	(void)l;
	/* libpam makes every service name lower case: another spelling would never match. */
	if (service &&
		strspn(service, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != strlen(service))
		return err_set(e, EINVAL, "[assign %s]: a PAM service has a-z, 0-9, '-', '_' and '.'",
			service);
	return 0;
}

static int who_check(const char *who, struct err *e)
{
	const char *name = who + (who[0] == '@');
	uint32_t first, last;

	if (strcmp(who, "*") == 0)
		return 0;
	if (strncmp(who, "uid:", 4) == 0) {
		if (parse_u32_span(who + 4, &first, &last) < 0 || last == UINT32_MAX)
			return err_set(e, EINVAL, "'%s': not uid:N or uid:A-B", who);
		if (first == 0)
			return err_set(e, EINVAL, "'%s': uid 0 is always exempt, begin at 1", who);
		return 0;
	}
	if (!*name || strpbrk(name, ":/*@,") == name || strpbrk(name, ":/*,\t") || name[0] == '-')
		return err_set(e, EINVAL, "'%s': not a user, @group, uid:A-B or *", who);
	return 0;
}

static const struct assign *assign_same(const struct draft *d, const char *service, const char *who)
{
	for (size_t i = 0; i < d->n_assigns; i++) {
		const struct assign *a = &d->assigns[i].a;

		if (strcmp(a->who, who) == 0 &&
			(service ? a->service && strcmp(a->service, service) == 0 : !a->service))
			return a;
	}
	return NULL;
}

static int assign_key(struct draft *d, const char *service, const struct config_line *l,
	struct err *e)
{
	struct assign_draft *grown, *new;
	const struct assign *old;
	int r;

	if (l->more)
		return err_set(e, EINVAL, "'%s': an assignment has one line", l->value);
	r = who_check(l->key, e);
	if (r < 0)
		return r;
	old = assign_same(d, service, l->key);
	if (old)
		return err_set(e, EINVAL, "'%s' is already assigned at %s:%u", l->key, old->origin.file,
			old->origin.line);
	grown = reallocarray(d->assigns, d->n_assigns + 1, sizeof(*grown));
	if (!grown)
		return no_memory(e);
	d->assigns = grown;
	new = &grown[d->n_assigns++];
	*new = (struct assign_draft){ .a.origin = l->at };
	new->a.who = strdup(l->key);
	new->a.service = service ? strdup(service) : NULL;
	new->outcome = strdup(l->value);
	if (!new->a.who || (service && !new->a.service) || !new->outcome)
		return no_memory(e);
	return 0;
}

/* Notes that the key is given; a continuation line is no second time. */
static int give_once(struct draft *d, unsigned bit, const struct config_line *l, struct err *e)
{
	if (d->set & bit && !l->more)
		return err_set(e, EINVAL, "%s is given twice", l->key);
	d->set |= bit;
	return 0;
}

static int pool_set(struct id_pool *pool, const struct config_line *l, struct err *e)
{
	uint32_t first, last;

	if (l->more)
		return err_set(e, EINVAL, "'pool' is no list: '%s' cannot continue it", l->value);
	if (parse_u32_span(l->value, &first, &last) < 0 || first < ID_SLOT || last > UINT32_MAX - 2)
		return err_set(e, EINVAL, "pool = '%s': not A-B within 65536-4294967293", l->value);
	if (last - first < ID_SLOT - 1)
		return err_set(e, EINVAL, "pool = '%s': smaller than one slot of %u IDs", l->value,
			ID_SLOT);
	pool->first = first;
	pool->last = last;
	return 0;
}

static int window_add(struct id_pool *pool, const char *word, struct err *e)
{
	const size_t max = sizeof(pool->uids) / sizeof(pool->uids[0]);
	uint32_t first, last;

	if (parse_u32_span(word, &first, &last) < 0 || first == 0 || last > UINT32_MAX - 2)
		return err_set(e, EINVAL, "uids: '%s' is not A-B within 1-4294967293", word);
	if (pool->n_uids == max)
		return err_set(e, EINVAL, "uids: '%s' is one window too many (%zu)", word, max);
	for (size_t i = 0; i < pool->n_uids; i++)
		if (first <= pool->uids[i].last && last >= pool->uids[i].first)
			return err_set(e, EINVAL, "uids: '%s' overlaps another window", word);
	pool->uids[pool->n_uids++] = (struct id_window){ first, last };
	return 0;
}

static int windows_set(struct id_pool *pool, const struct config_line *l, struct err *e)
{
	const char *rest = l->value, *word;
	char text[32];
	size_t len;
	int r;

	while ((word = word_next(&rest, &len))) {
		(void)snprintf(text, sizeof(text), "%.*s", (int)(len < 31 ? len : 31), word);
		r = window_add(pool, text, e);
		if (r < 0)
			return r;
	}
	if (pool->n_uids == 0)
		return err_set(e, EINVAL, "uids is empty");
	return 0;
}

static int ids_key(struct draft *d, const char *arg, const struct config_line *l, struct err *e)
{
	bool pool = strcmp(l->key, "pool") == 0;
	int r;

	(void)arg;
	if (!pool && strcmp(l->key, "uids") != 0)
		return err_set(e, EINVAL, "unknown key '%s' in [ids]", l->key);
	d->ids_at = l->at;
	r = give_once(d, pool ? SET_POOL : SET_UIDS, l, e);
	if (r < 0)
		return r;
	return pool ? pool_set(&d->p->pool, l, e) : windows_set(&d->p->pool, l, e);
}

static int groups_key(struct draft *d, const char *arg, const struct config_line *l, struct err *e)
{
	const char *rest = l->value, *word;
	size_t len;
	int r;

	(void)arg;
	if (strcmp(l->key, "negative") != 0)
		return err_set(e, EINVAL, "unknown key '%s' in [groups]", l->key);
	r = give_once(d, SET_NEGATIVE, l, e);
	while (r == 0 && (word = word_next(&rest, &len))) {
		r = strv_add(&d->p->negative_groups, word, len);
		if (r < 0)
			return no_memory(e);
	}
	return r;
}

typedef int section_fn(struct draft *d, const char *arg, const struct config_line *l, struct err *e);

static const struct section {
	const char *name;
	enum { ARG_NO, ARG_MAY, ARG_MUST } arg;
	section_fn *begin, *key;
} sections[] = {
	{ "profile", ARG_MUST, profile_begin, profile_key },
	{ "assign", ARG_MAY, assign_begin, assign_key },
	{ "ids", ARG_NO, NULL, ids_key },
	{ "groups", ARG_NO, NULL, groups_key },
};

static const struct section *section_find(const char *text, const char **ret_arg)
{
	size_t len = strcspn(text, " \t");
	const char *arg = text[len] ? text + len + strspn(text + len, " \t") : NULL;

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		const struct section *s = &sections[i];

		if (strlen(s->name) != len || memcmp(s->name, text, len) != 0)
			continue;
		if ((s->arg == ARG_NO && arg) || (s->arg == ARG_MUST && !arg))
			return NULL;
		if (arg && (!*arg || strpbrk(arg, " \t")))
			return NULL;
		*ret_arg = arg;
		return s;
	}
	return NULL;
}

static int draft_line(void *data, const struct config_line *l, struct err *e)
{
	const struct section *s;
	const char *arg;

	if (!l->section[0])
		return err_set(e, EINVAL, "'%s' stands before the first [section]", l->key);
	s = section_find(l->section, &arg);
	if (!s)
		return err_set(e, EINVAL, "unknown section [%s]", l->section);
	if (l->key)
		return s->key(data, arg, l, e);
	return s->begin ? s->begin(data, arg, l, e) : 0;
}

static int draft_file(struct draft *d, int dir_fd, const char *name, const char *path,
	bool must_be_root_owned, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	r = config_slurp(dir_fd, name, must_be_root_owned, &text, &len, e);
	if (r < 0)
		return err_wrap(e, r, "%s", path);
	if (strv_add(&d->p->files, path, strlen(path)) < 0)
		return no_memory(e);
	return config_read(text, len, d->p->files.v[d->p->files.n - 1], draft_line, d, e);
}

static int finish_profiles(struct draft *d, struct err *e)
{
	for (size_t i = 0; i < d->n_profiles; i++) {
		struct profile_draft *child = &d->profiles[i], *parent = NULL;
		const struct origin *at = &child->inherit_at;
		int r;

		if (child->inherit) {
			parent = draft_profile(d, child->inherit);
			if (!parent)
				return err_set(e, EINVAL, "%s:%u: inherit = '%s': no such profile",
					at->file, at->line, child->inherit);
			if (parent->inherit)
				return err_set(e, EINVAL, "%s:%u: inherit = '%s': it inherits itself, "
					"only one step is allowed", at->file, at->line, child->inherit);
		}
		r = profile_draft_finish(child, parent, e);
		if (r < 0)
			return r;
	}
	d->p->profiles = calloc(d->n_profiles + 1, sizeof(*d->p->profiles));
	if (!d->p->profiles)
		return no_memory(e);
	for (size_t i = 0; i < d->n_profiles; i++) {
		d->p->profiles[i] = d->profiles[i].p;
		d->profiles[i].p = (struct profile){ 0 };
	}
	d->p->n_profiles = d->n_profiles;
	return 0;
}

static int resolve_outcome(const struct policy *p, struct assign_draft *d, struct err *e)
{
	if (strcmp(d->outcome, "refuse") == 0) {
		d->a.verdict = VERDICT_REFUSE;
	} else if (strcmp(d->outcome, "exempt") == 0) {
		d->a.verdict = VERDICT_EXEMPT;
	} else {
		d->a.profile = policy_profile(p, d->outcome);
		d->a.verdict = VERDICT_CONFINE;
		if (!d->a.profile)
			return err_set(e, EINVAL, "%s:%u: %s = '%s': no such profile", d->a.origin.file,
				d->a.origin.line, d->a.who, d->outcome);
	}
	return 0;
}

static int finish_assigns(struct draft *d, struct err *e)
{
	for (size_t i = 0; i < d->n_assigns; i++) {
		int r = resolve_outcome(d->p, &d->assigns[i], e);

		if (r < 0)
			return r;
	}
	d->p->assigns = calloc(d->n_assigns + 1, sizeof(*d->p->assigns));
	if (!d->p->assigns)
		return no_memory(e);
	for (size_t i = 0; i < d->n_assigns; i++) {
		d->p->assigns[i] = d->assigns[i].a;
		d->assigns[i].a = (struct assign){ 0 };
	}
	d->p->n_assigns = d->n_assigns;
	return 0;
}

/* A uid that gets a slot must not lie in somebody's slot: inside it would be that somebody's. */
static int finish_pool(struct draft *d, struct err *e)
{
	struct id_pool *pool = &d->p->pool;

	if (!(d->set & SET_POOL)) {
		pool->first = POOL_FIRST;
		pool->last = POOL_LAST;
	}
	if (!(d->set & SET_UIDS)) {
		pool->uids[0] = (struct id_window){ 1, POOL_UIDS };
		pool->n_uids = 1;
	}
	for (size_t i = 0; i < pool->n_uids; i++) {
		const struct id_window *w = &pool->uids[i];

		if (w->first <= pool->last && w->last >= pool->first)
			return err_set(e, EINVAL, "%s:%u: uids %u-%u lie in the pool %u-%u; move 'pool'",
				d->ids_at.file, d->ids_at.line, w->first, w->last, pool->first,
				pool->last);
	}
	return 0;
}

static int draft_begin(struct draft *d, struct err *e)
{
	*d = (struct draft){ .p = calloc(1, sizeof(*d->p)) };
	return d->p ? 0 : no_memory(e);
}

static int draft_finish(struct draft *d, struct policy **ret, struct err *e)
{
	int r = finish_profiles(d, e);

	if (r == 0)
		r = finish_assigns(d, e);
	if (r == 0)
		r = finish_pool(d, e);
	if (r == 0)
		*ret = ptr_take(&d->p);
	return r;
}

/* The files that count: a name of at least one byte before ".conf", not hidden. */
static bool dropin_name(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && n > 5 && strcmp(name + n - 5, ".conf") == 0;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int dropin_names(int fd, struct strv *ret, struct err *e)
{
	_cleanup_dir_ DIR *dir = NULL;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	struct dirent *entry;

	dir = own < 0 ? NULL : fdopendir(own);
	if (!dir) {
		int code = errno;

		if (own >= 0)
			(void)close(own);
		return err_set(e, code, "%s", strerror(code));
	}
	while (errno = 0, (entry = readdir(dir))) {
		if (!dropin_name(entry->d_name))
			continue;
		if (ret->n == DROPINS_MAX)
			return err_set(e, E2BIG, "more than %d files", DROPINS_MAX);
		if (strv_add(ret, entry->d_name, strlen(entry->d_name)) < 0)
			return no_memory(e);
	}
	if (errno)
		return err_set(e, errno, "%s", strerror(errno));
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_bytes);
	return 0;
}

static int open_directory(int dir_fd, const char *name, bool must_be_root_owned, int *ret_fd,
	struct err *e)
{
	_cleanup_fd_ int fd = -1;

	fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return err_set(e, errno, "%s", strerror(errno));
	if (must_be_root_owned && fd_check_owner(fd, e) < 0)
		return -EPERM;
	*ret_fd = fd_take(&fd);
	return 0;
}

static int draft_dropins(struct draft *d, int dir_fd, const char *dir, bool must_be_root_owned,
	struct err *e)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	_cleanup_fd_ int fd = -1;
	char path[PATH_MAX];
	int r;

	r = open_directory(dir_fd, DROPIN_DIR, must_be_root_owned, &fd, e);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = dropin_names(fd, &names, e);
	if (r < 0)
		return err_wrap(e, r, "%s/%s", dir, DROPIN_DIR);
	for (size_t i = 0; i < names.n; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s/%s", dir, DROPIN_DIR, names.v[i]);
		r = draft_file(d, fd, names.v[i], path, must_be_root_owned, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int policy_load(const char *dir, bool must_be_root_owned, struct policy **ret, struct err *e)
{
	_cleanup_(draft_done) struct draft d = { 0 };
	_cleanup_fd_ int fd = -1;
	char path[PATH_MAX];
	int r;

	r = open_directory(AT_FDCWD, dir, must_be_root_owned, &fd, e);
	if (r < 0)
		return err_wrap(e, r, "%s", dir);
	r = draft_begin(&d, e);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/%s", dir, MAIN_FILE);
	r = draft_file(&d, fd, MAIN_FILE, path, must_be_root_owned, e);
	if (r == 0)
		r = draft_dropins(&d, fd, dir, must_be_root_owned, e);
	if (r == 0)
		r = draft_finish(&d, ret, e);
	return r;
}

int policy_load_file(const char *path, bool must_be_root_owned, struct policy **ret, struct err *e)
{
	_cleanup_(draft_done) struct draft d = { 0 };
	int r;

	r = draft_begin(&d, e);
	if (r == 0)
		r = draft_file(&d, AT_FDCWD, path, path, must_be_root_owned, e);
	if (r == 0)
		r = draft_finish(&d, ret, e);
	return r;
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_profiles; i++)
		profile_done(&p->profiles[i]);
	for (size_t i = 0; i < p->n_assigns; i++) {
		free(p->assigns[i].service);
		free(p->assigns[i].who);
	}
	free(p->profiles);
	free(p->assigns);
	strv_done(&p->negative_groups);
	strv_done(&p->files);
	free(p);
}

const struct profile *policy_profile(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_profiles; i++)
		if (strcmp(p->profiles[i].name, name) == 0)
			return &p->profiles[i];
	return NULL;
}

/* FNV-1a: the stamp need only differ when an admin's edit makes it differ, nobody plays against it. */
static uint64_t mix(uint64_t h, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len--)
		h = (h ^ *p++) * UINT64_C(0x100000001b3);
	return h;
}

static uint64_t stamp_entry(int dir_fd, const char *name)
{
	uint64_t h = mix(UINT64_C(0xcbf29ce484222325), name, strlen(name));
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return mix(h, &errno, sizeof(errno));
	h = mix(h, &st.st_dev, sizeof(st.st_dev));
	h = mix(h, &st.st_ino, sizeof(st.st_ino));
	h = mix(h, &st.st_mode, sizeof(st.st_mode));
	h = mix(h, &st.st_uid, sizeof(st.st_uid));
	h = mix(h, &st.st_size, sizeof(st.st_size));
	h = mix(h, &st.st_mtim, sizeof(st.st_mtim));
	return mix(h, &st.st_ctim, sizeof(st.st_ctim));
}

uint64_t policy_stamp(const char *dir)
{
	_cleanup_fd_ int fd = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);
	_cleanup_fd_ int dropins = -1;
	char buf[4096] __attribute__((aligned(8)));
	uint64_t h;
	ssize_t n;

	if (fd < 0)
		return 0;
	h = stamp_entry(fd, MAIN_FILE) * 3 + stamp_entry(fd, DROPIN_DIR);
	h = h * 3 + stamp_entry(fd, ".");
	dropins = openat(fd, DROPIN_DIR, O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);
	if (dropins < 0)
		return h;
	/* Added up, because the order of a directory's entries means nothing. */
	while ((n = getdents64(dropins, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n;) {
			struct dirent64 *entry = (struct dirent64 *)(buf + at);

			if (dropin_name(entry->d_name))
				h += stamp_entry(dropins, entry->d_name);
			at += entry->d_reclen;
		}
	return h;
}
