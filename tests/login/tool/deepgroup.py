# deepgroup.py CASE NOTE COMMAND…: runs the command in a control group below the caller's, and writes where that is to NOTE.
import os, sys

case, note = sys.argv[1:3]
top = "/sys/fs/cgroup"
here = open("/proc/self/cgroup").read().rstrip("\n").split("0::", 1)[1]


def parts(n):
    """Names that make n characters of a path."""
    out = ""
    while n > 200:
        out += "/" + "p" * 99
        n -= 100
    return out + "/" + "p" * (n - 1)


if case == "long":
    path = here + parts(2000)
elif case == "endless":
    path = here + parts(6000)
else:  # what begins a line where a buffer of 512 ends; a path of 384 bytes ends in a file that can be written
    end = "/cgroup.procs"
    path = here + parts(383 - len(top) - len(here) - len(end)) + end + "x" * 20
    path += parts(511 - len("0::") - len(path)) + case
at = os.open(top + here, os.O_RDONLY)
for name in path[len(here) + 1 :].split("/"):
    try:
        os.mkdir(name, dir_fd=at)
    except FileExistsError:
        pass
    at = os.open(name, os.O_RDONLY, dir_fd=at)
os.write(os.open("cgroup.procs", os.O_WRONLY, dir_fd=at), b"0")
open(note, "w").write("0::%s\n" % path)
os.execvp(sys.argv[3], sys.argv[3:])
