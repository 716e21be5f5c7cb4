#!/usr/bin/python3
"""The tests of 10-door.sh. Runs as root in a mount namespace of its own; argument: the directory with the programs."""
import array
import errno
import fcntl
import hashlib
import os
import pty
import re
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
import tty

TMP = sys.argv[1]
ONLY = sys.argv[2] if len(sys.argv) > 2 else ""
SOCK, DOOR, RELAY = f"{TMP}/sock", f"{TMP}/carrel-door", f"{TMP}/carrel-relay"
HERE = os.path.dirname(os.path.abspath(__file__))
UID = GID = 54321
ENV = {"PATH": "/usr/bin:/bin", "HOME": TMP + "/home", "TERM": "xterm", "PS1": "in$ ", "LANG": "C.UTF-8"}
PROGRAMS = ("bash", "cat", "sh", "sleep", "stty", "tmux", "vim", "head", "python3", "id", "true")
must_work = os.environ.get("CARREL_MUST_WORK") == "1"
MARK = ""  # of the running test: an argument, or seconds to sleep, that no other process has
DEADLINE = 60  # s; only a failure takes so long, on however busy a machine
helper = None
helper_mode = None


# ---- the world ----

def run(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def filter_write(path, denied=None):
    """Two programs that allow everything; or whose first refuses one call with EPERM."""
    arch = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[os.uname().machine]
    allow = struct.pack("HBBI", 6, 0, 0, 0x7FFF0000)
    loud = allow
    if denied is not None:
        loud = (struct.pack("HBBI", 0x20, 0, 0, 0) + struct.pack("HBBI", 0x15, 0, 1, denied)
                + struct.pack("HBBI", 6, 0, 0, 0x00050000 | errno.EPERM) + allow)
    head = struct.pack("IHHHHI32s", 0x6C727243, 1, 0, len(loud) // 8, 1, arch, b"")
    with open(path, "wb") as f:
        f.write(head + loud + allow)


def helper_start(mode="run"):
    """A helper in the host's mount namespace, where the programs are themselves."""
    global helper, helper_mode
    if helper and helper_mode == mode:
        return
    helper_stop()
    helper = subprocess.Popen(
        ["nsenter", f"--mount=/proc/{os.getppid()}/ns/mnt", f"{TMP}/python3.real",
         f"{HERE}/fakehelper.py", SOCK, RELAY, TMP + "/filter", str(UID), str(GID), mode],
        stdout=subprocess.PIPE, cwd="/")
    assert helper.stdout.readline() == b"ready\n"
    helper_mode = mode


def helper_stop():
    global helper
    if helper:
        helper.kill()
        helper.wait()
        helper = None


def world_make():
    os.mkdir(TMP + "/home")
    os.chown(TMP + "/home", UID, GID)
    filter_write(TMP + "/filter")
    with open(TMP + "/data.txt", "w", encoding="ascii") as f:
        f.write("no program\n")
    for name in ("bash", "cat", "python3", "sleep", "sh"):
        shutil.copy(os.path.realpath("/usr/bin/" + name), f"{TMP}/{name}.real")
    run("mount", "--make-rprivate", "/")
    os.mkdir(TMP + "/outside")
    for target in {os.path.realpath("/usr/bin/" + p) for p in PROGRAMS if os.path.exists("/usr/bin/" + p)}:
        run("mount", "--bind", DOOR, target)
    run("mount", "--bind", DOOR, TMP + "/data.txt")
    run("mount", "-t", "tmpfs", "none", TMP + "/outside")
    shutil.copy(DOOR, TMP + "/outside/gone")


def become_user():
    os.setgroups([])
    os.setresgid(GID, GID, GID)
    os.setresuid(UID, UID, UID)


def start(*argv, executable=None, env=None, before=None, **more):
    """A program as the user, as a service would start it: executed through the door when it is one of PROGRAMS."""
    def child():
        os.setsid()
        become_user()
        if before:
            before()
    options = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=TMP,
                   env=env if env is not None else ENV)
    options.update(more)
    return subprocess.Popen(argv, executable=executable, preexec_fn=child, **options)


def call(*argv, data=None, timeout=DEADLINE, **more):
    if data is not None:
        more["stdin"] = subprocess.PIPE
    p = start(*argv, **more)
    try:
        out, err = p.communicate(data, timeout=timeout)
    except subprocess.TimeoutExpired:
        p.kill()
        raise
    return p.returncode, out, err


def wait_for(what, seconds=DEADLINE, step=0.01):
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited too long")
        time.sleep(step)


def processes():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
                text = f.read()
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                args = f.read().split(b"\0")
        except OSError:
            continue
        end = text.rindex(")")
        fields = text[end + 2:].split()
        found.append((int(pid), text[text.index("(") + 1:end], fields[0], int(fields[1]), args))
    return found


def marked(mark, name=None):
    """Processes of ours with the mark among their arguments: [(pid, state)]."""
    return [(pid, state) for pid, comm, state, _, args in processes()
            if mark.encode() in args and (name is None or comm == name) and state != "Z"]


def inside(mark, name):
    """The program in there, not its door (which the kernel also calls by the program's name)."""
    found = []
    for pid, state in marked(mark, name):
        try:
            if os.stat(f"/proc/{pid}/exe").st_ino != os.stat(DOOR).st_ino:
                found.append((pid, state))
        except OSError:
            pass
    return found


def relay_of(pid):
    """Never anybody else: it is going to be killed."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        parent = int(f.read().rsplit(")", 1)[1].split()[1])
    with open(f"/proc/{parent}/cmdline", "rb") as f:
        assert f.read().startswith(b"carrel-relay\0"), parent
    return parent


def takes_signals(pid):
    """The program may be faster: a signal that comes before the door listens has the door alone."""
    def all_blocked():
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            return "SigBlk:\tfffffff" in f.read()
    wait_for(all_blocked)


def gate_make():
    """A FIFO; a program that reads it waits until the test opens it."""
    path = f"{TMP}/home/gate-{MARK}"
    os.mkfifo(path)
    os.chown(path, UID, GID)
    return path


def gate_open(path):
    def opened():
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError as why:
            assert why.errno == errno.ENXIO, why
            return False  # nobody reads it so far
        return True
    wait_for(opened)


def line_of(p):
    """The next one of a program that was started with bufsize=0."""
    assert select.select([p.stdout], [], [], DEADLINE)[0], "no line came"
    return p.stdout.readline()


class Terminal:
    """A person at a terminal, in front of a program of the user's."""

    def __init__(self, *argv, size=(24, 80), env=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                # As root's su leaves it: the user can use the terminal, but not open its device anew.
                self.resize(*size, fd=0)  # here, as who looks at it may be faster than our parent
                become_user()
                os.chdir(TMP)
                os.execve(argv[0], list(argv), env or ENV)
            finally:
                os._exit(99)
        self.seen = bytearray()
        self.status = None

    def resize(self, rows, cols, fd=None):
        fcntl.ioctl(self.fd if fd is None else fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def type(self, data):
        data = data.encode() if isinstance(data, str) else data
        while data:
            data = data[os.write(self.fd, data):]

    def read(self, timeout=0.05):
        if not select.select([self.fd], [], [], timeout)[0]:
            return False
        try:
            got = os.read(self.fd, 65536)
        except OSError:
            return None
        self.seen += got
        return bool(got) or None

    def expect(self, pattern, seconds=DEADLINE):
        """Waits for the pattern, forgets all up to its end, returns the match."""
        pattern = pattern.encode() if isinstance(pattern, str) else pattern
        end = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.seen, re.S)
            if match:
                self.seen = self.seen[match.end():]
                return match
            if time.monotonic() > end or self.read() is None:
                match = re.search(pattern, self.seen, re.S)
                if match:
                    continue
                raise AssertionError(f"no {pattern!r} in {bytes(self.seen[-600:])!r}")

    def is_raw(self):
        return not termios.tcgetattr(self.fd)[3] & termios.ICANON

    def wait(self, seconds=DEADLINE):
        end = time.monotonic() + seconds
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                break
            if time.monotonic() > end:
                raise AssertionError(f"still running; seen {bytes(self.seen[-600:])!r}")
            self.read(0.02)
        # Up to the hang-up: the kernel may be late with what was written before it.
        while self.read(10):
            pass
        return self.status

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def same(seen, expected):
    assert seen == expected, f"seen {seen!r}, expected {expected!r}"


# ---- status and messages ----

def the_exit_status_is_passed_on():
    for status in (0, 1, 7, 255):
        same(call("/usr/bin/bash", "-c", f"exit {status}"), (status, b"", b""))


def death_by_signal_is_passed_on():
    for sig in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV, signal.SIGPIPE, signal.SIGHUP):
        same(call("/usr/bin/bash", "-c", f"kill -{int(sig)} $$"), (-sig, b"", b""))


def a_missing_program_is_127():
    same(call(TMP + "/outside/gone"), (127, b"", f"carrel: {TMP}/outside/gone: No such file or directory\n".encode()))


def what_is_no_program_is_126():
    same(call(TMP + "/data.txt"), (126, b"", f"carrel: {TMP}/data.txt: Permission denied\n".encode()))


def a_refusal_is_told_with_the_helpers_words():
    helper_start("refuse")
    same(call("/usr/bin/true"), (111, b"", b"carrel: session for 'ada' refused: no range\n"))


def no_helper_is_a_failure():
    helper_stop()
    status, out, err = call("/usr/bin/true")
    same((status, out), (111, b""))
    assert b"Connection refused" in err and err.count(b"\n") == 1, err


def a_helper_that_hangs_up_is_a_failure():
    helper_start("drop")
    status, out, err = call("/usr/bin/true")
    same((status, out, err.count(b"\n")), (111, b"", 1))


def rubbish_from_the_helper_is_a_failure():
    helper_start("garbage")
    status, out, err = call("/usr/bin/true")
    same((status, out, err.count(b"\n")), (111, b"", 1))
    assert b"Bad message" in err, err


def a_silent_helper_is_waited_for_five_seconds():
    helper_start("silent")
    begun = time.monotonic()
    status, _, err = call("/usr/bin/true")
    same(status, 111)
    # Never sooner; how much later is the machine's affair.
    assert time.monotonic() - begun > 4.9 and b"timed out" in err, err


def control_characters_do_not_reach_the_terminal_in_messages():
    status, _, err = call("esc", executable=TMP + "/outside/../outside//gone", env={"A": "b"})
    same(status, 127)
    os.rename(TMP + "/outside/gone", TMP + "/outside/\x1b]0;x")
    status, _, err = call(TMP + "/outside/\x1b]0;x")
    os.rename(TMP + "/outside/\x1b]0;x", TMP + "/outside/gone")
    same(status, 127)
    assert b"\x1b" not in err, err


# ---- what goes in ----

SHOW = "import os,sys; sys.stdout.buffer.write(repr((sys.argv[1:], dict(os.environb), os.getcwd())).encode())"


def arguments_environment_and_directory_arrive():
    args = ["", "a b", "x" * 100000, "\udcff\udc80", "-", "=", "\n"]
    env = {"A": "1", "EMPTY": "", "LONG": "y" * 50000, "LD_PRELOAD": "", "BYTES": "\udcff\n"}
    status, out, err = call("/usr/bin/python3", "-S", "-c", SHOW, *args, env=env, cwd="/usr/share")
    same((status, err), (0, b""))
    expected = {os.fsencode(k): os.fsencode(v) for k, v in env.items()}
    seen = eval(out)  # our own program's repr
    seen[1].pop(b"LC_CTYPE", None)
    same(seen, (args, expected, "/usr/share"))


def a_lot_of_environment_arrives_and_too_much_is_said():
    env = {f"V{i}": "z" * 100000 for i in range(10)}
    status, out, _ = call("/usr/bin/bash", "-c", "echo ${#V9}", env=env)
    same((status, out), (0, b"100000\n"))
    # The stack limit is what the kernel measures arguments by; the payload has a limit of its own.
    env = {f"V{i}": "z" * 100000 for i in range(50)}
    status, _, err = call("/usr/bin/bash", "-c", "echo", env=env, before=lambda: resource.setrlimit(
        resource.RLIMIT_STACK, (64 << 20, 64 << 20)))
    same(status, 126)
    assert b"Argument list too long" in err, err


def a_login_shell_stays_one():
    status, out, _ = call("-bash", "-c", "shopt login_shell; echo $0", executable="/usr/bin/bash")
    same((status, out), (0, b"login_shell    \ton\n-bash\n"))


def the_umask_arrives():
    same(call("/usr/bin/bash", "-c", "umask", before=lambda: os.umask(0o137))[1], b"0137\n")


def a_directory_that_is_not_there_gives_home():
    os.mkdir(TMP + "/outside/here")
    os.chmod(TMP + "/outside/here", 0o755)
    same(call("/usr/bin/bash", "-c", "pwd", cwd=TMP + "/outside/here")[1], f"{TMP}/home\n".encode())


def a_relative_name_works():
    same(call("./cat", "/proc/sys/kernel/ostype", executable="./cat", cwd="/usr/bin"), (0, b"Linux\n", b""))


def a_script_works_when_the_door_is_its_interpreter():
    path = TMP + "/script"
    with open(path, "w", encoding="ascii") as f:
        f.write("#!/usr/bin/bash -u\necho \"$0|$*|$-\"\n")
    os.chmod(path, 0o755)
    status, out, err = call(path, "a", "b c")
    same((status, err), (0, b""))
    assert re.fullmatch(rb"%s\|a b c\|\w*u\w*\n" % path.encode(), out), out


def a_program_executed_by_descriptor_works():
    code = "import os; os.execve(os.open('/usr/bin/cat', os.O_RDONLY), ['cat', '/proc/sys/kernel/ostype'], {})"
    os.chmod(DOOR, 0o755)
    same(call(TMP + "/python3.real", "-S", "-c", code), (0, b"Linux\n", b""))


STATUS = "import os,re; s=open('/proc/self/status').read(); print(*[re.search(k+r':\\s*(.*)',s)[1] for k in %r])"


def the_user_is_only_the_user_behind_two_filters():
    keys = ("Uid", "Gid", "CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters", "SigIgn",
            "SigBlk")
    status, out, _ = call("/usr/bin/python3", "-S", "-c", STATUS % (keys,))
    words = out.decode().split()
    same((status, words[:8]), (0, [str(UID)] * 4 + [str(GID)] * 4))
    same(words[8:12], ["0" * 16] * 4)
    same(words[12:15], ["0", "2", "2"])
    # Python ignores SIGPIPE and SIGXFSZ itself; what was ignored outside is not ignored here.
    same(words[15:], [f"{1 << 12 | 1 << 24:016x}", "0" * 16])


def a_profile_without_root_sets_no_new_privs():
    helper_start("nnp")
    status, out, _ = call("/usr/bin/python3", "-S", "-c", STATUS % (("NoNewPrivs", "Seccomp", "Uid", "CapPrm"),))
    same((status, out.split()), (0, [b"1", b"2"] + [str(UID).encode()] * 4 + [b"0" * 16]))


def the_filter_is_in_force():
    mkdir = {"x86_64": 83, "aarch64": 34}[os.uname().machine]
    filter_write(TMP + "/filter", mkdir)
    try:
        code = "import os\ntry: os.mkdir('made')\nexcept PermissionError: print('refused')"
        same(call("/usr/bin/python3", "-S", "-c", code, cwd=TMP + "/home"), (0, b"refused\n", b""))
    finally:
        filter_write(TMP + "/filter")
    same(call("/usr/bin/python3", "-S", "-c", "import os; os.mkdir('made')", cwd=TMP + "/home")[0], 0)


def a_broken_filter_starts_nothing():
    with open(TMP + "/filter", "r+b") as f:
        f.write(b"rubbish")
    try:
        status, out, err = call("/usr/bin/bash", "-c", "echo ran")
        same((status, out), (111, b""))
        same(err, b"carrel: /usr/bin/bash: not started: filter: Bad message\n")
    finally:
        filter_write(TMP + "/filter")


def only_stdio_is_inherited():
    left = [os.open("/", os.O_RDONLY | os.O_DIRECTORY), os.open("/etc/shadow", os.O_RDONLY)]
    status, out, _ = call("/usr/bin/bash", "-c", "cd /proc/$$/fd; echo *", pass_fds=left)
    for fd in left:
        os.close(fd)
    # 3 is the directory being read.
    same((status, out), (0, b"0 1 2 3\n"))


def directories_names_and_closed_stdio_become_null():
    show = "import os; print(*[os.stat(i).st_rdev == os.stat('/dev/null').st_rdev for i in (0, 2)])"
    for fd in (os.open("/", os.O_RDONLY), os.open("/etc/passwd", os.O_PATH)):
        status, out, _ = call("/usr/bin/python3", "-S", "-c", show, stdin=fd, stderr=fd)
        os.close(fd)
        same((status, out), (0, b"True True\n"))
    def closed():
        os.close(0)
        os.close(2)
    status, out, _ = call("/usr/bin/python3", "-S", "-c", show, before=closed)
    same((status, out), (0, b"True True\n"))


def the_keys_of_the_caller_stay_outside():
    join = {"x86_64": 250, "aarch64": 219}[os.uname().machine]
    # KEYCTL_GET_KEYRING_ID of the session keyring
    code = f"import ctypes; print(ctypes.CDLL(None).syscall({join}, 0, -3, 0))"
    outer = call(TMP + "/python3.real", "-c", code)
    inner = call("/usr/bin/python3", "-c", code)
    same((outer[0], inner[0]), (0, 0))
    assert int(inner[1]) > 0 and inner[1] != outer[1], (outer, inner)


def without_a_terminal_there_is_no_controlling_one():
    code = "import os\ntry: os.open('/dev/tty', os.O_RDWR)\nexcept OSError as e: print(e.errno)"
    same(call("/usr/bin/python3", "-S", "-c", code)[1], b"%d\n" % errno.ENXIO)


# ---- pipes ----

def two_hundred_megabytes_pass_both_ways_unchanged():
    size, block = 200 << 20, os.urandom(1 << 20)
    p = start("/usr/bin/cat", stdin=subprocess.PIPE)
    if os.fork() == 0:
        for _ in range(size >> 20):
            p.stdin.write(block)
        p.stdin.close()
        os._exit(0)
    p.stdin.close()
    seen, expected = hashlib.sha256(), hashlib.sha256()
    total = 0
    while True:
        data = p.stdout.read(1 << 20)
        if not data:
            break
        total += len(data)
        seen.update(data)
    for _ in range(size >> 20):
        expected.update(block)
    same((p.wait(DEADLINE), total, seen.digest()), (0, size, expected.digest()))
    os.wait()


def an_early_end_of_input_and_output_is_seen():
    same(call("/usr/bin/head", "-c", "3", data=b"abc" * 1000000), (0, b"abc", b""))
    # A reader that goes away must reach the writer: the door holds no copy of the pipe.
    p = start("/usr/bin/bash", "-c", "trap '' PIPE; while echo x; do :; done 2>/dev/null; exit 9")
    p.stdout.read(10)
    p.stdout.close()
    same(p.wait(DEADLINE), 9)


def closing_stdout_is_seen_while_the_program_runs():
    p = start("/usr/bin/bash", "-c", f"exec >&- <&-; exec sleep {MARK}", stdin=subprocess.PIPE)
    assert select.select([p.stdout], [], [], DEADLINE)[0]
    same(p.stdout.read(), b"")
    wait_for(lambda: inside(MARK, "sleep"))
    same(p.poll(), None)
    p.kill()
    p.wait()


def inherited_files_keep_their_flags():
    r, w = os.pipe()
    os.set_blocking(r, False)
    p = start("/usr/bin/cat", "/dev/null", stdin=r, stdout=w)
    p.wait(DEADLINE)
    same((os.get_blocking(r), os.get_blocking(w)), (False, True))
    os.close(r)
    os.close(w)


# ---- signals ----

# Not a shell: bash loses a signal now and then that comes while it forks.
TRAPS = """import os, signal, sys, time
for name in "INT TERM HUP USR1 USR2 QUIT ALRM".split() + sys.argv[2:]:
    signal.signal(getattr(signal, "SIG" + name), lambda number, frame: os.write(1, signal.Signals(number).name[3:].encode() + b"\\n"))
os.write(1, b"up\\n")
while True:
    time.sleep(1)
"""


# All that can be passed on; 32 and 33 are the C library's, which gives nobody a handler for them.
PASSED = [n for n in range(1, 65) if n not in (9, 13, 17, 18, 19, 21, 22, 28, 32, 33)]
ALL = """import os, signal, time
for number in %s:
    signal.signal(number, lambda number, frame: os.write(1, b"%%d\\n" %% number))
os.write(1, b"up\\n")
while True:
    time.sleep(1)
""" % PASSED


def signals_from_outside_reach_the_program():
    p = start("/usr/bin/python3", "-c", ALL, MARK, bufsize=0)
    same(line_of(p), b"up\n")
    takes_signals(p.pid)
    for number in PASSED:
        p.send_signal(number)
        same(line_of(p), b"%d\n" % number)
    p.kill()
    p.wait()


def a_signal_that_kills_the_program_kills_the_door():
    p = start("/usr/bin/sleep", MARK)
    wait_for(lambda: inside(MARK, "sleep"))
    takes_signals(p.pid)
    p.terminate()
    same(p.wait(DEADLINE), -signal.SIGTERM)


def an_ignored_hangup_stays_ignored():
    p = start("/usr/bin/python3", "-c", TRAPS, MARK, bufsize=0,
              before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    same(line_of(p), b"up\n")
    takes_signals(p.pid)
    p.send_signal(signal.SIGHUP)
    p.send_signal(signal.SIGUSR1)
    same(line_of(p), b"USR1\n")
    p.kill()
    p.wait()


def is_pending(pid, sig):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"ShdPnd:\s+(\w+)", f.read())[1], 16) >> (sig - 1) & 1


