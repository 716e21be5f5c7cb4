#include "helper/learn/code.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "helper/learn/learnt.h"
#include "helper/learn/scan.h"
#include "policy/base/err.h"
#include "policy/syscalls.h"

static int unresolved_note(struct learnt *l, const struct scan_file *f)
{
	char text[512];

	if (f->problem)
		(void)snprintf(text, sizeof(text), "%s: %s", f->path, f->problem);
	else if (f->unresolved)
		(void)snprintf(text, sizeof(text), "%zu place%s in %s", f->unresolved, f->unresolved == 1 ? "" : "s", f->path);
	else
		return 0;
	return learnt_word_add(&l->unresolved, text);
}

static int code_note(struct learnt *l, const struct scan_call *c)
{
	char name[SYSCALL_NAME_MAX];
	const char *file = strrchr(c->path, '/'), *user = c->user ? strrchr(c->user, '/') : NULL;

	if (!syscall_name(c->arch, c->number, name))
		return 0;
	/* The program that wants it says more than the library that does it. */
	return learnt_static_add(l, name, user ? user + 1 : file ? file + 1 : c->path);
}

int code_read(struct learnt *l, struct scan_ahead *ahead, struct err *e)
{
	struct scan_result found = { 0 };
	int r;

	r = scan_files((const char *const *)l->files.v, l->files.n, ahead, &found, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < found.n_calls && r == 0; i++)
		r = code_note(l, &found.calls[i]);
	for (size_t i = 0; i < found.n_files && r == 0; i++)
		r = unresolved_note(l, &found.files[i]);
	scan_result_done(&found);
	return r < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}
