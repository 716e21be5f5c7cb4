"""syslogd.py SOCKET FILE - writes down what is sent to /dev/log; a world has no other syslog."""
import os
import socket
import sys

log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
with open(sys.argv[2], "ab", buffering=0) as out:
    while True:
        out.write(log.recv(65536).rstrip(b"\0\n") + b"\n")
