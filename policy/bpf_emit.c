#include "policy/bpf_emit.h"

#include <string.h>

#define REACH 255 /* jt and jf are bytes */

static bpf_label put(struct bpf_emit *e, struct sock_filter insn)
{
	if (e->n == e->size) {
		e->full = true;
		return e->n;
	}
	e->n++;
	e->insns[e->size - e->n] = insn;
	return e->n;
}

/* One that is near is as good as a new one. */
bpf_label bpf_ret(struct bpf_emit *e, uint32_t value)
{
	size_t n = sizeof(e->ret) / sizeof(*e->ret), i = 0;

	while (i < n - 1 && (e->ret[i].value != value || e->ret[i].label == 0))
		i++;
	if (e->ret[i].value == value && e->ret[i].label && e->n - e->ret[i].label < REACH - 32)
		return e->ret[i].label;
	memmove(&e->ret[1], &e->ret[0], i * sizeof(*e->ret));
	e->ret[0].value = value;
	e->ret[0].label = put(e, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value));
	return e->ret[0].label;
}

bpf_label bpf_load(struct bpf_emit *e, uint32_t offset)
{
	return put(e, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

bpf_label bpf_and(struct bpf_emit *e, uint32_t mask)
{
	return put(e, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
}

/* Behind a jump that does not reach; nothing falls into it, as every jump here names both its
 * targets. */
static bpf_label bridge(struct bpf_emit *e, bpf_label to)
{
	return put(e, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(e->n - to)));
}

bpf_label bpf_jump(struct bpf_emit *e, uint16_t op, uint32_t k, bpf_label yes, bpf_label no)
{
	/* One less for the bridge of the other. */
	if (e->n - yes > REACH - 1)
		yes = bridge(e, yes);
	if (e->n - no > REACH)
		no = bridge(e, no);
	return put(e, (struct sock_filter)BPF_JUMP((uint16_t)(BPF_JMP | op | BPF_K), k,
			      (uint8_t)(e->n - yes), (uint8_t)(e->n - no)));
}