def stop_and_continue_pass_through():
    p = start("/usr/bin/python3", "-c", TRAPS, MARK, "CONT", bufsize=0)
    same(line_of(p), b"up\n")
    takes_signals(p.pid)
    pid = wait_for(lambda: inside(MARK, "python3"))[0][0]
    # The group of the door is an orphan, so the door itself may not stop; the program does, and is continued at once.
    # It says so: sooner than that, the SIGCONT would undo the SIGSTOP.
    p.send_signal(signal.SIGTSTP)
    same(line_of(p), b"CONT\n")
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: (pid, "T") in marked(MARK))
    # The door goes on: what it is sent waits for the program.
    p.send_signal(signal.SIGUSR1)
    wait_for(lambda: is_pending(pid, signal.SIGUSR1))
    p.send_signal(signal.SIGCONT)
    same({line_of(p), line_of(p)}, {b"CONT\n", b"USR1\n"})
    wait_for(lambda: [s for _, s in marked(MARK)] == ["S", "S"])
    p.terminate()
    same(line_of(p), b"TERM\n")
    p.kill()
    p.wait()


def who_stops_itself_does_not_stop_who_watches():
    same(call("/usr/bin/timeout", "-s", "KILL", "3", "/usr/bin/sh", "-c", "kill -STOP $$", MARK), (-9, b"", b""))
    wait_for(lambda: not marked(MARK))
    # SIGTERM waits for the program to go on, which timeout sees to.
    same(call("/usr/bin/timeout", "2", "/usr/bin/sh", "-c", "kill -TSTP $$", MARK), (124, b"", b""))


