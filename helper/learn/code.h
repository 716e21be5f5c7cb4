#ifndef CARREL_LEARN_CODE_H
#define CARREL_LEARN_CODE_H

struct err;
struct learnt;
struct scan_ahead;

/* Adds what the code of all files that runs had mapped can do, and what of it could not be told. */
int code_read(struct learnt *l, struct scan_ahead *ahead, struct err *e);

#endif
