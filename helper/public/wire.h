#ifndef CARREL_PUBLIC_WIRE_H
#define CARREL_PUBLIC_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The one conversation everybody has with carrel-helper: SOCK_SEQPACKET on /run/carrel/helper.sock, one request and
 * its answer a connection; the connection of REQ_SESSION then stays open as long as the session lives, that of
 * REQ_ENTER as long as the program runs (struct enter_event flows both ways). Fixed-size structs in host byte order:
 * both ends are the same machine and the same package. Who asks is told by the kernel, never by the message.
 */
#ifndef WIRE_SOCKET /* only tests say another */
#define WIRE_SOCKET "/run/carrel/helper.sock"
#endif
/*
 * The same helper, for who is inside a container: its view shows that directory, and the module's and the door's requests are
 * not heard there. Root of the host asks for launches there too, as the other socket takes from root only what the module says.
 */
#ifndef WIRE_INSIDE
#define WIRE_INSIDE "/run/carrel/inside/helper.sock"
#endif
#define WIRE_VERSION 1
#define WIRE_MAX_FDS 8

enum request {
	REQ_NONE,
	REQ_SESSION,	/* root: pam_carrel.so opens a session */
	REQ_CLOSE,	/* root: pam_carrel.so closes it, when the first connection is gone */
	REQ_ENTER,	/* any: carrel-door, from inside a door session */
	REQ_DENIALS,	/* any: carrel denials, also from inside a container */
	REQ_LAUNCH,	/* any: carrel run; likewise the next three */
	REQ_EXEC,	/* carrel exec */
	REQ_LIST,	/* carrel list */
	REQ_KILL,	/* carrel kill */
};

struct wire_head {
	uint16_t version;
	uint16_t request;
	uint32_t length; /* of the whole message */
};

struct session_request {
	struct wire_head head;
	uint32_t timeout_ms; /* the module gives up after so long */
	uint32_t hook; /* 1: pam_sm_setcred was seen on this handle and the service calls it again in its child */
	char user[256];
	char service[64];
	char tty[64];
	char rhost[256];
};

enum answer { ANSWER_REFUSED, ANSWER_CONFINED, ANSWER_EXEMPT };

#define SESSION_NNP 1u	  /* set no_new_privs: the profile says root = no */
#define SESSION_CGROUP 2u /* a cgroup.procs is among the fds */
#define SESSION_DOORS 4u  /* the door directories are */

/*
 * fds of ANSWER_CONFINED: 0 pidfd of the container's pid 1; 1 compiled filter; then, as flags say, the container's cgroup.procs
 * opened for writing, and the door directories (a detached mount, public/doors.h) when hook was 0.
 */
struct session_answer {
	struct wire_head head;
	uint32_t answer;
	uint32_t flags;
	uint32_t uid; /* the user's, as the helper's NSS knows it */
	uint32_t pad;
	uint64_t id; /* of the session */
	char text[256]; /* for the user, with ANSWER_REFUSED; empty: nothing to say */
};

struct close_request {
	struct wire_head head;
	uint64_t id;
};

/*
 * fds: 0, 1, 2 the caller's stdio (terminals are not passed on: ENTER_TTY(n) says which they are, and an fd of
 * /dev/null may stand there); 3 the payload, a sealed memfd.
 * Payload: NUL-terminated strings: the file to execute (AT_EXECFN), cwd, argc times argv, then environment.
 */
#define ENTER_TTY(n) (1u << (n))
#define ENTER_BACKGROUND (1u << 3) /* in `ttys`: not in the foreground of the new pty, until EVENT_CONT says so */
#define ENTER_PAYLOAD_MAX (4u << 20)

struct enter_request {
	struct wire_head head;
	uint32_t ttys; /* ENTER_TTY() bits */
	uint32_t umask;
	uint32_t argc;
	uint16_t rows, cols, xpixel, ypixel;
	uint32_t payload; /* bytes */
	uint8_t termios[64]; /* struct termios as TCGETS gives it, when ttys != 0 */
	uint32_t caps_lost[2]; /* what goes from the capability bounding set: capability n is bit n % 32 of [n / 32] */
	uint32_t caps_ambient[2]; /* of the others, what who is not root has, too: only of REQ_LAUNCH, where the profile has root = yes */
};

struct enter_answer {
	struct wire_head head;
	uint32_t answer; /* ANSWER_CONFINED: events follow; ANSWER_REFUSED: text says why */
	uint32_t pad;
	char text[256];
};

/* After ANSWER_CONFINED, between door and relay. */
enum enter_event_kind {
	EVENT_NONE,
	EVENT_PTY,	/* relay to door, with the pty's master as fd */
	EVENT_STOPPED,	/* relay to door: the command stopped by signal `value` */
	EVENT_EXITED,	/* relay to door: exit status `value`; the last message */
	EVENT_KILLED,	/* relay to door: died by signal `value`; the last message */
	EVENT_FAILED,	/* relay to door: errno `value` (0: none), step in `text` (empty: execve): it never ran; the last message */
	EVENT_SIGNAL,	/* door to relay: send signal `value` to the command's foreground process group */
	EVENT_CONT,	/* door to relay: go on; `value` 1: in the foreground of the pty, 0: in its background */
	EVENT_RUNNING,	/* relay to client, of a detached launch: the program runs; the last message */
};

struct enter_event {
	uint32_t kind;
	int32_t value;
	char text[56];
};

#define LAUNCH_NAME_MAX 64 /* bytes of a container's or an image's name: [a-z0-9][a-z0-9._-]* */
#define LAUNCH_BINDS_MAX 16
#define LAUNCH_BINDS_BYTES 8192

