/*
 * default beside what Docker, Podman and systemd's @system-service say of every system call on
 * x86-64. Every difference, in either direction, must have been decided by a line of ours that
 * gives a reason; and default is looser than Docker only in what is listed here.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "tests/lib/filter_side.h"

/* A reason that stands for more calls than this is none: it tells what they have in common with
 * everything else. */
#define BLOCK_MAX 16

/* Where default lets through what Docker refuses. The reason stands in the filter; a new one is put
 * here on purpose. */
static const char *const looser[] = { "file_getattr", "file_setattr", "kcmp", "personality",
	"uprobe" };
#define N_LOOSER (sizeof(looser) / sizeof(*looser))

enum { DEFAULT, DOCKER, PODMAN, SYSTEM_SERVICE, N_SIDES };
static const char *const names[] = { "default", "docker", "podman", "system-service" };
static struct side sides[N_SIDES];

static const char *text_of(uint32_t v)
{
	if (v == SECCOMP_RET_ALLOW || v == SECCOMP_RET_LOG)
		return v == SECCOMP_RET_LOG ? "log" : "allow";
	return (v & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO
		       ? strerrorname_np((int)(v & SECCOMP_RET_DATA))
		       : "kill";
}

/* ---- differences and their reasons ---- */

/* Of the rule at this line, or the first one about the call; else of the call's own line. */
static const char *reason_for(const struct side *s, int n, const struct origin *at)
{
	for (size_t i = 0; i < s->filter->n_args; i++)
		if (s->table->rule_call[i] == n && (!at || at == &s->filter->args[i].at))
			return s->arg_reasons[i];
	return s->reasons[n];
}

static int calls_with_reason(const struct side *s, const char *reason)
{
	int found = 0;

	for (int n = 0; n < SYSCALLS_MAX; n++)
		found += s->reasons[n] && strcmp(s->reasons[n], reason) == 0;
	return found;
}

struct comparison {
	const struct side *ours, *theirs;
	bool errors; /* which error a refused call gets matters as well */
	bool differs, looser;
	int unexplained;
	const char *reason; /* of the last difference */
};

static void compare(const struct seccomp_data *d, void *data)
{
	struct comparison *c = data;
	const struct origin *at = NULL;
	uint32_t our = verdict(c->ours, d, &at), their = verdict(c->theirs, d, NULL);
	bool we = our == SECCOMP_RET_ALLOW, they = their == SECCOMP_RET_ALLOW;

	if (we == they && !(c->errors && our != their))
		return;
	c->differs = true;
	c->looser = c->looser || (we && !they);
	c->reason = reason_for(c->ours, d->nr, we ? NULL : at);
	if (!c->reason || calls_with_reason(c->ours, c->reason) > BLOCK_MAX)
		c->unexplained++;
}

static struct comparison compare_call(
	const struct side *ours, const struct side *theirs, bool errors, int n)
{
	struct comparison c = { .ours = ours, .theirs = theirs, .errors = errors };

	if (ours->table->call[n].known)
		probe_call(ours, theirs, n, compare, &c);
	return c;
}

/* The number of calls of ours that differ for no reason. */
static int unexplained(
	const struct side *ours, const struct side *theirs, bool errors, bool tell, int *ret_differ)
{
	char name[SYSCALL_NAME_MAX];
	int bad = 0;

	*ret_differ = 0;
	for (int n = 0; n < SYSCALLS_MAX; n++) {
		struct comparison c = compare_call(ours, theirs, errors, n);

		*ret_differ += c.differs;
		bad += c.unexplained > 0;
		if (c.unexplained && tell)
			printf("# %s differs, and no line says why\n", syscall_name(ARCH, n, name));
	}
	return bad;
}

static bool is_listed(const char *name)
{
	for (size_t i = 0; i < N_LOOSER; i++)
		if (strcmp(looser[i], name) == 0)
			return true;
	return false;
}

/* How many calls are looser than Docker's and not listed, and how many of the listed ones are
 * looser. */
static void count_looser(const struct side *ours, int *ret_new, int *ret_listed)
{
	*ret_new = *ret_listed = 0;
	for (int n = 0; n < SYSCALLS_MAX; n++) {
		struct comparison c = compare_call(ours, &sides[DOCKER], false, n);
		char buf[SYSCALL_NAME_MAX];
		const char *name = syscall_name(ARCH, n, buf);

		if (c.looser)
			++*(is_listed(name) ? ret_listed : ret_new);
	}
}

/* ---- the tests ---- */

static void every_difference_has_its_reason(void)
{
	int differ;

	/* Docker's errors are told apart; those of the others are their callers' choice. */
	CHECK_EQ(unexplained(&sides[DEFAULT], &sides[DOCKER], true, true, &differ), 0);
	CHECK(differ >= 10);
	CHECK_EQ(unexplained(&sides[DEFAULT], &sides[PODMAN], false, true, &differ), 0);
	CHECK(differ >= 30);
	CHECK_EQ(unexplained(&sides[DEFAULT], &sides[SYSTEM_SERVICE], false, true, &differ), 0);
	CHECK(differ >= 30);
}

static void default_is_looser_than_docker_only_where_listed(void)
{
	int new, listed;

	count_looser(&sides[DEFAULT], &new, &listed);
	CHECK_EQ(new, 0);
	CHECK_EQ(listed, N_LOOSER);
}

/* The administrator's default stands before ours, and includes it. */
static bool variant(const char *text, struct side *ret)
{
	char dir[] = "/tmp/parity.XXXXXX", path[64];
	_cleanup_file_ FILE *f = NULL;
	bool good;

	if (!mkdtemp(dir))
		return false;
	(void)snprintf(path, sizeof(path), "%s/default.filter", dir);
	f = fopen(path, "we");
	good = f && fprintf(f, "[filter]\ninclude = default\n%s", text) > 0 && fflush(f) == 0 &&
	       side_load(ret, dir, "default", 0);
	CHECK(unlink(path) == 0 && rmdir(dir) == 0);
	return good;
}

static void differences_without_a_reason_are_found(void)
{
	static const struct {
		const char *text;
		int unexplained, new_looser;
	} cases[] = {
		{ "\n; Nothing new.\nallow = read\n", 0, 0 },
		{ "\nallow = bpf\n", 1, 1 },
		{ "\n; Because I say so.\nallow = bpf\n", 0, 1 },
		{ "\nrefuse = chmod fchmod\n", 2, 0 },
		{ "\n; Files keep their modes.\nrefuse = chmod fchmod\n", 0, 0 },
		{ "\nrefuse = bpf:ENOSYS\n", 1, 0 },
		{ "\n[args]\nioctl.request = not TIOCSTI TIOCLINUX\n", 1, 0 },
		{ "\n[args]\nclone.flags = not CLONE_NEWNS CLONE_NEWCGROUP CLONE_NEWUTS "
		  "CLONE_NEWIPC\n"
		  "\tCLONE_NEWPID CLONE_NEWNET\n",
			1, 1 },
	};
	int differ, new, listed;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct side s;

		if (!variant(cases[i].text, &s)) {
			test_fail(__FILE__, __LINE__, cases[i].text);
			continue;
		}
		test_check_int(__FILE__, __LINE__, cases[i].text,
			unexplained(&s, &sides[DOCKER], true, false, &differ),
			cases[i].unexplained);
		count_looser(&s, &new, &listed);
		test_check_int(__FILE__, __LINE__, cases[i].text, new, cases[i].new_looser);
		side_done(&s);
	}
}

