#include "policy/grant.h"

#include <errno.h>
#include <unistd.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "tests/lib/test.h"

static char path[64]; /* of a configuration of this test's own */
static struct policy *policy;
static struct err e;

/* ada: shell; ben: box, cat: open; dan: refuse; eve: exempt, as uid 0; fay: nobody knows. */
static const char text[] =
	/*  1 */ "[profile shell]\n"
		 /*  2 */ "[profile box]\n"
		 /*  3 */ "inherit = shell\n"
		 /*  4 */ "run = yes\n"
		 /*  5 */ "images = debian-* ubuntu-2[24].04\n"
		 /*  6 */ "\talpine\n"
		 /*  7 */ "net = none\n"
		 /*  8 */ "max-containers = 2\n"
		 /*  9 */ "run-profiles = open shell box\n"
		 /* 10 */ "hide = /data/secret -/home/ben/.private\n"
		 /* 11 */ "run-bind = /data /run /opt/a\n"
		 /* 12 */ "bind-readonly = /data/ref -/opt/a\n"
		 /* 13 */ "signed = yes\n"
		 /* 14 */ "bundles = yes\n"
		 /* 15 */ "[profile open]\n"
		 /* 16 */ "run = yes\n"
		 /* 17 */ "images = *\n"
		 /* 18 */ "home = yes\n"
		 /* 19 */ "keep-size = 1G\n"
		 /* 20 */ "bundles = yes\n"
		 /* 21 */ "max-containers = none\n"
		 /* 22 */ "hide = /srv/hidden\n"
		 /* 23 */ "bind-readonly = /srv/ref /home/ref/cat/in\n"
		 /* 24 */ "[assign run]\n"
		 /* 25 */ "ben = box\n"
		 /* 26 */ "cat = open\n"
		 /* 27 */ "dan = refuse\n"
		 /* 28 */ "eve = exempt\n"
		 /* 29 */ "@down = open\n"
		 /* 30 */ "[assign]\n"
		 /* 31 */ "ada = shell\n"
		 /* 32 */ "eve = shell\n"
		 /* 33 */ "dan = box\n";

/* "down" is a group of a server that does not answer for fay. */
static int in_group(const struct person *who, const char *group)
{
	return strcmp(group, "down") == 0 && strcmp(who->name, "fay") == 0 ? -ETIMEDOUT : 0;
}

static struct policy *load(const char *content)
{
	_cleanup_file_ FILE *f = fopen(path, "w");
	struct policy *p = NULL;

	CHECK(f && fputs(content, f) >= 0 && fflush(f) == 0);
	CHECK_EQ(policy_load_file(path, false, &p, &e), 0);
	return p;
}

static struct person person(const char *name)
{
	return (struct person){
		.name = name,
		.uid = strcmp(name, "root") == 0 ? 0 : 1000,
		.in_group = in_group,
	};
}

/* One launch of somebody's, and what comes of it: a profile, or a line and what it says. */
struct row {
	const char *who, *image, *profile; /* image NULL: a bundle */
	const char *bind, *home_path;
	bool readonly, home, keep;
	enum wish_net net;
	uint64_t running;
	const char *allowed; /* the profile; NULL: refused */
	unsigned line; /* 0: no line says it */
	const char *why;
};

#define P .net = WISH_NET_PROFILE
#define OK(p) .allowed = (p)
#define NO(n, w) .line = (n), .why = (w)

