#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helper/cli/config.h"
#include "helper/cli/image.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

/* What is told of one image; text: why nothing else is. */
struct row {
	struct manifest_text t;
	char signer[256];
	struct err why;
	bool known;
};

static void row_fill(const struct image_place *p, const char *name, struct row *r)
{
	_cleanup_fd_ int fd = -1;

	r->known = store_open(p->store_fd, name, &fd, &r->why) == 0 && store_manifest(fd, name, &r->t, &r->why) == 0 &&
		   store_signer(fd, &r->t, p->keys_fd, r->signer, sizeof(r->signer), &r->why) == 0;
}

/* Digests are long: people compare their beginnings. */
static void print_people(const char *name, const struct row *r)
{
	char size[32];

	if (r->known)
		(void)printf("%-24s %-9s %10s  %.19s  %s\n", name, image_kind_name(r->t.m.kind),
			image_size_text(r->t.m.size, size, sizeof(size)), r->t.m.digest, *r->signer ? r->signer : "-");
	else
		(void)printf("%-24s %s%s%s\n", name, colour(stdout, RED), r->why.text, colour(stdout, PLAIN));
}

static json_t *words_json(const struct strv *words)
{
	json_t *list = json_array();

	for (size_t i = 0; i < words->n; i++)
		(void)json_array_append_new(list, json_text(words->v[i]));
	return list;
}

static json_t *row_json(const char *name, const struct row *r)
{
	const struct manifest *m = &r->t.m;

	if (!r->known)
		return json_pack("{s:s, s:o}", "name", name, "problem", json_text(r->why.text));
	return json_pack("{s:s, s:s, s:s, s:o, s:I, s:o, s:o, s:o, s:o}", "name", name, "kind", image_kind_name(m->kind), "digest",
		m->digest, "verity", *m->verity ? json_text(m->verity) : json_null(), "size", (json_int_t)m->size, "signer",
		*r->signer ? json_text(r->signer) : json_null(), "command", words_json(&m->command), "env", words_json(&m->env), "workdir",
		m->workdir ? json_text(m->workdir) : json_null());
}

static void list_all(const struct image_place *p, const struct strv *names, json_t *list)
{
	for (size_t i = 0; i < names->n; i++) {
		struct row r = { 0 };

		row_fill(p, names->v[i], &r);
		if (list)
			(void)json_array_append_new(list, row_json(names->v[i], &r));
		else
			print_people(names->v[i], &r);
		manifest_text_done(&r.t);
	}
}

static void print_all(const struct image_place *p, const struct strv *names, bool json)
{
	json_t *out;

	if (json) {
		out = json_pack("{s:[]}", "images");
		list_all(p, names, json_object_get(out, "images"));
		(void)json_dumpf(out, stdout, JSON_INDENT(2));
		(void)putchar('\n');
		json_decref(out);
		return;
	}
	if (names->n)
		(void)printf("%-24s %-9s %10s  %-19s  %s\n", "NAME", "KIND", "SIZE", "DIGEST", "SIGNED BY");
	list_all(p, names, NULL);
}

int image_list(char **words, int n, struct image_options *o)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	struct image_place p = { .store_fd = -1, .keys_fd = -1 };
	struct err e;
	int r = place_open(o->root, false, &p, &e);

	(void)words;
	(void)n;
	if (r == 0)
		r = place_names(&p, &names, &e);
	else if (r == -ENOENT)
		r = 0; /* no store, no images */
	if (r == 0)
		print_all(&p, &names, o->json);
	place_close(&p);
	return r < 0 ? image_fail("list: %s", e.text) : 0;
}
