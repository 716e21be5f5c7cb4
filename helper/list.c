/*
 * list - the child that serves REQ_LIST: which containers there are, to whom they belong.
 *
 * Trust:  a user hears of the own ones alone; root of the host of all, on demand.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "helper/public/message.h"
#include "helper/worker.h"
#include "policy/base/err.h"

static int item_send(int fd, struct list_item *i)
{
	i->head = (struct wire_head){ WIRE_VERSION, REQ_LIST, sizeof(*i) };
	return message_send(fd, i, sizeof(*i), NULL, 0);
}

static int container_send(int fd, const struct container *c)
{
	struct list_item i;

	memset(&i, 0, sizeof(i));
	i.kind = LIST_CONTAINER;
	i.uid = c->uid;
	i.pid = c->pid;
	i.sessions = c->sessions;
	i.range_start = c->ranges.uids.start;
	i.range_count = c->ranges.uids.count;
	(void)snprintf(i.profile, sizeof(i.profile), "%s", c->profile);
	if (c->launch) {
		i.started_us = c->launch->started_us;
		memcpy(i.name, c->launch->name, sizeof(i.name));
		memcpy(i.image, c->launch->image, sizeof(i.image));
		memcpy(i.digest, c->launch->digest, sizeof(i.digest));
		memcpy(i.text, c->launch->command, sizeof(i.text));
	} else {
		(void)snprintf(i.name, sizeof(i.name), "@%s", c->profile);
	}
	return item_send(fd, &i);
}

int list_child(const struct task *t)
{
	const struct list_request *q = t->request;
	struct list_item end;
	const struct container *c;
	struct err e;
	int r = task_check_speaker(t, &e);

	memset(&end, 0, sizeof(end));
	end.kind = LIST_END;
	if (r == 0 && q->all && t->peer.uid != 0)
		r = err_set(&e, EPERM, "only root sees everybody's containers");
	if (r < 0) {
		end.kind = LIST_REFUSED;
		(void)snprintf(end.text, sizeof(end.text), "%.*s", (int)sizeof(end.text) - 1, e.text);
		(void)item_send(t->conn_fd, &end);
		return turn_away();
	}
	for (c = server.registry.containers; r == 0 && c; c = c->next)
		if (c->ready && !c->ending && (q->all || c->uid == t->peer.uid))
			r = container_send(t->conn_fd, c);
	return r < 0 || item_send(t->conn_fd, &end) < 0;
}
