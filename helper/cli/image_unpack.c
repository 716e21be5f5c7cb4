/*
 * image_unpack - a tar becomes an image's tree, through libarchive.
 *
 * Trust:  the archive is anybody's. It is read in a child whose root directory is the fresh tree itself, so that whatever its names and
 *         links say, and whatever the library misses, nothing else can be reached by a path.
 * Order:  the archive is open before chroot; the library's own refusals ('..', absolute names, links on the way) come first and
 *         are what people read.
 * Fails:  at the first entry that cannot be made as it is; the tree is taken away then.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/cli/image.h"
#include "helper/image/attributes.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define BLOCK (256u << 10)

/* What the child tells. */
struct outcome {
	int r;
	unsigned left_out;
	struct err e;
};

static void reader_free(struct archive **a)
{
	if (*a)
		(void)archive_read_free(*a);
}

static void writer_free(struct archive **a)
{
	if (*a)
		(void)archive_write_free(*a);
}

/* Filters that the library has itself; the rest would be programs. */
static struct archive *reader(int fd)
{
	struct archive *a = archive_read_new();

	if (!a)
		return NULL;
	if (archive_read_support_format_tar(a) == ARCHIVE_OK && archive_read_support_filter_gzip(a) == ARCHIVE_OK &&
		archive_read_support_filter_xz(a) == ARCHIVE_OK && archive_read_support_filter_zstd(a) == ARCHIVE_OK &&
		lseek(fd, 0, SEEK_SET) == 0 && archive_read_open_fd(a, fd, BLOCK) == ARCHIVE_OK)
		return a;
	(void)archive_read_free(a);
	return NULL;
}

/* --- what kind of archive --- */

/* The first part of a name, without "./". */
static void first_part(const char *path, char *buf, size_t size)
{
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	(void)snprintf(buf, size, "%.*s", (int)strcspn(path, "/"), path);
}

/* Images of others hold nothing but these at their top, and what they call by its hash. */
static bool is_part_of_image(const char *name)
{
	return strcmp(name, "blobs") == 0 || strcmp(name, "repositories") == 0 || strcmp(name, "index.json") == 0 ||
	       strcmp(name, "oci-layout") == 0 || strcmp(name, "manifest.json") == 0 ||
	       strspn(name, "0123456789abcdef") >= 64;
}

int image_archive_kind(int archive_fd, enum source_kind *ret, struct err *e)
{
	_cleanup_(reader_free) struct archive *a = reader(archive_fd);
	enum source_kind kind = SOURCE_ARCHIVE;
	struct archive_entry *entry;
	char name[128];
	bool empty = true;
	int r = ARCHIVE_FATAL;

	while (a && (r = archive_read_next_header(a, &entry)) == ARCHIVE_OK) {
		const char *path = archive_entry_pathname(entry);

		empty = false;
		first_part(path ? path : "", name, sizeof(name));
		if (!*name || strcmp(name, ".") == 0)
			continue;
		if (!is_part_of_image(name))
			break;
		if (strcmp(name, "oci-layout") == 0)
			kind = SOURCE_OCI_ARCHIVE;
		else if (strcmp(name, "manifest.json") == 0 && kind == SOURCE_ARCHIVE)
			kind = SOURCE_DOCKER_ARCHIVE;
	}
	if (r == ARCHIVE_FATAL || r == ARCHIVE_RETRY)
		return err_set(e, EINVAL, "%s", a ? archive_error_string(a) : "it cannot be read as an archive");
	if (empty)
		return err_set(e, EINVAL, "it is empty");
	*ret = kind;
	return 0;
}

/* --- in the child --- */

/* Only attributes that count, and none that overlayfs would obey. */
static void attributes_choose(struct archive_entry *entry)
{
	struct archive_entry *kept = archive_entry_new();
	const char *name;
	const void *value;
	size_t size;

	if (!kept)
		return;
	(void)archive_entry_xattr_reset(entry);
	while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
		if (attribute_counts(name) && !attribute_is_overlays(name))
			archive_entry_xattr_add_entry(kept, name, value, size);
	archive_entry_xattr_clear(entry);
	(void)archive_entry_xattr_reset(kept);
	while (archive_entry_xattr_next(kept, &name, &value, &size) == ARCHIVE_OK)
		archive_entry_xattr_add_entry(entry, name, value, size);
	archive_entry_free(kept);
}

static bool is_left_out(struct archive_entry *entry)
{
	mode_t type = archive_entry_filetype(entry);

	return !archive_entry_hardlink(entry) && (type == AE_IFCHR || type == AE_IFBLK || type == AE_IFSOCK);
}

/* The library's warnings are things that it did not do: an owner, an attribute. */
static int refuse(struct outcome *o, struct archive_entry *entry, struct archive *a)
{
	const char *path = archive_entry_pathname(entry), *why = archive_error_string(a);

	return err_set(&o->e, EBADMSG, "'%s': %s", path ? path : "", why ? why : "cannot be made");
}

static int unpack_entries(struct archive *from, struct archive *to, struct outcome *o)
{
	struct archive_entry *entry;
	int r;

	while ((r = archive_read_next_header(from, &entry)) == ARCHIVE_OK) {
		if (is_left_out(entry)) {
			o->left_out++;
			continue;
		}
		attributes_choose(entry);
		if (archive_read_extract2(from, entry, to) != ARCHIVE_OK)
			return refuse(o, entry, archive_error_string(from) ? from : to);
	}
	if (r == ARCHIVE_EOF)
		return archive_write_close(to) == ARCHIVE_OK ? 0 : err_set(&o->e, EBADMSG, "%s", archive_error_string(to));
	return err_set(&o->e, EBADMSG, "the archive is damaged: %s", archive_error_string(from));
}

static int unpack_here(int archive_fd, struct outcome *o)
{
	static const int flags = ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_ACL |
				 ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT |
				 ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS;
	_cleanup_(reader_free) struct archive *from = reader(archive_fd);
	_cleanup_(writer_free) struct archive *to = archive_write_disk_new();

	if (!from || !to || archive_write_disk_set_options(to, flags) != ARCHIVE_OK)
		return err_set(&o->e, ENOMEM, "libarchive does not start");
	return unpack_entries(from, to, o);
}

static int unpack_in_child(int archive_fd, int to_fd, struct outcome *o)
{
	/* Names in pax headers are UTF-8, and stay as they are only where that is what names are. */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return err_set(&o->e, ENOENT, "the locale C.UTF-8 is missing");
	if (fchdir(to_fd) < 0 || chroot(".") < 0)
		return err_set(&o->e, errno, "cannot enter the new tree: %s", strerror(errno));
	return unpack_here(archive_fd, o);
}

int image_unpack(int archive_fd, int to_fd, unsigned *ret_left_out, struct err *e)
{
	struct outcome *o = mmap(NULL, sizeof(*o), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = -1, r;
	pid_t pid;

	if (o == MAP_FAILED)
		return err_set(e, errno, "out of memory");
	o->r = err_set(&o->e, EIO, "unpacking ended early");
	pid = fork();
	if (pid == 0) {
		o->r = unpack_in_child(archive_fd, to_fd, o);
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	r = o->r;
	if (r < 0)
		*e = o->e;
	else
		*ret_left_out = o->left_out;
	(void)munmap(o, sizeof(*o));
	return r;
}
