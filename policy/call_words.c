#include "policy/call_words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/err.h"

#define BLANKS " \t\n"
#define WORD_MAX 256

static void trim(const char **s, size_t *len)
{
	while (*len > 0 && strchr(BLANKS, **s)) {
		++*s;
		--*len;
	}
	while (*len > 0 && strchr(BLANKS, (*s)[*len - 1]))
		--*len;
}

/* A number keeps all its 64 bits, so that those can be asked about which the kernel does not look
 * at. */
static int number_parse(const char *word, uint64_t *ret)
{
	const char *digits = word + (*word == '-');
	uint64_t value;
	char *end;

	if (*digits < '0' || *digits > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(digits, &end, 0);
	if (errno || *end)
		return -EINVAL;
	*ret = *word == '-' ? -value : value;
	return 0;
}

/* CONSTANT|NUMBER... */
static int value_parse(const struct syscall_arg *arg, char *words, uint64_t *ret, struct err *e)
{
	uint64_t all = 0;

	for (char *w = words, *bar; w; w = bar) {
		uint64_t value;
		size_t len;
		const char *s = w;

		bar = strchr(w, '|');
		if (bar)
			*bar++ = '\0';
		len = strlen(s);
		trim(&s, &len);
		w[(size_t)(s - w) + len] = '\0';
		if (number_parse(s, &value) < 0 && syscall_constant(arg, s, &value) < 0)
			return err_set(
				e, EINVAL, "unknown value '%s' for %s.%s", s, arg->call, arg->name);
		all |= value;
	}
	*ret = all;
	return 0;
}

static int arg_parse(struct call_words *c, unsigned index, const char *s, size_t len, struct err *e)
{
	const struct syscall_arg *arg = syscall_arg_at(c->name, index);
	char word[WORD_MAX];
	int r;

	trim(&s, &len);
	if (len == 0)
		return 0;
	if (!arg && len >= sizeof(word))
		return 0;
	if (len >= sizeof(word))
		return err_set(e, EINVAL, "'%.40s...' is too long", s);
	memcpy(word, s, len);
	word[len] = '\0';
	if (arg) {
		r = value_parse(arg, word, &c->args[index], e);
		if (r < 0)
			return r;
		c->given[index] = true;
	} else if (number_parse(word, &c->args[index]) == 0) {
		c->given[index] = true;
	}
	return 0;
}

/* Where this argument ends: at a ',' or ')' that is in no string, structure or array. NULL:
 * nowhere. */
static const char *arg_end(const char *s)
{
	int depth = 0;

	for (; *s; s++) {
		if (*s == '"') {
			for (s++; *s && *s != '"'; s++)
				s += *s == '\\' && s[1];
			if (!*s)
				return NULL;
		} else if (strchr("([{", *s)) {
			depth++;
		} else if (depth > 0 && strchr(")]}", *s)) {
			depth--;
		} else if (depth == 0 && (*s == ',' || *s == ')')) {
			return s;
		}
	}
	return NULL;
}

static int args_parse(struct call_words *c, const char *s, struct err *e)
{
	const char *end = s;

	for (unsigned i = 0; *end != ')' || i == 0; i++) {
		int r;

		end = arg_end(s);
		if (!end)
			return err_set(e, EINVAL, "')' is missing after '%s('", c->name);
		if (i == 6)
			return err_set(e, EINVAL, "system calls have six arguments at most");
		r = arg_parse(c, i, s, (size_t)(end - s), e);
		if (r < 0)
			return r;
		s = end + 1;
	}
	s += strspn(s, BLANKS);
	if (*s)
		return err_set(e, EINVAL, "'%s' after the call", s);
	return 0;
}

static int name_parse(uint32_t arch, const char *s, size_t len, struct call_words *c, struct err *e)
{
	trim(&s, &len);
	if (len == 0)
		return err_set(e, EINVAL, "the name of a system call is missing");
	if (*s == '@')
		return err_set(e, EINVAL, "'%.*s' is a group: ask for one call", (int)len, s);
	if (len >= sizeof(c->name))
		return err_set(e, EINVAL, "unknown system call '%.60s'", s);
	memcpy(c->name, s, len);
	c->name[len] = '\0';
	c->number = syscall_number(arch, c->name);
	if (c->number >= 0)
		return 0;
	if (!syscall_known(c->name))
		return err_set(e, EINVAL, "unknown system call '%s'", c->name);
	return err_set(e, ENOENT, "this architecture has no system call '%s'", c->name);
}

int call_words_parse(uint32_t arch, const char *text, struct call_words *ret, struct err *e)
{
	struct call_words c = { .number = -1 };
	size_t len = strcspn(text, "(");
	int r;

	r = name_parse(arch, text, len, &c, e);
	if (r == 0 && text[len] == '(')
		r = args_parse(&c, text + len + 1, e);
	if (r < 0)
		return r;
	*ret = c;
	return 0;
}
