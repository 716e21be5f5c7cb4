#ifndef CARREL_DOOR_ASK_H
#define CARREL_DOOR_ASK_H

#include <stddef.h>
#include <stdint.h>

int64_t now_ms(void);
void pause_ms(unsigned int ms);

/* Each 0 or a negative errno. */

/* -EAGAIN: more callers than the helper's queue holds; it gets shorter. */
int ask_connect(const char *place, int *ret_conn);
int ask_send(int conn, const void *request, size_t n, const int *fds, size_t n_fds);

/*
 * The answer to `request`, of exactly n bytes. -ETIMEDOUT: not until then, but it may still come;
 * -ECONNRESET: the helper hung up without one; -EBADMSG: it is none.
 */
int ask_wait(int conn, uint16_t request, int64_t end_ms, void *ret, size_t n);

#endif