/* Each refusal stands beside a row that differs in what is refused, and is allowed. */
static const struct row rows[] = {
	/* who may at all, under which profile */
	{ "ben", "alpine", P, OK("box") },
	{ "ada", "alpine", P, NO(1, "profile 'shell' has run = no: 'ada' cannot") },
	{ "dan", "alpine", P, NO(27, "[assign run] has dan = refuse") },
	{ "gus", "alpine", P, NO(0, "no line of [assign] names 'gus'") },
	{ "fay", "alpine", P, NO(29, "nobody can tell who is in 'down' now") },
	{ "ben", "alpine", "", P, OK("box") },
	{ "ben", "alpine", "box", P, OK("box") },
	{ "ben", "alpine", "open", P, OK("open") },
	{ "ben", "alpine", "shell", P, NO(1, "profile 'shell' has run = no") },
	{ "ben", "alpine", "none", P,
		NO(9, "has run-profiles = open shell box: 'none' cannot be chosen") },
	{ "cat", "alpine", "open", P, OK("open") },
	{ "cat", "alpine", "box", P, NO(15, "has no run-profiles: 'box' cannot be chosen") },

	/* the exempt */
	{ "eve", "alpine", "open", P, OK("open") },
	{ "eve", "alpine", "box", P, OK("box") },
	{ "root", "alpine", "box", P, OK("box") },
	{ "root", "fedora", "box", P, NO(5, "'fedora' is none of them") },
	{ "root", "alpine", "shell", P, NO(1, "profile 'shell' has run = no") },
	{ "root", "alpine", "none", P,
		NO(0, "no profile 'none': with run = yes there is box open") },
	{ "root", "alpine", P,
		NO(0, "'root' is exempt, and policy gives no profile: choose by "
		      "--profile from box open") },
	{ "eve", "alpine", P, NO(0, "choose by --profile from box open") },

	/* images */
	{ "ben", "debian-12", P, OK("box") },
	{ "ben", "debian", P,
		NO(5, "has images = debian-* ubuntu-2[24].04 alpine: 'debian' is none of them") },
	{ "ben", "ubuntu-22.04", P, OK("box") },
	{ "ben", "ubuntu-23.04", P, NO(5, "'ubuntu-23.04'") },
	{ "ben", "alpine2", P, NO(5, "'alpine2'") },
	{ "cat", "any.thing_at-all", P, OK("open") },
	{ "cat", "../any", P, NO(0, "'../any': not an image's name") },
	{ "cat", ".any", P, NO(0, "'.any': not an image's name") },
	{ "cat", "a/b", P, NO(0, "'a/b': not an image's name") },
	{ "cat", "*", P, NO(0, "'*': not an image's name") },

	/* bundles */
	{ "cat", NULL, P, OK("open") },
	{ "cat", "", P, OK("open") },
	{ "ben", NULL, P, NO(13, "has signed = yes: nobody has signed a bundle") },
	{ "cat", NULL, .keep = true, P, NO(0, "nothing is kept of a bundle") },

	/* net */
	{ "cat", "alpine", .net = WISH_NET_HOST, OK("open") },
	{ "cat", "alpine", .net = WISH_NET_NONE, OK("open") },
	{ "ben", "alpine", .net = WISH_NET_NONE, OK("box") },
	{ "ben", "alpine", .net = WISH_NET_HOST, NO(7, "has net = none: --net host") },

	/* what is kept, and home */
	{ "cat", "alpine", .keep = true, P, OK("open") },
	{ "ben", "alpine", .keep = true, P, NO(2, "has keep-size = none: --keep") },
	{ "cat", "alpine", .home = true, .home_path = "/home/cat", P, OK("open") },
	{ "ben", "alpine", .home = true, .home_path = "/home/ben", P,
		NO(2, "has home = no: --home") },
	{ "cat", "alpine", .home = true, .home_path = "/", P, NO(0, "'/' is no home") },
	{ "cat", "alpine", .home = true, P, NO(0, "'' is no home") },
	{ "cat", "alpine", .home = true, .home_path = "/srv/home", P, OK("open") },
	{ "cat", "alpine", .home = true, .home_path = "/srv/hidden/cat", P,
		NO(22, "has hide = /srv/hidden: '/srv/hidden/cat' is or lies in it") },
	{ "cat", "alpine", .home = true, .home_path = "/srv", P, NO(22, "'/srv' contains it") },
	{ "cat", "alpine", .home = true, .home_path = "/srv/ref/cat", P,
		NO(23, "has bind-readonly = /srv/ref: '/srv/ref/cat' meets it") },
	{ "cat", "alpine", .home = true, .home_path = "/home/ref/cat", P, NO(23, "bind-readonly") },
	{ "cat", "alpine", .home = true, .home_path = "/run/carrel/x", P,
		NO(0, "/run/carrel, which") },

	/* how many */
	{ "ben", "alpine", .running = 1, P, OK("box") },
	{ "ben", "alpine", .running = 2, P, NO(8, "has max-containers = 2: 2 are running") },
	{ "ben", "alpine", "open", .running = 100000, P, OK("open") }, /* none */
	{ "root", "alpine", "box", .running = 2, P, NO(8, "has max-containers = 2") },

	/* binds */
	{ "ben", "alpine", .bind = "/data", .readonly = true, P, NO(10, "'/data' contains it") },
	{ "ben", "alpine", .bind = "/data/x", P, OK("box") },
	{ "ben", "alpine", .bind = "/datax", P,
		NO(11, "has run-bind = /data /run /opt/a: '/datax' lies in none") },
	{ "ben", "alpine", .bind = "/", P, NO(11, "'/' lies in none") },
	{ "ben", "alpine", .bind = "/etc", .readonly = true, P, NO(11, "'/etc' lies in none") },
	{ "ben", "alpine", .bind = "/data/secret", P,
		NO(10, "has hide = /data/secret: '/data/secret' is or lies in it") },
	{ "ben", "alpine", .bind = "/data/secret/x", .readonly = true, P, NO(10, "lies in it") },
	{ "ben", "alpine", .bind = "/data/secrets", P, OK("box") },
	{ "ben", "alpine", .bind = "/data/x/../secret", P,
		NO(0, "'/data/x/../secret': not an abs") },
	{ "ben", "alpine", .bind = "data", P, NO(0, "'data': not an absolute path") },
	{ "ben", "alpine", .bind = "/run/user", P, OK("box") },
	{ "ben", "alpine", .bind = "/run", P,
		NO(0, "'/run' meets /run/carrel, which is the cont") },
	{ "ben", "alpine", .bind = "/run/carrel/helper.sock", P, NO(0, "meets /run/carrel") },
	{ "ben", "alpine", .bind = "/data/ref/x", .readonly = true, P, OK("box") },
	{ "ben", "alpine", .bind = "/data/ref/x", P,
		NO(12, "has bind-readonly = /data/ref: '/data/ref/x' must be bound read-only") },
	{ "ben", "alpine", .bind = "/opt/a", P, NO(12, "'/opt/a' must be bound read-only") },
	{ "root", "alpine", "box", .bind = "/etc", P, NO(11, "'/etc' lies in none") },

	/* binds of the home */
	{ "cat", "alpine", .bind = "/home/cat/x", .home_path = "/home/cat", P, OK("open") },
	{ "cat", "alpine", .bind = "/home/cat", .home_path = "/home/cat", P, OK("open") },
	{ "cat", "alpine", .bind = "/home/cath", .home_path = "/home/cat", P,
		NO(15, "has no run-bind: '/home/cath' lies in none") },
	{ "cat", "alpine", .bind = "/home", .home_path = "/home/cat", P,
		NO(15, "has no run-bind") },
	{ "cat", "alpine", .bind = "/etc", .home_path = "/", P, NO(15, "has no run-bind") },
	{ "cat", "alpine", .bind = "/etc", .home_path = "", P, NO(15, "has no run-bind") },
	{ "cat", "alpine", .bind = "/etc", P, NO(15, "has no run-bind") },
	{ "ben", "alpine", .bind = "/home/ben/x", .home_path = "/home/ben", P,
		NO(2, "has home = no: '/home/ben/x' lies in the home") },
	{ "ben", "alpine", .bind = "/data/ben/x", .home_path = "/data/ben", P, OK("box") },
};

