#ifndef CARREL_HELPER_IMAGE_ESCAPE_H
#define CARREL_HELPER_IMAGE_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/* What may stand as it is: in a line, all but control characters; in a word, printable ASCII without the blank. */
enum escape_place { ESCAPE_WORD, ESCAPE_LINE };

/* Writes len bytes of s; what may not stand as it is, and the backslash, become \ooo. */
void escape_write(FILE *f, const char *s, size_t len, enum escape_place place);

/* Takes \ooo back, in place. -EINVAL: a backslash without the three octal digits of a byte, or the byte 0; s is half done then. */
int escape_undo(char *s);

#endif
