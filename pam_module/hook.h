#ifndef CARREL_PAM_HOOK_H
#define CARREL_PAM_HOOK_H

#include <stdbool.h>

struct carrel_data;
struct err;

/*
 * True for services known to call pam_setcred(3) once before open_session and again, as root, in the child that becomes the
 * user: OpenSSH (session.c do_setusercontext), Debian's and Fedora's cron (do_command.c, popen.c).
 */
bool hook_fits(const char *service);

/*
 * Until the child has come to hook_join(), no process of the user that descends from this one can execute or fork: root's
 * children inherit RLIMIT_NPROC 0, which binds them once they are the user (setuid(2), execve(2) EAGAIN).
 */
int hook_hold(struct carrel_data *d, struct err *e);

/* In the child, as root: into the container, to stay. On failure the child must end: it is neither here nor there. */
int hook_join(struct carrel_data *d, struct err *e);

#endif
