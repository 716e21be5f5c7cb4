#include "helper/door/launch_options.h"

#include <string.h>

#include "helper/public/wire.h"

const char run_usage[] =
	"usage: carrel run [OPTION...] [--image] NAME [COMMAND [ARGUMENT...]]\n"
	"       carrel run [OPTION...] --bundle DIR | --rootfs DIR [COMMAND [ARGUMENT...]]\n\n"
	"Runs a command in a new container of the image NAME, by default the image's own.\n\n"
	"      --ambient MASK         of these capabilities, those that root has, for others, too\n"
	"  -v, --bind SRC:DST[:ro]    shows SRC, a path of yours, as DST; '\\:' is a colon\n"
	"      --bundle DIR           what config.json of this OCI bundle says\n"
	"      --caps MASK            keeps only these capabilities, as /proc/PID/status writes them\n"
	"  -d, --detach               prints the container's name and leaves it running\n"
	"      --domainname NAME      of NIS, in the container\n"
	"  -e, --env NAME[=VALUE]     sets a variable; without VALUE as it is here\n"
	"      --home                 shows your home directory\n"
	"      --hostname NAME        of the container, instead of its --name\n"
	"      --image NAME           instead of the first argument that is no option\n"
	"  -i, --interactive          is always so\n"
	"      --keep                 keeps what is written for your next run of the image\n"
	"      --name NAME            of the container; without it one is made up\n"
	"      --narrow FD            attaches the compiled filter in this descriptor as well\n"
	"      --net host|none        the host's network, or none\n"
	"      --network host|none    the same\n"
	"      --no-new-privs         no program gains privileges by being executed\n"
	"  -T, --no-tty               pipes for the command, also at a terminal\n"
	"      --profile NAME         this profile, where policy has several for you\n"
	"      --read-only            nothing of the image can be written\n"
	"      --rm                   forgets what is written; the default\n"
	"      --rootfs DIR           a directory of yours instead of an image\n"
	"  -t, --tty                  is always so at a terminal\n"
	"      --tmpfs DST[:OPTIONS]  an empty directory in memory as DST\n"
	"  -u, --user USER            as USER[:GROUP] of the container\n"
	"      --volume SRC:DST[:ro]  the same as --bind\n"
	"  -w, --workdir DIR          starts there\n"
	"      --help                 this\n\n"
	"Exit status: that of the command, or its signal ends carrel too; 125 carrel failed;\n"
	"126, 127 the command cannot be executed or found.\n";

const char exec_usage[] =
	"usage: carrel exec [OPTION...] CONTAINER COMMAND [ARGUMENT...]\n\n"
	"Runs one more command in a container that 'carrel run' started.\n\n"
	"  -e, --env NAME[=VALUE]     sets a variable; without VALUE as it is here\n"
	"  -i, --interactive          is always so\n"
	"  -T, --no-tty               pipes for the command, also at a terminal\n"
	"  -t, --tty                  is always so at a terminal\n"
	"  -u, --user USER            as USER[:GROUP] of the container\n"
	"  -w, --workdir DIR          starts there\n"
	"      --help                 this\n\n"
	"Exit status: as for 'carrel run'.\n";

enum kind { FLAG, TEXT, WORDS, TMPFS };

struct option {
	char letter; /* 0: none */
	const char *name;
	enum kind kind;
	size_t at; /* in struct launch_options */
};

#define AT(field) offsetof(struct launch_options, field)

