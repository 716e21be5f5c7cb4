#ifndef CARREL_CLI_FILTER_DIFF_H
#define CARREL_CLI_FILTER_DIFF_H

#include <jansson.h>

/* Prints the object of `carrel filter diff --json` for people. */
void filter_diff_print(const json_t *diff);

#endif