def a_killed_door_hangs_up_its_program():
    p = start("/usr/bin/sleep", MARK)
    wait_for(lambda: inside(MARK, "sleep"))
    p.kill()
    p.wait()
    wait_for(lambda: not marked(MARK))


def a_killed_relay_ends_the_door_with_a_word():
    p = start("/usr/bin/sleep", MARK)
    pid = wait_for(lambda: inside(MARK, "sleep"))[0][0]
    os.kill(relay_of(pid), signal.SIGKILL)
    same(p.wait(DEADLINE), 111)
    os.kill(pid, signal.SIGKILL)
    same(p.stderr.read(), b"carrel: the session has ended under /usr/bin/sleep; log in again\n")


def a_killed_helper_is_not_missed():
    p = start("/usr/bin/bash", "-c", "echo up; read x; exit 6", stdin=subprocess.PIPE, bufsize=0)
    same(line_of(p), b"up\n")
    helper_stop()
    p.stdin.write(b"\n")
    p.stdin.close()
    same(p.wait(DEADLINE), 6)


def background_children_may_outlive_the_program():
    p = start("/usr/bin/bash", "-c", f"setsid sleep {MARK} </dev/null >/dev/null 2>&1 & read x; exit 3",
              stdin=subprocess.PIPE)
    pid = wait_for(lambda: inside(MARK, "sleep"))[0][0]
    p.stdin.close()
    same(p.wait(DEADLINE), 3)
    same([n for n, _ in inside(MARK, "sleep")], [pid])
    os.kill(pid, signal.SIGKILL)


