/*
 * scan_ahead - one thread, and a list that grows while it works. Everything is under one lock but
 * the reading of a file, which touches nothing that others see until it is done.
 */
#include "helper/learn/scan_ahead.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "helper/learn/scan_elf.h"
#include "helper/learn/scan_object.h"
#include "policy/base/err.h"

struct entry {
	char *path; /* never moves */
	bool is_read;
	uint32_t arch;
	struct object object;
};

struct scan_ahead {
	pthread_mutex_t lock;
	pthread_cond_t more;
	pthread_t thread;
	bool runs, ends; /* the thread; it ends when all is read */
	struct entry *entries;
	size_t n, next, room; /* next to be read */
};

struct scan_ahead *scan_ahead_new(void)
{
	struct scan_ahead *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	(void)pthread_mutex_init(&a->lock, NULL);
	(void)pthread_cond_init(&a->more, NULL);
	return a;
}

/* The file is open for no longer than it takes to copy it, so that its file system can be unmounted
 * soon. */
static void read_next(struct scan_ahead *a)
{
	size_t i = a->next++;
	const char *path = a->entries[i].path;
	struct object object;
	uint32_t arch = 0;
	struct err e;
	int r;

	(void)pthread_mutex_unlock(&a->lock);
	r = object_load(path, &object, &arch, &e);
	(void)pthread_mutex_lock(&a->lock);
	if (r < 0)
		return;
	a->entries[i].object = object;
	a->entries[i].arch = arch;
	a->entries[i].is_read = true;
}

static void *read_all(void *arg)
{
	struct scan_ahead *a = arg;

	(void)pthread_mutex_lock(&a->lock);
	for (;;) {
		if (a->next < a->n)
			read_next(a);
		else if (a->ends)
			break;
		else
			(void)pthread_cond_wait(&a->more, &a->lock);
	}
	(void)pthread_mutex_unlock(&a->lock);
	return NULL;
}

static struct entry *entry_find(struct scan_ahead *a, const char *path)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->entries[i].path, path) == 0)
			return &a->entries[i];
	return NULL;
}

static bool entry_add(struct scan_ahead *a, const char *path)
{
	struct entry *more;

	if (a->n == a->room) {
		size_t room = a->room ? 2 * a->room : 32;

		more = reallocarray(a->entries, room, sizeof(*more));
		if (!more)
			return false;
		a->entries = more;
		a->room = room;
	}
	a->entries[a->n] = (struct entry){ .path = strdup(path) };
	if (!a->entries[a->n].path)
		return false;
	a->n++;
	return true;
}

void scan_ahead_add(struct scan_ahead *a, const char *path)
{
	if (!a)
		return;
	(void)pthread_mutex_lock(&a->lock);
	if (!entry_find(a, path) && entry_add(a, path)) {
		if (!a->runs)
			a->runs = pthread_create(&a->thread, NULL, read_all, a) == 0;
		(void)pthread_cond_signal(&a->more);
	}
	(void)pthread_mutex_unlock(&a->lock);
}

void scan_ahead_wait(struct scan_ahead *a)
{
	if (!a || !a->runs)
		return;
	(void)pthread_mutex_lock(&a->lock);
	a->ends = true;
	(void)pthread_cond_signal(&a->more);
	(void)pthread_mutex_unlock(&a->lock);
	(void)pthread_join(a->thread, NULL);
	a->runs = a->ends = false;
}

static bool is_same(const struct stat *x, const struct stat *y)
{
	return x->st_dev == y->st_dev && x->st_ino == y->st_ino && x->st_size == y->st_size &&
	       memcmp(&x->st_mtim, &y->st_mtim, sizeof(x->st_mtim)) == 0 &&
	       memcmp(&x->st_ctim, &y->st_ctim, sizeof(x->st_ctim)) == 0;
}

bool scan_ahead_take(struct scan_ahead *a, const char *path, struct object *ret, uint32_t *ret_arch)
{
	struct entry *entry = a ? entry_find(a, path) : NULL;
	struct stat st;

	if (!entry || !entry->is_read || stat(path, &st) < 0 || !is_same(&st, &entry->object.stat))
		return false;
	*ret = entry->object;
	*ret_arch = entry->arch;
	entry->is_read = false;
	return true;
}

void scan_ahead_free(struct scan_ahead *a)
{
	if (!a)
		return;
	/* Nobody wants what is not read yet. */
	(void)pthread_mutex_lock(&a->lock);
	a->next = a->n;
	(void)pthread_mutex_unlock(&a->lock);
	scan_ahead_wait(a);
	for (size_t i = 0; i < a->n; i++) {
		if (a->entries[i].is_read)
			object_done(&a->entries[i].object);
		free(a->entries[i].path);
	}
	free(a->entries);
	(void)pthread_cond_destroy(&a->more);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}
