#ifndef CARREL_CLI_FILTER_EXPORT_H
#define CARREL_CLI_FILTER_EXPORT_H

/* A filter of ours in the words of others. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/filter_rules.h"

struct err;

/* What 'carrel filter --help' says of it. */
#define EXPORT_SYNOPSIS                                                                            \
	"export [--format oci|docker|systemd] [--root yes|no] [--arch ARCH]\n"                     \
	"                            [--config PATH] NAME"
#define EXPORT_OPTIONS "  --format FORM      oci (without it), docker or systemd\n"

/*
 * Calls with these arguments, (argument & mask) == value each, and what becomes of them: a verdict
 * SECCOMP_RET_*. The regions of one call never overlap and leave nothing out.
 */
#define REGION_ARGS 6
struct region {
	struct match args[REGION_ARGS];
	uint32_t verdict;
	bool settled; /* while they are being cut: no further rule changes it */
};

struct regions {
	struct region *v;
	size_t n;
};

/* -E2BIG: more than anybody could want in a profile. */
int regions_cut(
	const struct filter *f, const struct verdict_table *t, int number, struct regions *ret);
void regions_done(struct regions *r);

enum export_form { EXPORT_OCI, EXPORT_DOCKER, EXPORT_SYSTEMD };

/* What was not said is told on `report`, a line each. */
int export_json(const struct filter *f, const struct verdicts *v, enum export_form form, FILE *out,
	FILE *report, struct err *e);
int export_systemd(
	const struct filter *f, const struct verdicts *v, FILE *out, FILE *report, struct err *e);

#endif
