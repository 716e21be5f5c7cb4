#ifndef CARREL_TEST_IMPORTED_H
#define CARREL_TEST_IMPORTED_H

/* A filter imported from a text, for the tests of carrel filter import and export. */

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/cli/filter_import.h"
#include "policy/base/err.h"
#include "policy/config.h"
#include "policy/filter.h"

#define ERRNO(n) (SECCOMP_RET_ERRNO | (n))
#define ALLOW SECCOMP_RET_ALLOW

struct imported {
	struct import im;
	struct filter *f;
	struct verdicts v;
	char *text;
	char error[512];
};

static inline struct import_options options(const char *caps, const char *kernel)
{
	struct import_options o = { .arch = AUDIT_ARCH_X86_64,
		.arch_name = "x86-64",
		.go_arch = "amd64",
		.source = "a test" };
	char *copy = strdup(caps), *save = NULL;

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		(void)strv_add(&o.caps, w, strlen(w));
	free(copy);
	(void)sscanf(kernel, "%u.%u", &o.kernel[0], &o.kernel[1]);
	return o;
}

static inline int load_text(const char *text, struct filter **ret, struct err *e)
{
	char dir[] = "/tmp/carrel-test.XXXXXX", path[64];
	const char *const dirs[] = { dir };
	FILE *f;
	int r;

	if (!mkdtemp(dir))
		return err_set(e, errno, "mkdtemp");
	(void)snprintf(path, sizeof(path), "%s/t.filter", dir);
	f = fopen(path, "we");
	(void)fputs(text, f);
	(void)fclose(f);
	r = filter_load(dirs, 1, "t", 0, ret, e);
	(void)unlink(path);
	(void)rmdir(dir);
	return r;
}

/* 0, or a negative errno with the story in i->error. */
static inline int import_text(
	const char *source, const struct import_options *o, struct imported *i)
{
	struct err e = { "" };
	size_t len;
	FILE *out;
	int r;

	*i = (struct imported){ .f = NULL };
	r = source[strspn(source, " \t\r\n")] == '{'
		    ? import_json(source, strlen(source), o, &i->im, &e)
		    : import_systemd(source, strlen(source), o, &i->im, &e);
	if (r == 0) {
		out = open_memstream(&i->text, &len);
		r = import_write(&i->im, o, out, &e);
		(void)fclose(out);
	}
	if (r == 0)
		r = import_verify(&i->im, o, i->text, &e);
	if (r == 0)
		r = load_text(i->text, &i->f, &e);
	if (r == 0)
		filter_resolve(i->f, o->arch, &i->v);
	memcpy(i->error, e.text, sizeof(i->error));
	return r;
}

static inline void imported_done(struct imported *i)
{
	import_done(&i->im);
	filter_free(i->f);
	free(i->text);
}

static inline uint32_t verdict(
	const struct imported *i, const char *call, uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct seccomp_data d = { .nr = syscall_number(AUDIT_ARCH_X86_64, call),
		.arch = AUDIT_ARCH_X86_64,
		.args = { a0, a1, a2 } };

	return i->f ? filter_verdict(i->f, &i->v, &d, NULL) : 0;
}

static inline bool noted(const struct imported *i, const char *part)
{
	for (size_t n = 0; n < i->im.notes.n; n++)
		if (strstr(i->im.notes.v[n], part))
			return true;
	return false;
}

#endif
