/*
 * A module for tests: says what libpam called, and returns what the test wants.
 *
 * tag=NAME  who it is. The environment's SAY_NAME is the value to return (default PAM_IGNORE),
 * SAID_NAME collects a letter for every call: a(uthenticate), s(etcred), o(pen_session),
 * c(lose_session). log=FILE  append a line "CALL TAG pid uid" for every call: for programs that
 * have an environment of their own. ret=N     what to return when the environment says nothing.
 */
#include <security/pam_modules.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int say(const char *call, int argc, const char **argv)
{
	const char *tag = "carrel", *log = NULL, *value;
	char name[64], said[256];
	int ret = PAM_IGNORE;

	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "tag=", 4))
			tag = argv[i] + 4;
		if (!strncmp(argv[i], "log=", 4))
			log = argv[i] + 4;
		if (!strncmp(argv[i], "ret=", 4))
			ret = atoi(argv[i] + 4);
	}

	snprintf(name, sizeof(name), "SAY_%s", tag);
	value = getenv(name);
	if (value)
		ret = atoi(value);
	snprintf(name, sizeof(name), "SAID_%s", tag);
	value = getenv(name);
	if (value) {
		snprintf(said, sizeof(said), "%.200s%c", value, *call);
		setenv(name, said, 1);
	}
	if (log) {
		FILE *f = fopen(log, "ae");

		if (f) {
			fprintf(f, "%s %s %d %u\n", call, tag, (int)getpid(), (unsigned)geteuid());
			fclose(f);
		}
	}
	return ret;
}

int pam_sm_authenticate(pam_handle_t *h, int flags, int argc, const char **argv)
{
	(void)h, (void)flags;
	return say("authenticate", argc, argv);
}

int pam_sm_setcred(pam_handle_t *h, int flags, int argc, const char **argv)
{
	(void)h, (void)flags;
	return say("setcred", argc, argv);
}

int pam_sm_open_session(pam_handle_t *h, int flags, int argc, const char **argv)
{
	(void)h, (void)flags;
	return say("open_session", argc, argv);
}

int pam_sm_close_session(pam_handle_t *h, int flags, int argc, const char **argv)
{
	(void)h, (void)flags;
	return say("close_session", argc, argv);
}
