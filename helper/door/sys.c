/*
 * sys - what carrel, carrel-door, carrel-relay, carrel-init and carrel-root have instead of a C library.
 *
 * They start in half-entered namespaces with an environment somebody else wrote, so nothing may
 * load, look up or read anything before main(); and carrel is to be quick. A static glibc also costs 700 KiB a process that
 * runs alone, and 750 KiB of a container's tmpfs for carrel-root; this costs four pages. The
 * functions are the standard ones under their standard names, declared by the C library's headers:
 * the same sources link against a full libc as well, which is how they meet the sanitizers.
 *
 * Restrictions: one thread; sigaction() only sets SIG_DFL and SIG_IGN (signals are taken by
 *               signalfd).
 */
#include <asm/unistd.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * Old headers know neither the number nor the prototype of everything that the kernel we need has.
 */
#ifndef __NR_close_range
#define __NR_close_range 436
#endif

/* ---- the machine ---- */

int main(int argc, char **argv, char **envp);
void sys_start(long *stack);
void __stack_chk_fail(void);

#if defined(__x86_64__)

__asm__(".text\n"
	".globl _start\n"
	".type _start,@function\n"
	"_start:\n"
	"	xor %ebp,%ebp\n"
	"	mov %rsp,%rdi\n"
	"	and $-16,%rsp\n"
	"	call sys_start\n"
	"	hlt\n");

static long sys6(long n, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}

/* Where the compiler's stack protector looks for its secret: %fs:0x28. */
static struct {
	void *self;
	long unused[4];
	uintptr_t canary;
} thread_area;

__attribute__((no_stack_protector)) static void canary_set(uintptr_t canary)
{
	thread_area.self = &thread_area;
	thread_area.canary = canary;
	(void)sys6(__NR_arch_prctl, 0x1002 /* ARCH_SET_FS */, (long)&thread_area, 0, 0, 0, 0);
}

#elif defined(__aarch64__)

__asm__(".text\n"
	".globl _start\n"
	".type _start,%function\n"
	"_start:\n"
	"	mov x29,#0\n"
	"	mov x30,#0\n"
	"	mov x0,sp\n"
	"	and sp,x0,#-16\n"
	"	b sys_start\n");

static long sys6(long n, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

extern uintptr_t __stack_chk_guard;
uintptr_t __stack_chk_guard;

__attribute__((no_stack_protector)) static void canary_set(uintptr_t canary)
{
	__stack_chk_guard = canary;
}

#else
#error "carrel's static programs know x86-64 and aarch64; add _start, sys6() and canary_set() for this machine"
#endif

#define SYS0(n) sys_result(sys6(n, 0, 0, 0, 0, 0, 0))
#define SYS1(n, a) sys_result(sys6(n, (long)(a), 0, 0, 0, 0, 0))
#define SYS2(n, a, b) sys_result(sys6(n, (long)(a), (long)(b), 0, 0, 0, 0))
#define SYS3(n, a, b, c) sys_result(sys6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0))
#define SYS4(n, a, b, c, d) sys_result(sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0))
#define SYS5(n, a, b, c, d, e)                                                                     \
	sys_result(sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0))
#define SYS6(n, a, b, c, d, e, f)                                                                  \
	sys_result(sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f)))

static int sys_errno;

int *__errno_location(void)
{
	return &sys_errno;
}

static long sys_result(long r)
{
	if (r < 0 && r > -4096) {
		sys_errno = (int)-r;
		return -1;
	}
	return r;
}

/* ---- start ---- */

char **environ;
static const unsigned long *sys_auxv;

unsigned long getauxval(unsigned long type)
{
	for (const unsigned long *a = sys_auxv; a[0] != AT_NULL; a += 2)
		if (a[0] == type)
			return a[1];
	sys_errno = ENOENT;
	return 0;
}

__attribute__((no_stack_protector)) void sys_start(long *stack)
{
	int argc = (int)stack[0];
	char **argv = (char **)(stack + 1);
	char **end = argv + argc + 1;
	const uintptr_t *random;

	environ = end;
	while (*end)
		end++;
	sys_auxv = (const unsigned long *)(end + 1);

	random = (const uintptr_t *)getauxval(AT_RANDOM);
	/*
	 * A zero byte first, as C libraries do: no string can run over it and hit the right value.
	 */
	canary_set(random ? *random & ~(uintptr_t)0xff : 0);
	_exit(main(argc, argv, environ));
}

void _exit(int status)
{
	for (;;)
		(void)sys6(__NR_exit_group, status, 0, 0, 0, 0, 0);
}

void __stack_chk_fail(void)
{
	static const char text[] = "carrel: stack overrun, ending\n";

	(void)write(2, text, sizeof(text) - 1);
	_exit(127);
}

/* ---- strings ---- */

