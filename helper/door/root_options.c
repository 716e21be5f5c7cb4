#include "helper/door/root_options.h"

#include <stddef.h>
#include <string.h>

enum action {
	DO_NOTHING, /* passwords, prompts and time stamps: there are none here */
	DO_NOTHING_WITH_VALUE,
	DO_KEEP_ENVIRONMENT,
	DO_SET_HOME,
	DO_LOGIN,
	DO_SHELL,
	DO_VALIDATE,
	DO_FORGET, /* alone it is all there is to do */
	DO_HELP,
	DO_USER, /* from here on: with a value */
	DO_GROUP,
	DO_DIRECTORY,
};

static const struct option {
	char letter;
	const char *name;
	enum action action;
} options[] = {
	{ 'A', "askpass", DO_NOTHING },
	{ 'B', "bell", DO_NOTHING },
	{ 'C', "close-from", DO_NOTHING_WITH_VALUE },
	{ 'D', "chdir", DO_DIRECTORY },
	{ 'E', "preserve-env", DO_KEEP_ENVIRONMENT },
	{ 'g', "group", DO_GROUP },
	{ 'H', "set-home", DO_SET_HOME },
	{ 'h', "help", DO_HELP },
	{ 'i', "login", DO_LOGIN },
	{ 'K', "remove-timestamp", DO_FORGET },
	{ 'k', "reset-timestamp", DO_FORGET },
	{ 'n', "non-interactive", DO_NOTHING },
	{ 'P', "preserve-groups", DO_NOTHING },
	{ 'p', "prompt", DO_NOTHING_WITH_VALUE },
	{ 'S', "stdin", DO_NOTHING },
	{ 's', "shell", DO_SHELL },
	{ 'u', "user", DO_USER },
	{ 'v', "validate", DO_VALIDATE },
};

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

static bool has_value(const struct option *o)
{
	return o->action >= DO_USER || o->action == DO_NOTHING_WITH_VALUE;
}

static void apply(
	const struct option *o, const char *value, struct root_options *ret, bool *forgets)
{
	switch (o->action) {
	case DO_KEEP_ENVIRONMENT:
		if (value)
			ret->keep_names = value;
		else
			ret->keep_environment = true;
		break;
	case DO_SET_HOME:
		ret->set_home = true;
		break;
	case DO_LOGIN:
		ret->login = true;
		break;
	case DO_SHELL:
		ret->shell = true;
		break;
	case DO_VALIDATE:
		ret->only_validates = true;
		break;
	case DO_FORGET:
		*forgets = true;
		break;
	case DO_HELP:
		ret->help = true;
		break;
	case DO_USER:
		ret->user = value;
		break;
	case DO_GROUP:
		ret->group = value;
		break;
	case DO_DIRECTORY:
		ret->directory = value;
		break;
	case DO_NOTHING:
	case DO_NOTHING_WITH_VALUE:
		break;
	}
}

static const struct option *option_by_letter(char letter)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (options[i].letter == letter)
			return &options[i];
	return NULL;
}

static const struct option *option_by_name(const char *name, size_t n)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (strlen(options[i].name) == n && strncmp(options[i].name, name, n) == 0)
			return &options[i];
	return NULL;
}

/*
 * -nEu NAME, -uNAME; *argv moves on when the value is the next argument. NULL: all right, else what
 * is wrong.
 */
static const char *letters_parse(char ***argv, struct root_options *ret, bool *forgets)
{
	for (const char *c = **argv + 1; *c != '\0'; c++) {
		const struct option *o = option_by_letter(*c);

		if (!o)
			return "unknown option";
		if (!has_value(o)) {
			apply(o, NULL, ret, forgets);
			continue;
		}
		if (c[1] == '\0' && !(*argv)[1])
			return "value missing after option";
		apply(o, c[1] != '\0' ? c + 1 : *++*argv, ret, forgets);
		return NULL;
	}
	return NULL;
}

static const char *name_parse(char ***argv, struct root_options *ret, bool *forgets)
{
	const char *name = **argv + 2, *equals = strchr(name, '=');
	const struct option *o =
		option_by_name(name, equals ? (size_t)(equals - name) : strlen(name));

	if (!o)
		return "unknown option";
	if (equals && !has_value(o) && o->action != DO_KEEP_ENVIRONMENT)
		return "option takes no value";
	if (!equals && has_value(o) && !(*argv)[1])
		return "value missing after option";
	apply(o, equals ? equals + 1 : has_value(o) ? *++*argv : NULL, ret, forgets);
	return NULL;
}

bool is_assignment(const char *text)
{
	const char *c = text;

	while ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_' ||
		(c > text && *c >= '0' && *c <= '9'))
		c++;
	return c > text && *c == '=';
}

bool root_options_parse(
	char **argv, struct root_options *ret, const char **ret_why, const char **ret_bad)
{
	bool forgets = false;

	for (; *argv && **argv == '-'; argv++) {
		*ret_bad = *argv;
		if (strcmp(*argv, "--") == 0) {
			argv++;
			break;
		}
		if (strncmp(*argv, "--", 2) == 0)
			*ret_why = name_parse(&argv, ret, &forgets);
		else
			*ret_why =
				(*argv)[1] ? letters_parse(&argv, ret, &forgets) : "unknown option";
		if (*ret_why)
			return false;
	}

	ret->assignments = argv;
	while (*argv && is_assignment(*argv))
		argv++;
	ret->command = argv;
	if (forgets && !*ret->command && !ret->shell && !ret->login)
		ret->only_validates = true;
	return true;
}