# ---- terminals ----

def the_program_has_a_terminal_of_its_own():
    code = "import os; s = os.stat(0); print('T', os.ttyname(0), s.st_uid, os.get_terminal_size(), " \
        "os.tcgetpgrp(0) == os.getpgrp(), os.ttyname(1) == os.ttyname(2), os.open('/dev/tty', os.O_RDWR))"
    with Terminal("/usr/bin/python3", "-S", "-c", code, size=(33, 99)) as t:
        match = t.expect(r"T (/dev/pts/\d+) (\d+) os.terminal_size\(columns=99, lines=33\) True True \d\r\n")
        assert match[1] != os.ptsname(t.fd).encode() if hasattr(os, "ptsname") else True
        same(int(match[2]), UID)
        same(t.wait(), 0)


def it_is_another_terminal_than_the_callers():
    with Terminal("/usr/bin/bash", "-c", "stat -c 'R %t:%T' /proc/self/fd/0/; ls -l /proc/self/fd/0") as t:
        inner = t.expect(r"-> (/dev/pts/\d+)")[1]
        number = struct.unpack("I", fcntl.ioctl(t.fd, 0x80045430, b"\0" * 4))[0]
        assert inner != f"/dev/pts/{number}".encode()
        t.wait()


def the_terminals_modes_are_copied_and_restored():
    with Terminal("/usr/bin/bash", "-c", "stty -a; echo ready; cat") as t:
        t.expect(r"erase = \^\?.*icanon.*ready\r\n")
        assert t.is_raw()
        t.type("x\n")
        t.expect("x\r\nx\r\n")
        t.type("\x04")
        same(t.wait(), 0)
        assert not t.is_raw()