/* clang-format off */
static const struct option run_options[] = {
	{ 0,   "ambient",     TEXT,  AT(ambient) },
	{ 'v', "bind",        WORDS, AT(binds) },
	{ 0,   "bundle",      TEXT,  AT(bundle) },
	{ 0,   "caps",        TEXT,  AT(caps) },
	{ 'd', "detach",      FLAG,  AT(detach) },
	{ 0,   "domainname",  TEXT,  AT(domainname) },
	{ 'e', "env",         WORDS, AT(env) },
	{ 0,   "home",        FLAG,  AT(home) },
	{ 0,   "hostname",    TEXT,  AT(hostname) },
	{ 0,   "image",       TEXT,  AT(image) },
	{ 'i', "interactive", FLAG,  AT(interactive) },
	{ 0,   "keep",        FLAG,  AT(keep) },
	{ 0,   "name",        TEXT,  AT(container) },
	{ 0,   "narrow",      TEXT,  AT(narrow) },
	{ 0,   "net",         TEXT,  AT(net) },
	{ 0,   "network",     TEXT,  AT(net) },
	{ 0,   "no-new-privs", FLAG, AT(no_new_privs) },
	{ 'T', "no-tty",      FLAG,  AT(no_tty) },
	{ 0,   "profile",     TEXT,  AT(profile) },
	{ 0,   "read-only",   FLAG,  AT(read_only) },
	{ 0,   "rm",          FLAG,  AT(rm) },
	{ 0,   "rootfs",      TEXT,  AT(rootfs) },
	{ 0,   "tmpfs",       TMPFS, AT(binds) },
	{ 't', "tty",         FLAG,  AT(tty) },
	{ 'u', "user",        TEXT,  AT(user) },
	{ 0,   "volume",      WORDS, AT(binds) },
	{ 'w', "workdir",     TEXT,  AT(workdir) },
	{ 0,   "help",        FLAG,  AT(help) },
	{ 0,   NULL,          FLAG,  0 },
};

static const struct option exec_options[] = {
	{ 'e', "env",         WORDS, AT(env) },
	{ 'i', "interactive", FLAG,  AT(interactive) },
	{ 'T', "no-tty",      FLAG,  AT(no_tty) },
	{ 't', "tty",         FLAG,  AT(tty) },
	{ 'u', "user",        TEXT,  AT(user) },
	{ 'w', "workdir",     TEXT,  AT(workdir) },
	{ 0,   "help",        FLAG,  AT(help) },
	{ 0,   NULL,          FLAG,  0 },
};
/* clang-format on */

/* ---- words to fields ---- */

struct parser {
	const struct option *options;
	char **argv; /* where it is */
	struct launch_options *ret;
	const char *bad;
};

static const char *flag_set(struct parser *p, const struct option *o)
{
	*(bool *)((char *)p->ret + o->at) = true;
	return NULL;
}

/* value NULL: the next argument is it. */
static const char *value_set(struct parser *p, const struct option *o, const char *value)
{
	void *field = (char *)p->ret + o->at;
	struct words *words = field;
	const char **text = field;

	if (!value)
		value = p->argv[1] ? *++p->argv : "";
	if (value[0] == '\0')
		return "value missing";
	if (o->kind == TEXT) {
		if (*text)
			return "given twice";
		*text = value;
		return NULL;
	}
	if (words->n == WORDS_MAX)
		return "given too often";
	/* In one list, since one may lie in the other; more than the request takes are not told apart. */
	if (o->kind == TMPFS && words->n < 8 * sizeof(p->ret->tmpfs))
		p->ret->tmpfs |= 1u << words->n;
	words->v[words->n++] = value;
	return NULL;
}

static const char *name_parse(struct parser *p)
{
	const char *name = *p->argv + 2, *equals = strchr(name, '=');
	size_t n = equals ? (size_t)(equals - name) : strlen(name);

	for (const struct option *o = p->options; o->name; o++) {
		if (strlen(o->name) != n || strncmp(o->name, name, n) != 0)
			continue;
		if (o->kind == FLAG)
			return equals ? "takes no value" : flag_set(p, o);
		return value_set(p, o, equals ? equals + 1 : NULL);
	}
	return "unknown option";
}

/* -it, -eNAME, -ite NAME */
static const char *letters_parse(struct parser *p)
{
	static char letter[3]; /* without a value, or the program had a page for it alone */

	letter[0] = '-';
	for (const char *c = *p->argv + 1; *c != '\0'; c++) {
		const struct option *o = p->options;

		letter[1] = *c;
		p->bad = letter;
		while (o->name && o->letter != *c)
			o++;
		if (!o->name)
			return "unknown option";
		if (o->kind != FLAG)
			return value_set(p, o, c[1] != '\0' ? c + 1 : NULL);
		(void)flag_set(p, o);
	}
	return NULL;
}

