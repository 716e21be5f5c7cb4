/*
 * What imported profiles say, beside what libseccomp makes of the same profile
 * (tests/lib/runtime.h).
 *
 * test-import --against PROFILE CAPS PROGRAM compares with a program that a runtime has made, for
 * tests/cli/filter-import.sh: a file, or the one that the process of this number is under.
 */
#include <sys/socket.h>

#include "policy/base/io.h"
#include "policy/bpf_eval.h"
#include "tests/lib/imported.h"
#include "tests/lib/loaded.h"
#include "tests/lib/runtime.h"
#include "tests/lib/test.h"

static const char docker_caps[] =
	"CAP_CHOWN CAP_DAC_OVERRIDE CAP_FSETID CAP_FOWNER CAP_MKNOD CAP_NET_RAW CAP_SETGID "
	"CAP_SETUID "
	"CAP_SETFCAP CAP_SETPCAP CAP_NET_BIND_SERVICE CAP_SYS_CHROOT CAP_KILL CAP_AUDIT_WRITE";

/* ---- both beside each other ---- */

#define VALUES_MAX 48

struct values {
	uint64_t v[VALUES_MAX];
	size_t n;
};

static void value_add(struct values *s, uint64_t v)
{
	if (s->n < VALUES_MAX)
		s->v[s->n++] = v & UINT32_MAX;
}

static void values_of(json_t *root, const char *call, struct values s[6])
{
	json_t *rules = json_object_get(root, "syscalls");

	for (size_t i = 0; i < 6; i++)
		value_add(&s[i], 0);
	for (size_t i = 0; i < json_array_size(rules); i++) {
		json_t *rule = json_array_get(rules, i), *args = json_object_get(rule, "args");
		json_t *names = json_object_get(rule, "names");
		bool ours = false;

		for (size_t k = 0; k < json_array_size(names); k++)
			ours |= strcmp(json_string_value(json_array_get(names, k)), call) == 0;
		for (size_t k = 0; k < json_array_size(args) && ours; k++) {
			struct scmp_arg_cmp c = runtime_condition(json_array_get(args, k));

			for (int near = -1; near <= 1; near++)
				value_add(&s[c.arg], c.datum_a + (uint64_t)near);
			value_add(&s[c.arg], c.datum_b);
			value_add(&s[c.arg], ~c.datum_a);
			value_add(&s[c.arg], c.datum_b | ~c.datum_a);
			value_add(&s[c.arg], (uint64_t)random());
		}
	}
}

static const uint64_t high_bits[] = { 0, UINT64_C(1) << 32, ~UINT64_C(0) << 32 };

/* crun gives calls newer than all that the profile names what it gives to any unnamed call. */
static bool crun_differs(
	const struct imported *i, const struct program *p, uint32_t theirs, uint32_t ours)
{
	struct seccomp_data nobody = { .nr = SYSCALLS_MAX, .arch = AUDIT_ARCH_X86_64 };

	return p->crun && ours == ERRNO(ENOSYS) && theirs == bpf_eval(p->insns, p->n, &nobody) &&
	       noted(i, "crun gives them the default action");
}

/* One call's number with one combination of arguments; counts what differs, and shows the first. */
static void pair_compare(const struct imported *i, const struct program *p, int number,
	const char *name, const uint64_t args[6], int *differences)
{
	struct seccomp_data d = { .nr = number, .arch = AUDIT_ARCH_X86_64 };
	uint32_t theirs, ours;

	memcpy(d.args, args, sizeof(d.args));
	theirs = number > p->enosys_above ? ERRNO(ENOSYS) : bpf_eval(p->insns, p->n, &d);
	for (size_t h = 0; h < 3; h++) {
		for (unsigned k = 0; k < 6; k++) {
			const struct syscall_arg *a = syscall_arg_at(name, k);

			d.args[k] = args[k] | (a && a->bits == 32 ? high_bits[h] : 0);
		}
		ours = filter_verdict(i->f, &i->v, &d, NULL);
		if (ours == theirs || crun_differs(i, p, theirs, ours) ||
			(strcmp(name, "clone3") == 0 && noted(i, "clone3 is ENOSYS")))
			continue;
		if ((*differences)++ == 0)
			printf("# %s(0x%llx, 0x%llx, 0x%llx): they say 0x%x, we say 0x%x\n", name,
				(unsigned long long)d.args[0], (unsigned long long)d.args[1],
				(unsigned long long)d.args[2], theirs, ours);
	}
}

