#!/usr/bin/python3
"""The tests of 30-run.sh. Runs as root; argument: the directory with the programs."""
import array
import errno
import fcntl
import os
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import time

import door
from door import (DEADLINE, ENV, EVENT, EXITED, FAILED, KILLED, SOCK, TMP, UID, WINDOW, OuterShell, Terminal, call,
                  filter_write, gate_make, gate_open, helper_stop, inside, marked, same, start, takes_signals, wait_for)
from fakehelper import CONFINED, LAUNCH_ANSWER, REFUSED, REQ_EXEC, REQ_LAUNCH, REQUEST_SIZE, SIZES, VERSION

CARREL = TMP + "/carrel"
HASTY = TMP + "/carrel-hasty"
INSIDE = TMP + "/inside"
NOBODY = f"carrel: carrel-helper does not answer at {SOCK}: %s; ask the administrator\n".encode()
RUNNING = 8
DETACH, HOME, KEEP, NET_NONE, NET_HOST, ROOTFS, READONLY, NNP = (1 << i for i in range(8))
LAUNCH = struct.Struct("HHIII65s65s33s33s65s65sHI8192s")
EXEC = struct.Struct("HHI65s33s")
COMMAND = struct.Struct("HHIIIIHHHHI64s2IQ")


class Asked:
    """A request as it arrived, and the connection it came by."""

    def __init__(self, conn):
        self.conn = conn
        data, control, _, _ = conn.recvmsg(16384, socket.CMSG_SPACE(8 * 4))
        fds = array.array("i")
        for level, what, more in control:
            if level == socket.SOL_SOCKET and what == socket.SCM_RIGHTS:
                fds.frombytes(more)
        self.fds = list(fds)
        version, self.kind, length = struct.unpack_from("HHI", data)
        same((version, length, len(data)), (VERSION, SIZES[self.kind], SIZES[self.kind]))

        def text(field):
            words = field.split(b"\0", 1)
            assert words[1].strip(b"\0") == b"", field
            return words[0].decode()
        if self.kind == REQ_LAUNCH:
            _, _, _, self.flags, self.narrow, *names, n, size, binds = LAUNCH.unpack_from(data)
            self.image, self.name, self.profile, self.user, self.hostname, self.domainname = map(text, names)
            words = binds[:size].split(b"\0")
            same(binds[size:].strip(b"\0"), b"")
            self.binds = [tuple(w.decode() for w in words[3 * i:3 * i + 3]) for i in range(n)]
            same(words[3 * n:], [b""])
        else:
            *_, name, user = EXEC.unpack_from(data)
            self.name, self.user = text(name), text(user)
        _, _, _, self.ttys, self.umask, self.argc, self.rows, self.cols, _, _, size, self.termios, *self.caps_lost, self.ambient = \
            COMMAND.unpack(data[-REQUEST_SIZE:])
        same(fcntl.fcntl(self.fds[3], fcntl.F_GET_SEALS) & 0xF, 0xF)
        payload = os.pread(self.fds[3], 8 << 20, 0)
        same((len(payload), payload[-1:]), (size, b"\0"))
        words = payload[:-1].split(b"\0")
        self.file, self.cwd, *words = map(os.fsdecode, words)
        self.argv, self.env = words[:self.argc], words[self.argc:]

    def forget(self):
        """Whoever reads what the command writes waits for this."""
        for fd in self.fds:
            os.close(fd)
        self.fds = []

    def close(self):
        self.forget()
        self.conn.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def answer(self, what=CONFINED, text=b"", name=b"made-up", kind=None):
        self.forget()
        self.conn.send(LAUNCH_ANSWER.pack(VERSION, kind or self.kind, LAUNCH_ANSWER.size, what, name, text))

    def event(self, kind, value=0, text=b""):
        self.conn.send(EVENT.pack(kind, value, text))


class Listener:
    """A place where a helper could be."""

    def __init__(self, path=SOCK, backlog=16, listens=True):
        helper_stop()
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(DEADLINE)
        if os.path.exists(path):
            os.unlink(path)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        if listens:
            self.socket.listen(backlog)

    def connection(self):
        conn, _ = self.socket.accept()
        conn.settimeout(DEADLINE)
        return conn

    def asked(self):
        return Asked(self.connection())

    def nobody_came(self):
        self.socket.setblocking(False)
        try:
            self.socket.accept()
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(DEADLINE)
        return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        if os.path.exists(self.path):
            os.unlink(self.path)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def done(p, data=None):
    out, err = p.communicate(data, timeout=DEADLINE)
    return p.returncode, out, err


def said(*argv, **more):
    """What arrives at the helper; the command then ends well."""
    with Listener() as helper:
        p = start(CARREL, *argv, **more)
        try:
            with helper.asked() as q:
                q.answer()
                q.event(EXITED)
                seen = done(p)
        finally:
            p.kill()
        same(seen, (0, b"", b""))
    return q


# ---- what is asked for ----

def a_launch_is_asked_for_as_it_was_typed():
    q = said("run", "debian", "ls", "-l", "", "a b", "\udcff", "--name", "x", env=dict(ENV, SECRET="1"))
    same((q.kind, q.flags, q.narrow), (REQ_LAUNCH, 0, 0))
    same((q.image, q.name, q.profile, q.user, q.binds), ("debian", "", "", "", []))
    same((q.file, q.cwd, q.argv), ("ls", "", ["ls", "-l", "", "a b", "\udcff", "--name", "x"]))
    # Not even TERM, as no terminal is used.
    same((q.env, q.umask, q.ttys, q.rows, q.termios), ([], 0o22, 0, 0, bytes(64)))


