/*
 * filter_compile - rules to two BPF programs, the one with conditions through libseccomp.
 *
 * To it everything is said in one shape: "refuse when (argument & mask) == value", alone or together with
 * one more such condition on the selecting argument. libseccomp 2.5 and 2.6 compile other shapes
 * (several NE, ranges above 32 bits) to programs that permit what they should refuse, or never
 * return; and a full compare of an int is passed by by setting a high bit. What comes out is still
 * not believed: filter_prove() evaluates it against the rules.
 */
#include "policy/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "helper/public/program.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/filter_rules.h"

/*
 * Below this a chain is as fast as a tree, and libseccomp before 2.5.4 forgets the default action
 * of an empty tree.
 */
#define TREE_FROM 32

static void cleanup_scmp(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

/* ---- an argument rule as matches ---- */

static bool any_below(const struct arg_rule *rule, uint64_t mask, uint64_t prefix)
{
	for (size_t i = 0; i < rule->n_values; i++)
		if ((rule->values[i] & mask) == prefix)
			return true;
	return false;
}

static int match_add(struct match *ret, int n, uint64_t mask, uint64_t value)
{
	if (n >= MATCH_MAX)
		return -E2BIG;
	ret[n] = (struct match){ .mask = mask, .value = value };
	return n + 1;
}

/*
 * All values but the listed ones, as the fewest blocks aligned to a power of two: walks the tree of
 * binary prefixes.
 */
static int complement(const struct arg_rule *rule, uint64_t mask, uint64_t prefix, int bit,
	struct match *ret, int n)
{
	uint64_t one = UINT64_C(1) << (bit - 1);

	for (int side = 0; side < 2; side++) {
		uint64_t half = prefix | (side ? one : 0);

		if (!any_below(rule, mask | one, half))
			n = match_add(ret, n, mask | one, half);
		else if (bit > 1)
			n = complement(rule, mask | one, half, bit - 1, ret, n);
		if (n < 0)
			return n;
	}
	return n;
}

int arg_rule_matches(const struct arg_rule *rule, struct match ret[static MATCH_MAX])
{
	uint64_t all = syscall_arg_mask(rule->arg), bits = 0;
	int n = 0;

	if (rule->arg->kind == ARG_VALUE && !rule->exclude)
		return complement(rule, 0, 0, rule->arg->bits, ret, 0);
	if (rule->arg->kind == ARG_VALUE) {
		for (size_t i = 0; i < rule->n_values && n >= 0; i++)
			n = match_add(ret, n, all, rule->values[i]);
		return n;
	}
	for (size_t i = 0; i < rule->n_values; i++)
		bits |= rule->values[i];
	if (!rule->exclude)
		bits = all & ~bits;
	for (int b = 0; b < 64 && n >= 0; b++)
		if (bits & (UINT64_C(1) << b))
			n = match_add(ret, n, UINT64_C(1) << b, UINT64_C(1) << b);
	return n;
}

/* ---- the two programs ---- */

static int context(uint32_t arch, uint32_t fallback, scmp_filter_ctx *ret, struct err *e)
{
	_cleanup_(cleanup_scmp) scmp_filter_ctx ctx = seccomp_init(fallback);
	int r;

	if (!ctx)
		return err_set(e, ENOMEM, "libseccomp has no filter to give");
	r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r == 0 && arch != seccomp_arch_native()) {
		r = seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE);
		if (r == 0)
			r = seccomp_arch_add(ctx, arch); /* its tokens are the kernel's */
	}
	if (r < 0)
		return err_set(e, -r, "libseccomp: no filter for architecture 0x%x", arch);
	*ret = ptr_take(&ctx);
	return 0;
}

/*
 * libseccomp takes this machine's numbers and translates them; names it does not know have one
 * number everywhere.
 */
static int scmp_number(uint32_t arch, int number)
{
	char name[SYSCALL_NAME_MAX];
	int n;

	if (arch == seccomp_arch_native() || !syscall_name(arch, number, name))
		return number;
	n = seccomp_syscall_resolve_name(name);
	return n == __NR_SCMP_ERROR ? number : n;
}