/* The empty asm keeps the compiler from seeing the loop as a call of the very function it is in. */
#define LOOP_AS_WRITTEN() __asm__ volatile("" ::: "memory")

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	unsigned char *d = to;
	const unsigned char *s = from;

	for (; n > 0; n--) {
		*d++ = *s++;
		LOOP_AS_WRITTEN();
	}
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	unsigned char *d = to;
	const unsigned char *s = from;

	if (d <= s)
		return memcpy(to, from, n);
	while (n > 0) {
		n--;
		d[n] = s[n];
		LOOP_AS_WRITTEN();
	}
	return to;
}

void *memset(void *to, int c, size_t n)
{
	unsigned char *d = to;

	for (; n > 0; n--) {
		*d++ = (unsigned char)c;
		LOOP_AS_WRITTEN();
	}
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n > 0; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	for (; s[n] != '\0'; n++)
		LOOP_AS_WRITTEN();
	return n;
}

int strcmp(const char *a, const char *b)
{
	for (; *a != '\0' && *a == *b; a++)
		b++;
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n > 0 && *a != '\0' && *a == *b; a++, n--)
		b++;
	return n == 0 ? 0 : (unsigned char)*a - (unsigned char)*b;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++)
		if (*s == '\0')
			return NULL;
	return (char *)(uintptr_t)s;
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	for (; *s != '\0'; s++)
		if (*s == (char)c)
			found = s;
	return (char *)(uintptr_t)found;
}

/* ---- files ---- */

ssize_t read(int fd, void *buf, size_t n)
{
	return SYS3(__NR_read, fd, buf, n);
}

ssize_t pread(int fd, void *buf, size_t n, off_t at)
{
	return SYS4(__NR_pread64, fd, buf, n, at);
}

ssize_t write(int fd, const void *buf, size_t n)
{
	return SYS3(__NR_write, fd, buf, n);
}

int close(int fd)
{
	return (int)SYS1(__NR_close, fd);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return (int)SYS4(__NR_openat, AT_FDCWD, path, flags, mode);
}

int fcntl(int fd, int cmd, ...)
{
	va_list ap;
	long arg;

	va_start(ap, cmd);
	arg = va_arg(ap, long);
	va_end(ap);
	return (int)SYS3(__NR_fcntl, fd, cmd, arg);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	long arg;

	va_start(ap, request);
	arg = va_arg(ap, long);
	va_end(ap);
	return (int)SYS3(__NR_ioctl, fd, request, arg);
}

int fstat(int fd, struct stat *st)
{
	return (int)SYS2(__NR_fstat, fd, st);
}

int fchmod(int fd, mode_t mode)
{
	return (int)SYS2(__NR_fchmod, fd, mode);
}

int fstatfs(int fd, struct statfs *st)
{
	return (int)SYS2(__NR_fstatfs, fd, st);
}

int stat(const char *restrict path, struct stat *restrict st)
{
	return (int)SYS4(__NR_newfstatat, AT_FDCWD, path, st, 0);
}

int dup2(int from, int to)
{
	/* dup3() refuses what dup2() allows; nobody here asks for it. */
	return (int)SYS3(__NR_dup3, from, to, 0);
}

int pipe2(int fds[2], int flags)
{
	return (int)SYS2(__NR_pipe2, fds, flags);
}

int close_range(unsigned int first, unsigned int last, int flags)
{
	return (int)SYS3(__NR_close_range, first, last, flags);
}

int memfd_create(const char *name, unsigned int flags)
{
	return (int)SYS2(__NR_memfd_create, name, flags);
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t from)
{
	return (void *)SYS6(__NR_mmap, at, n, prot, flags, fd, from);
}

int munmap(void *at, size_t n)
{
	return (int)SYS2(__NR_munmap, at, n);
}

int chdir(const char *path)
{
	return (int)SYS1(__NR_chdir, path);
}

char *getcwd(char *buf, size_t n)
{
	/* The kernel marks a directory outside the root by a text that is no path. */
	if (SYS2(__NR_getcwd, buf, n) < 0)
		return NULL;
	if (buf[0] != '/') {
		sys_errno = ENOENT;
		return NULL;
	}
	return buf;
}

ssize_t readlink(const char *restrict path, char *restrict buf, size_t n)
{
	return SYS4(__NR_readlinkat, AT_FDCWD, path, buf, n);
}

mode_t umask(mode_t mask)
{
	return (mode_t)SYS1(__NR_umask, mask);
}

int poll(struct pollfd *p, nfds_t n, int timeout_ms)
{
	struct timespec t = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };

	return (int)SYS5(__NR_ppoll, p, n, timeout_ms < 0 ? NULL : &t, NULL, 0);
}

/* ---- sockets ---- */

int socket(int domain, int type, int protocol)
{
	return (int)SYS3(__NR_socket, domain, type, protocol);
}

int connect(int fd, const struct sockaddr *address, socklen_t n)
{
	return (int)SYS3(__NR_connect, fd, address, n);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t n)
{
	return (int)SYS5(__NR_setsockopt, fd, level, name, value, n);
}

ssize_t send(int fd, const void *buf, size_t n, int flags)
{
	return SYS6(__NR_sendto, fd, buf, n, flags, NULL, 0);
}

