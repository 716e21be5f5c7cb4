#ifndef CARREL_HELPER_DISPATCH_H
#define CARREL_HELPER_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>

struct connection;
struct enter_request;

/* Reads the request of a connection of root's and has it served, or drops the connection. */
void dispatch(struct connection *c);

/* In the child that serves somebody else: what it received fits the table. */
bool request_is_enter(const struct enter_request *r, size_t n, size_t n_fds);

#endif
