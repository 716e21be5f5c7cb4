#include "policy/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "tests/lib/test.h"

static char dir[64]; /* of this test's own */
static struct err e;

static const char *in_dir(const char *name)
{
	static char path[2][256];
	static int turn;

	turn = !turn;
	(void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static void put_bytes(const char *name, const char *text, size_t len)
{
	_cleanup_file_ FILE *f = fopen(in_dir(name), "w");

	CHECK(f && fwrite(text, 1, len, f) == len);
}

static void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

static struct policy *load(const char *text)
{
	struct policy *p = NULL;

	put("one.conf", text);
	e.text[0] = '\0';
	if (policy_load_file(in_dir("one.conf"), false, &p, &e) < 0)
		return NULL;
	return p;
}

/* The text must be refused, at this line, with this word in the story. */
static void refuse_at(int source_line, const char *text, unsigned line, const char *word)
{
	struct policy *p = (struct policy *)&e;
	char where[300];
	int r;

	put("one.conf", text);
	e.text[0] = '\0';
	r = policy_load_file(in_dir("one.conf"), false, &p, &e);
	test_check_int(__FILE__, source_line, "refused", r, -EINVAL);
	(void)snprintf(where, sizeof(where), "%s:%u: ", in_dir("one.conf"), line);
	test_check_contains(__FILE__, source_line, "file and line", e.text, where);
	test_check_contains(__FILE__, source_line, "the word", e.text, word);
	CHECK(p == (struct policy *)&e); /* untouched on failure */
}

#define REFUSE(text, line, word) refuse_at(__LINE__, text, line, word)

static void fills_in_the_defaults(void)
{
	struct policy *p = load("[profile shell]\n");
	const struct profile *s;

	CHECK(p);
	if (!p)
		return;
	s = policy_profile(p, "shell");
	CHECK(s && !policy_profile(p, "shel"));
	CHECK_STR(s->name, "shell");
	CHECK_STR(s->filter, "default");
	CHECK_STR(s->view, "host");
	CHECK(!s->root);
	CHECK_EQ(s->net, NET_HOST);
	CHECK_EQ(s->linger, LINGER_PROCESSES);
	CHECK_EQ(s->limits, LIMITS_REQUIRED);
	CHECK_EQ(s->memory_max, 0);
	CHECK_EQ(s->tasks_max, 0);
	CHECK_EQ(s->cpu_percent, 0);
	CHECK_EQ(s->tmp_size, 1LL << 30);
	CHECK_EQ(s->tmp_inodes, 102400);
	CHECK_EQ(s->bind.n + s->bind_readonly.n + s->hide.n + s->devices.n, 0);
	CHECK(!s->run && !s->image_signed && !s->home && !s->bundles);
	CHECK_EQ(s->max_containers, 16);
	CHECK_EQ(s->keep_size, 0);
	CHECK_EQ(s->images.n + s->run_bind.n + s->run_profiles.n, 0);
	CHECK_EQ(p->pool.first, 524288);
	CHECK_EQ(p->pool.last, 1878982655);
	CHECK_EQ(p->pool.n_uids, 1);
	CHECK_EQ(p->pool.uids[0].first, 1);
	CHECK_EQ(p->pool.uids[0].last, 28663);
	CHECK_EQ(p->negative_groups.n, 0);
	policy_free(p);
}

static void reads_every_key(void)
{
	struct policy *p = load("# comment\n; comment\n\n"
				"[profile lab]  ; comment\n"
				"filter = strict\n"
				"view=host\n"
				"root = yes ; comment\n"
				"net = none\n"
				"linger\t=\tyes\n"
				"limits = best-effort\n"
				"memory-max = 4G\n"
				"tasks-max = 500\n"
				"cpu-quota = 250%\n"
				"tmp-size = 64M\n"
				"tmp-inodes = 5k\n"
				"bind = /srv/data -/scratch\n"
				"  # between\n"
				"  /a:b /c=d ; comment\n"
				"\n"
				"\t/last\n"
				"bind-readonly = /opt\n"
				"hide = /srv/secret\n"
				"devices = /dev/kvm -/dev/nvidia0\n"
				"run = yes\n"
				"images = debian-* ubuntu_2[24].04\n"
				"\t?y ; comment\n"
				"signed = yes\n"
				"max-containers = 3\n"
				"home = yes\n"
				"run-bind = /srv/data\n"
				"\t/scratch\n"
				"run-profiles = gpu\n"
				"\tlab\n"
				"keep-size = 2G\n"
				"bundles = yes\n"
				"[profile gpu]\n"
				"[ids]\n"
				"pool = 2147483648-4294901759\n"
				"uids = 1000-59999\n"
				"\t200000-299999\n"
				"[groups]\n"
				"negative = deny noexam");
	const struct profile *s;

	CHECK_STR(e.text, "");
	if (!p)
		return;
	s = policy_profile(p, "lab");
	CHECK_STR(s->filter, "strict");
	CHECK(s->root);
	CHECK_EQ(s->net, NET_NONE);
	CHECK_EQ(s->linger, LINGER_YES);
	CHECK_EQ(s->limits, LIMITS_BEST_EFFORT);
	CHECK_EQ(s->memory_max, 4LL << 30);
	CHECK_EQ(s->tasks_max, 500);
	CHECK_EQ(s->cpu_percent, 250);
	CHECK_EQ(s->tmp_size, 64 << 20);
	CHECK_EQ(s->tmp_inodes, 5120);
	CHECK_EQ(s->bind.n, 5);
	CHECK_STR(s->bind.v[0], "/srv/data");
	CHECK_STR(s->bind.v[1], "-/scratch");
	CHECK_STR(s->bind.v[2], "/a:b");
	CHECK_STR(s->bind.v[3], "/c=d");
	CHECK_STR(s->bind.v[4], "/last");
	CHECK_STR(s->bind_readonly.v[0], "/opt");
	CHECK_STR(s->hide.v[0], "/srv/secret");
	CHECK_STR(s->devices.v[1], "-/dev/nvidia0");
	CHECK(s->run && s->image_signed && s->home && s->bundles);
	CHECK_EQ(s->images.n, 3);
	CHECK_STR(s->images.v[0], "debian-*");
	CHECK_STR(s->images.v[1], "ubuntu_2[24].04");
	CHECK_STR(s->images.v[2], "?y");
	CHECK_EQ(s->max_containers, 3);
	CHECK_EQ(s->run_bind.n, 2);
	CHECK_STR(s->run_bind.v[1], "/scratch");
	CHECK_EQ(s->run_profiles.n, 2);
	CHECK_STR(s->run_profiles.v[1], "lab");
	CHECK_EQ(s->keep_size, 2LL << 30);
	CHECK_EQ(s->origin.line, 4);
	CHECK_STR(s->origin.file, p->files.v[0]);
	CHECK_EQ(p->pool.first, 2147483648);
	CHECK_EQ(p->pool.last, 4294901759);
	CHECK_EQ(p->pool.n_uids, 2);
	CHECK_EQ(p->pool.uids[1].first, 200000);
	CHECK_EQ(p->negative_groups.n, 2);
	CHECK_STR(p->negative_groups.v[1], "noexam");
	policy_free(p);
}

static void inherits_once_and_before_or_after(void)
{
	struct policy *p =
		load("[profile child]\ninherit = base\nroot = no\nbind = /c\nmemory-max = none\n"
		     "[profile base]\nroot = yes\nfilter = root\nbind = /a /b\nhide = "
		     "/h\nmemory-max = 2G\n"
		     "tasks-max = 9\nnet = none\n"
		     "[profile other]\ninherit = base\nbind =\n");
	const struct profile *c, *o;

	CHECK_STR(e.text, "");
	if (!p)
		return;
	c = policy_profile(p, "child");
	CHECK(!c->root);
	CHECK_STR(c->filter, "root");
	CHECK_EQ(c->bind.n, 1);
	CHECK_STR(c->bind.v[0], "/c");
	CHECK_STR(c->hide.v[0], "/h");
	CHECK_EQ(c->memory_max, 0);
	CHECK_EQ(c->tasks_max, 9);
	CHECK_EQ(c->net, NET_NONE);
	o = policy_profile(p, "other");
	CHECK(o->root);
	CHECK_EQ(o->bind.n, 0);
	CHECK_EQ(o->memory_max, 2LL << 30);
	policy_free(p);
}

static void inherits_the_keys_of_launches(void)
{
	struct policy *p = load("[profile base]\nrun = yes\nimages = a b\nmax-containers = none\n"
				"home = yes\nkeep-size = 1M\nrun-bind = /a\nrun-profiles = child\n"
				"[profile child]\ninherit = base\nimages = c\nkeep-size = none\n"
				"run-profiles =\n");
	const struct profile *c;

	CHECK_STR(e.text, "");
	if (!p)
		return;
	c = policy_profile(p, "child");
	CHECK(c->run && c->home && !c->bundles);
	CHECK_EQ(c->images.n, 1);
	CHECK_STR(c->images.v[0], "c");
	CHECK_EQ(c->max_containers, 0);
	CHECK_EQ(c->keep_size, 0);
	CHECK_STR(c->run_bind.v[0], "/a");
	CHECK_EQ(c->run_profiles.n, 0);
	policy_free(p);
}

static void knows_the_line_of_every_key(void)
{
	struct policy *p = load("[profile base]\nrun = yes\nimages = a\n\tb\n"
				"[profile child]\ninherit = base\nhome = yes\n");
	const struct profile *c;

	CHECK_STR(e.text, "");
	if (!p)
		return;
	c = policy_profile(p, "child");
	CHECK_EQ(profile_key_at(c, "home").line, 7);
	CHECK_EQ(profile_key_at(c, "images").line, 3); /* where it begins, and inherited */
	CHECK_EQ(profile_key_at(c, "signed").line, 5); /* said nowhere */
	CHECK_EQ(profile_key_at(policy_profile(p, "base"), "home").line, 1);
	CHECK_STR(profile_key_at(c, "run").file, p->files.v[0]);
	policy_free(p);
}

static void keeps_assignments_in_order(void)
{
	struct policy *p =
		load("[assign]\n@wheel = exempt\n@domain users = shell\nuid:1-999 = exempt\n"
		     "DOM\\ada = refuse\nada@corp.example=shell\n* = shell\n"
		     "[assign cron]\n* = refuse\n"
		     "[profile shell]\n");

	CHECK_STR(e.text, "");
	if (!p)
		return;
	CHECK_EQ(p->n_assigns, 7);
	CHECK_STR(p->assigns[0].who, "@wheel");
	CHECK_EQ(p->assigns[0].verdict, VERDICT_EXEMPT);
	CHECK(!p->assigns[0].profile && !p->assigns[0].service);
	CHECK_STR(p->assigns[1].who, "@domain users");
	CHECK_EQ(p->assigns[1].verdict, VERDICT_CONFINE);
	CHECK(p->assigns[1].profile == policy_profile(p, "shell"));
	CHECK_STR(p->assigns[2].who, "uid:1-999");
	CHECK_STR(p->assigns[3].who, "DOM\\ada");
	CHECK_EQ(p->assigns[3].verdict, VERDICT_REFUSE);
	CHECK_STR(p->assigns[4].who, "ada@corp.example");
	CHECK_STR(p->assigns[6].service, "cron");
	CHECK_EQ(p->assigns[6].origin.line, 9);
	policy_free(p);
}

static void refuses_words_it_does_not_know(void)
{
	REFUSE("[profile a]\n\nfliter = x\n", 3, "'fliter'");
	REFUSE("[profle a]\n", 1, "[profle a]");
	REFUSE("[profile]\n", 1, "[profile]");
	REFUSE("[ids extra]\n", 1, "[ids extra]");
	REFUSE("[profile a b]\n", 1, "[profile a b]");
	REFUSE("[ profile a]\n", 1, "[ profile a]");
	REFUSE("[]\n", 1, "[]");
	REFUSE("[ids]\nrange = 1-2\n", 2, "'range'");
	REFUSE("[groups]\npositive = a\n", 2, "'positive'");
	REFUSE("filter = x\n", 1, "'filter'");
	REFUSE("[assign]\nada = lab\n", 2, "'lab'");
	REFUSE("[profile a]\ninherit = b\n", 2, "'b'");
	REFUSE("[profile a]\ninherit = a\n", 2, "'a'");
	REFUSE("[profile a]\nrun-profiles = a b\n", 2, "run-profiles = 'b'");
	REFUSE("[profile a]\nrun-profiles = a\n\n\tb\n", 4, "'b'");
	REFUSE("[profile c]\ninherit = a\n[profile a]\nrun-profiles = b\n", 4, "'b'");
	REFUSE("[profile a]\n[profile b]\ninherit = a\n[profile c]\nroot=no\ninherit = b\n", 6,
		"'b'");
}

static void refuses_what_is_said_twice(void)
{
	REFUSE("[profile a]\nroot = yes\nroot = yes\n", 3, "root");
	REFUSE("[profile a]\ninherit = b\ninherit = b\n[profile b]\n", 3, "inherit");
	REFUSE("[profile a]\nbind = /a\nbind = /b\n", 3, "bind");
	REFUSE("[profile a]\nbind = /a\n /a\n", 3, "/a");
	REFUSE("[profile a]\nimages = a\n a\n", 3, "'a'");
	REFUSE("[profile a]\nimages = a\nimages = b\n", 3, "images");
	REFUSE("[profile a]\nrun-profiles = a a\n", 2, "'a'");
	REFUSE("[profile a]\n[profile a]\n", 2, "'a'");
	REFUSE("[assign]\nada = exempt\nada = refuse\n", 3, "'ada'");
	REFUSE("[assign x]\nada = exempt\n[assign x]\nada = refuse\n", 4, "'ada'");
	REFUSE("[ids]\npool = 524288-999999\npool = 524288-999999\n", 3, "pool");
	REFUSE("[ids]\nuids = 1-9\nuids = 11-19\n", 3, "uids");
	REFUSE("[groups]\nnegative = a\nnegative = b\n", 3, "negative");
}

static void refuses_bad_values(void)
{
	REFUSE("[profile a]\nroot = true\n", 2, "'true'");
	REFUSE("[profile a]\nroot =\n", 2, "''");
	REFUSE("[profile a]\nroot = yes # no comment\n", 2, "'yes # no comment'");
	REFUSE("[profile a]\nnet = private\n", 2, "'private'");
	REFUSE("[profile a]\nview = image\n", 2, "'image'");
	REFUSE("[profile a]\nfilter = ../x\n", 2, "'../x'");
	REFUSE("[profile a]\nfilter = /x\n", 2, "'/x'");
	REFUSE("[profile a]\nmemory-max = 4\n", 2, "'4'");
	REFUSE("[profile a]\nmemory-max = 4GB\n", 2, "'4GB'");
	REFUSE("[profile a]\nmemory-max = 0\n", 2, "'0'");
	REFUSE("[profile a]\nmemory-max = 9000P\n", 2, "too large");
	REFUSE("[profile a]\nmemory-max = -1\n", 2, "'-1'");
	REFUSE("[profile a]\ntasks-max = 1k\n", 2, "'1k'");
	REFUSE("[profile a]\ntasks-max = 0\n", 2, "'0'");
	REFUSE("[profile a]\ncpu-quota = 200\n", 2, "'200'");
	REFUSE("[profile a]\ncpu-quota = 0%\n", 2, "'0%'");
	REFUSE("[profile a]\ntmp-size = none\n", 2, "'none'");
	REFUSE("[profile a]\nbind = data\n", 2, "'data'");
	REFUSE("[profile a]\nbind = /a /b/../c\n", 2, "'/b/../c'");
	REFUSE("[profile a]\nbind = /\n", 2, "'/'");
	REFUSE("[profile a]\nbind = /proc/sys\n", 2, "'/proc/sys'");
	REFUSE("[profile a]\nbind-readonly = /run/carrel\n", 2, "'/run/carrel'");
	REFUSE("[profile a]\nhide = -\n", 2, "'-'");
	REFUSE("[profile a]\ndevices = /etc/passwd\n", 2, "'/etc/passwd'");
	REFUSE("[profile a]\ndevices = /dev/../etc\n", 2, "'/dev/../etc'");
	REFUSE("[profile a]\nrun = maybe\n", 2, "'maybe'");
	REFUSE("[profile a]\nrun = yes\n no\n", 3, "no list");
	REFUSE("[profile a]\nimages = ok\n Debian\n", 3, "'Debian'");
	REFUSE("[profile a]\nimages = a/b\n", 2, "'a/b'");
	REFUSE("[profile a]\nimages = [!a]\n", 2, "'[!a]'");
	REFUSE("[profile a]\nimages = a[b\n", 2, "'a[b'");
	REFUSE("[profile a]\nimages = a]\n", 2, "'a]'");
	REFUSE("[profile a]\nimages = []\n", 2, "'[]'");
	REFUSE("[profile a]\nimages = [[a]]\n", 2, "'[[a]]'");
	REFUSE("[profile a]\nimages = 1234567890123456789012345678901234567890123456789012345678901"
	       "2345\n",
		2, "not an image's name");
	REFUSE("[profile a]\nmax-containers = 0\n", 2, "'0'");
	REFUSE("[profile a]\nmax-containers = many\n", 2, "'many'");
	REFUSE("[profile a]\nkeep-size = 1k\n", 2, "'1k'");
	REFUSE("[profile a]\nrun-bind = -/srv\n", 2, "'-/srv'");
	REFUSE("[profile a]\nrun-bind = /\n", 2, "'/'");
	REFUSE("[profile a]\nrun-bind = /run/carrel/inside\n", 2, "'/run/carrel/inside'");
	REFUSE("[profile a]\nrun-profiles = A\n", 2, "'A'");
	REFUSE("[profile A]\n", 1, "[profile A]");
	REFUSE("[profile exempt]\n", 1, "'exempt'");
	REFUSE("[profile refuse]\n", 1, "'refuse'");
	REFUSE("[profile 123456789012345678901234567890123]\n", 1, "1 to 32");
}

static void refuses_bad_assignments(void)
{
	REFUSE("[assign]\n@ = exempt\n", 2, "'@'");
	REFUSE("[assign]\n@@a = exempt\n", 2, "'@@a'");
	REFUSE("[assign]\na* = exempt\n", 2, "'a*'");
	REFUSE("[assign]\na,b = exempt\n", 2, "'a,b'");
	REFUSE("[assign]\n-a = exempt\n", 2, "'-a'");
	REFUSE("[assign]\nuid:0-999 = refuse\n", 2, "'uid:0-999'");
	REFUSE("[assign]\nuid:9-1 = refuse\n", 2, "'uid:9-1'");
	REFUSE("[assign]\nuid:x = refuse\n", 2, "'uid:x'");
	REFUSE("[assign]\nuid:1-4294967295 = refuse\n", 2, "'uid:1-4294967295'");
	REFUSE("[assign]\nuid: = refuse\n", 2, "'uid:'");
	REFUSE("[assign]\ngid:5 = refuse\n", 2, "'gid:5'");
	REFUSE("[assign]\nada : exempt\n", 2, "neither");
	REFUSE("[assign]\nada\n", 2, "neither");
	REFUSE("[assign]\nada =\n", 2, "''");
	REFUSE("[assign]\n= exempt\n", 2, "key");
	REFUSE("[assign]\nada = exempt\n  refuse\n", 3, "'refuse'");
	REFUSE("[assign SSHD]\n", 1, "SSHD");
	REFUSE("[assign ../x]\n", 1, "../x");
}

static void refuses_bad_ranges(void)
{
	REFUSE("[ids]\npool = 1-9\n", 2, "'1-9'");
	REFUSE("[ids]\npool = 65535-999999\n", 2, "'65535-999999'");
	REFUSE("[ids]\npool = 524288-524289\n", 2, "'524288-524289'");
	REFUSE("[ids]\npool = 524288-589822\n", 2, "'524288-589822'");
	policy_free(load("[ids]\npool = 524288-589823\n"));
	CHECK_STR(e.text, "");
	REFUSE("[ids]\npool = 524288-4294967294\n", 2, "'524288-4294967294'");
	REFUSE("[ids]\npool = 524288-700000\n  800000-900000\n", 3, "'800000-900000'");
	REFUSE("[ids]\nuids = 0-9\n", 2, "'0-9'");
	REFUSE("[ids]\nuids = 1-9 9-12\n", 2, "'9-12'");
	REFUSE("[ids]\nuids =\n", 2, "uids");
	REFUSE("[ids]\nuids = 1 3 5 7 9 11 13 15 17 19 21 23 25 27 29 31 33\n", 2, "'33'");
	REFUSE("[ids]\nuids = 600000-600009\n", 2, "600000-600009");
	REFUSE("[ids]\nuids = 70000-70010\npool = 65536-700000\n", 3, "70000-70010");
}

static void refuses_what_the_library_would_change_quietly(void)
{
	char text[600] = "[profile a]\nbind = /";
	size_t n = strlen(text);

	memset(text + n, 'x', 300);
	REFUSE(text, 2, "longer than");
	text[n + 150] = '\0'; /* the very same, shorter: the length alone was wrong */
	policy_free(load(text));
	CHECK_STR(e.text, "");
	REFUSE("[profile a] root\n", 1, "'root'");
	REFUSE("[profile a\n", 1, "']'");
	REFUSE("[profile a]\n[assign] = x\n", 2, "'= x'");
	REFUSE("[assign aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n", 1,
		"longer than");
	REFUSE("[profile a]\n root = yes\n", 2, "continues no key");
	REFUSE("[profile a]\nroot = yes\n  [profile b]\n", 3, "'[profile b]'");
	REFUSE("[profile a]\nroot = yes\n  net = none\n", 3, "'net = none'");
	REFUSE("[profile a]\nroot = yes\r\n", 2, "0x0d");
	REFUSE("[profile a]\nroot = \x1fyes\n", 2, "0x1f");
	REFUSE("[profile a]\nroot = yes\x7f\n", 2, "0x7f");
	REFUSE("\xef\xbb\xbf[profile a]\n", 1, "byte order mark");
	REFUSE("[profile a]\nroot: yes\n", 2, "neither");
}

static void refuses_a_nul_byte(void)
{
	static const char text[] = "[profile a]\nroot = yes\0\nroot = no\n";
	struct policy *p = NULL;

	put_bytes("one.conf", text, sizeof(text) - 1);
	CHECK_EQ(policy_load_file(in_dir("one.conf"), false, &p, &e), -EINVAL);
	CHECK_CONTAINS(e.text, ":2: control character 0x00");
	CHECK(!p);
}

static void accepts_an_empty_file(void)
{
	struct policy *p = load("");

	CHECK_STR(e.text, "");
	CHECK(p && p->n_profiles == 0 && p->n_assigns == 0);
	policy_free(p);
}

static void refuses_files_that_are_none(void)
{
	struct policy *p = NULL;

	CHECK_EQ(policy_load_file(in_dir("missing.conf"), false, &p, &e), -ENOENT);
	CHECK_EQ(symlink("one.conf", in_dir("link.conf")), 0);
	CHECK_EQ(policy_load_file(in_dir("link.conf"), false, &p, &e), -ELOOP);
	CHECK_EQ(mkfifo(in_dir("fifo.conf"), 0600), 0);
	CHECK_EQ(policy_load_file(in_dir("fifo.conf"), false, &p, &e), -EINVAL); /* and returns */
	CHECK_EQ(policy_load_file(dir, false, &p, &e), -EINVAL);
	CHECK_EQ(truncate(in_dir("one.conf"), 1 << 20), 0);
	CHECK_EQ(policy_load_file(in_dir("one.conf"), false, &p, &e), -EFBIG);
	CHECK(!p);
}

/* A directory with carrel.conf and two drop-ins. */
static void make_etc(void)
{
	CHECK(mkdir(in_dir("etc"), 0755) == 0 || errno == EEXIST);
	CHECK(mkdir(in_dir("etc/conf.d"), 0755) == 0 || errno == EEXIST);
	put("etc/carrel.conf", "[profile shell]\n[assign]\nada = shell\n");
	put("etc/conf.d/20-b.conf", "[assign]\n* = extra\n");
	put("etc/conf.d/10-a.conf", "[profile extra]\ninherit = shell\n[assign]\nbob = extra\n");
	put("etc/conf.d/.hidden.conf", "rubbish");
	put("etc/conf.d/backup.conf~", "rubbish");
	put("etc/conf.d/.conf", "rubbish");
}

static void reads_drop_ins_in_byte_order(void)
{
	struct policy *p = NULL;
	char name[32];

	make_etc();
	e.text[0] = '\0';
	CHECK_EQ(policy_load(in_dir("etc"), false, &p, &e), 0);
	CHECK_STR(e.text, "");
	if (!p)
		return;
	CHECK_EQ(p->files.n, 3);
	CHECK_STR(p->files.v[1], in_dir("etc/conf.d/10-a.conf"));
	CHECK_EQ(p->n_assigns, 3);
	CHECK_STR(p->assigns[0].who, "ada");
	CHECK_STR(p->assigns[1].who, "bob");
	CHECK_STR(p->assigns[2].who, "*");
	CHECK_STR(p->assigns[2].origin.file, p->files.v[2]);
	policy_free(p);
	p = NULL;
	for (int i = 0; i < 26; i++) {
		(void)snprintf(name, sizeof(name), "etc/conf.d/x%c.conf", 'a' + i * 7 % 26);
		put(name, "");
	}
	CHECK_EQ(policy_load(in_dir("etc"), false, &p, &e), 0);
	for (int i = 0; p && i < 26; i++) {
		(void)snprintf(name, sizeof(name), "etc/conf.d/x%c.conf", 'a' + i);
		CHECK_STR(p->files.v[3 + i], in_dir(name));
		CHECK_EQ(unlink(in_dir(name)), 0);
	}
	policy_free(p);
}

static void one_bad_drop_in_spoils_all(void)
{
	struct policy *p = NULL;

	put("etc/conf.d/20-b.conf", "[profile shell]\n");
	CHECK_EQ(policy_load(in_dir("etc"), false, &p, &e), -EINVAL);
	CHECK_CONTAINS(e.text, "20-b.conf:1: profile 'shell' is already at ");
	CHECK_CONTAINS(e.text, "carrel.conf:1");
	CHECK(!p);
	make_etc();
	CHECK_EQ(mkdir(in_dir("etc/conf.d/30.conf"), 0755), 0);
	CHECK_EQ(policy_load(in_dir("etc"), false, &p, &e), -EINVAL);
	CHECK_CONTAINS(e.text, "30.conf: not a regular file");
	CHECK_EQ(rmdir(in_dir("etc/conf.d/30.conf")), 0);
	CHECK_EQ(unlink(in_dir("etc/carrel.conf")), 0);
	CHECK_EQ(policy_load(in_dir("etc"), false, &p, &e), -ENOENT);
	CHECK_EQ(policy_load(in_dir("nowhere"), false, &p, &e), -ENOENT);
	make_etc();
	CHECK_EQ(rename(in_dir("etc/conf.d"), in_dir("etc/real.d")), 0);
	CHECK_EQ(symlink("real.d", in_dir("etc/conf.d")), 0);
	CHECK(policy_load(in_dir("etc"), false, &p, &e) < 0);
	CHECK_CONTAINS(e.text, "etc/conf.d: ");
	CHECK_EQ(unlink(in_dir("etc/conf.d")), 0);
	CHECK_EQ(rename(in_dir("etc/real.d"), in_dir("etc/conf.d")), 0);
	CHECK(!p);
}

static void load_as(int source_line, const char *what, int expected)
{
	struct policy *p = NULL;
	int r = policy_load(in_dir("etc"), true, &p, &e);

	test_check_int(__FILE__, source_line, what, r, expected);
	policy_free(p);
}

static void refuses_files_others_may_write(void)
{
	static const char *const names[] = { "etc", "etc/conf.d", "etc/carrel.conf",
		"etc/conf.d/10-a.conf" };

	make_etc();
	if (getuid() != 0) {
		load_as(__LINE__, "a directory of ours is not root's", -EPERM);
		TEST_SKIP("giving files to root needs root");
	}
	for (size_t i = 0; i < 4; i++) {
		mode_t mode = i < 2 ? 0755 : 0644;

		load_as(__LINE__, "all as it should be", 0);
		CHECK_EQ(chmod(in_dir(names[i]), mode | 020), 0);
		load_as(__LINE__, names[i], -EPERM);
		CHECK_EQ(chmod(in_dir(names[i]), mode | 002), 0);
		load_as(__LINE__, names[i], -EPERM);
		CHECK_EQ(chmod(in_dir(names[i]), mode), 0);
		CHECK_EQ(chown(in_dir(names[i]), 1, 0), 0);
		load_as(__LINE__, names[i], -EPERM);
		CHECK_EQ(chown(in_dir(names[i]), 0, 0), 0);
	}
	load_as(__LINE__, "all as it was", 0);
}

static uint64_t changed(uint64_t before, int source_line)
{
	uint64_t now = policy_stamp(in_dir("etc"));

	test_check_int(__FILE__, source_line, "stamp differs", now != before, true);
	return now;
}

static void stamps_every_change(void)
{
	uint64_t stamp;

	make_etc();
	stamp = policy_stamp(in_dir("etc"));
	CHECK(stamp == policy_stamp(in_dir("etc")));
	put("etc/carrel.conf", "[profile other]\n");
	stamp = changed(stamp, __LINE__);
	put("etc/conf.d/20-b.conf", "");
	stamp = changed(stamp, __LINE__);
	put("etc/conf.d/30-c.conf", "");
	stamp = changed(stamp, __LINE__);
	CHECK_EQ(rename(in_dir("etc/conf.d/30-c.conf"), in_dir("etc/conf.d/05-c.conf")), 0);
	stamp = changed(stamp, __LINE__);
	CHECK_EQ(unlink(in_dir("etc/conf.d/05-c.conf")), 0);
	stamp = changed(stamp, __LINE__);
	CHECK_EQ(chmod(in_dir("etc/carrel.conf"), 0666), 0);
	stamp = changed(stamp, __LINE__);
	CHECK_EQ(chmod(in_dir("etc"), 0777), 0);
	stamp = changed(stamp, __LINE__);
	CHECK(stamp == policy_stamp(in_dir("etc")));
	CHECK_EQ(policy_stamp(in_dir("nowhere")), 0);
}

static void stamps_filters_and_nothing_else(void)
{
	char own[256], shipped[256];
	const char *dirs[] = { own, shipped };
	uint64_t stamp, before;

	(void)snprintf(own, sizeof(own), "%s", in_dir("own"));
	(void)snprintf(shipped, sizeof(shipped), "%s", in_dir("shipped"));
	CHECK_EQ(policy_filters_stamp(dirs, 2), 0);
	CHECK_EQ(mkdir(dirs[0], 0755), 0);
	CHECK_EQ(mkdir(dirs[1], 0755), 0);
	put("shipped/a.filter", "one");
	stamp = policy_filters_stamp(dirs, 2);
	put("shipped/a.filter~", "an editor's");
	CHECK(stamp == policy_filters_stamp(dirs, 2));
	before = stamp;
	put("shipped/a.filter", "another");
	stamp = policy_filters_stamp(dirs, 2);
	CHECK(stamp != before);
	/* In the directory that counts more, the same file is another filter. */
	CHECK_EQ(rename(in_dir("shipped/a.filter"), in_dir("own/a.filter")), 0);
	CHECK(stamp != policy_filters_stamp(dirs, 2));
}

/* Cuts and flips of a good text: whatever comes, there is a policy or a story, and never a crash.
 */
static void survives_damaged_text(void)
{
	static const char good[] =
		"[profile lab]\ninherit = base\nbind = /a -/b\n\t/c\n[profile base]\n"
		"memory-max = 4G\nrun = yes\nimages = a-[0-9]* ?\n\tb\nrun-profiles = lab\n"
		"\tbase\n[assign]\n@g = lab\nuid:1-9 = exempt\n* = base\n[assign cron]\n"
		"* = refuse\n[ids]\nuids = 1-9\n 11-19\n[groups]\nnegative = x\n";
	static const char dirt[] = "[]=:;#\n\t -@*\0\x1f\xff/9a";
	char text[sizeof(good)];
	unsigned state = 1;

	for (int round = 0; round < 3000; round++) {
		struct policy *p = NULL;
		size_t len = sizeof(good) - 1;

		memcpy(text, good, sizeof(good));
		for (int k = 0; k < 1 + round % 3; k++) {
			state = state * 1664525 + 1013904223;
			text[(state >> 8) % len] = dirt[(state >> 3) % (sizeof(dirt) - 1)];
		}
		if (round % 7 == 0)
			len = (state >> 8) % len;
		put_bytes("one.conf", text, len);
		e.text[0] = '\0';
		if (policy_load_file(in_dir("one.conf"), false, &p, &e) < 0)
			CHECK(!p && e.text[0]);
		else
			CHECK(p && !e.text[0]);
		policy_free(p);
	}
}

static void remove_all(void)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	CHECK_EQ(system(command), 0);
}

int main(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/carrel-policy.XXXXXX");
	(void)umask(022);
	if (!mkdtemp(dir))
		return 1;
	TEST(fills_in_the_defaults);
	TEST(reads_every_key);
	TEST(inherits_once_and_before_or_after);
	TEST(inherits_the_keys_of_launches);
	TEST(knows_the_line_of_every_key);
	TEST(keeps_assignments_in_order);
	TEST(refuses_words_it_does_not_know);
	TEST(refuses_what_is_said_twice);
	TEST(refuses_bad_values);
	TEST(refuses_bad_assignments);
	TEST(refuses_bad_ranges);
	TEST(refuses_what_the_library_would_change_quietly);
	TEST(refuses_a_nul_byte);
	TEST(accepts_an_empty_file);
	TEST(refuses_files_that_are_none);
	TEST(reads_drop_ins_in_byte_order);
	TEST(one_bad_drop_in_spoils_all);
	TEST(refuses_files_others_may_write);
	TEST(stamps_every_change);
	TEST(stamps_filters_and_nothing_else);
	TEST(survives_damaged_text);
	remove_all();
	return test_done();
}
