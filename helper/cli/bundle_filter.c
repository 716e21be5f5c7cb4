/*
 * bundle_filter - the filter of a bundle, to be attached after that of the profile.
 *
 * It is imported as `carrel filter import` does it, and compiled as any filter is. What comes out
 * are two programs, the first of which may forbid to attach the second; the profile's filter, whose
 * author knows, leaves that open, and the bundle's need not. So both are put together into the
 * second, and the first lets everything pass. Refusals of this filter are then not logged: they are
 * the user's own business.
 */
#include "helper/cli/bundle_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "helper/cli/filter_import.h"
#include "helper/public/program.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/filter.h"
#include "policy/filter_rules.h"

/* ---- rules ---- */

static int options_fill(struct import_options *o, struct err *e)
{
	struct utsname u;

	o->arch = syscall_native_arch();
	o->arch_name = o->arch == AUDIT_ARCH_X86_64 ? "x86-64" : "aarch64";
	o->go_arch = o->arch == AUDIT_ARCH_X86_64 ? "amd64" : "arm64";
	o->source = "linux.seccomp";
	if (uname(&u) < 0 || sscanf(u.release, "%3u.%5u", &o->kernel[0], &o->kernel[1]) != 2)
		return err_set(e, EINVAL, "this kernel has no version");
	return 0;
}

static int rules_make(const char *text, size_t len, const struct import_options *o,
	struct filter **ret, struct err *e)
{
	_cleanup_(import_done) struct import im = { .form = NULL };
	_cleanup_free_ char *filter = NULL;
	size_t filter_len;
	FILE *out;
	int r = import_json(text, len, o, &im, e);

	if (r < 0)
		return r;
	out = open_memstream(&filter, &filter_len);
	if (!out)
		return err_set(e, ENOMEM, "out of memory");
	r = import_write(&im, o, out, e);
	if (fclose(out) != 0 && r == 0)
		r = err_set(e, ENOMEM, "out of memory");
	if (r == 0)
		r = import_verify(&im, o, filter, e);
	return r == 0 ? import_load(filter, ret, e) : r;
}

/* ---- two programs into one ---- */

/* Where the loud program lets a call pass, the quiet one decides, which begins where that ends. */
static void loud_go_on(struct sock_filter *insns, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (insns[i].code == (BPF_RET | BPF_K) && insns[i].k == SECCOMP_RET_ALLOW)
			insns[i] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, n - i - 1);
}

static int programs_join(const void *file, void **ret, size_t *ret_len, struct err *e)
{
	static const struct sock_filter pass = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct program_head head;
	const size_t step = sizeof(struct sock_filter);
	size_t insns, len;
	char *out;

	memcpy(&head, file, sizeof(head));
	insns = (size_t)head.loud + head.quiet;
	len = sizeof(head) + (insns + 1) * step;
	if (insns > PROGRAM_INSNS)
		return err_set(e, E2BIG, "%zu instructions, %d is what the kernel takes", insns,
			PROGRAM_INSNS);
	out = malloc(len);
	if (!out)
		return err_set(e, ENOMEM, "out of memory");
	memcpy(out + sizeof(head) + step, (const char *)file + sizeof(head), insns * step);
	loud_go_on((struct sock_filter *)(void *)(out + sizeof(head) + step), head.loud);
	memcpy(out + sizeof(head), &pass, step);
	head.loud = 1;
	head.quiet = (uint16_t)insns;
	memcpy(out, &head, sizeof(head));
	*ret = out;
	*ret_len = len;
	return 0;
}

static int program_prove(const struct filter *f, const void *file, size_t len, struct err *e)
{
	_cleanup_free_ struct verdicts *v = malloc(sizeof(*v));

	if (!v)
		return err_set(e, ENOMEM, "out of memory");
	filter_resolve(f, 0, v);
	return filter_prove(f, v, file, len, e);
}

int bundle_filter_make(const char *text, size_t len, const struct strv *caps, void **ret,
	size_t *ret_len, struct err *e)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	_cleanup_free_ void *two = NULL, *one = NULL;
	struct import_options o = { .caps = *caps };
	size_t two_len = 0, one_len = 0;
	int r = options_fill(&o, e);

	if (r == 0)
		r = rules_make(text, len, &o, &f, e);
	if (r == 0)
		r = filter_compile(f, 0, &two, &two_len, e);
	if (r == 0)
		r = programs_join(two, &one, &one_len, e);
	if (r == 0)
		r = program_prove(f, one, one_len, e);
	if (r < 0)
		return r;
	*ret = ptr_take(&one);
	*ret_len = one_len;
	return 0;
}

int bundle_filter_open(
	const char *text, size_t len, const struct strv *caps, int *ret_fd, struct err *e)
{
	_cleanup_fd_ int fd = memfd_create("carrel-bundle-filter", MFD_ALLOW_SEALING);
	_cleanup_free_ void *program = NULL;
	size_t n;
	int r;

	if (fd < 0)
		return err_set(e, errno, "no memory for a filter: %s", strerror(errno));
	r = bundle_filter_make(text, len, caps, &program, &n, e);
	if (r < 0)
		return err_wrap(e, r, "config.json: linux.seccomp");
	if (write(fd, program, n) != (ssize_t)n ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) <
			0)
		return err_set(e, errno, "no memory for a filter: %s", strerror(errno));
	*ret_fd = fd_take(&fd);
	return 0;
}
