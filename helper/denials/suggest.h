#ifndef CARREL_DENIALS_SUGGEST_H
#define CARREL_DENIALS_SUGGEST_H

/* What it would mean to let a session have a call. */
enum call_risk {
	RISK_MACHINE, /* it acts on the whole machine: no session gets it */
	RISK_WARN,    /* more than most programs need */
	RISK_USUAL,
};

/* *ret_why: what the call does, for the first two. */
enum call_risk call_risk(const char *call, const char **ret_why);

#endif