static int decide(const struct policy *p, const struct row *row, struct grant *ret)
{
	const struct wish_bind bind = { row->bind, row->readonly };
	const struct person who = person(row->who);
	const struct wish w = {
		.image = row->image,
		.profile = row->profile,
		.home = row->home,
		.keep = row->keep,
		.net = row->net,
		.home_path = row->home_path,
		.binds = &bind,
		.n_binds = row->bind != NULL,
	};

	struct grant granted = *ret;
	int r;

	e.text[0] = '\0';
	r = grant_decide(p, &who, &w, &granted, &e);
	if (r == 0)
		r = grant_check_room(granted.profile, row->running, &e);
	if (r == 0)
		*ret = granted;
	return r;
}

static void decides_as_the_table_says(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct grant g = { .net = 7 };
		char where[100] = "";
		int r = decide(policy, row, &g);

		printf("# %s %s%s%s: %s%s\n", row->who, row->image ? row->image : "(bundle)",
			row->profile ? " --profile " : "", row->profile ? row->profile : "",
			r == 0 ? "as " : "", r == 0 ? g.profile->name : e.text);
		if (row->allowed) {
			CHECK_EQ(r, 0);
			CHECK_STR(r == 0 ? g.profile->name : e.text, row->allowed);
			continue;
		}
		CHECK(r == (row->running ? -EDQUOT : -EACCES) || (r == -EINVAL && row->line == 0));
		CHECK(!g.profile && g.net == 7); /* untouched on failure */
		CHECK_CONTAINS(e.text, row->why);
		if (row->line)
			(void)snprintf(where, sizeof(where), "%s:%u: ", path, row->line);
		CHECK(strncmp(e.text, where, strlen(where)) == 0);
		CHECK(row->line || !strstr(e.text, path));
	}
}