/*
 * A number that the runtime's library or we have no name for, where both sides may differ as the
 * report says: calls that only we know, and numbers that nobody knows.
 */
static bool difference_told(const struct imported *i, const char *name, uint32_t ours)
{
	if (!*name)
		return ours == ERRNO(ENOSYS) && noted(i, "numbers that this carrel does not know");
	return noted(i, "calls that libseccomp ") ||
	       (ours == ERRNO(ENOSYS) && noted(i, "the newest that the source names"));
}

static void unnamed_compare(const struct imported *i, const struct program *p, int number,
	const char *name, int *differences)
{
	struct seccomp_data d = { .nr = number, .arch = AUDIT_ARCH_X86_64 };
	uint32_t theirs = bpf_eval(p->insns, p->n, &d);
	uint32_t ours = filter_verdict(i->f, &i->v, &d, NULL);

	if (ours != theirs && !difference_told(i, name, ours) && (*differences)++ == 0)
		printf("# %d (%s): they say 0x%x, we say 0x%x, and nothing tells of it\n", number,
			*name ? name : "nobody's", theirs, ours);
}

static bool library_name(int number)
{
	_cleanup_free_ char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, number);

	return name;
}

static int compare(const struct imported *i, const struct program *p, json_t *root)
{
	int differences = 0;

	for (int n = 0; n < SYSCALLS_MAX; n++) {
		struct values s[6] = { { .n = 0 } };
		char name[SYSCALL_NAME_MAX] = "";
		size_t at[6] = { 0 }, k = 0;

		if (!syscall_name(AUDIT_ARCH_X86_64, n, name) ||
			(p->library_names && !library_name(n))) {
			if (p->library_names)
				unnamed_compare(i, p, n, name, &differences);
			continue;
		}
		values_of(root, name, s);
		while (k < 6) {
			uint64_t args[6];

			for (k = 0; k < 6; k++)
				args[k] = s[k].v[at[k]];
			pair_compare(i, p, n, name, args, &differences);
			for (k = 0; k < 6 && ++at[k] == s[k].n; k++)
				at[k] = 0;
		}
	}
	return differences;
}

/* 0 differences; -1: refused, and i->error says why. */
static int profile_compare(const char *text, const char *caps, const char *kernel, char error[512])
{
	struct import_options o = options(caps, kernel);
	struct imported *i = calloc(1, sizeof(*i));
	struct program p = { .insns = NULL };
	json_t *root = json_loads(text, 0, NULL);
	int r = import_text(text, &o, i);

	memcpy(error, i->error, 512);
	if (r < 0)
		r = -1;
	else
		r = runtime_program(root, caps, kernel, &p) < 0 ? 1 : compare(i, &p, root);
	free(p.insns);
	json_decref(root);
	imported_done(i);
	free(i);
	strv_done(&o.caps);
	return r;
}

static char *slurp(const char *path)
{
	char *text = NULL;
	struct err e;
	size_t len;

	return config_slurp(AT_FDCWD, path, false, &text, &len, &e) < 0 ? NULL : text;
}

static char *sample(const char *name)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/tests/import/%s",
		getenv("CARREL_SRCDIR") ? getenv("CARREL_SRCDIR") : ".", name);
	return slurp(path);
}

static const char *const cap_sets[] = { "", docker_caps, "CAP_SYS_ADMIN",
	"CAP_SYS_ADMIN CAP_SYS_PTRACE CAP_BPF", "CAP_AUDIT_WRITE CAP_SYS_CHROOT" };
static const char *const kernels[] = { "4.4", "4.8", "6.18" };

