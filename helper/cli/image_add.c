/*
 * image_add - an image comes into the store.
 *
 * Trust:  root says what is to be imported; what it holds is anybody's, and is written but never run, mounted or asked.
 * Order:  lock, fresh directory in .work, content, manifest, all of it on disk, and then one rename: what is in the store under a
 *         name is whole.
 * Fails:  nothing under the name; what is in .work goes at once, or with the next import if this one was killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/cli/image.h"
#include "helper/image/sum.h"
#include "helper/image/tree.h"
#include "helper/public/syscalls.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/io.h"

#define NEW "new"

struct import {
	const char *name;
	struct image_source source;
	const struct strv *command; /* --command: instead of what an image's configuration says */
	struct image_work *work;
	int fd; /* the image's directory in the making */
	struct manifest m;
	struct manifest_text carried; /* of SOURCE_IMAGE: the manifest as it was, which its signature is of */
	unsigned left_out;
};

static int failed(struct err *e, const char *what)
{
	return err_set(e, errno, "cannot make %s: %s", what, strerror(errno));
}

/* --- trees --- */

/* What launches mount upon; it is all that an import adds to a tree. */
static int mount_points_make(int tree_fd, struct err *e)
{
	static const struct {
		const char *name;
		mode_t mode;
	} directories[] = { { "proc", 0555 }, { "sys", 0555 }, { "dev", 0755 }, { "run", 0755 }, { "tmp", 01777 }, { "etc", 0755 } };
	static const char *const files[] = { "resolv.conf", "hosts" };
	_cleanup_fd_ int etc = -1;

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		if (mkdirat(tree_fd, directories[i].name, 0700) == 0) {
			if (fchmodat(tree_fd, directories[i].name, directories[i].mode, 0) < 0)
				return failed(e, directories[i].name);
		} else if (errno != EEXIST) {
			return failed(e, directories[i].name);
		}
	}
	etc = sys_openat2(tree_fd, "etc", O_RDONLY | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (etc < 0)
		return 0; /* a link or a file: the image's own business */
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		_cleanup_fd_ int fd = openat(etc, files[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0 ? errno != EEXIST : fchmod(fd, 0644) < 0)
			return failed(e, files[i]);
	}
	return 0;
}

