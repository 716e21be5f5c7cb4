#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helper/cli/ask.h"
#include "helper/cli/denials.h"
#include "helper/public/message.h"
#include "helper/public/wire.h"
#include "policy/base/cleanup.h"

#define ANSWER_SECONDS 10

bool denials_inside(void)
{
	return access("/run/carrel/session", F_OK) == 0;
}

static int take_record(const struct denials_item *i, size_t len, struct gathered *ret)
{
	struct record r;

	if (record_read(i->text, len, &r) != 1)
		return -EBADMSG;
	return denial_add_many(&ret->table, &r, i->flag ? i->uid : RECORD_UNSET, i->count, i->first_us, i->last_us);
}

static int take_note(const struct denials_item *i, size_t len, struct gathered *ret)
{
	if (ret->n_notes == SOURCE_NOTES_MAX)
		return 0;
	ret->notes[ret->n_notes].loss = i->flag;
	(void)snprintf(ret->notes[ret->n_notes].text, sizeof(ret->notes[0].text), "%.*s", (int)len, i->text);
	ret->n_notes++;
	return 0;
}

static int take_session(const struct denials_item *i, struct gathered *ret)
{
	struct known_session s = { .uid = i->uid, .ses = i->number, .opened_us = i->first_us, .lives = i->flag };

	(void)snprintf(s.profile, sizeof(s.profile), "%.*s", (int)sizeof(s.profile) - 1, i->profile);
	(void)snprintf(s.service, sizeof(s.service), "%.*s", (int)sizeof(s.service) - 1, i->service);
	return people_add_session(&ret->people, &s);
}

static int take_owner(const struct denials_item *i, size_t len, struct gathered *ret)
{
	struct owner o = { .uid = i->uid, .uids = { i->number, (uint32_t)i->count }, .has_container = i->flag };

	(void)snprintf(o.name, sizeof(o.name), "%.*s", (int)len, i->text);
	return people_add_owner(&ret->people, &o);
}

/* 1: it was the last. */
static int take_item(const struct denials_item *i, size_t len, struct gathered *ret, struct err *e)
{
	switch (i->kind) {
	case DENIALS_END:
		ret->table.left_out += i->count;
		return 1;
	case DENIALS_REFUSED:
		return err_set(e, EPERM, "%.*s", (int)len, i->text);
	case DENIALS_NOTE:
		return take_note(i, len, ret);
	case DENIALS_OWNER:
		return take_owner(i, len, ret);
	case DENIALS_SESSION:
		return take_session(i, ret);
	case DENIALS_RECORD:
		return take_record(i, len, ret);
	}
	return -EBADMSG;
}

int denials_ask(const struct denials_options *o, struct gathered *ret, struct err *e)
{
	struct denials_request q = { .head = { WIRE_VERSION, REQ_DENIALS, sizeof(q) }, .since_us = o->since_us,
		.until_us = o->until_us };
	static struct denials_item item;
	_cleanup_fd_ int fd = -1;
	int r = helper_connect(ANSWER_SECONDS, &fd, e);

	if (r < 0)
		return err_wrap(e, r, "only the machine's root may read the logs; carrel-helper does it for others");

	if (message_send(fd, &q, sizeof(q), NULL, 0) < 0)
		r = err_set(e, EPIPE, "carrel-helper does not listen; try again");
	while (r == 0) {
		ssize_t n = message_recv(fd, &item, sizeof(item), NULL, 0, NULL);
		size_t fixed = offsetof(struct denials_item, text);

		if (n <= 0)
			return err_set(e, EIO, "carrel-helper broke off: %s",
				n == 0 ? "the logs are long, or too many ask at once; try again with --since" : strerror((int)-n));
		if ((size_t)n < fixed || item.head.version != WIRE_VERSION || item.head.length != (size_t)n)
			return err_set(e, EBADMSG, "carrel-helper is of another version; restart it");
		r = take_item(&item, (size_t)n - fixed, ret, e);
		if (r == -EBADMSG || r == -ENOMEM)
			return err_set(e, -r, "%s", r == -ENOMEM ? "out of memory" : "carrel-helper's answer makes no sense");
	}
	denial_sort(&ret->table);
	return r < 0 ? r : 0;
}
