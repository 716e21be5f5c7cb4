#ifndef CARREL_HELPER_PUBLIC_VISIBLE_H
#define CARREL_HELPER_PUBLIC_VISIBLE_H

#include <stddef.h>

/*
 * The bytes of the character that s begins with; 0: it ends there, it is no UTF-8, or it is one that a terminal obeys: a control
 * character of either set, U+0000 to U+001F and U+007F to U+009F.
 */
static inline size_t visible_length(const char *s)
{
	const unsigned char *c = (const unsigned char *)s;
	size_t i, n;

	if (c[0] < 0x80)
		return c[0] >= 0x20 && c[0] != 0x7f;
	n = c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : c[0] < 0xf5 ? 4 : 0;
	for (i = 1; i < n; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	return c[0] == 0xc2 && c[1] < 0xa0 ? 0 : n;
}

#endif
