#ifndef CARREL_LEARN_SCAN_ELF_H
#define CARREL_LEARN_SCAN_ELF_H

#include <stdint.h>

struct err;
struct object;

/*
 * Reads one file. -EINVAL, -ENOEXEC, -EFBIG or open()'s errno: no regular file, no program or
 * library that can be scanned, or a damaged one. ret_arch is set where the file tells its
 * architecture, on failure too; else it is untouched. object_done() frees what is returned.
 */
int object_load(const char *path, struct object *ret, uint32_t *ret_arch, struct err *e);

#endif
