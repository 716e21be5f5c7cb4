#include "policy/subid.h"

#include <errno.h>
#include <unistd.h>

#include "policy/account.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/idrange.h"
#include "tests/lib/test.h"

/* A world in a directory of this test's own, and in the tables below. */
static char dir[64], paths[5][128];
static struct subid_world world;
static struct err e;

static const struct id_pool pool = {
	.first = 524288,
	.last = 1878982655,
	.uids = { { 1, 28663 } },
	.n_uids = 1,
};

static char ada_name[] = "ada", ldap_name[] = "zoe";
static const struct account ada = { .name = ada_name, .uid = 1000, .gid = 1000 };
static const struct account zoe = { .name = ldap_name, .uid = 70000, .gid = 70000 };

static struct {
	const char *owner;
	struct subid_span uids, gids; /* count 0: none */
} ranges[4];
static struct {
	uint32_t id;
	const char *name;
	bool gid;
} names[4];
static struct {
	uint32_t id;
	uid_t owner;
} owners[2];
static int asked; /* how often for a name */

static int world_ranges(const char *owner, bool gids, struct subid_span **ret)
{
	struct subid_span *found = calloc(4, sizeof(*found));
	int n = 0;

	for (size_t i = 0; i < 4 && ranges[i].owner; i++) {
		const struct subid_span *s = gids ? &ranges[i].gids : &ranges[i].uids;

		if (strcmp(ranges[i].owner, owner) == 0 && s->count)
			found[n++] = *s;
	}
	if (!n) {
		free(found);
		return -1;
	}
	*ret = found;
	return n;
}

static int world_owners(uint32_t id, bool gids, uid_t **ret)
{
	(void)gids;
	for (size_t i = 0; i < 2; i++)
		if (owners[i].id && owners[i].id == id) {
			*ret = malloc(sizeof(uid_t));
			**ret = owners[i].owner;
			return 1;
		}
	return -1;
}

static bool world_name_of(uint32_t id, bool gid, char name[static 64])
{
	asked++;
	for (size_t i = 0; i < 4; i++)
		if (names[i].name && names[i].id == id && names[i].gid == gid) {
			(void)snprintf(name, 64, "%s", names[i].name);
			return true;
		}
	return false;
}

static void put(const char *path, const char *text)
{
	_cleanup_file_ FILE *f = fopen(path, "w");

	CHECK(f && fputs(text, f) >= 0);
}

/* A quiet machine: ada and two more. */
static void begin(void)
{
	memset(ranges, 0, sizeof(ranges));
	memset(names, 0, sizeof(names));
	memset(owners, 0, sizeof(owners));
	put(world.passwd,
		"root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:\n");
	put(world.group, "root:x:0:\nada:x:1000:\nlab:x:5000:ada,bob\n");
	put(world.subuid, "");
	put(world.subgid, "");
	world.nsswitch = NULL;
	asked = 0;
	e.text[0] = '\0';
}

static struct id_ranges pooled(void)
{
	struct id_ranges r = { 0 };

	CHECK_EQ(subid_ranges_in(&world, &ada, &pool, &r, &e), 0);
	return r;
}

static struct id_ranges given(uint64_t start, uint64_t count)
{
	struct id_ranges r = { 0 };

	ranges[0].owner = "ada";
	ranges[0].uids = ranges[0].gids = (struct subid_span){ start, count };
	CHECK_EQ(subid_ranges_in(&world, &ada, &pool, &r, &e), 0);
	return r;
}

static int check(const struct id_ranges *r)
{
	return subid_check_in(&world, &ada, &pool, r, &e);
}

static void takes_the_pool_when_nobody_gave_a_range(void)
{
	struct id_ranges r;

	begin();
	r = pooled();
	CHECK_EQ(r.uids.start, 524288 + 999 * 65536);
	CHECK_EQ(r.uids.count, 65536);
	CHECK_EQ(r.gids.start, r.uids.start);
	CHECK_STR(r.source, "pool");
	CHECK_EQ(check(&r), 0);
	CHECK_STR(e.text, "");
}

