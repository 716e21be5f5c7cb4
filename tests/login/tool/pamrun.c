/*
 * pamrun SERVICE USER HOW COMMAND - a login service that keeps to, or breaks, the order sshd has.
 *
 * HOW is a word of letters, in the order of what happens in the service's own process and, after the fork, in its
 * child: a authenticate, c setcred, o open_session, | fork, and in the child c setcred, then always initgroups, setuid
 * and COMMAND through /bin/sh. "aco|c" is sshd; "aco|" forgets the second setcred; "ao|c" has no first one.
 */
#include <grp.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int answer_nothing(int count, const struct pam_message **messages, struct pam_response **ret, void *data)
{
	(void)data;
	*ret = calloc((size_t)count, sizeof(**ret));
	for (int i = 0; i < count; i++)
		fprintf(stderr, "%s\n", messages[i]->msg);
	return *ret ? PAM_SUCCESS : PAM_BUF_ERR;
}

static int step(pam_handle_t *pamh, char what)
{
	switch (what) {
	case 'a':
		return pam_acct_mgmt(pamh, 0); /* root asks; a password is not the point */
	case 'c':
		return pam_setcred(pamh, PAM_ESTABLISH_CRED);
	case 'o':
		return pam_open_session(pamh, 0);
	default:
		return PAM_SYSTEM_ERR;
	}
}

static void run(pam_handle_t *pamh, const struct passwd *pw, const char *how, const char *command)
{
	if (initgroups(pw->pw_name, pw->pw_gid) < 0)
		_exit(124);
	for (; *how; how++)
		(void)step(pamh, *how); /* sshd with a public key does not look at the result either */
	if (setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0)
		_exit(124);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	perror("pamrun: /bin/sh");
	_exit(126);
}

int main(int argc, char *argv[])
{
	struct pam_conv conv = { answer_nothing, NULL };
	pam_handle_t *pamh;
	struct passwd *pw;
	int status = 0, result = PAM_SUCCESS;
	char *how;
	pid_t pid;

	if (argc != 5 || !(pw = getpwnam(argv[2])) || pam_start(argv[1], argv[2], &conv, &pamh) != PAM_SUCCESS)
		return 125;
	for (how = argv[3]; *how && *how != '|'; how++) {
		result = step(pamh, *how);
		if (result != PAM_SUCCESS && *how == 'o') {
			fprintf(stderr, "pamrun: refused: %s\n", pam_strerror(pamh, result));
			pam_end(pamh, result);
			return 1;
		}
	}
	pid = fork();
	if (pid == 0)
		run(pamh, pw, *how ? how + 1 : how, argv[4]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 125;
	pam_close_session(pamh, 0);
	pam_end(pamh, PAM_SUCCESS);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