def no_command_is_the_images_own():
    q = said("run", "debian")
    same((q.argc, q.file, q.cwd, q.argv, q.env), (0, "", "", [], []))
    q = said("run", "-w", "/srv", "-e", "A=b", "debian")
    same((q.argc, q.file, q.cwd, q.argv, q.env), (0, "", "/srv", [], ["A=b"]))


def every_option_reaches_the_wire():
    for words, field, value in (
            (["-d"], "flags", DETACH), (["--detach"], "flags", DETACH), (["--home"], "flags", HOME),
            (["--keep"], "flags", KEEP), (["--no-new-privs"], "flags", NNP), (["--read-only"], "flags", READONLY), (["--rm"], "flags", 0),
            (["--net", "none"], "flags", NET_NONE), (["--net=host"], "flags", NET_HOST),
            (["--home", "--keep", "--net=none"], "flags", HOME | KEEP | NET_NONE),
            (["--name", "web.1_x-y"], "name", "web.1_x-y"), (["--name=" + "n" * 64], "name", "n" * 64),
            (["--profile", "lab"], "profile", "lab"), (["--profile=" + "p" * 32], "profile", "p" * 32),
            (["--hostname", "web.example"], "hostname", "web.example"), (["--domainname=" + "d" * 64], "domainname", "d" * 64),
            (["-u", "www-data"], "user", "www-data"), (["-u1000"], "user", "1000"),
            (["--user=" + "u" * 32], "user", "u" * 32),
            (["-w", "/srv/x"], "cwd", "/srv/x"), (["-w/srv"], "cwd", "/srv"), (["--workdir=/"], "cwd", "/"),
            (["-e", "A=1", "--env=B=x=y", "-eC="], "env", ["A=1", "B=x=y", "C="]),
            (["--caps=0"], "caps_lost", [0xffffffff, 0xffffffff]), (["--caps", "000001ffffffffff"], "caps_lost", [0, 0xfffffe00]),
            (["--ambient", "20000020"], "ambient", 0x20000020), (["--ambient=ff00000000"], "ambient", 0xff00000000),
            (["--caps", "20000020"], "caps_lost", [0xdfffffdf, 0xffffffff]), (["-u", "1000:100"], "user", "1000:100"),
            (["-it"], "flags", 0), (["-ti", "--interactive", "--tty"], "flags", 0), (["-T"], "ttys", 0),
            (["-ditu", "ada"], "user", "ada"), (["-dit"], "flags", DETACH),
            (["--"], "image", "debian")):
        argv = [*words, "debian", "true"]
        if "-d" in words or "--detach" in words or words[0].startswith("-di"):
            with Listener() as helper:
                p = start(CARREL, "run", *argv)
                with helper.asked() as q:
                    q.answer()
                    q.event(RUNNING)
                    same(done(p), (0, b"made-up\n", b""))
        else:
            q = said("run", *argv)
        same((words, getattr(q, field)), (words, value))
        same((q.image, q.argv), ("debian", ["true"]))


def options_end_at_the_image():
    q = said("run", "--image", "debian", "-it", "true", "-d")
    same((q.image, q.flags, q.argv), ("debian", 0, ["true", "-d"]))
    q = said("run", "--image=debian", "--", "-d")
    same((q.image, q.flags, q.argv), ("debian", 0, ["-d"]))
    q = said("run", "debian", "--", "x")
    same(q.argv, ["--", "x"])


def variables_are_those_that_were_named():
    env = {"TERM": "vt100", "A": "from here", "EMPTY": "", "AB": "no"}
    same(said("run", "-e", "A", "-e", "EMPTY", "-e", "MISSING", "x", env=env).env, ["A=from here", "EMPTY="])
    # What was said last, and only that.
    same(said("run", "-e", "A=1", "-e", "B=2", "-e", "A=3", "x", env=env).env, ["B=2", "A=3"])
    same(said("run", "-e", "A=1", "-e", "A", "x", env=env).env, ["A=from here"])


def only_a_terminal_brings_its_type():
    for more, expected in (((), ["TERM=vt100"]), (("-e", "TERM=dumb"), ["TERM=dumb"]), (("-T",), []),
                           (("-T", "-e", "TERM"), ["TERM=vt100"])):
        with Listener() as helper, Terminal(CARREL, "run", *more, "x", env={"TERM": "vt100", "B": "1"}) as t:
            with helper.asked() as q:
                same((more, q.env), (more, expected))
                same((q.ttys & 7, q.rows), (0, 0) if "-T" in more else (7, 24))
                q.answer()
                q.event(EXITED, 4)
                same(t.wait(), 4)