static void prefers_the_largest_given_range(void)
{
	struct id_ranges r = { 0 };

	begin();
	ranges[0].owner = ranges[1].owner = ranges[2].owner = "ada";
	ranges[0].uids = ranges[0].gids = (struct subid_span){ 100000, 2000 };
	ranges[1].uids = ranges[1].gids = (struct subid_span){ 200000, 200000 };
	ranges[2].uids = (struct subid_span){ 300000, 1024 };
	CHECK_EQ(subid_ranges_in(&world, &ada, &pool, &r, &e), 0);
	CHECK_EQ(r.uids.start, 200000);
	CHECK_EQ(r.uids.count, ID_SLOT);
	CHECK_EQ(r.gids.start, 200000);
	CHECK_CONTAINS(r.source, world.subuid);
	CHECK_EQ(check(&r), 0);
}

static void takes_uids_and_gids_from_one_place(void)
{
	struct id_ranges r = { 0 };

	begin();
	ranges[0].owner = "ada";
	ranges[0].uids = (struct subid_span){ 100000, 65536 }; /* and no gids */
	CHECK_EQ(subid_ranges_in(&world, &ada, &pool, &r, &e), 0);
	CHECK_STR(r.source, "pool");
	ranges[0].gids = (struct subid_span){ 100000, 1023 }; /* too few */
	CHECK_EQ(subid_ranges_in(&world, &ada, &pool, &r, &e), 0);
	CHECK_STR(r.source, "pool");
	ranges[0].gids.count = 1024;
	CHECK_EQ(subid_ranges_in(&world, &ada, &pool, &r, &e), 0);
	CHECK_EQ(r.gids.count, 1024);
	CHECK_EQ(r.uids.count, 65536);
}

static void refuses_whom_nothing_covers(void)
{
	struct id_ranges r = { .uids = { 7, 7 } };

	begin();
	CHECK_EQ(subid_ranges_in(&world, &zoe, &pool, &r, &e), -ERANGE);
	CHECK_CONTAINS(e.text, "'zoe'");
	CHECK_CONTAINS(e.text, world.subuid);
	CHECK_CONTAINS(e.text, "'uids'");
	CHECK_EQ(r.uids.start, 7);
}

static void refuses_a_range_that_is_none(void)
{
	static const struct subid_span bad[] = { { 0, 65536 }, { 60000, 65536 },
		{ 4294967000, 1024 }, { 4294967296, 65536 }, { UINT64_MAX, UINT64_MAX },
		{ UINT64_MAX - 10, 65536 } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct id_ranges r = { .uids = { 7, 7 } };

		begin();
		ranges[0].owner = "ada";
		ranges[0].uids = ranges[0].gids = bad[i];
		CHECK_EQ(subid_ranges_in(&world, &ada, &pool, &r, &e), -EINVAL);
		CHECK_CONTAINS(e.text, "'ada'");
		CHECK_EQ(r.uids.start, 7);
	}
}

/* The range must be refused, and the text name ada and the other side. */
static void collide(int line, const struct id_ranges *r, const char *other)
{
	e.text[0] = '\0';
	test_check_int(__FILE__, line, "collides", check(r), -EEXIST);
	test_check_contains(__FILE__, line, "this side", e.text, "'ada'");
	test_check_contains(__FILE__, line, "the other side", e.text, other);
}

#define COLLIDES(r, other) collide(__LINE__, r, other)

