/*
 * Raw mode on the caller's terminal, and bytes both ways between it and the container's pty, or the
 * pipes that stand for one.
 *
 * Never O_NONBLOCK on a descriptor that was inherited: the flag belongs to the open file, which
 * others share. The terminal is opened anew where that is possible; else a write is kept so small
 * that, after poll(), a terminal takes it whole.
 */
#include "helper/door/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/*
 * What a tty with POLLOUT takes without blocking: the line disciplines wake writers at 256 free
 * bytes.
 */
#define WRITE_SAFE 256

static char in_data[4096], out_data[16384];

static bool fd_can(int fd, int mode)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_PATH) &&
	       ((flags & O_ACCMODE) == mode || (flags & O_ACCMODE) == O_RDWR);
}

static int first_tty(uint32_t ttys, const int order[3], int mode)
{
	for (int i = 0; i < 3; i++)
		if ((ttys & ENTER_TTY(order[i])) && fd_can(order[i], mode))
			return order[i];
	return -1;
}

static bool same_tty(int a, int b)
{
	unsigned int x = 0, y = 1;

	return ioctl(a, TIOCGDEV, &x) == 0 && ioctl(b, TIOCGDEV, &y) == 0 && x == y;
}

/* /dev/tty opens the controlling terminal whoever owns its device file. */
static void open_anew(struct terminal *t)
{
	int fd = open("/dev/tty", O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return;
	if ((t->keys >= 0 && !same_tty(fd, t->keys)) ||
		(t->screen >= 0 && !same_tty(fd, t->screen))) {
		(void)close(fd);
		return;
	}
	t->open_fd = fd;
	if (t->keys >= 0)
		t->keys = fd;
	if (t->screen >= 0)
		t->screen = fd;
}

static bool is_foreground(int fd)
{
	pid_t group;

	return ioctl(fd, TIOCGPGRP, &group) == 0 && group == getpgrp();
}

void terminal_none(struct terminal *t)
{
	*t = (struct terminal){
		.keys = -1, .screen = -1, .pty = -1, .to = -1, .from = -1, .open_fd = -1
	};
	t->in = (struct passage){ .data = in_data, .size = sizeof(in_data) };
	t->out = (struct passage){ .data = out_data, .size = sizeof(out_data) };
}

void terminal_find(struct terminal *t, struct enter_request *req)
{
	static const int keys[3] = { 0, 1, 2 }, screen[3] = { 1, 2, 0 };
	struct winsize size = { 0 };
	int any;

	terminal_none(t);
	for (int i = 0; i < 3; i++)
		if (ioctl(i, TCGETS, &t->saved) == 0)
			req->ttys |= ENTER_TTY(i);
	if (req->ttys == 0)
		return;

	any = req->ttys & ENTER_TTY(0) ? 0 : req->ttys & ENTER_TTY(1) ? 1 : 2;
	(void)ioctl(any, TCGETS, &t->saved);
	(void)ioctl(any, TIOCGWINSZ, &size);
	req->rows = size.ws_row;
	req->cols = size.ws_col;
	req->xpixel = size.ws_xpixel;
	req->ypixel = size.ws_ypixel;
	t->keys = first_tty(req->ttys, keys, O_RDONLY);
	t->screen = first_tty(req->ttys, screen, O_WRONLY);
	open_anew(t);

	/*
	 * Only who is plainly at the terminal takes it at once. Others, `cmd | less` say, would
	 * take the keys from their neighbour: they start in the pty's background and get it when
	 * they first ask (EVENT_STOPPED).
	 */
	if (!(req->ttys & ENTER_TTY(0)) || !(req->ttys & ENTER_TTY(1)) || !is_foreground(0))
		req->ttys |= ENTER_BACKGROUND;

	memcpy(req->termios, &t->saved, sizeof(t->saved));
	if ((req->ttys & ENTER_BACKGROUND) && (t->saved.c_oflag & OPOST)) {
		struct termios plain = t->saved;

		/* As long as the terminal is not raw it turns \n into \r\n itself. */
		plain.c_oflag &= ~(tcflag_t)OPOST;
		t->wants_opost = true;
		memcpy(req->termios, &plain, sizeof(plain));
	}
}

int terminal_piped(struct terminal *t, struct enter_request *req, int fds[static 3])
{
	uint32_t ttys = req->ttys;
	int in[2], out[2];

	req->ttys = 0;
	t->wants_opost = false;
	memset(req->termios, 0, sizeof(req->termios));
	req->rows = req->cols = req->xpixel = req->ypixel = 0;
	if (t->keys >= 0 && (ttys & ENTER_TTY(0))) {
		if (pipe2(in, O_CLOEXEC) < 0)
			return -errno;
		(void)fcntl(in[1], F_SETFL, (long)(O_WRONLY | O_NONBLOCK));
		fds[0] = in[0];
		t->to = in[1];
	}
	if (t->screen >= 0 && (ttys & (ENTER_TTY(1) | ENTER_TTY(2)))) {
		if (pipe2(out, O_CLOEXEC) < 0)
			return -errno;
		(void)fcntl(out[0], F_SETFL, (long)(O_RDONLY | O_NONBLOCK));
		t->from = out[0];
		/* One for both, so that what is written first comes first. */
		for (int i = 1; i < 3; i++)
			if (ttys & ENTER_TTY(i))
				fds[i] = out[1];
	}
	return 0;
}

void terminal_attach(struct terminal *t, int fd)
{
	if (t->pty >= 0)
		(void)close(t->pty);
	t->pty = t->to = t->from = fd;
	/* The only open file of the master, made for us. */
	(void)fcntl(fd, F_SETFL, (long)(O_RDWR | O_NONBLOCK));
	terminal_resize(t);
}

bool terminal_in_front(const struct terminal *t)
{
	pid_t group;

	if (t->keys < 0)
		return false;
	/* Not our controlling terminal (su -c): no job control stands between us and it. */
	if (ioctl(t->keys, TIOCGPGRP, &group) < 0)
		return true;
	return group == getpgrp();
}

bool terminal_has_jobs(const struct terminal *t)
{
	return t->keys >= 0 && is_foreground(t->keys);
}

bool terminal_is_there(const struct terminal *t)
{
	return t->keys >= 0 || t->screen >= 0;
}

void terminal_raw(struct terminal *t)
{
	struct termios raw = t->saved, pty;

	if (t->pty < 0 || t->keys < 0)
		return;
	/* The line's speed and parity are the terminal's own affair: c_cflag stays. */
	raw.c_iflag &= ~(
		tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON | IXOFF);
	raw.c_oflag &= ~(tcflag_t)OPOST;
	raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (ioctl(t->keys, TCSETS, &raw) < 0)
		return;
	t->raw = true;

	if (t->wants_opost && ioctl(t->pty, TCGETS, &pty) == 0) {
		pty.c_oflag |= OPOST;
		(void)ioctl(t->pty, TCSETS, &pty);
		t->wants_opost = false;
	}
}

void terminal_restore(struct terminal *t)
{
	/* In the background it is somebody else's by now. */
	if (t->raw && terminal_in_front(t))
		(void)ioctl(t->keys, TCSETS, &t->saved);
	t->raw = false;
}

void terminal_resize(const struct terminal *t)
{
	struct winsize size;
	int fd = t->keys >= 0 ? t->keys : t->screen;

	if (t->pty >= 0 && fd >= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0)
		(void)ioctl(t->pty, TIOCSWINSZ, &size);
}

/* ---- bytes ---- */

static bool passage_is_empty(const struct passage *p)
{
	return p->start == p->end;
}

/* 1: something was read, 0: nothing now, -1: the end, errno 0 unless it is a failure. */
static int passage_read(struct passage *p, int fd)
{
	ssize_t n = read(fd, p->data, p->size);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n == 0)
		errno = 0;
	if (n <= 0)
		return -1;
	p->start = 0;
	p->end = (size_t)n;
	return 1;
}

