#include "helper/cli/ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "helper/public/wire.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

static int connect_to(int fd, const char *place)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", place);
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

int helper_connect(unsigned seconds, int *ret_fd, struct err *e)
{
	const char *place = geteuid() == 0 ? WIRE_INSIDE : WIRE_SOCKET;
	const struct timeval patience = { .tv_sec = seconds };
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return err_set(e, errno, "cannot make a socket: %s", strerror(errno));
	r = connect_to(fd, place);
	if (r == -ENOENT)
		r = connect_to(fd, WIRE_INSIDE); /* all that a container has */
	if (r < 0)
		return err_set(
			e, -r, "carrel-helper does not answer at %s: %s", place, strerror(-r));
	*ret_fd = fd_take(&fd);
	return 0;
}
