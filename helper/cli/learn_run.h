#ifndef CARREL_CLI_LEARN_RUN_H
#define CARREL_CLI_LEARN_RUN_H

struct err;
struct learnt;
struct supervised;

/* Runs the command that often, each time with the same input where that can be, and adds what it did; *ret is the last run. */
int learn_run(char *const *argv, unsigned runs, struct learnt *l, struct supervised *ret, struct err *e);

#endif