def odd_modes_are_copied():
    with Terminal(f"{TMP}/bash.real", "--norc", "-c", "read x; exec /usr/bin/stty -a") as t:
        modes = termios.tcgetattr(t.fd)
        modes[6][termios.VINTR] = b"\x18"
        modes[0] &= ~termios.IXON
        termios.tcsetattr(t.fd, termios.TCSANOW, modes)
        t.type("\n")
        t.expect(r"intr = \^X.*-ixon")
        t.wait()
        same(termios.tcgetattr(t.fd)[6][termios.VINTR], b"\x18")


# Not a shell here either, for the same reason.
WINDOW = """import os, signal, time
signal.signal(signal.SIGWINCH, lambda *_: os.write(1, b"W %d %d\\n" % os.get_terminal_size()[::-1]))
os.write(1, b"up\\n")
while True:
    time.sleep(1)
"""


def a_resize_arrives():
    with Terminal("/usr/bin/python3", "-S", "-c", WINDOW) as t:
        t.expect("up\r\n")
        t.resize(50, 132)
        t.expect("W 50 132\r\n")


def keys_that_signal_do():
    for key, sig in ((b"\x03", signal.SIGINT), (b"\x1c", signal.SIGQUIT)):
        with Terminal("/usr/bin/sleep", MARK) as t:
            wait_for(lambda: inside(MARK, "sleep"))
            wait_for(t.is_raw)
            t.type(key)
            same(t.wait(), -sig)
            assert not t.is_raw()


def a_shell_inside_handles_its_own_jobs():
    with Terminal("/usr/bin/bash", "--norc", "-i") as t:
        t.expect(r"in\$ ")
        t.type(f"cat - {MARK}\n")
        wait_for(lambda: inside(MARK, "cat"))
        t.type("\x1a")
        t.expect("Stopped")
        t.expect(r"in\$ ")
        t.type("jobs; fg\n")
        t.expect(rf"Stopped.*cat - {MARK}\r\ncat - {MARK}\r\n")
        # bash says so before it gives the terminal away, and continues the job after that.
        wait_for(lambda: inside(MARK, "cat")[0][1] == "S")
        t.type("\x03")
        t.expect(r"in\$ ")
        t.type(f"sleep {MARK}\n")
        wait_for(lambda: inside(MARK, "sleep"))
        t.type("\x03")
        t.expect(r"in\$ ")
        t.type("exit 5\n")
        same(t.wait(), 5)


class OuterShell(Terminal):
    """An interactive bash outside, of the user's, in which doors are jobs."""

    def __init__(self):
        super().__init__(f"{TMP}/bash.real", "--norc", "--noediting", "-i", env=dict(ENV, PS1="out$ "))
        self.expect(r"out\$ ")

    def told(self, word):
        """bash says what became of a job before a prompt: before the next one, or before that of an earlier command."""
        def said():
            self.type("echo $((40+2))-asked\n")
            return word.encode() in self.expect(r"^.*42-asked\r\n.*?out\$ ")[0]
        wait_for(said)


def ctrl_z_and_fg_work_in_the_callers_shell():
    with OuterShell() as t:
        t.type(f"/usr/bin/cat - {MARK}\n")
        wait_for(t.is_raw)
        t.type("one\n")
        t.expect("one\r\none\r\n")
        t.type("\x1a")
        t.expect(r"Stopped.*out\$ ")
        assert not t.is_raw()
        t.type("fg\n")
        wait_for(t.is_raw)
        t.type("two\n")
        t.expect("two\r\ntwo\r\n")
        t.type("\x1a")
        t.expect(r"Stopped.*out\$ ")
        # bash sends SIGCONT after SIGTERM; the program must end by it before it asks for the keyboard.
        t.type("kill %1\n")
        wait_for(lambda: not marked(MARK))
        t.told("Terminated")


def a_stopped_program_goes_on_in_the_background():
    with OuterShell() as t:
        gate = gate_make()
        t.type(f"/usr/bin/bash -c 'read x <{gate}; echo done-$((40+2))'\n")
        wait_for(t.is_raw)
        t.type("\x1a")
        t.expect(r"Stopped.*out\$ ")
        t.type("bg\n")
        t.expect(r"out\$ ")
        gate_open(gate)
        t.expect("done-42")
        t.told("Done")


def who_stops_itself_stops_the_job_in_front():
    with OuterShell() as t:
        t.type("/usr/bin/bash -c 'kill -STOP $$; echo on-$((40+2))'\n")
        t.expect(r"Stopped.*out\$ ")
        t.type("fg\n")
        t.expect(r"on-42\r\n.*out\$ ")
        # A watch in the background of the terminal is nobody's job: it could not be continued.
        t.type(f"{TMP}/sh.real -c '/usr/bin/timeout -s KILL 3 /usr/bin/sh -c \"kill -STOP \\$\\$\"; echo over $?'\n")
        t.expect("over 137\r\n")


def who_stops_itself_in_the_background_gets_the_keys_in_front():
    with OuterShell() as t:
        t.type(f"/usr/bin/bash -c 'kill -STOP $$; echo on-$((40+2)); read x; echo got $x' {MARK} &\n")
        wait_for(lambda: len(marked(MARK)) == 2 and all(s == "T" for _, s in marked(MARK)))
        t.told("Stopped")
        t.type("fg\n")
        t.expect("on-42\r?\n")  # whoever asks for keys at once may get the terminal before the word is out
        wait_for(t.is_raw)
        t.type("five\n")
        t.expect("got five\r\n")


def who_reads_in_the_background_is_stopped():
    with OuterShell() as t:
        t.type(f"/usr/bin/cat - {MARK} &\n")
        wait_for(lambda: [s for _, s in marked(MARK)] == ["T", "T"])
        t.told("Stopped")
        assert not t.is_raw()
        t.type("fg\n")
        wait_for(t.is_raw)
        t.type("three\n")
        t.expect("three\r\nthree\r\n")
        t.type("\x04")
        t.expect(r"out\$ ")


def who_only_writes_in_the_background_leaves_the_keys_alone():
    with OuterShell() as t:
        gate = gate_make()
        t.type(f"/usr/bin/bash -c 'read x <{gate}; echo quietly' {MARK} &\n")
        t.expect(r"out\$ ")
        wait_for(lambda: inside(MARK, "bash"))
        t.type("echo ty")
        assert not t.is_raw()
        gate_open(gate)
        t.expect("quietly\r\n")
        assert not t.is_raw()
        t.type("ped\n")
        t.expect("typed\r\n")