/* One comment above everything is no reason for anything. */
static void a_reason_for_everything_is_none(void)
{
	struct side s;
	int differ;

	if (!variant("\n; For all.\nallow = @known\n", &s)) {
		CHECK(false);
		return;
	}
	CHECK(unexplained(&s, &sides[DOCKER], true, false, &differ) > 20);
	side_done(&s);
}

static int allowed(const struct side *s)
{
	int count = 0;

	for (int n = 0; n < SYSCALLS_MAX; n++)
		count += s->table->call[n].known && s->table->call[n].action == CALL_ALLOW;
	return count;
}

static void peers_allow_what_was_counted_at_the_source(void)
{
	if (syscall_native_arch() != ARCH)
		TEST_SKIP("only where every name of x86-64 is known");
	CHECK_EQ(allowed(&sides[DOCKER]), 309);
	CHECK_EQ(allowed(&sides[PODMAN]), 318);
	CHECK_EQ(allowed(&sides[SYSTEM_SERVICE]), 314);
}

static void system_service_is_the_group_of_that_name(void)
{
	struct side s;

	if (!variant("refuse = @known\nallow = @system-service\n", &s)) {
		CHECK(false);
		return;
	}
	for (int n = 0; n < SYSCALLS_MAX; n++) {
		char name[SYSCALL_NAME_MAX] = "";

		/* Absent in ours for a rule about clone, which @system-service has not. */
		if (!syscall_name(ARCH, n, name) || strcmp(name, "clone3") == 0)
			continue;
		test_check_int(__FILE__, __LINE__, name,
			sides[SYSTEM_SERVICE].table->call[n].action, s.table->call[n].action);
	}
	side_done(&s);
}

