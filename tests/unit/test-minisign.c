#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "helper/image/minisign.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/io.h"

/* Beside the real minisign(1), whose keys and signatures are made here and now. */

static struct err e;
static char dir[] = "/tmp/carrel-minisign.XXXXXX";

static int run(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static size_t slurp(const char *name, char **ret)
{
	_cleanup_fd_ int fd = open(name, O_RDONLY | O_CLOEXEC);
	size_t len = 0;

	*ret = NULL;
	CHECK(fd >= 0 && fd_read_all(fd, MINISIGN_FILE_MAX, ret, &len, &e) == 0);
	return len;
}

/* In a directory of our own: text, a.pub, b.pub, prehashed.minisig and legacy.minisig of key a. -1: there is no minisign. */
static int made;

static void make(void)
{
	if (run("command -v minisign >/dev/null") != 0) {
		made = -1;
		return;
	}
	CHECK(mkdtemp(dir) && chdir(dir) == 0);
	CHECK_EQ(run("printf 'name = x\\n' >text && for k in a b; do minisign -G -W -p $k.pub -s $k.key; done >/dev/null"), 0);
	CHECK_EQ(run("minisign -S -s a.key -m text -x prehashed.minisig -t 'the comment' >/dev/null </dev/null"), 0);
	CHECK_EQ(run("minisign -S -l -s a.key -m text -x legacy.minisig -t 'another' >/dev/null </dev/null"), 0);
	made = 1;
}

#define NEED_MINISIGN                                                                                                          \
	do {                                                                                                                   \
		if (made < 0)                                                                                                  \
			TEST_SKIP("needs minisign");                                                                           \
	} while (0)

struct signed_text {
	char *text, *signature, *key, *other;
	size_t text_len, signature_len, key_len, other_len;
};

static struct signed_text load(const char *signature)
{
	struct signed_text t;

	t.text_len = slurp("text", &t.text);
	t.signature_len = slurp(signature, &t.signature);
	t.key_len = slurp("a.pub", &t.key);
	t.other_len = slurp("b.pub", &t.other);
	return t;
}

static void unload(struct signed_text *t)
{
	free(t->text);
	free(t->signature);
	free(t->key);
	free(t->other);
}

/* 0: good, else what the first step that refuses says. */
static int check(const struct signed_text *t)
{
	struct minisign_signature s;
	struct minisign_key k;
	int r = minisign_key_parse(t->key, t->key_len, &k, &e);

	if (r == 0)
		r = minisign_signature_parse(t->signature, t->signature_len, &s, &e);
	return r < 0 ? r : minisign_check(&s, &k, t->text, t->text_len, &e);
}

static void both_kinds_of_signatures_are_taken(void)
{
	struct signed_text t;
	struct minisign_signature s;

	NEED_MINISIGN;
	t = load("prehashed.minisig");
	CHECK_EQ(check(&t), 0);
	CHECK_EQ(minisign_signature_parse(t.signature, t.signature_len, &s, &e), 0);
	CHECK(s.prehashed);
	CHECK_STR(s.comment, "the comment");
	unload(&t);
	t = load("legacy.minisig");
	CHECK_EQ(check(&t), 0);
	CHECK_EQ(minisign_signature_parse(t.signature, t.signature_len, &s, &e), 0);
	CHECK(!s.prehashed);
	unload(&t);
}

static void another_key_is_no_key(void)
{
	struct signed_text t;
	struct minisign_signature s;
	struct minisign_key a, b;

	NEED_MINISIGN;
	t = load("prehashed.minisig");
	CHECK_EQ(minisign_signature_parse(t.signature, t.signature_len, &s, &e), 0);
	CHECK_EQ(minisign_key_parse(t.key, t.key_len, &a, &e), 0);
	CHECK_EQ(minisign_key_parse(t.other, t.other_len, &b, &e), 0);
	CHECK(minisign_is_by(&s, &a));
	CHECK(!minisign_is_by(&s, &b));
	CHECK_EQ(minisign_check(&s, &b, t.text, t.text_len, &e), -EBADMSG);
	/* one that takes the other's ID */
	memcpy(b.id, a.id, sizeof(b.id));
	CHECK(minisign_is_by(&s, &b));
	CHECK_EQ(minisign_check(&s, &b, t.text, t.text_len, &e), -EBADMSG);
	unload(&t);
}

/* All bytes of what was signed, of the comment and of both signatures; the first line is nobody's. */
static void every_byte_counts(const char *signature)
{
	struct signed_text t = load(signature);
	size_t first = t.signature ? strcspn(t.signature, "\n") : 0;

	CHECK_EQ(check(&t), 0);
	for (size_t i = 0; i < t.text_len; i++) {
		t.text[i] ^= 1;
		CHECK_EQ(check(&t), -EBADMSG);
		t.text[i] ^= 1;
	}
	for (size_t i = first; i + 1 < t.signature_len; i++) {
		char was = t.signature[i];

		t.signature[i] = was == 'A' ? 'B' : 'A';
		CHECK(check(&t) < 0);
		t.signature[i] = was;
	}
	CHECK_EQ(check(&t), 0);
	t.text_len--;
	CHECK_EQ(check(&t), -EBADMSG);
	unload(&t);
}

static void every_byte_of_a_prehashed_signature_counts(void)
{
	NEED_MINISIGN;
	every_byte_counts("prehashed.minisig");
}

static void every_byte_of_a_legacy_signature_counts(void)
{
	NEED_MINISIGN;
	every_byte_counts("legacy.minisig");
}

static void every_byte_of_the_key_counts(void)
{
	struct signed_text t;
	size_t first;

	NEED_MINISIGN;
	t = load("prehashed.minisig");
	first = strcspn(t.key, "\n");
	CHECK_EQ(check(&t), 0);
	for (size_t i = first; i + 1 < t.key_len; i++) {
		char was = t.key[i];

		t.key[i] = was == 'A' ? 'B' : 'A';
		CHECK(check(&t) < 0);
		t.key[i] = was;
	}
	unload(&t);
}

static void a_comment_cannot_come_from_another_signature(void)
{
	struct signed_text t;
	_cleanup_free_ char *mixed = NULL;
	char *other, *third;

	NEED_MINISIGN;
	t = load("prehashed.minisig");
	(void)slurp("legacy.minisig", &other);
	third = strstr(t.signature, "trusted comment: the");
	CHECK(third && asprintf(&mixed, "%.*s%s", (int)(third - t.signature), t.signature,
				strstr(other, "trusted comment: another")) > 0);
	free(t.signature);
	t.signature = mixed;
	t.signature_len = mixed ? strlen(mixed) : 0;
	CHECK_EQ(check(&t), -EBADMSG);
	CHECK_CONTAINS(e.text, "trusted comment");
	mixed = NULL;
	free(other);
	unload(&t);
}

static void other_files_are_none(void)
{
	static const char *const texts[] = { "", "\n", "untrusted comment: x\n", "untrusted comment: x\nRWQ=\n",
		"untrusted comment: x\n\ntrusted comment: y\n\n" };
	struct minisign_key k = { .id = { 9 } };
	struct minisign_signature s;
	struct signed_text t;
	_cleanup_free_ char *more = NULL;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CHECK_EQ(minisign_key_parse(texts[i], strlen(texts[i]), &k, &e), -EINVAL);
		CHECK_EQ(minisign_signature_parse(texts[i], strlen(texts[i]), &s, &e), -EINVAL);
	}
	CHECK_EQ(k.id[0], 9);
	NEED_MINISIGN;
	t = load("prehashed.minisig");
	CHECK_EQ(minisign_key_parse(t.signature, t.signature_len, &k, &e), -EINVAL);
	CHECK_EQ(minisign_signature_parse(t.key, t.key_len, &s, &e), -EINVAL);
	CHECK(asprintf(&more, "%sx\n", t.signature) > 0);
	CHECK_EQ(minisign_signature_parse(more, strlen(more), &s, &e), -EINVAL);
	for (size_t n = 0; n + 2 < t.signature_len; n++)
		CHECK_EQ(minisign_signature_parse(t.signature, n, &s, &e), -EINVAL);
	unload(&t);
}

int main(void)
{
	make();
	TEST(both_kinds_of_signatures_are_taken);
	TEST(another_key_is_no_key);
	TEST(every_byte_of_a_prehashed_signature_counts);
	TEST(every_byte_of_a_legacy_signature_counts);
	TEST(every_byte_of_the_key_counts);
	TEST(a_comment_cannot_come_from_another_signature);
	TEST(other_files_are_none);
	if (made > 0) {
		char command[64];

		(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
		CHECK_EQ(chdir("/"), 0);
		(void)run(command);
	}
	return test_done();
}
