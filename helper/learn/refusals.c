#include "helper/learn/refusals.h"

#include <errno.h>
#include <linux/filter.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper/public/program.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/filter.h"

#define RETURNS(i) ((i)->code == (BPF_RET | BPF_K))
#define ACTION(i) ((i)->k & SECCOMP_RET_ACTION_FULL)

/*
 * Both programs as one, as one chain has one listener only: where the loud one allows, the quiet one begins. Refusals
 * become questions; what is allowed stays so without anybody being asked.
 */
static void join(struct sock_filter *insns, size_t n_loud, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!RETURNS(&insns[i]))
			continue;
		if (ACTION(&insns[i]) == SECCOMP_RET_ALLOW && i < n_loud)
			insns[i] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(n_loud - i - 1));
		else if (ACTION(&insns[i]) != SECCOMP_RET_ALLOW && ACTION(&insns[i]) != SECCOMP_RET_LOG)
			insns[i].k = SECCOMP_RET_USER_NOTIF;
	}
}

int refusals_make(const struct filter *f, struct refusals *ret, struct err *e)
{
	struct refusals made = { .filter = f };
	_cleanup_free_ char *file = NULL;
	const struct program_head *h;
	void *compiled;
	size_t len;
	int r;

	r = filter_compile(f, 0, &compiled, &len, e);
	if (r < 0)
		return r;
	file = compiled;
	h = compiled;
	made.n_insns = (size_t)h->loud + h->quiet;
	if (made.n_insns > PROGRAM_INSNS)
		return err_set(e, E2BIG, "filter '%s': its two programs are too long to be one", f->name);
	made.insns = malloc(made.n_insns * sizeof(*made.insns));
	made.verdicts = malloc(sizeof(*made.verdicts));
	if (!made.insns || !made.verdicts) {
		refusals_done(&made);
		return err_set(e, ENOMEM, "out of memory");
	}
	memcpy(made.insns, file + sizeof(*h), made.n_insns * sizeof(*made.insns));
	join(made.insns, h->loud, made.n_insns);
	filter_resolve(f, 0, made.verdicts);
	*ret = made;
	return 0;
}

void refusals_done(struct refusals *r)
{
	free(r->insns);
	free(r->verdicts);
	*r = (struct refusals){ 0 };
}

uint32_t refusals_verdict(const struct refusals *r, const struct seccomp_data *d, const struct origin **ret_at)
{
	return filter_verdict(r->filter, r->verdicts, d, ret_at);
}

/* Would this thread survive SIGSYS, which the kernel's own sentence cannot be? */
static bool survives_sigsys(pid_t pid)
{
	unsigned long long blocked = 0, ignored = 0, caught = 0;
	_cleanup_file_ FILE *f = NULL;
	char path[40], line[256];

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		(void)sscanf(line, "SigBlk: %llx", &blocked);
		(void)sscanf(line, "SigIgn: %llx", &ignored);
		(void)sscanf(line, "SigCgt: %llx", &caught);
	}
	return ((blocked | ignored | caught) >> (SIGSYS - 1)) & 1;
}

int refusals_do(uint32_t verdict, const struct seccomp_notif *n)
{
	pid_t pid = (pid_t)n->pid;

	switch (verdict & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
		return 0;
	case SECCOMP_RET_ERRNO:
		return (int)(verdict & SECCOMP_RET_DATA);
	default:
		/* Pending before the call returns, so that nothing is executed after it. */
		(void)syscall(SYS_tkill, pid, survives_sigsys(pid) ? SIGKILL : SIGSYS);
		return EPERM;
	}
}