static void refuses_a_line_of_another_owner(void)
{
	struct id_ranges r;

	begin();
	r = given(100000, 65536);
	put(world.subuid, "ada:100000:65536\nbob:165536:65536\n1000:100000:1\n");
	CHECK_EQ(check(&r), 0);
	put(world.subuid, "ada:100000:65536\nbob:165535:65536\n");
	COLLIDES(&r, "165535-231070 of 'bob'");
	put(world.subuid, "bob:99999:2");
	COLLIDES(&r, "'bob'");
	put(world.subuid, "bob:50000:18446744073709551615\n"); /* its end would wrap */
	COLLIDES(&r, "'bob'");
	put(world.subuid, "1001:120000:1\n");
	COLLIDES(&r, "'1001'");
	put(world.subuid, "");
	put(world.subgid, "bob:165535:1\n");
	COLLIDES(&r, "gid range");
	put(world.subgid,
		"# bob:165535:1\n:::\nbob:165535\nbob:165535:1:\nbob:x:1\nbob:165535:0\n\n");
	CHECK_EQ(check(&r), 0);
}

static void refuses_a_real_account_or_group(void)
{
	struct id_ranges r;

	begin();
	r = given(100000, 65536);
	put(world.passwd, "dan:x:99999:1::/:\neva:x:165536:1::/:");
	CHECK_EQ(check(&r), 0);
	put(world.passwd, "dan:x:100000:1::/:\n");
	COLLIDES(&r, "uid 100000 of 'dan'");
	put(world.passwd, "eva:x:165535:1::/:");
	COLLIDES(&r, "'eva'");
	put(world.passwd, "");
	put(world.group, "big:x:123456:a,b,c\n");
	COLLIDES(&r, "gid 123456 of 'big'");
	put(world.group, "");
	names[0].id = 100000;
	names[0].name = "from-ldap";
	COLLIDES(&r, "'from-ldap'");
	names[0].id = 165535;
	names[0].gid = true;
	COLLIDES(&r, "gid 165535 of 'from-ldap'");
}

static void refuses_what_systemd_gives_out(void)
{
	struct id_ranges r;

	begin();
	r = given(60100, 1024);
	COLLIDES(&r, "homed");
	r = given(62000, 1024);
	COLLIDES(&r, "DynamicUser");
	r = given(2147400000, 65536);
	COLLIDES(&r, "foreign");
}

static void refuses_a_slot_that_is_lived_in(void)
{
	struct id_ranges r;

	begin();
	r = given(524288 + 1000 * 65536, 65536); /* the slot of uid 1001 */
	CHECK_EQ(check(&r), 0); /* nobody has it */
	names[0].id = 1001;
	names[0].name = "bob";
	COLLIDES(&r, "slot of 'bob' (uid 1001)");
	ranges[1].owner = "bob";
	ranges[1].uids = ranges[1].gids = (struct subid_span){ 300000, 65536 };
	CHECK_EQ(check(&r), 0); /* he lives elsewhere */
	ranges[1].owner = NULL;
	r = given(
		524288 + 999 * 65536 + 65535, 2000); /* the last ID of ada's own slot, then bob's */
	COLLIDES(&r, "slot of 'bob'");
	r = given(524288 + 998 * 65536 + 1, 65536); /* nobody's, then ada's own */
	CHECK_EQ(check(&r), 0);
	names[0].id = 2;
	names[0].name = "bin";
	r = given(524288 + 65536, 65536); /* a system account's */
	CHECK_EQ(check(&r), 0);
}

static void refuses_a_slot_given_away_by_a_directory(void)
{
	struct id_ranges r;

	begin();
	r = pooled();
	owners[0].id = r.uids.start;
	owners[0].owner = 1000;
	CHECK_EQ(check(&r), 0); /* her own */
	owners[0].owner = 4242;
	COLLIDES(&r, "uid 4242");
	owners[0].id = r.uids.start + 65535;
	COLLIDES(&r, "uid 4242");
}

static void refuses_when_a_file_cannot_be_read(void)
{
	struct id_ranges r;

	begin();
	r = given(100000, 65536);
	CHECK_EQ(unlink(world.subuid), 0);
	CHECK_EQ(check(&r), 0); /* no such file, nobody in it */
	world.subuid = dir;
	CHECK_EQ(check(&r), -EIO);
	world.subuid = paths[0];
}

