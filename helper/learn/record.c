/* record - one run's calls, as fast as they come: everything that can be looked up is looked up before. */
#include "helper/learn/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "helper/learn/base.h"
#include "helper/learn/learnt.h"
#include "policy/base/err.h"
#include "policy/config.h"

struct heard {
	bool known, base, absent, sampled, executes, attaches;
	uint16_t interests; /* rows of arg_interests(), a bit each */
	uint64_t count, first_ms;
	struct learnt_call programs; /* only those of it */
};

struct ear {
	uint32_t arch;
	struct heard calls[SYSCALLS_MAX];
};

#define EARS 2

struct record {
	struct ear *ears[EARS]; /* this machine's architecture first */
	struct learnt_values values[ARG_INTERESTS];
	struct objects objects;
	unsigned n_calls;
	uint64_t unknown; /* calls without a name */
	int last_unknown;
	bool wants_listener;
	bool begun; /* before, the caller is our own child, on its way to the command */
	struct timespec start;
};

static bool is_sampled(const char *name)
{
	static const char *const at[] = { "execve", "execveat", "exit_group", "set_tid_address" };

	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++)
		if (strcmp(name, at[i]) == 0)
			return true;
	return false;
}

static struct ear *ear_new(uint32_t arch)
{
	struct ear *ear = calloc(1, sizeof(*ear));

	if (!ear)
		return NULL;
	ear->arch = arch;
	for (int n = 0; n < SYSCALLS_MAX; n++) {
		struct heard *h = &ear->calls[n];
		char *name = h->programs.name;

		if (!syscall_name(arch, n, name))
			continue;
		h->known = true;
		h->base = base_has(name);
		h->absent = base_is_absent(name);
		h->sampled = is_sampled(name);
		h->attaches = strcmp(name, "seccomp") == 0;
		h->executes = strncmp(name, "execve", 6) == 0;
		for (size_t i = 0; arg_interests()[i].call; i++)
			if (strcmp(arg_interests()[i].call, name) == 0)
				h->interests |= (uint16_t)(1u << i);
	}
	return ear;
}

struct record *record_new(struct scan_ahead *ahead)
{
	struct record *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	(void)clock_gettime(CLOCK_MONOTONIC, &r->start);
	r->objects.ahead = ahead;
	r->ears[0] = ear_new(syscall_native_arch());
	if (r->ears[0])
		return r;
	free(r);
	return NULL;
}

void record_free(struct record *r)
{
	if (!r)
		return;
	for (int i = 0; i < EARS; i++) {
		for (int n = 0; r->ears[i] && n < SYSCALLS_MAX; n++)
			strv_done(&r->ears[i]->calls[n].programs.programs);
		free(r->ears[i]);
	}
	for (size_t i = 0; i < ARG_INTERESTS; i++)
		free(r->values[i].values);
	objects_done(&r->objects);
	free(r);
}

static struct heard *heard_find(struct record *r, const struct seccomp_data *d)
{
	int i = 0;

	while (i < EARS && r->ears[i] && r->ears[i]->arch != d->arch)
		i++;
	if (i == EARS)
		return NULL;
	if (!r->ears[i])
		r->ears[i] = ear_new(d->arch);
	if (!r->ears[i] || d->nr < 0 || d->nr >= SYSCALLS_MAX || !r->ears[i]->calls[d->nr].known)
		return NULL;
	return &r->ears[i]->calls[d->nr];
}

static uint64_t milliseconds_since(const struct timespec *start)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)((now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000);
}

/* Who makes a call is asked often at first and then now and then: a name more is worth less than the time. */
static void program_note(struct heard *h, pid_t pid)
{
	char link[40], path[512];
	ssize_t n;

	if (h->programs.more_programs || (h->count > 64 && (h->count & 63)))
		return;
	(void)snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return;
	path[n] = '\0';
	(void)learnt_program_add(&h->programs, path);
}