static void gives_the_network_that_is_wanted_and_allowed(void)
{
	static const struct {
		const char *who;
		enum wish_net wish;
		enum net_mode net;
	} nets[] = {
		{ "cat", WISH_NET_PROFILE, NET_HOST },
		{ "cat", WISH_NET_HOST, NET_HOST },
		{ "cat", WISH_NET_NONE, NET_NONE },
		{ "ben", WISH_NET_PROFILE, NET_NONE },
		{ "ben", WISH_NET_NONE, NET_NONE },
	};

	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++) {
		const struct row row = { nets[i].who, "alpine", .net = nets[i].wish };
		struct grant g = { .net = 7 };

		CHECK_EQ(decide(policy, &row, &g), 0);
		CHECK_EQ(g.net, nets[i].net);
	}
}

static void takes_signed_images_only_where_that_is_said(void)
{
	const struct profile *box = policy_profile(policy, "box"),
			     *open = policy_profile(policy, "open");

	CHECK_EQ(grant_check_image(box, "alpine", "site.pub", &e), 0);
	CHECK_EQ(grant_check_image(open, "alpine", NULL, &e), 0);
	CHECK_EQ(grant_check_image(box, "alpine", NULL, &e), -EACCES);
	CHECK_CONTAINS(
		e.text, ":13: profile 'box' has signed = yes: no trusted key has signed 'alpine'");
	CHECK_EQ(grant_check_image(box, "alpine", "", &e), -EACCES);
}

/* Without --profile an exempt user has the only one; with none there is nothing to choose. */
static void lets_the_exempt_have_the_only_profile(void)
{
	const struct row root = { "root", "alpine", P };
	struct policy *one = load("[profile a]\n[profile b]\nrun = yes\nimages = alpine\n"),
		      *none = load("[profile a]\nimages = alpine\n");
	struct grant g = { 0 };

	CHECK_EQ(decide(one, &root, &g), 0);
	CHECK_STR(g.profile ? g.profile->name : NULL, "b");
	CHECK_EQ(decide(none, &root, &g), -EACCES);
	CHECK_CONTAINS(e.text, "no profile has run = yes");
	policy_free(one);
	policy_free(none);
}

/* A profile with run = no starts nothing, whatever else it says. */
static void gives_nothing_that_only_run_profiles_say(void)
{
	struct row ben = { "ben", "alpine", "b", P };
	struct policy *p = load("[profile a]\nrun = yes\nrun-profiles = b\n"
				"[profile b]\nrun = yes\nimages = *\n[assign]\nben = a\n");
	struct grant g = { 0 };

	CHECK_EQ(decide(p, &ben, &g), 0);
	policy_free(p);
	p = load("[profile a]\nrun = no\nrun-profiles = b\n"
		 "[profile b]\nrun = yes\nimages = *\n[assign]\nben = a\n");
	CHECK_EQ(decide(p, &ben, &g), -EACCES);
	CHECK_CONTAINS(e.text, ":2: profile 'a' has run = no");
	policy_free(p);
	p = load("[profile a]\nrun = yes\n[assign]\nben = a\n");
	CHECK_EQ(decide(p, &(struct row){ "ben", NULL, P }, &g), -EACCES);
	CHECK_CONTAINS(e.text, ":1: profile 'a' has bundles = no: only images");
	CHECK_EQ(decide(p, &(struct row){ "ben", "alpine", P }, &g), -EACCES);
	CHECK_CONTAINS(e.text, ":1: profile 'a' has no images: 'alpine'");
	policy_free(p);
}