static bool passage_write(struct passage *p, int fd, size_t most)
{
	size_t n = p->end - p->start;
	ssize_t done;

	done = write(fd, p->data + p->start, n < most ? n : most);
	if (done < 0)
		return errno == EAGAIN || errno == EINTR;
	p->start += (size_t)done;
	return true;
}

void terminal_poll(const struct terminal *t, struct pollfd p[static TERMINAL_POLLS])
{
	bool in = !passage_is_empty(&t->in), out = !passage_is_empty(&t->out);
	bool wants_keys = t->raw || (t->pty < 0 && t->to >= 0);

	/*
	 * A descriptor that nothing is wanted from is left out: its hang-up would be reported for
	 * ever.
	 */
	p[0] = (struct pollfd){ .fd = wants_keys && !in ? t->keys : -1, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = out ? t->screen : -1, .events = POLLOUT };
	p[2] = (struct pollfd){ .fd = in ? t->to : -1, .events = POLLOUT };
	p[3] = (struct pollfd){ .fd = out ? -1 : t->from, .events = POLLIN };
}

static void pty_end(struct terminal *t)
{
	(void)close(t->pty);
	t->pty = t->to = t->from = -1;
	t->in.start = t->in.end;
}

static void to_end(struct terminal *t)
{
	if (t->pty >= 0) {
		pty_end(t);
		return;
	}
	if (t->to >= 0)
		(void)close(t->to);
	t->to = -1;
	t->in.start = t->in.end;
}