def brought_to_the_front_while_it_runs_it_gets_the_keys():
    with OuterShell() as t:
        gate = gate_make()
        t.type(f"/usr/bin/bash -c 'read x <{gate}; read x; echo got $x' {MARK} &\n")
        t.expect(r"out\$ ")
        wait_for(lambda: inside(MARK, "bash"))
        t.type("fg\n")
        t.expect("fg\r\n")
        wait_for(lambda: os.tcgetpgrp(t.fd) != t.pid)
        gate_open(gate)
        wait_for(t.is_raw)
        t.type("four\n")
        t.expect("got four\r\n")


def a_pipeline_leaves_the_keys_to_its_neighbour():
    with OuterShell() as t:
        gate = gate_make()
        t.type(f"/usr/bin/bash -c 'echo first; read x <{gate}' | "
               f"{TMP}/bash.real -c 'read a; echo $a-read; read b </dev/tty; echo $a-$b'\n")
        t.expect("first-read\r\n")
        t.type("second\n")
        t.expect("first-second\r\n")
        gate_open(gate)
        t.expect(r"out\$ ")


def ctrl_c_ends_a_pipeline():
    with OuterShell() as t:
        t.type(f"/usr/bin/sleep {MARK} | {TMP}/cat.real - {MARK}\n")
        wait_for(lambda: inside(MARK, "sleep") and marked(MARK, "cat.real"))
        t.type("\x03")
        t.expect(r"out\$ ")
        t.type("echo st $?\n")
        t.expect("st 130\r\n")
        wait_for(lambda: not marked(MARK))


def behind_a_pipe_the_keyboard_is_there_when_asked_for():
    with OuterShell() as t:
        t.type("echo piped | /usr/bin/bash -c 'read a; read b </dev/tty; echo $a+$b'\n")
        wait_for(t.is_raw)
        t.type("typed\n")
        t.expect(r"piped\+typed\r\n")
        t.expect(r"out\$ ")
        assert not t.is_raw()


def lines_end_right_when_the_terminal_is_not_raw():
    with OuterShell() as t:
        t.type("echo x | /usr/bin/cat; echo end\n")
        match = t.expect(r"echo end\r\n(.*)end\r\n")
        same(match[1], b"x\r\n")


def the_end_of_the_output_is_never_lost():
    for _ in range(40):
        with Terminal("/usr/bin/bash", "-c", "printf '%060000d' 7; echo; echo last") as t:
            same(t.wait(), 0)
            text = t.seen.replace(b"\r\n", b"")
            same((len(text), text[-5:]), (60004, b"7last"))


def much_output_passes_unchanged():
    code = "import sys,os,tty; tty.setraw(1); d = bytes(range(256)) * 4096\n" \
        "for i in range(20):\n v = memoryview(d)\n while v: v = v[os.write(1, v):]"
    with Terminal("/usr/bin/python3", "-S", "-c", code) as t:
        wait_for(t.is_raw)
        begun = time.monotonic()
        same(t.wait(300), 0)
        same((len(t.seen), hashlib.sha256(t.seen).digest()),
             (20 << 20, hashlib.sha256(bytes(range(256)) * 4096 * 20).digest()))
        print(f"# 20 MiB through two terminals in {time.monotonic() - begun:.2f} s")


def every_byte_can_be_typed():
    code = "import tty,sys,os,hashlib; tty.setraw(0); print('go', end='', flush=True)\nb = b''\n" \
        "while len(b) < 1 << 20: b += os.read(0, 65536)\n" \
        "print(hashlib.sha256(b).hexdigest(), end='')"
    data = bytes(range(256)) * 4096
    with Terminal("/usr/bin/python3", "-S", "-c", code) as t:
        tty.setraw(t.fd)
        t.expect("go")
        t.type(data)
        t.expect(hashlib.sha256(data).hexdigest())
        same(t.wait(), 0)


def a_terminal_that_takes_nothing_does_not_hold_the_keys():
    def all_wait():
        """Both sleep, and go on doing so, although the program never does of its own accord."""
        for _ in range(5):
            if [s for _, s in marked(MARK)] != ["S", "S"]:
                return False
            time.sleep(0.05)
        return fcntl.ioctl(t.fd, termios.FIONREAD, b"\0" * 4) != b"\0" * 4

    with Terminal("/usr/bin/bash", "--norc", "-c",
                  "trap 'exit 12' INT; while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done", MARK) as t:
        # Nothing is read so far: all buffers get full. The key must get through, and it empties them.
        wait_for(all_wait)
        t.type("\x03")
        same(t.wait(), 12)


def a_hangup_of_the_terminal_hangs_up_inside():
    # Not a shell, as above.
    code = "import os, signal, time\nsignal.signal(signal.SIGHUP, lambda *_: os._exit(13))\nos.write(1, b'up\\n')\n" \
        "while True: time.sleep(1)"
    with Terminal("/usr/bin/python3", "-S", "-c", code, MARK) as t:
        t.expect("up\r\n")
        wait_for(t.is_raw)
        os.close(t.fd)
        t.fd = -1
        same(wait_for(lambda: os.waitpid(t.pid, os.WNOHANG)[1]) >> 8, 13)
        t.status = 13
        wait_for(lambda: not marked(MARK))


def a_hangup_ends_an_ordinary_shell_and_its_jobs():
    with Terminal("/usr/bin/bash", "--norc", "-i") as t:
        t.expect(r"in\$ ")
        t.type(f"sleep {MARK}\n")
        wait_for(lambda: inside(MARK, "sleep"))
        os.close(t.fd)
        t.fd = -1
        wait_for(lambda: os.waitpid(t.pid, os.WNOHANG)[0])
        t.status = 0
        wait_for(lambda: not marked(MARK))


def a_killed_door_hangs_up_the_terminal_inside():
    with Terminal("/usr/bin/bash", "--norc", "-i") as t:
        t.expect(r"in\$ ")
        t.type(f"sleep {MARK}\n")
        wait_for(lambda: inside(MARK, "sleep"))
        os.kill(t.pid, signal.SIGKILL)
        t.wait()
        wait_for(lambda: not marked(MARK))


def a_killed_relay_leaves_the_terminal_in_order():
    with Terminal("/usr/bin/sleep", MARK) as t:
        pid = wait_for(lambda: inside(MARK, "sleep"))[0][0]
        wait_for(t.is_raw)
        os.kill(relay_of(pid), signal.SIGKILL)
        same(t.wait(), 111)
        assert not t.is_raw()
        assert b"the session has ended" in t.seen, bytes(t.seen)


def input_typed_ahead_is_kept():
    gate = gate_make()
    with Terminal(f"{TMP}/bash.real", "--norc", "-c",
                  f"read x <{gate}; exec /usr/bin/bash -c 'read x; echo got $x'") as t:
        t.type("early\n")
        gate_open(gate)
        t.expect("got early\r\n")
        same(t.wait(), 0)