static void check_verdict(
	int line, int side, const char *call, uint64_t a0, uint64_t a2, const char *expected)
{
	struct seccomp_data d = {
		.arch = ARCH, .nr = syscall_number(ARCH, call), .args = { a0, 0, a2 }
	};

	test_check_str(
		__FILE__, line, names[side], text_of(verdict(&sides[side], &d, NULL)), expected);
}

/* In our form also with high bits, which pass the originals. */
static void peers_refuse_by_arguments_as_they_do(void)
{
	const uint64_t vsock = 40, alg = 38, netlink = 16, audit = 9, high = UINT64_C(1) << 32;

	check_verdict(__LINE__, DOCKER, "socket", vsock, 0, "EPERM");
	check_verdict(__LINE__, DOCKER, "socket", vsock | high, 0, "EPERM");
	check_verdict(__LINE__, DOCKER, "socket", alg | high, 0, "EPERM");
	check_verdict(__LINE__, DOCKER, "socket", netlink, audit, "allow");
	check_verdict(__LINE__, DOCKER, "clone", 0x10000000, 0, "EPERM");
	check_verdict(__LINE__, DOCKER, "clone", 0x3d0f00, 0, "allow");
	check_verdict(__LINE__, DOCKER, "clone3", 0, 0, "ENOSYS");
	check_verdict(__LINE__, DOCKER, "personality", 0x20008, 0, "allow");
	check_verdict(__LINE__, DOCKER, "personality", 0x40000, 0, "EPERM");
	check_verdict(__LINE__, PODMAN, "socket", vsock | high, 0, "EPERM");
	check_verdict(__LINE__, PODMAN, "socket", alg, 0, "allow");
	check_verdict(__LINE__, PODMAN, "socket", netlink, audit, "EINVAL");
	check_verdict(__LINE__, PODMAN, "socket", netlink, 0, "allow");
	check_verdict(__LINE__, PODMAN, "clone", 0x10000000, 0, "allow");
	check_verdict(__LINE__, PODMAN, "personality", 0x40000, 0, "ENOSYS");
	check_verdict(__LINE__, PODMAN, "mseal", 0, 0, "ENOSYS");
	check_verdict(__LINE__, PODMAN, "bpf", 0, 0, "EPERM");
}

int main(void)
{
	bool good = true;

	for (int i = 0; i < N_SIDES; i++)
		good = side_load(&sides[i], NULL, names[i], 0) && good;
	if (!good)
		return 1;
	TEST(every_difference_has_its_reason);
	TEST(default_is_looser_than_docker_only_where_listed);
	TEST(differences_without_a_reason_are_found);
	TEST(a_reason_for_everything_is_none);
	TEST(peers_allow_what_was_counted_at_the_source);
	TEST(system_service_is_the_group_of_that_name);
	TEST(peers_refuse_by_arguments_as_they_do);
	for (int i = 0; i < N_SIDES; i++)
		side_done(&sides[i]);
	return test_done();
}
