#ifndef CARREL_CLI_FILTER_FOLD_H
#define CARREL_CLI_FILTER_FOLD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/syscalls.h"

/*
 * Numbers of a set as the fewest words: names of groups that lie in it whole, biggest first, then
 * the rest. An array, new.
 */
json_t *calls_fold(uint32_t arch, const bool set[static SYSCALLS_MAX]);

#endif
