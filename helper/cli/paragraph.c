#include "helper/cli/paragraph.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define WIDTH 80

void print_wrapped(const char *indent, const json_t *words)
{
	size_t column = 0, i;
	json_t *word;

	json_array_foreach(words, i, word)
	{
		const char *s = json_string_value(word);

		if (column > 0 && column + 1 + strlen(s) > WIDTH) {
			(void)putchar('\n');
			column = 0;
		}
		(void)printf("%s%s", column ? " " : indent, s);
		column += (column ? 1 : strlen(indent)) + strlen(s);
	}
	if (column > 0)
		(void)putchar('\n');
}

void print_paragraph(const char *first, const char *indent, const char *s)
{
	size_t column = strlen(first);
	bool begun = false;

	(void)fputs(first, stdout);
	for (size_t len; *s; s += len) {
		s += strspn(s, " ");
		len = strcspn(s, " ");
		if (len == 0)
			break;
		if (begun && column + 1 + len > WIDTH) {
			(void)printf("\n%s", indent);
			column = strlen(indent);
			begun = false;
		}
		(void)printf("%s%.*s", begun ? " " : "", (int)len, s);
		column += len + begun;
		begun = true;
	}
	(void)putchar('\n');
}
