#ifndef CARREL_LEARN_LEARNT_TEXT_H
#define CARREL_LEARN_LEARNT_TEXT_H

#include <stdio.h>

struct learnt;

/* The comments by which learnt_write() and learnt_read() understand each other. */
#define TEXT_VERSION "; learnt 1"
#define TEXT_RUNS "; runs "
#define TEXT_COMMAND "; command "
#define TEXT_FILE "; file "
#define TEXT_UNRESOLVED "; unresolved "
#define TEXT_VALUES "; values of "
#define TEXT_BASE "; base: "
#define TEXT_SEEN "; seen "
#define TEXT_STATIC "; static:"
#define TEXT_WAITS "; waits, static:"
#define TEXT_FAMILY "; family of "
#define TEXT_ABSENT "; not seen"
#define TEXT_MORE ", and more"

/* The lines of [args] alone. */
void learnt_write_args(const struct learnt *l, FILE *f);

#endif
