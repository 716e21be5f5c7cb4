/*
 * tree - the canonical list of a directory image.
 *
 * Trust:  root put the tree there, but what is in it came from anywhere: names hold any byte, links lead anywhere.
 * In:     the open directory; below it everything is found by descriptor and single name, never by a path.
 * Order:  a directory is watched, then read, then its entries in the order of their bytes.
 * Fails:  at the first thing that no image may hold or that cannot be read; the digest of half a tree is none.
 */
#include "helper/image/tree.h"

#include <dirent.h>
#include <errno.h>
#include <search.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "helper/image/attributes.h"
#include "helper/image/escape.h"
#include "helper/image/sum.h"
#include "helper/image/watch.h"
#include "helper/public/syscalls.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/config.h"

#define HEADER "carrel-tree 1\n"

/* A file with several names: it is listed under the first, the others refer to that. */
struct twin {
	dev_t dev;
	ino_t ino;
	nlink_t met, all;
	char *path;
};

struct walk {
	crypto_hash_sha256_state hash;
	FILE *list; /* the caller's, or NULL */
	FILE *line; /* the line in the making, in text */
	char *text;
	size_t text_len;
	char *path; /* of the entry, relative, in room bytes */
	size_t path_len, path_room;
	void *twins; /* tsearch(3) */
	struct watch *watch;
	struct tree_sum *sum;
	struct err *e;
};

/* Starts a line with the words that all have. */
static void line_begin(struct walk *w, char type, const struct stat *st)
{
	rewind(w->line);
	if (w->path_len)
		escape_write(w->line, w->path, w->path_len, ESCAPE_WORD);
	else
		(void)fputc('.', w->line);
	(void)fprintf(w->line, " %c %04o %u %u ", type, (unsigned)st->st_mode & 07777, (unsigned)st->st_uid, (unsigned)st->st_gid);
}

static int line_end(struct walk *w)
{
	(void)fputc('\n', w->line);
	if (fflush(w->line) != 0)
		return err_set(w->e, ENOMEM, "out of memory");
	(void)crypto_hash_sha256_update(&w->hash, (const unsigned char *)w->text, w->text_len);
	if (w->list && fwrite(w->text, 1, w->text_len, w->list) != w->text_len)
		return err_set(w->e, EIO, "cannot write the list: %s", strerror(errno));
	w->sum->entries++;
	return 0;
}

static int out_of_memory(struct walk *w)
{
	return err_set(w->e, ENOMEM, "out of memory");
}

/* --- the path, for the list and for messages --- */

static int path_push(struct walk *w, const char *name)
{
	size_t n = strlen(name);

	if (w->path_room - w->path_len < n + 2) {
		size_t room = 2 * w->path_room + n + 2;
		char *more = realloc(w->path, room);

		if (!more)
			return out_of_memory(w);
		w->path = more;
		w->path_room = room;
	}
	if (w->path_len)
		w->path[w->path_len++] = '/';
	memcpy(w->path + w->path_len, name, n + 1);
	w->path_len += n;
	return 0;
}

static void path_pop(struct walk *w, size_t len)
{
	w->path_len = len;
	if (w->path)
		w->path[len] = '\0';
}

/* Names are anybody's: bytes that would break the line of a message are written out. */
static int refuse(struct walk *w, int code, const char *why)
{
	char shown[256] = "";
	FILE *f = fmemopen(shown, sizeof(shown), "w");

	if (f) {
		escape_write(f, w->path ? w->path : "", w->path_len, ESCAPE_LINE);
		(void)fclose(f);
	}
	shown[sizeof(shown) - 1] = '\0';
	return err_set(w->e, code, "'%s': %s", w->path_len ? shown : ".", why);
}

/* --- files with several names --- */

static int twin_order(const void *a, const void *b)
{
	const struct twin *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->dev < y->dev ? -1 : x->dev > y->dev;
}

static void twin_free(void *p)
{
	struct twin *t = p;

	free(t->path);
	free(t);
}