def binds_are_absolute_and_may_have_colons():
    os.makedirs(TMP + "/home/sub", exist_ok=True)
    q = said("run", "-v", "/a:/b", "--bind", "/a/../c:/d:ro", "--bind=/e:/f:rw", "-v", "x/y:/z",
             "-v", ".:/here", "-v", "..:/up", "-v", "/w\\:x\\\\y\\z:/v\\:ro:ro", "x", cwd=TMP + "/home/sub")
    same(q.binds, [("/a", "/b", "rw"), ("/a/../c", "/d", "ro"), ("/e", "/f", "rw"), (TMP + "/home/sub/x/y", "/z", "rw"),
                   (TMP + "/home/sub/.", "/here", "rw"), (TMP + "/home/sub/..", "/up", "rw"),
                   ("/w:x\\y\\z", "/v:ro", "ro")])
    same(said("run", "-v", "usr:/u", "x", cwd="/").binds, [("/usr", "/u", "rw")])
    same(len(said("run", *["-v/a:/b"] * 16, "x").binds), 16)


def a_directory_of_ones_own_can_be_the_tree():
    q = said("run", "--rootfs", "sub", "-v", "/a:/b", "ls", cwd=TMP + "/home")
    same((q.image, q.flags, q.argv), ("", ROOTFS, ["ls"]))
    same(q.binds, [(TMP + "/home/sub", "/", "rw"), ("/a", "/b", "rw")])
    q = said("run", "--read-only", "--rootfs=/srv", "ls")
    same((q.flags, q.binds), (ROOTFS | READONLY, [("/srv", "/", "ro")]))


def a_filter_goes_along():
    with open(TMP + "/filter", "rb") as f:
        q = said("run", "--narrow", str(f.fileno()), "x", pass_fds=[f.fileno()])
        same((q.narrow, q.kind), (1, REQ_LAUNCH))
    with Listener() as helper, open(TMP + "/filter", "rb") as f:
        p = start(CARREL, "run", "--narrow", str(f.fileno()), "x", pass_fds=[f.fileno()])
        with helper.asked() as q:
            same((len(q.fds), os.fstat(q.fds[4]).st_ino), (5, os.fstat(f.fileno()).st_ino))
            q.answer()
            q.event(EXITED)
        same(done(p), (0, b"", b""))


def stdio_is_handed_over_and_nothing_else():
    null = os.stat("/dev/null").st_rdev
    left = os.open("/etc/shadow", os.O_RDONLY)
    with Listener() as helper:
        p = start(CARREL, "run", "x", stdin=subprocess.PIPE, pass_fds=[left])
        with helper.asked() as q:
            same(len(q.fds), 4)
            same([os.fstat(fd).st_ino for fd in q.fds[:3]],
                 [os.fstat(f.fileno()).st_ino for f in (p.stdin, p.stdout, p.stderr)])
            q.answer()
            # Nor does it keep a copy: who reads and who writes must see that nobody is there any more.
            same(p.stdout.read(), b"")
            end = select.poll()
            end.register(p.stdin, select.POLLERR)
            same(end.poll(DEADLINE * 1000), [(p.stdin.fileno(), select.POLLERR)])
            same(p.poll(), None)
            q.event(EXITED)
            same(p.wait(DEADLINE), 0)
    os.close(left)
    root = os.open("/", os.O_RDONLY)
    with Listener() as helper:
        p = start(CARREL, "run", "x", stdin=root, before=lambda: os.close(1))
        with helper.asked() as q:
            same([os.fstat(fd).st_rdev == null for fd in q.fds[:3]], [True, True, False])
            q.answer()
            q.event(EXITED)
        same(p.wait(DEADLINE), 0)
    os.close(root)


def detached_nothing_of_the_caller_goes_along():
    null = os.stat("/dev/null").st_rdev
    with Listener() as helper:
        with Terminal(CARREL, "run", "-d", "--name", "web", "x", "y") as t:
            with helper.asked() as q:
                same([os.fstat(fd).st_rdev for fd in q.fds[:3]], [null] * 3)
                same((q.ttys, q.env, q.name), (0, [], "web"))
                q.answer(name=b"web")
                q.event(RUNNING)
                t.expect("web\r\n")
                same(t.wait(), 0)


def another_command_is_asked_for_as_it_was_typed():
    q = said("exec", "web", "ls", "-d", env=dict(ENV, SECRET="1"))
    same((q.kind, q.name, q.user, q.file, q.cwd, q.argv, q.env, q.umask),
         (REQ_EXEC, "web", "", "ls", "", ["ls", "-d"], [], 0o22))
    q = said("exec", "-it", "-u", "ada", "-w", "/srv", "-e", "A=1", "--env", "SECRET", "--", "web", "ls",
             env=dict(ENV, SECRET="1"))
    same((q.name, q.user, q.cwd, q.argv, q.env), ("web", "ada", "/srv", ["ls"], ["A=1", "SECRET=1"]))
    with Listener() as helper, Terminal(CARREL, "exec", "-T", "web", "ls") as t:
        with helper.asked() as q:
            same((q.ttys, q.env), (0, []))
            q.answer()
            q.event(EXITED, 3)
            same(t.wait(), 3)


# ---- what is refused before anybody is asked ----

LONG = "/" + "x" * 5000

