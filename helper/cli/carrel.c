/*
 * carrel-cli - the command people type, but for `run` and `exec`, which carrel itself does
 * (helper/door/carrel.c) before it executes this. Every subcommand has a file of its own; this is the
 * table of them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "helper/cli/cli.h"
#include "policy/base/paths.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* NULL: done by the program that starts this one */
	const char *help; /* NULL: nobody types it */
} commands[] = {
	{ "check", cmd_check, "say what is wrong with the configuration" },
	{ "denials", cmd_denials, "say which calls were refused, to whom, and by which line" },
	{ "exec", NULL, "run one more command in a container" },
	{ "explain", cmd_explain, "say what a user's session would be, and which line decides it" },
	{ "filter", cmd_filter, "show, compare and try out filters, and say which line decides" },
	{ "image", cmd_image, "import, list, verify and remove images of containers" },
	{ "kill", cmd_kill, "end a container, or send its command a signal" },
	{ "learn", cmd_learn, "run a command and write the filter that it needs" },
	{ "list", cmd_list, "show the containers that run" },
	{ "pam", cmd_pam, "put pam_carrel.so into services, take it out, show where it is" },
	{ "root", cmd_root, "inside a session: become root of its container" },
	{ "run", NULL, "run a command in a new container" },
	{ "run-bundle", cmd_bundle, NULL },
	{ "trace", cmd_trace, "run a command under a filter and show what is refused" },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *f)
{
	(void)fputs("usage: carrel COMMAND [ARGUMENT...]\n"
		    "       carrel --help | --version\n\n",
		f);
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (commands[i].help)
			(void)fprintf(f, "  %-9s %s\n", commands[i].name, commands[i].help);
	(void)fputs("\n'carrel COMMAND --help' says more; carrel(1) says it all.\n", f);
}

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* A full disk must not look like success to whoever reads our output from a file. */
static int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	(void)fprintf(stderr, "carrel: standard output: %s\n", strerror(errno));
	return status ? status : 1;
}

int main(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2) {
		print_usage(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--version") == 0) {
		(void)puts("carrel " CARREL_VERSION);
		return finish(0);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return finish(0);
	}
	c = command_find(argv[1]);
	if (!c || !c->run) {
		(void)fprintf(stderr, "carrel: unknown %s '%s'; see 'carrel --help'\n",
			argv[1][0] == '-' ? "option" : "command", argv[1]);
		return 2;
	}
	return finish(c->run(argc - 1, argv + 1));
}
