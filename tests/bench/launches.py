"""launches - what a container of one's own costs, beside bubblewrap's and Podman's of the same tree. A part of measure.py.

The payload is busybox: `true`, and `sleep` where containers are counted. All of them run the same two programs of the filter.
"""
import collections
import os
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from filters import budget_of_pairs
from measure import BENCH, HELPER, NULL, SOCKET, STATE, wait_until

TREE = "/var/lib/carrel-bench"  # beside the store, whose images nobody may walk through
IMAGE = "bench"
GROUPS = "/sys/fs/cgroup"
PROGRAM = "/run/carrel/filters/root.root.good"
LAPS = "/run/carrel/laps"
CROWD = 400
IDLE = 100  # the kernel charges a group 64 pages ahead on each processor: of 20 containers that is up to 25 KiB each
IDLE_PODMAN = 20
CONFIG = """
[profile box]
filter = root
root = yes
run = yes
images = *
max-containers = none

[assign run]
* = box
"""
USER = "alice"
AS_USER = ["setpriv", "--reuid", USER, "--regid", USER, "--init-groups", "--"]


# --- before the helper starts, as it keeps the mounts it sees then ---


def tree_make():
    busybox = shutil.which("busybox") or sys.exit("launches: busybox is not installed")
    for name in ("bin", "dev", "proc", "sys", "tmp", "etc", "root"):
        os.makedirs("%s/%s" % (TREE, name))
    shutil.copy(busybox, TREE + "/bin/busybox")
    for name in ("true", "sleep", "sh"):
        os.symlink("busybox", TREE + "/bin/" + name)
    libraries = subprocess.run(["ldd", busybox], stdout=subprocess.PIPE, stderr=NULL, text=True).stdout
    for path in re.findall(r"(/\S+) \(0x", libraries):  # none, if it is static
        os.makedirs(TREE + os.path.dirname(path), exist_ok=True)
        shutil.copy(path, TREE + path)


def groups_mount():
    """The machine's hierarchy that counts memory; without one nothing is said of memory."""
    subprocess.run(["mount", "-t", "tmpfs", "groups", GROUPS], check=True)
    os.mkdir(GROUPS + "/memory")
    if subprocess.run(["mount", "-t", "cgroup", "-o", "memory", "memory", GROUPS + "/memory"], stderr=NULL).returncode != 0:
        subprocess.run(["umount", GROUPS], check=True)
        subprocess.run(["mount", "-t", "cgroup2", "groups", GROUPS], stderr=NULL)


def prepare():
    """Images lie on a tmpfs: overlayfs, of which a world is made, cannot be shown with other IDs."""
    for path in (TREE, "/var/lib/carrel"):
        os.makedirs(path, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "bench", path], check=True)
    groups_mount()
    tree_make()
    subprocess.run(["carrel", "image", "add", IMAGE, TREE], check=True, stdout=NULL)


# --- one launch ---


def filter_split():
    """The two programs of the filter, as bwrap takes them; see struct program_head."""
    program = open(PROGRAM, "rb").read()
    loud, quiet = struct.unpack("<HH", program[8:12])
    parts = program[48:48 + 8 * loud], program[48 + 8 * loud:48 + 8 * (loud + quiet)]
    paths = ["/run/carrel-bench.loud", "/run/carrel-bench.quiet"]
    for path, part in zip(paths, parts):
        with open(path, "wb") as f:
            f.write(part)
    return paths


