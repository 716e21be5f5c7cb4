/*
 * Small programs whose system calls are known are compiled, for this processor and, where there is
 * a cross compiler, for AArch64; then programs of this machine are scanned and compared with what
 * strace sees them do.
 */
#include "helper/learn/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "helper/learn/scan_ahead.h"
#include "helper/learn/scan_object.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/syscalls.h"
#include "tests/lib/test.h"

static char dir[] = "/tmp/test-scan.XXXXXX";

/* Calls and numbers as each processor has them; nothing of a C library, so that only these calls
 * are in there. */
static const char header[] =
	"#if defined(__x86_64__)\n"
	"static inline __attribute__((always_inline)) long call(long n)\n"
	"{ long r; __asm__ volatile(\"syscall\" : \"=a\"(r) : \"a\"(n) : \"rcx\", \"r11\", "
	"\"memory\"); return r; }\n"
	"#else\n"
	"static inline __attribute__((always_inline)) long call(long n)\n"
	"{ register long x8 __asm__(\"x8\") = n; register long x0 __asm__(\"x0\");\n"
	"  __asm__ volatile(\"svc #0\" : \"=r\"(x0) : \"r\"(x8) : \"memory\"); return x0; }\n"
	"#endif\n"
	"#include <sys/syscall.h>\n"
	"#define HIDDEN __attribute__((noinline, visibility(\"hidden\")))\n"
	"#ifdef __clang__\n#define ALONE\n#else\n#define ALONE __attribute__((noipa))\n#endif\n";

/* Every way on which one function leads to another; what is named never is not led to. */
static const char library[] =
	"HIDDEN long direct(void) { return call(SYS_getuid); }\n"
	"HIDDEN long tail(long n) { return n + call(SYS_getgid); }\n"
	"HIDDEN long taken(void) { return call(SYS_geteuid); }\n"
	"HIDDEN long in_table(void) { return call(SYS_getegid); }\n"
	"long (*const table[])(void) = { in_table };\n"
	"long never(void) { return call(SYS_reboot); }\n"
	"HIDDEN long never_either(void) { return call(SYS_swapon); }\n"
	"long never_again(void) { return never_either(); }\n"
	"long (*volatile pointer)(void);\n"
	"long by_direct(void) { return direct() + 1; }\n"
	"long by_tail(long n) { return tail(n); }\n"
	"void by_taken(void) { pointer = taken; }\n"
	"long by_loop(int n) { long r = 0; while (n--) r += call(SYS_sched_yield); return r; }\n"
	"long by_own_export(void) { return by_direct() + by_loop(2); }\n"
	"long syscall(long n, ...) { return call(n); }\n"
	"HIDDEN ALONE long inner(long a, long b, long c, long d, long e, long f, long n)\n"
	"{ return call(n); }\n"
	"HIDDEN ALONE long outer(long a, long b, long c, long d, long e, long f, long n)\n"
	"{ return inner(a, b, c, d, e, f, n) + 1; }\n"
	"HIDDEN ALONE long ahead(long n, long a) { return call(n) + a; }\n"
	"long by_number(long a) { return outer(a, 0, 1, 2, 3, 4, SYS_flock) + ahead(SYS_fsync, a); "
	"}\n"
	"static long first(void) { return call(SYS_getsid); }\n"
	"static long second(void) { return call(SYS_getpgid); }\n"
	"static void *choose(void) { return pointer ? (void *)first : (void *)second; }\n"
	"long by_choice(void) __attribute__((ifunc(\"choose\")));\n"
	"long by_pointer(void) { return call(SYS_umask); }\n"
	"long by_name(void) { return call(SYS_getcpu); }\n"
	"void *dlsym(void *handle, const char *name) { return 0; }\n"
	"HIDDEN __attribute__((cold, noreturn)) void die(void) { for (;;) call(SYS_exit_group); }\n"
	"long by_cold_part(long n) { if (n == 77) { call(SYS_setsid); die(); } return n; }\n"
	"__attribute__((constructor)) static void born(void) { call(SYS_getppid); }\n"
	"__attribute__((destructor)) static void dead(void) { call(SYS_sync); }\n";

