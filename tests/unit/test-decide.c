#include <errno.h>

#include "policy/policy.h"
#include "tests/lib/test.h"

static struct profile profiles[] = { { .name = "shell" }, { .name = "batch" } };

static struct assign assigns[] = {
	{ .who = "@wheel", .verdict = VERDICT_EXEMPT },
	{ .who = "*", .verdict = VERDICT_CONFINE, .profile = &profiles[1], .service = "cron" },
	{ .who = "ada", .verdict = VERDICT_CONFINE, .profile = &profiles[0] },
	{ .who = "uid:100-199", .verdict = VERDICT_EXEMPT },
	{ .who = "@down", .verdict = VERDICT_EXEMPT },
	{ .who = "mallory", .verdict = VERDICT_REFUSE },
	{ .who = "eve", .verdict = VERDICT_EXEMPT, .service = "cron" }, /* never reached */
	{ .who = "uid:300", .verdict = VERDICT_CONFINE, .profile = &profiles[1] },
	{ .who = "root-too", .verdict = VERDICT_REFUSE },
};

static const struct policy policy = {
	.assigns = assigns,
	.n_assigns = sizeof(assigns) / sizeof(assigns[0]),
};

static int asked;

/* data: the one group the person is in. The server that knows "down" does not answer for uid 250.
 */
static int in_group(const struct person *who, const char *group)
{
	asked++;
	if (strcmp(group, "down") == 0 && who->uid == 250)
		return -ETIMEDOUT;
	return who->data && strcmp(who->data, group) == 0;
}

static struct decision decide(const char *name, uid_t uid, const char *group, const char *service)
{
	struct person who = { .name = name, .uid = uid, .in_group = in_group, .data = group };

	asked = 0;
	return policy_decide(&policy, &who, service);
}

static void exempts_root_before_anything(void)
{
	struct decision d = decide("root-too", 0, NULL, "cron");

	CHECK_EQ(d.verdict, VERDICT_EXEMPT);
	CHECK(!d.rule && !d.profile);
	CHECK_EQ(asked, 0);
}

static void refuses_whom_no_rule_names(void)
{
	struct decision d = decide("nobody", 5000, NULL, "sshd");

	CHECK_EQ(d.verdict, VERDICT_REFUSE);
	CHECK(!d.rule && !d.profile);
	CHECK_EQ(d.unsure, 0);
}

static void takes_the_first_match(void)
{
	struct decision d = decide("ada", 1000, "wheel", "sshd");

	CHECK_EQ(d.verdict, VERDICT_EXEMPT);
	CHECK(d.rule == &assigns[0]);
	d = decide("ada", 150, NULL, "sshd");
	CHECK_EQ(d.verdict, VERDICT_CONFINE);
	CHECK(d.rule == &assigns[2] && d.profile == &profiles[0]);
	d = decide("mallory", 1001, NULL, "sshd");
	CHECK_EQ(d.verdict, VERDICT_REFUSE);
	CHECK(d.rule == &assigns[5]);
}

static void reads_the_service_first(void)
{
	struct decision d = decide("ada", 1000, "wheel", "cron");

	CHECK_EQ(d.verdict, VERDICT_CONFINE);
	CHECK(d.profile == &profiles[1]);
	CHECK_EQ(asked, 0);
	d = decide("ada", 1000, NULL, NULL);
	CHECK(d.rule == &assigns[2]);
	d = decide("ada", 1000, NULL, "Cron");
	CHECK(d.rule == &assigns[2]);
}

static void takes_uid_spans_with_both_ends(void)
{
	CHECK_EQ(decide("x", 99, NULL, NULL).verdict, VERDICT_REFUSE);
	CHECK_EQ(decide("x", 100, NULL, NULL).verdict, VERDICT_EXEMPT);
	CHECK_EQ(decide("x", 199, NULL, NULL).verdict, VERDICT_EXEMPT);
	CHECK_EQ(decide("x", 200, NULL, NULL).verdict, VERDICT_REFUSE);
	CHECK(decide("x", 300, NULL, NULL).rule == &assigns[7]);
}

static void refuses_when_a_group_cannot_be_asked_for(void)
{
	struct decision d = decide("mallory", 250, NULL, "sshd");

	CHECK_EQ(d.verdict, VERDICT_REFUSE);
	CHECK_EQ(d.unsure, -ETIMEDOUT);
	CHECK(d.rule == &assigns[4] && !d.profile);
	d = decide("ada", 250, NULL, "sshd"); /* decided before it matters */
	CHECK_EQ(d.verdict, VERDICT_CONFINE);
	CHECK_EQ(d.unsure, 0);
}

static void refuses_user_managers_of_the_confined(void)
{
	struct decision d = decide("ada", 1000, NULL, SERVICE_USER_MANAGER);

	CHECK_EQ(d.verdict, VERDICT_REFUSE);
	CHECK(d.rule == &assigns[2] && !d.profile);
	CHECK_EQ(decide("ada", 1000, "wheel", SERVICE_USER_MANAGER).verdict, VERDICT_EXEMPT);
}

int main(void)
{
	TEST(exempts_root_before_anything);
	TEST(refuses_whom_no_rule_names);
	TEST(takes_the_first_match);
	TEST(reads_the_service_first);
	TEST(takes_uid_spans_with_both_ends);
	TEST(refuses_when_a_group_cannot_be_asked_for);
	TEST(refuses_user_managers_of_the_confined);
	return test_done();
}
