#include "policy/bpf_eval.h"

#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>

#include "helper/public/program.h"

struct machine {
	uint32_t a, x;
	uint32_t mem[BPF_MEMWORDS];
};

static bool alu(struct machine *m, uint16_t op, uint32_t k)
{
	switch (op) {
	case BPF_ADD:
		m->a += k;
		return true;
	case BPF_SUB:
		m->a -= k;
		return true;
	case BPF_MUL:
		m->a *= k;
		return true;
	case BPF_AND:
		m->a &= k;
		return true;
	case BPF_OR:
		m->a |= k;
		return true;
	case BPF_XOR:
		m->a ^= k;
		return true;
	case BPF_NEG:
		m->a = -m->a;
		return true;
	case BPF_DIV:
		m->a = k ? m->a / k : 0;
		return k != 0;
	case BPF_LSH:
		m->a = k < 32 ? m->a << k : 0;
		return k < 32;
	case BPF_RSH:
		m->a = k < 32 ? m->a >> k : 0;
		return k < 32;
	default:
		return false;
	}
}

static bool jump(const struct sock_filter *i, const struct machine *m, uint32_t *ret_skip)
{
	uint32_t k = BPF_SRC(i->code) == BPF_X ? m->x : i->k;
	bool yes;

	switch (BPF_OP(i->code)) {
	case BPF_JA:
		*ret_skip = i->k;
		return true;
	case BPF_JEQ:
		yes = m->a == k;
		break;
	case BPF_JGT:
		yes = m->a > k;
		break;
	case BPF_JGE:
		yes = m->a >= k;
		break;
	case BPF_JSET:
		yes = (m->a & k) != 0;
		break;
	default:
		return false;
	}
	*ret_skip = yes ? i->jt : i->jf;
	return true;
}

static bool load(const struct sock_filter *i, struct machine *m, const struct seccomp_data *data)
{
	switch (i->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		if (i->k % 4 || i->k > sizeof(*data) - 4)
			return false;
		memcpy(&m->a, (const char *)data + i->k, 4);
		return true;
	case BPF_LD | BPF_W | BPF_LEN:
		m->a = sizeof(*data);
		return true;
	case BPF_LD | BPF_IMM:
		m->a = i->k;
		return true;
	case BPF_LD | BPF_MEM:
		m->a = i->k < BPF_MEMWORDS ? m->mem[i->k] : 0;
		return i->k < BPF_MEMWORDS;
	case BPF_LDX | BPF_IMM:
		m->x = i->k;
		return true;
	case BPF_LDX | BPF_MEM:
		m->x = i->k < BPF_MEMWORDS ? m->mem[i->k] : 0;
		return i->k < BPF_MEMWORDS;
	default:
		return false;
	}
}

/* One instruction that neither jumps nor returns. */
static bool step(const struct sock_filter *i, struct machine *m, const struct seccomp_data *data)
{
	switch (BPF_CLASS(i->code)) {
	case BPF_LD:
	case BPF_LDX:
		return load(i, m, data);
	case BPF_ST:
	case BPF_STX:
		if (i->k >= BPF_MEMWORDS)
			return false;
		m->mem[i->k] = BPF_CLASS(i->code) == BPF_ST ? m->a : m->x;
		return true;
	case BPF_ALU:
		return alu(m, BPF_OP(i->code), BPF_SRC(i->code) == BPF_X ? m->x : i->k);
	case BPF_MISC:
		if (BPF_MISCOP(i->code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
		return true;
	default:
		return false;
	}
}

uint32_t bpf_eval(const struct sock_filter *insns, size_t n, const struct seccomp_data *data)
{
	struct machine m = { 0 };

	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *i = &insns[pc];
		uint32_t skip;

		if (BPF_CLASS(i->code) == BPF_RET)
			return BPF_RVAL(i->code) == BPF_A ? m.a : i->k;
		if (BPF_CLASS(i->code) == BPF_JMP) {
			if (!jump(i, &m, &skip) || skip >= n - pc - 1)
				return SECCOMP_RET_KILL_PROCESS;
			pc += skip;
		} else if (!step(i, &m, data)) {
			return SECCOMP_RET_KILL_PROCESS;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}

uint32_t bpf_eval_file(const void *file, const struct seccomp_data *data)
{
	const struct program_head *h = file;
	const struct sock_filter *insns = (const void *)(h + 1);
	uint32_t loud, quiet;

	loud = bpf_eval(insns, h->loud, data);
	quiet = bpf_eval(insns + h->loud, h->quiet, data);
	/* The kernel orders actions as signed numbers: kill is below errno is below allow. */
	if ((int32_t)(loud & SECCOMP_RET_ACTION_FULL) < (int32_t)(quiet & SECCOMP_RET_ACTION_FULL))
		return loud;
	return quiet;
}
