/*
 * filter_compile - rules to two BPF programs: one ABI after the other, a binary search for the
 * number, and at its leaves the argument rules of that call.
 *
 * libseccomp is not asked to do it. Of 2.5 and 2.6 it is known that several NE, or ranges above 32
 * bits, become programs that permit what they should refuse, or that building them never ends; an
 * allow-list of values has to be told to it as the complement, bit by bit; and every instruction is
 * paid for at every login. What comes out here is not believed either: filter_prove() evaluates it
 * against the rules.
 */
#include "policy/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "helper/public/program.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/bpf_emit.h"
#include "policy/filter_rules.h"

/* One of the two programs being made. */
struct program {
	const struct filter *f;
	const struct verdict_table *t; /* of the ABI in hand */
	struct bpf_emit out;
	bool quiet;
};

/* ---- one comparison ---- */

/* Of the low or high half of an argument's register. */
static uint32_t half(unsigned index, bool high)
{
	bool first = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? high : !high;

	return (uint32_t)(offsetof(struct seccomp_data, args) + 8 * index + (first ? 0 : 4));
}

/* (half & mask) == value */
static bpf_label half_emit(struct bpf_emit *out, unsigned index, bool high, uint32_t mask,
	uint32_t value, bpf_label yes, bpf_label no)
{
	if (mask == 0)
		return yes;
	if (value == 0 && mask != UINT32_MAX)
		(void)bpf_jump(out, BPF_JSET, mask, no, yes);
	else
		(void)bpf_jump(out, BPF_JEQ, value, yes, no);
	if (value != 0 && mask != UINT32_MAX)
		(void)bpf_and(out, mask);
	return bpf_load(out, half(index, high));
}

/* Values have no bits outside their masks, and masks none outside the argument's width. */
static bpf_label match_emit(struct bpf_emit *out, const struct syscall_arg *arg, struct match m,
	bpf_label yes, bpf_label no)
{
	yes = half_emit(out, arg->index, false, (uint32_t)m.mask, (uint32_t)m.value, yes, no);
	return half_emit(out, arg->index, true, (uint32_t)(m.mask >> 32), (uint32_t)(m.value >> 32),
		yes, no);
}

/* The first one met, or none. A register that is compared whole is loaded once for all. */
static bpf_label matches_emit(struct bpf_emit *out, const struct syscall_arg *arg,
	const struct match *m, size_t n, bpf_label met, bpf_label none)
{
	bool whole = n > 0 && arg->bits <= 32;

	for (size_t i = 0; i < n; i++)
		whole = whole && m[i].mask == UINT32_MAX;
	for (size_t i = n; i-- > 0;)
		none = whole ? bpf_jump(out, BPF_JEQ, (uint32_t)m[i].value, met, none)
			     : match_emit(out, arg, m[i], met, none);
	return whole ? bpf_load(out, half(arg->index, false)) : none;
}

/* ---- the argument rules of one call ---- */

/* Where a call goes that keeps to the rule, and one that the rule logs. */
struct ways {
	bpf_label kept, logged;
};

static bpf_label rule_emit(
	struct program *p, const struct arg_rule *rule, bool whole, struct ways w)
{
	struct bpf_emit *out = &p->out;
	bpf_label kept = w.kept, broken, quiet, begin = kept;
	struct match selected;

	if (whole && rule->n_values > 0) {
		broken = rule->action == CALL_LOG
				 ? w.logged
				 : bpf_ret(out, call_action_verdict(rule->action, rule->error));
		begin = rule->exclude ? matches_emit(out, rule->arg, rule->values, rule->n_values,
						broken, kept)
				      : matches_emit(out, rule->arg, rule->values, rule->n_values,
						kept, broken);
	}
	/* The program that does not answer for a quiet value lets it pass. */
	if (rule->n_quiet > 0) {
		quiet = kept;
		if (rule->action != CALL_LOG)
			quiet = bpf_ret(out, p->quiet ? call_action_verdict(rule->action, rule->error)
						      : SECCOMP_RET_ALLOW);
		begin = matches_emit(out, rule->arg, rule->quiet, rule->n_quiet, quiet, begin);
	}
	if (!rule->selector || begin == kept)
		return begin;
	selected = (struct match){ syscall_arg_mask(rule->selector), rule->selected };
	return match_emit(out, rule->selector, selected, begin, kept);
}

static bool logs_before(const struct program *p, int number, size_t end)
{
	for (size_t i = 0; i < end; i++)
		if (p->t->rule_call[i] == number && p->f->args[i].action == CALL_LOG)
			return true;
	return false;
}

/*
 * All rules of the call, the last one first. A rule that only logs does not end the judging: what
 * follows it is there twice, once for calls that will be logged.
 */
static bpf_label call_emit(struct program *p, int number)
{
	const struct call_verdict *v = &p->t->call[number];
	bool mine = v->quiet == p->quiet;
	struct ways w = { 0 };

	w.kept = bpf_ret(&p->out, mine ? call_action_verdict(v->action, v->error) : SECCOMP_RET_ALLOW);
	if (mine && logs_before(p, number, p->f->n_args))
		w.logged = bpf_ret(&p->out, SECCOMP_RET_LOG);
	for (size_t i = p->f->n_args; i-- > 0;) {
		const struct arg_rule *rule = &p->f->args[i];

		if (p->t->rule_call[i] != number)
			continue;
		w.kept = rule_emit(p, rule, mine, w);
		if (mine && logs_before(p, number, i))
			w.logged = rule_emit(p, rule, mine, (struct ways){ w.logged, w.logged });
	}
	return w.kept;
}

