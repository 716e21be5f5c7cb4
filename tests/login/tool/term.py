"""term.py - programs on a terminal of their own, as a person would use them, and TAP about it.

    with Term(["su", "alice"]) as t:
        t.expect(r"\$ $")
        t.send("id -un\n")
        same("su", t.expect(r"(?m)^(\w+)\r?$").group(1), "alice")
    finish()
"""
import fcntl
import filecmp
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

HOST_USERNS = os.readlink("/proc/self/ns/user")
READ = {"x86_64": 0, "aarch64": 63}[os.uname().machine]
DOOR = "/usr/libexec/carrel/carrel-door"
HERE = os.path.dirname(os.path.abspath(__file__))
done = failed = 0


def promise(name, kept, why=""):
    global done, failed
    done += 1
    if not kept:
        failed += 1
    print("%s %d - %s" % ("ok" if kept else "not ok", done, name))
    if not kept:
        for line in str(why).splitlines()[-20:]:
            print("#   " + line.replace("\x1b", "^["))
    sys.stdout.flush()


def same(name, seen, wanted):
    promise(name, seen == wanted, "seen %r, wanted %r" % (seen, wanted))


def inside(name, userns):
    promise(name, re.fullmatch(r"user:\[\d+\]", userns or "") and userns != HOST_USERNS, "in %r" % userns)


def outside(name, userns):
    same(name, userns, HOST_USERNS)


def finish():
    print("1..%d" % done)
    if failed:
        for log in "/var/log/world.log", "/var/log/helper.log":
            if os.path.exists(log):
                for line in open(log, errors="replace").read().splitlines()[-15:]:
                    print("# %s: %s" % (os.path.basename(log), line))
    sys.exit(failed > 0)


def world_start():
    """The services of lib.sh; they outlive the shell that starts them."""
    subprocess.run(["bash", "-c", ". %s/../lib.sh && world_start; tests_finished=yes" % HERE], check=True,
                   stdin=subprocess.DEVNULL)


def wait_until(condition, seconds=60):
    """A minute is for what never comes: a machine may have much else to do."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def text(path):
    """A file's content, at the latest after a minute; None if there is none then."""
    if wait_until(lambda: os.path.exists(path) and os.path.getsize(path)):
        return open(path).read().strip()
    return None


def state_of(command):
    """The state of the one process whose command line this is, as proc(5) has it; None if there is none."""
    pid = subprocess.run(["pgrep", "-n", "-x", "-f", command], capture_output=True, text=True).stdout.strip()
    try:
        return open("/proc/%s/stat" % pid).read().rsplit(")", 1)[1].split()[0] if pid else None
    except OSError:
        return None


def runs(command):
    """Waits until it is executed, and not stopped: by then its shell has given it the terminal."""
    if not wait_until(lambda: state_of(command) in ("S", "R", "D")):
        raise Lost("%r does not run" % command)


def host_processes(user):
    """Names of a user's processes in the machine's user namespace; carrel-door is the only one there may be."""
    names = []
    for pid in subprocess.run(["pgrep", "-u", user], capture_output=True, text=True).stdout.split():
        try:
            if os.readlink("/proc/%s/ns/user" % pid) == HOST_USERNS:
                door = filecmp.cmp("/proc/%s/exe" % pid, DOOR, shallow=False)
                names.append("carrel-door" if door else open("/proc/%s/comm" % pid).read().strip())
        except OSError:
            pass
    return names


class Lost(Exception):
    """What was waited for did not come; says what came instead."""


