/*
 * sweep - makes the system calls of a plan in the session that it runs in, and compares what
 * becomes of each with the rules.
 *
 * Trust:  runs as whoever is in the session; nothing outside it depends on what it says but a test.
 * In:     sweep PLAN, from tests/filter/plan.c; sweep --bare PLAN where no filter is: there, every
 * call reaches the kernel. Order:  a worker takes a filter of its own, whose listener is here, and
 * then makes the calls. Fails:  exit status 1 when a call ended otherwise than planned, 2 when
 * nothing could be tried.
 *
 * The worker's own filter asks the listener about every call, and of all filters on a call the
 * strictest answer counts: refused and killed come from the session's filter, and what it lets pass
 * arrives here and is never made. So every call can be tried, exit and reboot included. That it can
 * be done at all shows that filters stack and that a session's programs may have a listener.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/filter/sweep.h"

/* Outcomes are errno values; these are none of the kernel's. */
enum { ANSWER = 3333, KILLED = 5000, DIED = 6000, NOT_TRIED = 7000, LINES_MAX = 20 };

/* Both processes write here; the worker makes no system calls for it. */
struct shared {
	volatile int listener; /* a descriptor of the table that both have; -1 not yet, else -errno
				  - 1 */
	volatile uint32_t next, done;
	volatile int16_t outcome[];
};

#if defined(__x86_64__)
static long call_native(uint64_t nr, const uint64_t a[6])
{
	register uint64_t r10 __asm__("r10") = a[3];
	register uint64_t r8 __asm__("r8") = a[4];
	register uint64_t r9 __asm__("r9") = a[5];
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

/* Two of its arguments are in registers that a compiler wants for itself. */
long call_int80(uint64_t nr, const uint64_t a[6]);
__asm__(".text\n"
	".type call_int80, @function\n"
	"call_int80:\n"
	"	push %rbx\n"
	"	push %rbp\n"
	"	mov %rdi, %rax\n"
	"	mov (%rsi), %rbx\n"
	"	mov 8(%rsi), %rcx\n"
	"	mov 16(%rsi), %rdx\n"
	"	mov 32(%rsi), %rdi\n"
	"	mov 40(%rsi), %rbp\n"
	"	mov 24(%rsi), %rsi\n"
	"	int $0x80\n"
	"	cltq\n"
	"	pop %rbp\n"
	"	pop %rbx\n"
	"	ret\n"
	".size call_int80, . - call_int80\n");
#elif defined(__aarch64__)
static long call_native(uint64_t nr, const uint64_t a[6])
{
	register uint64_t x8 __asm__("x8") = nr;
	register uint64_t x0 __asm__("x0") = a[0];
	register uint64_t x1 __asm__("x1") = a[1];
	register uint64_t x2 __asm__("x2") = a[2];
	register uint64_t x3 __asm__("x3") = a[3];
	register uint64_t x4 __asm__("x4") = a[4];
	register uint64_t x5 __asm__("x5") = a[5];

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return (long)x0;
}

static long call_int80(uint64_t nr, const uint64_t a[6])
{
	(void)nr;
	(void)a;
	return -ENOSYS;
}
#else
#error "no system calls for this architecture yet"
#endif

/* Becomes the process that makes the calls; never returns, and cannot end by itself: exit is one of
 * the calls. */
static void work(struct shared *s, const struct plan_case *cases, uint32_t n)
{
	struct sock_filter ask = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	const struct sock_fprog program = { 1, &ask };
	const int no_new_privs = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	const long fd = no_new_privs < 0 ? -1
					 : syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
						   SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);

	if (fd < 0) {
		s->listener = -errno - 1;
		_exit(2);
	}
	s->listener = (int)fd;
	for (uint32_t i = s->next; i < n; i++) {
		const struct plan_case *c = &cases[i];
		long r;

		s->next = i;
		r = c->way == WAY_INT80 ? call_int80(c->nr, c->args) : call_native(c->nr, c->args);
		s->outcome[i] = (int16_t)(r < 0 && r >= -4095 ? -r : 0);
	}
	s->done = 1;
	for (;;)
		;
}

/* Answers one question of the worker's, if there is one: the call has come through, and is not
 * made. */
static void answer(int listener)
{
	struct seccomp_notif asked = { 0 };
	struct seccomp_notif_resp said = { .error = -ANSWER };

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
		return;
	said.id = asked.id;
	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &said);
}

/* One worker, from the case s->next until the plan or the worker ends. 0, or -errno when it has no
 * listener. */