static const char program[] =
	"long by_direct(void), by_tail(long), by_own_export(void), by_choice(void);\n"
	"long syscall(long n, ...), by_number(long), by_pointer(void), by_cold_part(long); void "
	"by_taken(void);\n"
	"void *dlsym(void *, const char *);\n"
	"long (*volatile imported[])(void) = { by_pointer };\n"
	"volatile long number = SYS_getpid;\n"
	"static long unused(void) { return call(SYS_uname); }\n"
	"long (*volatile use)(void) = unused;\n"
	"void _start(void)\n"
	"{ by_direct(); by_tail(1); by_taken(); by_own_export(); by_choice(); "
	"by_cold_part(number);\n"
	"  by_number(number);\n"
	"  dlsym(0, \"by_name\"); imported[number]();\n"
	"  syscall(SYS_getrandom, 0, 0, 0); syscall(number); for (;;) call(SYS_exit); }\n";

/* In the order of their numbers. */
static const char all_x86[] = "sched_yield exit uname flock fsync umask getuid getgid geteuid "
			      "getegid getppid setsid getpgid "
			      "getsid sync exit_group getcpu getrandom ";
static const char all_arm64[] = "flock sync fsync exit exit_group sched_yield getpgid getsid "
				"setsid uname umask getcpu getppid "
				"getuid geteuid getgid getegid getrandom ";

static const char *in_dir(const char *name)
{
	static char paths[4][sizeof(dir) + 64];
	static unsigned next;

	next = (next + 1) % 4;
	(void)snprintf(paths[next], sizeof(paths[next]), "%s/%s", dir, name);
	return paths[next];
}

static void write_file(const char *path, const void *bytes, size_t len)
{
	_cleanup_file_ FILE *f = fopen(path, "w");

	CHECK(f && fwrite(bytes, 1, len, f) == len);
}

__attribute__((format(printf, 1, 2))) static bool run(const char *fmt, ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command) == 0;
}

/* Nothing that the flags of the build add may bring in calls of its own. */
static bool compile(const char *cc, const char *name, const char *source, const char *flags)
{
	_cleanup_free_ char *text = NULL;

	CHECK(asprintf(&text, "%s%s", header, source) > 0);
	write_file(in_dir("source.c"), text, strlen(text));
	return run("cd %s && %s -O2 -w -fno-stack-protector -nostdlib -o %s source.c %s 2>log", dir,
		cc, name, flags);
}

static const char *calls(const struct scan_result *r)
{
	static char text[8192];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < r->n_calls; i++) {
		char buf[SYSCALL_NAME_MAX];
		const char *name = syscall_name(r->calls[i].arch, r->calls[i].number, buf);

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s ", name ? name : "?");
		if (n >= sizeof(text))
			break;
	}
	return text;
}

static const struct scan_call *call_find(
	const struct scan_result *r, uint32_t arch, const char *name)
{
	for (size_t i = 0; i < r->n_calls; i++)
		if (r->calls[i].arch == arch && r->calls[i].number == syscall_number(arch, name))
			return &r->calls[i];
	return NULL;
}

static const char *base_name(const char *path)
{
	return path ? strrchr(path, '/') + 1 : NULL;
}

static void check_same(const struct scan_result *a, const struct scan_result *b)
{
	CHECK_EQ(a->n_calls, b->n_calls);
	CHECK_EQ(a->n_files, b->n_files);
	for (size_t i = 0; i < a->n_calls && i < b->n_calls; i++) {
		CHECK_EQ(a->calls[i].arch, b->calls[i].arch);
		CHECK_EQ(a->calls[i].number, b->calls[i].number);
		CHECK_STR(a->calls[i].path, b->calls[i].path);
		CHECK_STR(a->calls[i].symbol, b->calls[i].symbol);
		CHECK_STR(a->calls[i].user, b->calls[i].user);
	}
	for (size_t i = 0; i < a->n_files && i < b->n_files; i++) {
		CHECK_STR(a->files[i].path, b->files[i].path);
		CHECK_STR(a->files[i].problem, b->files[i].problem);
		CHECK_EQ(a->files[i].arch, b->files[i].arch);
		CHECK_EQ(a->files[i].unresolved, b->files[i].unresolved);
	}
}