ssize_t recv(int fd, void *buf, size_t n, int flags)
{
	return SYS6(__NR_recvfrom, fd, buf, n, flags, NULL, NULL);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	return SYS3(__NR_sendmsg, fd, m, flags);
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	return SYS3(__NR_recvmsg, fd, m, flags);
}

/* ---- processes ---- */

pid_t fork(void)
{
	return (pid_t)SYS5(__NR_clone, SIGCHLD, 0, 0, 0, 0);
}

int execve(const char *path, char *const argv[], char *const envp[])
{
	return (int)SYS3(__NR_execve, path, argv, envp);
}

pid_t waitpid(pid_t pid, int *status, int flags)
{
	return (pid_t)SYS4(__NR_wait4, pid, status, flags, NULL);
}

int kill(pid_t pid, int sig)
{
	return (int)SYS2(__NR_kill, pid, sig);
}

pid_t getpid(void)
{
	return (pid_t)SYS0(__NR_getpid);
}

pid_t getpgrp(void)
{
	return (pid_t)SYS1(__NR_getpgid, 0);
}

pid_t getsid(pid_t pid)
{
	return (pid_t)SYS1(__NR_getsid, pid);
}

pid_t setsid(void)
{
	return (pid_t)SYS0(__NR_setsid);
}

int setpgid(pid_t pid, pid_t group)
{
	return (int)SYS2(__NR_setpgid, pid, group);
}

uid_t getuid(void)
{
	return (uid_t)SYS0(__NR_getuid);
}

uid_t geteuid(void)
{
	return (uid_t)SYS0(__NR_geteuid);
}

gid_t getgid(void)
{
	return (gid_t)SYS0(__NR_getgid);
}

int getresgid(gid_t *r, gid_t *e, gid_t *s)
{
	return (int)SYS3(__NR_getresgid, r, e, s);
}

int getgroups(int n, gid_t list[])
{
	return (int)SYS2(__NR_getgroups, n, list);
}

int setgroups(size_t n, const gid_t *list)
{
	return (int)SYS2(__NR_setgroups, n, list);
}

int setresuid(uid_t r, uid_t e, uid_t s)
{
	return (int)SYS3(__NR_setresuid, r, e, s);
}

int setresgid(gid_t r, gid_t e, gid_t s)
{
	return (int)SYS3(__NR_setresgid, r, e, s);
}

int setuid(uid_t uid)
{
	return (int)SYS1(__NR_setuid, uid);
}

int setfsuid(uid_t uid)
{
	return (int)SYS1(__NR_setfsuid, uid);
}

int prctl(int option, ...)
{
	long a[4];
	va_list ap;

	va_start(ap, option);
	for (size_t i = 0; i < 4; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return (int)SYS5(__NR_prctl, option, a[0], a[1], a[2], a[3]);
}

long syscall(long number, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (size_t i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return SYS6(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	return (int)SYS2(__NR_clock_gettime, clock, ret);
}

int nanosleep(const struct timespec *t, struct timespec *left)
{
	return (int)SYS2(__NR_nanosleep, t, left);
}

/* ---- signals ---- */

/* The kernel's sets are one word; the C library's are longer and their first word is the same. */
#define KERNEL_SIGSET 8

int sigemptyset(sigset_t *set)
{
	memset(set, 0, sizeof(*set));
	return 0;
}

int sigfillset(sigset_t *set)
{
	memset(set, 0xff, sizeof(*set));
	return 0;
}

int sigaddset(sigset_t *set, int sig)
{
	uint64_t word;

	memcpy(&word, set, sizeof(word));
	word |= UINT64_C(1) << (sig - 1);
	memcpy(set, &word, sizeof(word));
	return 0;
}

int sigismember(const sigset_t *set, int sig)
{
	uint64_t word;

	memcpy(&word, set, sizeof(word));
	return (int)(word >> (sig - 1) & 1);
}

int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	return (int)SYS4(__NR_rt_sigprocmask, how, set, old, KERNEL_SIGSET);
}

int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info,
	const struct timespec *restrict limit)
{
	return (int)SYS4(__NR_rt_sigtimedwait, set, info, limit, KERNEL_SIGSET);
}

int signalfd(int fd, const sigset_t *set, int flags)
{
	return (int)SYS4(__NR_signalfd4, fd, set, KERNEL_SIGSET, flags);
}

int sigaction(int sig, const struct sigaction *restrict action, struct sigaction *restrict old)
{
	struct {
		void (*handler)(int);
		unsigned long flags;
		void (*restorer)(void);
		uint64_t mask;
	} set = { 0 }, was = { 0 };
	long r;

	if (action) {
		if (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN) {
			sys_errno = EINVAL;
			return -1;
		}
		set.handler = action->sa_handler;
	}
	r = SYS4(__NR_rt_sigaction, sig, action ? &set : NULL, old ? &was : NULL, KERNEL_SIGSET);
	if (r == 0 && old) {
		memset(old, 0, sizeof(*old));
		old->sa_handler = was.handler;
	}
	return (int)r;
}

/* ---- limits ---- */

int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	return (int)SYS4(__NR_prlimit64, 0, resource, limit, NULL);
}
