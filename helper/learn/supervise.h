#ifndef CARREL_LEARN_SUPERVISE_H
#define CARREL_LEARN_SUPERVISE_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/learn/listener.h"

struct err;

/* What is to be run, and who is told of its calls. */
struct supervision {
	const char *who; /* "carrel learn", for messages */
	char *const *argv;
	const struct sock_filter *insns;
	size_t n_insns;
	bool silent; /* stdout and stderr that are no terminal go nowhere */
	bool no_new_privs; /* also for root, who can do without */

	/* One call, before it happens: returns 0 to let it, or the errno it gets. */
	int (*call)(void *data, const struct listener *l, const struct seccomp_notif *n);
	/* Now and then; seconds since the start. May be NULL. */
	void (*tick)(void *data, unsigned seconds);
	void *data;
};

struct supervised {
	bool began; /* the command was started; told on failure too, unlike the rest */
	int status; /* as a shell has it: 128 + signal for a death by signal */
	uint64_t microseconds; /* until the command itself ended */
	bool no_new_privs;
	bool left; /* somebody was tired of waiting for what the command left behind */
	int exec_error; /* the errno for which it was not executed; status is 126 or 127 then, as a shell has it */
};

/*
 * Runs the command as if it ran alone - its signals, its terminal, its job control - and answers its calls until the last of
 * its descendants is gone. Makes this process their reaper.
 */
int supervise(const struct supervision *s, struct supervised *ret, struct err *e);

/* Is this process under a filter already, whose refusals come before any listener below it? */
bool supervise_is_filtered(void);

#endif