/* ---- numbers ---- */

/* Numbers from `first` on, until the next run begins. */
struct run {
	uint32_t first, verdict;
	bool args; /* not the verdict, but the argument rules of this number */
};

#define RUNS_MAX (SYSCALLS_MAX + 3)

/* All that the loud program decides about passes the quiet one; what is left does not exist. */
static struct run run_at(const struct program *p, uint32_t number)
{
	const struct verdict_table *t = p->t;
	struct run run = { .first = number, .verdict = SECCOMP_RET_ALLOW };

	if (number >= SYSCALLS_MAX) {
		if (number == X32_FIRST && t->arch == AUDIT_ARCH_X86_64)
			run.verdict = SECCOMP_RET_KILL_PROCESS;
		else if (p->quiet)
			run.verdict = SECCOMP_RET_ERRNO | ENOSYS;
		return run;
	}
	if (t->call[number].quiet == p->quiet)
		run.verdict = call_action_verdict(t->call[number].action, t->call[number].error);
	for (size_t i = 0; i < p->f->n_args; i++)
		run.args |= t->rule_call[i] == (int)number &&
			    (t->call[number].quiet == p->quiet || p->f->args[i].n_quiet > 0);
	return run;
}

static size_t runs_of(const struct program *p, struct run ret[static RUNS_MAX])
{
	/* -1 is a call that a tracer has taken back. */
	const uint32_t beyond[] = { SYSCALLS_MAX, X32_FIRST, UINT32_MAX };
	size_t n = 0;

	for (uint32_t i = 0; i < RUNS_MAX; i++) {
		struct run run = run_at(p, i < SYSCALLS_MAX ? i : beyond[i - SYSCALLS_MAX]);

		if (n == 0 || run.args || ret[n - 1].args || run.verdict != ret[n - 1].verdict)
			ret[n++] = run;
	}
	return n;
}

static bpf_label search_emit(struct program *p, const struct run *runs, size_t n)
{
	bpf_label low, high;

	if (n == 1)
		return runs->args ? call_emit(p, (int)runs->first)
				  : bpf_ret(&p->out, runs->verdict);
	high = search_emit(p, runs + n / 2, n - n / 2);
	low = search_emit(p, runs, n / 2);
	return bpf_jump(&p->out, BPF_JGE, runs[n / 2].first, high, low);
}

/* Makes one program in ret, and says how long it is. */
static int program_make(const struct filter *f, const struct verdicts *v, bool quiet,
	struct sock_filter *ret, uint16_t *ret_n, struct err *e)
{
	_cleanup_free_ struct sock_filter *insns = calloc(PROGRAM_INSNS, sizeof(*insns));
	struct program p = {
		.f = f,
		.quiet = quiet,
		.out = { .insns = insns, .size = PROGRAM_INSNS },
	};
	struct run runs[RUNS_MAX];
	bpf_label next, abi;

	if (!insns)
		return err_set(e, ENOMEM, "out of memory");
	next = bpf_ret(&p.out, SECCOMP_RET_KILL_PROCESS);
	for (size_t i = v->n; i-- > 0;) {
		p.t = &v->abi[i];
		(void)search_emit(&p, runs, runs_of(&p, runs));
		abi = bpf_load(&p.out, offsetof(struct seccomp_data, nr));
		next = bpf_jump(&p.out, BPF_JEQ, p.t->arch, abi, next);
	}
	(void)bpf_load(&p.out, offsetof(struct seccomp_data, arch));
	if (p.out.full)
		return err_set(e, E2BIG,
			"more than the %d instructions that the kernel takes; "
			"fewer argument rules would do",
			PROGRAM_INSNS);
	memcpy(ret, insns + PROGRAM_INSNS - p.out.n, p.out.n * sizeof(*ret));
	*ret_n = (uint16_t)p.out.n;
	return 0;
}

int filter_compile(
	const struct filter *f, uint32_t arch, void **ret, size_t *ret_len, struct err *e)
{
	_cleanup_free_ char *file = calloc(1, PROGRAM_MAX);
	_cleanup_free_ struct verdicts *v = malloc(sizeof(*v));
	struct program_head *h = (void *)file;
	struct sock_filter *insns;
	size_t len = 0;
	int r;

	if (!file || !v)
		return err_set(e, ENOMEM, "out of memory");
	filter_resolve(f, arch, v);
	insns = (void *)(h + 1);
	*h = (struct program_head){
		.magic = PROGRAM_MAGIC,
		.version = PROGRAM_VERSION,
		.arch = v->abi[0].arch,
	};
	r = program_make(f, v, false, insns, &h->loud, e);
	if (r == 0)
		r = program_make(f, v, true, insns + h->loud, &h->quiet, e);
	if (r == 0) {
		len = sizeof(*h) + ((size_t)h->loud + h->quiet) * sizeof(*insns);
		r = filter_prove(f, v, file, len, e);
	}
	if (r < 0)
		return err_wrap(e, r, "filter '%s'", f->name);
	*ret = ptr_take(&file);
	*ret_len = len;
	return 0;
}