static void refuses_an_invalid_range(void)
{
	struct id_ranges r = { .uids = { 100000, 65536 }, .gids = { 0, 65536 } };

	begin();
	CHECK_EQ(check(&r), -EINVAL);
	r.gids = (struct id_range){ 100000, 0 };
	CHECK_EQ(check(&r), -EINVAL);
}

static void asks_nobody_who_knows_no_more_than_the_files(void)
{
	struct id_ranges r;

	begin();
	r = given(100000, 65536);
	names[0].id = 100000;
	names[0].name = "from-ldap";
	world.nsswitch = paths[4];
	put(world.nsswitch, "passwd: files sss\ngroup: files\n");
	COLLIDES(&r, "'from-ldap'");
	put(world.nsswitch, "passwd: files\ngroup: files\n");
	asked = 0;
	CHECK_EQ(check(&r), 0);
	CHECK_EQ(asked, 0);
}

/* ---- slots for launches ---- */

static struct id_range slot_of(uint32_t uid)
{
	return (struct id_range){ 524288 + (uid - 1) * ID_SLOT, ID_SLOT };
}

static int check_slot(uint32_t uid)
{
	struct id_range slot = slot_of(uid);

	e.text[0] = '\0';
	return subid_check_slot_in(&world, &pool, &slot, &e);
}

/* The slot of uid 20000 must be refused, and the text name it and the other side. */
static void slot_collide(int line, const char *other)
{
	test_check_int(__FILE__, line, "collides", check_slot(20000), -EEXIST);
	test_check_contains(__FILE__, line, "this side", e.text,
		"slot 1311178752-1311244287 of the pool meets ");
	test_check_contains(__FILE__, line, "the other side", e.text, other);
}

#define SLOT_COLLIDES(other) slot_collide(__LINE__, other)

static void refuses_the_slot_of_an_account(void)
{
	begin();
	CHECK_EQ(check_slot(20000), 0);
	CHECK_STR(e.text, "");
	CHECK_EQ(check_slot(1000), -EEXIST);
	CHECK_CONTAINS(e.text, "that of 'ada' (uid 1000) in");
	CHECK_CONTAINS(e.text, world.passwd);
	CHECK_EQ(check_slot(1002), 0);
	put(world.passwd, "ada:x:1000\nzed:x:20000:1::/:");
	SLOT_COLLIDES("that of 'zed' (uid 20000)");
	put(world.passwd, "");
	names[0].id = 20000;
	names[0].name = "from-ldap";
	SLOT_COLLIDES("that of 'from-ldap' (uid 20000)");
	names[0].gid = true; /* a group with that number owns no slot */
	CHECK_EQ(check_slot(20000), 0);
}

static void refuses_a_slot_that_accounts_lie_in(void)
{
	begin();
	put(world.passwd, "dan:x:1311178751:1::/:\neva:x:1311244288:1::/:");
	CHECK_EQ(check_slot(20000), 0);
	put(world.passwd, "dan:x:1311178752:1::/:\n");
	SLOT_COLLIDES("uid 1311178752 of 'dan'");
	put(world.passwd, "eva:x:1311244287:1::/:");
	SLOT_COLLIDES("uid 1311244287 of 'eva'");
	put(world.passwd, "eva:x:13112442879:1::/:\neva:x::\n:\n\neva:x:1311244287x:\nx\neva:x\n");
	CHECK_EQ(check_slot(20000), 0);
	put(world.group, "big:x:1311200000:a,b,c\n");
	SLOT_COLLIDES("gid 1311200000 of 'big'");
	put(world.group, "");
	names[0].id = 1311178752; /* as systemd names the ranges of its machines */
	names[0].name = "vu-web-0";
	SLOT_COLLIDES("'vu-web-0' (uid 1311178752)");
}

