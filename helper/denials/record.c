/*
 * record - lines of logs to records, and back.
 *
 * Trust:  none. comm and exe are the user's words, which the kernel writes in quotes only when they hold neither blank nor
 *         quote nor control character, else in hexadecimal; everything else of a log file may be anything.
 */
#include "helper/denials/record.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>

#define ENRICHED_MARK 0x1d /* what follows in a line was added by auditd */

struct text {
	const char *at, *end;
};

static bool skip(struct text *t, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(t->end - t->at) < n || memcmp(t->at, word, n) != 0)
		return false;
	t->at += n;
	return true;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* At least one digit, and no more than max. */
static bool number(struct text *t, unsigned base, uint64_t max, uint64_t *ret)
{
	const char *start = t->at;
	uint64_t n = 0;

	for (; t->at < t->end; t->at++) {
		int digit = nibble(*t->at);

		if (digit < 0 || (unsigned)digit >= base)
			break;
		if (n > (max - (unsigned)digit) / base)
			return false;
		n = n * base + (unsigned)digit;
	}
	*ret = n;
	return t->at > start;
}

/* "audit(1795305131.593:9009549): " */
static bool read_stamp(struct text *t, struct record *r)
{
	uint64_t s, ms;

	if (!skip(t, "audit(") || !number(t, 10, UINT32_MAX, &s) || !skip(t, ".") || !number(t, 10, 999, &ms) ||
		!skip(t, ":") || !number(t, 10, UINT64_MAX, &r->serial) || !skip(t, "):"))
		return false;
	r->time_us = s * 1000000 + ms * 1000;
	return true;
}

/* A string as the kernel writes one: "plain", 68657861, (null). Cut where it is longer than buf. */
static bool read_string(struct text v, char *buf, size_t size)
{
	size_t n = 0, len = (size_t)(v.end - v.at);

	if (len == 6 && memcmp(v.at, "(null)", 6) == 0) {
		buf[0] = '\0';
		return true;
	}
	if (len >= 2 && v.at[0] == '"') {
		if (v.end[-1] != '"' || memchr(v.at + 1, '"', len - 2) || memchr(v.at, '\0', len))
			return false;
		n = len - 2 < size - 1 ? len - 2 : size - 1;
		memcpy(buf, v.at + 1, n);
		buf[n] = '\0';
		return true;
	}
	if (len % 2 != 0 || len == 0)
		return false;
	for (; v.at < v.end; v.at += 2) {
		int high = nibble(v.at[0]), low = nibble(v.at[1]);

		if (high < 0 || low < 0 || high + low == 0)
			return false;
		if (n < size - 1)
			buf[n++] = (char)(high << 4 | low);
	}
	buf[n] = '\0';
	return true;
}

/* --- the words --- */

enum field { F_AUID, F_UID, F_GID, F_SES, F_PID, F_COMM, F_EXE, F_SIG, F_ARCH, F_SYSCALL, F_CODE, N_FIELDS };

/* clang-format off */
static const struct word {
	const char *name;
	unsigned base; /* 0: a string */
	const char *prefix;
	uint64_t max;
} words[N_FIELDS] = {
	[F_AUID]    = { "auid=",    10, "",   UINT32_MAX },
	[F_UID]     = { "uid=",     10, "",   UINT32_MAX },
	[F_GID]     = { "gid=",     10, "",   UINT32_MAX },
	[F_SES]     = { "ses=",     10, "",   UINT32_MAX },
	[F_PID]     = { "pid=",     10, "",   INT32_MAX },
	[F_COMM]    = { "comm=",     0, "",   0 },
	[F_EXE]     = { "exe=",      0, "",   0 },
	[F_SIG]     = { "sig=",     10, "",   INT32_MAX },
	[F_ARCH]    = { "arch=",    16, "",   UINT32_MAX },
	[F_SYSCALL] = { "syscall=", 10, "",   INT32_MAX },
	[F_CODE]    = { "code=",    16, "0x", UINT32_MAX },
};
/* clang-format on */

