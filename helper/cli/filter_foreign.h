#ifndef CARREL_CLI_FILTER_FOREIGN_H
#define CARREL_CLI_FILTER_FOREIGN_H

#include <stdint.h>

struct err;
struct filter;

/*
 * A seccomp profile of Docker, Podman or OCI as the filter that `carrel filter import` makes of it;
 * what that has to report goes to standard error. Its lines are in no file that anybody could look
 * into: origins have the profile's path and line 0. arch: AUDIT_ARCH_*.
 */
int filter_foreign_load(const char *path, uint32_t arch, struct filter **ret, struct err *e);

#endif
