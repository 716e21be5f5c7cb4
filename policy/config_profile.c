#include "policy/config_profile.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/err.h"
#include "policy/base/parse.h"
#include "policy/config.h"

enum kind {
	KIND_NAME,
	KIND_BOOL,
	KIND_WORD,
	KIND_NUMBER,
	KIND_SIZE,
	KIND_PERCENT,
	KIND_PATHS, /* these are lists */
	KIND_TREES, /* paths that must be there when they are used: no '-' */
	KIND_GLOBS,
	KIND_NAMES,
};

struct word {
	const char *name;
	unsigned value;
};

static const struct word views[] = { { "host", 0 }, { NULL, 0 } };
static const struct word nets[] = { { "none", NET_NONE }, { "host", NET_HOST }, { NULL, 0 } };
static const struct word lingers[] = {
	{ "no", LINGER_NO },
	{ "processes", LINGER_PROCESSES },
	{ "yes", LINGER_YES },
	{ NULL, 0 },
};
static const struct word limits[] = {
	{ "required", LIMITS_REQUIRED },
	{ "best-effort", LIMITS_BEST_EFFORT },
	{ NULL, 0 },
};

/*
 * Every key of [profile]. The text of `standard` is parsed like an admin's, so a default cannot be
 * out of bounds.
 */
static const struct key {
	const char *name;
	enum kind kind;
	size_t offset;
	const char *standard;
	uint64_t min; /* numbers; below it the value is surely a slip of the pen */
	const struct word *words; /* KIND_WORD, and KIND_NAME when only these are known */
	bool none; /* "none" stands for 0 */
	const char *below; /* KIND_PATHS, KIND_TREES: where they must lie */
} keys[] = {
#define KEY(n, k, field, text, ...)                                                                \
	{                                                                                          \
		.name = n, .kind = KIND_##k, .offset = offsetof(struct profile, field),            \
		.standard = text, __VA_ARGS__                                                      \
	}
	KEY("filter", NAME, filter, "default"),
	KEY("view", NAME, view, "host", .words = views),
	KEY("root", BOOL, root, "no"),
	KEY("net", WORD, net, "host", .words = nets),
	KEY("linger", WORD, linger, "processes", .words = lingers),
	KEY("limits", WORD, limits, "required", .words = limits),
	KEY("memory-max", SIZE, memory_max, "none", .min = 1 << 20, .none = true),
	KEY("tasks-max", NUMBER, tasks_max, "none", .min = 4, .none = true),
	KEY("cpu-quota", PERCENT, cpu_percent, "none", .min = 1, .none = true),
	KEY("tmp-size", SIZE, tmp_size, "1G", .min = 1 << 20),
	KEY("tmp-inodes", SIZE, tmp_inodes, "100k", .min = 64),
	KEY("bind", PATHS, bind, "", .below = "/"),
	KEY("bind-readonly", PATHS, bind_readonly, "", .below = "/"),
	KEY("hide", PATHS, hide, "", .below = "/"),
	KEY("devices", PATHS, devices, "", .below = "/dev/"),
	KEY("run", BOOL, run, "no"),
	KEY("images", GLOBS, images, ""),
	KEY("signed", BOOL, image_signed, "no"),
	KEY("max-containers", NUMBER, max_containers, "16", .min = 1, .none = true),
	KEY("home", BOOL, home, "no"),
	KEY("run-bind", TREES, run_bind, "", .below = "/"),
	KEY("run-profiles", NAMES, run_profiles, ""),
	KEY("keep-size", SIZE, keep_size, "none", .min = 1 << 20, .none = true),
	KEY("bundles", BOOL, bundles, "no"),
#undef KEY
};

#define GLOB_MAX 64 /* bytes, as an image's name has */
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))
#define BIT(i) (1u << (i))

static_assert(N_KEYS <= 32, "profile_draft.set has one bit for each key");
static_assert(N_KEYS <= PROFILE_KEYS_MAX, "profile.key_at has one place for each key");

static bool is_list(const struct key *k)
{
	return k->kind >= KIND_PATHS;
}

static int bad_value(const struct key *k, const char *value, const char *wanted, struct err *e)
{
	return err_set(e, EINVAL, "%s = '%s': %s", k->name, value, wanted);
}

static const struct word *word_find(const struct word *w, const char *name)
{
	for (; w->name; w++)
		if (strcmp(w->name, name) == 0)
			return w;
	return NULL;
}