static void same_everywhere(const char *text)
{
	char error[512];

	for (size_t c = 0; c < sizeof(cap_sets) / sizeof(*cap_sets); c++) {
		for (size_t k = 0; k < sizeof(kernels) / sizeof(*kernels); k++) {
			int r = profile_compare(text, cap_sets[c], kernels[k], error);

			CHECK_EQ(r, 0);
			if (r)
				printf("# caps '%s', kernel %s: %s\n", cap_sets[c], kernels[k],
					error);
		}
	}
}

static void says_what_docker_s_form_says(void)
{
	char *text = sample("docker.json");

	CHECK(text);
	if (text)
		same_everywhere(text);
	free(text);
}

static void says_what_podman_s_form_says(void)
{
	char *text = sample("podman.json");

	CHECK(text);
	if (text)
		same_everywhere(text);
	free(text);
}

static void says_what_the_installed_profile_says(void)
{
	char *text = slurp("/usr/share/containers/seccomp.json");

	if (!text)
		TEST_SKIP("no /usr/share/containers/seccomp.json (Debian: "
			  "golang-github-containers-common)");
	same_everywhere(text);
	free(text);
}

/* ---- random profiles ---- */

static const struct {
	const char *call;
	int index;
} places[] = {
	{ "socket", 0 },
	{ "socket", 2 },
	{ "personality", 0 },
	{ "clone", 0 },
	{ "ioctl", 1 },
	{ "prctl", 0 },
	{ "setsockopt", 1 },
	{ "setsockopt", 2 },
	{ "setns", 1 },
};

static json_t *random_condition(int index, bool alone)
{
	static const char *const ops[] = { "EQ", "MASKED_EQ", "NE", "LT", "LE", "GE", "GT" };
	static const uint32_t numbers[] = { 0, 1, 2, 10, 16, 38, 40, 41, 0x7e020000, 0x20000000,
		0xffffffff, 0xfffffff7 };
	/* In conjunctions only what libseccomp compiles rightly. */
	const char *op = ops[random() % (alone ? 7 : 2)];
	uint32_t v = numbers[random() % 12], second = numbers[random() % 12];
	char name[24];

	(void)snprintf(name, sizeof(name), "SCMP_CMP_%s", op);
	return json_pack("{s:i,s:I,s:I,s:s}", "index", index, "value", (json_int_t)v, "valueTwo",
		(json_int_t)(strcmp(op, "MASKED_EQ") == 0 ? second & v : 0), "op", name);
}

static json_t *random_profile(void)
{
	static const char *const actions[] = { "SCMP_ACT_ALLOW", "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO",
		"SCMP_ACT_LOG", "SCMP_ACT_KILL_PROCESS" };
	json_t *rules = json_array(), *root;
	int n = 1 + (int)(random() % 4);
	size_t place = (size_t)random() % 9;

	for (int i = 0; i < n; i++) {
		json_t *args = json_array(), *rule;
		bool two = random() % 3 == 0 && place < 8 &&
			   strcmp(places[place].call, places[place + 1].call) == 0;

		(void)json_array_append_new(args, random_condition(places[place].index, !two));
		if (two)
			(void)json_array_append_new(
				args, random_condition(places[place + 1].index, false));
		rule = json_pack("{s:[s],s:s,s:o}", "names", places[place].call, "action",
			actions[random() % (i == 0 ? 3 : 5)], "args", args);
		if (random() % 2)
			(void)json_object_set_new(
				rule, "errnoRet", json_integer(1 + random() % 2 * 21));
		(void)json_array_append_new(rules, rule);
	}
	root = json_pack("{s:s,s:i,s:[s],s:o}", "defaultAction",
		random() % 3 ? "SCMP_ACT_ERRNO" : "SCMP_ACT_ALLOW", "defaultErrnoRet",
		random() % 2 ? 38 : 1, "architectures", "SCMP_ARCH_X86_64", "syscalls", rules);
	return root;
}

static void says_what_random_profiles_say(void)
{
	int refused = 0, different = 0, taken = 0;

	srandom(1);
	for (int i = 0; i < 1000; i++) {
		json_t *root = random_profile();
		char *text = json_dumps(root, JSON_SORT_KEYS), error[512];
		int r = profile_compare(text, "", "6.18", error);

		refused += r < 0;
		taken += r == 0;
		if (r > 0 && different++ < 3)
			printf("# %s\n", text);
		free(text);
		json_decref(root);
	}
	printf("# %d taken, %d refused, %d different\n", taken, refused, different);
	CHECK_EQ(different, 0);
	CHECK(taken > 400);
}

