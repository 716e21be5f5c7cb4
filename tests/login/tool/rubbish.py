"""rubbish.py SOCKET HOW - a helper that answers, but not as it should."""
import array
import os
import socket
import struct
import sys

path, how = sys.argv[1:]
os.makedirs(os.path.dirname(path), exist_ok=True)
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.bind(path + ".new")
os.chmod(path + ".new", 0o666)
server.listen(8)
os.rename(path + ".new", path)  # who sees it can connect

SESSION = 1
REFUSED, CONFINED, EXEMPT = range(3)
HEAD = "=HHI"
ANSWER = "=HHIIIIIQ256s"
SIZE = struct.calcsize(ANSWER)


def answer(what, version=1, length=SIZE):
    return struct.pack(ANSWER, version, SESSION, length, what, 0, 1001, 0, 7, b"rubbish")


kept = []
while True:
    peer, _ = server.accept()
    kept.append(peer)
    try:
        peer.recv(65536)
        fds = []
        if how == "garbage":
            message = b"\xff" * 4096
        elif how == "empty":
            message = b""
        elif how == "close":
            peer.close()
            continue
        elif how == "short":
            message = answer(EXEMPT)[:20]
        elif how == "long":
            message = answer(EXEMPT) + b"\0" * 100
        elif how == "version":
            message = answer(EXEMPT, version=77)
        elif how == "exempt-short":
            message = answer(EXEMPT, length=12)
        elif how == "confined-no-fds":
            message = answer(CONFINED)
        elif how == "confined-wrong-fds":
            message = answer(CONFINED)
            fds = [os.open("/dev/null", os.O_RDWR), os.open("/etc/passwd", os.O_RDONLY)]
        else:
            message = os.urandom(SIZE)
        peer.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
    except OSError:
        pass
