#ifndef CARREL_CLI_LEARN_RUN_H
#define CARREL_CLI_LEARN_RUN_H

struct err;
struct learnt;
struct scan_ahead;
struct supervised;

/*
 * Runs the command that often, each time with the same input where that can be, and adds what it did; *ret is the last
 * run. The files that are mapped meanwhile are given to ahead, to be read while it runs.
 */
int learn_run(char *const *argv, unsigned runs, struct scan_ahead *ahead, struct learnt *l, struct supervised *ret, struct err *e);

#endif