/* ---- what is refused, and how ---- */

static void names_the_place_of_what_it_refuses(void)
{
	static const struct {
		const char *text, *part;
	} cases[] = {
		{ "{", "line 1" },
		{ "{\"defaultAction\":1}", "defaultAction: not a string" },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultAction\":\"SCMP_ACT_ALLOW\"}",
			"duplicate" },
		{ "{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "SCMP_ACT_NOTIFY: a filter here" },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"typo\":1}", "unknown key 'typo'" },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":0}",
			"defaultErrnoRet: 0" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		  "\"action\":\"SCMP_ACT_TRAP\"}]}",
			"syscalls[0]: SCMP_ACT_TRAP" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\\nallow "
		  "= mount\"],"
		  "\"action\":\"SCMP_ACT_LOG\"}]}",
			"syscalls[0]: 'read?allow = mount' is no name" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		  "\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_"
		  "CMP_EQ\"}]}]}",
			"argument 0 of read" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"socket\"],"
		  "\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":6,\"value\":1,\"op\":\"SCMP_"
		  "CMP_EQ\"}]}]}",
			"syscalls[0].args[0].index: too large" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"socket\"],"
		  "\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,\"value\":4294967336,"
		  "\"op\":\"SCMP_CMP_EQ\"}]}]}",
			"socket.domain has 32 bits" },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"socket\"],"
		  "\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":2,\"op\":\"SCMP_"
		  "CMP_GE\"},"
		  "{\"index\":2,\"value\":6,\"op\":\"SCMP_CMP_EQ\"}]},{\"names\":[\"socket\"],"
		  "\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_"
		  "CMP_LT\"}]}]}",
			"socket.protocol is wider for one value of socket.domain than for others" },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"socket\"],"
		  "\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":2,\"op\":\"SCMP_"
		  "CMP_EQ\"}]},"
		  "{\"names\":[\"socket\"],\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":0,"
		  "\"value\":2,"
		  "\"op\":\"SCMP_CMP_EQ\"}]}]}",
			"runc and crun refuse that" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"unshare\"],"
		  "\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,\"value\":"
		  "18446744073709551616,\"op\":\"SCMP_CMP_EQ\"}]}]}",
			"too big integer" },
		{ "[Service]\nExecStart=/bin/true\n", "neither JSON nor a unit" },
		{ "SystemCallFilter=@nonsense\n", "line 1: unknown group '@nonsense'" },
		{ "\nSystemCallFilter=read:ENONSENSE\n", "line 2: unknown error 'ENONSENSE'" },
		{ "RestrictAddressFamilies=AF_NONSENSE\n", "unknown address family" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct import_options o = options("", "6.18");
		struct imported *im = calloc(1, sizeof(*im));

		CHECK(import_text(cases[i].text, &o, im) < 0);
		CHECK_CONTAINS(im->error, cases[i].part);
		CHECK(!strchr(im->error, '\n'));
		imported_done(im);
		free(im);
	}
}

/* A hostile file must cost an answer and not a machine. */
static void takes_no_more_calls_than_there_can_be(void)
{
	struct import_options o = options("", "6.18");
	struct imported *im = calloc(1, sizeof(*im));
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)fputs("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"", f);
	for (int i = 0; i < 5000; i++)
		(void)fprintf(f, ",\"call%d\"", i);
	(void)fputs("],\"action\":\"SCMP_ACT_LOG\"}]}", f);
	(void)fclose(f);
	CHECK(import_text(text, &o, im) < 0);
	CHECK_CONTAINS(im->error, "too many system calls");
	free(text);
	imported_done(im);
	free(im);
}

