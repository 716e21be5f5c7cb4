/*
 * launch_command - what a launch runs: the caller's words over the image's.
 *
 * Trust:  the payload is the caller's, and every byte of it is data: it is copied, counted, and put together anew. Of the
 *         image's manifest, which may be signed, only command, environment and directory count here.
 */
#include "helper/launch_command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/image/manifest.h"
#include "helper/public/visible.h"
#include "helper/public/wire.h"
#include "policy/account.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/idrange.h"
#include "policy/policy.h"

#define INSIDE_ID 1000 /* of who is not root inside and whose own ID is no ID of an image's */

static const char usual_path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
static const char usual_shell[] = "/bin/sh";
static const char container[] = "container=carrel"; /* as systemd and others look for it */

struct text {
	char *at;
	size_t n, room;
	bool full;
};

static void text_put(struct text *t, const char *s)
{
	size_t n = strlen(s) + 1;

	if (t->full || n > t->room - t->n) {
		t->full = true;
		return;
	}
	memcpy(t->at + t->n, s, n);
	t->n += n;
}

/* The same variable: NAME of NAME=VALUE. */
static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return n == strcspn(b, "=") && strncmp(a, b, n) == 0;
}

static bool env_has(const char *const *env, size_t n, const char *variable)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (same_name(env[i], variable))
			return true;
	return false;
}

static void words_write(const char *const *argv, size_t argc, char *words, size_t size)
{
	size_t at = 0, i, left;
	const char *s;

	for (i = 0; i < argc && at + 1 < size; i++) {
		if (i > 0)
			words[at++] = ' ';
		for (s = argv[i], left = 0; *s && at + 1 < size; s++) {
			if (left == 0)
				left = visible_length(s);
			words[at++] = left > 0 ? *s : '?';
			left -= left > 0;
		}
	}
	words[at] = '\0';
}

/* The caller's strings, in a table. */
struct said {
	const char *file, *cwd;
	const char **argv, **env;
	size_t argc, n_env;
};

static int said_read(const struct launch_command *c, const char ***ret_table, struct said *ret, struct err *e)
{
	const char **table, *at = c->text, *end = c->text + c->bytes;
	size_t n = 0, i;

	if (c->bytes == 0 || end[-1] != '\0')
		return err_set(e, EINVAL, "the request's command is not well-formed");
	for (i = 0; i < c->bytes; i++)
		n += c->text[i] == '\0';
	if (n < 2 || c->argc > n - 2)
		return err_set(e, EINVAL, "the request's command is not well-formed");
	table = calloc(n, sizeof(*table));
	if (!table)
		return err_set(e, ENOMEM, "out of memory");
	for (i = 0; i < n; i++) {
		table[i] = at;
		at += strlen(at) + 1;
	}
	*ret_table = table;
	*ret = (struct said){ table[0], table[1], table + 2, table + 2 + c->argc, c->argc, n - 2 - c->argc };
	return 0;
}

static void env_put(struct text *t, const struct said *s, const struct launch_defaults *d)
{
	const struct strv *image = d->manifest ? &d->manifest->env : NULL;
	const char *const *image_env = image ? (const char *const *)image->v : NULL;
	size_t n_image = image ? image->n : 0, i;
	char home[4096 + 8] = "HOME=";

	if (d->home && strlen(d->home) < 4096) {
		memcpy(home + 5, d->home, strlen(d->home) + 1);
		if (!env_has(s->env, s->n_env, home))
			text_put(t, home);
	}
	if (!env_has(s->env, s->n_env, usual_path) && !env_has(image_env, n_image, usual_path))
		text_put(t, usual_path);
	if (!env_has(s->env, s->n_env, container))
		text_put(t, container);
	for (i = 0; i < n_image; i++)
		if (!env_has(s->env, s->n_env, image_env[i]) && !same_name(image_env[i], container) &&
			!(d->home && same_name(image_env[i], home)))
			text_put(t, image_env[i]);
	for (i = 0; i < s->n_env; i++)
		text_put(t, s->env[i]);
}

static size_t bytes_of(const struct strv *v)
{
	size_t n = 0, i;

	for (i = 0; i < v->n; i++)
		n += strlen(v->v[i]) + 1;
	return n;
}

