#include "policy/config_draft.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"
#include "policy/config_profile.h"
#include "policy/config.h"
#include "policy/idrange.h"

/* systemd's range for containers: 28663 slots from 8 * 65536 on. */
#define POOL_FIRST 524288u
#define POOL_LAST 1878982655u
#define POOL_UIDS 28663u

struct assign_draft {
	struct assign a;
	char *outcome; /* a profile's name, which may be defined after its use */
};

enum { SET_POOL = 1, SET_UIDS = 2, SET_NEGATIVE = 4 };

void draft_done(struct draft *d)
{
	for (size_t i = 0; i < d->n_profiles; i++)
		profile_draft_done(&d->profiles[i]);
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

static int profile_begin(
	struct draft *d, const char *name, const struct config_line *l, struct err *e)
{
	struct profile_draft *grown, *old = draft_profile(d, name);

	if (!name_valid(name))
		return err_set(
			e, EINVAL, "[profile %s]: a name has 1 to 32 of a-z, 0-9 and '-'", name);
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

static int profile_key(
	struct draft *d, const char *name, const struct config_line *l, struct err *e)
{
	(void)name; /* the section that began last is the last of the array */
	return profile_draft_set(&d->profiles[d->n_profiles - 1], l, e);
}

static int assign_begin(
	struct draft *d, const char *service, const struct config_line *l, struct err *e)
{
	(void)d;
	(void)l;
	/* libpam makes every service name lower case: another spelling would never match. */
	if (service &&
		strspn(service, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != strlen(service))
		return err_set(e, EINVAL,
			"[assign %s]: a PAM service has a-z, 0-9, '-', '_' and '.'", service);
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

static int assign_key(
	struct draft *d, const char *service, const struct config_line *l, struct err *e)
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
		return err_set(e, EINVAL, "'%s' is already assigned at %s:%u", l->key,
			old->origin.file, old->origin.line);
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

typedef int section_fn(
	struct draft *d, const char *arg, const struct config_line *l, struct err *e);

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

int draft_line(void *data, const struct config_line *l, struct err *e)
{
	const struct section *s;
	const char *arg;

	if (!l->section[0] && l->key)
		return err_set(e, EINVAL, "'%s' stands before the first [section]", l->key);
	s = section_find(l->section, &arg);
	if (!s)
		return err_set(e, EINVAL, "unknown section [%s]", l->section);
	if (l->key)
		return s->key(data, arg, l, e);
	return s->begin ? s->begin(data, arg, l, e) : 0;
}

static int check_run_profiles(const struct draft *d, const struct profile_draft *p, struct err *e)
{
	for (size_t i = 0; i < p->n_run_profiles_at; i++) {
		const struct origin *at = &p->run_profiles_at[i];
		const char *name = p->p.run_profiles.v[i];

		if (!draft_profile(d, name))
			return err_set(e, EINVAL, "%s:%u: run-profiles = '%s': no such profile",
				at->file, at->line, name);
	}
	return 0;
}

static int finish_profiles(struct draft *d, struct err *e)
{
	for (size_t i = 0; i < d->n_profiles; i++) {
		struct profile_draft *child = &d->profiles[i], *parent = NULL;
		const struct origin *at = &child->inherit_at;
		int r = check_run_profiles(d, child, e);

		if (r < 0)
			return r;
		if (child->inherit) {
			parent = draft_profile(d, child->inherit);
			if (!parent)
				return err_set(e, EINVAL, "%s:%u: inherit = '%s': no such profile",
					at->file, at->line, child->inherit);
			if (parent->inherit)
				return err_set(e, EINVAL,
					"%s:%u: inherit = '%s': it inherits itself, "
					"only one step is allowed",
					at->file, at->line, child->inherit);
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
			return err_set(e, EINVAL, "%s:%u: %s = '%s': no such profile",
				d->a.origin.file, d->a.origin.line, d->a.who, d->outcome);
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
			return err_set(e, EINVAL,
				"%s:%u: uids %u-%u lie in the pool %u-%u; move 'pool'",
				d->ids_at.file, d->ids_at.line, w->first, w->last, pool->first,
				pool->last);
	}
	return 0;
}

int draft_begin(struct draft *d, struct err *e)
{
	*d = (struct draft){ .p = calloc(1, sizeof(*d->p)) };
	return d->p ? 0 : no_memory(e);
}

int draft_finish(struct draft *d, struct policy **ret, struct err *e)
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
