#ifndef CARREL_CLI_CONFIG_H
#define CARREL_CLI_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "policy/policy.h"

struct err;
struct filter;

/* A configuration as the command line names it, and where its filters lie. */
struct config {
	struct policy *policy;
	char path[512];
	char own_filters[512]; /* beside the configuration */
	const char *filter_dirs[3]; /* that directory, for one file alone the installed one, the
				       shipped one */
	size_t n_filter_dirs;
	bool trusted; /* files must be root's: true for the installed one */
};

/*
 * path NULL: the installed configuration; a directory holds carrel.conf and conf.d; else one file
 * alone.
 */
int config_open(const char *path, struct config *ret, struct err *e);
void config_close(struct config *c);

/* The filter of a profile. */
int config_filter(const struct config *c, const struct profile *p, struct filter **ret, struct err *e);

/* A string for JSON, which knows UTF-8 only: other bytes become '?'. NULL stays null. */
json_t *json_text(const char *s);

/* "s" unless n is 1 */
const char *plural(size_t n);

/* code when f is a terminal that may have colours, else "". */
const char *colour(FILE *f, const char *code);
#define RED "\033[1;31m"
#define YELLOW "\033[1;33m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

#endif
