#ifndef CARREL_DENIALS_BLAME_H
#define CARREL_DENIALS_BLAME_H

#include <stddef.h>
#include <stdint.h>

struct arg_rule;
struct filter;
struct origin;
struct verdicts;

/* What of a filter made a record. */
enum blame_kind {
	BLAME_NOTHING, /* as the filter is now it makes no such record: another filter did, or it was changed since */
	BLAME_CALL,    /* the call itself; at: NULL when no line mentions it */
	BLAME_RULES,   /* one of rules[]: which one depends on arguments, which no record has */
	BLAME_ABI,     /* the filter lets no program of that ABI in */
};

#define BLAME_RULES_MAX 16
struct blame {
	enum blame_kind kind;
	int error; /* with which the call was refused; 0: it was not refused, or rules differ */
	const struct origin *at;
	const struct arg_rule *rules[BLAME_RULES_MAX]; /* those that can have this outcome */
	size_t n_rules;
};

/* v is filter_resolve()'s of f, which must outlive *ret; arch, call and code are the record's. */
void blame_find(const struct filter *f, const struct verdicts *v, uint32_t arch, int32_t call, uint32_t code, struct blame *ret);

#endif
