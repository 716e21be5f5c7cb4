/*
 * limits - which cgroup a container and its sessions live in.
 *
 * Trust:  numbers and names come from the policy; paths are built from a uid and a checked profile name only.
 * Order:  before the container's namespaces are made, so that its cgroup namespace begins at its own group.
 * Fails:  a limit that cannot be had is an error, unless the profile says best-effort.
 */
#include "helper/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/io.h"

#define CGROUP "/sys/fs/cgroup"
#define OWN CGROUP "/carrel"
#define BUS_TIMEOUT_US 1000000u
#define CPU_PERIOD_US 100000u

static bool has_limits(const struct profile *p)
{
	return p->memory_max || p->tasks_max || p->cpu_percent;
}

/* --- systemd --- */

static int bus_failed(struct err *e, const char *what, int code, const sd_bus_error *error)
{
	return err_set(e, -code, "limits: systemd does not %s: %s", what,
		error->message ? error->message : strerror(-code));
}

static bool has_moved(const char *unit)
{
	_cleanup_fd_ int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct err ignored;
	size_t n;

	return fd >= 0 && fd_read_all(fd, 1u << 18, &text, &n, &ignored) == 0 && strstr(text, unit);
}

/* The kernel shows the move when systemd has done it; the job's own signal would tell the same, later. */
static int await_move(const char *unit, struct err *e)
{
	const struct timespec pause = { 0, 2000000 };
	int i;

	for (i = 0; i < 500; i++) {
		if (has_moved(unit))
			return 0;
		(void)nanosleep(&pause, NULL);
	}
	return err_set(e, ETIMEDOUT, "limits: systemd did not start %s within a second", unit);
}

/* In an array of properties: those of a slice or a scope. */
static int limits_append(sd_bus_message *m, const struct profile *p)
{
	int r = 0;

	if (p->memory_max)
		r = sd_bus_message_append(m, "(sv)", "MemoryMax", "t", p->memory_max);
	if (r >= 0 && p->tasks_max)
		r = sd_bus_message_append(m, "(sv)", "TasksMax", "t", p->tasks_max);
	if (r >= 0 && p->cpu_percent)
		r = sd_bus_message_append(m, "(sv)", "CPUQuotaPerSecUSec", "t", p->cpu_percent * 10000);
	return r;
}

/* p: whose limits the scope itself gets; NULL: none. */
static int scope_start(sd_bus *bus, uid_t uid, const char *unit, const struct profile *p, struct err *e)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	char slice[64], description[128];
	int r;

	(void)snprintf(slice, sizeof(slice), "user-%u.slice", (unsigned)uid);
	(void)snprintf(description, sizeof(description), "Carrel container of UID %u", (unsigned)uid);
	r = sd_bus_message_new_method_call(bus, &m, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
		"org.freedesktop.systemd1.Manager", "StartTransientUnit");
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", unit, "fail");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)", "Description", "s", description, "Slice", "s", slice,
			"CollectMode", "s", "inactive-or-failed", "PIDs", "au", 1, (uint32_t)getpid());
	if (r >= 0 && p)
		r = limits_append(m, p);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r >= 0)
		r = sd_bus_call(bus, m, BUS_TIMEOUT_US, &error, NULL);
	if (r < 0)
		r = bus_failed(e, "start a scope", r, &error);
	sd_bus_error_free(&error);
	sd_bus_message_unref(m);
	return r < 0 ? r : await_move(unit, e);
}

static int slice_limit(sd_bus *bus, uid_t uid, const struct profile *p, struct err *e)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	char slice[64];
	int r;

	(void)snprintf(slice, sizeof(slice), "user-%u.slice", (unsigned)uid);
	r = sd_bus_message_new_method_call(bus, &m, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
		"org.freedesktop.systemd1.Manager", "SetUnitProperties");
	if (r >= 0)
		r = sd_bus_message_append(m, "sb", slice, 1);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = limits_append(m, p);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_call(bus, m, BUS_TIMEOUT_US, &error, NULL);
	if (r < 0)
		r = bus_failed(e, "set limits", r, &error);
	sd_bus_error_free(&error);
	sd_bus_message_unref(m);
	return r < 0 ? r : 0;
}

/* launch: its name; then the limits are the scope's own, else the user's slice's. */
static int enter_by_systemd(uid_t uid, const struct profile *p, const char *launch, struct err *e)
{
	char unit[160];
	sd_bus *bus = NULL;
	int r;

	/* The pid makes it unique: the scope of a predecessor may still be going away. */
	(void)snprintf(unit, sizeof(unit), "carrel-%u-%s-%d.scope", (unsigned)uid, launch ? launch : p->name, (int)getpid());
	r = sd_bus_open_system(&bus);
	if (r < 0)
		return err_set(e, -r, "limits: cannot reach systemd: %s", strerror(-r));
	r = scope_start(bus, uid, unit, launch ? p : NULL, e);
	if (r == 0 && !launch && has_limits(p))
		r = slice_limit(bus, uid, p, e);
	sd_bus_flush_close_unref(bus);
	return r;
}

