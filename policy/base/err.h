#ifndef CARREL_BASE_ERR_H
#define CARREL_BASE_ERR_H

/* The story of one failure, told from the lowest layer up. No allocation, so it works when memory is out. */
struct err {
	char text[512]; /* one line, never ends in a newline */
};

/* States the fact and returns -code, so that "return err_set(...)" is one statement. code > 0. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "context: " before what is already told and returns code unchanged (a negative errno). */
int err_wrap(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
