#ifndef CARREL_LEARN_FAMILIES_H
#define CARREL_LEARN_FAMILIES_H

#include <stddef.h>

/*
 * Calls that are one thing in several versions, or of no use without each other: a libc of another year takes another
 * one of them. Rows of blank-separated names, ends with NULL. None is dangerous unless all are.
 */
const char *const *families(void);

#endif