/* The same once more, with all files read ahead in another order. */
static void check_ahead(const char *const *paths, size_t n, const struct scan_result *expected)
{
	_cleanup_(scan_ahead_cleanup) struct scan_ahead *ahead = scan_ahead_new();
	struct scan_result r = { 0 };
	struct err e;

	for (size_t i = n; i-- > 0;) {
		scan_ahead_add(ahead, paths[i]);
		if (i == n / 2)
			scan_ahead_wait(ahead); /* and on with another thread */
	}
	CHECK_EQ(scan_files(paths, n, ahead, &r, &e), 0);
	check_same(&r, expected);
	scan_result_done(&r);
}

/* Scans files of our directory; names end with NULL. */
static void scan(struct scan_result *ret, ...)
{
	const char *paths[8];
	struct err e;
	va_list ap;
	size_t n = 0;

	va_start(ap, ret);
	for (const char *name; n < 8 && (name = va_arg(ap, const char *)) != NULL;)
		paths[n++] = strdup(in_dir(name));
	va_end(ap);
	memset(ret, 0, sizeof(*ret));
	CHECK_EQ(scan_files(paths, n, NULL, ret, &e), 0);
	check_ahead(paths, n, ret);
	for (size_t i = 0; i < n; i++)
		free((char *)paths[i]);
}

/* "" where there is no such compiler. */
static const char *compiler(uint32_t arch)
{
	const char *cc = getenv("CC");

	if (arch == syscall_native_arch())
		return cc ? cc : "cc";
	return run("command -v aarch64-linux-gnu-gcc >/dev/null 2>&1") ? "aarch64-linux-gnu-gcc"
								       : "";
}

/* The sample, with flags for the program alone and for both: exactly its calls are found. */
static void check_sample(uint32_t arch, const char *alone, const char *both)
{
	const char *cc = compiler(arch);
	char text[512];
	struct scan_result r;

	printf("# %s %s %s\n", cc, alone, both);
	(void)snprintf(text, sizeof(text), "-shared -fPIC -Wl,-soname,libsample.so %s", both);
	CHECK(compile(cc, "libsample.so", library, text));
	(void)snprintf(text, sizeof(text), "%s -L. -lsample %s", alone, both);
	CHECK(compile(cc, "sample", program, text));
	scan(&r, "sample", "libsample.so", NULL);
	CHECK_EQ(r.n_files, 2);
	CHECK_STR(r.files[0].problem, NULL);
	CHECK_STR(r.files[1].problem, NULL);
	CHECK_STR(calls(&r), arch == AUDIT_ARCH_X86_64 ? all_x86 : all_arm64);
	CHECK_EQ(r.files[0].unresolved, 1); /* syscall(number) */
	/* inner() and ahead(), or also what clang makes of their common part */
	CHECK(r.files[1].unresolved == 2 || r.files[1].unresolved == 3);
	scan_result_done(&r);
}

static void check_samples(uint32_t arch)
{
	static const char *const alone[] = { "", "-fPIE -pie", "-fno-pie -no-pie" };
	static const char *const both[] = { "-Wl,-z,now", "-Wl,-z,lazy", "-fno-plt", "-Os -s",
		"-O3 -s" };

	for (size_t i = 0; i < sizeof(alone) / sizeof(*alone); i++)
		for (size_t k = 0; k < sizeof(both) / sizeof(*both); k++)
			check_sample(arch, alone[i], both[k]);
	if (arch == AUDIT_ARCH_X86_64) {
		check_sample(arch, "", "-fcf-protection=full");
		check_sample(arch, "", "-fcf-protection=none");
	} else {
		check_sample(arch, "", "-mbranch-protection=standard");
	}
}