static int set_name(const struct key *k, const char *value, char **field, struct err *e)
{
	char *copy;

	if (k->words && !word_find(k->words, value))
		return bad_value(k, value, "not a known word", e);
	if (!name_valid(value))
		return bad_value(k, value, "a name has 1 to 32 of a-z, 0-9 and '-'", e);
	copy = strdup(value);
	if (!copy)
		return err_set(e, ENOMEM, "out of memory");
	free(*field);
	*field = copy;
	return 0;
}

static int set_word(const struct key *k, const char *value, void *field, struct err *e)
{
	const struct word *w = word_find(k->words, value);

	if (!w)
		return bad_value(k, value, "not a known word", e);
	memcpy(field, &w->value, sizeof(w->value));
	return 0;
}

static int set_number(const struct key *k, const char *value, uint64_t *field, struct err *e)
{
	uint64_t n;
	int r;

	if (k->none && strcmp(value, "none") == 0) {
		*field = 0;
		return 0;
	}
	if (k->kind == KIND_SIZE)
		r = parse_size(value, &n);
	else if (k->kind == KIND_PERCENT)
		r = parse_percent(value, &n);
	else
		r = parse_u64(value, UINT32_MAX, &n);
	/* The kernel takes these as signed 64-bit numbers. */
	if (r == -ERANGE || (r == 0 && n > INT64_MAX))
		return bad_value(k, value, "too large", e);
	if (r < 0)
		return bad_value(k, value,
			k->kind == KIND_SIZE      ? "not a size like 4096, 512M or 4G"
			: k->kind == KIND_PERCENT ? "not a percentage like 200%"
						  : "not a number",
			e);
	if (n < k->min)
		return bad_value(k, value, "too small", e);
	*field = n;
	return 0;
}

const char *const container_own[] = { "/proc", "/run/carrel", NULL };

/* The host's tree in the place of such a one would undo what that is for. */
static bool path_reserved(const char *path)
{
	for (size_t i = 0; container_own[i]; i++)
		if (path_inside(container_own[i], path))
			return true;
	return strcmp(path, "/") == 0;
}

static int check_path(const struct key *k, const char *word, struct err *e)
{
	const char *path = word + (word[0] == '-' && k->kind == KIND_PATHS);

	if (!path_valid(path))
		return bad_value(k, word,
			"not an absolute path without '.', '..', '//' or '/' at its end", e);
	if (strncmp(path, k->below, strlen(k->below)) != 0)
		return bad_value(k, word, "not below /dev", e);
	if (path_reserved(path))
		return bad_value(k, word, "is the container's own", e);
	return 0;
}

/* What fnmatch(3) takes as it reads: brackets that close, hold something and do not nest. */
static bool glob_valid(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._*?[]-");
	const char *bracket = NULL;

	if (n == 0 || n > GLOB_MAX || s[n])
		return false;
	for (; *s; s++) {
		if (*s == '[') {
			if (bracket)
				return false;
			bracket = s;
		} else if (*s == ']') {
			if (!bracket || s == bracket + 1)
				return false;
			bracket = NULL;
		}
	}
	return !bracket;
}

static int check_word(const struct key *k, const char *word, struct err *e)
{
	if (k->kind == KIND_GLOBS && !glob_valid(word))
		return bad_value(k, word,
			"not an image's name or a pattern of a-z, 0-9, '.', '_', '-', '*', '?' "
			"and [...]",
			e);
	if (k->kind == KIND_NAMES && !name_valid(word))
		return bad_value(k, word, "a name has 1 to 32 of a-z, 0-9 and '-'", e);
	return k->kind == KIND_PATHS || k->kind == KIND_TREES ? check_path(k, word, e) : 0;
}