MISTAKES = (
    (["run"], "which image?"), (["run", "-d"], "which image?"),
    (["run", "--foo", "x"], "'--foo': unknown option"), (["run", "-Z", "x"], "'-Z': unknown option"),
    (["run", "-diZ", "x"], "'-Z': unknown option"), (["run", "-", "x"], "'-': unknown option"),
    (["run", "--nam", "y", "x"], "'--nam': unknown option"),
    (["run", "--name"], "'--name': value missing"), (["run", "-e"], "'-e': value missing"),
    (["run", "--name=", "x"], "'--name=': value missing"), (["run", "--workdir", "", "x"], "'--workdir': value missing"),
    (["run", "--home=yes", "x"], "'--home=yes': takes no value"),
    (["run", "--name", "a", "--name", "a", "x"], "'--name': given twice"),
    (["run", "-w/a", "-w", "/a", "x"], "'-w': given twice"), (["run", "--net=host", "--net=none", "x"], "given twice"),
    (["run", "-ua", "--user=b", "x"], "given twice"), (["run", "--profile=a", "--profile=a", "x"], "given twice"),
    (["run", "--image=a", "--image=b"], "given twice"), (["run", "--rootfs=/a", "--rootfs=/b"], "given twice"),
    (["run", *["-eA=1"] * 257, "x"], "given too often"),
    (["run", "--keep", "--rm", "x"], "'--keep': contradicts --rm"),
    (["run", "--keep", "--read-only", "x"], "'--keep': contradicts --read-only"),
    (["run", "-tT", "x"], "'--no-tty': contradicts --tty"),
    (["run", "--bundle=/b", "--image=x"], "only one of"), (["run", "--rootfs=/b", "--image=x"], "only one of"),
    (["run", "-e", "=x", "x"], "'=x': no NAME before '='"),
    (["run", "--net=bridge", "x"], "'bridge': neither host nor none"),
    (["run", "-w", "srv", "x"], "'srv': no absolute path"),
    (["run", "-u", "u" * 33, "x"], "too long for a user"), (["run", "--profile", "p" * 33, "x"], "too long for a profile"),
    (["run", "--name", "n" * 65, "x"], "no name of a container"), (["run", "--name", "Web", "x"], "no name of a container"),
    (["run", "--name", "-x", "x"], "no name of a container"), (["run", "--name", "a/b", "x"], "no name of a container"),
    (["run", "docker.io/debian"], "no name of an image"), (["run", "debian:12"], "no name of an image"),
    (["run", ".hidden"], "no name of an image"), (["run", ""], "no name of an image"),
    (["run", "x" * 65], "no name of an image"),
    (["run", "-v", "/a", "x"], "'/a' is not SRC:DST"), (["run", "-v", ":/a", "x"], "is not SRC:DST"),
    (["run", "-v", "/a\\:/b", "x"], "is not SRC:DST"),
    (["run", "-v", "/a:b", "x"], "no absolute path in the container"), (["run", "-v", "/a:", "x"], "no absolute path"),
    (["run", "-v", "/a:/b:q", "x"], "neither in ':ro' nor in ':rw'"), (["run", "-v", "/a:/b:", "x"], "neither in"),
    (["run", "-v", "/a:/b:ro:ro", "x"], "neither in"), (["run", "-v", "/a:/b:readonly", "x"], "neither in"),
    (["run", *["-v/a:/b"] * 17, "x"], "one --bind too many"),
    (["run", "-v", LONG + ":/b", "x"], "too long a path"), (["run", "-v", "/b:" + LONG, "x"], "too long a path"),
    (["run", "--rootfs", LONG, "x"], "too long a path"),
    (["run", *[f"-v/{i}{'x' * 3000}:/b" for i in range(3)], "x"], "too much text"),
    (["run", "--narrow", "99", "x"], "no open descriptor"), (["run", "--narrow", "3", "x"], "no open descriptor"),
    (["run", "--narrow", "1", "x"], "no open descriptor"), (["run", "--narrow", "x", "x"], "no open descriptor"),
    (["run", "--narrow", "99999999999999999999", "x"], "no open descriptor"),
    (["run", "--caps", "CAP_KILL", "x"], "no mask of hexadecimal digits"), (["run", "--caps", "0x1", "x"], "no mask of"),
    (["run", "--caps", "10000000000000000", "x"], "no mask of"), (["run", "--caps=", "x"], "value missing"),
    (["run", "--hostname", "h" * 65, "x"], "too long for a hostname"),
    (["run", "--ambient", "KILL", "x"], "--ambient: 'KILL' is no mask"),
    (["exec"], "in which container?"), (["exec", "web"], "which command?"),
    (["exec", "@shell", "ls"], "no name of a container"),
    (["exec", "-d", "web", "ls"], "'-d': unknown option"), (["exec", "--home", "web", "ls"], "'--home': unknown option"),
    (["exec", "-w", "srv", "web", "ls"], "no absolute path"), (["exec", "-tT", "web", "ls"], "contradicts --tty"),
    (["exec", "-u", "u" * 33, "web", "ls"], "too long for a user"),
)


def mistakes_are_told_and_nobody_is_asked():
    with Listener() as helper:
        for argv, text in MISTAKES:
            status, out, err = call(CARREL, *argv)
            same((argv[:3], status, out, err.count(b"\n")), (argv[:3], 125, b"", 1))
            assert err.startswith(b"carrel: " + argv[0].encode()) and text.encode() in err, (argv[:3], err)
            assert helper.nobody_came(), argv[:3]


def a_relative_path_needs_a_directory_that_has_one():
    os.makedirs(TMP + "/home/gone", exist_ok=True)
    def leave():
        os.rmdir(TMP + "/home/gone")
    os.chown(TMP + "/home/gone", UID, UID)
    with Listener() as helper:
        status, _, err = call(CARREL, "run", "-v", "x:/y", "x", cwd=TMP + "/home/gone", before=leave)
        same((status, err.count(b"\n"), helper.nobody_came()), (125, 1, True))
        assert b"working directory has no path" in err, err


