#ifndef CARREL_DOOR_SAY_H
#define CARREL_DOOR_SAY_H

/*
 * One line on stderr: "carrel: ", then the texts in order up to a NULL. Control characters come out
 * as '?'.
 */
void say(const char *text, ...) __attribute__((sentinel));

/* What a shell's user knows the error as; never NULL. The text may be of the next call's. */
const char *errno_text(int code);

#endif
