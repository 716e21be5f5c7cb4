/*
 * Filters in the words of others: taken back in they say the same, and so does what libseccomp
 * makes of them in a runtime.
 */
#include "helper/cli/filter_export.h"
#include "helper/cli/filter_import_json.h"
#include "policy/bpf_eval.h"
#include "tests/lib/imported.h"
#include "tests/lib/runtime.h"
#include "tests/lib/test.h"

/* All that are shipped, and one of our own. */
static const char *const filters[] = { "default", "login", "root", "strict", "hpc", "nested",
	"observe", "ordered" };
#define N_FILTERS (sizeof(filters) / sizeof(*filters))

struct exported {
	struct filter *f;
	struct verdicts v;
	char *text, *report;
};

static int export_text(const char *name, bool root, int form, struct exported *x, struct err *e)
{
	const char *top = getenv("CARREL_SRCDIR") ? getenv("CARREL_SRCDIR") : ".";
	char dir[512], own[512];
	const char *const dirs[] = { dir, own };
	size_t len;
	FILE *out, *report;
	int r;

	*x = (struct exported){ .f = NULL };
	(void)snprintf(dir, sizeof(dir), "%s/etc/filters", top);
	(void)snprintf(own, sizeof(own), "%s/tests/import", top);
	r = filter_load(dirs, 2, name, root ? FILTER_ROOT_INSIDE : 0, &x->f, e);
	if (r < 0)
		return r;
	filter_resolve(x->f, AUDIT_ARCH_X86_64, &x->v);
	out = open_memstream(&x->text, &len);
	report = open_memstream(&x->report, &len);
	r = form == EXPORT_SYSTEMD
		    ? export_systemd(x->f, &x->v, out, report, e)
		    : export_json(x->f, &x->v, (enum export_form)form, out, report, e);
	(void)fclose(out);
	(void)fclose(report);
	return r;
}

static void exported_done(struct exported *x)
{
	filter_free(x->f);
	free(x->text);
	free(x->report);
}

/* Arguments where a rule of the filter can change its mind. */
#define VALUES_MAX 40

struct values {
	uint64_t v[VALUES_MAX];
	size_t n;
};

static void value_add(struct values *s, uint64_t v)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i] == v)
			return;
	if (s->n < VALUES_MAX)
		s->v[s->n++] = v;
}

static void matches_add(struct values *s, const struct match *m, size_t n, uint64_t all)
{
	for (size_t i = 0; i < n; i++) {
		value_add(s, m[i].value);
		value_add(s, (m[i].value + 1) & all);
		value_add(s, (m[i].value - 1) & all);
		value_add(s, (m[i].value | ~m[i].mask) & all);
	}
}

static void values_of(const struct exported *x, int number, struct values s[REGION_ARGS])
{
	for (size_t i = 0; i < REGION_ARGS; i++)
		value_add(&s[i], 0);
	for (size_t i = 0; i < x->f->n_args; i++) {
		const struct arg_rule *rule = &x->f->args[i];
		const uint64_t all = syscall_arg_mask(rule->arg);

		if (x->v.abi[0].rule_call[i] != number)
			continue;
		matches_add(&s[rule->arg->index], rule->values, rule->n_values, all);
		matches_add(&s[rule->arg->index], rule->quiet, rule->n_quiet, all);
		value_add(&s[rule->arg->index], all);
		if (rule->selector)
			value_add(&s[rule->selector->index], rule->selected);
	}
}

typedef uint32_t other_verdict(const void *other, const struct seccomp_data *d);

static int call_compare(
	const struct exported *x, int number, other_verdict *other, const void *data)
{
	struct values s[REGION_ARGS] = { { .n = 0 } };
	size_t at[REGION_ARGS] = { 0 }, k = 0;
	char name[SYSCALL_NAME_MAX];
	int differences = 0;

	(void)syscall_name(AUDIT_ARCH_X86_64, number, name);
	values_of(x, number, s);
	while (k < REGION_ARGS) {
		struct seccomp_data d = { .nr = number, .arch = AUDIT_ARCH_X86_64 };

		for (int high = 0; high < 2; high++) {
			uint32_t ours, theirs;

			for (k = 0; k < REGION_ARGS; k++) {
				const struct syscall_arg *a = syscall_arg_at(name, (unsigned)k);

				d.args[k] = s[k].v[at[k]] | (high && a ? ~syscall_arg_mask(a) : 0);
			}
			ours = filter_verdict(x->f, &x->v, &d, NULL);
			theirs = other(data, &d);
			if (ours != theirs && differences++ == 0)
				printf("# %s(0x%llx, 0x%llx, 0x%llx): we say 0x%x, they say 0x%x\n",
					name, (unsigned long long)d.args[0],
					(unsigned long long)d.args[1],
					(unsigned long long)d.args[2], ours, theirs);
		}
		for (k = 0; k < REGION_ARGS && ++at[k] == s[k].n; k++)
			at[k] = 0;
	}
	return differences;
}