static bool field_read(enum field f, struct text v, struct record *r, uint64_t n[static N_FIELDS])
{
	const struct word *w = &words[f];
	bool negative;

	if (f == F_COMM)
		return read_string(v, r->comm, sizeof(r->comm));
	if (f == F_EXE)
		return read_string(v, r->exe, sizeof(r->exe));
	/* What was asked for is any int: syscall(-1). */
	negative = f == F_SYSCALL && skip(&v, "-");
	if (!skip(&v, w->prefix) || !number(&v, w->base, w->max + negative, &n[f]) || v.at != v.end)
		return false;
	if (negative)
		n[f] = -n[f];
	return true;
}

/* The first of each word counts: behind the last of ours a line may go on as it likes. */
static bool read_words(struct text t, struct record *r)
{
	uint64_t n[N_FIELDS] = { 0 };
	unsigned seen = 0;

	while (t.at < t.end && *t.at != ENRICHED_MARK) {
		struct text word = { t.at, t.at };
		int f;

		while (word.end < t.end && *word.end != ' ' && *word.end != ENRICHED_MARK)
			word.end++;
		for (f = 0; f < N_FIELDS; f++) {
			struct text value = word;

			if ((seen & 1u << f) || !skip(&value, words[f].name))
				continue;
			if (!field_read((enum field)f, value, r, n))
				return false;
			seen |= 1u << f;
			break;
		}
		t.at = word.end + (word.end < t.end && *word.end == ' ');
	}
	if (seen != (1u << N_FIELDS) - 1)
		return false;
	r->auid = (uint32_t)n[F_AUID];
	r->uid = (uint32_t)n[F_UID];
	r->gid = (uint32_t)n[F_GID];
	r->ses = (uint32_t)n[F_SES];
	r->pid = (int32_t)n[F_PID];
	r->sig = (int32_t)n[F_SIG];
	r->arch = (uint32_t)n[F_ARCH];
	r->call = (int32_t)n[F_SYSCALL];
	r->code = (uint32_t)n[F_CODE];
	return true;
}

int record_read_words(const char *text, size_t len, struct record *ret)
{
	struct record r = { 0 };

	if (!read_words((struct text){ text, text + len }, &r))
		return -EBADMSG;
	*ret = r;
	return 1;
}

/* --- the forms of a line --- */

/* "node=host type=SECCOMP msg=" */
static bool is_audit_log(struct text *t)
{
	if (skip(t, "node=")) {
		while (t->at < t->end && *t->at != ' ')
			t->at++;
		(void)skip(t, " ");
	}
	return (skip(t, "type=SECCOMP ") || skip(t, "type=1326 ") || skip(t, "type=UNKNOWN[1326] ")) && skip(t, "msg=");
}

/* "6,1234,5678,-;" of /dev/kmsg. What root's programs wrote into it is 8 and above, and none of the kernel's words. */
static bool skip_kmsg_prefix(struct text *t)
{
	struct text p = *t;
	uint64_t priority;
	const char *semicolon;

	if (!number(&p, 10, UINT32_MAX, &priority) || !skip(&p, ","))
		return false;
	semicolon = memchr(p.at, ';', (size_t)(p.end - p.at));
	if (!semicolon || memchr(p.at, ' ', (size_t)(semicolon - p.at)))
		return false;
	t->at = priority < 8 ? semicolon + 1 : t->end;
	return true;
}

static void skip_word(struct text *t)
{
	while (t->at < t->end && *t->at != ' ')
		t->at++;
	while (t->at < t->end && *t->at == ' ')
		t->at++;
}

/*
 * "Nov 22 00:10:11 host kernel: " or the same with an ISO date. Word by word: everybody may send syslog a line that has
 * " kernel: " somewhere.
 */
