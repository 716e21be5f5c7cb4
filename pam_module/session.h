#ifndef CARREL_PAM_SESSION_H
#define CARREL_PAM_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "helper/public/wire.h"
#include "pam_module/hook.h"

struct err;

/* What the module keeps on a PAM handle, from the first setcred to the end. */
struct carrel_data {
	bool credited;	    /* pam_sm_setcred was here before open_session: the auth line is there */
	pid_t opener;	    /* of open_session; 0: no confined session is open */
	gid_t opener_gid;
	enum hook_program program;
	bool hook;	    /* the service's child comes to pam_sm_setcred again */
	bool joined;	    /* this process did */
	uint32_t flags;	    /* SESSION_* */
	uint64_t id;
	int conn_fd;	    /* stays open as long as the session */
	int pidfd, filter_fd, cgroup_fd, doors_fd; /* of the answer; -1: not there */
	struct rlimit processes; /* the opener's RLIMIT_NPROC before hold_children() */
};

/*
 * Asks the helper. Waits timeout_ms at most. ret_text (256 bytes) is the helper's word for the user when it refuses. The
 * descriptors of ANSWER_CONFINED are d's. -errno and a text: the helper could not be asked, or did not answer sensibly.
 */
int session_ask(struct carrel_data *d, const struct session_request *request, enum answer *ret, char *ret_text,
	struct err *e);

/* Tells the helper that the session is closed; if it was restarted meanwhile, the new one. */
void session_close(struct carrel_data *d, uint32_t timeout_ms);

/* Closes every descriptor of d. */
void session_forget(struct carrel_data *d);

#endif
