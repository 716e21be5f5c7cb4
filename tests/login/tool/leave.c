/*
 * leave WHAT PATH - as root of a container, tries to leave something behind on PATH: an ACL of an ID of the container's, file
 * capabilities, an attribute that overlayfs obeys; or, "connect", asks at the abstract socket PATH. Prints "done" or errno's name.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

static int leave_acl(const char *path)
{
	struct entry {
		uint16_t tag, perm;
		uint32_t id;
	} acl[] = { { 1, 6, -1u }, { 2, 7, 1234 }, { 4, 4, -1u }, { 16, 7, -1u }, { 32, 4, -1u } };
	char value[4 + sizeof(acl)] = { 2 }; /* the version */

	memcpy(value + 4, acl, sizeof(acl));
	return setxattr(path, "system.posix_acl_access", value, sizeof(value), 0);
}

static int leave_caps(const char *path)
{
	struct vfs_cap_data caps = { VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, { { -1u, 0 }, { -1u, 0 } } };

	return setxattr(path, "security.capability", &caps, sizeof(caps), 0);
}

static int ask_abstract(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(a.sun_path + 1, name, sizeof(a.sun_path) - 2);
	return connect(fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)));
}

int main(int argc, char **argv)
{
	int r = -1;

	if (argc != 3)
		return 2;
	if (!strcmp(argv[1], "acl"))
		r = leave_acl(argv[2]);
	else if (!strcmp(argv[1], "caps"))
		r = leave_caps(argv[2]);
	else if (!strcmp(argv[1], "overlay"))
		r = setxattr(argv[2], "trusted.overlay.opaque", "y", 1, 0);
	else if (!strcmp(argv[1], "connect"))
		r = ask_abstract(argv[2]);
	puts(r == 0 ? "done" : strerrorname_np(errno));
	return r != 0;
}
