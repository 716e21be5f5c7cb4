/*
 * launch_tmpfs - the options of a tmpfs that a launch is to have at a place; nothing here touches the system.
 *
 * How much it holds is not its own: all that a container has in memory is one file system with the limits of the profile.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/launch_open.h"
#include "policy/base/err.h"
#include "policy/base/parse.h"

/* Said by tools, and so anyway, or without effect on a directory in memory. */
static const char *const harmless[] = { "", "nosuid", "nodev", "relatime", "norelatime", "noatime", "atime", "strictatime",
	"nodiratime", "diratime", "private", "rprivate", "slave", "rslave", "async" };

static bool begins(const char *word, const char *key, const char **ret_value)
{
	size_t n = strlen(key);

	if (strncmp(word, key, n) != 0)
		return false;
	*ret_value = word + n;
	return true;
}

static bool mode_take(const char *text, mode_t *ret)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (*text < '0' || *text > '7' || *end != '\0' || mode > 07777)
		return false;
	*ret = (mode_t)mode;
	return true;
}

static bool option_take(const char *word, struct launch_place *p)
{
	const char *value;
	size_t i;

	for (i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (strcmp(word, harmless[i]) == 0)
			return true;
	if (strcmp(word, "ro") == 0 || strcmp(word, "rw") == 0)
		p->writable = word[1] == 'w';
	else if (strcmp(word, "noexec") == 0 || strcmp(word, "exec") == 0)
		p->noexec = word[0] == 'n';
	else if (begins(word, "mode=", &value))
		return mode_take(value, &p->mode);
	else if (begins(word, "uid=", &value))
		return parse_u32(value, &p->uid) == 0;
	else if (begins(word, "gid=", &value))
		return parse_u32(value, &p->gid) == 0;
	else
		return begins(word, "size=", &value) || begins(word, "nr_inodes=", &value) || begins(word, "nr_blocks=", &value);
	return true;
}

int launch_tmpfs_take(const char *text, struct launch_place *ret, struct err *e)
{
	const char *options = NULL;
	char word[64];

	if (!begins(text, "tmpfs", &options) || (*options != '\0' && *options != ','))
		return err_set(e, EINVAL, "the request's binds are not well-formed");
	ret->kind = PLACE_TMPFS;
	ret->is_dir = ret->writable = true;
	ret->mode = 01777;
	ret->uid = ret->gid = 0;
	while (*options == ',') {
		size_t n = strcspn(++options, ",");

		(void)snprintf(word, sizeof(word), "%.*s", (int)n, options);
		if (n >= sizeof(word) || !option_take(word, ret))
			return err_set(e, EINVAL, "tmpfs at '%s': '%s' is no option that can be kept to", ret->at, word);
		options += n;
	}
	return 0;
}
