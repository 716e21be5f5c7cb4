/*
 * carrel filter import - seccomp profiles of others as a filter of ours.
 *
 * What the source says is said here exactly, or refused with the rule's place; what it leaves open
 * below the kernel's eyes (bits that no call looks at, other ABIs) is closed, and the report on
 * standard error says so. The text is read back and compared with the source before it is given
 * out.
 */
#include "helper/cli/filter_import.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "helper/cli/filter.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"
#include "policy/base/io.h"
#include "policy/base/parse.h"
#include "policy/config.h"

#define SOURCE_MAX (1u << 20)

/* What a container has when nobody says otherwise, as the engines' documentation lists it. */
static const struct {
	const char *name, *caps;
} engines[] = {
	{ "docker",
		"CAP_CHOWN CAP_DAC_OVERRIDE CAP_FSETID CAP_FOWNER CAP_MKNOD CAP_NET_RAW CAP_SETGID "
		"CAP_SETUID CAP_SETFCAP CAP_SETPCAP CAP_NET_BIND_SERVICE CAP_SYS_CHROOT CAP_KILL "
		"CAP_AUDIT_WRITE" },
	{ "podman",
		"CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_NET_BIND_SERVICE "
		"CAP_SETFCAP CAP_SETGID CAP_SETPCAP CAP_SETUID CAP_SYS_CHROOT" },
	{ "none", "" },
};

static const struct {
	const char *name, *go_name;
	uint32_t arch;
} arches[] = {
	{ "x86-64", "amd64", AUDIT_ARCH_X86_64 },
	{ "aarch64", "arm64", AUDIT_ARCH_AARCH64 },
};

struct command {
	struct import_options o;
	const char *from, *out, *name;
	bool force;
};

static const char usage[] =
	"usage: carrel filter " IMPORT_SYNOPSIS "\n"
	"\n"
	"Writes a filter that says what FILE says: a seccomp profile of Docker, Podman or the OCI\n"
	"runtime specification, a whole config.json, or a systemd unit with SystemCallFilter= and\n"
	"its like. What cannot be said exactly is refused; what is closed is reported.\n"
	"\n"
	"  --arch ARCH        x86-64 or aarch64 instead of this machine's\n" IMPORT_OPTIONS
	"  --help\n";

