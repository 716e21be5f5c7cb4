/*
 * carrel image verify - compares images with their manifests, for people: goes on after what is wrong, and says where it is. What decides
 * for containers is image_open().
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/cli/config.h"
#include "helper/cli/image.h"
#include "helper/image/sum.h"
#include "helper/image/tree.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define DIFFERENCES_MAX 20

struct report {
	json_t *problems; /* strings, in the order in which they were found */
	unsigned differences;
	char signer[256];
};

static void problem(struct report *r, const char *text)
{
	(void)json_array_append_new(r->problems, json_text(text));
}

static void problem_difference(void *data, const char *path, const char *what)
{
	struct report *r = data;
	char text[1024];

	if (r->differences++ >= DIFFERENCES_MAX)
		return;
	(void)snprintf(text, sizeof(text), "tree/%s: %s", strcmp(path, ".") == 0 ? "" : path, what);
	problem(r, text);
}

/* The list that was made when the image was; NULL: there is none, or it is not the one that the manifest names. */
static FILE *list_open(int image_fd, const struct manifest *m, struct report *r)
{
	_cleanup_fd_ int fd = openat(image_fd, STORE_LIST, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char hex[SUM_HEX];
	uint64_t size;
	struct err e;
	FILE *f;

	if (fd < 0 || fd_sum(fd, hex, &size, &e) < 0 || strcmp(hex, m->digest + strlen("sha256:")) != 0) {
		problem(r, STORE_LIST ": is missing, or not the list that the manifest names, so that nobody can say which path differs");
		return NULL;
	}
	f = fdopen(fd, "r");
	if (f)
		(void)fd_take(&fd);
	return f;
}

static void tree_compare(int image_fd, const struct manifest *m, const char *list, size_t len, struct report *r)
{
	_cleanup_file_ FILE *was = list_open(image_fd, m, r), *is = fmemopen((void *)list, len, "r");
	char more[64];
	struct err e;

	if (was && is && image_differences(was, is, problem_difference, r, &e) < 0)
		problem(r, e.text);
	if (r->differences > DIFFERENCES_MAX) {
		(void)snprintf(more, sizeof(more), "and %u more", r->differences - DIFFERENCES_MAX);
		problem(r, more);
	}
}

static void verify_tree(int image_fd, int fd, const struct manifest *m, struct report *r)
{
	_cleanup_free_ char *list = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&list, &len);
	struct tree_sum sum;
	struct err e;
	int got;

	if (!f)
		return problem(r, "out of memory");
	got = tree_sum(fd, f, NULL, &sum, &e);
	(void)fclose(f);
	if (got < 0) {
		(void)err_wrap(&e, got, "tree");
		problem(r, e.text);
	} else if (strcmp(sum.digest, m->digest) != 0) {
		problem(r, "tree: is not what the manifest's digest says");
		tree_compare(image_fd, m, list, len, r);
	} else if (sum.size != m->size) {
		problem(r, "tree: its size is not the manifest's");
	}
}

static void verify_content(int image_fd, const struct manifest *m, struct report *r)
{
	_cleanup_fd_ int fd = -1;
	struct err e;
	int got = store_content(image_fd, m, &fd, &e);

	if (got == 0 && m->kind == IMAGE_TREE)
		return verify_tree(image_fd, fd, m, r);
	if (got == 0) {
		got = fd_check_sum(fd, m, &e);
		if (got < 0)
			(void)err_wrap(&e, got, "%s", image_kind_file(m->kind));
	}
	if (got < 0)
		problem(r, e.text);
}

static void verify_image(const struct image_place *p, const char *name, struct report *r)
{
	_cleanup_(manifest_text_done) struct manifest_text t = { 0 };
	_cleanup_fd_ int fd = -1;
	struct err e;

	if (store_open(p->store_fd, name, &fd, &e) < 0 || store_manifest(fd, name, &t, &e) < 0)
		return problem(r, e.text);
	if (store_signer(fd, &t, p->keys_fd, r->signer, sizeof(r->signer), &e) < 0)
		problem(r, e.text);
	verify_content(fd, &t.m, r);
}

static void print_people(const char *name, const struct report *r)
{
	bool ok = json_array_size(r->problems) == 0;
	json_t *item;
	size_t i;

	if (ok)
		(void)printf("%s: ok, %s%s\n", name, *r->signer ? "signed by " : "not signed by a trusted key", r->signer);
	json_array_foreach(r->problems, i, item)
		(void)printf("%s%s%s: %s\n", colour(stdout, RED), name, colour(stdout, PLAIN), json_string_value(item));
}

static bool verify_one(const struct image_place *p, const char *name, json_t *list)
{
	struct report r = { .problems = json_array() };
	bool ok;

	verify_image(p, name, &r);
	ok = json_array_size(r.problems) == 0;
	if (list)
		(void)json_array_append_new(list, json_pack("{s:s, s:b, s:o, s:O}", "name", name, "ok", ok, "signer",
							*r.signer ? json_text(r.signer) : json_null(), "problems", r.problems));
	else
		print_people(name, &r);
	json_decref(r.problems);
	return ok;
}

static int verify(const struct image_place *p, char **words, int n, bool json)
{
	_cleanup_(strv_done) struct strv all = { 0 };
	json_t *list = json ? json_array() : NULL;
	bool ok = true;
	struct err e;

	if (store_check(p->store_fd, &e) < 0)
		ok = image_fail("verify: %s", e.text) == 0;
	if (n == 0) {
		if (place_names(p, &all, &e) < 0)
			return image_fail("verify: %s", e.text);
		words = all.v;
		n = (int)all.n;
	}
	for (int i = 0; i < n; i++)
		ok &= verify_one(p, words[i], list);
	if (list) {
		json_t *out = json_pack("{s:o}", "images", list);

		(void)json_dumpf(out, stdout, JSON_INDENT(2));
		(void)putchar('\n');
		json_decref(out);
	}
	return ok ? 0 : 1;
}

int image_verify(char **words, int n, struct image_options *o)
{
	struct image_place p;
	struct err e;
	int r = place_open(o->root, false, &p, &e);

	if (r < 0)
		return image_fail("verify: %s", e.text);
	r = verify(&p, words, n, o->json);
	place_close(&p);
	return r;
}