#define LAUNCH_DETACH (1u << 0)	  /* the client leaves after EVENT_RUNNING; output goes to the journal */
#define LAUNCH_HOME (1u << 1)	  /* show the caller's home */
#define LAUNCH_KEEP (1u << 2)	  /* what is written is kept for the next launch of this user and image */
#define LAUNCH_NET_NONE (1u << 3) /* at most one of these two; neither: what the profile says */
#define LAUNCH_NET_HOST (1u << 4)
#define LAUNCH_ROOTFS (1u << 5)	  /* `image` is empty: the tree is the first of `binds`, a directory of the caller's (--bundle) */
#define LAUNCH_READONLY (1u << 6) /* the tree cannot be written */
#define LAUNCH_NNP (1u << 7)	  /* no_new_privs, also where the profile does not ask for it */

/*
 * Starts a container. fds as for REQ_ENTER: 0, 1, 2 stdio; 3 the payload; and with `narrow` a fifth, a compiled filter
 * (program.h) that is attached after the profile's: it can only take away. In `command` argc 0 stands for the image's own
 * command; the payload's file is then empty, and so is its cwd when the caller named no directory. A file without '/' is looked
 * for in the PATH of the container. The payload's environment holds only what is to be set (--env, TERM).
 */
struct launch_request {
	struct wire_head head;
	uint32_t flags; /* LAUNCH_* */
	uint32_t narrow; /* 1: there is a fifth fd */
	char image[LAUNCH_NAME_MAX + 1];
	char name[LAUNCH_NAME_MAX + 1]; /* of the container; empty: the helper makes one */
	char profile[33]; /* empty: the one that policy gives */
	char user[33]; /* inside: a name of the image's /etc/passwd, UID or UID:GID; empty: root, or the caller's where root = no */
	char hostname[LAUNCH_NAME_MAX + 1]; /* empty: as `name` */
	char domainname[LAUNCH_NAME_MAX + 1]; /* of NIS, see setdomainname(2); empty: as the host's */
	uint16_t n_binds;
	uint32_t binds_bytes;
	/* n_binds times "SRC\0DST\0rw\0" or "...ro\0", absolute paths; or "\0DST\0tmpfs\0" or "...tmpfs,OPTION...\0" */
	char binds[LAUNCH_BINDS_BYTES];
	struct enter_request command; /* its head is not looked at */
};

/* Then, after ANSWER_CONFINED, struct enter_event as for REQ_ENTER. */
struct launch_answer {
	struct wire_head head;
	uint32_t answer; /* ANSWER_CONFINED or ANSWER_REFUSED */
	char name[LAUNCH_NAME_MAX + 1]; /* of the container */
	char text[512]; /* ANSWER_REFUSED: why */
};

/* Runs one more program in a launched container. fds and answers as for REQ_LAUNCH. */
struct exec_request {
	struct wire_head head;
	char name[LAUNCH_NAME_MAX + 1];
	char user[33]; /* as in struct launch_request */
	struct enter_request command;
};

struct list_request {
	struct wire_head head;
	uint32_t all; /* everybody's; root only */
};

enum list_kind { LIST_END, LIST_REFUSED, LIST_CONTAINER };

/* Many messages answer; the last is END or REFUSED (text says why). */
struct list_item {
	struct wire_head head;
	uint32_t kind;
	uint32_t uid;
	int32_t pid; /* of its pid 1, on the host */
	uint32_t sessions; /* 0: a launch */
	uint32_t range_start, range_count;
	uint64_t started_us; /* wall clock; 0: not known */
	char name[LAUNCH_NAME_MAX + 1]; /* "@PROFILE": the container of a user's sessions */
	char profile[33];
	char image[LAUNCH_NAME_MAX + 1];
	char digest[80];
	char text[256]; /* its command, for people */
};

/*
 * signal 0: tells the container to end (relay.h), and waits a moment for that. Who wants to know
 * asks again, with the pid of the answer, as another container may have the name by then; to be
 * told twice does nothing more.
 */
struct kill_request {
	struct wire_head head;
	uint32_t uid; /* whose; (uint32_t)-1: the caller's own. Others' only for root */
	uint32_t signal; /* to its command; SIGKILL: to all in it */
	int32_t pid; /* only if this is its pid 1 (LIST_CONTAINER), else it has ended; 0: any */
	char name[LAUNCH_NAME_MAX + 1]; /* as LIST_CONTAINER tells it */
};

struct kill_answer {
	struct wire_head head;
	uint32_t answer; /* ANSWER_CONFINED: done; ANSWER_REFUSED: text says why */
	int32_t pid; /* it was told to end and has not yet: its pid 1; else 0 */
	char text[256];
};

/* Which calls of the caller's own were refused, as the logs tell. Many messages answer; the last is END or REFUSED. */
struct denials_request {
	struct wire_head head;
	uint64_t since_us, until_us; /* wall clock; until 0: no end */
};

enum denials_kind {
	DENIALS_END,	 /* count: records left out */
	DENIALS_REFUSED, /* text: why */
	DENIALS_NOTE,	 /* flag: something is missing; text: about the source, for people */
	DENIALS_OWNER,	 /* the caller: uid, name in text, range from number on (count); flag: has a container */
	DENIALS_SESSION, /* uid, audit session in number, opened at first_us, profile, service; flag: it lives */
	DENIALS_RECORD,	 /* text: a record; count of its like, from first_us to last_us; flag: uid says whose */
};

#define DENIALS_TEXT_MAX 8704

/* Sent up to the end of text, which has no NUL. */
struct denials_item {
	struct wire_head head;
	uint32_t kind;
	uint32_t flag;
	uint32_t uid;
	uint32_t number;
	uint64_t count, first_us, last_us;
	char profile[40];
	char service[64];
	char text[DENIALS_TEXT_MAX];
};

#endif