def stdout_and_stderr_may_go_elsewhere():
    path = TMP + "/home/out"
    with Terminal(f"{TMP}/bash.real", "--norc", "-c",
                  f"/usr/bin/bash -c 'echo out; echo err >&2; read x; echo $x' 2>{path}.2 >{path}.1") as t:
        wait_for(t.is_raw)
        t.type("key\n")
        t.expect("key\r\n")  # the echo
        same(t.wait(), 0)
    with open(path + ".1", "rb") as f:
        same(f.read(), b"out\nkey\n")
    with open(path + ".2", "rb") as f:
        same(f.read(), b"err\n")


def detached_from_its_terminal_it_still_works():
    """As su -c does it: a session of its own, the terminal only as a descriptor."""
    code = f"import os\nif os.fork():\n os.wait()\nelse:\n os.setsid(); os.execv('/usr/bin/bash', ['bash', '-c', 'read x; echo got $x'])"
    with Terminal(f"{TMP}/python3.real", "-S", "-c", code) as t:
        wait_for(t.is_raw)
        t.type("it\n")
        t.expect("got it\r\n")
        t.wait()


def tmux_works_and_outlives_its_door():
    if not os.path.exists("/usr/bin/tmux"):
        raise Skip("no tmux")
    name = f"carrel-test-{os.getpid()}"
    with Terminal("/usr/bin/tmux", "-f", "/dev/null", "-L", name, "new-session", "/bin/bash", "--norc") as t:
        t.expect(r"in\$ ")
        t.type("echo $((6*7))-tmux\n")
        t.expect("42-tmux")
        os.kill(t.pid, signal.SIGKILL)
        t.wait()
    status, out, _ = call("/usr/bin/tmux", "-L", name, "capture-pane", "-p")
    same(status, 0)
    assert b"42-tmux" in out, out
    same(call("/usr/bin/tmux", "-L", name, "kill-server")[0], 0)


def vim_works():
    if not os.path.exists("/usr/bin/vim"):
        raise Skip("no vim")
    path = TMP + "/home/vim.txt"
    with Terminal("/usr/bin/vim", "-u", "NONE", "-i", "NONE", "-n", path) as t:
        t.expect("vim.txt")
        wait_for(t.is_raw)
        t.type("ihello\x1b:wq\r")
        same(t.wait(), 0)
    with open(path, "rb") as f:
        same(f.read(), b"hello\n")