static void skip_syslog_prefix(struct text *t)
{
	struct text p = *t;
	int words_of_date = p.at < p.end && *p.at >= '0' && *p.at <= '9' ? 1 : 3;

	while (words_of_date-- > 0)
		skip_word(&p);
	skip_word(&p);
	if (skip(&p, "kernel: "))
		*t = p;
}

static void skip_kernel_prefix(struct text *t)
{
	const char *bracket;

	if (skip_kmsg_prefix(t))
		return;
	skip_syslog_prefix(t);
	if (!skip(t, "["))
		return;
	bracket = memchr(t->at, ']', (size_t)(t->end - t->at));
	t->at = bracket ? bracket + 1 : t->end;
	(void)skip(t, " ");
}

int record_read(const char *line, size_t len, struct record *ret)
{
	struct text t = { line, line + len };
	struct record r = { 0 };

	if (!is_audit_log(&t)) {
		t.at = line;
		skip_kernel_prefix(&t);
		if (!skip(&t, "audit: type=1326 "))
			return 0;
	}
	if (!read_stamp(&t, &r) || !read_words(t, &r))
		return -EBADMSG;
	*ret = r;
	return 1;
}

bool record_loss(const char *line, size_t len, enum loss *ret_kind, uint64_t *ret_n)
{
	struct text t = { line, line + len };
	uint64_t n;

	skip_kernel_prefix(&t);
	if (skip(&t, "audit: audit_lost=")) {
		if (!number(&t, 10, UINT64_MAX, &n))
			return false;
		*ret_kind = LOSS_AUDIT;
		*ret_n = n;
		return true;
	}
	if (!skip(&t, "kauditd_printk_skb: ") && !skip(&t, "audit_printk_skb: "))
		return false;
	if (!number(&t, 10, UINT64_MAX, &n) || !skip(&t, " callbacks suppressed"))
		return false;
	*ret_kind = LOSS_RATE_LIMIT;
	*ret_n = n;
	return true;
}

/* --- writing --- */

static size_t write_string(char *buf, const char *s)
{
	static const char hex[] = "0123456789ABCDEF";
	const char *c = s;
	size_t n = 0;

	while (*c > 0x20 && *c < 0x7f && *c != '"')
		c++;
	if (*c == '\0')
		return (size_t)sprintf(buf, "\"%s\"", s);
	for (c = s; *c; c++) {
		buf[n++] = hex[(unsigned char)*c >> 4];
		buf[n++] = hex[(unsigned char)*c & 15];
	}
	buf[n] = '\0';
	return n;
}

int record_write(const struct record *r, char *buf, size_t size)
{
	char text[RECORD_LINE_MAX];
	size_t n;

	n = (size_t)sprintf(text,
		"type=SECCOMP msg=audit(%" PRIu64 ".%03u:%" PRIu64 "): auid=%u uid=%u gid=%u ses=%u pid=%d comm=",
		r->time_us / 1000000, (unsigned)(r->time_us / 1000 % 1000), r->serial, r->auid, r->uid, r->gid, r->ses,
		(int)r->pid);
	n += write_string(text + n, r->comm);
	n += (size_t)sprintf(text + n, " exe=");
	n += write_string(text + n, r->exe);
	n += (size_t)sprintf(text + n, " sig=%d arch=%x syscall=%d compat=0 ip=0x0 code=0x%x", (int)r->sig, r->arch,
		(int)r->call, r->code);
	if (n >= size)
		return -ENOSPC;
	memcpy(buf, text, n + 1);
	return 0;
}

const char *record_action(uint32_t code)
{
	switch (code) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
		return "killed";
	case SECCOMP_RET_TRAP:
		return "trapped";
	case SECCOMP_RET_ERRNO:
		return "refused";
	case SECCOMP_RET_TRACE:
		return "traced";
	case SECCOMP_RET_LOG:
		return "logged";
	}
	return "passed on";
}
