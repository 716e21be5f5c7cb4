#include "helper/learn/proof.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>

#include "helper/learn/decode.h"
#include "helper/learn/refusals.h"

struct hearing {
	struct refusals refusals;
	struct tally *refused;
};

static int call(void *data, const struct listener *l, const struct seccomp_notif *n)
{
	struct hearing *h = data;
	uint32_t verdict = refusals_verdict(&h->refusals, &n->data, NULL);
	char name[64], program[PROGRAM_NAME_MAX], text[sizeof(name) + sizeof(program) + 8];

	(void)l;
	if (verdict != (SECCOMP_RET_ERRNO | ENOSYS)) {
		decode_name(&n->data, name);
		program_name((int)n->pid, program);
		(void)snprintf(text, sizeof(text), "%s by %s", name, program);
		tally_add(h->refused, text);
	}
	return refusals_do(verdict, n);
}

int proof_run(const struct filter *f, const char *who, char *const *argv, struct proof *ret, struct err *e)
{
	struct proof p = { .refused = { 0 } };
	struct hearing h = { .refused = &p.refused };
	struct supervision s = { .who = who, .argv = argv, .silent = true, .call = call, .data = &h };
	int r;

	r = refusals_make(f, &h.refusals, e);
	if (r < 0)
		return r;
	s.insns = h.refusals.insns;
	s.n_insns = h.refusals.n_insns;
	r = supervise(&s, &p.run, e);
	refusals_done(&h.refusals);
	if (r < 0) {
		proof_done(&p);
		return r;
	}
	tally_sort(&p.refused);
	*ret = p;
	return 0;
}

void proof_done(struct proof *p)
{
	tally_done(&p->refused);
}