def activity(pid):
    """None unless it waits; else what grows with all that it does."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        switches = re.findall(r"ctxt_switches:\s+(\d+)", f.read())
    return (fields[11:13], switches) if fields[0] == "S" else None


def fall_asleep(*pids):
    """They finish what they have begun, and then do nothing for a second."""
    def idle():
        before = [activity(pid) for pid in pids]
        time.sleep(1)
        return None not in before and [activity(pid) for pid in pids] == before
    wait_for(idle)


def idle_they_use_neither_time_nor_memory():
    def unique(pid):
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            return sum(int(n) for n in re.findall(r"Private_\w+:\s+(\d+)", f.read()))
    with Terminal("/usr/bin/bash", "--norc", "-c", "printf '%0300000d' 1; echo; read x", MARK) as t:
        t.type("x" * 3000)
        t.expect("1\r\n")
        relay = relay_of(wait_for(lambda: inside(MARK, "bash"))[0][0])
        fall_asleep(t.pid, relay)
        used = [unique(t.pid), unique(relay)]
        print(f"# unique memory: door {used[0]} KiB, relay {used[1]} KiB")
        assert sum(used) <= 120, used
    # The terminal gone, the program not: this is where a poll could spin.
    with Terminal("/usr/bin/bash", "--norc", "-c", f"trap '' HUP; echo up; sleep {MARK}") as t:
        t.expect("up\r\n")
        pid = wait_for(lambda: inside(MARK, "sleep"))[0][0]
        os.close(t.fd)
        t.fd = -1
        fall_asleep(t.pid)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: os.waitpid(t.pid, os.WNOHANG)[0])
        t.status = 0


# ---- a door that is none ----

REQUEST = struct.Struct("HHIIIIHHHHI64sQQ")
EVENT = struct.Struct("Ii56s")
EXITED, KILLED, FAILED, SIGNAL, CONT = 3, 4, 5, 6, 7
SEALS = 0xE  # SHRINK, GROW, WRITE


def ask(payload, argc, size=None, seals=SEALS, ttys=0):
    """What any program of the user may say to the helper; returns the connection after its answer."""
    conn = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    conn.settimeout(DEADLINE)
    conn.connect(SOCK)
    fd = os.memfd_create("payload", os.MFD_ALLOW_SEALING)
    os.write(fd, payload)
    if seals:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    null = os.open("/dev/null", os.O_RDWR)
    request = REQUEST.pack(1, 3, REQUEST.size, ttys, 0o22, argc, 24, 80, 0, 0,
                           len(payload) if size is None else size, b"", 0, 0)
    conn.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null, null, null, fd]))])
    os.close(fd)
    os.close(null)
    conn.recv(4096)
    return conn


def event(conn):
    kind, value, text = EVENT.unpack(conn.recv(4096))
    return kind, value, text.rstrip(b"\0")


def requests_that_do_not_add_up_start_nothing():
    good = b"/bin/sh.real\0/\0sh\0-c\0exit 3\0A=1\0"
    for what, code in (
            (dict(payload=good, argc=3, seals=0), errno.EPERM),
            (dict(payload=good, argc=3, seals=2), errno.EPERM),
            (dict(payload=good, argc=5), errno.EBADMSG),
            (dict(payload=good, argc=0xFFFFFFFF), errno.EBADMSG),
            (dict(payload=good[:-1], argc=3), errno.EBADMSG),
            (dict(payload=b"/bin/sh\0", argc=0), errno.EBADMSG),
            (dict(payload=b"bin/sh\0/\0sh\0", argc=1), errno.EBADMSG),
            (dict(payload=good, argc=3, size=len(good) + 1), errno.EMSGSIZE),
            (dict(payload=good, argc=3, size=0), errno.EMSGSIZE),
            (dict(payload=b"\0" * (4 << 20) + good, argc=3), errno.EMSGSIZE)):
        with ask(**what) as conn:
            same(event(conn), (FAILED, code, b"request"))


def a_request_that_adds_up_runs():
    with ask(b"/bin/sh\0/\0sh\0-c\0exit $A\0A=3\0", 3) as conn:
        same(event(conn), (EXITED, 3, b""))
    with ask(b"/bin/true\0nowhere\0", 0) as conn:
        kind = event(conn)[0]
        assert kind in (EXITED, KILLED), kind


def events_that_make_no_sense_do_nothing():
    with ask(b"/bin/sleep\0/\0sleep\0" + MARK.encode() + b"\0", 2) as conn:
        pid = wait_for(lambda: inside(MARK, "sleep"))[0][0]
        for kind, value in ((CONT, 7), (SIGNAL, 9), (SIGNAL, 19), (SIGNAL, 0), (SIGNAL, -1), (SIGNAL, 1 << 30), (0, 0),
                            (99, 15), (EXITED, 0)):
            conn.send(EVENT.pack(kind, value, b""))
        conn.send(b"x")
        conn.send(b"x" * 4000)
        # They are heard in order: had one of them done something, that would be told first.
        wait_for(lambda: marked(MARK, "sleep") == [(pid, "S")])
        conn.send(EVENT.pack(SIGNAL, signal.SIGTERM, b""))
        same(event(conn), (KILLED, signal.SIGTERM, b""))


def the_relay_and_the_waiting_child_are_closed_to_the_user():
    p = start("/usr/bin/sleep", MARK)
    pid = wait_for(lambda: inside(MARK, "sleep"))[0][0]
    relay = relay_of(pid)
    code = f"import os\nfor n in ('exe','cwd','environ','maps','fd'):\n" \
        f" try: print(n, os.listdir('/proc/{relay}/fd') if n == 'fd' else os.readlink('/proc/{relay}/' + n) " \
        f"if n in ('exe','cwd') else open('/proc/{relay}/' + n).read())\n except OSError as e: pass"
    same(call("/usr/bin/python3", "-S", "-c", code), (0, b"", b""))
    with open(f"/proc/{p.pid}/status", encoding="ascii") as f:
        assert f"Uid:\t{UID}" in f.read()
    # Not dumpable: root's, though the process is the user's.
    same(os.stat(f"/proc/{p.pid}/environ").st_uid, 0)
    p.terminate()
    p.wait()


class Skip(Exception):
    pass


TESTS = [
    the_exit_status_is_passed_on, death_by_signal_is_passed_on, a_missing_program_is_127, what_is_no_program_is_126,
    control_characters_do_not_reach_the_terminal_in_messages,
    arguments_environment_and_directory_arrive, a_lot_of_environment_arrives_and_too_much_is_said,
    a_login_shell_stays_one, the_umask_arrives, a_directory_that_is_not_there_gives_home, a_relative_name_works,
    a_script_works_when_the_door_is_its_interpreter, a_program_executed_by_descriptor_works,
    the_user_is_only_the_user_behind_two_filters, a_profile_without_root_sets_no_new_privs,
    the_filter_is_in_force, a_broken_filter_starts_nothing, only_stdio_is_inherited,
    directories_names_and_closed_stdio_become_null, the_keys_of_the_caller_stay_outside,
    without_a_terminal_there_is_no_controlling_one,
    two_hundred_megabytes_pass_both_ways_unchanged, an_early_end_of_input_and_output_is_seen,
    closing_stdout_is_seen_while_the_program_runs, inherited_files_keep_their_flags,
    signals_from_outside_reach_the_program, a_signal_that_kills_the_program_kills_the_door,
    an_ignored_hangup_stays_ignored, stop_and_continue_pass_through, who_stops_itself_does_not_stop_who_watches,
    a_killed_door_hangs_up_its_program,
    a_killed_relay_ends_the_door_with_a_word, a_killed_helper_is_not_missed,
    background_children_may_outlive_the_program,
    the_program_has_a_terminal_of_its_own, it_is_another_terminal_than_the_callers,
    the_terminals_modes_are_copied_and_restored, odd_modes_are_copied, a_resize_arrives, keys_that_signal_do,
    a_shell_inside_handles_its_own_jobs, ctrl_z_and_fg_work_in_the_callers_shell,
    a_stopped_program_goes_on_in_the_background, who_stops_itself_stops_the_job_in_front, who_stops_itself_in_the_background_gets_the_keys_in_front,
    who_reads_in_the_background_is_stopped,
    who_only_writes_in_the_background_leaves_the_keys_alone, brought_to_the_front_while_it_runs_it_gets_the_keys,
    a_pipeline_leaves_the_keys_to_its_neighbour, ctrl_c_ends_a_pipeline,
    behind_a_pipe_the_keyboard_is_there_when_asked_for, lines_end_right_when_the_terminal_is_not_raw,
    the_end_of_the_output_is_never_lost, much_output_passes_unchanged, every_byte_can_be_typed,
    a_terminal_that_takes_nothing_does_not_hold_the_keys, a_hangup_of_the_terminal_hangs_up_inside,
    a_hangup_ends_an_ordinary_shell_and_its_jobs, a_killed_door_hangs_up_the_terminal_inside,
    a_killed_relay_leaves_the_terminal_in_order, input_typed_ahead_is_kept, stdout_and_stderr_may_go_elsewhere,
    detached_from_its_terminal_it_still_works, tmux_works_and_outlives_its_door, vim_works,
    idle_they_use_neither_time_nor_memory,
    requests_that_do_not_add_up_start_nothing, a_request_that_adds_up_runs, events_that_make_no_sense_do_nothing,
    the_relay_and_the_waiting_child_are_closed_to_the_user,
    a_refusal_is_told_with_the_helpers_words, no_helper_is_a_failure, a_helper_that_hangs_up_is_a_failure,
    rubbish_from_the_helper_is_a_failure, a_silent_helper_is_waited_for_five_seconds,
]


def tests_run(tests):
    """TAP; each test starts with a helper that serves, and leaves nothing running that has its mark."""
    global MARK
    failed = n = 0
    for test in tests:
        if not re.search(ONLY, test.__name__):
            continue
        n += 1
        MARK = f"9{os.getpid()}{n:03}"
        name = test.__name__.replace("_", " ")
        try:
            helper_start()
            test()
            print(f"ok {n} - {name}", flush=True)
        except Skip as why:
            failed += must_work
            print(f"{'not ok' if must_work else 'ok'} {n} - {name}{'' if must_work else ' # SKIP'} {why}", flush=True)
        except Exception as why:  # the next test shall still run
            failed += 1
            print(f"not ok {n} - {name}", flush=True)
            line = why.__traceback__
            while line.tb_next and line.tb_next.tb_frame.f_globals.get("TESTS") is tests:
                line = line.tb_next
            print(f"# line {line.tb_lineno}: {type(why).__name__}: {why}"[:1500].replace("\n", "\\n"), flush=True)
        for pid, _ in marked(MARK):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it has ended by itself
    helper_stop()
    print(f"1..{n}")
    sys.exit(failed > 0)


def main():
    world_make()
    tests_run(TESTS)


if __name__ == "__main__":
    main()