static void from_end(struct terminal *t)
{
	if (t->pty >= 0) {
		pty_end(t);
		return;
	}
	if (t->from >= 0)
		(void)close(t->from);
	t->from = -1;
}

void terminal_end_keys(struct terminal *t)
{
	to_end(t);
}

static enum terminal_state keys_read(struct terminal *t)
{
	int r = passage_read(&t->in, t->keys);

	if (r >= 0)
		return TERMINAL_THERE;
	if (t->pty >= 0) {
		/* Not the end, if only somebody else has been put in front. */
		if (terminal_in_front(t))
			return TERMINAL_GONE;
		t->raw = false;
		return TERMINAL_THERE;
	}
	if (errno == 0) { /* Ctrl-D */
		terminal_end_keys(t);
		return TERMINAL_THERE;
	}
	return terminal_in_front(t) ? TERMINAL_GONE : TERMINAL_BEHIND;
}

enum terminal_state terminal_move(
	struct terminal *t, const struct pollfd p[static TERMINAL_POLLS])
{
	if (p[1].revents &&
		!passage_write(&t->out, t->screen, t->open_fd >= 0 ? t->out.size : WRITE_SAFE))
		return TERMINAL_GONE;
	if (p[2].revents && t->to >= 0 && !passage_write(&t->in, t->to, t->in.size))
		to_end(t);
	if (p[3].revents && t->from >= 0 && passage_read(&t->out, t->from) < 0)
		from_end(t);
	if (t->screen < 0)
		t->out.start = t->out.end;
	return p[0].revents ? keys_read(t) : TERMINAL_THERE;
}

/*
 * A read of the master takes what its writers had finished writing. Who goes on writing after the
 * program's end (its background children) must not keep us: *budget is more than a pty ever holds.
 */
bool terminal_is_drained(struct terminal *t, size_t *budget)
{
	if (!passage_is_empty(&t->out))
		return false;
	if (t->from < 0 || t->screen < 0 || *budget < t->out.size)
		return true;
	*budget -= t->out.size;
	return passage_read(&t->out, t->from) <= 0;
}

void terminal_hang_up(struct terminal *t)
{
	to_end(t);
	from_end(t);
	t->keys = t->screen = -1;
	t->out.start = t->out.end;
	t->raw = false;
}
