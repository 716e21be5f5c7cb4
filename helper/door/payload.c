#include "helper/door/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "helper/public/wire.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

int payload_begin(struct payload *p)
{
	p->n = p->total = 0;
	/*
	 * vm.memfd_noexec may insist on the first form; before Linux 6.3 there is only the second.
	 */
	p->fd = memfd_create("carrel-door", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (p->fd < 0 && errno == EINVAL)
		p->fd = memfd_create("carrel-door", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return p->fd < 0 ? -errno : 0;
}

static int flush(struct payload *p)
{
	for (size_t done = 0; done < p->n;) {
		ssize_t n = write(p->fd, p->data + done, p->n - done);

		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	p->n = 0;
	return 0;
}

int payload_put(struct payload *p, const char *text)
{
	size_t left = strlen(text) + 1;

	p->total += left;
	if (p->total > ENTER_PAYLOAD_MAX)
		return -E2BIG;
	while (left > 0) {
		size_t room = sizeof(p->data) - p->n, n = left < room ? left : room;
		int r;

		memcpy(p->data + p->n, text, n);
		p->n += n;
		text += n;
		left -= n;
		r = p->n == sizeof(p->data) ? flush(p) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

int payload_seal(struct payload *p)
{
	int r = flush(p);

	if (r < 0)
		return r;
	if (fcntl(p->fd, F_ADD_SEALS,
		    (long)(F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)) < 0)
		return -errno;
	return 0;
}
