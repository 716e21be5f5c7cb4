#include "helper/door/identity.h"

#include <string.h>

#include "helper/door/names.h"

/* What fits into an event; a longer name is cut. */
static bool refuse(const char *what, const char *name, const char **ret_why)
{
	static char why[sizeof(((struct enter_event *)0)->text)];
	static const char tail[] = "' in there";
	size_t room = sizeof(why) - sizeof(tail), at = strlen(what), n = strlen(name);

	if (n > room - at)
		n = room - at;
	memcpy(why, what, at);
	memcpy(why + at, name, n);
	memcpy(why + at + n, tail, sizeof(tail));
	*ret_why = why;
	return false;
}

static bool group_find(const char *word, gid_t *ret, const char **ret_why)
{
	if (id_parse(word, ret) == 0 || (*word != '\0' && group_by_name(word, ret) == 0))
		return true;
	return refuse("no group '", word, ret_why);
}

bool identity_take(struct command *c, const char *words, const char **ret_why)
{
	static struct user u;
	const char *colon = strchr(words, ':');
	size_t n = colon ? (size_t)(colon - words) : strlen(words);
	char name[sizeof(u.name)];
	uid_t uid;
	gid_t gid;
	int r;

	if (n >= sizeof(name))
		return refuse("no user '", words, ret_why);
	memcpy(name, words, n);
	name[n] = '\0';

	r = id_parse(name, &uid);
	if (r == 0 && user_by_uid(uid, &u) < 0)
		u = (struct user){ .uid = uid };
	else if (r < 0 && (n == 0 || user_by_name(name, &u) < 0))
		return refuse("no user '", name, ret_why);

	gid = u.gid;
	if (colon && !group_find(colon + 1, &gid, ret_why))
		return false;
	c->uid = u.uid;
	c->gid = gid;
	c->groups[0] = gid;
	c->n_groups = colon || u.name[0] == '\0' ?
		1 : groups_of(u.name, gid, c->groups, COMMAND_GROUPS_MAX);
	return true;
}
