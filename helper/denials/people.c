/*
 * people - who had which session, and whose launch which IDs: from the helper's records, and from what it said in the journal.
 *
 * Trust:  /run/carrel/state is root's. A process is the recorded one when it began at the recorded time.
 */
#include "helper/denials/people.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "helper/denials/journal.h"
#include "helper/denials/record.h"
#include "helper/denials/source.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define OPEN_SLACK_US 2000000u /* the log may hear of a session after its first call was refused */
#define STATE_FILE_MAX 2048
#define BORDER_US 20000u /* the clock of the kernel's records goes by ticks, of up to 10 ms */

static int append(void **v, size_t *n, size_t size, const void *item)
{
	void *more = realloc(*v, (*n + 1) * size);

	if (!more)
		return -ENOMEM;
	*v = more;
	memcpy((char *)more + (*n)++ * size, item, size);
	return 0;
}

int people_add_owner(struct people *p, const struct owner *o)
{
	return append((void **)&p->owners, &p->n_owners, sizeof(*o), o);
}

int people_add_lending(struct people *p, const struct lending *l)
{
	if (l->uids.count > p->longest)
		p->longest = l->uids.count;
	p->sorted = false;
	return append((void **)&p->lendings, &p->n_lendings, sizeof(*l), l);
}

int people_add_session(struct people *p, const struct known_session *s)
{
	return append((void **)&p->sessions, &p->n_sessions, sizeof(*s), s);
}

void people_done(struct people *p)
{
	free(p->owners);
	free(p->lendings);
	free(p->sessions);
	*p = (struct people){ 0 };
}

const struct owner *people_owner(const struct people *p, uint32_t uid)
{
	const struct owner *best = NULL;

	for (size_t i = 0; i < p->n_owners; i++) {
		const struct owner *o = &p->owners[i];

		/* An owner may be known twice, once by name only. */
		if (o->uid == uid || (o->uids.count && id_range_holds(&o->uids, uid)))
			if (!best || (o->has_container && !best->has_container) ||
				(o->has_container == best->has_container && o->uid == uid && best->uid != uid))
				best = o;
	}
	return best;
}

/* --- ranges that were lent --- */

static int compare_lendings(const void *a, const void *b)
{
	const struct lending *x = a, *y = b;

	if (x->uids.start != y->uids.start)
		return x->uids.start < y->uids.start ? -1 : 1;
	if (x->from_us != y->from_us)
		return x->from_us < y->from_us ? -1 : 1;
	return (x->until_us > y->until_us) - (x->until_us < y->until_us); /* one may be known as running and as ended */
}

/* How many stand before or at this one, in order. */
static size_t lendings_upto(const struct people *p, uint32_t start, uint64_t from_us)
{
	const struct lending key = { .uids = { start, 1 }, .from_us = from_us, .until_us = UINT64_MAX };
	size_t low = 0, high = p->n_lendings;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_lendings(&p->lendings[middle], &key) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Those of one range follow each other: the first that had ended before is the last that counts. */
static size_t holders_of(const struct people *p, uint32_t start, uint32_t id, uint64_t time_us, uint32_t *ret_uid)
{
	size_t n = 0;

	for (size_t i = lendings_upto(p, start, time_us + BORDER_US); i > 0; i--) {
		const struct lending *l = &p->lendings[i - 1];

		if (l->uids.start != start || l->until_us + BORDER_US < time_us)
			break;
		if (!id_range_holds(&l->uids, id) || (n > 0 && *ret_uid == l->uid))
			continue;
		*ret_uid = l->uid;
		n++;
	}
	return n;
}

bool people_holder(struct people *p, uint32_t id, uint64_t time_us, uint32_t *ret_uid)
{
	uint32_t start = id, uid = 0, found = 0;
	size_t i, n = 0;

	if (!p->sorted && p->n_lendings)
		qsort(p->lendings, p->n_lendings, sizeof(*p->lendings), compare_lendings);
	p->sorted = true;
	/* From range to range downwards, as far as one may reach up to the ID. */
	while (time_us && (i = lendings_upto(p, start, UINT64_MAX)) > 0) {
		uint32_t at = p->lendings[i - 1].uids.start;
		size_t here;

		if (id - at >= p->longest)
			break;
		here = holders_of(p, at, id, time_us, &uid);
		if (here > 0 && (n == 0 || uid != found || here > 1))
			n += here;
		if (here > 0)
			found = uid;
		if (at == 0)
			break;
		start = at - 1;
	}
	if (n != 1)
		return false;
	*ret_uid = found;
	return true;
}

const struct known_session *people_session(const struct people *p, uint32_t uid, uint32_t ses, uint64_t time_us)
{
	const struct known_session *best = NULL;

	for (size_t i = 0; ses != RECORD_UNSET && i < p->n_sessions; i++) {
		const struct known_session *s = &p->sessions[i];

		if (s->uid != uid || s->ses != ses || s->opened_us > time_us + OPEN_SLACK_US)
			continue;
		if (!best || s->lives > best->lives || (s->lives == best->lives && s->opened_us > best->opened_us))
			best = s;
	}
	return best;
}

/* --- the helper's records --- */

static bool file_read(int dir_fd, const char *name, char *buf, size_t size)
{
	_cleanup_fd_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (n <= 0)
		return false;
	buf[n] = '\0';
	return true;
}

static bool proc_number(int proc_fd, int pid, const char *name, uint32_t *ret)
{
	char path[48], text[32];

	(void)snprintf(path, sizeof(path), "%d/%s", pid, name);
	return file_read(proc_fd, path, text, sizeof(text)) && sscanf(text, "%" SCNu32, ret) == 1;
}

/* Clock ticks since boot, field 22 of proc(5) stat. The name stands in parentheses and may hold anything. */
static bool proc_start(int proc_fd, int pid, uint64_t *ret)
{
	char path[48], text[1024], *field;

	(void)snprintf(path, sizeof(path), "%d/stat", pid);
	if (!file_read(proc_fd, path, text, sizeof(text)))
		return false;
	field = strrchr(text, ')');
	for (int i = 2; field && i < 22; i++)
		field = strchr(field + 1, ' ');
	return field && sscanf(field, " %" SCNu64, ret) == 1;
}

static uint64_t wall_clock_of(uint64_t ticks)
{
	uint64_t since_boot = ticks * (1000000 / (uint64_t)sysconf(_SC_CLK_TCK));
	struct timespec now, up;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)clock_gettime(CLOCK_BOOTTIME, &up);
	return (uint64_t)(now.tv_sec - up.tv_sec) * 1000000 + since_boot;
}

