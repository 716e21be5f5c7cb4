/*
 * pam_carrel - places a session in its user's container; see pam_carrel(8).
 *
 * Trust:  runs as root in sshd, login, su, cron. Words on the PAM handle are the user's; arguments are the admin's. The
 *         environment is not read.
 * Order:  root and members of exempt= groups are let through before anything that can fail: helper, name services, disk.
 * Fails:  an error, and the service refuses the session; in a child that the service would let go on regardless, _exit(254).
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "pam_module/hook.h"
#include "pam_module/net.h"
#include "pam_module/session.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define DATA_NAME "carrel"
#define INSIDE_MARK "/run/carrel/session" /* a file that only containers have, on a mount their root cannot change */
#define DEFAULT_TIMEOUT_MS 2000
#define EXIT_REFUSED 254 /* what sshd uses itself when a session cannot be opened */
#define MAX_EXEMPT 16

struct arguments {
	bool debug;
	uint32_t timeout_ms;
	const char *exempt[MAX_EXEMPT];
	size_t n_exempt;
};

/* A typo must not mean "not confined", so an unknown word is an error; exempt= is heard first all the same. */
static int arguments_read(pam_handle_t *pamh, int argc, const char **argv, struct arguments *ret)
{
	int i, wrong = 0;

	memset(ret, 0, sizeof(*ret));
	ret->timeout_ms = DEFAULT_TIMEOUT_MS;
	for (i = 0; i < argc; i++) {
		char *end;
		unsigned long seconds;

		if (strcmp(argv[i], "debug") == 0) {
			ret->debug = true;
		} else if (strncmp(argv[i], "exempt=", 7) == 0 && argv[i][7] && ret->n_exempt < MAX_EXEMPT) {
			ret->exempt[ret->n_exempt++] = argv[i] + 7;
		} else if (strncmp(argv[i], "timeout=", 8) == 0) {
			seconds = strtoul(argv[i] + 8, &end, 10);
			if (*end || end == argv[i] + 8 || seconds < 1 || seconds > 60)
				wrong = i + 1;
			else
				ret->timeout_ms = (uint32_t)seconds * 1000;
		} else {
			wrong = i + 1;
		}
	}
	if (wrong)
		pam_syslog(pamh, LOG_ERR, "argument '%s' is wrong; known are exempt=GROUP, timeout=1..60, debug",
			argv[wrong - 1]);
	return wrong ? -EINVAL : 0;
}

/* By the local file alone: an answer that no network, no cache and no daemon has a part in. */
static bool in_local_group(const char *user, const struct passwd *pw, const char *name)
{
	_cleanup_file_ FILE *f = fopen("/etc/group", "re");
	const struct group *g;
	char **member;

	while (f && (g = fgetgrent(f))) {
		if (strcmp(g->gr_name, name) != 0)
			continue;
		if (pw && pw->pw_gid == g->gr_gid)
			return true;
		for (member = g->gr_mem; *member; member++)
			if (strcmp(*member, user) == 0)
				return true;
	}
	return false;
}

static bool is_exempt(const char *user, const struct passwd *pw, const struct arguments *args)
{
	size_t i;

	if (pw && pw->pw_uid == 0)
		return true;
	for (i = 0; i < args->n_exempt; i++)
		if (in_local_group(user, pw, args->exempt[i]))
			return true;
	return false;
}

static void data_free(pam_handle_t *pamh, void *data, int status)
{
	struct carrel_data *d = data;

	(void)pamh;
	(void)status;
	session_forget(d);
	free(d);
}

static struct carrel_data *data_get(pam_handle_t *pamh, bool make)
{
	const void *found = NULL;
	struct carrel_data *d;

	if (pam_get_data(pamh, DATA_NAME, &found) == PAM_SUCCESS && found)
		return (struct carrel_data *)found;
	if (!make)
		return NULL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->conn_fd = d->pidfd = d->filter_fd = d->cgroup_fd = d->doors_fd = -1;
	if (pam_set_data(pamh, DATA_NAME, d, data_free) != PAM_SUCCESS) {
		free(d);
		return NULL;
	}
	return d;
}

static void item_copy(pam_handle_t *pamh, int item, char *ret, size_t room)
{
	const void *value = NULL;

	if (pam_get_item(pamh, item, &value) == PAM_SUCCESS && value)
		(void)snprintf(ret, room, "%s", (const char *)value);
}

/* Whole or not at all: a cut name would be somebody else's. */
static int request_fill(pam_handle_t *pamh, const char *user, const struct arguments *args,
	struct session_request *q, struct err *e)
{
	memset(q, 0, sizeof(*q));
	q->head = (struct wire_head){ WIRE_VERSION, REQ_SESSION, sizeof(*q) };
	q->timeout_ms = args->timeout_ms;
	if (strlen(user) >= sizeof(q->user))
		return err_set(e, ENAMETOOLONG, "the user's name is too long");
	(void)snprintf(q->user, sizeof(q->user), "%s", user);
	item_copy(pamh, PAM_SERVICE, q->service, sizeof(q->service));
	item_copy(pamh, PAM_TTY, q->tty, sizeof(q->tty));
	item_copy(pamh, PAM_RHOST, q->rhost, sizeof(q->rhost));
	return 0;
}

