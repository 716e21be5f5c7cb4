/*
 * filter_import_verify - does an imported filter say what its source says?
 *
 * The text is read as a filter and asked about every known call, and about the arguments next to
 * every condition of the source, alone and combined; with and without bits that the kernel does not
 * look at, which must make no difference.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cli/filter_import.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/filter.h"

#define SAMPLES_MAX 64

/* Values of one argument where something can change. */
struct samples {
	uint64_t v[SAMPLES_MAX];
	size_t n;
};

struct proof {
	const struct import *im;
	const struct filter *f;
	struct verdicts v;
	struct err *e;
	uint32_t arch;
	int largest; /* number that the source names */
};

static void sample_add(struct samples *s, uint64_t value)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i] == value)
			return;
	if (s->n < SAMPLES_MAX)
		s->v[s->n++] = value;
}

static void samples_take(const struct import_call *c, struct samples s[static CALL_ARGS])
{
	for (size_t i = 0; i < CALL_ARGS; i++)
		sample_add(&s[i], 0);
	for (size_t i = 0; i < c->n_rules; i++) {
		for (size_t j = 0; j < c->rules[i].n_conds; j++) {
			const struct import_cond *cond = &c->rules[i].conds[j];
			const struct syscall_arg *arg = syscall_arg_at(c->name, cond->arg);
			const uint64_t all = arg ? syscall_arg_mask(arg) : UINT64_MAX;
			const bool masked = cond->op == OP_MASKED_EQ;
			const uint64_t v = masked ? cond->second : cond->value;

			sample_add(&s[cond->arg], v & all);
			sample_add(&s[cond->arg], (v + 1) & all);
			sample_add(&s[cond->arg], (v - 1) & all);
			sample_add(&s[cond->arg], all);
			if (masked) {
				sample_add(&s[cond->arg], (~cond->value | v) & all);
				sample_add(&s[cond->arg], (cond->value & -cond->value) & all);
			}
		}
	}
}

/* The source's verdict, once what we close on purpose is taken out. */
static int expected_verdict(const struct proof *p, const struct import_call *c, int n,
	struct reference *reference, const uint64_t args[static CALL_ARGS], uint32_t *ret)
{
	int r;

	*ret = import_action_verdict(c ? c->otherwise : p->im->otherwise);
	if (p->im->newer_enosys && n > p->largest)
		*ret = SECCOMP_RET_ERRNO | ENOSYS;
	for (size_t i = 0; c && i < c->n_rules; i++) {
		if (c->rules[i].n_conds == 0) {
			*ret = import_action_verdict(c->rules[i].action);
			return 0;
		}
	}
	if (!c || import_call_verdict(c, args, ret) == 0)
		return 0;
	r = reference->insns ? 0 : reference_build(c, p->arch, reference, p->e);
	if (r == 0)
		*ret = reference_verdict(reference, args);
	return r;
}

/* clone3 hides from a filter what clone shows it, and does not exist where clone is filtered. */
static bool hidden_clone3(const struct proof *p, int n, uint32_t expected)
{
	int clone = syscall_number(p->arch, "clone");
	bool ruled = false;

	if (n != syscall_number(p->arch, "clone3") ||
		(expected != SECCOMP_RET_ALLOW && expected != SECCOMP_RET_LOG))
		return false;
	for (size_t i = 0; i < p->f->n_args; i++)
		ruled = ruled || p->v.abi[0].rule_call[i] == clone;
	return ruled;
}

static int verdict_check(const struct proof *p, const struct import_call *c, int n,
	struct reference *reference, const uint64_t args[static CALL_ARGS])
{
	struct seccomp_data d = { .nr = n, .arch = p->arch };
	char name[SYSCALL_NAME_MAX];
	uint32_t said, expected;
	int r = expected_verdict(p, c, n, reference, args, &expected);