class Term:
    def __init__(self, argv, rows=24, cols=80, env=None, user=None):
        self.seen = ""
        self.status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
                environ = {"PATH": os.environ["PATH"], "TERM": "xterm", "LC_ALL": "C.UTF-8", "HOME": "/root"}
                environ.update(env or {})
                os.chdir("/")
                os.execvpe(argv[0], argv, environ)
            finally:
                os._exit(127)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern, seconds=60):
        """Reads until the pattern matches what was not matched yet; forgets up to the end of the match."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.seen)
            if found:
                self.seen = self.seen[found.end():]
                return found
            left = end - time.monotonic()
            if left <= 0 or not self.read(left):
                raise Lost("no %r in %r" % (pattern, self.seen))

    def expect_question(self, pattern):
        """PAM forgets, after it has printed its question, what was typed until then: it must be seen to wait."""
        self.expect(pattern)
        if not wait_until(self.is_read):
            raise Lost("nobody reads after %r" % pattern)

    def is_read(self):
        """Whether the program in front waits in read(2) for its standard input."""
        try:
            return open("/proc/%d/syscall" % os.tcgetpgrp(self.fd)).read().startswith("%d 0x0 " % READ)
        except OSError:
            return False

    def is_raw(self):
        return not termios.tcgetattr(self.fd)[3] & termios.ICANON

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            more = os.read(self.fd, 65536)
        except OSError:
            return False
        self.seen += more.decode(errors="replace")
        return bool(more)

    def resize(self, rows, cols):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def wait(self, seconds=60):
        """Exit status, or minus the signal; None: it still runs."""
        end = time.monotonic() + seconds
        while self.status is None and time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif not self.read(0.05):
                time.sleep(0.02)
        return self.status

    def close(self):
        """Hangs up, and makes sure that nothing is left."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        if self.status is None:
            for sent in signal.SIGHUP, signal.SIGKILL:
                try:
                    os.kill(self.pid, sent)
                except ProcessLookupError:
                    break
                if wait_until(self.has_ended, 20):
                    return

    def has_ended(self):
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self.status = os.waitstatus_to_exitcode(status)
        return bool(pid)


PROMPT = r"ready> $"


class Shell(Term):
    """A shell in the terminal, with a prompt that is known."""

    def __init__(self, argv, before=(), **more):
        """before: pairs of what is waited for and what is answered, as a login asks."""
        super().__init__(argv, **more)
        for pattern, answer in before:
            self.expect_question(pattern)
            self.send(answer)
        self.expect(r"[$#%] $")
        self.send("PS1='ready'; PS1=\"$PS1> \"; unset PROMPT_COMMAND; bind 'set enable-bracketed-paste off' 2>/dev/null\n")
        self.expect(PROMPT)

    def run(self, command, seconds=60):
        """What a command prints."""
        self.send(command + "\n")
        self.expect(r"\n")
        said = self.expect(r"(?s)(.*?)ready> $", seconds).group(1)
        return re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", said).replace("\r", "").strip()


def terminal_behaves(name, shell, path="/proc/self/ns/user"):
    """What every login with a terminal must do; the shell is bash in a session of a confined user."""
    inside(name + ": runs inside", shell.run("readlink " + path))
    same(name + ": has a terminal with a name", bool(re.match(r"/dev/pts/\d+$", shell.run("tty"))), True)
    same(name + ": knows its size", shell.run("stty size"), "24 80")
    shell.resize(40, 100)
    wait_until(lambda: shell.run("stty size") == "40 100")
    same(name + ": follows a new size", shell.run("stty size"), "40 100")
    shell.send("sleep 600\n")
    runs("sleep 600")
    shell.send("\x03")
    shell.expect(PROMPT)
    same(name + ": Ctrl-C ends a command", shell.run("echo $?"), "130")
    shell.send("sleep 601\n")
    runs("sleep 601")
    shell.send("\x1a")
    shell.expect("Stopped")
    shell.expect(PROMPT)
    same(name + ": Ctrl-Z stops it", "Stopped" in shell.run("jobs"), True)
    shell.send("fg\n")
    shell.expect("sleep 601")
    runs("sleep 601")
    shell.send("\x03")
    shell.expect(PROMPT)
    same(name + ": fg brings it back", shell.run("jobs"), "")
    shell.send("cat -v\n")
    runs("cat -v")
    shell.send("\x16\x01\n\x04")
    promise(name + ": control characters go through", shell.expect(r"\^A\r?\n"))
    shell.expect(PROMPT)
    same(name + ": raw mode", shell.run("stty raw -echo; head -c 1 </dev/null; stty sane; echo done"), "done")
    shell.send("read -n 1 -p 'k''ey? ' x; echo \"<$x>\"\n") # what is asked is not what is typed
    shell.expect(r"key\? ")
    shell.send("q")
    promise(name + ": single keys", shell.expect("<q>"))
    shell.expect(PROMPT)
    same(name + ": many lines come whole", shell.run("seq 20000 | tail -n 20000 | md5sum; seq 3000", 120).count("\n"), 3000)