def too_much_to_hand_over_is_said():
    many = [f"-eV{i}=" + "z" * 100000 for i in range(50)]
    with Listener() as helper:
        status, _, err = call(CARREL, "run", *many, "x", "y", before=lambda: resource.setrlimit(
            resource.RLIMIT_STACK, (64 << 20, 64 << 20)))
        same((status, err, helper.nobody_came()),
             (126, b"carrel: y: cannot hand over arguments and environment: Argument list too long\n", True))


def help_is_not_a_mistake():
    for command in ("run", "exec"):
        status, out, err = call(CARREL, command, "--help")
        same((status, err), (0, b""))
        assert out.startswith(b"usage: carrel " + command.encode()), out
        same(call(CARREL, command, "-d" if command == "run" else "-it", "--help", "--nonsense")[:2], (0, out))
        with open("/dev/full", "wb") as full:
            status, _, err = call(CARREL, command, "--help", stdout=full)
        same((status, err), (125, b"carrel: standard output: No space left on device\n"))


# ---- the helper ----

def a_refusal_is_told_with_the_helpers_words():
    with Listener() as helper:
        for text, line in ((b"'debian' is none of your images", b"carrel: 'debian' is none of your images\n"),
                           (b"t" * 511, b"carrel: " + b"t" * 511 + b"\n"), (b"\x1b]0;x", b"carrel: ?]0;x\n"),
                           (b"", b"carrel: refused\n")):
            p = start(CARREL, "run", "debian")
            with helper.asked() as q:
                q.answer(REFUSED, text)
                same(done(p), (125, b"", line))


def an_answer_that_is_none_is_a_failure():
    with Listener() as helper:
        for command, rubbish in ((("run", "x"), b"\0" * 40), (("run", "x"), b"\0" * LAUNCH_ANSWER.size),
                                 (("exec", "x", "y"), None)):
            p = start(CARREL, *command)
            with helper.asked() as q:
                q.forget()
                if rubbish:
                    q.conn.send(rubbish)
                else:
                    q.answer(kind=REQ_LAUNCH)
                status, out, err = done(p)
            same((status, out, err.count(b"\n")), (125, b"", 1))
            assert b"Bad message" in err, err


def who_is_sent_away_comes_again():
    with Listener() as helper:
        p = start(CARREL, "run", "x")
        helper.connection().close()  # before the request is read
        with helper.asked():
            pass  # and after it
        with helper.asked() as q:
            same(q.image, "x")
            q.answer()
            q.event(EXITED, 6)
            same(done(p), (6, b"", b""))


def a_full_queue_gets_shorter():
    with Listener(backlog=0) as helper:
        first = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        first.connect(SOCK)
        p = start(CARREL, "run", "x")
        wait_for(lambda: b"nanosleep" in read(f"/proc/{p.pid}/wchan"))
        helper.connection().close()
        first.close()
        with helper.asked() as q:
            q.answer()
            q.event(EXITED, 7)
            same(done(p), (7, b"", b""))


def a_helper_that_is_being_started_is_waited_for():
    with Listener(listens=False) as helper:
        p = start(CARREL, "run", "x")
        wait_for(lambda: b"nanosleep" in read(f"/proc/{p.pid}/wchan"))
        helper.socket.listen()
        with helper.asked() as q:
            q.answer()
            q.event(EXITED, 7)
            same(done(p), (7, b"", b""))
    with Listener(listens=False):
        same(call(HASTY, "run", "x"),
             (125, b"", NOBODY % b"Connection refused"))


def who_is_sent_away_for_ever_gives_up_with_a_line():
    with Listener() as helper:
        p = start(HASTY, "run", "x")
        times = 0
        while p.poll() is None:
            if not helper.nobody_came():
                times += 1
            time.sleep(0.001)
        status, out, err = done(p)
        same((status, out, err.count(b"\n")), (125, b"", 1))
        assert times > 3 and b"too many ask at once, try again" in err, (times, err)


def without_a_helper_it_says_where_it_should_be():
    helper_stop()
    for path in (SOCK, INSIDE):
        if os.path.exists(path):
            os.unlink(path)
    same(call(CARREL, "run", "x"), (125, b"", NOBODY % b"No such file or directory"))


def inside_a_container_there_is_another_place():
    helper_stop()
    if os.path.exists(SOCK):
        os.unlink(SOCK)
    with Listener(INSIDE) as helper:
        p = start(CARREL, "run", "x")
        with helper.asked() as q:
            q.answer()
            q.event(EXITED, 8)
            same(done(p), (8, b"", b""))


def and_root_is_heard_there_alone():
    with Listener() as users, Listener(INSIDE) as helper:
        p = subprocess.Popen([CARREL, "run", "x"], stdin=subprocess.DEVNULL)
        with helper.asked() as q:
            q.answer()
            q.event(EXITED, 9)
            same((p.wait(DEADLINE), users.nobody_came()), (9, True))
        p = start(CARREL, "run", "x")
        with users.asked() as q:
            q.answer()
            q.event(EXITED, 9)
            same((p.wait(DEADLINE), helper.nobody_came()), (9, True))


