#ifndef CARREL_CLI_DENIALS_H
#define CARREL_CLI_DENIALS_H

/* The parts of `carrel denials`: what is gathered, what it comes to, and how it is shown. */

#include <stdbool.h>
#include <stdint.h>

#include "helper/cli/filter_find.h"
#include "helper/denials/people.h"
#include "helper/denials/source.h"
#include "helper/denials/table.h"
#include "policy/base/err.h"
#include "policy/syscalls.h"

struct denials_options {
	uint64_t since_us, until_us; /* 0: no bound */
	const char *from;	     /* a file instead of this machine's logs */
	const char *user;	     /* name or uid; NULL: everybody */
	bool all, json, suggest;
};

/* Records, who could have made them, and what is to be said of where they come from. */
struct gathered {
	struct denial_table table;
	struct people people;
	struct source_note notes[SOURCE_NOTES_MAX];
	size_t n_notes;
};

/* From the logs (root, or a file), or from carrel-helper (anybody else). */
int denials_gather(const struct denials_options *o, struct gathered *ret, struct err *e);
void gathered_done(struct gathered *g);

/* In a container of carrel's: root here is not the machine's. */
bool denials_inside(void);

/* The question to the helper, for what the caller himself did. */
int denials_ask(const struct denials_options *o, struct gathered *ret, struct err *e);

/* "2026-11-22 10:30", "10:30", "today", "yesterday", "@1795305131", "90s", "10m", "2h", "7d" (ago). -EINVAL. */
int denials_when(const char *word, uint64_t now_us, uint64_t *ret_us);

/* A line of a filter that decided, or may have. */
struct finding_line {
	char file[256];
	unsigned line;
	char *text, *reason; /* NULL: none */
};

/* How it is known which profile it was. */
enum joined { JOINED_NOT, JOINED_NOW /* as the configuration is now */, JOINED_LOG, JOINED_LIVE };
extern const char *const joined_names[];

#define FINDING_LINES_MAX 16

/* All records of one user, filter, program, call and outcome. */
struct finding {
	bool outside; /* of every session of ours */
	enum joined joined;
	uint32_t uid, auid;
	char user[256]; /* or the uid in digits */
	char profile[33]; /* empty: not known; likewise below */
	char filter[33];
	char service[64];
	const char *exe; /* the table's */
	char comm[64];
	uint32_t arch, code;
	int32_t number;
	char call[SYSCALL_NAME_MAX + 8]; /* a name, or the number; "/i386" or "/x32" where that is the ABI */
	uint64_t count, first_us, last_us;
	char verdict[128]; /* "refused with EPERM" */
	char doubt[160];   /* why no line is named, or that there are several; empty: none */
	struct finding_line lines[FINDING_LINES_MAX];
	size_t n_lines;
	bool by_rule; /* lines are rules about arguments, one of which decided */
};

struct findings {
	struct finding *v;
	size_t n;
};

/* Joins, judges and merges; the most frequent first. g must outlive *ret. */
int findings_make(const struct filter_finder *ff, const struct denials_options *o, struct gathered *g, struct findings *ret,
	struct err *e);
void findings_done(struct findings *f);

/* Shows them; nothing that a log holds reaches a terminal or a file unescaped. */
void findings_print(const struct findings *f, const struct gathered *g);
void findings_print_json(const struct findings *f, const struct gathered *g);
void findings_suggest(const struct filter_finder *ff, const struct findings *f);

#endif
