/*
 * image_oci - an OCI image becomes a tree, by the programs that people use for it: skopeo makes one layout of whatever it was
 * (and checks every blob's digest), umoci puts the layers together. Names of ours only stand on their command lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/cli/image.h"
#include "helper/public/syscalls.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/io.h"

#define LAYOUT "oci"
#define IMAGE "image"
#define UNPACKED "rootfs"
#define JSON_MAX (4u << 20)

/* --- programs --- */

static bool is_installed(const char *program)
{
	const char *dir = getenv("PATH");

	for (size_t n; dir && *dir; dir += n + (dir[n] != '\0')) {
		char path[4096];

		n = strcspn(dir, ":");
		(void)snprintf(path, sizeof(path), "%.*s/%s", (int)n, dir, program);
		if (n && access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* The last line that a program complained with. */
static int complained(const char *program, int said_fd, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	char *line;

	if (lseek(said_fd, 0, SEEK_SET) < 0 || fd_read_all(said_fd, 1u << 20, &text, &len, e) < 0)
		return err_set(e, EIO, "%s failed", program);
	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	/* skopeo wraps what it has to say: time="..." level=fatal msg="..." */
	if (strstr(line, " msg=\""))
		line = strstr(line, " msg=\"") + strlen(" msg=\"");
	return err_set(e, EBADMSG, "%s failed: %.300s", program, line);
}

/* Runs it in work_fd, with source_fd (-1: none) at the same number. */
static int run(int work_fd, int source_fd, char *const argv[], struct err *e)
{
	_cleanup_fd_ int said = memfd_create("said", MFD_CLOEXEC), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int status = -1;
	pid_t pid;

	if (said < 0 || null < 0)
		return err_set(e, errno, "cannot start %s: %s", argv[0], strerror(errno));
	pid = fork();
	if (pid == 0) {
		if (fchdir(work_fd) < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(said, 2) < 0 ||
			(source_fd >= 0 && fcntl(source_fd, F_SETFD, 0) < 0))
			_exit(126);
		(void)umask(022);
		(void)execvp(argv[0], argv);
		(void)dprintf(2, "%s\n", strerror(errno));
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : complained(argv[0], said, e);
}

/* The source is named by its descriptor: a ':' in its path would mean something else. */
static int normalise(const struct image_source *s, int work_fd, struct err *e)
{
	static const char *const transports[] = { [SOURCE_OCI] = "oci", [SOURCE_OCI_ARCHIVE] = "oci-archive",
		[SOURCE_DOCKER_ARCHIVE] = "docker-archive" };
	char from[512];
	/* Whose images are welcome is said by whoever names one here, not by the policy for registries. */
	char *const argv[] = { "skopeo", "--insecure-policy", "copy", from, "oci:" LAYOUT ":" IMAGE, NULL };

	if ((size_t)snprintf(from, sizeof(from), "%s:/proc/self/fd/%d%s%s", transports[s->kind], s->fd, s->tag ? ":" : "",
		    s->tag ? s->tag : "") >= sizeof(from))
		return err_set(e, ENAMETOOLONG, "the tag is too long");
	return run(work_fd, s->fd, argv, e);
}

static int unpack(int work_fd, struct err *e)
{
	char *const argv[] = { "umoci", "raw", "unpack", "--image", LAYOUT ":" IMAGE, UNPACKED, NULL };

	return run(work_fd, -1, argv, e);
}

/* --- the image's configuration --- */

static json_t *json_read(int work_fd, const char *path, struct err *e)
{
	_cleanup_fd_ int fd = sys_openat2(work_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	_cleanup_free_ char *text = NULL;
	json_error_t error;
	json_t *json;
	size_t len;

	if (fd < 0) {
		(void)err_set(e, errno, "%s: %s", path, strerror(errno));
		return NULL;
	}
	if (fd_read_all(fd, JSON_MAX, &text, &len, e) < 0) {
		(void)err_wrap(e, -EBADMSG, "%s", path);
		return NULL;
	}
	json = json_loadb(text, len, 0, &error);
	if (!json)
		(void)err_set(e, EBADMSG, "%s: line %d: %s", path, error.line, error.text);
	return json;
}

/* Follows a descriptor, {"digest": "sha256:..."}. */
static json_t *blob_read(int work_fd, const json_t *descriptor, struct err *e)
{
	const char *digest = json_string_value(json_object_get(descriptor, "digest"));
	char path[160];

	if (!digest || strncmp(digest, "sha256:", 7) != 0 || strlen(digest) != 71 || strchr(digest, '/')) {
		(void)err_set(e, EBADMSG, "the image's configuration has no digest of SHA-256");
		return NULL;
	}
	(void)snprintf(path, sizeof(path), LAYOUT "/blobs/sha256/%s", digest + 7);
	return json_read(work_fd, path, e);
}

static int take_words(const json_t *list, struct strv *ret, struct err *e)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *s = json_string_value(item);

		if (!s)
			return err_set(e, EBADMSG, "the image's configuration has a word that is none");
		if (strv_add(ret, s, strlen(s)) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

/* Root by other names, and a '/' at the end, are common. */
static int take_workdir(const char *s, struct manifest *m, struct err *e)
{
	size_t n = s ? strlen(s) : 0;

	while (n > 1 && s[n - 1] == '/')
		n--;
	if (n == 0)
		return 0;
	m->workdir = strndup(s, n);
	return m->workdir ? 0 : err_set(e, ENOMEM, "out of memory");
}

/* Only what the command is: nothing of users, volumes or ports. */
static int take_configuration(const json_t *config, struct manifest *m, struct err *e)
{
	int r = take_words(json_object_get(config, "Entrypoint"), &m->command, e);

	if (r == 0)
		r = take_words(json_object_get(config, "Cmd"), &m->command, e);
	if (r == 0)
		r = take_words(json_object_get(config, "Env"), &m->env, e);
	if (r == 0)
		r = take_workdir(json_string_value(json_object_get(config, "WorkingDir")), m, e);
	return r;
}

static int configuration_read(int work_fd, struct manifest *m, struct err *e)
{
	json_t *index = json_read(work_fd, LAYOUT "/index.json", e), *manifest = NULL, *config = NULL;
	int r = -EBADMSG;

	if (index)
		manifest = blob_read(work_fd, json_array_get(json_object_get(index, "manifests"), 0), e);
	if (manifest)
		config = blob_read(work_fd, json_object_get(manifest, "config"), e);
	if (config)
		r = take_configuration(json_object_get(config, "config"), m, e);
	json_decref(index);
	json_decref(manifest);
	json_decref(config);
	return r;
}

int image_unpack_oci(const struct image_source *s, int work_fd, int to_fd, struct manifest *m, unsigned *ret_left_out, struct err *e)
{
	_cleanup_fd_ int tree = -1;
	int r;

	if (!is_installed("skopeo") || !is_installed("umoci"))
		return err_set(e, ENOENT, "is an OCI image, which takes skopeo and umoci: install %s",
			is_installed("skopeo") ? "umoci" : is_installed("umoci") ? "skopeo" : "both");
	r = normalise(s, work_fd, e);
	if (r == 0)
		r = configuration_read(work_fd, m, e);
	if (r == 0)
		r = unpack(work_fd, e);
	if (r < 0)
		return r;
	tree = openat(work_fd, UNPACKED, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (tree < 0)
		return err_set(e, errno, "umoci made no tree: %s", strerror(errno));
	return image_copy_tree(tree, to_fd, ret_left_out, e);
}