static int confine(struct carrel_data *d, const struct passwd *pw, const char *service, struct err *e)
{
	int r;

	/* sshd's own code serves sftp and forwarding, as the user and where it stands: no door is in that way. */
	if (!d->hook && (d->program == HOOK_SERVES || strcmp(service, "sshd") == 0))
		return err_set(e, EPERM, "the auth line of pam_carrel.so is missing from the PAM stack of '%s'; `carrel pam enable %s` writes it",
			service, service);
	r = d->hook ? hook_hold(d, e) : net_cast(d, pw ? pw->pw_shell : NULL, e);
	if (r == 0) {
		d->opener = getpid();
		d->opener_gid = getgid();
	}
	return r;
}

/*
 * Not PAM_SESSION_ERR, at which sudo goes on as if nothing had been said. Services of the hook way are known to stop here; for
 * the others nothing is left that they could execute, whatever they make of the answer.
 */
static int refuse(pam_handle_t *pamh, const char *user, const char *for_log, const char *for_user)
{
	const struct carrel_data *d = data_get(pamh, false);
	struct err e;

	pam_syslog(pamh, LOG_ERR, "session for '%s' refused: %s", user, for_log);
	(void)pam_error(pamh, "carrel: no session: %s", for_user);
	if (!(d && d->hook) && net_shut(&e) < 0)
		pam_syslog(pamh, LOG_ALERT, "session for '%s' refused, but the service may go on: %s", user, e.text);
	return PAM_PERM_DENIED;
}

static int open_confined(pam_handle_t *pamh, const char *user, const struct passwd *pw, const struct arguments *args)
{
	struct carrel_data *d = data_get(pamh, true);
	struct session_request q;
	enum answer verdict = ANSWER_REFUSED;
	char text[256] = "";
	struct err e;
	int r;

	if (!d)
		return refuse(pamh, user, "out of memory", "the machine is out of memory; try again");
	r = request_fill(pamh, user, args, &q, &e);
	if (r == 0) {
		d->program = hook_program_find(q.service);
		d->hook = d->credited && d->program != HOOK_NONE;
		q.hook = d->hook;
		r = session_ask(d, &q, &verdict, text, &e);
	}
	if (r < 0)
		return refuse(pamh, user, e.text, "carrel-helper is not working; tell the administrator");
	if (verdict == ANSWER_EXEMPT)
		return PAM_IGNORE;
	if (verdict == ANSWER_REFUSED)
		return refuse(pamh, user, text, text);
	r = confine(d, pw, q.service, &e);
	if (r < 0) {
		session_close(d, args->timeout_ms);
		session_forget(d);
		return refuse(pamh, user, e.text, e.text);
	}
	if (args->debug)
		pam_syslog(pamh, LOG_DEBUG, "session %llu of '%s': %s", (unsigned long long)d->id, user,
			d->hook ? "the service's child will join" : "through the door");
	return PAM_SUCCESS;
}

int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const struct passwd *pw;
	struct arguments args;
	const char *user = NULL;
	int wrong;

	(void)flags;
	wrong = arguments_read(pamh, argc, argv, &args);
	if (pam_get_user(pamh, &user, NULL) != PAM_SUCCESS || !user || !*user)
		return PAM_SESSION_ERR;
	pw = pam_modutil_getpwnam(pamh, user);
	if (is_exempt(user, pw, &args))
		return PAM_IGNORE;
	/* su in a container, by its root: confined it is. */
	if (access(INSIDE_MARK, F_OK) == 0)
		return PAM_IGNORE;
	if (wrong < 0)
		return refuse(pamh, user, "the module's arguments are wrong",
			"pam_carrel is configured wrongly; tell the administrator");
	return open_confined(pamh, user, pw, &args);
}

int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct carrel_data *d = data_get(pamh, false);

	(void)flags;
	(void)argc;
	(void)argv;
	if (!d || d->opener == 0 || d->joined || d->opener != getpid())
		return PAM_IGNORE;
	session_close(d, DEFAULT_TIMEOUT_MS);
	session_forget(d);
	d->opener = 0;
	return PAM_SUCCESS;
}

int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct carrel_data *d;
	struct err e;

	(void)argc;
	(void)argv;
	if (flags & PAM_DELETE_CRED)
		return PAM_IGNORE;
	d = data_get(pamh, true);
	if (!d)
		return PAM_BUF_ERR;
	if (d->opener == 0) {
		d->credited = true;
		return PAM_IGNORE;
	}
	if (!d->hook || d->joined || d->opener == getpid())
		return PAM_IGNORE;
	if (hook_join(d, &e) < 0) {
		pam_syslog(pamh, LOG_ERR, "session %llu: process ended, it %s", (unsigned long long)d->id, e.text);
		_exit(EXIT_REFUSED);
	}
	return PAM_SUCCESS;
}

/* The auth line is there for pam_sm_setcred. */
int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_IGNORE;
}
