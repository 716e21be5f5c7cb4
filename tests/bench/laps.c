/*
 * laps - when each function of helper/launch.c and below began and ended, in a carrel-helper that is made for that.
 *
 * Of a launch's child: the compiler calls these two at every function's beginning and end (-finstrument-functions), and what
 * they note is appended to /run/carrel/laps, if that is there, when the outermost function returns: "DEPTH OFFSET FROM TOOK", in
 * nanoseconds, OFFSET from launch_child() as nm(1) has it. launches.py makes names and sums of it.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "helper/worker.h"

#define LAPS_MAX 4096
#define STACK_MAX (1 << 20)
#define NOT_TIMED __attribute__((no_instrument_function))

void __cyg_profile_func_enter(void *function, void *caller) NOT_TIMED;
void __cyg_profile_func_exit(void *function, void *caller) NOT_TIMED;

static struct lap {
	intptr_t function;
	uint64_t from, to;
	int depth;
} laps[LAPS_MAX];
static int n_laps, depth, stack[64], out = -1;
static uintptr_t base; /* of the stack of whom is timed: pid 1 of the container has another, in the same memory */

static NOT_TIMED uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static NOT_TIMED void laps_write(void)
{
	static char text[LAPS_MAX * 64];
	size_t at = 0;
	int i;

	for (i = 0; i < n_laps && at + 128 < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%d %ld %llu %llu\n", laps[i].depth,
			(long)(laps[i].function - (intptr_t)launch_child), (unsigned long long)(laps[i].from - laps[0].from),
			(unsigned long long)(laps[i].to - laps[i].from));
	(void)!write(out, text, at);
}

static NOT_TIMED bool is_timed(uintptr_t frame)
{
	return out >= 0 && frame <= base && base - frame < STACK_MAX;
}

void __cyg_profile_func_enter(void *function, void *caller)
{
	const uintptr_t frame = (uintptr_t)__builtin_frame_address(0);

	(void)caller;
	/* Now, as the child will not stay in this mount namespace. Only what launch_child() calls is noted. */
	if (function == (void *)launch_child) {
		out = open("/run/carrel/laps", O_WRONLY | O_APPEND | O_CLOEXEC);
		base = frame;
	}
	if (!is_timed(frame))
		return;
	if (depth < 64 && n_laps < LAPS_MAX) {
		stack[depth] = n_laps;
		laps[n_laps++] = (struct lap){ (intptr_t)function, now_ns(), 0, depth };
	}
	depth++;
}

void __cyg_profile_func_exit(void *function, void *caller)
{
	(void)function;
	(void)caller;
	if (!is_timed((uintptr_t)__builtin_frame_address(0)))
		return;
	depth--;
	if (depth < 64 && stack[depth] < n_laps)
		laps[stack[depth]].to = now_ns();
	if (depth == 0)
		laps_write();
}
