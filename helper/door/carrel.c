/*
 * carrel - the command people type, as far as it has to be quick: `run` and `exec` are here, for
 * all else carrel-cli takes this process over.
 *
 * Trust:  runs as the caller and is never privileged.
 * In:     arguments, environment, cwd, all descriptors.
 * Links:  carrel.c launch.c launch_options.c client.c ask.c payload.c terminal.c say.c sys.c;
 *         static, no C library: the ten that carrel-cli loads take longer than the whole launch.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "helper/door/client.h"
#include "helper/door/launch.h"
#include "helper/door/say.h"

#define PROGRAM "carrel-cli"

/*
 * An uninstalled carrel has carrel-cli beside it, and that one is meant. Nothing is lost by looking
 * there first: it runs as the caller, as this does, and who can write in this directory could put
 * something else in the place of this program.
 */
static bool beside_find(char ret[static PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - sizeof(PROGRAM));
	char *slash;

	if (n <= 0)
		return false;
	ret[n] = '\0';
	slash = strrchr(ret, '/');
	if (!slash)
		return false;
	memcpy(slash + 1, PROGRAM, sizeof(PROGRAM));
	return true;
}

static int cli_become(char **argv)
{
	char beside[PATH_MAX];

	if (beside_find(beside))
		(void)execve(beside, argv, environ);
	(void)execve(CARREL_LIBEXECDIR "/" PROGRAM, argv, environ);
	say("cannot execute ", CARREL_LIBEXECDIR "/" PROGRAM, ": ", errno_text(errno), NULL);
	return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXEC;
}

static int usage_print(const char *text)
{
	size_t n = strlen(text);

	if (write(1, text, n) == (ssize_t)n)
		return 0;
	say("standard output: ", errno_text(errno), NULL);
	return LAUNCH_FAILED;
}

static int mistake_tell(const char *command, const char *bad, const char *why)
{
	say(command, ": '", bad, "': ", why, "; see 'carrel ", command, " --help'", NULL);
	return LAUNCH_FAILED;
}

static struct launch_options options;

static int run(char **argv)
{
	const char *bad, *why = run_options_parse(argv + 2, &options, &bad);

	if (why)
		return mistake_tell("run", bad, why);
	if (options.help)
		return usage_print(run_usage);
	if (options.bundle) {
		/* JSON is read there; what it comes to is run by --rootfs and --narrow. */
		argv[1] = (char *)(uintptr_t) "run-bundle";
		return cli_become(argv);
	}
	return launch_run(&options);
}

static int exec(char **argv)
{
	const char *bad, *why = exec_options_parse(argv + 2, &options, &bad);

	if (why)
		return mistake_tell("exec", bad, why);
	return options.help ? usage_print(exec_usage) : launch_exec(&options);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "run") == 0)
		return run(argv);
	if (argc > 1 && strcmp(argv[1], "exec") == 0)
		return exec(argv);
	return cli_become(argv);
}
