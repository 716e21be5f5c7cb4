#ifndef CARREL_LEARN_SCAN_AHEAD_H
#define CARREL_LEARN_SCAN_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

struct object;

/*
 * Reads files for a later scan_files() in a thread of its own, while the programs run that they are
 * of: it only saves time, and what fails here is done then.
 */
struct scan_ahead;

/* NULL, which the rest accepts: no memory. */
struct scan_ahead *scan_ahead_new(void);
void scan_ahead_free(struct scan_ahead *a);

/* One more file, by its full path. Returns at once. */
void scan_ahead_add(struct scan_ahead *a, const char *path);

/* Until all is read. Then there is no thread, as it must be where a process forks; the next file
 * starts another. */
void scan_ahead_wait(struct scan_ahead *a);

/* After waiting: hands over what was read of this file, if it is still the same one. */
bool scan_ahead_take(
	struct scan_ahead *a, const char *path, struct object *ret, uint32_t *ret_arch);

static inline void scan_ahead_cleanup(struct scan_ahead **a)
{
	scan_ahead_free(*a);
}

#endif