static int caps_take(struct command *c, const char *list, const char *separators)
{
	_cleanup_free_ char *copy = strdup(list);
	char *save = NULL;

	if (!copy)
		return -ENOMEM;
	strv_done(&c->o.caps);
	for (char *w = strtok_r(copy, separators, &save); w;
		w = strtok_r(NULL, separators, &save)) {
		size_t n = strspn(w, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

		if (strncmp(w, "CAP_", 4) != 0 || w[n])
			return -filter_fail("import", "--caps: '%s' is not CAP_NAME", w);
		if (strv_add(&c->o.caps, w, strlen(w)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int engine_take(struct command *c, const char *name)
{
	for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++)
		if (strcmp(engines[i].name, name) == 0)
			return caps_take(c, engines[i].caps, " ");
	return -filter_fail("import", "--caps-from '%s': docker, podman or none", name);
}

static int arch_take(struct command *c, const char *name)
{
	for (size_t i = 0; i < sizeof(arches) / sizeof(*arches); i++) {
		if (name ? strcmp(arches[i].name, name) == 0
			 : arches[i].arch == syscall_native_arch()) {
			c->o.arch = arches[i].arch;
			c->o.arch_name = arches[i].name;
			c->o.go_arch = arches[i].go_name;
			return 0;
		}
	}
	return -filter_fail("import", "--arch '%s': x86-64 or aarch64", name ? name : "");
}

static int kernel_take(struct command *c, const char *word)
{
	int end = 0;

	if (isdigit((unsigned char)word[0]) &&
		sscanf(word, "%3u.%5u%n", &c->o.kernel[0], &c->o.kernel[1], &end) == 2 &&
		(word[end] == '\0' || word[end] == '.' || word[end] == '-'))
		return 0;
	return -filter_fail("import", "--kernel '%s' is not X.Y", word);
}

static int option_take(struct command *c, int letter)
{
	switch (letter) {
	case 'c':
		return caps_take(c, optarg, ",");
	case 'e':
		return engine_take(c, optarg);
	case 'k':
		return kernel_take(c, optarg);
	case 'a':
		return arch_take(c, optarg);
	case 'n':
		c->name = optarg;
		return name_valid(optarg)
			       ? 0
			       : -filter_fail("import", "--name '%s' is no name", optarg);
	case 't':
		c->from = optarg;
		if (strcmp(optarg, "json") == 0 || strcmp(optarg, "systemd") == 0)
			return 0;
		return -filter_fail("import", "--from '%s': json or systemd", optarg);
	case 'o':
		c->out = optarg;
		return 0;
	default:
		c->force = true;
		return 0;
	}
}

/* 1: --help was answered. */
static int command_read(int argc, char **argv, struct command *c)
{
	static const struct option options[] = {
		{ "arch", required_argument, NULL, 'a' },
		{ "caps", required_argument, NULL, 'c' },
		{ "caps-from", required_argument, NULL, 'e' },
		{ "force", no_argument, NULL, 'f' },
		{ "from", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "name", required_argument, NULL, 'n' },
		{ "output", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	struct utsname u;
	int letter;

	if (uname(&u) < 0 || kernel_take(c, u.release) < 0 || arch_take(c, NULL) < 0)
		return -EINVAL;
	optind = 0;
	opterr = 0;
	while ((letter = getopt_long(argc, argv, ":o:", options, NULL)) != -1) {
		if (letter == 'h') {
			(void)fputs(usage, stdout);
			return 1;
		}
		if (letter == ':')
			return -filter_fail(
				"import", "option '%s' needs a value", argv[optind - 1]);
		if (letter == '?')
			return -filter_fail("import", "unknown option '%s'", argv[optind - 1]);
		if (option_take(c, letter) < 0)
			return -EINVAL;
	}
	if (optind != argc - 1)
		return -filter_fail("import", "one FILE; see 'carrel filter import --help'");
	c->o.source = argv[optind];
	return 0;
}

static int source_read(const char *path, char **ret, size_t *ret_len, struct err *e)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r;

	if (fd < 0)
		return err_set(e, errno, "%s", strerror(errno));
	r = fd_check_type(fd, S_IFREG, e);
	return r < 0 ? r : fd_read_all(fd, SOURCE_MAX, ret, ret_len, e);
}

static int text_make(
	const struct command *c, struct import *im, char **ret, size_t *ret_len, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	struct import_options o = c->o;
	size_t len, blank;
	FILE *out;
	int r;

	r = source_read(o.source, &text, &len, e);
	if (r < 0)
		return r;
	blank = strspn(text, " \t\r\n");
	if (c->from ? strcmp(c->from, "json") == 0 : text[blank] == '{')
		r = import_json(text, len, &o, im, e);
	else
		r = import_systemd(text, len, &o, im, e);
	if (r < 0)
		return r;
	out = open_memstream(ret, ret_len);
	if (!out)
		return err_set(e, ENOMEM, "out of memory");
	o.source = c->name ? c->name : o.source;
	r = import_write(im, &o, out, e);
	if (fclose(out) != 0 && r == 0)
		r = err_set(e, ENOMEM, "out of memory");
	return r < 0 ? r : import_verify(im, &o, *ret, e);
}

/* The old file stays until the new one is whole. */
static int file_write(const struct command *c, const char *text, size_t len, struct err *e)
{
	_cleanup_free_ char *new_path = NULL;
	const char *path = c->out;
	FILE *f;
	int fd;

	if (c->force && asprintf(&new_path, "%s.new", c->out) < 0)
		return err_set(e, ENOMEM, "out of memory");
	path = c->force ? new_path : c->out;
	if (c->force)
		(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_set(e, errno, "%s: %s", path,
			errno == EEXIST ? "exists; --force writes over it" : strerror(errno));
	f = fdopen(fd, "w");
	if (!f) {
		(void)close(fd);
		return err_set(e, ENOMEM, "out of memory");
	}
	(void)fwrite(text, 1, len, f);
	if (fflush(f) != 0 || fclose(f) != 0) {
		(void)unlink(path);
		return err_set(e, EIO, "%s: cannot be written", path);
	}
	if (c->force && rename(path, c->out) < 0)
		return err_set(e, errno, "%s: %s", c->out, strerror(errno));
	return 0;
}

/* Messages about what a source says, kept apart from the filter. */
static void report(const struct command *c, const struct import *im)
{
	char source[64];

	(void)fprintf(stderr, "%s: %s, for %s, Linux %u.%u, %zu capabilities\n",
		import_printable(c->o.source, source), im->form, c->o.arch_name, c->o.kernel[0],
		c->o.kernel[1], c->o.caps.n);
	for (size_t i = 0; i < im->notes.n; i++)
		(void)fprintf(stderr, "  %s\n", im->notes.v[i]);
}

int cmd_filter_import(int argc, char **argv)
{
	struct command c = { .force = false };
	_cleanup_(import_done) struct import im = { .form = NULL };
	_cleanup_free_ char *text = NULL;
	struct err e = { "" };
	char source[64];
	size_t len;
	int r = command_read(argc, argv, &c);

	if (r == 0 && text_make(&c, &im, &text, &len, &e) < 0)
		r = -filter_fail("import", "%s: %s", import_printable(c.o.source, source), e.text);
	if (r == 0 && c.out && file_write(&c, text, len, &e) < 0)
		r = -filter_fail("import", "%s", e.text);
	if (r == 0 && !c.out)
		(void)fwrite(text, 1, len, stdout);
	if (r == 0)
		report(&c, &im);
	strv_done(&c.o.caps);
	return r < 0 ? 2 : 0;
}