static int run_worker(struct shared *s, const struct plan_case *cases, uint32_t n)
{
	pid_t pid;
	int status;

	s->listener = -1;
	s->done = 0;
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		return -errno;
	if (pid == 0)
		work(s, cases, n);
	while (s->listener == -1)
		(void)sched_yield();
	for (;;) {
		struct pollfd ready = { .fd = s->listener, .events = POLLIN };

		if (s->done) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, &status, 0);
			break;
		}
		if (s->listener >= 0 && poll(&ready, 1, 1) > 0 && (ready.revents & POLLIN))
			answer(s->listener);
		else if (waitpid(pid, &status, WNOHANG) == pid)
			break;
	}
	if (s->listener < 0)
		return s->listener + 1;

	(void)close(s->listener);
	if (!s->done) {
		s->outcome[s->next] =
			(int16_t)(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS
					  ? KILLED
					  : DIED + (WIFSIGNALED(status) ? WTERMSIG(status) : 100));
		s->next++;
	}
	return 0;
}

static int planned(const struct plan_case *c, bool bare)
{
	if (bare)
		return ANSWER;
	switch (c->expected & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
		return ANSWER;
	case SECCOMP_RET_ERRNO:
		return (int)(c->expected & SECCOMP_RET_DATA);
	default:
		return KILLED;
	}
}

static const char *outcome_text(int outcome)
{
	static char texts[4][40];
	static unsigned turn;
	char *text = texts[turn++ % 4];

	if (outcome == ANSWER)
		return "passed on";
	if (outcome == KILLED)
		return "killed";
	if (outcome == NOT_TRIED)
		return "not tried";
	if (outcome >= DIED)
		(void)snprintf(text, sizeof(texts[0]), "died of signal %d", outcome - DIED);
	else
		(void)snprintf(text, sizeof(texts[0]), "refused with %s",
			strerrorname_np(outcome) ? strerrorname_np(outcome) : "nothing");
	return text;
}

static void say_wrong(const struct plan_case *c, int wanted, int seen)
{
	printf("wrong: %s %#jx(", c->way == WAY_INT80 ? "int 0x80" : "syscall", (uintmax_t)c->nr);
	for (size_t i = 0; i < 6; i++)
		printf("%s%#jx", i ? ", " : "", (uintmax_t)c->args[i]);
	printf("): %s by the rules, %s here\n", outcome_text(wanted), outcome_text(seen));
}

/* uretprobe and uprobe of x86-64: newer kernels answer them before any filter, unless their own
 * trampoline calls. */
static bool is_kernels_own(const struct plan_case *c, int seen)
{
#ifdef __x86_64__
	return c->way == WAY_NATIVE && ((uint32_t)c->nr == 335 || (uint32_t)c->nr == 336) &&
	       (seen == DIED + SIGILL || seen == ENXIO);
#else
	(void)c;
	(void)seen;
	return false;
#endif
}

/* Says what was seen; the number of cases that are not as planned. */
static uint32_t compare(
	const struct shared *s, const struct plan_case *cases, uint32_t n, bool bare)
{
	uint32_t wrong = 0, passed = 0, refused = 0, killed = 0, absent = 0;

	for (uint32_t i = 0; i < n; i++) {
		const int wanted = planned(&cases[i], bare);
		const int seen = is_kernels_own(&cases[i], s->outcome[i]) ? wanted : s->outcome[i];

		/* A kernel without i386 knows no int 0x80. */
		if (cases[i].way == WAY_INT80 && seen == DIED + SIGSEGV) {
			absent++;
			continue;
		}
		passed += seen == ANSWER;
		killed += seen == KILLED;
		refused += seen < ANSWER;
		if (seen != wanted && wrong++ < LINES_MAX)
			say_wrong(&cases[i], wanted, seen);
	}
	printf("%u cases, %u passed on, %u refused, %u killed", n, passed, refused, killed);
	if (absent > 0)
		printf(", %u not of this kernel", absent);
	printf(", %u wrong\n", wrong);
	return wrong;
}

static const struct plan_head *map_plan(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	const struct plan_head *head;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	head = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (head == MAP_FAILED || head->magic != PLAN_MAGIC || head->n == 0 ||
		(size_t)st.st_size != sizeof(*head) + head->n * sizeof(struct plan_case))
		return NULL;
	return head;
}

int main(int argc, char **argv)
{
	const bool bare = argc > 1 && strcmp(argv[1], "--bare") == 0;
	const struct plan_head *head = argc == 2 + bare ? map_plan(argv[1 + bare]) : NULL;
	const struct plan_case *cases;
	struct shared *s;

	if (!head) {
		(void)fprintf(stderr, "usage: sweep [--bare] PLAN\n");
		return 2;
	}
	cases = (const struct plan_case *)(head + 1);
	s = mmap(NULL, sizeof(*s) + head->n * sizeof(s->outcome[0]), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		return 2;
	for (uint32_t i = 0; i < head->n; i++)
		s->outcome[i] = NOT_TRIED;
	while (s->next < head->n && !s->done) {
		const int r = run_worker(s, cases, head->n);

		if (r < 0) {
			printf("no filter of its own: %s\n", strerror(-r));
			return 2;
		}
	}
	return compare(s, cases, head->n, bare) == 0 ? 0 : 1;
}
