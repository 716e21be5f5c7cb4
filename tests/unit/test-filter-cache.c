/* The cache of compiled filters: what is found again, what is not believed. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/public/program.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/filter.h"
#include "tests/lib/test.h"

static char top[] = "/tmp/test-cache.XXXXXX";
static const char *dirs[1] = { top };
static int cache_fd = -1;
static char key[65];

static void put_filter(const char *text)
{
	struct filter *f = NULL;
	char path[64];
	struct err e;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/t.filter", top);
	file = fopen(path, "we");
	CHECK(file && fputs(text, file) >= 0);
	if (file)
		(void)fclose(file);
	CHECK_EQ(filter_load(dirs, 1, "t", 0, &f, &e), 0);
	if (f)
		filter_key(f, key);
	filter_free(f);
}

static void empty_cache(void)
{
	DIR *d = fdopendir(openat(cache_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	for (struct dirent *ent; d && (ent = readdir(d));)
		if (ent->d_name[0] != '.')
			(void)unlinkat(cache_fd, ent->d_name, 0);
	if (d)
		(void)closedir(d);
}

static int entries(void)
{
	DIR *d = fdopendir(openat(cache_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int n = 0;

	for (struct dirent *ent; d && (ent = readdir(d));)
		n += ent->d_name[0] != '.';
	if (d)
		(void)closedir(d);
	return n;
}

/* Inode of the entry after an open, 0 if what came back is not a program. */
static ino_t opened(void)
{
	char buf[PROGRAM_MAX + 1];
	_cleanup_fd_ int fd = -1;
	struct err e = { "" };
	struct stat st;
	ssize_t n;

	CHECK_EQ(filter_open(dirs, 1, "t", 0, cache_fd, &fd, &e), 0);
	CHECK_STR(e.text, "");
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	n = pread(fd, buf, sizeof(buf), 0);
	CHECK(write(fd, "x", 1) < 0);
	return n > 0 && program_check(buf, (size_t)n) == 0 ? st.st_ino : 0;
}

static void start(void)
{
	empty_cache();
	put_filter("[filter]\nallow = @system-service\n[args]\nsocket.domain = AF_UNIX\n");
}

static void second_open_finds_the_first_ones_program(void)
{
	ino_t first;

	start();
	first = opened();
	CHECK(first != 0);
	CHECK_EQ(opened(), first);
	CHECK_EQ(entries(), 1);
}

static void changed_filter_is_another_entry(void)
{
	ino_t first;

	start();
	first = opened();
	put_filter("[filter]\nallow = @system-service mount\n");
	CHECK(opened() != first);
	CHECK_EQ(entries(), 2);
}

/* Opens the entry for writing, whatever its mode. */
static int entry_fd(void)
{
	CHECK_EQ(fchmodat(cache_fd, key, 0600, 0), 0);
	return openat(cache_fd, key, O_RDWR | O_CLOEXEC);
}

static void damage_at(off_t at)
{
	_cleanup_fd_ int fd = -1;
	ino_t bad;
	char c;

	start();
	bad = opened();
	fd = entry_fd();
	CHECK_EQ(pread(fd, &c, 1, at), 1);
	c ^= 1;
	CHECK_EQ(pwrite(fd, &c, 1, at), 1);
	CHECK(opened() != bad);
	CHECK_EQ(entries(), 1);
}

static void damaged_entry_is_made_again(void)
{
	damage_at(0); /* magic */
	damage_at(offsetof(struct program_head, loud));
	damage_at(offsetof(struct program_head, check));
	damage_at(sizeof(struct program_head) + 4); /* first instruction */
	damage_at(sizeof(struct program_head) + 8 * 20); /* some instruction */
}

static void truncated_and_longer_entries_are_made_again(void)
{
	static const off_t lengths[] = { 0, 10, sizeof(struct program_head), 300, 1 << 20 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		_cleanup_fd_ int fd = -1;
		ino_t bad;

		start();
		bad = opened();
		fd = entry_fd();
		CHECK_EQ(ftruncate(fd, lengths[i]), 0);
		CHECK(opened() != bad);
	}
}

