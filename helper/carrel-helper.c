/*
 * carrel-helper - the only privileged program of Carrel.
 *
 * Trust:  started as root by systemd (socket activation) or by hand with --listen; never setuid. The environment is dropped.
 * In:     LISTEN_FDS: one listening SOCK_SEQPACKET socket; or none, with --listen.
 * Order:  directories, descriptors that need the host's view, own mount namespace, base namespace, /dev, doors; then the
 *         capabilities that are not needed go, and only then is anybody served.
 * Fails:  one line on standard error and in the journal, exit 1; 2 for a wrong command line.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "helper/caps.h"
#include "helper/doors.h"
#include "helper/log.h"
#include "helper/paths.h"
#include "helper/public/syscalls.h"
#include "helper/public/wire.h"
#include "helper/sandbox.h"
#include "helper/server.h"
#include "helper/view_base.h"
#include "helper/view_mount.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/paths.h"

static const char usage[] = "usage: carrel-helper [--listen] [--config DIR] [--verbose]\n"
			    "       carrel-helper --help | --version\n";

struct options {
	bool listen;
	bool verbose;
};

static int failed(struct err *e, const char *what, const char *path)
{
	return err_set(e, errno, "cannot %s '%s': %s", what, path, strerror(errno));
}

static int open_program(const char *path, int *ret_fd, struct err *e)
{
	struct stat st;

	*ret_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*ret_fd < 0 || fstat(*ret_fd, &st) < 0)
		return failed(e, "open", path);
	if (st.st_uid != 0 || (st.st_mode & 022))
		return err_set(e, EPERM, "'%s' must be root's and writable by nobody else", path);
	return 0;
}

static int open_everything(struct err *e)
{
	int r;

	if (mkdir(RUN_DIR, 0755) < 0 && errno != EEXIST)
		return failed(e, "make", RUN_DIR);
	if (mkdir(CACHE_DIR, 0700) < 0 && errno != EEXIST)
		return failed(e, "make", CACHE_DIR);
	if (mkdir(INSIDE_DIR, 0755) < 0 && errno != EEXIST)
		return failed(e, "make", INSIDE_DIR);
	server.cache_fd = open(CACHE_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (server.cache_fd < 0)
		return failed(e, "open", CACHE_DIR);
	server.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (server.proc_fd < 0)
		return failed(e, "open", "/proc");
	r = open_program(CARREL_LIBEXECDIR "/carrel-init", &server.init_fd, e);
	if (r == 0)
		r = open_program(CARREL_LIBEXECDIR "/carrel-relay", &server.relay_fd, e);
	if (r == 0)
		r = open_program(CARREL_LIBEXECDIR "/carrel-root", &server.root_program_fd, e);
	if (r == 0)
		r = registry_open(STATE_DIR, server.proc_fd, &server.registry, e);
	return r;
}

/* A helper that runs already has a socket that answers; one that was killed left one that does not. */
static int listen_self(struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = WIRE_SOCKET };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return failed(e, "make socket", WIRE_SOCKET);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		(void)close(fd);
		return err_set(e, EADDRINUSE, "another carrel-helper serves %s", WIRE_SOCKET);
	}
	(void)unlink(WIRE_SOCKET);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(WIRE_SOCKET, 0666) < 0 ||
		listen(fd, SOMAXCONN) < 0) {
		(void)close(fd);
		return failed(e, "listen at", WIRE_SOCKET);
	}
	server.listen_fd = fd;
	return 0;
}

/*
 * In a directory of its own, which views show: so that a new helper's socket is seen in old containers. Always ours, also where
 * systemd hands over the other: what is asked there can wait until a helper runs.
 */
static int listen_inside(struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = WIRE_INSIDE };
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return failed(e, "make socket", WIRE_INSIDE);
	(void)unlink(WIRE_INSIDE);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(WIRE_INSIDE, 0666) < 0 ||
		listen(fd, SOMAXCONN) < 0)
		return failed(e, "listen at", WIRE_INSIDE);
	server.inside_fd = fd_take(&fd);
	return 0;
}