def who_waits_long_is_told_once_at_a_terminal():
    with Listener() as helper, Terminal(CARREL, "run", "x") as t:
        with helper.asked() as q:
            t.expect(r"carrel: waiting for carrel-helper; [^\n]*\n")
            q.answer()
            q.event(EXITED, 2)
            same(t.wait(), 2)
            same(bytes(t.seen), b"")


# ---- how it ends ----

def ended_by(*event, command=("x", "prog")):
    with Listener() as helper:
        p = start(CARREL, "run", *command)
        with helper.asked() as q:
            q.answer()
            if event:
                q.event(*event)
            q.close()
            return done(p)


def it_leaves_as_the_program_left():
    for status in (0, 1, 125, 255):
        same(ended_by(EXITED, status), (status, b"", b""))
    for sig in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV, signal.SIGPIPE):
        same(ended_by(KILLED, sig), (-sig, b"", b""))
    # One that ends nobody, as a shell says it.
    same(ended_by(KILLED, signal.SIGCHLD), (128 + signal.SIGCHLD, b"", b""))


def what_never_ran_is_told():
    same(ended_by(FAILED, errno.ENOENT), (127, b"", b"carrel: prog: No such file or directory\n"))
    same(ended_by(FAILED, errno.EACCES), (126, b"", b"carrel: prog: Permission denied\n"))
    same(ended_by(FAILED, errno.ENOEXEC), (126, b"", b"carrel: prog: Exec format error\n"))
    same(ended_by(FAILED, errno.EBADMSG, b"filter"), (125, b"", b"carrel: prog: not started: filter: Bad message\n"))
    same(ended_by(FAILED, errno.ENOENT, command=("x",)),
         (127, b"", b"carrel: the image's command: No such file or directory\n"))


def a_container_that_was_ended_is_told():
    same(ended_by(), (137, b"", b"carrel: prog: its container 'made-up' was ended\n"))


def detached_it_waits_until_it_is_known():
    for event, seen in (((RUNNING,), (0, b"made-up\n", b"")), ((EXITED, 3), (3, b"made-up\n", b"")),
                        ((KILLED, 9), (-9, b"made-up\n", b"")),
                        ((FAILED, errno.ENOENT), (127, b"", b"carrel: prog: No such file or directory\n")),
                        ((), (125, b"", b"carrel: prog: its container 'made-up' was ended\n"))):
        same(ended_by(*event, command=("-d", "x", "prog")), seen)
    with Listener() as helper, open("/dev/full", "wb") as full:
        p = start(CARREL, "run", "-d", "x", stdout=full)
        with helper.asked() as q:
            q.answer()
            q.event(RUNNING)
            same((p.wait(DEADLINE), p.stderr.read()),
                 (125, b"carrel: standard output: No space left on device; the container 'made-up' runs\n"))


def a_killed_client_is_seen_by_the_helper():
    for before_answer in (True, False):
        with Listener() as helper:
            p = start(CARREL, "run", "x")
            with helper.asked() as q:
                if not before_answer:
                    q.answer()
                p.kill()
                p.wait(DEADLINE)
                try:
                    same(q.conn.recv(100), b"")
                except ConnectionResetError:
                    pass


# ---- with a relay ----

def the_exit_status_and_signals_pass():
    same(call(CARREL, "run", "x", "/bin/sh", "-c", "exit 7"), (7, b"", b""))
    same(call(CARREL, "exec", "x", "/bin/sh", "-c", "kill -9 $$"), (-9, b"", b""))
    same(call(CARREL, "run", "x", "/no/such")[0], 127)
    same(call(CARREL, "run", "x", "/etc/passwd")[0], 126)
    p = start(CARREL, "run", "x", "/bin/sleep", door.MARK)
    wait_for(lambda: inside(door.MARK, "sleep"))
    takes_signals(p.pid)
    p.terminate()
    same(p.wait(DEADLINE), -signal.SIGTERM)


def the_program_sees_what_was_said():
    status, out, _ = call(CARREL, "run", "-w", "/usr", "-e", "A=x y", "x", "/usr/bin/env", env=dict(ENV, SECRET="1"))
    same((status, out), (0, b"A=x y\n"))
    same(call(CARREL, "run", "-w", "/usr", "x", "/bin/sh", "-c", "pwd; umask")[1], b"/usr\n0022\n")


def capabilities_that_are_not_kept_are_gone():
    with open("/proc/self/status", encoding="ascii") as f:
        bounding = int(next(line for line in f if line.startswith("CapBnd:")).split()[1], 16)
    assert bounding & 0x20, bounding
    for words, mask in (((), ~0), (("--caps", "ffffffffffffffff"), ~0), (("--caps", "20"), 0x20), (("--caps", "0"), 0)):
        same((words, call(CARREL, "run", *words, "x", "/bin/grep", "CapBnd", "/proc/self/status")),
             (words, (0, f"CapBnd:\t{bounding & mask:016x}\n".encode(), b"")))


def pipes_pass_everything_and_end():
    block = os.urandom(1 << 20) * 20
    same(call(CARREL, "run", "x", "/bin/cat", data=block), (0, block, b""))
    same(call(CARREL, "run", "x", "/bin/sh", "-c", "cat; echo end >&2", data=b"in"), (0, b"in", b"end\n"))
    p = start(CARREL, "run", "x", "/bin/sh", "-c", "yes; echo $?")
    same(len(p.stdout.read(100)), 100)
    p.stdout.close()
    same(p.wait(DEADLINE) in (0, -signal.SIGPIPE), True)


