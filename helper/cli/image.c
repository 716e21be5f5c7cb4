/*
 * carrel image - the store of images that carrel run starts containers from: the table of words, and their options.
 */
#include "helper/cli/image.h"
#include "helper/cli/shown.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helper/cli/cli.h"
#include "policy/base/cleanup.h"
#include "policy/base/err.h"

static const char usage_text[] =
	"usage: carrel image add [--command WORD]... [--root DIR] NAME SOURCE\n"
	"       carrel image list [--json] [--root DIR]\n"
	"       carrel image remove [--root DIR] NAME\n"
	"       carrel image verify [--json] [--root DIR] [NAME...]\n"
	"\n"
	"  add     import SOURCE: a directory; a tar, also of gzip, xz or zstd; an OCI layout or an\n"
	"          archive of one, with :TAG if it has several images; a squashfs or EROFS file; an\n"
	"          image's directory of another store, with its signature\n"
	"  list    all images, and who signed them\n"
	"  remove  take one out of the store\n"
	"  verify  compare images with their manifests, and say what differs\n"
	"\n"
	"  --command WORD  what runs when nothing else is asked for; again for each further word\n"
	"  --root DIR      the store and the keys of the machine whose tree is in DIR\n"
	"  --json          for programs\n";

static const struct {
	const char *name;
	const char *options; /* letters of long_options */
	int at_least, at_most;
	bool root;
	int (*run)(char **words, int n, struct image_options *o);
} verbs[] = {
	{ "add", "chr", 2, 2, true, image_add },
	{ "list", "hjr", 0, 0, false, image_list },
	{ "remove", "hr", 1, 1, true, image_remove },
	{ "verify", "hjr", 0, 1 << 20, false, image_verify },
};

static const struct option long_options[] = {
	{ "command", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'j' },
	{ "root", required_argument, NULL, 'r' },
	{ NULL, 0, NULL, 0 },
};

int image_fail(const char *fmt, ...)
{
	char text[1024], shown[4096];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* Names in archives are anybody's, and this is root's terminal. */
	shown_text(text, shown, sizeof(shown));
	(void)fflush(stdout);
	(void)fprintf(stderr, "carrel image: %s\n", shown);
	return 1;
}

const char *image_size_text(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	uint64_t tenths = bytes * 10;
	size_t unit = 0;

	if (bytes < 1024) {
		(void)snprintf(buf, size, "%u bytes", (unsigned)bytes);
		return buf;
	}
	for (; tenths >= 10240 && unit < 4; unit++)
		tenths /= 1024;
	(void)snprintf(buf, size, "%llu.%llu %s", (unsigned long long)tenths / 10, (unsigned long long)tenths % 10, units[unit]);
	return buf;
}

static int usage_fail(void)
{
	(void)fputs(usage_text, stderr);
	return 2;
}

/* 1: help was asked for. */
static int options_read(int argc, char **argv, const char *allowed, struct image_options *o)
{
	int letter;

	optind = 0; /* from the start again, as the words before may have been read */
	opterr = 0;
	while ((letter = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		if (letter == ':' || letter == '?' || !strchr(allowed, letter)) {
			(void)image_fail("%s: %s '%s'", argv[0], letter == ':' ? "no value for" : "unknown option", argv[optind - 1]);
			return -1;
		}
		if (letter == 'h')
			return 1;
		if (letter == 'j')
			o->json = true;
		if (letter == 'r')
			o->root = optarg;
		if (letter == 'c' && strv_add(&o->command, optarg, strlen(optarg)) < 0)
			return -1;
	}
	return 0;
}

static int verb_run(size_t v, int argc, char **argv)
{
	struct image_options o = { .root = "" };
	int r = options_read(argc, argv, verbs[v].options, &o), n = argc - optind;

	if (r == 1) {
		(void)fputs(usage_text, stdout);
		r = 0;
	} else if (r < 0) {
		r = 2;
	} else if (n < verbs[v].at_least || n > verbs[v].at_most) {
		r = usage_fail();
	} else if (verbs[v].root && geteuid() != 0) {
		r = image_fail("%s: only root changes the store", argv[0]);
	} else {
		r = verbs[v].run(argv + optind, n, &o);
	}
	strv_done(&o.command);
	return r;
}

int cmd_image(int argc, char **argv)
{
	if (argc < 2)
		return usage_fail();
	for (size_t v = 0; v < sizeof(verbs) / sizeof(verbs[0]); v++)
		if (strcmp(argv[1], verbs[v].name) == 0)
			return verb_run(v, argc - 1, argv + 1);
	if (strcmp(argv[1], "--help") == 0) {
		(void)fputs(usage_text, stdout);
		return 0;
	}
	(void)image_fail("unknown %s '%s'; see 'carrel image --help'", argv[1][0] == '-' ? "option" : "word", argv[1]);
	return 2;
}
