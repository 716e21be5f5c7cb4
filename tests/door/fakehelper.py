#!/usr/bin/python3
"""Plays carrel-helper for carrel-door and carrel: takes REQ_ENTER, REQ_LAUNCH and REQ_EXEC on a socket and starts
carrel-relay, without any container.

    fakehelper.py SOCKET RELAY FILTER UID GID [MODE]

MODE is what to do with a caller: run (default), nnp (with no_new_privs), refuse, silent, garbage, drop.
Runs until it is killed. Prints "ready" when the socket is there.
"""
import array
import fcntl
import os
import signal
import socket
import struct
import sys

HEAD = struct.Struct("HHI")
ANSWER = struct.Struct("HHIII256s")
REQUEST_SIZE = 8 + 4 * 3 + 2 * 4 + 4 + 64 + 8 + 8
LAUNCH_ANSWER = struct.Struct("HHII65s512s0I")
VERSION, REQ_ENTER, REQ_LAUNCH, REQ_EXEC = 1, 3, 5, 6
# All of a request; struct enter_request is what its end holds.
SIZES = {REQ_ENTER: REQUEST_SIZE, REQ_LAUNCH: 8540 + REQUEST_SIZE, REQ_EXEC: 108 + REQUEST_SIZE}
REFUSED, CONFINED = 0, 1


def answer(conn, what, text=b"", kind=REQ_ENTER):
    if kind == REQ_ENTER:
        conn.send(ANSWER.pack(VERSION, kind, ANSWER.size, what, 0, text))
    else:
        conn.send(LAUNCH_ANSWER.pack(VERSION, kind, LAUNCH_ANSWER.size, what, b"made-up", text))


def sealed(data):
    fd = os.memfd_create("request", os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    return fd


def relay_start(conn, request, fds, relay, filter_path, uid, gid, flags):
    """In a child: descriptors to their numbers, the user's groups, exec."""
    wanted = {3: conn.fileno(), 4: fds[3], 5: os.open(filter_path, os.O_RDONLY),
              6: fds[0], 7: fds[1], 8: fds[2], 9: sealed(request)}
    high = {to: fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for to, fd in wanted.items()}
    for to, fd in high.items():
        os.dup2(fd, to)
    os.setgroups([gid])
    os.setresgid(gid, gid, gid)
    # An unknown door may not be trusted to see what the shell of the test has set up.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    os.execve(relay, ["carrel-relay", str(uid), str(gid), str(flags)], {})


def serve(conn, mode, rest):
    request, control, _, _ = conn.recvmsg(16384, socket.CMSG_SPACE(8 * 4))
    fds = array.array("i")
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data)
    if mode == "silent":
        conn.recv(1)  # until the door gives up
        os._exit(0)
    if mode == "drop":
        os._exit(0)
    if mode == "garbage":
        conn.send(b"\0" * 40)
        os._exit(0)
    if mode == "refuse":
        answer(conn, REFUSED, b"session for 'ada' refused: no range")
        os._exit(0)
    version, kind, length = HEAD.unpack_from(request)
    if (version, length, len(request), len(fds)) != (VERSION, SIZES.get(kind), SIZES.get(kind), 4):
        answer(conn, REFUSED, b"malformed request")
        os._exit(0)
    answer(conn, CONFINED, kind=kind)
    relay_start(conn, request[-REQUEST_SIZE:], fds, *rest, 1 if mode == "nnp" else 0)


def main():
    path, relay, filter_path, uid, gid = sys.argv[1:6]
    mode = sys.argv[6] if len(sys.argv) > 6 else "run"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.path.exists(path):
        os.unlink(path)
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        conn, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            serve(conn, mode, (relay, filter_path, int(uid), int(gid)))
        conn.close()


if __name__ == "__main__":
    main()