static void entry_under_anothers_name_is_not_taken(void)
{
	char first[65];
	ino_t wrong;

	start();
	wrong = opened();
	(void)strcpy(first, key);
	put_filter("[filter]\nallow = @known\n");
	CHECK_EQ(linkat(cache_fd, first, cache_fd, key, 0), 0);
	CHECK(opened() != wrong);
}

static void entry_that_others_may_write_is_made_again(void)
{
	ino_t bad;

	start();
	bad = opened();
	CHECK_EQ(fchmodat(cache_fd, key, 0666, 0), 0);
	CHECK(opened() != bad);
}

static void foreign_entry_is_made_again(void)
{
	ino_t bad;

	if (geteuid() != 0)
		TEST_SKIP("only root can give a file away");
	start();
	bad = opened();
	CHECK_EQ(fchownat(cache_fd, key, 1, 1, 0), 0);
	CHECK(opened() != bad);
}

static void links_and_fifos_do_not_mislead(void)
{
	start();
	CHECK_EQ(symlinkat("/etc/passwd", cache_fd, key), 0);
	CHECK(opened() != 0);
	start();
	CHECK_EQ(mkfifoat(cache_fd, key, 0600), 0);
	CHECK(opened() != 0);
}

static void unwritable_cache_costs_time_but_no_login(void)
{
	_cleanup_fd_ int fd = -1, bad_dir = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = { "" };
	int seals;

	start();
	CHECK_EQ(filter_open(dirs, 1, "t", 0, bad_dir, &fd, &e), 0);
	seals = fcntl(fd, F_GET_SEALS);
	CHECK(seals > 0 && (seals & F_SEAL_WRITE) && (seals & F_SEAL_GROW) &&
		(seals & F_SEAL_SHRINK));
	CHECK(write(fd, "x", 1) < 0);
}

static void concurrent_writers_leave_one_whole_entry(void)
{
	pid_t pid[8];
	int good = 0, status;

	start();
	for (size_t i = 0; i < 8; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			_exit(opened() != 0 && !test_state.bad ? 0 : 1);
	}
	for (size_t i = 0; i < 8; i++)
		good += waitpid(pid[i], &status, 0) == pid[i] && status == 0;
	CHECK_EQ(good, 8);
	CHECK_EQ(entries(), 1);
	CHECK(opened() != 0);
}

static void errors_pass_through(void)
{
	struct err e = { "" };
	int fd = -1;

	start();
	CHECK_EQ(filter_open(dirs, 1, "nobody", 0, cache_fd, &fd, &e), -ENOENT);
	CHECK_CONTAINS(e.text, "nobody");
	CHECK_EQ(fd, -1);
}

int main(void)
{
	char path[64];

	if (!mkdtemp(top))
		return 1;
	(void)snprintf(path, sizeof(path), "%s/cache", top);
	if (mkdir(path, 0700) < 0)
		return 1;
	cache_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	TEST(second_open_finds_the_first_ones_program);
	TEST(changed_filter_is_another_entry);
	TEST(damaged_entry_is_made_again);
	TEST(truncated_and_longer_entries_are_made_again);
	TEST(entry_under_anothers_name_is_not_taken);
	TEST(entry_that_others_may_write_is_made_again);
	TEST(foreign_entry_is_made_again);
	TEST(links_and_fifos_do_not_mislead);
	TEST(unwritable_cache_costs_time_but_no_login);
	TEST(concurrent_writers_leave_one_whole_entry);
	TEST(errors_pass_through);
	empty_cache();
	(void)rmdir(path);
	(void)snprintf(path, sizeof(path), "%s/t.filter", top);
	(void)unlink(path);
	(void)rmdir(top);
	return test_done();
}
