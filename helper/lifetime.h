#ifndef CARREL_HELPER_LIFETIME_H
#define CARREL_HELPER_LIFETIME_H

struct container;
struct session;

/* When sessions and containers end. Main process only. */

/* Watches what an earlier helper left behind. */
void lifetime_resume(void);

/* A new one: watches its process. -errno of the event loop. */
int session_watch(struct session *s);
int container_watch(struct container *c);
/* A watched launch that is not ready and will not be: ends it, and forgets it when it is dead. */
void container_abandon(struct container *c);

/* Closes the session; the container of a last one then goes by its profile's `linger`. */
void session_end(struct session *s);

/* The census found nobody in the container but pid 1. */
void container_is_empty(struct container *c);

/* Asks pid 1 to end the container. */
void container_stop(struct container *c);

#endif
