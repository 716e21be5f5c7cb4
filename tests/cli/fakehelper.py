#!/usr/bin/python3
"""Plays carrel-helper for carrel list and carrel kill.

    fakehelper.py PLACE LOG MODE

Appends every request to LOG, one a line; MODE is a file that says what to do with the next one: run, none (no containers),
refuse, slow (what is ended has ended when it is asked for again), drop (hang up early) or odd (answer as another version
would). Runs until it is killed. Prints "ready" when it listens.
"""
import os
import socket
import struct
import sys

REQ_LIST, REQ_KILL = 7, 8
END, LIST_REFUSED, CONTAINER = 0, 1, 2
REFUSED, CONFINED = 0, 1
ITEM = struct.Struct("HHIIIiIIIQ65s33s65s80s256s0Q")
KILL = struct.Struct("HHIIIi65s0I")
KILL_ANSWER = struct.Struct("HHIIi256s")
CONTAINERS = (
    (54321, 77, 0, 600000, 65536, 1795305131000000, b"web", b"lab", b"debian", b"sha256:ab", b"nginx -g 'daemon off;'"),
    (54321, 78, 2, 700000, 65536, 0, b"@lab", b"lab", b"", b"", b""),
    (54320, 79, 0, 0, 0, 1795305131500000, b"a-very-long-name.of_a_container", b"default", b"alpine", b"", b"sh -c '\x1b]0;x\xff'"),
)


def list_answer(conn, version, everybody, mode):
    def item(kind, *fields):
        conn.send(ITEM.pack(version, REQ_LIST, ITEM.size, kind, *(fields or (0,) * 6 + (b"",) * 5)))
    for c in () if mode == "none" else CONTAINERS:
        if everybody or c[0] == 54321:
            item(CONTAINER, *c)
        if mode == "drop":
            return
    if mode == "refuse":
        item(LIST_REFUSED, *(0,) * 6, b"", b"", b"", b"", b"only root may see everybody's")
    item(END)


def serve(conn, log, mode):
    data = conn.recv(65536)
    _, kind, length = struct.unpack_from("HHI", data)
    version = 9 if mode == "odd" else 1
    if kind == REQ_LIST:
        everybody = struct.unpack_from("I", data, 8)[0]
        log.write(f"list {everybody} {length == len(data) == 12}\n")
        list_answer(conn, version, everybody, mode)
    elif kind == REQ_KILL:
        *_, uid, sig, pid, name = KILL.unpack(data)
        log.write(f"kill {uid} {sig}{f' @{pid}' if pid else ''} {name.rstrip(bytes(1)).decode()} {length == len(data)}\n")
        text = b"there is no container of yours called so" if mode == "refuse" else b""
        if mode != "drop":
            conn.send(KILL_ANSWER.pack(version, kind, KILL_ANSWER.size, REFUSED if text else CONFINED,
                                       77 if mode == "slow" and not pid else 0, text))


def main():
    place, log, mode = sys.argv[1:4]
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(place)
    os.chmod(place, 0o666)
    listener.listen(16)
    print("ready", flush=True)
    while True:
        conn, _ = listener.accept()
        with conn, open(log, "a", 1, encoding="utf-8") as f, open(mode, encoding="ascii") as m:
            try:
                serve(conn, f, m.read().strip())
            except BrokenPipeError:
                pass  # who has heard enough goes


main()
