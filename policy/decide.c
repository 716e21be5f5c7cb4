#include <assert.h>
#include <string.h>

#include "policy/base/parse.h"
#include "policy/policy.h"

/* 1, 0, or a negative errno when the group cannot be asked for. */
static int rule_matches(const struct assign *a, const struct person *who)
{
	uint32_t first, last;
	int r;

	if (strcmp(a->who, "*") == 0)
		return 1;
	if (a->who[0] == '@')
		return who->in_group(who, a->who + 1);
	if (strncmp(a->who, "uid:", 4) != 0)
		return strcmp(a->who, who->name) == 0;
	r = parse_u32_span(a->who + 4, &first, &last);
	assert(r == 0); /* policy_load() has read it before */
	return who->uid >= first && who->uid <= last;
}

/*
 * The first rule of the service (NULL: of every service) that matches; *ret stays NULL when none
 * does.
 */
static int rule_find(const struct policy *p, const struct person *who, const char *service,
	const struct assign **ret)
{
	for (size_t i = 0; i < p->n_assigns; i++) {
		const struct assign *a = &p->assigns[i];
		int r;

		if (service ? !a->service || strcmp(a->service, service) != 0 : a->service != NULL)
			continue;
		r = rule_matches(a, who);
		if (r != 0) {
			*ret = a;
			return r < 0 ? r : 0;
		}
	}
	return 0;
}

struct decision policy_decide(const struct policy *p, const struct person *who, const char *service)
{
	struct decision d = { .verdict = VERDICT_REFUSE };

	if (who->uid == 0) {
		d.verdict = VERDICT_EXEMPT;
		return d;
	}
	if (service)
		d.unsure = rule_find(p, who, service, &d.rule);
	if (!d.rule)
		d.unsure = rule_find(p, who, NULL, &d.rule);
	/*
	 * Going on past a group nobody can tell about might pass over the very rule that was meant
	 * to refuse.
	 */
	if (!d.rule || d.unsure < 0)
		return d;
	if (d.rule->verdict == VERDICT_CONFINE && service &&
		strcmp(service, SERVICE_USER_MANAGER) == 0)
		return d;
	d.verdict = d.rule->verdict;
	d.profile = d.rule->profile;
	return d;
}

bool policy_keeps_groups(const struct policy *p, const struct person *who)
{
	for (size_t i = 0; i < p->negative_groups.n; i++)
		if (who->in_group(who, p->negative_groups.v[i]) != 0)
			return true;
	return false;
}
