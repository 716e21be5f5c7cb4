#ifndef CARREL_CLI_FILTER_H
#define CARREL_CLI_FILTER_H

/*
 * The subcommands of `carrel filter`: argv[0] is the subcommand's name; returns the exit status (2:
 * wrong usage, or it could not be told). One file each.
 */
#include <stdbool.h>
#include <stdint.h>

int cmd_filter_list(int argc, char **argv);
int cmd_filter_show(int argc, char **argv);
int cmd_filter_diff(int argc, char **argv);
int cmd_filter_why(int argc, char **argv);
int cmd_filter_test(int argc, char **argv);
int cmd_filter_import(int argc, char **argv);
int cmd_filter_export(int argc, char **argv);

/* What the options say that several subcommands take. */
struct filter_options {
	const char *config; /* NULL: the installed one */
	const char *user, *service;
	uint32_t arch; /* AUDIT_ARCH_*; this machine's unless said */
	bool root, json;
	int first; /* index of the first word that is no option */
};

/*
 * Reads the options among argv that stand in `allowed`, by their first letters ("aj": --arch and
 * --json). 0; 1: --help was answered; -EINVAL: wrong usage, and standard error says so.
 */
int filter_options_read(int argc, char **argv, const char *allowed, struct filter_options *ret);

/* One line on standard error, "carrel filter WHAT: ..."; returns 2. */
int filter_fail(const char *what, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
