#ifndef CARREL_PAMSTACK_H
#define CARREL_PAMSTACK_H

#include <stdbool.h>
#include <stddef.h>

struct err;

/*
 * The stacks of one PAM service as Linux-PAM would build them, and what it takes to put our lines
 * in. Nothing here opens a file: texts come from a source, so a tree elsewhere and a text not
 * written yet are judged alike.
 */
struct pamstack_source {
	/*
	 * The text of the file that libpam would read for name (a service, or an absolute path from
	 * an include line). Both results are the caller's to free. -ENOENT: there is no such file.
	 */
	int (*load)(void *ctx, const char *name, char **ret_text, char **ret_path, struct err *e);
	void *ctx;
};

#define PAMSTACK_MODULE "pam_carrel.so"
#define PAMSTACK_GUARD "pam_succeed_if.so"

struct pamstack_want {
	const char *module; /* as written into the lines: PAMSTACK_MODULE, or its absolute path */
	const char *exempt; /* groups, "adm:wheel"; NULL keeps what the lines say now */
};

/* What libpam would do for one service. */
struct pamstack_report {
	bool has_auth;
	bool has_session; /* without session lines of its own a service falls to `other` */
	unsigned auth_lines; /* ours, includes followed */
	unsigned session_lines;
	bool guarded; /* root passes even when the module cannot be loaded */
	char file[256]; /* where our first session line stands, empty when there is none */
	unsigned line;
	char module[256]; /* what that line, or else our auth line, loads, as written */
	char auth_trouble[384]; /* why the auth line may not be reached, empty when it always is */
	char session_trouble[384]; /* the same for the session line; a skipped session line means no
				      confinement */
	char note[384]; /* worth knowing, not wrong */
};

/* -EINVAL: a line is not understood; the text names file, line and word. */
int pamstack_judge(const struct pamstack_source *src, const char *service,
	struct pamstack_report *ret, struct err *e);

/*
 * The service's text with our lines in the right places, whatever it held of ours before; equal to
 * the present text when nothing is to be done. The caller frees. Never judges the outcome:
 * pamstack_judge() does, from a source that gives the new text. -ENOTSUP: the service has no
 * session stack.
 */
int pamstack_enable(const struct pamstack_source *src, const char *service,
	const struct pamstack_want *want, char **ret_text, struct err *e);

/* The text without our lines, guards and notes. The caller frees. */
int pamstack_disable(const char *path, const char *text, char **ret_text, struct err *e);

/* Whether a line of `service` takes in the file `other`, directly or through further files. 0, 1 or
 * negative errno. */
int pamstack_includes(
	const struct pamstack_source *src, const char *service, const char *other, struct err *e);

/* "adm" or "adm:wheel": group names as /etc/group has them. -EINVAL names the word. */
int pamstack_check_groups(const char *groups, struct err *e);

#endif
