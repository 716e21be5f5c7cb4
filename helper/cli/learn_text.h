#ifndef CARREL_CLI_LEARN_TEXT_H
#define CARREL_CLI_LEARN_TEXT_H

struct err;
struct filter;
struct filter_finder;
struct learnt;
struct strv;

/* A filter's text, malloc'ed; notes become comments in it. -EFBIG: no filter file may be so long. */
int learn_text_make(const struct learnt *l, const struct strv *notes, char **ret, struct err *e);

/* In one step, so that nobody reads half a filter. */
int learn_text_store(const char *path, const char *text, struct err *e);

/* The text as whoever uses it would read it. */
int learn_text_load(const struct filter_finder *ff, const char *text, struct filter **ret, struct err *e);

/* Adds what an earlier output knows. */
int learn_merge_file(const char *path, struct learnt *l, struct err *e);

#endif
