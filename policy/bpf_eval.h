#ifndef CARREL_POLICY_BPF_EVAL_H
#define CARREL_POLICY_BPF_EVAL_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

struct seccomp_data;

/*
 * What the kernel's seccomp makes of one program: a SECCOMP_RET_* value. A program that the kernel
 * would not load (unknown instruction, jump or load out of range, no return) gives
 * SECCOMP_RET_KILL_PROCESS.
 */
uint32_t bpf_eval(const struct sock_filter *insns, size_t n, const struct seccomp_data *data);

/*
 * Both programs of a valid program file, attached in its order: the most restrictive action wins,
 * the newer of equals.
 */
uint32_t bpf_eval_file(const void *file, const struct seccomp_data *data);

#endif