static const char *options_parse(struct parser *p)
{
	for (; *p->argv && **p->argv == '-'; p->argv++) {
		const char *why;

		p->bad = *p->argv;
		if (strcmp(*p->argv, "--") == 0) {
			p->argv++;
			break;
		}
		if ((*p->argv)[1] == '\0')
			return "unknown option";
		why = (*p->argv)[1] == '-' ? name_parse(p) : letters_parse(p);
		if (why)
			return why;
		if (p->ret->help)
			break;
	}
	return NULL;
}

/* ---- what the words must be ---- */

static bool is_name(const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n > LAUNCH_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (!is_plain && (i == 0 || (c != '.' && c != '_' && c != '-')))
			return false;
	}
	return true;
}

#define FITS(text, type, field) (strlen(text) < sizeof(((type *)NULL)->field))

static const char *together_check(struct parser *p)
{
	const struct launch_options *o = p->ret;

	if (o->tty && o->no_tty) {
		p->bad = "--no-tty";
		return "contradicts --tty";
	}
	if (o->keep && (o->rm || o->read_only)) {
		p->bad = "--keep";
		return o->rm ? "contradicts --rm" : "contradicts --read-only";
	}
	if (!!o->image + !!o->bundle + !!o->rootfs > 1) {
		p->bad = o->bundle ? "--bundle" : "--rootfs";
		return "only one of --image, --bundle and --rootfs";
	}
	return NULL;
}

static const char *values_check(struct parser *p)
{
	const struct launch_options *o = p->ret;

	for (size_t i = 0; i < o->env.n; i++)
		if ((p->bad = o->env.v[i])[0] == '=')
			return "no NAME before '='";
	if ((p->bad = o->user) && !FITS(o->user, struct launch_request, user))
		return "too long for a user";
	if ((p->bad = o->profile) && !FITS(o->profile, struct launch_request, profile))
		return "too long for a profile";
	if ((p->bad = o->hostname) && !FITS(o->hostname, struct launch_request, hostname))
		return "too long for a hostname";
	if ((p->bad = o->domainname) && !FITS(o->domainname, struct launch_request, domainname))
		return "too long for a domain name";
	if ((p->bad = o->workdir) && o->workdir[0] != '/')
		return "no absolute path, as --workdir wants it";
	if ((p->bad = o->net) && strcmp(o->net, "host") != 0 && strcmp(o->net, "none") != 0)
		return "neither host nor none, which --net knows";
	if ((p->bad = o->container) && !is_name(o->container))
		return "no name of a container: [a-z0-9][a-z0-9._-]*, 64 at most";
	if ((p->bad = o->image) && !is_name(o->image))
		return "no name of an image: [a-z0-9][a-z0-9._-]*, 64 at most";
	return NULL;
}

const char *run_options_parse(char **argv, struct launch_options *ret, const char **ret_bad)
{
	struct parser p = { .options = run_options, .argv = argv, .ret = ret };
	const char *why = options_parse(&p);

	if (!why && !ret->help)
		why = together_check(&p);
	if (!why && !ret->help && !ret->image && !ret->bundle && !ret->rootfs) {
		p.bad = "run";
		ret->image = *p.argv;
		why = *p.argv ? NULL : "which image?";
		p.argv += !!*p.argv;
	}
	if (!why && !ret->help)
		why = values_check(&p);
	ret->command = p.argv;
	*ret_bad = p.bad;
	return why;
}

const char *exec_options_parse(char **argv, struct launch_options *ret, const char **ret_bad)
{
	struct parser p = { .options = exec_options, .argv = argv, .ret = ret };
	const char *why = options_parse(&p);

	if (!why && !ret->help) {
		p.bad = "exec";
		ret->container = *p.argv;
		why = !p.argv[0] ? "in which container?" : !p.argv[1] ? "which command?" : NULL;
		p.argv += !!*p.argv;
	}
	if (!why && !ret->help)
		why = together_check(&p);
	if (!why && !ret->help)
		why = values_check(&p);
	ret->command = p.argv;
	*ret_bad = p.bad;
	return why;
}
