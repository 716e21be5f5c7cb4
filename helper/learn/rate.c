#include "helper/learn/rate.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/learn/learnt.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/config.h"
#include "policy/filter_rules.h"

static bool lets(const struct call_verdict *v)
{
	return v->action == CALL_ALLOW || v->action == CALL_LOG;
}

static bool passes(const struct filter *f, const struct verdicts *v, const struct seccomp_data *d)
{
	uint32_t action = filter_verdict(f, v, d, NULL) & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

static int rate_calls(const struct verdict_table *ours, const struct verdict_table *theirs, struct rating *ret)
{
	char name[SYSCALL_NAME_MAX];

	for (int n = 0; n < SYSCALLS_MAX; n++) {
		bool we = lets(&ours->call[n]), they = lets(&theirs->call[n]);

		ret->ours += we;
		ret->theirs += they;
		ret->both += we && they;
		if (we && !they && syscall_name(ours->arch, n, name) &&
			strv_add(&ret->wider, name, strlen(name)) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* One value seen, in an otherwise empty call: the call itself passes in both, and the value in ours alone? */
static int rate_value(const struct arg_interest *a, uint64_t value, const struct filter *ours,
	const struct filter *theirs, const struct verdicts v[2], struct rating *ret)
{
	const struct syscall_arg *arg = arg_interest_arg(a);
	struct seccomp_data d = { .arch = syscall_native_arch(), .nr = syscall_number(syscall_native_arch(), a->call) };
	char key[ARG_KEY_MAX], words[ARG_WORDS_MAX], text[ARG_KEY_MAX + ARG_WORDS_MAX + 2];
	uint64_t selected;

	if (d.nr < 0 || !lets(&v[1].abi[0].call[d.nr]))
		return 0;
	if (a->selected && syscall_constant(syscall_selector(a->call), a->selected, &selected) == 0)
		d.args[syscall_selector(a->call)->index] = selected;
	d.args[arg->index] = value;
	if (passes(theirs, &v[1], &d) || !passes(ours, &v[0], &d))
		return 0;
	arg_interest_key(a, key);
	arg_value_words(arg, value, '|', words);
	(void)snprintf(text, sizeof(text), "%s %s", key, words);
	return strv_add(&ret->wider, text, strlen(text));
}

int rate(const struct filter *ours, const struct learnt *l, const struct filter *theirs, struct rating *ret,
	struct err *e)
{
	_cleanup_free_ struct verdicts *v = malloc(2 * sizeof(*v));
	struct rating rating = { 0 };
	int r;

	if (!v)
		return err_set(e, ENOMEM, "out of memory");
	filter_resolve(ours, 0, &v[0]);
	filter_resolve(theirs, 0, &v[1]);
	r = rate_calls(&v[0].abi[0], &v[1].abi[0], &rating);
	for (size_t i = 0; r == 0 && arg_interests()[i].call; i++)
		for (size_t j = 0; r == 0 && j < l->values[i].n; j++)
			r = rate_value(&arg_interests()[i], l->values[i].values[j], ours, theirs, v, &rating);
	if (r < 0) {
		rating_done(&rating);
		return err_set(e, ENOMEM, "out of memory");
	}
	*ret = rating;
	return 0;
}

void rating_done(struct rating *r)
{
	strv_done(&r->wider);
	*r = (struct rating){ 0 };
}