static void refuses_a_slot_that_is_given_away(void)
{
	begin();
	put(world.subuid, "bob:1311113216:65536\nbob:1311244288:65536\n# bob:1311178752:1\n");
	CHECK_EQ(check_slot(20000), 0);
	put(world.subuid, "bob:1311113216:65537\n");
	SLOT_COLLIDES("1311113216-1311178752 of 'bob'");
	put(world.subuid, "1000:1:18446744073709551615\n");
	SLOT_COLLIDES("of '1000'");
	put(world.subuid, "");
	put(world.subgid, "bob:1311244287:1");
	SLOT_COLLIDES(world.subgid);
	put(world.subgid, "bob:1311244287:1:\nbob:1311244287\nbob:1311244287:\nbob::1\n");
	CHECK_EQ(check_slot(20000), 0);
	owners[0].id = 1311244287;
	owners[0].owner = 4242;
	SLOT_COLLIDES("uid 4242");
	world.nsswitch = paths[4];
	put(world.nsswitch, "subid: sss\npasswd: files\n");
	SLOT_COLLIDES("uid 4242");
	put(world.nsswitch, "passwd: files\n"); /* libsubid has nothing but the file read before */
	CHECK_EQ(check_slot(20000), 0);
}

static void refuses_a_slot_that_systemd_gives_out(void)
{
	struct id_pool wide = { .first = 2147352576 - 65536, .last = 2147483647 };
	struct id_range slot = { wide.first, ID_SLOT };

	begin();
	CHECK_EQ(subid_check_slot_in(&world, &wide, &slot, &e), 0);
	slot.start += ID_SLOT;
	CHECK_EQ(subid_check_slot_in(&world, &wide, &slot, &e), -EEXIST);
	CHECK_CONTAINS(e.text, "foreign");
}

static void refuses_what_is_no_slot(void)
{
	struct id_range wrong[] = { { 524288 + 1, ID_SLOT }, { 524288, 1000 },
		{ 524288 - ID_SLOT, ID_SLOT }, { 1878982656, ID_SLOT }, { 0, ID_SLOT } };

	begin();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK_EQ(subid_check_slot_in(&world, &pool, &wrong[i], &e), -EINVAL);
	wrong[0].start = 1878982656 - ID_SLOT; /* the last, and nobody's: uid 28663 */
	CHECK_EQ(subid_check_slot_in(&world, &pool, &wrong[0], &e), 0);
}

static void asks_for_two_names_and_none_where_files_are_all(void)
{
	static const struct {
		const char *text;
		int asks;
	} cases[] = {
		{ "passwd: files\ngroup: files systemd\n", 0 },
		{ "  passwd:files # systemd\n", 0 },
		{ "passwd: files systemd\n", 2 },
		{ "passwd: compat\n", 2 },
		{ "passwd: files [NOTFOUND=return] sss\n", 2 },
		{ "passwd: files\npasswd: sss\n", 2 },
		{ "# passwd: files\n", 2 },
		{ "passwd_compat: files\npass: files\n", 2 },
		{ "", 2 },
	};

	begin();
	CHECK_EQ(check_slot(20000), 0);
	CHECK_EQ(asked, 2);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin();
		world.nsswitch = paths[4];
		put(world.nsswitch, cases[i].text);
		CHECK_EQ(check_slot(20000), 0);
		test_check_int(__FILE__, __LINE__, cases[i].text, asked, cases[i].asks);
	}
	begin();
	world.nsswitch = "/no/such/file";
	CHECK_EQ(check_slot(20000), 0);
	CHECK_EQ(asked, 2);
	begin(); /* slots that are not systemd's: the last uid may be of the next of its ranges */
	{
		struct id_pool odd = { .first = 524289, .last = 1878982655 };
		struct id_range slot = { 524289, ID_SLOT };

		CHECK_EQ(subid_check_slot_in(&world, &odd, &slot, &e), 0);
		CHECK_EQ(asked, 2); /* and no uid has it */
		names[0].id = 524289 + 65535;
		names[0].name = "vu-web-1";
		CHECK_EQ(subid_check_slot_in(&world, &odd, &slot, &e), -EEXIST);
	}
}

