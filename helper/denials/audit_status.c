#include "helper/denials/audit_status.h"

#include <linux/audit.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "policy/base/cleanup.h"

struct audit_facts audit_facts(void)
{
	_cleanup_fd_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	const struct timeval patience = { .tv_usec = 200000 };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct nlmsghdr ask = { .nlmsg_len = NLMSG_LENGTH(0), .nlmsg_type = AUDIT_GET, .nlmsg_flags = NLM_F_REQUEST };
	struct audit_facts facts = { .known = false };
	struct {
		struct nlmsghdr head;
		struct audit_status status;
		char rest[512];
	} answer;
	socklen_t len = sizeof(kernel);
	ssize_t n;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
		sendto(fd, &ask, ask.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return facts;
	memset(&answer, 0, sizeof(answer));
	n = recvfrom(fd, &answer, sizeof(answer), 0, (struct sockaddr *)&kernel, &len);
	if (n < (ssize_t)NLMSG_LENGTH(offsetof(struct audit_status, backlog)) || kernel.nl_pid != 0 ||
		answer.head.nlmsg_type != AUDIT_GET)
		return facts;
	facts.known = true;
	facts.daemon = answer.status.pid;
	facts.lost = answer.status.lost;
	return facts;
}
