#ifndef CARREL_CLI_FILTER_IMPORT_TABLE_H
#define CARREL_CLI_FILTER_IMPORT_TABLE_H

/*
 * What a source says of every combination of one call's arguments, as a table: every argument's
 * values fall into cells that no condition tells apart.
 */
#include "helper/cli/filter_import.h"

#define CELLS_MAX 256

/* One argument that some condition looks at. */
struct axis {
	const struct syscall_arg *arg;
	struct match_set cells[CELLS_MAX];
	size_t n_cells;
};

struct table {
	const struct import_call *call;
	const char *where; /* of the first rule with conditions */
	struct axis axes[CALL_ARGS];
	size_t n_axes;
	size_t size;
	uint32_t *verdicts; /* one for each combination of cells */
	uint32_t best; /* the most permissive of them; rules say what falls short of it */
	struct reference reference; /* with rules of different actions that overlap */
	bool referred;
};

/* Of the rules of c, all of which have conditions. -EINVAL: the text names the rule. */
int table_build(const struct import_call *c, uint32_t arch, struct table **ret, struct err *e);
void table_free(struct table *t);

static inline void table_cleanup(struct table **t)
{
	table_free(*t);
}

/* Cell numbers of entry i, and arguments that lie in those cells. */
void table_entry(const struct table *t, size_t i, size_t cells[static CALL_ARGS],
	uint64_t args[static CALL_ARGS]);

/* What the source says of any arguments. -EBUSY as import_call_verdict(). */
int table_verdict(const struct table *t, const uint64_t args[static CALL_ARGS], uint32_t *ret);

#endif
