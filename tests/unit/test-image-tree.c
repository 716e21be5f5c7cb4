#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "helper/image/tree.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

static struct err e;
static char top[] = "/var/tmp/carrel-tree.XXXXXX";

static void run(const char *command)
{
	CHECK_EQ(system(command), 0);
}

/* The digest of the directory "t", or "" and the story in e. */
static const char *sum(void)
{
	static struct tree_sum s;
	_cleanup_fd_ int fd = open("t", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	CHECK(fd >= 0);
	r = tree_sum(fd, NULL, NULL, &s, &e);
	CHECK(r == 0 || r == -EBADMSG);
	return r == 0 ? s.digest : "";
}

static void fresh(void)
{
	run("rm -rf t; mkdir -m 755 t t/bin t/etc t/a && printf hello >t/bin/sh && chmod 4755 t/bin/sh && ln t/bin/sh t/bin/bash &&"
	    "ln -s 'usr/lib x' t/lib && : >t/a-b && chmod 640 t/a-b && printf '1' >t/a/z && chmod 644 t/a/z && mkfifo -m 600 t/etc/p");
}

/* What was changed is seen, and seen to be gone when it is undone. */
static void differs(const char *change, const char *undo)
{
	char before[IMAGE_DIGEST_TEXT];

	(void)snprintf(before, sizeof(before), "%s", sum());
	CHECK(before[0]);
	run(change);
	if (strcmp(before, sum()) == 0) {
		CHECK(!"seen");
		printf("# not seen: %s\n", change);
	}
	run(undo);
	CHECK_STR(sum(), before);
}

static void lists_what_the_manual_says(void)
{
	_cleanup_fd_ int fd = -1;
	_cleanup_free_ char *list = NULL, *expected = NULL;
	size_t len;
	FILE *f = open_memstream(&list, &len);
	struct tree_sum s;
	unsigned u = getuid(), g = getgid();

	fresh();
	fd = open("t", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_EQ(tree_sum(fd, f, NULL, &s, &e), 0);
	(void)fclose(f);
	CHECK(asprintf(&expected,
		      "carrel-tree 1\n"
		      ". d 0755 %u %u -\n"
		      "a d 0755 %u %u -\n"
		      "a/z f 0644 %u %u 1:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b\n"
		      "a-b f 0640 %u %u 0:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
		      "bin d 0755 %u %u -\n"
		      "bin/bash f 4755 %u %u 5:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n"
		      "bin/sh h 4755 %u %u bin/bash\n"
		      "etc d 0755 %u %u -\n"
		      "etc/p p 0600 %u %u -\n"
		      "lib l 0777 %u %u usr/lib\\040x\n",
		      u, g, u, g, u, g, u, g, u, g, u, g, u, g, u, g, u, g, u, g) > 0);
	CHECK_STR(list, expected);
	CHECK_EQ(s.size, 6);
	CHECK_EQ(s.entries, 10);
	/* and the digest is of the list, as sha256sum(1) has it */
	f = fopen("list", "w");
	(void)fputs(list, f);
	(void)fclose(f);
	f = popen("sha256sum <list", "r");
	{
		char hex[80] = "";

		CHECK(fgets(hex, sizeof(hex), f) != NULL);
		hex[64] = '\0';
		CHECK_STR(s.digest + 7, hex);
	}
	(void)pclose(f);
}

static void does_not_depend_on_the_order_of_making(void)
{
	char before[IMAGE_DIGEST_TEXT];

	run("rm -rf t; mkdir -m 755 t; cd t; for i in `seq 300`; do : >f$i; chmod 644 f$i; done");
	(void)snprintf(before, sizeof(before), "%s", sum());
	run("rm -rf t; mkdir -m 755 t; cd t; for i in `seq 300 -1 1`; do : >f$i; chmod 644 f$i; done; touch -d 2001-01-01 *");
	CHECK_STR(sum(), before);
	/* nor on where it lies */
	run("mkdir elsewhere && cp -a t elsewhere && rm -rf t && mv elsewhere/t . && rmdir elsewhere");
	CHECK_STR(sum(), before);
}

static void every_change_is_seen(void)
{
	fresh();
	differs("printf 2 >t/a/z", "printf 1 >t/a/z");
	differs("printf 2 | dd of=t/a/z conv=notrunc status=none; touch -r t/bin t/a/z", "printf 1 >t/a/z");
	differs("printf 11 >t/a/z", "printf 1 >t/a/z");
	differs("chmod 755 t/bin/sh", "chmod 4755 t/bin/sh");
	differs("chmod 700 t/etc", "chmod 755 t/etc");
	differs("chmod 700 t", "chmod 755 t");
	differs("mv t/a/z t/a/y", "mv t/a/y t/a/z");
	differs("mv t/a/z t/etc/z", "mv t/etc/z t/a/z");
	differs(": >t/new", "rm t/new");
	differs("mkdir t/new", "rmdir t/new");
	differs("rm t/etc/p", "mkfifo -m 600 t/etc/p");
	differs("rm t/etc/p; : >t/etc/p; chmod 600 t/etc/p", "rm t/etc/p; mkfifo -m 600 t/etc/p");
	differs("ln -sfn usr/lib t/lib", "ln -sfn 'usr/lib x' t/lib");
	differs("mv t/a/z t/z; ln -s ../z t/a/z", "mv t/z t/a/z");
	/* the same content twice is not the same file under two names */
	differs("cp -p t/bin/sh t/x && mv t/x t/bin/sh", "ln -f t/bin/bash t/bin/sh");
	/* and names that only together look the same are not */
	differs("mv t/a/z 't/a/z f'", "mv 't/a/z f' t/a/z");
}

static void names_cannot_forge_lines(void)
{
	char plain[IMAGE_DIGEST_TEXT];
	_cleanup_fd_ int fd = -1;
	_cleanup_free_ char *list = NULL;
	size_t len;
	FILE *f = open_memstream(&list, &len);
	struct tree_sum s;

	run("rm -rf t; mkdir -m 755 t; : >t/a; : >t/b; chmod 644 t/?");
	(void)snprintf(plain, sizeof(plain), "%s", sum());
	run("rm -rf t; mkdir -m 755 t");
	/* one name that, written as it is, would be the two lines */
	fd = open("t/a f 0644 0 0 0:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\nb", O_CREAT | O_WRONLY | O_CLOEXEC,
		0644);
	CHECK(fd >= 0);
	CHECK(strcmp(plain, sum()) != 0);
	cleanup_fd(&fd);
	run("rm -rf t; mkdir -m 755 t");
	fd = open("t/\xff\\\x1b\177 \n", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	CHECK(fd >= 0);
	cleanup_fd(&fd);
	fd = open("t", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_EQ(tree_sum(fd, f, NULL, &s, &e), 0);
	(void)fclose(f);
	CHECK_CONTAINS(list, "\n\\377\\134\\033\\177\\040\\012 f 0644 ");
}

static void attributes_are_seen(void)
{
	char before[IMAGE_DIGEST_TEXT];

	fresh();
	(void)snprintf(before, sizeof(before), "%s", sum());
	if (setxattr("t/a/z", "user.x", "1", 1, 0) < 0)
		TEST_SKIP("/var/tmp has no extended attributes");
	CHECK(strcmp(before, sum()) != 0);
	CHECK_EQ(setxattr("t/a/z", "user.x", "2", 1, 0), 0);
	CHECK(strcmp(before, sum()) != 0);
	CHECK_EQ(removexattr("t/a/z", "user.x"), 0);
	CHECK_STR(sum(), before);
	/* of directories too; in what order they were set does not matter */
	CHECK_EQ(setxattr("t/etc", "user.a", "", 0, 0) + setxattr("t/etc", "user.b", "", 0, 0), 0);
	CHECK(strcmp(before, sum()) != 0);
	(void)snprintf(before, sizeof(before), "%s", sum());
	CHECK_EQ(removexattr("t/etc", "user.a") + setxattr("t/etc", "user.a", "", 0, 0), 0);
	CHECK_STR(sum(), before);
}

static void refuses_sockets(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "t/etc/sock" };
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	fresh();
	CHECK(sum()[0]);
	CHECK_EQ(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	CHECK_STR(sum(), "");
	CHECK_STR(e.text, "'etc/sock': is a socket, which no image holds");
}

static void refuses_files_with_a_name_outside(void)
{
	fresh();
	CHECK(sum()[0]);
	run("ln t/a/z outside");
	CHECK_STR(sum(), "");
	CHECK_STR(e.text, "'a/z': has another name outside of the tree (a hard link)");
	run("rm outside");
	CHECK(sum()[0]);
}

static void refuses_what_lies_too_deep(void)
{
	char path[16];

	run("rm -rf t; mkdir -m 755 t");
	CHECK_EQ(chdir("t"), 0);
	(void)snprintf(path, sizeof(path), "d");
	for (int i = 0; i < TREE_DEPTH; i++)
		CHECK_EQ(mkdir(path, 0755) + chdir(path), 0);
	CHECK_EQ(chdir(top), 0);
	CHECK(sum()[0]);
	run("mkdir t/0 && mv t/d t/0/d");
	CHECK_STR(sum(), "");
	CHECK_CONTAINS(e.text, "lies too deep");
}

static void refuses_what_overlayfs_would_obey(void)
{
	fresh();
	CHECK(sum()[0]);
	if (setxattr("t/etc", "user.overlay.opaque", "y", 1, 0) < 0)
		TEST_SKIP("/var/tmp has no extended attributes");
	CHECK_STR(sum(), "");
	CHECK_STR(e.text, "'etc': has an attribute that overlayfs would obey");
}

static void owners_devices_and_capabilities_are_seen(void)
{
	if (geteuid() != 0)
		TEST_SKIP("needs root");
	fresh();
	differs("chown 33 t/a/z", "chown 0 t/a/z");
	differs("chgrp 33 t/a", "chgrp 0 t/a");
	differs("chown -h 5 t/lib", "chown -h 0 t/lib");
	CHECK_EQ(mknod("t/etc/null", S_IFCHR, makedev(1, 3)) + chmod("t/etc/null", 0666), 0);
	differs("rm t/etc/null; mknod -m 666 t/etc/null c 1 5", "rm t/etc/null; mknod -m 666 t/etc/null c 1 3");
	differs("rm t/etc/null; mknod -m 666 t/etc/null b 1 3", "rm t/etc/null; mknod -m 666 t/etc/null c 1 3");
	differs("chmod 600 t/etc/null", "chmod 666 t/etc/null");
	{
		/* vfs_cap_data: version 2, effective; cap_net_raw */
		static const unsigned char cap[20] = { 1, 0, 0, 2, 0, 0x20 };
		char before[IMAGE_DIGEST_TEXT];

		(void)snprintf(before, sizeof(before), "%s", sum());
		CHECK_EQ(setxattr("t/a/z", "security.capability", cap, sizeof(cap), 0), 0);
		CHECK(strcmp(before, sum()) != 0);
		CHECK_EQ(removexattr("t/a/z", "security.capability"), 0);
		CHECK_STR(sum(), before);
	}
}

/* In a mount namespace of its own; the exit status is what went wrong. */
static int mounts_tried(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
		return 1;
	if (!sum()[0])
		return 2;
	if (mount("tmpfs", "t/etc", "tmpfs", 0, NULL) < 0 || sum()[0] || !strstr(e.text, "'etc': is a mount"))
		return 3;
	if (umount("t/etc") < 0 || !sum()[0])
		return 4;
	/* of the same file system, and of a single file */
	if (mount("t/a", "t/etc", NULL, MS_BIND, NULL) < 0 || sum()[0] || umount("t/etc") < 0)
		return 5;
	if (mount("t/a/z", "t/a-b", NULL, MS_BIND, NULL) < 0 || sum()[0] || umount("t/a-b") < 0)
		return 6;
	return sum()[0] ? 0 : 7;
}

static void does_not_go_into_mounts(void)
{
	int status = 0;
	pid_t pid;

	if (geteuid() != 0)
		TEST_SKIP("needs root");
	fresh();
	pid = fork();
	if (pid == 0)
		_exit(mounts_tried());
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}

int main(void)
{
	char command[64];

	if (!mkdtemp(top) || chdir(top) < 0)
		return 1;
	(void)umask(022);
	TEST(lists_what_the_manual_says);
	TEST(does_not_depend_on_the_order_of_making);
	TEST(every_change_is_seen);
	TEST(names_cannot_forge_lines);
	TEST(attributes_are_seen);
	TEST(refuses_sockets);
	TEST(refuses_files_with_a_name_outside);
	TEST(refuses_what_lies_too_deep);
	TEST(refuses_what_overlayfs_would_obey);
	TEST(owners_devices_and_capabilities_are_seen);
	TEST(does_not_go_into_mounts);
	(void)snprintf(command, sizeof(command), "rm -rf %s", top);
	if (chdir("/") < 0 || system(command) != 0)
		return 1;
	return test_done();
}
