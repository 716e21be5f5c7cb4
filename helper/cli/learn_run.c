#include "helper/cli/learn_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "helper/learn/base.h"
#include "helper/learn/learnt.h"
#include "helper/learn/record.h"
#include "helper/learn/scan_ahead.h"
#include "helper/learn/supervise.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define WHO "carrel learn"

/* Lines of ours among those of the command, as long as it leaves the terminal as it was and is not alone on it. */
static void progress(void *data, unsigned seconds)
{
	static unsigned next = 2;
	const struct record *r = data;
	struct termios t;

	if (seconds < 2)
		next = 2; /* another run */
	if (seconds < next || !isatty(2) || tcgetpgrp(2) != getpgrp() || tcgetattr(2, &t) < 0 || !(t.c_lflag & ICANON))
		return;
	next = 2 * seconds;
	(void)fprintf(stderr, WHO ": %u s, %u calls besides the base, %zu programs and libraries\n", seconds,
		record_calls(r), record_objects(r)->n);
}

static int call(void *data, const struct listener *l, const struct seccomp_notif *n)
{
	(void)l;
	return record_call(data, n);
}

static void command_words(char *const *argv, char *ret, size_t size)
{
	size_t n = 0;

	ret[0] = '\0';
	for (char *const *a = argv; *a && n < size; a++)
		n += (size_t)snprintf(ret + n, size - n, "%s%s", a == argv ? "" : " ", *a);
}

static int run_once(char *const *argv, struct scan_ahead *ahead, struct learnt *l, struct supervised *ret, struct err *e)
{
	_cleanup_(record_cleanup) struct record *record = record_new(ahead);
	_cleanup_(learnt_cleanup) struct learnt heard = { 0 };
	_cleanup_free_ struct sock_filter *insns = calloc(BPF_MAXINSNS, sizeof(*insns));
	struct supervision s = { .who = WHO, .argv = argv, .call = call, .tick = progress, .data = record };
	char words[512];
	int r;

	if (!record || !insns)
		return err_set(e, ENOMEM, "out of memory");
	scan_ahead_wait(ahead); /* of the run before: no thread may hold a lock when a child is made */
	s.insns = insns;
	s.n_insns = base_program(insns);
	r = supervise(&s, ret, e);
	if (r < 0 || ret->exec_error)
		return r;
	if (ret->no_new_privs && record_objects(record)->set_user_id[0])
		(void)fprintf(stderr,
			WHO ": %s ran without the power of its set-user-ID bit: nobody under a listener gets it; as root it would\n",
			record_objects(record)->set_user_id);
	if (record_wants_listener(record))
		(void)fputs(WHO ": something wanted to be a listener itself, and got EBUSY: the kernel allows one\n", stderr);
	r = record_finish(record, &heard, e);
	if (r < 0)
		return r;
	command_words(argv, words, sizeof(words));
	if (learnt_word_add(&heard.commands, words) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return learnt_merge(l, &heard, e);
}

/* Reads standard input from the same place each time, where that can be. */
static void rewind_input(off_t start)
{
	if (start >= 0)
		(void)lseek(0, start, SEEK_SET);
}

int learn_run(char *const *argv, unsigned runs, struct scan_ahead *ahead, struct learnt *l, struct supervised *ret, struct err *e)
{
	off_t start = lseek(0, 0, SEEK_CUR);
	int r = 0;

	for (unsigned i = 0; i < runs && r == 0; i++) {
		rewind_input(start);
		r = run_once(argv, ahead, l, ret, e);
		if (r < 0 || ret->exec_error)
			return r;
	}
	rewind_input(start);
	return r;
}