static int set_list(const struct key *k, const char *value, struct strv *field, struct err *e)
{
	char copy[PATH_MAX];
	const char *word;
	size_t len;
	int r;

	while ((word = word_next(&value, &len))) {
		if (len >= sizeof(copy))
			return err_set(e, EINVAL, "%s: word too long", k->name);
		memcpy(copy, word, len);
		copy[len] = '\0';
		r = check_word(k, copy, e);
		if (r < 0)
			return r;
		if (strv_has(field, copy))
			return bad_value(k, copy, "twice in one list", e);
		if (strv_add(field, copy, len) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

static int set_field(struct profile *p, const struct key *k, const char *value, struct err *e)
{
	void *field = (char *)p + k->offset;

	switch (k->kind) {
	case KIND_NAME:
		return set_name(k, value, field, e);
	case KIND_BOOL:
		if (parse_bool(value, field) < 0)
			return bad_value(k, value, "neither yes nor no", e);
		return 0;
	case KIND_WORD:
		return set_word(k, value, field, e);
	case KIND_NUMBER:
	case KIND_SIZE:
	case KIND_PERCENT:
		return set_number(k, value, field, e);
	case KIND_PATHS:
	case KIND_TREES:
	case KIND_GLOBS:
	case KIND_NAMES:
		return set_list(k, value, field, e);
	}
	assert(!"a key of unknown kind");
	return -EINVAL;
}

static int set_inherit(struct profile_draft *d, const struct config_line *l, struct err *e)
{
	if (d->inherit)
		return err_set(e, EINVAL, "inherit is given twice");
	if (!name_valid(l->value))
		return err_set(e, EINVAL, "inherit = '%s': not a profile's name", l->value);
	d->inherit = strdup(l->value);
	if (!d->inherit)
		return err_set(e, ENOMEM, "out of memory");
	d->inherit_at = l->at;
	return 0;
}

static int key_find(const char *name)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* The profiles may be defined later: where each is named is needed until then. */
static int note_run_profiles(struct profile_draft *d, const struct origin *at, struct err *e)
{
	struct origin *grown =
		reallocarray(d->run_profiles_at, d->p.run_profiles.n + 1, sizeof(*grown));

	if (!grown)
		return err_set(e, ENOMEM, "out of memory");
	d->run_profiles_at = grown;
	while (d->n_run_profiles_at < d->p.run_profiles.n)
		grown[d->n_run_profiles_at++] = *at;
	return 0;
}

int profile_draft_set(struct profile_draft *d, const struct config_line *l, struct err *e)
{
	bool inherit = strcmp(l->key, "inherit") == 0;
	int i = key_find(l->key), r;

	if (!inherit && i < 0)
		return err_set(e, EINVAL, "unknown key '%s' in [%s]", l->key, l->section);
	if (l->more && (inherit || !is_list(&keys[i])))
		return err_set(
			e, EINVAL, "'%s' is no list: '%s' cannot continue it", l->key, l->value);
	if (inherit)
		return set_inherit(d, l, e);
	if (!l->more && d->set & BIT(i))
		return err_set(e, EINVAL, "%s is given twice", l->key);
	if (!l->more)
		d->p.key_at[i] = l->at;
	d->set |= BIT(i);
	r = set_field(&d->p, &keys[i], l->value, e);
	return r < 0 ? r : note_run_profiles(d, &l->at, e);
}

/* The parent's value in the child's place: through the same setters, so that nothing is shared. */
static int copy_field(
	struct profile *p, const struct profile *from, const struct key *k, struct err *e)
{
	const char *src = (const char *)from + k->offset;
	char *dst = (char *)p + k->offset;

	if (k->kind == KIND_NAME)
		return set_name(k, *(char *const *)src, (char **)dst, e);
	if (is_list(k)) {
		const struct strv *list = (const struct strv *)src;

		for (size_t i = 0; i < list->n; i++)
			if (strv_add((struct strv *)dst, list->v[i], strlen(list->v[i])) < 0)
				return err_set(e, ENOMEM, "out of memory");
		return 0;
	}
	if (k->kind == KIND_BOOL)
		memcpy(dst, src, sizeof(bool));
	else if (k->kind == KIND_WORD)
		memcpy(dst, src, sizeof(unsigned));
	else
		memcpy(dst, src, sizeof(uint64_t));
	return 0;
}

int profile_draft_finish(struct profile_draft *d, const struct profile_draft *parent, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < N_KEYS && r == 0; i++) {
		if (d->set & BIT(i))
			continue;
		if (parent && parent->set & BIT(i)) {
			d->p.key_at[i] = parent->p.key_at[i];
			r = copy_field(&d->p, &parent->p, &keys[i], e);
		} else {
			r = set_field(&d->p, &keys[i], keys[i].standard, e);
		}
	}
	return r;
}

struct origin profile_key_at(const struct profile *p, const char *key)
{
	int i = key_find(key);

	assert(i >= 0);
	return p->key_at[i].file ? p->key_at[i] : p->origin;
}

void profile_draft_done(struct profile_draft *d)
{
	profile_done(&d->p);
	free(d->inherit);
	free(d->run_profiles_at);
}

void profile_done(struct profile *p)
{
	free(p->name);
	free(p->filter);
	free(p->view);
	strv_done(&p->bind);
	strv_done(&p->bind_readonly);
	strv_done(&p->hide);
	strv_done(&p->devices);
	strv_done(&p->images);
	strv_done(&p->run_bind);
	strv_done(&p->run_profiles);
}
