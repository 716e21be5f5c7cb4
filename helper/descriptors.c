/*
 * descriptors - what a child of the main process keeps open.
 */
#include "helper/descriptors.h"

#include <stdlib.h>
#include <unistd.h>

#include "helper/image_cache.h"
#include "helper/public/syscalls.h"
#include "helper/server.h"

static int order(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* All of them, or how many there are if keep is NULL. */
static size_t collect(int *keep)
{
	const int ours[] = { server.registry.state_fd, server.proc_fd, server.cache_fd, server.base_mntns_fd, server.init_fd,
		server.relay_fd, server.root_program_fd };
	const struct cached_image *i;
	size_t n = 0, j;

	for (j = 0; j < sizeof(ours) / sizeof(ours[0]); j++, n++)
		if (keep)
			keep[n] = ours[j];
	for (j = 0; j < server.n_names_fds; j++, n++)
		if (keep)
			keep[n] = server.names_fds[j];
	for (i = server.images; i; i = i->next) {
		const int image[] = { i->image.tree_fd, i->image.file_fd, i->image.watch_fd };

		for (j = 0; j < sizeof(image) / sizeof(image[0]); j++, n++)
			if (keep)
				keep[n] = image[j];
	}
	return n;
}

void descriptors_keep(const int *fds, size_t n)
{
	size_t all = collect(NULL), i;
	int *keep = malloc((all + n) * sizeof(*keep)), from = 3;

	if (!keep)
		_exit(1);
	(void)collect(keep);
	for (i = 0; i < n; i++)
		keep[all++] = fds[i];
	qsort(keep, all, sizeof(*keep), order);
	for (i = 0; i < all; i++) {
		if (keep[i] < from)
			continue;
		if (keep[i] > from)
			(void)sys_close_range((unsigned)from, (unsigned)keep[i] - 1);
		from = keep[i] + 1;
	}
	(void)sys_close_range((unsigned)from, ~0u);
	free(keep);
}
