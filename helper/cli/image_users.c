#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "helper/cli/image.h"
#include "helper/public/message.h"
#include "helper/public/wire.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

#define ANSWER_SECONDS 5

/* *ret_fd -1: no helper was here since the machine started, so that there are no containers. */
static int helper_connect(int *ret_fd, struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = WIRE_INSIDE };
	const struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return err_set(e, errno, "cannot make a socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		*ret_fd = fd_take(&fd);
	else if (errno != ENOENT)
		return err_set(e, errno, "carrel-helper: %s", strerror(errno));
	return 0;
}

int image_users(struct strv *ret, struct err *e)
{
	struct list_request q = { .head = { WIRE_VERSION, REQ_LIST, sizeof(q) }, .all = 1 };
	struct list_item item;
	_cleanup_fd_ int fd = -1;
	int r = helper_connect(&fd, e);

	if (r < 0 || fd < 0)
		return r;
	if (message_send(fd, &q, sizeof(q), NULL, 0) < 0)
		return err_set(e, EPIPE, "carrel-helper does not listen");
	for (;;) {
		ssize_t n = message_recv(fd, &item, sizeof(item), NULL, 0, NULL);

		if (n != (ssize_t)sizeof(item) || item.head.version != WIRE_VERSION)
			return err_set(e, EBADMSG, "carrel-helper does not say who runs what");
		if (item.kind == LIST_END)
			return 0;
		if (item.kind != LIST_CONTAINER)
			return err_set(e, EPERM, "%.*s", (int)sizeof(item.text), item.text);
		if (strv_add(ret, item.digest, strnlen(item.digest, sizeof(item.digest))) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
}
