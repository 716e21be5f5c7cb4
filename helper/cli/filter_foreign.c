#include "helper/cli/filter_foreign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/cli/filter.h"
#include "helper/cli/filter_words.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/config.h"
#include "policy/filter.h"
#include "policy/filter_rules.h"

#define NAME "imported"

/* A directory of our own for one file. */
struct place {
	char *dir, *file;
};

static void place_remove(struct place *p)
{
	if (p->file)
		(void)unlink(p->file);
	if (p->dir)
		(void)rmdir(p->dir);
	free(p->file);
	free(p->dir);
}

static int place_make(struct place *ret, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	_cleanup_free_ char *dir = NULL;

	if (asprintf(&dir, "%s/carrel-filter.XXXXXX", tmp && *tmp ? tmp : "/tmp") < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (!mkdtemp(dir))
		return err_set(e, errno, "%s: %s", dir, strerror(errno));
	ret->dir = ptr_take(&dir);
	if (asprintf(&ret->file, "%s/" NAME ".filter", ret->dir) < 0) {
		ret->file = NULL;
		return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

/* The profile stands for the file, which is gone when somebody reads the answer. */
static int origins_replace(struct filter *f, const char *path, struct err *e)
{
	struct strv files = { NULL, 0 };
	struct origin at = { NULL, 0 };
	char *name = strdup(path);

	if (!name || strv_add(&files, path, strlen(path)) < 0) {
		free(name);
		return err_set(e, ENOMEM, "out of memory");
	}
	at.file = files.v[0];
	for (size_t i = 0; i < f->n_calls; i++)
		f->calls[i].at = at;
	for (size_t i = 0; i < f->n_args; i++)
		f->args[i].at = at;
	f->i386_at = at;
	strv_done(&f->files);
	f->files = files;
	free(f->name);
	f->name = name;
	return 0;
}

/* As the command line would say it. */
static int import_to(const char *file, const char *path, uint32_t arch)
{
	const char *words[] = { "import", "--arch", arch_name(arch_machine(arch)), "--output", file,
		"--", path, NULL };
	size_t n = sizeof(words) / sizeof(*words);

	return cmd_filter_import((int)n - 1, (char **)(uintptr_t)words);
}

int filter_foreign_load(const char *path, uint32_t arch, struct filter **ret, struct err *e)
{
	_cleanup_(filter_cleanup) struct filter *f = NULL;
	_cleanup_(place_remove) struct place p = { NULL, NULL };
	const char *dir;
	int r;

	r = place_make(&p, e);
	if (r < 0)
		return r;
	if (import_to(p.file, path, arch) != 0)
		return err_set(e, EINVAL, "'%s' cannot be taken for a filter", path);
	dir = p.dir;
	r = filter_load(&dir, 1, NAME, 0, &f, e);
	if (r == 0)
		r = origins_replace(f, path, e);
	if (r < 0)
		return r;
	*ret = ptr_take(&f);
	return 0;
}
