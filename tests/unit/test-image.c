#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "helper/image/image.h"
#include "helper/image/sum.h"
#include "helper/image/tree.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

/*
 * Opening images of a store of our own, as root; every way to change one is tried: an image that was opened tells that it is no
 * longer unchanged, and opening it again refuses. Commands run in the directory that holds store/, keys/ and img -> store/img.
 */
static struct err e;
static char top[] = "/var/tmp/carrel-image.XXXXXX";
static const char *why; /* why nothing can be tried here */

static int run(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int opened(const char *name, struct image *ret)
{
	_cleanup_fd_ int store = open("store", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_fd_ int keys = open("keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*ret = (struct image){ .tree_fd = -1, .file_fd = -1, .watch_fd = -1 };
	return image_open(store, name, keys, ret, &e);
}

/* Writes store/img/manifest for what is there. */
static void describe(enum image_kind kind)
{
	struct manifest m = { .name = "img", .kind = kind };
	char path[64];
	_cleanup_fd_ int fd = -1;
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "store/img/%s", image_kind_file(kind));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	if (kind == IMAGE_TREE) {
		struct tree_sum sum = { 0 };

		CHECK_EQ(tree_sum(fd, NULL, NULL, &sum, &e), 0);
		memcpy(m.digest, sum.digest, sizeof(sum.digest));
		m.size = sum.size;
	} else {
		memcpy(m.digest, "sha256:", 7);
		CHECK_EQ(fd_sum(fd, m.digest + 7, &m.size, &e), 0);
	}
	CHECK_EQ(manifest_write(&m, &text, &len, &e), 0);
	f = fopen("store/img/manifest", "w");
	CHECK(f && text && fwrite(text, 1, len, f) == len && fclose(f) == 0);
}

/* A new store with one image, signed by keys/a.pub. */
static void fresh(enum image_kind kind)
{
	CHECK_EQ(run("chmod 755 .; rm -rf store keys img other; mkdir -m 755 store keys && cp a.pub keys && chmod 644 keys/a.pub &&"
		     "mkdir -m 700 store/img store/img/tree && mkdir -m 755 store/img/tree/etc store/img/tree/bin && chmod 755 store/img/tree &&"
		     "echo hello >store/img/tree/etc/f && ln -s f store/img/tree/etc/l && : >store/img/tree/bin/su &&"
		     "mknod -m 666 store/img/tree/null c 1 3 && chmod 4755 store/img/tree/bin/su && ln -s store/img img"),
		0);
	if (kind == IMAGE_SQUASHFS)
		CHECK_EQ(run("mksquashfs img/tree img/root.squashfs -quiet -no-progress >/dev/null && rm -rf img/tree && chmod 755 img/."), 0);
	if (kind == IMAGE_EROFS)
		CHECK_EQ(run("mkfs.erofs img/root.erofs img/tree >/dev/null && rm -rf img/tree && chmod 755 img/."), 0);
	describe(kind);
	CHECK_EQ(run("minisign -S -s a.key -m img/manifest >/dev/null </dev/null"), 0);
}

static void opens_and_stays(enum image_kind kind)
{
	struct image i;
	struct statvfs fs;
	char text[16] = "";
	_cleanup_fd_ int fd = -1, device = -1;

	fresh(kind);
	CHECK_EQ(opened("img", &i), 0);
	if (i.tree_fd < 0)
		return;
	CHECK_STR(i.signer, "a.pub");
	CHECK_EQ(i.manifest.kind, kind);
	CHECK_EQ(i.file_fd >= 0, kind != IMAGE_TREE);
	CHECK(i.watch_fd >= 0);
	CHECK_EQ(fstatvfs(i.tree_fd, &fs), 0);
	CHECK_EQ(fs.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV), ST_RDONLY | ST_NOSUID | ST_NODEV);
	fd = openat(i.tree_fd, "etc/l", O_RDONLY | O_CLOEXEC);
	CHECK_EQ(read(fd, text, sizeof(text) - 1), 6);
	CHECK_STR(text, "hello\n");
	CHECK_EQ(openat(i.tree_fd, "etc/f", O_WRONLY | O_CLOEXEC), -1);
	CHECK_EQ(errno, EROFS);
	device = openat(i.tree_fd, "null", O_RDONLY | O_CLOEXEC);
	CHECK(device < 0 && errno == EACCES);
	/* reading is no change, nor what becomes of other images */
	CHECK(image_unchanged(&i));
	CHECK_EQ(run("cp -a store/img store/other && find img/. -type f -exec cat {} + >/dev/null; mv store/other store/third; rm -rf store/third"), 0);
	CHECK(image_unchanged(&i));
	CHECK(image_unchanged(&i));
	image_done(&i);
}

static void a_tree_opens_and_stays_unchanged(void)
{
	if (why)
		TEST_SKIP(why);
	opens_and_stays(IMAGE_TREE);
}

/* Loop devices and the programs that make the files. */
static const char *files_missing(enum image_kind kind)
{
	if (run(kind == IMAGE_EROFS ? "command -v mkfs.erofs >/dev/null" : "command -v mksquashfs >/dev/null") != 0)
		return kind == IMAGE_EROFS ? "needs mkfs.erofs" : "needs mksquashfs";
	if (access("/dev/loop-control", F_OK) != 0)
		return "needs /dev/loop-control";
	return why;
}

static void a_squashfs_opens_and_stays_unchanged(void)
{
	if (files_missing(IMAGE_SQUASHFS))
		TEST_SKIP(files_missing(IMAGE_SQUASHFS));
	opens_and_stays(IMAGE_SQUASHFS);
}

static void an_erofs_opens_and_stays_unchanged(void)
{
	if (files_missing(IMAGE_EROFS))
		TEST_SKIP(files_missing(IMAGE_EROFS));
	opens_and_stays(IMAGE_EROFS);
}

struct tampering {
	const char *command;
	int code; /* of opening it again */
	const char *story; /* with 0: the signer */
};

static void tried(enum image_kind kind, const struct tampering *t)
{
	struct image i, again;
	int r;

	fresh(kind);
	CHECK_EQ(opened("img", &i), 0);
	CHECK(image_unchanged(&i));
	CHECK_EQ(run(t->command), 0);
	CHECK(!image_unchanged(&i));
	CHECK(!image_unchanged(&i));
	image_done(&i);
	r = opened("img", &again);
	CHECK_EQ(r, t->code);
	if (r < 0)
		CHECK_CONTAINS(e.text, t->story);
	else
		CHECK_STR(again.signer, t->story);
	if (r == 0)
		image_done(&again);
	if (test_state.bad)
		printf("# after: %s\n", t->command);
}

#define EACH(kind, table)                                                                                                      \
	for (size_t n = 0; n < sizeof(table) / sizeof(table[0]); n++)                                                          \
	tried(kind, &table[n])

static const char digest[] = "is not what the manifest's digest says";

static void changes_of_a_tree_are_noticed(void)
{
	static const struct tampering changes[] = {
		{ "printf J | dd of=img/tree/etc/f conv=notrunc status=none", -EBADMSG, digest },
		/* the same size, and the times it had */
		{ "touch -r img/tree/etc/f ref; printf J | dd of=img/tree/etc/f conv=notrunc status=none; touch -r ref img/tree/etc/f", -EBADMSG,
			digest },
		{ "echo hello >img/tree/etc/new", -EBADMSG, digest },
		{ "rm img/tree/etc/f", -EBADMSG, digest },
		{ "mv img/tree/etc/f img/tree/bin/f", -EBADMSG, digest },
		{ "chmod 600 img/tree/etc/f", -EBADMSG, digest },
		{ "chmod 755 img/tree/bin/su", -EBADMSG, digest },
		{ "chown 33 img/tree/etc/f", -EBADMSG, digest },
		{ "chgrp 33 img/tree/bin", -EBADMSG, digest },
		{ "cp img/tree/etc/f f && rm img/tree/etc/f && ln -s /etc/passwd img/tree/etc/f", -EBADMSG, digest },
		{ "ln -sfn /etc/passwd img/tree/etc/l", -EBADMSG, digest },
		{ "mv img/tree/etc img/tree/etc2 && cp -a img/tree/bin img/tree/etc && rm -r img/tree/etc2", -EBADMSG, digest },
		{ "cp -a img/tree img/tree2 && chmod 700 img/tree2/etc && rm -r img/tree && mv img/tree2 img/tree", -EBADMSG, digest },
		{ "mv img/tree tree && ln -s ../../tree img/tree", -EBADMSG, "tree: Not a directory" },
		{ "rm -rf tree; mv img/tree tree", -EBADMSG, "tree: No such file" },
		{ "rm -rf tree; : >img/root.erofs", -EBADMSG, "root.erofs: is there, but the manifest says kind = tree" },
		/* what was restored to the byte is good again, but nobody could know without reading it */
		{ "cp -p img/tree/etc/f f && echo jello >img/tree/etc/f && cp -p f img/tree/etc/f", 0, "a.pub" },
		{ "touch img/tree/etc/f", 0, "a.pub" },
	};

	if (why)
		TEST_SKIP(why);
	EACH(IMAGE_TREE, changes);
}

/* Nothing in the tree is touched by it: what could be written through that name is for the next opening to refuse. */
static void a_name_outside_is_refused(void)
{
	struct image i;

	if (why)
		TEST_SKIP(why);
	fresh(IMAGE_TREE);
	CHECK_EQ(opened("img", &i), 0);
	image_done(&i);
	CHECK_EQ(link("img/tree/etc/f", "outside"), 0);
	CHECK_EQ(opened("img", &i), -EBADMSG);
	CHECK_CONTAINS(e.text, "'etc/f': has another name outside of the tree");
	CHECK_EQ(unlink("outside"), 0);
}

static void attributes_of_a_tree_are_noticed(void)
{
	struct image i;

	if (why)
		TEST_SKIP(why);
	fresh(IMAGE_TREE);
	CHECK_EQ(opened("img", &i), 0);
	CHECK(image_unchanged(&i));
	if (setxattr("img/tree/bin/su", "user.x", "1", 1, 0) < 0) {
		image_done(&i);
		TEST_SKIP("/var/tmp has no extended attributes");
	}
	CHECK(!image_unchanged(&i));
	image_done(&i);
	CHECK_EQ(opened("img", &i), -EBADMSG);
	CHECK_CONTAINS(e.text, digest);
}

static void changes_of_a_file_are_noticed(void)
{
	static const struct tampering changes[] = {
		{ "printf J | dd of=img/root.squashfs seek=200 bs=1 conv=notrunc status=none", -EBADMSG, "root.squashfs: its SHA-256" },
		{ "touch -r img/root.squashfs ref; printf J | dd of=img/root.squashfs seek=200 bs=1 conv=notrunc status=none;"
		  "touch -r ref img/root.squashfs",
			-EBADMSG, "root.squashfs: its SHA-256" },
		{ "printf J >>img/root.squashfs", -EBADMSG, "bytes, not the manifest's" },
		{ "printf J | dd of=img/root.squashfs conv=notrunc status=none", -EBADMSG, "root.squashfs: holds no squashfs" },
		{ "cp img/root.squashfs x && mv x img/root.squashfs && printf J | dd of=img/root.squashfs seek=200 bs=1 conv=notrunc status=none",
			-EBADMSG, "root.squashfs: its SHA-256" },
		{ "mv img/root.squashfs x && ln -s ../../x img/root.squashfs", -EBADMSG, "root.squashfs: is a symbolic link" },
		{ "chmod 666 img/root.squashfs", -EPERM, "root.squashfs: writable by someone other than root" },
		{ "chown 33 img/root.squashfs", -EPERM, "root.squashfs: belongs to uid 33" },
		{ "rm img/root.squashfs && mkfifo img/root.squashfs", -EBADMSG, "root.squashfs: not a regular file" },
		{ "mkdir img/tree", -EBADMSG, "tree: is there, but the manifest says kind = squashfs" },
		{ "touch img/root.squashfs", 0, "a.pub" },
	};

	if (files_missing(IMAGE_SQUASHFS))
		TEST_SKIP(files_missing(IMAGE_SQUASHFS));
	EACH(IMAGE_SQUASHFS, changes);
}

static void changes_around_it_are_noticed(void)
{
	static const struct tampering changes[] = {
		/* the manifest */
		{ "sed -i 's/^size = /size = 1/' img/manifest", -EBADMSG, "manifest.minisig, which names the key a.pub: the signature is not of this" },
		{ "rm img/manifest.minisig; sed -i 's/^size = /size = 1/' img/manifest", -EBADMSG, digest },
		{ "rm img/manifest.minisig; sed -i 's/=[ ]sha256:./= sha256:x/' img/manifest", -EBADMSG, "manifest: line 3: digest" },
		{ "rm img/manifest.minisig; sed -i 's/img/image/' img/manifest", -EBADMSG, "manifest: is of an image 'image', not 'img'" },
		{ "rm img/manifest.minisig; sed -i 's/= tree/= erofs/' img/manifest", -EBADMSG, "tree: is there, but the manifest says kind = erofs" },
		{ "rm img/manifest.minisig; echo 'caps = all' >>img/manifest", -EBADMSG, "manifest: line 5: unknown key 'caps'" },
		{ "rm img/manifest", -EBADMSG, "manifest: No such file" },
		{ "mv img/manifest x && ln -s ../../x img/manifest", -EBADMSG, "manifest: is a symbolic link" },
		{ "rm -f img/manifest && mkfifo img/manifest", -EBADMSG, "manifest: not a regular file" },
		{ "chmod 664 img/manifest", -EPERM, "manifest: writable by someone other than root" },
		{ "chown 33 img/manifest", -EPERM, "manifest: belongs to uid 33" },
		/* the signature */
		{ "rm img/manifest.minisig", 0, "" },
		{ "echo x >img/manifest.minisig", -EBADMSG, "manifest.minisig: not a signature of minisign" },
		{ "sed -i '2s/^\\(.\\{60\\}\\)A/\\1B/; t; 2s/^\\(.\\{60\\}\\)./\\1A/' img/manifest.minisig", -EBADMSG, "manifest.minisig" },
		{ "sed -i '3s/$/ more/' img/manifest.minisig", -EBADMSG, "not of this trusted comment" },
		{ "minisign -S -s b.key -m img/manifest >/dev/null </dev/null", 0, "" },
		{ "chmod 666 img/manifest.minisig", -EPERM, "manifest.minisig: writable by someone" },
		{ "mv img/manifest.minisig x && ln -s ../../x img/manifest.minisig", -EBADMSG, "manifest.minisig: is a symbolic link" },
		/* the key */
		{ "rm keys/a.pub", 0, "" },
		{ "cp b.pub keys/a.pub", 0, "" },
		{ "mv keys/a.pub keys/z.pub", 0, "z.pub" },
		{ "mv keys/a.pub keys/a.txt", 0, "" },
		{ "echo x >keys/a.pub", -EBADMSG, "trusted.d: a.pub: not a public key of minisign" },
		{ "chmod 666 keys/a.pub", -EPERM, "trusted.d: a.pub: writable by someone other than root" },
		{ "chown 33 keys/a.pub", -EPERM, "trusted.d: a.pub: belongs to uid 33" },
		/* the image's directory, and the store */
		{ "mv store/img store/gone", -ENOENT, "there is no image 'img'" },
		{ "cp -a store/img store/two && chmod 644 store/two/tree/bin/su && mv store/img gone && mv store/two store/img", -EBADMSG, digest },
		{ "rm -rf gone; mv store/img gone && ln -s ../gone store/img", -EBADMSG, "img: Not a directory" },
		{ "rm -rf gone; mv store/img gone && : >store/img", -EBADMSG, "img: Not a directory" },
		{ "chmod 755 store/img", -EPERM, "others than root may enter" },
		{ "chmod 720 store/img", -EPERM, "img: writable by someone other than root" },
		{ "chown 33 store/img", -EPERM, "img: belongs to uid 33" },
		{ "chmod 777 store", -EPERM, "the store of images: writable by someone other than root" },
		{ "chmod 1777 store", -EPERM, "the store of images: writable by someone other than root" },
		{ "chown 33 store", -EPERM, "the store of images: belongs to uid 33" },
	};

	if (why)
		TEST_SKIP(why);
	EACH(IMAGE_TREE, changes);
}

/* A signed image under another name would be another image with a good signature. */
static void a_copy_under_another_name_is_no_image(void)
{
	struct image i;

	if (why)
		TEST_SKIP(why);
	fresh(IMAGE_TREE);
	CHECK_EQ(run("cp -a store/img store/other"), 0);
	CHECK_EQ(opened("img", &i), 0);
	image_done(&i);
	CHECK_EQ(opened("other", &i), -EBADMSG);
	CHECK_STR(e.text, "image 'other': manifest: is of an image 'img', not 'other'");
	CHECK_EQ(opened("../store/img", &i), -ENOENT);
	CHECK_EQ(opened("none", &i), -ENOENT);
}

static void others_must_not_write_above_the_store(void)
{
	struct image i;

	if (why)
		TEST_SKIP(why);
	fresh(IMAGE_TREE);
	CHECK_EQ(opened("img", &i), 0);
	image_done(&i);
	CHECK_EQ(chmod(".", 0777), 0);
	CHECK_EQ(opened("img", &i), -EPERM);
	CHECK_STR(e.text, "a directory above the store of images: writable by someone other than root");
	/* as /tmp is: nobody takes root's away there */
	CHECK_EQ(chmod(".", 01777), 0);
	CHECK_EQ(opened("img", &i), 0);
	image_done(&i);
	CHECK_EQ(chmod(".", 0755), 0);
}

static void what_is_mounted_over_it_is_not_followed(void)
{
	struct image i, again;
	struct stat st;

	if (why)
		TEST_SKIP(why);
	fresh(IMAGE_TREE);
	CHECK_EQ(opened("img", &i), 0);
	CHECK_EQ(mount("tmpfs", "store/img/tree/etc", "tmpfs", 0, NULL), 0);
	/* the mount that was verified does not have it */
	CHECK_EQ(fstatat(i.tree_fd, "etc/f", &st, 0), 0);
	CHECK_EQ(opened("img", &again), -EBADMSG);
	CHECK_CONTAINS(e.text, "'etc': is a mount, which no image holds");
	CHECK_EQ(umount("store/img/tree/etc"), 0);
	CHECK_EQ(mount("store/img/tree/bin", "store/img/tree", NULL, MS_BIND, NULL), 0);
	CHECK_EQ(opened("img", &again), -EBADMSG);
	CHECK_CONTAINS(e.text, "tree: is a mount");
	CHECK_EQ(umount("store/img/tree"), 0);
	CHECK_EQ(mount("store/img", "store/img", NULL, MS_BIND, NULL), 0);
	CHECK_EQ(opened("img", &again), -EBADMSG);
	CHECK_CONTAINS(e.text, "img: is a mount");
	CHECK_EQ(umount("store/img"), 0);
	image_done(&i);
}

static void a_file_that_is_removed_is_held(void)
{
	_cleanup_fd_ int fd = -1;
	struct image i;

	if (files_missing(IMAGE_SQUASHFS))
		TEST_SKIP(files_missing(IMAGE_SQUASHFS));
	fresh(IMAGE_SQUASHFS);
	CHECK_EQ(opened("img", &i), 0);
	CHECK_EQ(run("rm -rf store/img"), 0);
	CHECK(!image_unchanged(&i));
	fd = openat(i.tree_fd, "etc/f", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	image_done(&i);
}

/* Nobody may be asked to believe a watch that saw only a part. */
static void nothing_is_unchanged_without_a_watch(void)
{
	struct image i;

	if (why)
		TEST_SKIP(why);
	fresh(IMAGE_TREE);
	CHECK_EQ(run("mkdir fs && mount -t ramfs none fs && chmod 755 fs && cp -a store keys fs"), 0);
	CHECK_EQ(chdir("fs"), 0);
	CHECK_EQ(opened("img", &i), 0);
	CHECK_EQ(i.watch_fd, -1); /* ramfs stands for all that is not known to be watched well */
	CHECK(!image_unchanged(&i));
	image_done(&i);
	CHECK_EQ(chdir(top), 0);
	CHECK_EQ(run("umount fs && rmdir fs"), 0);
}

static void prepare(void)
{
	if (geteuid() != 0)
		why = "needs root";
	else if (run("command -v minisign >/dev/null") != 0)
		why = "needs minisign";
	else if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
		why = "needs root that may mount";
	else if (run("for k in a b; do minisign -G -W -p $k.pub -s $k.key >/dev/null || exit 1; done") != 0)
		why = "minisign makes no keys";
}

int main(void)
{
	char command[64];

	(void)umask(022);
	if (!mkdtemp(top) || chdir(top) < 0 || chmod(".", 0755) < 0)
		return 1;
	prepare();
	TEST(a_tree_opens_and_stays_unchanged);
	TEST(a_squashfs_opens_and_stays_unchanged);
	TEST(an_erofs_opens_and_stays_unchanged);
	TEST(changes_of_a_tree_are_noticed);
	TEST(a_name_outside_is_refused);
	TEST(attributes_of_a_tree_are_noticed);
	TEST(changes_of_a_file_are_noticed);
	TEST(changes_around_it_are_noticed);
	TEST(a_copy_under_another_name_is_no_image);
	TEST(others_must_not_write_above_the_store);
	TEST(what_is_mounted_over_it_is_not_followed);
	TEST(a_file_that_is_removed_is_held);
	TEST(nothing_is_unchanged_without_a_watch);
	(void)snprintf(command, sizeof(command), "rm -rf %s", top);
	if (chdir("/") < 0 || run(command) != 0)
		return 1;
	return test_done();
}