def at_a_terminal_it_has_one_of_its_own():
    code = "import os; print('T', os.ttyname(0), os.get_terminal_size(), os.environ['TERM'])"
    with Terminal(CARREL, "run", "x", "/usr/bin/python3", "-S", "-c", code, size=(33, 99)) as t:
        inner = t.expect(r"T (/dev/pts/\d+) os.terminal_size\(columns=99, lines=33\) xterm\r\n")[1]
        number = struct.unpack("I", fcntl.ioctl(t.fd, 0x80045430, b"\0" * 4))[0]
        assert inner != f"/dev/pts/{number}".encode()
        same(t.wait(), 0)


def the_window_may_change():
    with Terminal(CARREL, "run", "-it", "x", "/usr/bin/python3", "-S", "-c", WINDOW) as t:
        t.expect("up\r\n")
        t.resize(50, 132)
        t.expect("W 50 132\r\n")


def keys_that_signal_do():
    with Terminal(CARREL, "run", "x", "/bin/sleep", door.MARK) as t:
        wait_for(lambda: inside(door.MARK, "sleep"))
        wait_for(t.is_raw)
        t.type(b"\x03")
        same(t.wait(), -signal.SIGINT)
        assert not t.is_raw()


def ctrl_z_and_fg_work_in_the_callers_shell():
    with OuterShell() as t:
        t.type(f"{CARREL} run x /bin/cat - {door.MARK}\n")
        wait_for(t.is_raw)
        t.type("one\n")
        t.expect("one\r\none\r\n")
        t.type("\x1a")
        t.expect(r"Stopped.*out\$ ")
        t.type("fg\n")
        wait_for(t.is_raw)
        t.type("two\n")
        t.expect("two\r\ntwo\r\n")
        t.type("\x03")
        t.expect(r"out\$ ")


def a_killed_client_hangs_up_its_program():
    with Terminal(CARREL, "run", "x", "/bin/sleep", door.MARK) as t:
        wait_for(lambda: inside(door.MARK, "sleep"))
        os.kill(t.pid, signal.SIGKILL)
        wait_for(lambda: not marked(door.MARK, "sleep"))


# ---- pipes at a terminal ----

def without_a_tty_there_are_pipes():
    script = "for i in 0 1 2; do test -t $i && echo tty $i; done; test -p /proc/self/fd/0 && echo pipe; " \
        "read x; echo got $x >&2"
    with Terminal(CARREL, "run", "-T", "x", "/bin/bash", "-c", script) as t:
        t.expect("^pipe\r\n")
        assert not t.is_raw()
        t.type("abc\n")
        t.expect("abc\r\ngot abc\r\n")
        same(t.wait(), 0)


def without_a_tty_ctrl_d_ends_the_input():
    with Terminal(CARREL, "run", "-T", "x", "/bin/sh", "-c", "cat; echo over; sleep 0.2; exit 3") as t:
        t.type("abc\n")
        t.expect("abc\r\nabc\r\n")
        t.type("\x04")
        t.expect("over\r\n")
        same(t.wait(), 3)


def without_a_tty_ctrl_c_and_ctrl_z_do():
    with Terminal(CARREL, "run", "-T", "x", "/bin/sleep", door.MARK) as t:
        wait_for(lambda: inside(door.MARK, "sleep"))
        t.type("\x03")
        same(t.wait(), -signal.SIGINT)
    with OuterShell() as t:
        t.type(f"{CARREL} run -T x /bin/cat - {door.MARK}\n")
        wait_for(lambda: inside(door.MARK, "cat"))
        t.type("one\n")
        t.expect("one\r\none\r\n")
        t.type("\x1a")
        t.expect(r"Stopped.*out\$ ")
        wait_for(lambda: [s for _, s in inside(door.MARK, "cat")] == ["T"])
        t.type("fg\n")
        t.expect("cat - ")
        wait_for(lambda: [s for _, s in inside(door.MARK, "cat")] == ["S"])
        t.type("two\n")
        t.expect("two\r\ntwo\r\n")
        t.type("\x04")
        t.expect(r"out\$ ")
        wait_for(lambda: not marked(door.MARK))


def without_a_tty_much_output_arrives_whole():
    with Terminal(CARREL, "run", "-T", "x", "/usr/bin/seq", "200000") as t:
        same(t.wait(300), 0)
        same(bytes(t.seen), "".join(f"{i}\r\n" for i in range(1, 200001)).encode())


def without_a_tty_who_has_keys_in_the_background_stops():
    with OuterShell() as t:
        t.type(f"{CARREL} run -T x /bin/cat - {door.MARK} &\n")
        wait_for(lambda: inside(door.MARK, "cat"))
        t.expect(r"out\$ ")
        # The shell takes its keys at once; a program that leaves them there does not.
        gate = gate_make()
        t.type(f"{TMP}/cat.real {gate}\nkeys\n")
        wait_for(lambda: [s for _, s in marked(door.MARK, "carrel")] == ["T"])
        gate_open(gate)
        t.told("Stopped")
        t.type("fg\n")
        t.expect("cat - ")
        t.type("now\n")
        t.expect("now\r\nnow\r\n")
        t.type("\x04")
        t.expect(r"out\$ ")


