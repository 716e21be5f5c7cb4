# askrun.py CASE: asks the helper for a container, or for a program in one, as no client would; prints what became of it.
import array, fcntl, os, signal, socket, struct, sys, time

case = sys.argv[1]
RUN, EXEC, ROOTFS, KEEP, NONE, HOST = 5, 6, 0x20, 4, 8, 0x10
request, flags, narrow, image, name, profile, user = RUN, 0, 0, b"busybox", b"", b"", b""
binds, n_binds, binds_bytes, argc, size, ttys = b"", 0, None, 2, None, 0
words = [b"echo", b"/", b"echo", b"ran", b"A=b"]
ambient, hostname = 0, b""
seals = 0xe  # shrink, grow, write
out, to = os.pipe()
fds = [os.open("/dev/null", os.O_RDONLY), to, to]

BINDS = {
    "bind-relative": (b"srv/shown/alice", b"/x", b"ro"),
    "bind-climbs": (b"/srv/shown/alice", b"/x/../proc", b"ro"),
    "bind-root": (b"/", b"/x", b"ro"),
    "bind-over-root": (b"/srv/shown/alice", b"/", b"ro"),
    "bind-socket": (b"/run/carrel/inside/helper.sock", b"/x", b"ro"),
    "bind-magic": (b"/proc/self/cwd", b"/x", b"ro"),
    "bind-fd": (b"/proc/self/fd/3", b"/x", b"ro"),
    "bind-device": (b"/dev/null", b"/x", b"rw"),
}


def lists(*places):
    return b"".join(b"%s\0%s\0%s\0" % p for p in places), len(places)


if case.startswith("exec-"):
    request, name, case = EXEC, sys.argv[2].encode(), case[5:]
if case == "directory":
    fds[0] = os.open("/", os.O_RDONLY)
elif case == "place":
    fds[1] = os.open("/etc", os.O_PATH)
elif case == "root-of-process":
    fds[0] = os.open("/proc/self/root", os.O_PATH)
elif case == "tree":
    fds[2] = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
elif case == "name-climbs":
    name = b"../x"
elif case == "name-dash":
    name = b"-x"
elif case == "name-newline":
    name = b"a\nend"
elif case == "name-space":
    name = b"a b"
elif case == "name-wide":
    name = "\u00e9".encode()
elif case == "name-endless":
    name = b"a" * 65
elif case == "image-climbs":
    image = b"../images/busybox"
elif case == "image-dot":
    image = b"."
elif case == "image-endless":
    image = b"a" * 65
elif case == "image-forged":
    image = b"x by root refused: y (command: z)\nforged line\x1b[2J"
elif case == "image-none":
    image = b""
elif case == "both":
    flags, (binds, n_binds) = ROOTFS, lists((b"/srv/shown/alice", b"/", b"rw"))
elif case == "rootfs-none":
    flags, image = ROOTFS, b""
elif case == "rootfs-of-root":
    flags, image, (binds, n_binds) = ROOTFS, b"", lists((b"/etc", b"/", b"ro"))
elif case == "tree-of-two-minds":
    READONLY = 0x40
    flags, image, (binds, n_binds) = ROOTFS | READONLY, b"", lists((b"/srv/shown/alice/b/rootfs", b"/", b"rw"))
    words = [b"touch", b"/", b"touch", b"/srv/written"]
elif case == "networks":
    flags = NONE | HOST
elif case == "profile-endless":
    profile = b"a" * 33
elif case == "user-endless":
    user = b"a" * 33
elif case == "binds-more":
    (binds, n_binds) = lists((b"/srv/shown/alice", b"/x", b"ro"))
    n_binds = 3
elif case == "binds-many":
    (binds, n_binds) = lists(*[(b"/srv/shown/alice", b"/x", b"ro")] * 17)
elif case == "binds-cut":
    binds, n_binds, binds_bytes = b"/srv/shown/alice\0/x\0ro", 1, 22
elif case == "binds-beyond":
    (binds, n_binds), binds_bytes = lists((b"/srv/shown/alice", b"/x", b"ro")), 1 << 31
elif case in BINDS:
    binds, n_binds = lists(BINDS[case])
elif case == "mode":
    binds, n_binds = lists((b"/srv/shown/project", b"/x", b"RW"))
    words = [b"touch", b"/", b"touch", b"/x/written"]
elif case == "argc":
    argc = 4000000000
