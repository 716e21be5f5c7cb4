#ifndef CARREL_PAM_HOOK_H
#define CARREL_PAM_HOOK_H

struct carrel_data;
struct err;

/*
 * Programs known to call pam_setcred(3) once before open_session and again, as root, in the child that becomes the user:
 * OpenSSH (session.c do_setusercontext), Debian's and Fedora's cron (do_command.c). Told by the executable of this
 * process, since sshd may go by any service name, or by the usual service name.
 */
enum hook_program { HOOK_NONE, HOOK_EXECUTES, HOOK_SERVES };

/* HOOK_SERVES: sshd, whose child goes on to serve sftp and forwarding as the user; HOOK_EXECUTES: it runs the user's program. */
enum hook_program hook_program_find(const char *service);

/*
 * Until the child has come to hook_join(), no process of the user that descends from this one can execute or fork: root's
 * children inherit RLIMIT_NPROC 0, which binds them once they are the user (setuid(2), execve(2) EAGAIN).
 */
int hook_hold(struct carrel_data *d, struct err *e);

/*
 * In the child, as root: into the container, to stay. Where the child itself becomes the user's program it returns in a child
 * of that one, since the kernel moves only children into a pid namespace (setns(2)); this process then waits, and ends
 * as that one does. On failure the child must end: it is neither here nor there.
 */
int hook_join(struct carrel_data *d, struct err *e);

#endif
