#ifndef CARREL_CLI_LEARN_REPORT_H
#define CARREL_CLI_LEARN_REPORT_H

#include "helper/learn/learnt.h"
#include "helper/learn/proof.h"
#include "helper/learn/rate.h"

/* What came of learning, for whoever asked. */
struct learn_report {
	const struct learnt *learnt;
	const char *text; /* of the filter */
	const char *file; /* NULL: standard output */
	const struct rating *rating; /* NULL: not rated, for this reason */
	const char *not_rated;
	const struct proof *proof; /* NULL: none */
	const char *proof_failed; /* why the proof could not be made; NULL */
	uint64_t microseconds; /* that the last run took */
	int status; /* of the last run; the proof's should be the same */
};

/* Nothing was refused, and the command ended as it did before. */
bool learn_proved(const struct learn_report *r);

/* A few lines on standard error. */
void learn_report_print(const struct learn_report *r);
/* One object on standard output. */
void learn_report_json(const struct learn_report *r);

#endif
