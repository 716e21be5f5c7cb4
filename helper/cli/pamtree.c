/*
 * pamtree - finds and reads the files of /etc/pam.d.
 *
 * Trust:  run by root over files that root owns; whatever else is found there is refused. With a
 *         tree elsewhere its links are followed inside that tree only (RESOLVE_IN_ROOT): an image's
 *         link to /etc/passwd is the image's.
 * In:     names from the command line; the tree.
 */
#include "helper/cli/pamtree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/io.h"
#include "policy/base/paths.h"
#include "policy/pamline.h"

/* Where libpam looks, in its order; the first is the administrator's and the only one we write. */
static const char *const pamd_dirs[] = { "/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d" };
#define PAMD_DIRS (sizeof(pamd_dirs) / sizeof(pamd_dirs[0]))

int pamtree_openat(int root_fd, const char *path, int flags)
{
	struct open_how how = { 0 };

	how.flags = (__u64)(flags | O_CLOEXEC);
	how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
	return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

int pamtree_open(const char *root, bool lock, struct pamtree *ret, struct err *e)
{
	_cleanup_fd_ int root_fd = -1;
	_cleanup_fd_ int pamd_fd = -1;

	root_fd = open(root ? root : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return err_set(e, errno, "open '%s': %s", root, strerror(errno));

	pamd_fd = pamtree_openat(root_fd, pamd_dirs[0], O_RDONLY | O_DIRECTORY);
	if (pamd_fd < 0)
		return err_set(e, errno, "open '%s%s': %s", root ? root : "", pamd_dirs[0],
			strerror(errno));

	if (lock && flock(pamd_fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, EBUSY, "%s%s: another 'carrel pam' is at work", root ? root : "",
			pamd_dirs[0]);
	*ret = (struct pamtree){ .root_fd = fd_take(&root_fd),
		.pamd_fd = fd_take(&pamd_fd),
		.prefix = root ? root : "" };
	return 0;
}

void pamtree_close(struct pamtree *t)
{
	cleanup_fd(&t->root_fd);
	cleanup_fd(&t->pamd_fd);
}

/* A service's name is one component, and never one that an editor or a packager leaves behind. */
static bool name_is_service(const char *name)
{
	static const char *const leftovers[] = { "~", ".bak", ".orig", ".rpmnew", ".rpmsave",
		".rpmorig", ".dpkg-new", ".dpkg-old", ".dpkg-dist", ".dpkg-tmp", ".pam-old",
		".ucf-dist" };
	size_t n = strlen(name);

	if (n == 0 || n > 100 || *name == '.' || strchr(name, '/'))
		return false;
	for (size_t i = 0; i < sizeof(leftovers) / sizeof(leftovers[0]); i++) {
		size_t m = strlen(leftovers[i]);

		if (n >= m && !strcmp(name + n - m, leftovers[i]))
			return false;
	}
	return true;
}

static int text_read(int fd, char **ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	r = fd_check_type(fd, S_IFREG, e);
	if (r == 0)
		r = fd_read_all(fd, PAMLINE_TEXT_MAX, &text, &len, e);
	if (r < 0)
		return r;
	if (strlen(text) != len)
		return err_set(e, EINVAL, "holds a NUL byte");
	*ret = ptr_take(&text);
	return 0;
}

/* Opens what libpam would read for name and tells the path inside the tree. */
static int service_open(const struct pamtree *t, const char *name, char **ret_path, struct err *e)
{
	_cleanup_free_ char *path = NULL;
	int fd = -1;

	if (*name == '/') {
		path = strdup(name);
		if (!path)
			return err_set(e, ENOMEM, "out of memory");
		fd = pamtree_openat(t->root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	} else if (!name_is_service(name)) {
		return err_set(e, EINVAL, "'%s' is not the name of a service", name);
	}

	for (size_t i = 0; *name != '/' && fd < 0 && i < PAMD_DIRS; i++) {
		free(ptr_take(&path));
		if (asprintf(&path, "%s/%s", pamd_dirs[i], name) < 0) {
			path = NULL;
			return err_set(e, ENOMEM, "out of memory");
		}
		fd = pamtree_openat(t->root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
		/* libpam tries the next directory on any failure; we must not mistake a denied file
		 * for a missing one */
		if (fd < 0 && errno != ENOENT)
			break;
	}
	if (fd < 0 && errno == ENOENT)
		return err_set(e, ENOENT, "no such file");
	if (fd < 0)
		return err_set(e, errno, "open '%s%s': %s", t->prefix, path, strerror(errno));
	*ret_path = ptr_take(&path);
	return fd;
}

static int tree_load(void *ctx, const char *name, char **ret_text, char **ret_path, struct err *e)
{
	const struct pamtree *t = ctx;
	_cleanup_fd_ int fd = -1;
	_cleanup_free_ char *path = NULL;
	_cleanup_free_ char *full = NULL;
	_cleanup_free_ char *text = NULL;
	int r;

	if (t->changed_name && !strcmp(t->changed_name, name)) {
		text = strdup(t->changed_text);
		if (!text || asprintf(&full, "%s%s/%s", t->prefix, pamd_dirs[0], name) < 0)
			return err_set(e, ENOMEM, "out of memory");
	} else {
		fd = service_open(t, name, &path, e);
		if (fd < 0)
			return fd;
		if (asprintf(&full, "%s%s", t->prefix, path) < 0) {
			full = NULL;
			return err_set(e, ENOMEM, "out of memory");
		}
		r = text_read(fd, &text, e);
		if (r < 0)
			return err_wrap(e, r, "%s", full);
	}
	*ret_text = ptr_take(&text);
	*ret_path = ptr_take(&full);
	return 0;
}

struct pamstack_source pamtree_source(struct pamtree *t)
{
	return (struct pamstack_source){ tree_load, t };
}

bool pamtree_has(const struct pamtree *t, const char *path)
{
	_cleanup_fd_ int fd = pamtree_openat(t->root_fd, path, O_PATH);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

bool pamtree_has_group(const struct pamtree *t, const char *name, size_t len)
{
	_cleanup_fd_ int fd =
		pamtree_openat(t->root_fd, "/etc/group", O_RDONLY | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *text = NULL;
	struct err ignored;
	size_t n;

	if (fd < 0 || fd_read_all(fd, 16 << 20, &text, &n, &ignored) < 0)
		return false;
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (!strncmp(line, name, len) && line[len] == ':')
			return true;
	return false;
}

const char *pamtree_module_dir(const struct pamtree *t)
{
	static const char *const dirs[] = { CARREL_SECUREDIR, "/lib/x86_64-linux-gnu/security",
		"/lib/aarch64-linux-gnu/security", "/lib64/security", "/lib/security" };
	char path[512];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/pam_permit.so", dirs[i]);
		if (pamtree_has(t, path))
			return dirs[i];
	}
	return NULL;
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

/* Appends the directory's services. A directory that is not there has none. */
static int dir_list(const struct pamtree *t, const char *dir, char ***names, size_t *n)
{
	_cleanup_dir_ DIR *d = NULL;
	_cleanup_fd_ int fd = pamtree_openat(t->root_fd, dir, O_RDONLY | O_DIRECTORY);
	const struct dirent *entry;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	d = fdopendir(fd);
	if (!d)
		return -errno;
	(void)fd_take(&fd);

	while ((errno = 0, entry = readdir(d))) {
		char **grown;

		if (!name_is_service(entry->d_name) || entry->d_type == DT_DIR)
			continue;
		grown = reallocarray(*names, *n + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		*names = grown;
		grown[*n] = strdup(entry->d_name);
		if (!grown[*n])
			return -ENOMEM;
		(*n)++;
	}
	return -errno;
}

int pamtree_list(const struct pamtree *t, char ***ret, size_t *ret_n, struct err *e)
{
	char **names = NULL;
	size_t n = 0, unique = 0;

	for (size_t i = 0; i < PAMD_DIRS; i++) {
		int r = dir_list(t, pamd_dirs[i], &names, &n);

		if (r < 0) {
			names_free(names, n);
			return err_set(
				e, -r, "read '%s%s': %s", t->prefix, pamd_dirs[i], strerror(-r));
		}
	}

	if (n > 0)
		qsort(names, n, sizeof(*names), name_compare);
	for (size_t i = 0; i < n; i++) {
		if (unique > 0 && !strcmp(names[unique - 1], names[i]))
			free(names[i]);
		else
			names[unique++] = names[i];
	}
	*ret = names;
	*ret_n = unique;
	return 0;
}

/* "'x' is no service; there are: atd cron …" */
static int service_unknown(const struct pamtree *t, const char *service, struct err *e)
{
	char there[400] = "";
	char **names = NULL;
	size_t n = 0, used = 0;
	struct err ignored;

	if (pamtree_list(t, &names, &n, &ignored) == 0) {
		for (size_t i = 0; i < n && used + strlen(names[i]) + 2 < sizeof(there); i++)
			used += (size_t)sprintf(there + used, " %s", names[i]);
		names_free(names, n);
	}
	return err_set(e, ENOENT, "no service '%s' in %s%s; there are:%s", service, t->prefix,
		pamd_dirs[0], there);
}

static int link_refuse(const struct pamtree *t, const char *service, struct err *e)
{
	char target[256] = "";
	ssize_t n = readlinkat(t->pamd_fd, service, target, sizeof(target) - 1);

	if (n > 0)
		target[n] = '\0';
	if (strstr(target, "authselect"))
		return err_set(e, ELOOP,
			"%s%s/%s is authselect's (%s): name the services that include it, or put "
			"the lines into a "
			"custom profile with 'authselect create-profile'",
			t->prefix, pamd_dirs[0], service, target);
	return err_set(e, ELOOP,
		"%s%s/%s is a symbolic link to '%s': edit that file, or replace the link",
		t->prefix, pamd_dirs[0], service, target);
}

/* A tree elsewhere may be the caller's own: image builders need not be root. */
static int file_judge(const struct pamtree *t, const struct stat *st, struct err *e)
{
	if (!S_ISREG(st->st_mode))
		return err_set(e, EINVAL, "not a regular file");
	if (st->st_uid != 0 && (*t->prefix == '\0' || st->st_uid != geteuid()))
		return err_set(e, EPERM, "belongs to uid %u, not to root", (unsigned)st->st_uid);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return err_set(e, EPERM, "writable by someone other than its owner");
	if (st->st_nlink != 1)
		return err_set(e, EMLINK, "has %lu names (hard links), only one would change",
			(unsigned long)st->st_nlink);
	return 0;
}

void pamtree_file_close(struct pamtree_file *f)
{
	cleanup_fd(&f->fd);
	free(f->path);
	free(f->text);
	*f = (struct pamtree_file){ .fd = -1 };
}

/* The service has no file in /etc/pam.d. */
static int vendor_open(
	const struct pamtree *t, const char *service, struct pamtree_file *f, struct err *e)
{
	int r = tree_load((void *)t, service, &f->text, &f->path, e);

	return r == -ENOENT ? service_unknown(t, service, e) : r;
}

int pamtree_file_open(
	const struct pamtree *t, const char *service, struct pamtree_file *ret, struct err *e)
{
	_cleanup_(pamtree_file_close) struct pamtree_file f = { .fd = -1 };
	int r;

	if (!name_is_service(service))
		return err_set(e, EINVAL, "'%s' is not the name of a service", service);

	f.fd = openat(
		t->pamd_fd, service, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (f.fd < 0 && errno == ELOOP)
		return link_refuse(t, service, e);
	if (f.fd < 0 && errno != ENOENT)
		return err_set(e, errno, "open '%s%s/%s': %s", t->prefix, pamd_dirs[0], service,
			strerror(errno));

	if (f.fd < 0) {
		r = vendor_open(t, service, &f, e);
		if (r < 0)
			return r;
	} else {
		if (asprintf(&f.path, "%s%s/%s", t->prefix, pamd_dirs[0], service) < 0) {
			f.path = NULL;
			return err_set(e, ENOMEM, "out of memory");
		}
		if (fstat(f.fd, &f.st) < 0)
			return err_set(e, errno, "%s: %s", f.path, strerror(errno));
		r = file_judge(t, &f.st, e);
		if (r == 0)
			r = text_read(f.fd, &f.text, e);
		if (r < 0)
			return err_wrap(e, r, "%s", f.path);
	}
	*ret = f;
	f = (struct pamtree_file){ .fd = -1 };
	return 0;
}