static void closes_the_bits_above_an_int_and_says_so(void)
{
	struct import_options o = options("", "6.18");
	struct imported *i = calloc(1, sizeof(*i));

	CHECK_EQ(import_text("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":["
			     "\"socket\"],"
			     "\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,\"value\":40,"
			     "\"op\":\"SCMP_CMP_EQ\"}]}]}",
			 &o, i),
		0);
	CHECK_EQ(verdict(i, "socket", AF_VSOCK, 0, 0), ERRNO(EPERM));
	CHECK_EQ(verdict(i, "socket", AF_VSOCK | UINT64_C(1) << 32, 0, 0), ERRNO(EPERM));
	CHECK_EQ(verdict(i, "socket", AF_INET, 0, 0), ALLOW);
	CHECK(noted(i, "closed: socket.domain"));
	imported_done(i);
	free(i);
}

/* A runtime passes over what its libseccomp has no name for. */
static void tells_which_calls_the_library_does_not_know(void)
{
	struct import_options o = options("", "6.18");
	struct imported *i = calloc(1, sizeof(*i));
	char name[SYSCALL_NAME_MAX], text[256];
	int n = 0;

	while (n < SYSCALLS_MAX && (!syscall_name(AUDIT_ARCH_X86_64, n, name) || library_name(n)))
		n++;
	(void)snprintf(text, sizeof(text),
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\",\"%s\"],"
		"\"action\":\"SCMP_ACT_ALLOW\"}]}",
		n < SYSCALLS_MAX ? name : "write");
	CHECK_EQ(import_text(text, &o, i), 0);
	CHECK_EQ(verdict(i, "read", 0, 0, 0), ALLOW);
	CHECK_EQ(noted(i, "calls that libseccomp "), n < SYSCALLS_MAX);
	if (n < SYSCALLS_MAX) {
		CHECK_EQ(verdict(i, name, 0, 0, 0), ALLOW);
		CHECK(noted(i, name));
	}
	imported_done(i);
	free(i);
}

/* ---- a program that a runtime has made ---- */

/* A file's name, as crun leaves one, or the number of a process that runc has started. */
static int program_get(const char *from, struct program *ret, struct err *e)
{
	_cleanup_fd_ int fd = -1;
	char *insns = NULL;
	size_t len = 0;

	if (strspn(from, "0123456789") == strlen(from))
		return loaded_read(atoi(from), &ret->insns, &ret->n, e);
	fd = open(from, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "cannot open '%s'", from);
	if (fd_read_all(fd, 1 << 20, &insns, &len, e) < 0)
		return -EIO;
	ret->insns = (void *)insns;
	ret->n = len / sizeof(*ret->insns);
	ret->crun = true;
	return 0;
}

static int against(const char *path, const char *caps, const char *from)
{
	struct import_options o = options(caps, "6.18");
	struct imported *i = calloc(1, sizeof(*i));
	char *text = slurp(path);
	struct program p = { .enosys_above = SYSCALLS_MAX, .library_names = true };
	json_t *root = text ? json_loads(text, 0, NULL) : NULL;
	json_t *profile = json_object_get(json_object_get(root, "linux"), "seccomp");
	struct err e = { "" };
	int differences;

	if (!root || program_get(from, &p, &e) < 0 || import_text(text, &o, i) < 0) {
		printf("%s%s\n", e.text, i->error);
		return 1;
	}
	differences = compare(i, &p, profile ? profile : root);
	printf("%zu instructions, %d differences\n", p.n, differences);
	free(p.insns);
	free(text);
	json_decref(root);
	imported_done(i);
	free(i);
	strv_done(&o.caps);
	return differences != 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "--against") == 0)
		return against(argv[2], argv[3], argv[4]);
	if (seccomp_arch_native() != SCMP_ARCH_X86_64) {
		printf("1..0 # SKIP the profiles are resolved for x86-64\n");
		return 0;
	}
	TEST(says_what_docker_s_form_says);
	TEST(says_what_podman_s_form_says);
	TEST(says_what_the_installed_profile_says);
	TEST(says_what_random_profiles_say);
	TEST(names_the_place_of_what_it_refuses);
	TEST(takes_no_more_calls_than_there_can_be);
	TEST(closes_the_bits_above_an_int_and_says_so);
	TEST(tells_which_calls_the_library_does_not_know);
	return test_done();
}