def without_a_tty_a_program_that_reads_nothing_ends_the_reading():
    with Terminal(CARREL, "run", "-T", "x", "/bin/sh", "-c", f"exec <&-; echo up; exec sleep {door.MARK}") as t:
        t.expect("up\r\n")
        t.type("x\n" * 3)
        t.expect("x\r\n" * 3)
        pid = wait_for(lambda: inside(door.MARK, "sleep"))[0][0]
        os.kill(pid, signal.SIGTERM)
        same(t.wait(), -signal.SIGTERM)


def a_pipe_beside_a_terminal_stays_a_pipe():
    with OuterShell() as t:
        t.type(f"echo word | {CARREL} run -T x /bin/cat\n")
        t.expect(r"cat\r\nword\r\nout\$ ")
        t.type(f"{CARREL} run -T x /bin/sh -c 'echo a; echo b >&2' | {TMP}/cat.real >{TMP}/home/out\n")
        t.expect(r"out\r\nb\r\nout\$ ")
    same(read(TMP + "/home/out"), b"a\n")


# ---- the rest of the command ----

FAKE_CLI = """#!/bin/sh
printf '%s|' "$0" "$@" "$LANG"; ls /proc/self/fd | tr '\\n' ' '
exit 5
"""


def all_else_is_done_by_another_program():
    os.makedirs(TMP + "/libexec", exist_ok=True)
    os.makedirs(TMP + "/elsewhere", exist_ok=True)
    shutil.copy(CARREL, TMP + "/elsewhere/carrel")
    for place in ("libexec", "elsewhere"):
        with open(f"{TMP}/{place}/carrel-cli", "w", encoding="ascii") as f:
            f.write(FAKE_CLI)
        os.chmod(f"{TMP}/{place}/carrel-cli", 0o755)
    left = os.open("/dev/null", os.O_RDONLY)
    for program, place in ((CARREL, "libexec"), (TMP + "/elsewhere/carrel", "elsewhere")):
        for argv, then in (((), ()), (("--help",), ("--help",)), (("list", "-a", ""), ("list", "-a", "")),
                           (("run", "-it", "--bundle", "/b", "-v", "/a:/b", "ls", "-l"),
                            ("run-bundle", "-it", "--bundle", "/b", "-v", "/a:/b", "ls", "-l"))):
            status, out, err = call(program, *argv, pass_fds=[left])
            text = "|".join((f"{TMP}/{place}/carrel-cli", *then, ENV["LANG"])) + "|"
            same((status, err), (5, b""))
            assert out.decode().startswith(text), (out, text)
            assert f" {left} " in out.decode(), out  # what it was given, its successor has
    os.close(left)
    os.unlink(TMP + "/libexec/carrel-cli")
    same(call(CARREL, "list"),
         (127, b"", f"carrel: cannot execute {TMP}/libexec/carrel-cli: No such file or directory\n".encode()))


TESTS = [
    a_launch_is_asked_for_as_it_was_typed, no_command_is_the_images_own, every_option_reaches_the_wire,
    options_end_at_the_image, variables_are_those_that_were_named, only_a_terminal_brings_its_type,
    binds_are_absolute_and_may_have_colons, a_directory_of_ones_own_can_be_the_tree, a_filter_goes_along,
    stdio_is_handed_over_and_nothing_else, detached_nothing_of_the_caller_goes_along,
    another_command_is_asked_for_as_it_was_typed,
    mistakes_are_told_and_nobody_is_asked, a_relative_path_needs_a_directory_that_has_one, too_much_to_hand_over_is_said,
    help_is_not_a_mistake,
    a_refusal_is_told_with_the_helpers_words, an_answer_that_is_none_is_a_failure, who_is_sent_away_comes_again,
    a_full_queue_gets_shorter, a_helper_that_is_being_started_is_waited_for,
    who_is_sent_away_for_ever_gives_up_with_a_line, without_a_helper_it_says_where_it_should_be,
    inside_a_container_there_is_another_place, and_root_is_heard_there_alone, who_waits_long_is_told_once_at_a_terminal,
    it_leaves_as_the_program_left, what_never_ran_is_told, a_container_that_was_ended_is_told,
    detached_it_waits_until_it_is_known, a_killed_client_is_seen_by_the_helper,
    the_exit_status_and_signals_pass, the_program_sees_what_was_said, capabilities_that_are_not_kept_are_gone, pipes_pass_everything_and_end,
    at_a_terminal_it_has_one_of_its_own, the_window_may_change, keys_that_signal_do,
    ctrl_z_and_fg_work_in_the_callers_shell, a_killed_client_hangs_up_its_program,
    without_a_tty_there_are_pipes, without_a_tty_ctrl_d_ends_the_input, without_a_tty_ctrl_c_and_ctrl_z_do,
    without_a_tty_much_output_arrives_whole, without_a_tty_who_has_keys_in_the_background_stops,
    without_a_tty_a_program_that_reads_nothing_ends_the_reading, a_pipe_beside_a_terminal_stays_a_pipe,
    all_else_is_done_by_another_program,
]


def main():
    os.mkdir(TMP + "/home")
    os.chown(TMP + "/home", UID, UID)
    filter_write(TMP + "/filter")
    for name in ("bash", "cat", "python3", "sleep"):
        shutil.copy(os.path.realpath("/usr/bin/" + name), f"{TMP}/{name}.real")
    door.DOOR = CARREL
    door.tests_run(TESTS)


main()