/* --- cgroup v2 without systemd --- */

static int file_put(const char *dir, const char *file, const char *text)
{
	_cleanup_fd_ int fd = -1;
	char path[384];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, file) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -errno;
	return 0;
}

static int limit_put(const char *dir, const char *file, uint64_t value, struct err *e)
{
	char text[64];
	int r;

	if (!value)
		return 0;
	if (strcmp(file, "cpu.max") == 0)
		(void)snprintf(text, sizeof(text), "%" PRIu64 " %u", value * (CPU_PERIOD_US / 100),
			CPU_PERIOD_US);
	else
		(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	r = file_put(dir, file, text);
	return r < 0 ? err_set(e, -r, "limits: cannot write %s/%s: %s", dir, file, strerror(-r)) : 0;
}

static bool unified(void)
{
	struct statfs fs;

	return statfs(CGROUP, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static void own_group(uid_t uid, const struct profile *p, const char *launch, char ret[static 256])
{
	(void)snprintf(ret, 256, OWN "/%u%s%s", (unsigned)uid, launch ? "." : "-", launch ? launch : p->name);
}

static int enter_own_group(uid_t uid, const struct profile *p, const char *launch, char group[static 256], struct err *e)
{
	int r;

	if (!unified())
		return err_set(e, ENOTSUP, "limits: profile '%s' sets some, but %s is not cgroup v2 and there is no systemd (limits = best-effort goes without)",
			p->name, CGROUP);
	(void)file_put(CGROUP, "cgroup.subtree_control", "+memory +pids +cpu");
	if (mkdir(OWN, 0755) < 0 && errno != EEXIST)
		return err_set(e, errno, "limits: cannot make %s: %s", OWN, strerror(errno));
	(void)file_put(OWN, "cgroup.subtree_control", "+memory +pids +cpu");
	own_group(uid, p, launch, group);
	if (mkdir(group, 0755) < 0 && errno != EEXIST)
		return err_set(e, errno, "limits: cannot make %s: %s", group, strerror(errno));
	r = limit_put(group, "memory.max", p->memory_max, e);
	if (r == 0)
		r = limit_put(group, "pids.max", p->tasks_max, e);
	if (r == 0)
		r = limit_put(group, "cpu.max", p->cpu_percent, e);
	if (r == 0) {
		r = file_put(group, "cgroup.procs", "0");
		if (r < 0)
			r = err_set(e, -r, "limits: cannot join %s: %s", group, strerror(-r));
	}
	if (r < 0)
		(void)rmdir(group); /* in vain, if others of the user's are in there */
	return r;
}

int limits_enter(uid_t uid, const struct profile *p, char ret_cgroup[static 256], struct err *e)
{
	char group[256] = "";
	int r = 0;

	if (sd_booted() > 0)
		r = enter_by_systemd(uid, p, NULL, e);
	else if (has_limits(p))
		r = enter_own_group(uid, p, NULL, group, e);
	if (r < 0 && p->limits == LIMITS_REQUIRED)
		return r;
	memcpy(ret_cgroup, r < 0 ? "" : group, r < 0 ? 1 : sizeof(group));
	return 0;
}

int limits_enter_launch(uid_t uid, const struct profile *p, const char *name, bool detached, char ret_cgroup[static 256],
	bool *ret_own, struct err *e)
{
	char group[256] = "";
	bool own = false;
	int r = 0;

	if (sd_booted() > 0 && (detached || has_limits(p))) {
		r = enter_by_systemd(uid, p, name, e);
		own = r == 0;
	} else if (has_limits(p)) {
		r = enter_own_group(uid, p, name, group, e);
		own = r == 0;
	}
	if (r < 0 && has_limits(p) && p->limits == LIMITS_REQUIRED)
		return r;
	memcpy(ret_cgroup, own ? group : "", own ? sizeof(group) : 1);
	*ret_own = own;
	return 0;
}

int limits_join_open(const char *cgroup, int *ret_fd, struct err *e)
{
	char path[300];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "limits: cannot open %s: %s", path, strerror(errno));
	*ret_fd = fd;
	return 0;
}

void limits_remove(const char *cgroup)
{
	if (cgroup[0])
		(void)rmdir(cgroup);
}

int limits_remove_launch(uid_t uid, const char *name)
{
	char group[256];

	own_group(uid, NULL, name, group);
	return rmdir(group) < 0 ? -errno : 0;
}