static void refuses_a_slot_when_a_file_cannot_be_read(void)
{
	begin();
	CHECK_EQ(unlink(world.passwd), 0);
	CHECK_EQ(check_slot(20000), 0); /* no such file, nobody in it */
	world.passwd = dir;
	CHECK_EQ(check_slot(20000), -EIO);
	CHECK_CONTAINS(e.text, dir);
	world.passwd = paths[2];
}

/* Whatever this machine says: an answer, and nothing on stderr that is not ours. */
static void an_account_owns_no_container(void)
{
	begin();
	CHECK_EQ(subid_owner_in(&world, &pool, 1000), 2147484648u);
	names[0].id = 2147484648u;
	names[0].name = "zoe";
	names[0].gid = true;
	CHECK_EQ(subid_owner_in(&world, &pool, 1000), 2147484648u);
	names[0].gid = false;
	CHECK_EQ(subid_owner_in(&world, &pool, 1000), 0);
	CHECK_EQ(subid_owner_in(&world, &pool, 1001), 2147484649u);
	/* Whoever's is root's anyway, nobody is asked about. */
	asked = 0;
	CHECK_EQ(subid_owner_in(&world, &pool, 0), 0);
	CHECK_EQ(asked, 0);
}

static void asks_this_machine(void)
{
	struct id_ranges r = { 0 };
	struct account nobody_here = { .name = (char[]){ "no-such-user-here" }, .uid = 1234 };

	CHECK_EQ(subid_ranges(&nobody_here, &pool, &r, &e), 0);
	CHECK_STR(r.source, "pool");
	CHECK_EQ(r.uids.start, 524288 + 1233 * 65536);
}

int main(void)
{
	static const char *const files[] = { "subuid", "subgid", "passwd", "group", "nsswitch" };

	(void)snprintf(dir, sizeof(dir), "/tmp/carrel-subid.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	for (size_t i = 0; i < 5; i++)
		(void)snprintf(paths[i], sizeof(paths[i]), "%s/%s", dir, files[i]);
	world = (struct subid_world){ paths[0], paths[1], paths[2], paths[3], world_ranges,
		world_owners, world_name_of, NULL };
	TEST(takes_the_pool_when_nobody_gave_a_range);
	TEST(prefers_the_largest_given_range);
	TEST(takes_uids_and_gids_from_one_place);
	TEST(refuses_whom_nothing_covers);
	TEST(refuses_a_range_that_is_none);
	TEST(refuses_a_line_of_another_owner);
	TEST(refuses_a_real_account_or_group);
	TEST(refuses_what_systemd_gives_out);
	TEST(refuses_a_slot_that_is_lived_in);
	TEST(refuses_a_slot_given_away_by_a_directory);
	TEST(refuses_when_a_file_cannot_be_read);
	TEST(refuses_an_invalid_range);
	TEST(asks_nobody_who_knows_no_more_than_the_files);
	TEST(refuses_the_slot_of_an_account);
	TEST(refuses_a_slot_that_accounts_lie_in);
	TEST(refuses_a_slot_that_is_given_away);
	TEST(refuses_a_slot_that_systemd_gives_out);
	TEST(refuses_what_is_no_slot);
	TEST(asks_for_two_names_and_none_where_files_are_all);
	TEST(refuses_a_slot_when_a_file_cannot_be_read);
	TEST(an_account_owns_no_container);
	TEST(asks_this_machine);
	for (size_t i = 0; i < 5; i++)
		(void)unlink(paths[i]);
	(void)rmdir(dir);
	return test_done();
}