static void finds_each_call_of_a_program_and_its_library(void)
{
	if (!compiler(syscall_native_arch())[0] ||
		!run("command -v %s >/dev/null", compiler(syscall_native_arch())))
		TEST_SKIP("no C compiler");
	check_samples(syscall_native_arch());
}

static void finds_them_in_code_for_the_other_processor(void)
{
	if (!compiler(AUDIT_ARCH_AARCH64)[0])
		TEST_SKIP("no compiler for AArch64");
	check_samples(AUDIT_ARCH_AARCH64);
}

static bool is_taken(struct scan_ahead *a, const char *path)
{
	struct object o;
	uint32_t arch;

	if (!scan_ahead_take(a, path, &o, &arch))
		return false;
	CHECK(o.n_functions > 0);
	CHECK_EQ(arch, syscall_native_arch());
	object_done(&o);
	return true;
}

/* What is read ahead must be the file that is there at the end, and nothing else. */
static void reads_ahead_what_stays_the_same(void)
{
	const char *cc = compiler(syscall_native_arch());
	struct scan_ahead *a = scan_ahead_new();
	char path[sizeof(dir) + 64];

	if (!compile(cc, "stays", library, "-shared -fPIC") || !compile(cc, "goes", library, "-shared -fPIC") ||
		!compile(cc, "changes", library, "-shared -fPIC")) {
		scan_ahead_free(a);
		TEST_SKIP("no C compiler");
	}
	scan_ahead_add(a, in_dir("stays"));
	scan_ahead_add(a, in_dir("stays"));
	scan_ahead_add(a, in_dir("goes"));
	scan_ahead_add(a, in_dir("changes"));
	scan_ahead_add(a, in_dir("none"));
	scan_ahead_wait(a);
	CHECK(is_taken(a, in_dir("stays")));
	CHECK(!is_taken(a, in_dir("stays"))); /* it was there once */
	CHECK(!is_taken(a, in_dir("none")));
	CHECK(!is_taken(a, in_dir("never-said")));
	CHECK_EQ(unlink(in_dir("goes")), 0);
	CHECK(!is_taken(a, in_dir("goes")));
	(void)snprintf(path, sizeof(path), "%s", in_dir("changes"));
	CHECK(run("cp -p %s %s.new && mv %s.new %s", path, path, path, path)); /* as long, as old, and another */
	CHECK(!is_taken(a, path));
	/* Not waited for: what nobody wants any more is not read. */
	scan_ahead_add(a, path);
	scan_ahead_free(a);
}

static void reads_packed_relocations(void)
{
	uint32_t arch = syscall_native_arch();
	const char *pack = "-Wl,-z,pack-relative-relocs";

	if (!compile(compiler(arch), "packed", library,
		    "-shared -fPIC -Wl,-z,pack-relative-relocs") ||
		!run("readelf -SW %s | grep -q RELR", in_dir("packed")))
		TEST_SKIP("the linker does not pack them");
	check_sample(arch, "-fPIE -pie", pack);
}

/* The sample as the tests below take it; false: not to be had. */
static bool make_sample(void)
{
	const char *cc = compiler(syscall_native_arch());

	return compile(cc, "libsample.so", library, "-shared -fPIC -Wl,-soname,libsample.so") &&
	       compile(cc, "sample", program, "-fPIE -pie -L. -lsample");
}

