/*
 * program - attaches a compiled filter to the thread that calls it.
 *
 * Trust:  runs as root of the container in sshd's or cron's child and in carrel-relay; the
 * descriptor comes from the helper, which compiled and checked it. What is read is judged all the
 * same: a wrong file must not attach. In:     fd, the program file; the caller has no_new_privs or
 * CAP_SYS_ADMIN in its user namespace. Order:  loud, then quiet: of two filters that refuse the
 * same call with an errno, the newer one's errno counts. Fails:  a negative errno. The loud program
 * may then be attached already, so the caller must end, never go on.
 */
#include "helper/public/program.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = pread(fd, buf + n, size - n, (off_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

int program_check(const void *file, size_t len)
{
	struct program_head h;

	if (len < sizeof(h))
		return -EBADMSG;
	memcpy(&h, file, sizeof(h));

	if (h.magic != PROGRAM_MAGIC || h.version != PROGRAM_VERSION || h.flags != 0)
		return -EBADMSG;
	/* An empty program would be no filter at all: both are always there. */
	if (h.loud == 0 || h.loud > PROGRAM_INSNS || h.quiet == 0 || h.quiet > PROGRAM_INSNS)
		return -EBADMSG;
	if (len != sizeof(h) + ((size_t)h.loud + h.quiet) * sizeof(struct sock_filter))
		return -EBADMSG;
	return 0;
}

static int attach(const struct sock_filter *insns, uint16_t n, unsigned int flags)
{
	/* The kernel only reads the instructions; its struct has no const. */
	struct sock_fprog prog = { .len = n, .filter = (struct sock_filter *)(uintptr_t)insns };

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog) != 0)
		return -errno;
	return 0;
}

static int attach_file(const char *file, size_t len)
{
	const struct program_head *h = (const void *)file;
	const struct sock_filter *insns = (const void *)(file + sizeof(*h));
	int r;

	r = program_check(file, len);
	if (r < 0)
		return r;
	if (h->arch != PROGRAM_NATIVE_ARCH)
		return -EBADMSG;

	r = attach(insns, h->loud, SECCOMP_FILTER_FLAG_LOG);
	if (r < 0)
		return r;
	return attach(insns + h->loud, h->quiet, 0);
}

int program_attach(int fd)
{
	char *file;
	ssize_t n;
	int r;

	/* One byte more than any program has, so that a longer file is noticed. */
	file = mmap(
		NULL, PROGRAM_MAX + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (file == MAP_FAILED)
		return -errno;

	n = read_all(fd, file, PROGRAM_MAX + 1);
	r = n < 0 ? (int)n : attach_file(file, (size_t)n);
	/* Whatever the filter says to munmap, the memory is not missed. */
	(void)munmap(file, PROGRAM_MAX + 1);
	return r;
}