elif case == "size":
    size = 7
elif case == "huge":
    words.append(b"B=" + b"x" * (4 << 20))
elif case == "unsealed":
    seals = 0x6
elif case == "file-relative":
    words[0] = b"../bin/echo"
    words[1] = b"relative"
elif case == "hostname-newline":
    hostname = b"a\n127.0.0.2 b"
elif case == "hostname-endless":
    hostname = b"a" * 65
elif case == "hostname-space":
    hostname = b"a b"
elif case == "hostname-dash":
    hostname = b"-x"
elif case == "tmpfs-word":
    (binds, n_binds) = lists((b"", b"/x", b"rw"))
elif case == "tmpfs-over-proc":
    (binds, n_binds) = lists((b"", b"/proc", b"tmpfs"))
elif case == "tmpfs-climbs":
    (binds, n_binds) = lists((b"", b"/x/../proc", b"tmpfs"))
elif case == "tmpfs-option":
    (binds, n_binds) = lists((b"", b"/x", b"tmpfs,suid"))
elif case == "tmpfs-of-nobody":
    (binds, n_binds) = lists((b"", b"/x", b"tmpfs,uid=65536"))
elif case == "tmpfs-as-tree":
    flags, image, (binds, n_binds) = ROOTFS, b"", lists((b"", b"/", b"tmpfs"))
elif case == "ambient":
    ambient = 1 << 5
elif case == "narrow-missing":
    narrow = 1
elif case == "narrow-unsaid":
    fds.append(None)
elif case == "narrow-rubbish":
    narrow = 1

text = b"\0".join(words) + b"\0"
memory = os.memfd_create("x", os.MFD_ALLOW_SEALING)
os.write(memory, text)
fcntl.fcntl(memory, 1033, seals)
if case == "file":
    memory = os.open("/tmp", os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(memory, text)
fds = fds[:3] + [memory] + fds[3:]
if case in ("narrow-rubbish", "narrow-unsaid"):
    rubbish = os.memfd_create("y", os.MFD_ALLOW_SEALING)
    os.write(rubbish, b"\x06\0\0\0\0\0\xff\x7f" * 100)
    fcntl.fcntl(rubbish, 1033, 0xe)
    fds[4:] = [rubbish]
command = bytes(8) + struct.pack("IIIHHHHI", ttys, 0o22, argc, 24, 80, 0, 0, len(text) if size is None else size) + bytes(64 + 8) + struct.pack("Q", ambient)
if request == RUN:
    body = struct.pack("II65s65s33s33s65s65sHI8192s", flags, narrow, image, name, profile, user, hostname, b"", n_binds,
                       len(binds) if binds_bytes is None else binds_bytes, binds) + command
else:
    body = struct.pack("65s33s2x", name, user) + command
message = struct.pack("HHI", 1, request, 8 + len(body)) + body
if case == "few":
    fds = fds[:3]
if case == "many":
    fds = fds * 60
if case == "longer":
    message = struct.pack("HHI", 1, request, 9 + len(body)) + body + b"\0"

s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(60 if case == "right" else 8)
s.connect("/run/carrel/helper.sock")
lender = 0
if case == "lent":  # who connected goes on as another program, its last argument; a child of it asks
    program = sys.argv[-1]
    lender = os.getpid()
    if os.fork():
        os.execv(program, [program, "60"])
    end = time.monotonic() + 30
    while open("/proc/%d/comm" % lender).read().strip() != os.path.basename(program) and time.monotonic() < end:
        time.sleep(0.01)
said = ""
try:
    s.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
    os.close(to)
    while True:
        answer = s.recv(4096)
        if not answer:
            break
        if len(answer) > 500:
            if struct.unpack_from("I", answer, 8)[0] == 0:
                said = "refused: " + answer[12 + 65:].split(b"\0")[0].decode()
        elif len(answer) == 64:
            kind, value = struct.unpack_from("Ii", answer)
            if kind == 5:
                said = "failed: %d %s" % (value, answer[8:].split(b"\0")[0].decode())
            elif kind in (3, 4):
                said = "ended %d" % value
                break
except OSError as e:
    said = "refused: %s" % e
s.close()
if lender:
    os.kill(lender, signal.SIGKILL)
print(said or "refused")
os.set_blocking(out, False)
try:
    print(os.read(out, 100).decode(errors="replace"))
except BlockingIOError:
    pass
