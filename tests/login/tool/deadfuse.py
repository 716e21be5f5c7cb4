"""deadfuse.py DIRECTORY - mounts a file system there that never answers a question after the first."""
import ctypes
import os
import struct
import sys
import time

directory = sys.argv[1]
device = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = "fd=%d,rootmode=40700,user_id=0,group_id=0,allow_other" % device
if libc.mount(b"dead", directory.encode(), b"fuse", 6, options.encode()) != 0:  # nosuid, nodev
    sys.exit(os.strerror(ctypes.get_errno()))
length, opcode, unique = struct.unpack("=IIQ", os.read(device, 1 << 20)[:16])
assert opcode == 26  # FUSE_INIT, which the kernel must have an answer to
answer = struct.pack("=IIIIHHIIHHI28x", 7, 31, 65536, 0, 16, 12, 65536, 1, 0, 0, 0)
os.write(device, struct.pack("=IiQ", 16 + len(answer), 0, unique) + answer)
while True:
    time.sleep(60)