/* *ret is what was met before under another name, NULL: this is the first. */
static int twin_find(struct walk *w, const struct stat *st, const struct twin **ret)
{
	struct twin key = { .dev = st->st_dev, .ino = st->st_ino };
	struct twin **found = tfind(&key, &w->twins, twin_order);
	struct twin *t;

	*ret = NULL;
	if (found) {
		(*found)->met++;
		*ret = *found;
		return 0;
	}
	t = malloc(sizeof(*t));
	if (!t)
		return out_of_memory(w);
	*t = (struct twin){ .dev = st->st_dev, .ino = st->st_ino, .met = 1, .all = st->st_nlink, .path = strdup(w->path) };
	if (!t->path || !tsearch(t, &w->twins, twin_order)) {
		twin_free(t);
		return out_of_memory(w);
	}
	return 0;
}

/* Whoever knows the other name could write the file without anything in the tree being touched. */
static void twin_check(const void *node, VISIT visit, void *closure)
{
	const struct twin *t = *(const struct twin *const *)node;
	const struct twin **bad = closure;

	if ((visit == postorder || visit == leaf) && t->met != t->all)
		*bad = t;
}

static int twins_check(struct walk *w)
{
	const struct twin *bad = NULL;

	twalk_r(w->twins, twin_check, &bad);
	if (!bad)
		return 0;
	path_pop(w, 0);
	if (path_push(w, bad->path) < 0)
		return -ENOMEM;
	return refuse(w, EBADMSG, "has another name outside of the tree (a hard link)");
}

/* --- entries --- */

static char type_letter(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return 'd';
	case S_IFREG:
		return 'f';
	case S_IFLNK:
		return 'l';
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	case S_IFIFO:
		return 'p';
	default:
		return '\0';
	}
}

static int list_link(struct walk *w, int fd, const struct stat *st)
{
	_cleanup_free_ char *target = malloc((size_t)st->st_size + 2);
	ssize_t n;

	if (!target)
		return out_of_memory(w);
	n = readlinkat(fd, "", target, (size_t)st->st_size + 1);
	if (n < 0 || n > st->st_size)
		return refuse(w, n < 0 ? errno : EBADMSG, "cannot read the link");
	escape_write(w->line, target, (size_t)n, ESCAPE_WORD);
	return 0;
}

static int list_file(struct walk *w, int fd)
{
	char hex[SUM_HEX];
	uint64_t size;
	struct err why;
	int r = fd_sum(fd, hex, &size, &why);

	if (r < 0)
		return refuse(w, -r, why.text);
	w->sum->size += size;
	(void)fprintf(w->line, "%llu:%s", (unsigned long long)size, hex);
	return 0;
}

/* The last words of a line: what the entry holds, and its attributes. */
static int list_content(struct walk *w, int fd, const struct stat *st)
{
	const char *why;
	int r = 0;

	if (S_ISREG(st->st_mode))
		r = list_file(w, fd);
	else if (S_ISLNK(st->st_mode))
		r = list_link(w, fd, st);
	else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		(void)fprintf(w->line, "%u:%u", major(st->st_rdev), minor(st->st_rdev));
	else
		(void)fputc('-', w->line);
	if (r < 0 || S_ISLNK(st->st_mode))
		return r;
	r = attributes_write(fd, w->line, &why);
	return r < 0 ? refuse(w, -r, why) : 0;
}

static int list_entry(struct walk *w, int fd, const struct stat *st)
{
	const struct twin *first = NULL;
	char type = type_letter(st->st_mode);
	int r = 0;

	if (!type)
		return refuse(w, EBADMSG, "is a socket, which no image holds");
	if (type != 'd' && st->st_nlink > 1)
		r = twin_find(w, st, &first);
	if (r < 0)
		return r;
	line_begin(w, first ? 'h' : type, st);
	if (first)
		escape_write(w->line, first->path, strlen(first->path), ESCAPE_WORD);
	else
		r = list_content(w, fd, st);
	return r < 0 ? r : line_end(w);
}

/*
 * Regular files and directories are opened for reading, the rest as a place only, since opening a device or a FIFO does
 * something. The open one is what counts; that it is not what was looked at first means that somebody is changing the tree.
 */