static int rule_add(scmp_filter_ctx ctx, uint32_t arch, uint32_t action, int number, unsigned n_cmp,
	const struct scmp_arg_cmp *cmp, struct err *e)
{
	int r = seccomp_rule_add_array(ctx, action, scmp_number(arch, number), n_cmp, cmp);

	if (r < 0)
		return err_set(e, -r, "libseccomp refuses a rule for system call %d: %s", number,
			strerror(-r));
	return 0;
}

static int arg_rule_add(
	scmp_filter_ctx ctx, uint32_t arch, int number, const struct arg_rule *rule, struct err *e)
{
	_cleanup_free_ struct match *m = calloc(MATCH_MAX, sizeof(*m));
	int n, r = 0;

	if (!m)
		return err_set(e, ENOMEM, "out of memory");
	n = arg_rule_matches(rule, m);
	if (n < 0)
		return err_set(e, -n, "%s:%u: needs more than %d comparisons", rule->at.file,
			rule->at.line, MATCH_MAX);
	for (int i = 0; i < n && r == 0; i++) {
		struct scmp_arg_cmp cmp[2] = {
			SCMP_CMP(rule->arg->index, SCMP_CMP_MASKED_EQ, m[i].mask, m[i].value),
		};
		if (rule->selector)
			cmp[1] = SCMP_CMP(rule->selector->index, SCMP_CMP_MASKED_EQ,
				syscall_arg_mask(rule->selector), rule->selected);
		r = rule_add(ctx, arch, SCMP_ACT_ERRNO((uint32_t)rule->error), number,
			rule->selector ? 2 : 1, cmp, e);
	}
	return r;
}

/* What an admin wants to hear of. Returns the number of calls with rules. */
static int add_loud(
	scmp_filter_ctx ctx, const struct filter *f, const struct verdict_table *t, struct err *e)
{
	int rules = 0, r = 0;

	for (int n = 0; n < SYSCALLS_MAX && r == 0; n++) {
		const struct call_verdict *v = &t->call[n];

		if (v->action == CALL_ALLOW || !v->known || v->quiet)
			continue;
		r = rule_add(ctx, t->arch,
			v->action == CALL_KILL ? SCMP_ACT_KILL_PROCESS
					       : SCMP_ACT_ERRNO((uint32_t)v->error),
			n, 0, NULL, e);
		rules++;
	}
	for (size_t i = 0; i < f->n_args && r == 0; i++) {
		if (t->rule_call[i] < 0)
			continue;
		r = arg_rule_add(ctx, t->arch, t->rule_call[i], &f->args[i], e);
		rules++;
	}
	return r < 0 ? r : rules;
}

static int export(
	scmp_filter_ctx ctx, int rules, struct sock_filter *ret, uint16_t *ret_n, struct err *e)
{
	_cleanup_fd_ int fd = -1;
	ssize_t n;
	int r = 0;

	if (rules >= TREE_FROM)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	fd = memfd_create("filter", MFD_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "memfd: %s", strerror(errno));
	if (r == 0)
		r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return err_set(e, -r, "libseccomp makes no program: %s", strerror(-r));
	n = pread(fd, ret, (PROGRAM_INSNS + 1) * sizeof(*ret), 0);
	if (n < 0)
		return err_set(e, errno, "memfd: %s", strerror(errno));
	if (n == 0 || n % (ssize_t)sizeof(*ret) || n > (ssize_t)(PROGRAM_INSNS * sizeof(*ret)))
		return err_set(e, E2BIG, "the program has %zd instructions; the kernel takes %d",
			n / (ssize_t)sizeof(*ret), PROGRAM_INSNS);
	*ret_n = (uint16_t)(n / (ssize_t)sizeof(*ret));
	return 0;
}

