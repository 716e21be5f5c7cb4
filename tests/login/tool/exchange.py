#!/usr/bin/python3
"""exchange NAME OTHER SECONDS - two names change places, without a moment in which one is missing, and stay a moment each."""
import ctypes
import random
import sys
import time

RENAME_EXCHANGE = 2
AT_FDCWD = -100

libc = ctypes.CDLL(None)
name, other = (word.encode() for word in sys.argv[1:3])
end = time.monotonic() + float(sys.argv[3])
while time.monotonic() < end:
    libc.renameat2(AT_FDCWD, name, AT_FDCWD, other, RENAME_EXCHANGE)
    until = time.monotonic() + random.uniform(0.0002, 0.002)
    while time.monotonic() < until:
        pass