static int entry_open(struct walk *w, int dir_fd, const char *name, int *ret_fd, struct stat *ret)
{
	_cleanup_fd_ int fd = -1;
	struct stat st;
	int flags = O_PATH | O_NOFOLLOW;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return refuse(w, errno, strerror(errno));
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	fd = sys_openat2(dir_fd, name, (uint64_t)flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	if (fd < 0 && errno == EXDEV)
		return refuse(w, EBADMSG, "is a mount, which no image holds");
	if (fd < 0 || fstat(fd, ret) < 0)
		return refuse(w, errno, strerror(errno));
	if (ret->st_ino != st.st_ino || ret->st_dev != st.st_dev || ((ret->st_mode ^ st.st_mode) & S_IFMT))
		return refuse(w, EBADMSG, "was replaced while it was read");
	*ret_fd = fd_take(&fd);
	return 0;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int names_read(struct walk *w, int dir_fd, struct strv *ret)
{
	_cleanup_fd_ int own = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_dir_ DIR *dir = own < 0 ? NULL : fdopendir(own);
	const struct dirent *d;

	if (!dir)
		return refuse(w, errno, strerror(errno));
	(void)fd_take(&own); /* dir's now */
	while (errno = 0, (d = readdir(dir))) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if (strv_add(ret, d->d_name, strlen(d->d_name)) < 0)
			return out_of_memory(w);
	}
	if (errno)
		return refuse(w, errno, strerror(errno));
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_bytes);
	return 0;
}

static int walk_directory(struct walk *w, int dir_fd, unsigned depth);

static int walk_entry(struct walk *w, int dir_fd, const char *name, unsigned depth)
{
	_cleanup_fd_ int fd = -1;
	struct stat st;
	int r = entry_open(w, dir_fd, name, &fd, &st);

	if (r == 0 && S_ISDIR(st.st_mode))
		return walk_directory(w, fd, depth + 1);
	return r < 0 ? r : list_entry(w, fd, &st);
}

/* Lists the open directory itself, and all below it. */
static int walk_directory(struct walk *w, int dir_fd, unsigned depth)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	size_t here = w->path_len;
	struct stat st;
	int r;

	if (depth > TREE_DEPTH)
		return refuse(w, EBADMSG, "lies too deep");
	watch_directory(w->watch, dir_fd);
	if (fstat(dir_fd, &st) < 0)
		return refuse(w, errno, strerror(errno));
	r = list_entry(w, dir_fd, &st);
	if (r == 0)
		r = names_read(w, dir_fd, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		r = path_push(w, names.v[i]);
		if (r == 0)
			r = walk_entry(w, dir_fd, names.v[i], depth);
		path_pop(w, here);
	}
	return r;
}

int tree_sum(int dir_fd, FILE *list, struct watch *watch, struct tree_sum *ret, struct err *e)
{
	struct tree_sum sum = { 0 };
	struct watch none = { -1 };
	struct walk w = { .list = list, .watch = watch ? watch : &none, .sum = &sum, .e = e };
	unsigned char digest[crypto_hash_sha256_BYTES];
	int r;

	w.line = open_memstream(&w.text, &w.text_len);
	if (!w.line)
		return out_of_memory(&w);
	(void)crypto_hash_sha256_init(&w.hash);
	(void)crypto_hash_sha256_update(&w.hash, (const unsigned char *)HEADER, strlen(HEADER));
	if (list)
		(void)fputs(HEADER, list);
	r = walk_directory(&w, dir_fd, 0);
	if (r == 0)
		r = twins_check(&w);
	(void)fclose(w.line);
	free(w.text);
	free(w.path);
	tdestroy(w.twins, twin_free);
	if (r < 0)
		return r;
	(void)crypto_hash_sha256_final(&w.hash, digest);
	memcpy(sum.digest, "sha256:", 7);
	(void)sodium_bin2hex(sum.digest + 7, sizeof(sum.digest) - 7, digest, sizeof(digest));
	*ret = sum;
	return 0;
}