	if (r < 0)
		return r;
	for (int high = 0; high < 2; high++) {
		for (unsigned i = 0; i < CALL_ARGS; i++) {
			const struct syscall_arg *a = c ? syscall_arg_at(c->name, i) : NULL;

			d.args[i] = args[i] | (high && a ? ~syscall_arg_mask(a) : 0);
		}
		said = filter_verdict(p->f, &p->v, &d, NULL);
		if (said == expected ||
			(said == (SECCOMP_RET_ERRNO | ENOSYS) && hidden_clone3(p, n, expected)))
			continue;
		return err_set(p->e, EUCLEAN,
			"these rules of %s cannot be said in a filter: for (0x%llx, 0x%llx, "
			"0x%llx) "
			"it would say 0x%x instead of 0x%x",
			syscall_name(p->arch, n, name), (unsigned long long)args[0],
			(unsigned long long)args[1], (unsigned long long)args[2], said, expected);
	}
	return 0;
}

static int call_check(const struct proof *p, const struct import_call *c, int n)
{
	struct samples *samples = calloc(CALL_ARGS, sizeof(*samples));
	_cleanup_(reference_done) struct reference reference = { .insns = NULL };
	size_t at[CALL_ARGS] = { 0 }, i = 0;
	int r = 0;

	if (!samples)
		return err_set(p->e, ENOMEM, "out of memory");
	if (c)
		samples_take(c, samples);
	while (i < CALL_ARGS && r == 0) {
		uint64_t args[CALL_ARGS];

		for (i = 0; i < CALL_ARGS; i++)
			args[i] = samples[i].n ? samples[i].v[at[i]] : 0;
		r = verdict_check(p, c, n, &reference, args);
		/* The next combination, like an odometer. */
		for (i = 0; i < CALL_ARGS; i++) {
			if (++at[i] < samples[i].n)
				break;
			at[i] = 0;
		}
	}
	free(samples);
	return r;
}

static int calls_check(struct proof *p)
{
	char name[SYSCALL_NAME_MAX];
	int r = 0;

	p->largest = -1;
	for (size_t i = 0; i < p->im->n_calls; i++) {
		int n = syscall_number(p->arch, p->im->calls[i].name);

		p->largest = n > p->largest ? n : p->largest;
	}
	for (int n = 0; n < SYSCALLS_MAX && r == 0; n++) {
		const struct import_call *c = NULL;

		if (!syscall_name(p->arch, n, name))
			continue;
		/* By number, as a call may have more than one name. */
		for (size_t i = 0; i < p->im->n_calls; i++)
			if (syscall_number(p->arch, p->im->calls[i].name) == n)
				c = &p->im->calls[i];
		r = call_check(p, c, n);
	}
	return r;
}

/* A filter is read from a directory. */
int import_load(const char *text, struct filter **ret, struct err *e)
{
	char dir[] = "/tmp/carrel-import.XXXXXX";
	const char *const dirs[] = { dir };
	char path[sizeof(dir) + 20];
	FILE *f;
	int r = 0;

	if (!mkdtemp(dir))
		return err_set(e, errno, "%s: %s", dir, strerror(errno));
	(void)snprintf(path, sizeof(path), "%s/imported.filter", dir);
	f = fopen(path, "we");
	if (!f || fputs(text, f) == EOF)
		r = err_set(e, EIO, "%s: cannot be written", path);
	if (f && fclose(f) != 0 && r == 0)
		r = err_set(e, EIO, "%s: cannot be written", path);
	if (r == 0)
		r = filter_load(dirs, 1, "imported", 0, ret, e);
	(void)unlink(path);
	(void)rmdir(dir);
	return r;
}

int import_verify(
	const struct import *im, const struct import_options *o, const char *text, struct err *e)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	struct proof *p = calloc(1, sizeof(*p));
	int r = p ? import_load(text, &f, e) : err_set(e, ENOMEM, "out of memory");

	if (r == 0) {
		p->im = im;
		p->f = f;
		p->e = e;
		p->arch = o->arch;
		filter_resolve(f, o->arch, &p->v);
		r = calls_check(p);
	}
	free(p);
	return r;
}
