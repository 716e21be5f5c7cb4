#ifndef CARREL_HELPER_DISPATCH_H
#define CARREL_HELPER_DISPATCH_H

struct connection;

/* Reads the request of a connection of root's and has it served, or drops the connection. */
void dispatch(struct connection *c);

#endif