static void values_note(struct record *r, const struct heard *h, const struct seccomp_data *d)
{
	uint64_t args[6], value;

	memcpy(args, d->args, sizeof(args));
	for (size_t i = 0; i < ARG_INTERESTS; i++)
		if ((h->interests & (1u << i)) && r->values[i].n < ARG_VALUES_NOTED &&
			arg_interest_value(&arg_interests()[i], args, &value))
			(void)learnt_value_add(&r->values[i], value);
}

int record_call(struct record *r, const struct seccomp_notif *n)
{
	struct heard *h = heard_find(r, &n->data);
	pid_t pid = (pid_t)n->pid;

	if (!h) {
		r->unknown++;
		r->last_unknown = n->data.nr;
		return 0;
	}
	if (h->count++ == 0) {
		h->first_ms = milliseconds_since(&r->start);
		r->n_calls += !h->base;
	}
	r->begun |= !h->executes;
	if (h->sampled && r->begun)
		objects_sample(&r->objects, pid);
	if (h->attaches && n->data.args[0] == SECCOMP_SET_MODE_FILTER)
		r->wants_listener |= (n->data.args[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0;
	if (!h->base)
		program_note(h, pid);
	if (h->interests)
		values_note(r, h, &n->data);
	return h->absent ? ENOSYS : 0;
}

unsigned record_calls(const struct record *r)
{
	return r->n_calls;
}

bool record_wants_listener(const struct record *r)
{
	return r->wants_listener;
}

const struct objects *record_objects(const struct record *r)
{
	return &r->objects;
}

static int heard_finish(const struct heard *h, struct learnt *l)
{
	struct learnt_call *c = learnt_call(l, h->programs.name, LEARNT_SEEN);

	if (!c)
		return -ENOMEM;
	c->runs = 1;
	c->first_ms = c->count && c->first_ms < h->first_ms ? c->first_ms : h->first_ms;
	c->count += h->count;
	c->more_programs |= h->programs.more_programs;
	for (size_t i = 0; i < h->programs.programs.n; i++)
		if (learnt_program_add(c, h->programs.programs.v[i]) < 0)
			return -ENOMEM;
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int others_finish(const struct record *r, struct learnt *l)
{
	char text[100];

	for (size_t i = 0; i < r->objects.size; i++)
		if (r->objects.paths[i] && strv_add(&l->files, r->objects.paths[i], strlen(r->objects.paths[i])) < 0)
			return -ENOMEM;
	if (l->files.n)
		qsort(l->files.v, l->files.n, sizeof(*l->files.v), by_text);
	for (size_t i = 0; i < ARG_INTERESTS; i++)
		for (size_t j = 0; j < r->values[i].n; j++)
			if (learnt_value_add(&l->values[i], r->values[i].values[j]) < 0)
				return -ENOMEM;
	if (r->objects.hidden) {
		(void)snprintf(text, sizeof(text), "%zu looks at a process that nobody may look at", r->objects.hidden);
		if (learnt_word_add(&l->unresolved, text) < 0)
			return -ENOMEM;
	}
	if (r->unknown == 0)
		return 0;
	(void)snprintf(text, sizeof(text), "calls without a name, such as number %d", r->last_unknown);
	return learnt_word_add(&l->unresolved, text);
}

int record_finish(const struct record *r, struct learnt *ret, struct err *e)
{
	struct learnt l = { .runs = 1 };
	int code = 0;

	for (int i = 0; i < EARS; i++) {
		for (int n = 0; r->ears[i] && n < SYSCALLS_MAX && code == 0; n++) {
			const struct heard *h = &r->ears[i]->calls[n];

			if (h->count == 0)
				continue;
			if (r->ears[i]->arch != syscall_native_arch())
				l.foreign_runs = 1;
			if (!h->base)
				code = heard_finish(h, &l);
		}
	}
	if (code == 0)
		code = others_finish(r, &l);
	if (code < 0) {
		learnt_done(&l);
		return err_set(e, ENOMEM, "out of memory");
	}
	*ret = l;
	return 0;
}