static void tells_the_way_to_a_call(void)
{
	uint32_t arch = syscall_native_arch();
	const struct scan_call *c;
	struct scan_result r;

	if (!make_sample())
		TEST_SKIP("no C compiler");
	scan(&r, "libsample.so", "sample", NULL);
	c = call_find(&r, arch, "getuid");
	CHECK_STR(base_name(c->path), "libsample.so");
	CHECK_STR(c->symbol, "by_direct");
	CHECK_STR(base_name(c->user), "sample");
	c = call_find(&r, arch, "exit");
	CHECK_STR(base_name(c->path), "sample");
	CHECK_STR(c->symbol, "_start");
	CHECK_STR(base_name(c->user), "sample");
	c = call_find(&r, arch, "getppid"); /* the constructor */
	CHECK_STR(base_name(c->path), "libsample.so");
	CHECK_STR(base_name(c->user), "libsample.so");
	c = call_find(&r, arch, "getrandom"); /* syscall(2)'s caller is who makes it */
	CHECK_STR(base_name(c->path), "sample");
	scan_result_done(&r);
}

/* Opened while the program runs, with dlopen(), every function of it may be looked up. */
static void takes_all_of_a_library_that_nobody_needs(void)
{
	struct scan_result r;

	if (!make_sample())
		TEST_SKIP("no C compiler");
	scan(&r, "libsample.so", NULL);
	CHECK(call_find(&r, syscall_native_arch(), "reboot") != NULL);
	CHECK(call_find(&r, syscall_native_arch(), "swapon") != NULL);
	CHECK(call_find(&r, syscall_native_arch(), "uname") == NULL);
	scan_result_done(&r);
}

/* Without libraries nothing tells what is never reached, so all of it counts. */
static void takes_all_of_a_static_program(void)
{
	_cleanup_free_ char *both = NULL;
	struct scan_result r;

	CHECK(asprintf(&both, "%s%s", library, program) > 0);
	if (!compile(compiler(syscall_native_arch()), "static", both, "-static -s"))
		TEST_SKIP("no C compiler");
	scan(&r, "static", NULL);
	CHECK_STR(r.files[0].problem, NULL);
	CHECK(call_find(&r, syscall_native_arch(), "reboot") != NULL);
	CHECK(call_find(&r, syscall_native_arch(), "uname") != NULL);
	CHECK_EQ(r.files[0].unresolved > 0, true);
	scan_result_done(&r);
}

static void scans_a_file_once(void)
{
	struct scan_result r;

	if (!make_sample())
		TEST_SKIP("no C compiler");
	scan(&r, "sample", "libsample.so", "sample", "libsample.so", NULL);
	CHECK_EQ(r.n_files, 2);
	CHECK_STR(base_name(r.files[0].path), "sample");
	CHECK_EQ(r.files[0].unresolved, 1);
	scan_result_done(&r);
	scan(&r, NULL);
	CHECK_EQ(r.n_files, 0);
	CHECK_EQ(r.n_calls, 0);
	scan_result_done(&r);
}

static void check_problem(const char *name, const char *problem, uint32_t arch)
{
	struct scan_result r;

	scan(&r, name, NULL);
	CHECK_EQ(r.n_files, 1);
	CHECK_CONTAINS(r.files[0].problem, problem);
	CHECK_EQ(r.files[0].arch, arch);
	CHECK_EQ(r.n_calls, 0);
	scan_result_done(&r);
}

/* A copy of a file of ours with the bytes at this offset replaced; cut: only so many bytes of it.
 */
static void write_changed(
	const char *from, const char *to, size_t at, const void *bytes, size_t n, size_t cut)
{
	_cleanup_free_ char *image = calloc(1, 1 << 20);
	_cleanup_file_ FILE *f = fopen(in_dir(from), "r");
	size_t len = f ? fread(image, 1, 1 << 20, f) : 0;

	CHECK(len > 0);
	if (at + n <= len)
		memcpy(image + at, bytes, n);
	write_file(in_dir(to), image, cut < len ? cut : len);
}