static int listen_handed(struct err *e)
{
	int n = sd_listen_fds(1);

	if (n != 1 || sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_SEQPACKET, 1, NULL, 0) <= 0)
		return err_set(e, EINVAL, "no listening socket was handed over; start carrel-helper.socket, or use --listen");
	server.listen_fd = SD_LISTEN_FDS_START;
	return 0;
}

/* Name service modules are loaded here, once, instead of in every child; only the question for groups reaches them all. */
static void name_services_load(void)
{
	const int first = server.listen_fd < 0 ? SD_LISTEN_FDS_START : server.listen_fd + 1;
	gid_t groups[16];
	int n_groups = 16, fd;

	(void)getpwuid(0);
	(void)getgrouplist("root", 0, groups, &n_groups);
	/* Nothing else is open yet from there on. */
	for (fd = first; fd < first + 4 * NAMES_FDS_MAX && server.n_names_fds < NAMES_FDS_MAX; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			server.names_fds[server.n_names_fds++] = fd;
}

static void prepare_process(void)
{
	char *notify = getenv("NOTIFY_SOCKET");
	_cleanup_free_ char *kept = notify ? strdup(notify) : NULL;
	/* Children that act as a user can be made to crash, for a moment after the IDs changed as dumpable as the sysctl says: attributes.c. */
	const struct rlimit no_core = { 1, 1 };
	struct rlimit files;

	/* Name services and libraries read theirs; ours must not depend on who started us. */
	(void)clearenv();
	if (kept)
		(void)setenv("NOTIFY_SOCKET", kept, 1);
	/* What whoever started us forgot to close would be in every child, and in the first process of every container. */
	(void)sys_close_range((unsigned)(server.listen_fd < 0 ? SD_LISTEN_FDS_START : server.listen_fd + 1), ~0u);
	(void)umask(022);
	(void)chdir("/");
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	name_services_load();
}

static int serve(const struct options *o, struct err *e)
{
	int r;

	if (geteuid() != 0)
		return err_set(e, EPERM, "carrel-helper must be started by root (it is not setuid, and must not be)");
	r = o->listen ? 0 : listen_handed(e);
	if (r < 0)
		return r;
	prepare_process();
	r = open_everything(e);
	if (r == 0)
		r = view_host_prepare(e);
	if (r == 0)
		r = doors_prepare(e);
	if (r == 0)
		r = view_base_make(&server.base_mntns_fd, e);
	if (r == 0)
		r = caps_keep_needed(e);
	if (r == 0)
		r = sandbox_enter(e);
	if (r == 0 && o->listen)
		r = listen_self(e);
	if (r == 0)
		r = listen_inside(e);
	return r < 0 ? r : server_run(e);
}

static int options_read(int argc, char **argv, struct options *o)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--listen") == 0) {
			o->listen = true;
		} else if (strcmp(argv[i], "--verbose") == 0) {
			o->verbose = true;
		} else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
			server.config_dir = argv[++i];
		} else if (strcmp(argv[i], "--help") == 0) {
			(void)fputs(usage, stdout);
			return 0;
		} else if (strcmp(argv[i], "--version") == 0) {
			(void)puts("carrel-helper " CARREL_VERSION);
			return 0;
		} else {
			(void)fprintf(stderr, "carrel-helper: unknown or incomplete option '%s'\n%s",
				argv[i], usage);
			return 2;
		}
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct event_fields f = { .priority = LOG_CRIT, .uid = -1 };
	struct options o = { false, false };
	struct err e;
	int done;

	server.config_dir = CARREL_SYSCONFDIR;
	done = options_read(argc, argv, &o);
	if (done >= 0)
		return done;
	openlog("carrel-helper", LOG_PID, LOG_AUTHPRIV);
	log_to_stderr(o.verbose);
	if (serve(&o, &e) < 0) {
		log_to_stderr(true);
		log_event(EVENT_HELPER, &f, "%s", e.text);
		return 1;
	}
	return 0;
}