BWRAP = ["bwrap", "--unshare-all", "--ro-bind", TREE, "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
# Root's: its rootless form does not start in a world, whose root file system it would have to own.
PODMAN = ["podman", "--cgroup-manager=cgroupfs", "run", "--rm", "--network", "none", "--cgroups=disabled"]


def turns(times, rows, files=()):
    """name -> milliseconds, of rows {name: (user, argv)}."""
    argv = [BENCH + "turns", str(times), "30"] + list(files)
    for user, command in rows.values():
        argv += ["--", user] + command
    lines = [line.split() for line in subprocess.check_output(argv, text=True).splitlines()]
    return {name: [float(us) / 1000 for us in column] for name, column in zip(rows, zip(*lines))}


def one_launch(report, times):
    files = filter_split()
    run = ["carrel", "run", IMAGE, "true"]
    rows = collections.OrderedDict([("carrel run IMAGE true", (USER, run)),
                                    ("carrel run --read-only", (USER, run[:2] + ["--read-only"] + run[2:])),
                                    ("carrel run --net none", (USER, run[:2] + ["--net", "none"] + run[2:]))])
    if shutil.which("bwrap"):
        filtered = ["--add-seccomp-fd", "10", "--add-seccomp-fd", "11"]
        rows["bwrap --unshare-all, the same filter"] = (USER, BWRAP + filtered + ["true"])
        rows["bwrap --unshare-all"] = (USER, BWRAP + ["true"])
    rows["the program alone"] = (USER, [TREE + "/bin/true"])
    found = turns(times, rows, files)
    for name, ms in found.items():
        report.time(name, ms)
    ours = found["carrel run IMAGE true"]
    if shutil.which("bwrap"):
        report.bwrap = statistics.median(found["bwrap --unshare-all"])
        pairs = list(zip(found["bwrap --unshare-all, the same filter"], ours))
        budget_of_pairs(report, "carrel run ÷ bwrap with the same filter", pairs, 1.0)

    if shutil.which("podman"):
        own = TREE + "-podman"
        shutil.copytree(TREE, own, symlinks=True)
        podman = ("root", PODMAN + ["--rootfs", own, "true"])
        found = turns(max(5, times // 4), {"ours": rows["carrel run IMAGE true"], "podman": podman})
        report.time("podman run --rm --network none --rootfs, by root", found["podman"])
        budget_of_pairs(report, "carrel run ÷ podman", list(zip(found["podman"], found["ours"])), 0.04)


# --- the helper's part ---


def asked(times):
    text = subprocess.check_output([BENCH + "launch", USER, IMAGE, str(times)], text=True)
    rows = [[float(us) / 1000 for us in line.split()] for line in text.splitlines()]
    return [list(column) for column in zip(*rows[1:])]


def helper_replace(path):
    """Ends the helper that runs; containers and sessions outlive that."""
    pid = int(subprocess.check_output(["pgrep", "-o", "-x", "carrel-helper"]))
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not os.path.exists("/proc/%d" % pid) or "State:\tZ" in open("/proc/%d/status" % pid).read())
    os.unlink(SOCKET)
    subprocess.Popen([path, "--listen"], stdin=NULL, stderr=NULL)
    wait_until(lambda: os.path.exists(SOCKET))
    time.sleep(0.5)
    subprocess.run(AS_USER + ["carrel", "run", IMAGE, "true"], check=True)  # reads the image


def laps_read():
    """'a/b/c' -> milliseconds in that function of the launch's child, one of each launch; in the order of the calls."""
    symbols = {int(row[0], 16): row[2] for row in map(str.split, subprocess.check_output(
        ["nm", BENCH + "carrel-helper"], text=True).splitlines()) if len(row) == 3 and row[1] in "tT"}
    start = next(address for address, name in symbols.items() if name == "launch_child")
    launches, path = [], []
    for line in open(LAPS):
        depth, offset, _, took = map(int, line.split())
        if depth == 0:
            launches.append(collections.OrderedDict())
        path[depth:] = [symbols.get(start + offset, "?")]
        name = "/".join(path)
        launches[-1][name] = launches[-1].get(name, 0) + took / 1e6
    found = collections.OrderedDict()
    for launch in launches[1:]:
        for name, ms in launch.items():
            found.setdefault(name, []).append(ms)
    return found


STEPS_AT_LEAST_MS = 0.004
STEPS_DEPTH = 7


def helpers_part(report, times):
    answered, ended = asked(times)
    report.time("the helper: from connect(2) to the answer", answered)
    report.time("and to the word that `true` has ended", ended)
    report.budget_of_times("a launch, in the helper", statistics.median(answered), min(answered), 1.5)

    open(LAPS, "w").close()
    helper_replace(BENCH + "carrel-helper")
    os.truncate(LAPS, 0)
    asked(times)
    report.data["steps"] = [(name, round(statistics.median(ms), 3), round(min(ms), 3)) for name, ms in laps_read().items()
                            if name.count("/") < STEPS_DEPTH and statistics.median(ms) >= STEPS_AT_LEAST_MS]
    os.unlink(LAPS)
    helper_replace(HELPER)


# --- many of them ---


def launched():
    return sum(name.startswith("l.") for name in os.listdir(STATE))


def crowd(report, times):
    rows = {"ours": (USER, ["carrel", "run", IMAGE, "true"])}
    first = turns(times, rows)["ours"]
    many = "seq %d | xargs -P 8 -I N carrel run -d --name cN %s sleep 3600" % (CROWD, IMAGE)
    subprocess.run(AS_USER + ["sh", "-c", many], check=True, stdout=NULL)
    if launched() != CROWD:
        raise SystemExit("launches: %d of %d containers run" % (launched(), CROWD))
    last = turns(times, rows)["ours"]
    subprocess.run(AS_USER + ["sh", "-c", "carrel list -q | xargs carrel kill"], check=True, stdout=NULL, stderr=NULL)
    wait_until(lambda: launched() == 0, 60)
    report.time("carrel run, with no other container", first)
    report.time("carrel run, beside %d idle ones" % CROWD, last)
    budget_of_pairs(report, "the %dst ÷ the first" % (CROWD + 1), list(zip(sorted(first), sorted(last))), 1.3)


# --- memory ---


class Group:
    """A control group whose memory is counted, with what is started in it."""

    def __init__(self, name):
        self.v1 = os.path.isdir(GROUPS + "/memory")
        self.path = "%s/%scarrel-bench-%s" % (GROUPS, "memory/" if self.v1 else "", name)
        os.mkdir(self.path)
        self.processes = []

    def start(self, argv):
        own = ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', self.path]
        self.processes.append(subprocess.Popen(own + argv, stdin=NULL, stdout=NULL, stderr=NULL))

    def kib(self):
        """All of it, and the kernel's own part where that is told."""
        values = []
        for name in ("memory.usage_in_bytes", "memory.kmem.usage_in_bytes") if self.v1 else ("memory.current", None):
            try:
                values.append(int(open("%s/%s" % (self.path, name)).read()) / 1024)
            except OSError:
                values.append(None)
        return values

    def pids(self):
        return [int(pid) for pid in open(self.path + "/cgroup.procs").read().split()]

    def end(self):
        for _ in range(200):
            for pid in self.pids():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if not self.pids():
                break
            time.sleep(0.05)
        for process in self.processes:
            process.wait()
        time.sleep(0.5)
        os.rmdir(self.path)


def idle(report):
    sleep = ["sleep", "3600"]
    rows = collections.OrderedDict([
        ("sleep alone", AS_USER + [TREE + "/bin/sleep", "3600"]),
        ("carrel run", AS_USER + ["carrel", "run", IMAGE] + sleep),
        ("carrel run --read-only", AS_USER + ["carrel", "run", "--read-only", IMAGE] + sleep),
        ("carrel run --detach", AS_USER + ["carrel", "run", "--detach", IMAGE] + sleep)])
    if shutil.which("bwrap"):
        rows["bwrap --unshare-all"] = AS_USER + BWRAP + sleep
    if shutil.which("podman"):
        rows["podman run, by root"] = PODMAN + ["--rootfs", TREE + "-podman"] + sleep
    found = collections.OrderedDict()
    for name, argv in rows.items():
        group = Group(re.sub("[^a-z]+", "-", name))
        is_podman = argv[0] == "podman"
        times = IDLE_PODMAN if is_podman else IDLE
        for _ in range(times):
            group.start(argv)
            time.sleep(0.5 if is_podman else 0.05)
        time.sleep(2)
        total, kernel = group.kib()
        found[name] = {"KiB": round(total / times), "kernel's": kernel and round(kernel / times),
                       "processes": round(len(group.pids()) / times, 1)}
        group.end()
        wait_until(lambda: launched() == 0, 30)
    report.data["idle containers"] = found
    report.budget("an idle container, its `sleep` and the client included", found["carrel run"]["KiB"], 400, "KiB")


# --- system calls ---


def strace_of(pid, path):
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", path, "-p", str(pid)], stdin=NULL, stderr=NULL)
    wait_until(lambda: "TracerPid:\t0" not in open("/proc/%d/status" % pid).read())
    return tracer


def one_traced():
    """Whose process makes which calls, for one launch: the client, the helper's main process, its child, pid 1, the command."""
    helper = int(subprocess.check_output(["pgrep", "-o", "-x", "carrel-helper"]))
    with tempfile.NamedTemporaryFile() as of_client, tempfile.NamedTemporaryFile() as of_helper:
        tracer = strace_of(helper, of_helper.name)
        os.chmod(of_client.name, 0o666)
        subprocess.run(AS_USER + ["strace", "-f", "-qq", "-o", of_client.name, "carrel", "run", IMAGE, "true"], stdout=NULL,
                       stdin=NULL, check=True)
        time.sleep(0.5)
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        client = collections.Counter(re.findall(r"^\d+ +(\w+)\(", open(of_client.name, errors="replace").read(), re.M))
        text = open(of_helper.name, errors="replace").read()
    return client, text, helper


def processes_of(text, helper):
    """role -> Counter, from what strace saw of the helper and all that it started."""
    by_pid, parent = collections.OrderedDict(), {}
    for line in text.splitlines():
        pid, rest = line.split(None, 1)
        match = re.match(r"(\w+)\(", rest)
        if match:
            by_pid.setdefault(int(pid), []).append((match.group(1), rest))
        match = re.search(r"(?:clone|fork|vfork|clone3|<\.\.\. clone3? resumed>).*= (\d+)(?: \(\d+ in.*)?$", rest)
        if match and int(pid) not in (int(match.group(1)),):
            parent.setdefault(int(match.group(1)), int(pid))
    roles = collections.OrderedDict((name, collections.Counter()) for name in
                                    ("helper", "its child", "pid 1 until it is the relay", "relay", "the command until it is `true`"))
    for pid, made in by_pid.items():
        if pid == helper:
            roles["helper"].update(name for name, _ in made)
            continue
        executed = [i for i, (name, _) in enumerate(made) if name in ("execve", "execveat")]
        if any(name == "execveat" for name, _ in made):
            at = next(i for i, (name, _) in enumerate(made) if name == "execveat") + 1
            roles["pid 1 until it is the relay"].update(name for name, _ in made[:at])
            roles["relay"].update(name for name, _ in made[at:])
        elif executed:
            at = executed[-1] + 1
            roles["the command until it is `true`"].update(name for name, _ in made[:at])
        else:
            roles["its child"].update(name for name, _ in made)
    return roles


def system_calls(report):
    client, text, helper = one_traced()
    roles = collections.OrderedDict([("client", client)])
    roles.update(processes_of(text, helper))
    report.data["system calls"] = {role: dict(counter.most_common()) for role, counter in roles.items()}


# --- what is said ---


def print_all(data):
    if data.get("steps"):
        print("\n%-58s %9s %9s" % ("where the helper's child spends it, noting each function", "median", "min"))
        for name, median, least in data["steps"]:
            print("  %-56s %9.3f %9.3f" % ("  " * name.count("/") + name.split("/")[-1], median, least))
    if data.get("idle containers"):
        print("\n%-58s %9s %9s %9s" % ("memory of one of %d idle containers, KiB" % IDLE, "all", "kernel's", "processes"))
        for name, row in data["idle containers"].items():
            print("  %-56s %9d %9s %9g" % (name, row["KiB"], row["kernel's"] or "", row["processes"]))
    for role, counter in data.get("system calls", {}).items():
        print("\nsystem calls of a launch: %s, %d" % (role, sum(counter.values())))
        words = ["%s %d" % row for row in counter.items()]
        for i in range(0, len(words), 8):
            print("  " + ", ".join(words[i:i + 8]))


def measure_launches(report, times):
    one_launch(report, times)
    helpers_part(report, times)
    crowd(report, times)
    idle(report)
    if shutil.which("strace"):
        system_calls(report)