static void says_why_a_file_is_not_scanned(void)
{
	uint32_t arch = syscall_native_arch();

	check_problem("missing", "No such file", 0);
	CHECK_EQ(mkdir(in_dir("directory"), 0700), 0);
	check_problem("directory", "not a regular file", 0);
	CHECK_EQ(mkfifo(in_dir("fifo"), 0600), 0);
	check_problem("fifo", "not a regular file", 0);
	write_file(in_dir("script"), "#!/bin/sh\n", 10);
	check_problem("script", "not an ELF file", 0);
	write_file(in_dir("empty"), "", 0);
	check_problem("empty", "not an ELF file", 0);
	if (!make_sample())
		TEST_SKIP("no C compiler");
	write_changed("sample", "i386", 18, "\x03\x00", 2, SIZE_MAX);
	check_problem("i386", "processor", AUDIT_ARCH_I386);
	write_changed("sample", "object", 16, "\x01\x00", 2, SIZE_MAX);
	check_problem("object", "neither a program nor a shared library", arch);
	write_changed("sample", "no-sections", 40, "\0\0\0\0\0\0\0", 8, SIZE_MAX);
	check_problem("no-sections", "no section headers", arch);
	write_changed("sample", "short", 0, "", 0, 60);
	check_problem("short", "damaged", 0);
}

/* One file that is none does not keep the others from being scanned. */
static void goes_on_after_a_bad_file(void)
{
	struct scan_result r;

	if (!make_sample())
		TEST_SKIP("no C compiler");
	scan(&r, "missing", "sample", "libsample.so", NULL);
	CHECK_EQ(r.n_files, 3);
	CHECK_CONTAINS(r.files[0].problem, "No such file");
	CHECK_STR(r.files[1].problem, NULL);
	CHECK(call_find(&r, syscall_native_arch(), "getuid") != NULL);
	scan_result_done(&r);
}

/* Rubbish may give any answer; sanitizers see what must not happen on the way. The library is sound
 * and leads into it. */
static void survives_damage(void)
{
	struct scan_result r;
	unsigned seed = 1;

	if (!make_sample())
		TEST_SKIP("no C compiler");
	for (size_t cut = 1; cut < 16384; cut += cut < 1024 ? 17 : 211) {
		write_changed("libsample.so", "damaged", 0, "", 0, cut);
		scan(&r, "sample", "damaged", NULL);
		CHECK_EQ(r.n_files, 2);
		scan_result_done(&r);
	}
	for (int i = 0; i < 3000; i++) {
		static const uint64_t odd[] = { 0, 1, UINT64_MAX, INT64_MAX, 0x7fffffff, 0xfffffff0,
			8, 1 << 20 };
		size_t at = (size_t)rand_r(&seed) % (i % 2 ? 1024 : 16384),
		       n = 1u << rand_r(&seed) % 4;

		write_changed("libsample.so", "damaged", at, &odd[rand_r(&seed) % 8], n, SIZE_MAX);
		scan(&r, "sample", "damaged", NULL);
		CHECK_EQ(r.n_files, 2);
		scan_result_done(&r);
	}
}

/* What strace saw one command do. */
struct seen {
	char *paths[256];
	size_t n_paths;
	bool calls[SYSCALLS_MAX];
};

/* A path that ends before one of these; resolved, and each once. */
static void add_path(struct seen *s, const char *from, const char *ends)
{
	size_t len = strcspn(from, ends);
	char path[4096];
	char *real;

	if (*from != '/' || len >= sizeof(path))
		return;
	memcpy(path, from, len);
	path[len] = '\0';
	real = realpath(path, NULL);
	for (size_t i = 0; real && i < s->n_paths; i++) {
		if (strcmp(s->paths[i], real) == 0) {
			free(real);
			return;
		}
	}
	if (real && s->n_paths < sizeof(s->paths) / sizeof(*s->paths))
		s->paths[s->n_paths++] = real;
	else
		free(real);
}

/* "123 openat(AT_FDCWD, …" or "123 <... openat resumed>…" */
static void read_line(struct seen *s, const char *line)
{
	const char *word = line + strspn(line, "0123456789 "), *mapped;
	char name[SYSCALL_NAME_MAX];
	size_t len;
	int number;

	if (strncmp(word, "<... ", 5) == 0)
		word += 5;
	len = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_");
	if (len == 0 || len >= sizeof(name))
		return;
	memcpy(name, word, len);
	name[len] = '\0';
	number = syscall_number(syscall_native_arch(), name);
	if (number >= 0)
		s->calls[number] = true;
	if (strncmp(word, "execve(\"", 8) == 0)
		add_path(s, word + 8, "\"");
	mapped = strstr(line, "PROT_EXEC");
	mapped = mapped ? strchr(mapped, '<') : NULL;
	if (mapped)
		add_path(s, mapped + 1, ">");
}