static int tree_fill(struct import *i, int tree_fd, struct err *e)
{
	switch (i->source.kind) {
	case SOURCE_ARCHIVE:
		return image_unpack(i->source.fd, tree_fd, &i->left_out, e);
	case SOURCE_DIRECTORY:
		return image_copy_tree(i->source.fd, tree_fd, &i->left_out, e);
	case SOURCE_IMAGE: {
		_cleanup_fd_ int from = openat(i->source.fd, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		return from < 0 ? err_set(e, errno, "tree: %s", strerror(errno)) : image_copy_tree(from, tree_fd, &i->left_out, e);
	}
	default:
		return image_unpack_oci(&i->source, i->work->fd, tree_fd, &i->m, &i->left_out, e);
	}
}

/* The list stays beside the manifest: without it nobody could say later which path differs. */
static int tree_list(struct import *i, int tree_fd, struct tree_sum *ret, struct err *e)
{
	_cleanup_fd_ int fd = openat(i->fd, STORE_LIST, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	int r;

	if (!f)
		return failed(e, STORE_LIST);
	(void)fd_take(&fd); /* f's now */
	r = tree_sum(tree_fd, f, NULL, ret, e);
	if (fclose(f) != 0 && r == 0)
		r = failed(e, STORE_LIST);
	return r;
}

static int tree_import(struct import *i, struct err *e)
{
	_cleanup_fd_ int tree = -1;
	struct tree_sum sum;
	int r;

	if (mkdirat(i->fd, "tree", 0755) < 0)
		return failed(e, "tree");
	tree = openat(i->fd, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (tree < 0 || fchmod(tree, 0755) < 0)
		return failed(e, "tree");
	r = tree_fill(i, tree, e);
	if (r == 0 && i->source.kind != SOURCE_IMAGE)
		r = mount_points_make(tree, e);
	if (r == 0)
		r = tree_list(i, tree, &sum, e);
	if (r < 0)
		return r;
	i->m.kind = IMAGE_TREE;
	i->m.size = sum.size;
	memcpy(i->m.digest, sum.digest, sizeof(i->m.digest));
	return 0;
}

/* --- files --- */

static int file_import(struct import *i, struct err *e)
{
	const char *name = image_kind_file(i->source.file);
	_cleanup_fd_ int opened = -1, fd = -1;
	int from = i->source.fd, r;

	if (i->source.kind == SOURCE_IMAGE) {
		from = opened = openat(i->source.fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (from < 0)
			return err_set(e, errno, "%s: %s", name, strerror(errno));
		r = fd_check_type(from, S_IFREG, e);
		if (r < 0)
			return err_wrap(e, r, "%s", name);
	}
	r = image_copy_file(from, i->fd, name, e);
	if (r < 0)
		return r;
	fd = openat(i->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return failed(e, name);
	if (file_kind(fd) != i->source.file)
		return err_set(e, EBADMSG, "%s: holds no %s", name, image_kind_name(i->source.file));
	fd_verity_enable(fd);
	(void)fd_verity(fd, i->m.verity);
	memcpy(i->m.digest, "sha256:", 7);
	i->m.kind = i->source.file;
	return fd_sum(fd, i->m.digest + 7, &i->m.size, e);
}

/* --- the manifest --- */

static int text_write(struct import *i, const char *name, const char *text, size_t len, struct err *e)
{
	_cleanup_fd_ int fd = openat(i->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t done = 0;

	if (fd < 0 || fchmod(fd, 0644) < 0)
		return failed(e, name);
	while (done < len) {
		ssize_t n = write(fd, text + done, len - done);

		if (n < 0)
			return failed(e, name);
		done += (size_t)n;
	}
	return 0;
}

static int command_take(struct import *i, struct err *e)
{
	if (i->command->n)
		strv_done(&i->m.command);
	for (size_t n = 0; n < i->command->n; n++)
		if (strv_add(&i->m.command, i->command->v[n], strlen(i->command->v[n])) < 0)
			return err_set(e, ENOMEM, "out of memory");
	return 0;
}

static int manifest_make(struct import *i, struct err *e)
{
	struct manifest again = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = command_take(i, e);

	(void)snprintf(i->m.name, sizeof(i->m.name), "%s", i->name);
	if (r == 0)
		r = manifest_write(&i->m, &text, &len, e);
	if (r == 0)
		r = manifest_parse(text, len, &again, e); /* what the image's configuration says may be no manifest's */
	if (r < 0)
		return err_wrap(e, r, STORE_MANIFEST);
	manifest_done(&again);
	return text_write(i, STORE_MANIFEST, text, len, e);
}

/* Reads a file of the image that is carried over; -ENOENT: it has none. */
static int carried_read(struct import *i, const char *name, char **ret, size_t *ret_len, struct err *e)
{
	int r = config_slurp(i->source.fd, name, false, ret, ret_len, e);

	return r < 0 && r != -ENOENT ? err_wrap(e, r, "%s", name) : r;
}

/* Before anything is copied. */
static int carried_begin(struct import *i, struct err *e)
{
	int r = carried_read(i, STORE_MANIFEST, &i->carried.text, &i->carried.len, e);

	if (r == 0)
		r = manifest_parse(i->carried.text, i->carried.len, &i->carried.m, e);
	if (r < 0)
		return err_wrap(e, r, STORE_MANIFEST);
	if (strcmp(i->carried.m.name, i->name) != 0)
		return err_set(e, EINVAL, "its manifest says that it is '%s': add it under that name", i->carried.m.name);
	if (i->carried.m.kind != i->source.file)
		return err_set(e, EINVAL, "its manifest says kind = %s, but it holds %s", image_kind_name(i->carried.m.kind),
			image_kind_file(i->source.file));
	return 0;
}

/* What was copied must be what the manifest says, which is kept to the byte, with its signature. */
static int carried_end(struct import *i, struct err *e)
{
	_cleanup_free_ char *signature = NULL;
	char signer[256];
	size_t len;
	int r;

	if (strcmp(i->m.digest, i->carried.m.digest) != 0 || i->m.size != i->carried.m.size)
		return err_set(e, EBADMSG, "it is not what its manifest says");
	r = text_write(i, STORE_MANIFEST, i->carried.text, i->carried.len, e);
	if (r < 0)
		return r;
	r = carried_read(i, STORE_SIGNATURE, &signature, &len, e);
	if (r == 0)
		r = text_write(i, STORE_SIGNATURE, signature, len, e);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return store_signer(i->fd, &i->carried, i->work->place->keys_fd, signer, sizeof(signer), e);
}

/* --- all of it --- */

static int import_fill(struct import *i, struct err *e)
{
	bool carried = i->source.kind == SOURCE_IMAGE, file = i->source.file != IMAGE_NONE && i->source.file != IMAGE_TREE;
	int r = carried ? carried_begin(i, e) : 0;

	if (r == 0)
		r = file ? file_import(i, e) : tree_import(i, e);
	if (r == 0)
		r = carried ? carried_end(i, e) : manifest_make(i, e);
	return r;
}

/* Others may read what is a file; a tree is reached through containers only, see store_content(). */
static int import_finish(struct import *i, struct err *e)
{
	int store = i->work->place->store_fd;

	if (fchmod(i->fd, i->m.kind == IMAGE_TREE ? 0700 : 0755) < 0 || syncfs(i->fd) < 0)
		return failed(e, "it last");
	if (syscall(SYS_renameat2, i->work->fd, NEW, store, i->name, RENAME_NOREPLACE) < 0)
		return failed(e, "it visible");
	return fsync(store) < 0 ? failed(e, "it last") : 0;
}

static int import_run(struct import *i, struct err *e)
{
	struct stat st;
	int r;

	if (fstatat(i->work->place->store_fd, i->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(e, EEXIST, "there is one already; remove it first");
	if (mkdirat(i->work->fd, NEW, 0700) < 0)
		return failed(e, "a directory");
	i->fd = openat(i->work->fd, NEW, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (i->fd < 0)
		return failed(e, "a directory");
	r = import_fill(i, e);
	return r < 0 ? err_wrap(e, r, "'%s'", i->source.path) : import_finish(i, e);
}

static void report(const struct import *i)
{
	const struct image_place *p = i->work->place;
	_cleanup_(manifest_text_done) struct manifest_text t = { 0 };
	char size[32], signer[256] = "";
	struct err e;

	(void)printf("%s: %s, %s, %s\n", i->name, image_kind_name(i->m.kind), i->m.digest,
		image_size_text(i->m.size, size, sizeof(size)));
	if (i->left_out)
		(void)printf("left out: %u of devices and sockets; a container has a /dev of its own\n", i->left_out);
	if (store_manifest(i->fd, i->name, &t, &e) == 0)
		(void)store_signer(i->fd, &t, p->keys_fd, signer, sizeof(signer), &e);
	if (*signer)
		(void)printf("signed by %s\n", signer);
	else
		(void)printf("not signed by a trusted key; to sign it: minisign -S -m %s/%s/" STORE_MANIFEST "\n", p->path, i->name);
}

static int import_done(struct import *i, struct image_work *work, int r)
{
	struct err e;

	if (r == 0)
		report(i);
	(void)work_clean(work, &e); /* what is left is taken away by the next one */
	cleanup_fd(&i->source.fd);
	cleanup_fd(&i->fd);
	manifest_done(&i->m);
	manifest_text_done(&i->carried);
	work_end(work);
	return r;
}

static int add(const struct image_place *p, const char *name, const char *source, struct image_options *o, struct err *e)
{
	struct image_work work;
	struct import i = { .name = name, .command = &o->command, .work = &work, .fd = -1 };
	int r = image_source_open(source, &i.source, e);

	if (r < 0)
		return r;
	if (i.source.kind == SOURCE_IMAGE && o->command.n)
		r = err_set(e, EINVAL, "'%s': its manifest says the command already, and may be signed", source);
	if (r == 0)
		r = work_begin(p, &work, e);
	if (r < 0) {
		cleanup_fd(&i.source.fd);
		return r;
	}
	r = import_run(&i, e);
	return import_done(&i, &work, r);
}

int image_add(char **words, int n, struct image_options *o)
{
	struct image_place p;
	struct err e;
	int r;

	(void)n;
	if (!image_name_valid(words[0]))
		return image_fail("add: '%s': a name is [a-z0-9][a-z0-9._-]*, of at most %d bytes", words[0], IMAGE_NAME_MAX);
	r = place_open(o->root, true, &p, &e);
	if (r == 0) {
		r = add(&p, words[0], words[1], o, &e);
		place_close(&p);
	}
	return r < 0 ? image_fail("add '%s': %s", words[0], e.text) : 0;
}

static int retire(const struct image_place *p, const char *name, unsigned *ret_held, struct err *e)
{
	struct image_work work;
	int r = work_begin(p, &work, e);
	unsigned before;

	if (r < 0)
		return r;
	before = work.held;
	r = work_retire(&work, name, e);
	if (r == 0)
		r = work_clean(&work, e);
	*ret_held = r == 0 && work.held > before;
	work_end(&work);
	return r;
}

int image_remove(char **words, int n, struct image_options *o)
{
	struct image_place p;
	unsigned held = 0;
	struct err e;
	int r;

	(void)n;
	if (!image_name_valid(words[0]))
		return image_fail("remove: '%s' is no name of an image", words[0]);
	r = place_open(o->root, false, &p, &e);
	if (r == 0) {
		r = retire(&p, words[0], &held, &e);
		place_close(&p);
	}
	if (r < 0)
		return image_fail("remove: %s", e.text);
	(void)printf("%s: removed\n", words[0]);
	if (held)
		(void)puts("containers may still run from it: its files are taken away by a later 'add' or 'remove', when none does");
	return 0;
}
