#ifndef CARREL_CLI_DIFF_H
#define CARREL_CLI_DIFF_H

/*
 * Prints what turns one text into another, as `diff -u` does, under the two names. For files of
 * configuration: the work grows with the product of the lines that differ. -ENOMEM, -EFBIG (more
 * than 4000 lines on a side).
 */
int diff_print(
	const char *old_name, const char *old_text, const char *new_name, const char *new_text);

#endif