static uint64_t wall_clock(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static bool range_take(const char *name, const char *text, uint32_t *ret_uid, struct id_range *ret_uids)
{
	const char *uids = strstr(text, "\nuids ");

	return sscanf(name + 1, ".%" SCNu32 ".", ret_uid) == 1 && uids &&
		sscanf(uids, "\nuids %" SCNu32 " %" SCNu32, &ret_uids->start, &ret_uids->count) == 2 && id_range_valid(ret_uids);
}

static int container_take(struct people *p, const char *name, const char *text, uint32_t only)
{
	struct owner o = { .has_container = true };

	if (!range_take(name, text, &o.uid, &o.uids) || (only != RECORD_UNSET && only != o.uid))
		return 0;
	return people_add_owner(p, &o);
}

static int launch_take(struct people *p, const char *name, const char *text)
{
	struct lending l = { .until_us = wall_clock() };
	const char *started = strstr(text, "\nstarted ");

	if (!range_take(name, text, &l.uid, &l.uids) || !started || sscanf(started, "\nstarted %" SCNu64, &l.from_us) != 1)
		return 0;
	return people_add_lending(p, &l);
}

static int session_take(struct people *p, int proc_fd, const char *text, uint32_t only)
{
	struct known_session s = { .lives = true, .ses = RECORD_UNSET };
	uint64_t start, now;
	char user[256];
	int pid;

	if (sscanf(text, "uid %" SCNu32 "\nprofile %32[a-z0-9-]\npid %d\nstart %" SCNu64 "\nservice %63[^\n]\nuser %255[^\n]",
		    &s.uid, s.profile, &pid, &start, s.service, user) < 4 ||
		(only != RECORD_UNSET && only != s.uid))
		return 0;
	if (!proc_number(proc_fd, pid, "sessionid", &s.ses) || !proc_start(proc_fd, pid, &now) || now != start)
		return 0;
	s.opened_us = wall_clock_of(start);
	return people_add_session(p, &s);
}

int people_read_state(struct people *p, int state_fd, int proc_fd, uint32_t only, struct err *e)
{
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *entry;
	int fd = openat(state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (fd >= 0)
		dir = fdopendir(fd);
	if (!dir)
		return err_set(e, errno, "cannot read %s: %s", PEOPLE_STATE, strerror(errno));
	while (r == 0 && (entry = readdir(dir))) {
		char text[STATE_FILE_MAX];

		if (strncmp(entry->d_name, "c.", 2) == 0 && file_read(state_fd, entry->d_name, text, sizeof(text)))
			r = container_take(p, entry->d_name, text, only);
		else if (strncmp(entry->d_name, "l.", 2) == 0 && file_read(state_fd, entry->d_name, text, sizeof(text)))
			r = launch_take(p, entry->d_name, text);
		else if (strncmp(entry->d_name, "s.", 2) == 0 && file_read(state_fd, entry->d_name, text, sizeof(text)))
			r = session_take(p, proc_fd, text, only);
	}
	return r < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

/* --- the journal --- */

struct taking {
	struct people *people;
	uint32_t only;
};

static int logged_take(const struct journal_session *j, void *data)
{
	struct known_session s = { .uid = j->uid, .ses = j->ses, .opened_us = j->time_us };
	struct taking *t = data;

	if (t->only != RECORD_UNSET && t->only != j->uid)
		return 0;
	memcpy(s.profile, j->profile, sizeof(s.profile));
	memcpy(s.service, j->service, sizeof(s.service));
	return people_add_session(t->people, &s);
}

static int ended_take(const struct journal_lending *j, void *data)
{
	const struct lending l = { { j->start, j->count }, j->uid, j->from_us, j->until_us };

	return id_range_valid(&l.uids) ? people_add_lending(data, &l) : 0;
}

int people_read_log(struct people *p, struct source *s, uint64_t since_us, uint32_t only, struct err *e)
{
	struct taking t = { p, only };
	int r = source_sessions(s, since_us, logged_take, &t, e);

	return r == 0 ? source_lendings(s, since_us, ended_take, p, e) : r;
}