/* The loader is mapped by the kernel, which no call shows. */
static void add_loader(struct seen *s)
{
	add_path(s, "/lib64/ld-linux-x86-64.so.2", " ");
	add_path(s, "/lib/ld-linux-aarch64.so.1", " ");
}

/* What a command did, and what its files can: all of the first must be in the second. */
static void check_command(const char *command)
{
	_cleanup_file_ FILE *f = NULL;
	struct seen s = { 0 };
	struct scan_result r = { 0 };
	struct err e;
	size_t n_seen = 0;
	char line[8192];

	if (!run("cd %s && strace -f -y -o trace sh -c 'exec %s' >/dev/null 2>&1 </dev/null", dir,
		    command)) {
		printf("# %s: not here\n", command);
		return;
	}
	f = fopen(in_dir("trace"), "r");
	while (f && fgets(line, sizeof(line), f))
		read_line(&s, line);
	add_loader(&s);
	CHECK_EQ(scan_files((const char *const *)s.paths, s.n_paths, NULL, &r, &e), 0);
	for (int n = 0; n < SYSCALLS_MAX; n++) {
		char buf[SYSCALL_NAME_MAX];
		const char *name = syscall_name(syscall_native_arch(), n, buf);

		n_seen += s.calls[n];
		if (s.calls[n] && !(name && call_find(&r, syscall_native_arch(), name))) {
			CHECK(!"all that it was seen to call is found in its files");
			printf("# not found: %s\n", name ? name : "?");
		}
	}
	check_ahead((const char *const *)s.paths, s.n_paths, &r);
	CHECK(n_seen > 10);
	CHECK(r.n_calls < 220); /* and not just everything: a C library knows about 290 */
	printf("# %s: %zu files, %zu calls seen, %zu found\n", command, s.n_paths, n_seen,
		r.n_calls);
	scan_result_done(&r);
	for (size_t i = 0; i < s.n_paths; i++)
		free(s.paths[i]);
}

static void finds_what_programs_are_seen_to_do(void)
{
	if (!run("strace -o %s true 2>/dev/null", in_dir("trace")))
		TEST_SKIP("strace is not here or may not trace");
	check_command("ls -l /usr/bin");
	check_command("tar -cf copy.tar /usr/include/linux");
	check_command("git init repository");
	check_command("git -C repository status");
	check_command("/usr/bin/python3 -c \"import os, socket, subprocess; "
		      "subprocess.run([\\\"true\\\"])\"");
	check_command("bash -c \"trap : USR1; kill -USR1 \\$\\$; ls | cat; sleep 0 & wait\"");
	check_command("find /usr/include -newer /etc/passwd");
	check_command("id");
	check_command("ps aux");
	check_command("perl -e \"print qx(date)\"");
	check_command("cc -x c -E /dev/null");
}

int main(void)
{
	CHECK(mkdtemp(dir) != NULL);
	TEST(finds_each_call_of_a_program_and_its_library);
	TEST(finds_them_in_code_for_the_other_processor);
	TEST(reads_ahead_what_stays_the_same);
	TEST(reads_packed_relocations);
	TEST(tells_the_way_to_a_call);
	TEST(takes_all_of_a_library_that_nobody_needs);
	TEST(takes_all_of_a_static_program);
	TEST(scans_a_file_once);
	TEST(says_why_a_file_is_not_scanned);
	TEST(goes_on_after_a_bad_file);
	TEST(survives_damage);
	TEST(finds_what_programs_are_seen_to_do);
	(void)run("rm -rf %s", dir);
	return test_done();
}
