#ifndef CARREL_CLI_PARAGRAPH_H
#define CARREL_CLI_PARAGRAPH_H

#include <jansson.h>

/* Words one after the other, indented, in lines that fit a terminal. */
void print_wrapped(const char *indent, const json_t *words);
/* The same for a text that has blanks in it. */
void print_paragraph(const char *first, const char *indent, const char *text);

#endif