static int all_compare(const struct exported *x, other_verdict *other, const void *data)
{
	char name[SYSCALL_NAME_MAX];
	int differences = 0;

	for (int n = 0; n < SYSCALLS_MAX; n++)
		if (syscall_name(AUDIT_ARCH_X86_64, n, name))
			differences += call_compare(x, n, other, data);
	return differences;
}

static uint32_t imported_verdict(const void *other, const struct seccomp_data *d)
{
	const struct imported *i = other;

	return filter_verdict(i->f, &i->v, d, NULL);
}

static uint32_t program_verdict(const void *other, const struct seccomp_data *d)
{
	const struct program *p = other;

	return bpf_eval(p->insns, p->n, d);
}

static void round_trip(const char *name, bool root, int form)
{
	struct import_options o = options("", "6.18");
	struct exported *x = calloc(1, sizeof(*x));
	struct imported *i = calloc(1, sizeof(*i));
	struct err e = { "" };

	if (export_text(name, root, form, x, &e) < 0)
		test_fail(__FILE__, __LINE__, e.text);
	else if (import_text(x->text, &o, i) < 0)
		test_fail(__FILE__, __LINE__, i->error);
	else if (all_compare(x, imported_verdict, i) != 0)
		test_fail(__FILE__, __LINE__, name);
	imported_done(i);
	exported_done(x);
	free(i);
	free(x);
}

static void comes_back_the_same(void)
{
	for (size_t n = 0; n < N_FILTERS; n++) {
		round_trip(filters[n], false, EXPORT_OCI);
		round_trip(filters[n], true, EXPORT_OCI);
	}
	round_trip("login", true, EXPORT_DOCKER);
}

static void runtime_same(const char *name, bool root, int form)
{
	struct exported *x = calloc(1, sizeof(*x));
	struct program p = { .insns = NULL };
	struct err e = { "" };
	json_t *profile;
	char *quoted;

	if (export_text(name, root, form, x, &e) < 0)
		test_fail(__FILE__, __LINE__, e.text);
	quoted = x->text ? json_numbers_quote(x->text, strlen(x->text)) : NULL;
	profile = quoted ? json_loads(quoted, JSON_REJECT_DUPLICATES, NULL) : NULL;
	CHECK(profile);
	if (profile && runtime_program(profile, "", "6.18", &p) < 0)
		test_fail(__FILE__, __LINE__, "libseccomp does not take the profile");
	else if (profile && all_compare(x, program_verdict, &p) != 0)
		test_fail(__FILE__, __LINE__, name);
	free(p.insns);
	free(quoted);
	json_decref(profile);
	exported_done(x);
	free(x);
}

static void a_runtime_makes_the_same_of_it(void)
{
	for (size_t n = 0; n < N_FILTERS; n++) {
		runtime_same(filters[n], false, EXPORT_OCI);
		runtime_same(filters[n], true, EXPORT_DOCKER);
	}
}

/* systemd's lists are of calls: what was not said must have been named. */
static void a_unit_allows_and_refuses_the_same_calls(void)
{
	struct import_options o = options("", "6.18");
	struct exported *x = calloc(1, sizeof(*x));
	struct imported *i = calloc(1, sizeof(*i));
	struct err e = { "" };

	CHECK_EQ(export_text("default", false, EXPORT_SYSTEMD, x, &e), 0);
	CHECK_EQ(import_text(x->text, &o, i), 0);
	CHECK_CONTAINS(x->text, "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n");
	CHECK_EQ(verdict(i, "socket", 40, 0, 0), ERRNO(EAFNOSUPPORT));
	CHECK_CONTAINS(x->text, "RestrictNamespaces=yes\n");
	CHECK_CONTAINS(x->report, "not said: the rule about ioctl.request, ");
	CHECK_CONTAINS(x->report, "not said: the rule about socket(16).protocol, ");
	CHECK(!strstr(x->report, "clone.flags"));
	for (int n = 0; n < SYSCALLS_MAX && i->f; n++) {
		struct seccomp_data d = { .nr = n, .arch = AUDIT_ARCH_X86_64 };

		/* Its rule is one of those that are named as not said. */
		if (n != syscall_number(AUDIT_ARCH_X86_64, "socketpair"))
			CHECK_EQ(filter_verdict(i->f, &i->v, &d, NULL),
				filter_verdict(x->f, &x->v, &d, NULL));
	}
	imported_done(i);
	exported_done(x);
	free(i);
	free(x);
}

int main(void)
{
	if (syscall_native_arch() != AUDIT_ARCH_X86_64) {
		printf("1..0 # SKIP profiles are resolved for x86-64\n");
		return 0;
	}
	TEST(comes_back_the_same);
	TEST(a_runtime_makes_the_same_of_it);
	TEST(a_unit_allows_and_refuses_the_same_calls);
	return test_done();
}