/* As much as it can come to, or as may be; not always the latter, because the kernel clears each page that is touched. */
static size_t room_for(const struct launch_command *said, const struct launch_defaults *d)
{
	size_t n = said->bytes + sizeof("/") + sizeof(usual_path) + 2 * sizeof(usual_shell) + sizeof(container);

	if (d->home)
		n += strlen("HOME=") + 2 * (strlen(d->home) + 1);
	if (d->manifest) {
		n += bytes_of(&d->manifest->env) + 2 * bytes_of(&d->manifest->command);
		n += d->manifest->workdir ? strlen(d->manifest->workdir) + 1 : 0;
	}
	return n < ENTER_PAYLOAD_MAX ? n : ENTER_PAYLOAD_MAX;
}

int launch_command_complete(const struct launch_command *said, const struct launch_defaults *d, char **ret, size_t *ret_bytes,
	uint32_t *ret_argc, char *words, size_t words_size, struct err *e)
{
	static const char *const shell[] = { usual_shell };
	_cleanup_free_ const char **table = NULL;
	const struct manifest *m = d->manifest;
	const char *const *argv;
	const char *cwd;
	struct text t = { 0 };
	struct said s = { 0 };
	size_t argc, i;
	int r = said_read(said, &table, &s, e);

	if (r < 0)
		return r;
	argv = s.argc ? s.argv : m && m->command.n ? (const char *const *)m->command.v : shell;
	argc = s.argc ? s.argc : m && m->command.n ? m->command.n : 1;
	cwd = s.cwd[0] ? s.cwd : d->home ? d->home : m && m->workdir ? m->workdir : "/";
	t.room = room_for(said, d);
	t.at = malloc(t.room);
	if (!t.at)
		return err_set(e, ENOMEM, "out of memory");
	text_put(&t, s.argc ? s.file : argv[0]);
	text_put(&t, cwd);
	for (i = 0; i < argc; i++)
		text_put(&t, argv[i]);
	env_put(&t, &s, d);
	if (t.full) {
		free(t.at);
		return err_set(e, E2BIG, "arguments and environment together are larger than %u bytes", ENTER_PAYLOAD_MAX);
	}
	words_write(argv, argc, words, words_size);
	*ret = t.at;
	*ret_bytes = t.n;
	*ret_argc = (uint32_t)argc;
	return 0;
}

void launch_identity(const struct profile *p, const struct account *a, uint32_t *ret_uid, uint32_t *ret_gid)
{
	*ret_uid = p->root ? 0 : a->uid > 0 && a->uid < ID_SLOT - 1 ? a->uid : INSIDE_ID;
	*ret_gid = p->root ? 0 : a->gid > 0 && a->gid < ID_SLOT - 1 ? a->gid : INSIDE_ID;
}

int launch_payload_read(int fd, uint32_t bytes, char **ret, struct err *e)
{
	const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
	_cleanup_free_ char *text = NULL;
	struct stat st;
	int got = fcntl(fd, F_GET_SEALS);

	/* Sealed, it is a memfd: reading it waits for nobody, and it cannot change. */
	if (got < 0 || (got & seals) != seals || fstat(fd, &st) < 0 || st.st_size != bytes || bytes == 0 ||
		bytes > ENTER_PAYLOAD_MAX)
		return err_set(e, EINVAL, "the request's command is not well-formed");
	text = malloc(bytes);
	if (!text)
		return err_set(e, ENOMEM, "out of memory");
	if (pread(fd, text, bytes, 0) != (ssize_t)bytes)
		return err_set(e, EIO, "the request's command cannot be read");
	*ret = ptr_take(&text);
	return 0;
}

int launch_payload_make(const char *text, size_t bytes, int *ret_fd, struct err *e)
{
	_cleanup_fd_ int fd = memfd_create("carrel-launch", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || write(fd, text, bytes) != (ssize_t)bytes ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) < 0)
		return err_set(e, errno, "cannot pass the command on: %s", strerror(errno));
	*ret_fd = fd_take(&fd);
	return 0;
}
