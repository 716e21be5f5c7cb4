#ifndef CARREL_POLICY_BPF_EMIT_H
#define CARREL_POLICY_BPF_EMIT_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A BPF program written from its end to its beginning. All jumps of BPF go forward, so whatever an
 * instruction jumps to is there already, and its place is a fact and no guess: a label counts the
 * instructions from there to the end, and stays true whatever is put before it.
 */
struct bpf_emit {
	struct sock_filter *insns; /* `size` of them; the last `n` are written */
	size_t size, n;
	bool full; /* one did not fit: the program is worthless */
	struct {
		uint32_t value;
		size_t label; /* 0: none */
	} ret[4]; /* returns that are there, the newest first */
};

typedef size_t bpf_label;

/* Each returns the label of what it wrote. */
bpf_label bpf_ret(struct bpf_emit *e, uint32_t value);
bpf_label bpf_load(struct bpf_emit *e, uint32_t offset); /* then goes on with what was there */
bpf_label bpf_and(struct bpf_emit *e, uint32_t mask); /* the same */
/* op is BPF_JEQ, BPF_JGE, BPF_JGT or BPF_JSET; targets may be at any distance. */
bpf_label bpf_jump(struct bpf_emit *e, uint16_t op, uint32_t k, bpf_label yes, bpf_label no);

#endif
