/*
 * carrel denials --suggest: what an own filter would have to say so that what was refused is allowed, as the text of that filter.
 *
 * Everything that comes from a log stands in comments only, one line each, without a byte that could end it.
 */
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helper/cli/denials.h"
#include "helper/denials/suggest.h"
#include "policy/base/cleanup.h"
#include "policy/base/paths.h"
#include "policy/filter.h"
#include "policy/filter_rules.h"

#define OWN_FILTERS CARREL_SYSCONFDIR "/filters"
#define PEERS CARREL_DATADIR "/peers"
#define COMMENT_MAX 190 /* a line of a filter has 197 bytes at most */

static const struct peer {
	const char *filter, *name;
} peers[] = { { "docker", "Docker" }, { "podman", "Podman" }, { "system-service", "systemd" } };

#define N_PEERS (sizeof(peers) / sizeof(peers[0]))

struct suggesting {
	struct filter *peer[N_PEERS]; /* NULL: not installed */
	struct verdicts verdicts[N_PEERS];
};

static void comment(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void comment(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text[COMMENT_MAX] = '\0';
	for (char *c = text; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
	(void)printf("; %s\n", text);
}

static void peers_load(struct suggesting *s, unsigned flags)
{
	static const char *const dirs[] = { PEERS };
	struct err ignored; /* they are for comparison, and may be missing */

	for (size_t i = 0; i < N_PEERS; i++)
		if (filter_load(dirs, 1, peers[i].filter, flags, &s->peer[i], &ignored) == 0)
			filter_resolve(s->peer[i], 0, &s->verdicts[i]);
}

static void peers_done(struct suggesting *s)
{
	for (size_t i = 0; i < N_PEERS; i++)
		filter_free(s->peer[i]);
}

/* "Docker, Podman", those that refuse the call; an empty string: none. */
static void peers_refusing(const struct suggesting *s, const char *call, char *buf, size_t size)
{
	int number = syscall_number(syscall_native_arch(), call);
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < N_PEERS && number >= 0; i++) {
		enum call_action action = CALL_ALLOW;

		if (s->peer[i])
			action = s->verdicts[i].abi[0].call[number].action;
		if (action != CALL_KILL && action != CALL_REFUSE)
			continue;
		n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", peers[i].name);
	}
}

static void suggest_call(const struct suggesting *s, const struct finding *f)
{
	char refusing[64];
	const char *why;

	peers_refusing(s, f->call, refusing, sizeof(refusing));
	if (call_risk(f->call, &why) == RISK_WARN)
		comment("WARNING: %s %s", f->call, why);
	if (refusing[0])
		comment("WARNING: refused as well by: %s", refusing);
	(void)printf("allow = %s\n", f->call);
}

static void suggest(const struct suggesting *s, const struct finding *f)
{
	const char *why;

	(void)putchar('\n');
	comment("%s: %s of %s, %llu times, %s", f->call, f->exe[0] ? f->exe : f->comm, f->user, (unsigned long long)f->count,
		f->verdict);
	if (f->n_lines && f->lines[0].reason)
		comment("by %s:%u: %s", f->lines[0].file, f->lines[0].line, f->lines[0].reason);
	else if (f->n_lines)
		comment("by %s:%u", f->lines[0].file, f->lines[0].line);
	if (call_risk(f->call, &why) == RISK_MACHINE)
		comment("NOT SUGGESTED: %s %s, for everybody on it", f->call, why);
	else if (f->by_rule)
		comment("by its arguments, which are not recorded: run it under 'carrel trace' to see them before you change that rule");
	else if (f->n_lines == 0 && f->doubt[0] && strcmp(f->doubt, "no line mentions it") != 0)
		comment("no line would help: %s", f->doubt);
	else if (strchr(f->call, '/'))
		comment("no line would help: it was made through another ABI");
	else
		suggest_call(s, f);
}

/* The same call is worth one line in a filter, however many programs make it. */
static bool is_told(const struct findings *f, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (strcmp(f->v[i].filter, f->v[at].filter) == 0 && f->v[i].number == f->v[at].number &&
			f->v[i].arch == f->v[at].arch && f->v[i].code == f->v[at].code)
			return true;
	return false;
}

static void begin_filter(const char *name)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s.filter", OWN_FILTERS, name);
	if (access(path, F_OK) == 0) {
		comment("%s, to add below its [filter]:", path);
		return;
	}
	comment("%s, for every profile that says 'filter = %s':", path, name);
	(void)printf("[filter]\ninclude = %s\n", name);
}

void findings_suggest(const struct filter_finder *ff, const struct findings *f)
{
	_cleanup_(peers_done) struct suggesting s = { 0 };
	size_t told = 0;

	peers_load(&s, ff->config.trusted ? FILTER_ROOT_OWNED : 0);
	for (size_t i = 0; i < f->n; i++) {
		bool begun = !f->v[i].filter[0];

		for (size_t k = 0; k < i && !begun; k++)
			begun = strcmp(f->v[k].filter, f->v[i].filter) == 0;
		if (begun)
			continue;
		if (told)
			(void)putchar('\n');
		begin_filter(f->v[i].filter);
		for (size_t k = i; k < f->n; k++) {
			const struct finding *x = &f->v[k];

			if (strcmp(x->filter, f->v[i].filter) != 0 || is_told(f, k))
				continue;
			if (x->code != SECCOMP_RET_ERRNO && x->code != SECCOMP_RET_KILL_PROCESS)
				continue; /* it was not kept from anything */
			suggest(&s, x);
			told++;
		}
	}
	if (told == 0)
		comment("nothing was refused by a filter of carrel, as far as the logs tell");
}