/* A tree may lie anywhere but in what the profile hides. */
static void judges_the_tree_of_a_bundle(void)
{
	struct policy *p = load("[profile a]\nrun = yes\nbundles = yes\nhide = /data/secret\nbind-readonly = /data/ref\n"
				"[assign]\nben = a\n");
	static const struct {
		struct wish_bind tree;
		int expected;
		const char *why;
	} trees[] = {
		{ { "/anywhere/b", false }, 0, NULL },
		{ { "/data/b", false }, 0, NULL },
		{ { "/data/secret/b", true }, -EACCES, ":4: profile 'a' has hide = /data/secret: '/data/secret/b' is or lies in it" },
		{ { "/data", true }, -EACCES, ":4: profile 'a' has hide = /data/secret: '/data' contains it" },
		{ { "/", true }, -EACCES, "hide = /data/secret: '/' contains it" },
		{ { "/data/ref/b", true }, 0, NULL },
		{ { "/data/ref/b", false }, -EACCES, ":5: profile 'a' has bind-readonly = /data/ref: '/data/ref/b' must be run with" },
		{ { "/run/carrel/x", true }, -EACCES, "'/run/carrel/x' meets" },
		{ { "/data/../b", true }, -EINVAL, "not a plain one" },
		{ { "data", true }, -EINVAL, "not an absolute path" },
	};
	struct person who = person("ben");
	struct grant g = { 0 };

	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		const struct wish wish = { .tree = &trees[i].tree };

		CHECK_EQ(grant_decide(p, &who, &wish, &g, &e), trees[i].expected);
		if (trees[i].why)
			CHECK_CONTAINS(e.text, trees[i].why);
	}
	policy_free(p);
}

/* An image that may be started, named beside a tree, does not make the tree one. */
static void an_image_beside_a_tree_changes_nothing(void)
{
	struct policy *p = load("[profile a]\nrun = yes\nimages = alpine\n[assign]\nben = a\n");
	const struct wish_bind tree = { "/home/ben/b", true };
	struct person who = person("ben");
	struct wish wish = { .image = "alpine" };
	struct grant g = { 0 };

	CHECK_EQ(grant_decide(p, &who, &wish, &g, &e), 0);
	wish.tree = &tree;
	CHECK_EQ(grant_decide(p, &who, &wish, &g, &e), -EACCES);
	CHECK_CONTAINS(e.text, "bundles = no: only images");
	policy_free(p);
}

/* However long the lists are, it is one line that begins with the place. */
static void says_no_more_than_fits(void)
{
	char content[8192] = "[profile a]\nrun = yes\nimages =\n", want[200];
	struct policy *p;
	struct grant g;
	size_t n = strlen(content);

	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(
			content + n, sizeof(content) - n, "\timage-with-a-name-%d\n", i);
	(void)snprintf(content + n, sizeof(content) - n, "[assign]\nben = a\n");
	p = load(content);
	CHECK_EQ(decide(p, &(struct row){ "ben", "image-with-a-name-99", P }, &g), 0);
	CHECK_EQ(decide(p, &(struct row){ "ben", "alpine", P }, &g), -EACCES);
	(void)snprintf(
		want, sizeof(want), "%s:3: profile 'a' has images = image-with-a-name-0 im", path);
	CHECK(strncmp(e.text, want, strlen(want)) == 0);
	CHECK_CONTAINS(e.text, "...: 'alpine' is none of them");
	policy_free(p);
}

int main(void)
{
	int fd;

	(void)snprintf(path, sizeof(path), "/tmp/carrel-grant.XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || close(fd) < 0)
		return 1;
	policy = load(text);
	if (!policy)
		return 1;
	TEST(decides_as_the_table_says);
	TEST(gives_the_network_that_is_wanted_and_allowed);
	TEST(takes_signed_images_only_where_that_is_said);
	TEST(lets_the_exempt_have_the_only_profile);
	TEST(gives_nothing_that_only_run_profiles_say);
	TEST(judges_the_tree_of_a_bundle);
	TEST(an_image_beside_a_tree_changes_nothing);
	TEST(says_no_more_than_fits);
	policy_free(policy);
	(void)unlink(path);
	return test_done();
}