static int make_loud(const struct filter *f, const struct verdict_table *t, struct sock_filter *ret,
	uint16_t *ret_n, struct err *e)
{
	_cleanup_(cleanup_scmp) scmp_filter_ctx ctx = NULL;
	int r;

	r = context(t->arch, SCMP_ACT_ALLOW, &ctx, e);
	if (r == 0)
		r = add_loud(ctx, f, t, e);
	return r < 0 ? r : export(ctx, r, ret, ret_n, e);
}

/* Numbers from `first` on, until the next run begins. */
struct run {
	uint32_t first, action;
};

/* All that the loud program decides about passes the quiet one; the rest does not exist. */
static uint32_t quiet_action(const struct verdict_table *t, int number)
{
	const struct call_verdict *v = &t->call[number];

	if (number == SYSCALLS_MAX || !v->known || (v->action == CALL_REFUSE && v->error == ENOSYS))
		return SECCOMP_RET_ERRNO | ENOSYS;
	return v->quiet ? SECCOMP_RET_ERRNO | (uint32_t)v->error : SECCOMP_RET_ALLOW;
}

static size_t quiet_runs(const struct verdict_table *t, struct run ret[static SYSCALLS_MAX + 1])
{
	size_t n = 0;

	for (int number = 0; number <= SYSCALLS_MAX; number++) {
		uint32_t action = quiet_action(t, number);

		if (n == 0 || ret[n - 1].action != action)
			ret[n++] = (struct run){ (uint32_t)number, action };
	}
	return n;
}

#define TREE_NEAR 80 /* so many runs, of three instructions at most each, can be jumped over with a byte */

/* Binary search; returns how many instructions there are now. */
static size_t search_emit(struct sock_filter *ret, size_t n, const struct run *runs, size_t n_runs)
{
	size_t left = n_runs / 2, jump = n;
	bool far = left > TREE_NEAR;

	if (n_runs == 1) {
		ret[n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, runs->action);
		return n + 1;
	}
	n = search_emit(ret, n + 1 + far, runs, left);
	ret[jump] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, runs[left].first,
		far ? 0 : (uint8_t)(n - jump - 1), far);
	if (far)
		ret[jump + 1] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JA, (uint32_t)(n - jump - 2), 0, 0);
	return search_emit(ret, n, runs + left, n_runs - left);
}

/*
 * What depends on the number alone needs no library: few runs of numbers, where libseccomp would compare
 * with each. The kernel takes time for every instruction, at every login.
 */
static uint16_t make_quiet(const struct verdict_table *t, struct sock_filter *ret)
{
	const struct sock_filter head[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, t->arch, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct run runs[SYSCALLS_MAX + 1];

	memcpy(ret, head, sizeof(head));
	return (uint16_t)search_emit(
		ret, sizeof(head) / sizeof(*head), runs, quiet_runs(t, runs));
}

int filter_compile(
	const struct filter *f, uint32_t arch, void **ret, size_t *ret_len, struct err *e)
{
	/* One instruction more, so that a program which is too long shows. */
	_cleanup_free_ char *file = calloc(1, PROGRAM_MAX + 2 * sizeof(struct sock_filter));
	_cleanup_free_ struct verdict_table *t = malloc(sizeof(*t));
	struct program_head *h = (void *)file;
	struct sock_filter *insns;
	size_t len = 0;
	int r;

	if (!file || !t)
		return err_set(e, ENOMEM, "out of memory");
	filter_resolve(f, arch ? arch : syscall_native_arch(), t);
	insns = (void *)(h + 1);
	*h = (struct program_head){
		.magic = PROGRAM_MAGIC,
		.version = PROGRAM_VERSION,
		.arch = t->arch,
	};
	r = make_loud(f, t, insns, &h->loud, e);
	if (r == 0) {
		h->quiet = make_quiet(t, insns + h->loud);
		len = sizeof(*h) + ((size_t)h->loud + h->quiet) * sizeof(*insns);
		r = filter_prove(f, t, file, len, e);
	}
	if (r < 0)
		return err_wrap(e, r, "filter '%s'", f->name);
	*ret = ptr_take(&file);
	*ret_len = len;
	return 0;
}
