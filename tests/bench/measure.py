#!/usr/bin/python3
"""measure - takes the times and prints them. Runs in a world that tests/bench/run has made; see there.

What is compared is taken in turns, so that a busy neighbour hits both. Of a pair the medians are compared.
"""
import argparse
import collections
import json
import os
import pty
import re
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

BENCH = "/usr/libexec/carrel-bench/"
HELPER = "/usr/libexec/carrel/carrel-helper"
SOCKET = "/run/carrel/helper.sock"
STATE = "/run/carrel/state"
LIB = os.path.dirname(os.path.abspath(__file__)) + "/../login/lib.sh"
# The default key exchange alone takes the client 0.1 s, and differs by more than all that is looked for here.
SSH = ["ssh", "-F", "/etc/ssh/ssh_config.world", "-o", "KexAlgorithms=curve25519-sha256"]
# alice's container ends with her session, so that each of hers is the first; the others' stay as usual.
CONFIG = """
[profile shell]
filter = login
root = yes

[profile brief]
inherit = shell
linger = no

[assign]
alice = brief
* = shell
"""
NULL = subprocess.DEVNULL


def spawned(argv, silent=(0, 1)):
    """Milliseconds of a program from its start to its end."""
    quiet = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in silent]
    start = time.monotonic()
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=quiet)
    status = os.waitpid(pid, 0)[1]
    took = time.monotonic() - start
    if status != 0:
        sys.exit("measure: %s: status %d" % (" ".join(argv), status))
    return took * 1000


def wait_until(what, seconds=10):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            sys.exit("measure: waited in vain")
        time.sleep(0.005)


def no_container_of(user):
    uid = subprocess.check_output(["id", "-u", user], text=True).strip()
    return lambda: not any(name.startswith("c.%s." % uid) for name in os.listdir(STATE))


class Holder:
    """A session that keeps its user's container up meanwhile."""

    def __init__(self, user):
        self.process = subprocess.Popen(SSH + ["%s@127.0.0.1" % user, "echo up; exec sleep 3600"], stdin=NULL,
                                        stdout=subprocess.PIPE)
        self.process.stdout.readline()

    def end(self):
        self.process.terminate()
        self.process.wait()


# --- what is measured ---


def steps(times):
    """Microseconds, by step of tests/bench/build.c; and bwrap and a bare process in between, in milliseconds."""
    found = collections.OrderedDict()
    peers = {"bwrap": [], "true": []}
    bwrap = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "/bin/true"] if shutil.which("bwrap") else None
    for _ in range(4):
        rows = [line.split() for line in
                subprocess.check_output([BENCH + "build", "alice", str(max(1, times // 4))], text=True).splitlines()]
        for name, column in zip(rows[0], zip(*rows[1:])):
            found.setdefault(name, []).extend(float(us) / 1000 for us in column)
        for _ in range(max(1, times // 4)):
            peers["true"].append(spawned(["/bin/true"]))
            if bwrap:
                peers["bwrap"].append(spawned(bwrap))
    return found, peers


def asked(times):
    """Milliseconds of the module's questions, as tests/bench/ask.c takes them."""
    found = collections.OrderedDict()
    for _ in range(4):
        for name, argv in (("first", ["first", "alice", "sshd"]), ("next", ["next", "bob", "sshd"]),
                           ("next, a door's", ["next", "bob", "su"]), ("join", ["join", "bob", "sshd"])):
            text = subprocess.check_output([BENCH + "ask"] + argv + [str(max(1, times // 4))], text=True)
            found.setdefault(name, []).extend(float(us) / 1000 for us in text.split())
    return found


def in_turns(rows, turn):
    """The rows, with another one first each turn, and time for what the last one left to be cleared away."""
    for row in rows[turn % len(rows):] + rows[:turn % len(rows)]:
        time.sleep(0.05)
        yield row


# A user who is logged in already logs in faster, also without us: so each has a "without" of his own.
KINDS = [("first without", "alice"), ("first", "alice"), ("next without", "bob"), ("next", "bob")]


def logins(times, login):
    """Milliseconds of login(user, with_us), by kind."""
    found = {name: [] for name, user in KINDS}
    alice_is_gone = no_container_of("alice")
    holder = Holder("bob")
    for turn in range(times + 1):
        for name, user in in_turns(KINDS, turn):
            took = login(user, "without" not in name)
            wait_until(alice_is_gone)
            if turn > 0:  # the first turn warms the caches
                found[name].append(took)
    holder.end()
    return found


def ssh_login(user, with_us):
    return spawned(SSH + ["-p", "22" if with_us else "23", "%s@127.0.0.1" % user, "true"])


def first_prompt(argv):
    """Milliseconds until an interactive shell asks for a command."""
    start = time.monotonic()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execvp(argv[0], argv)
    seen = b""
    while b"$ " not in seen:
        if not select.select([terminal], [], [], 10)[0]:
            sys.exit("measure: %s shows no prompt: %r" % (" ".join(argv), seen))
        seen += os.read(terminal, 4096)
    took = time.monotonic() - start
    os.write(terminal, b"exit\n")
    try:
        while os.read(terminal, 4096):
            pass
    except OSError:  # how a terminal says that nobody has it any more
        pass
    os.waitpid(pid, 0)
    os.close(terminal)
    return took * 1000


class Stack:
    """A PAM service with the module or without it."""

    def __init__(self, service):
        self.path = "/etc/pam.d/" + service
        self.whole = open(self.path).read()
        self.bare = "".join(line for line in self.whole.splitlines(True) if "pam_carrel" not in line)
        if self.bare == self.whole:
            sys.exit("measure: %s has no line of the module" % self.path)

    def put(self, confined):
        with open(self.path + ".new", "w") as f:
            f.write(self.whole if confined else self.bare)
        os.rename(self.path + ".new", self.path)


SU = Stack("su")  # whose lines su-l includes


def su_login(user, with_us):
    SU.put(with_us)
    return first_prompt(["su", "-", user])


def ours():
    """pid -> (program, KiB that nobody else has), of everything of ours that runs; the helper's children are the helper."""
    found, parents = {}, {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            name = open("/proc/%s/comm" % pid).read().strip()
            if name.startswith("carrel-"):
                text = open("/proc/%s/smaps_rollup" % pid).read()
                parents[int(pid)] = int(open("/proc/%s/stat" % pid).read().split(") ")[1].split()[1])
                found[int(pid)] = name, sum(map(int, re.findall(r"^Private_(?:Clean|Dirty): +(\d+) kB$", text, re.M)))
        except OSError:  # it has ended meanwhile
            pass
    for pid in list(found):
        above = found.get(parents[pid])
        if above and found[pid][0] == above[0] == "carrel-helper":
            found[parents[pid]] = above[0], above[1] + found.pop(pid)[1]
    return found


def grown(before, after):
    """program -> KiB of each process that is new."""
    found = collections.defaultdict(list)
    for pid in sorted(after.keys() - before.keys()):
        found[after[pid][0]].append(after[pid][1])
    return dict(found)


def memory():
    idle = ours()
    first = Holder("dave")
    time.sleep(0.5)
    one = ours()
    second = Holder("dave")
    time.sleep(0.5)
    two = ours()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("su", ["su", "-", "dave"])
    while b"$ " not in os.read(terminal, 4096):
        pass
    time.sleep(0.5)
    door = ours()
    found = {"helper": grown({}, idle), "first ssh session": grown(idle, one), "next ssh session": grown(one, two),
             "su session": grown(two, door)}
    os.close(terminal)
    os.waitpid(pid, 0)
    first.end()
    second.end()
    return found


WAITS = {"epoll_wait", "recvmsg", "recvfrom", "wait4", "ppoll", "poll", "pselect6", "select", "clock_nanosleep", "exit_group",
         "rt_sigtimedwait", "restart_syscall"}


def calls():
    """Where a first session of ssh waits for the kernel: (call, how often, milliseconds), by a tracer that slows all of it."""
    pid = int(subprocess.check_output(["pgrep", "-o", "-x", "carrel-helper"]))
    with tempfile.NamedTemporaryFile() as out:
        tracer = subprocess.Popen(["strace", "-f", "-T", "-o", out.name, "-p", str(pid)], stdin=NULL, stderr=NULL)
        wait_until(lambda: "TracerPid:\t0" not in open("/proc/%d/status" % pid).read())
        subprocess.run([BENCH + "ask", "first", "alice", "sshd", "1"], stdout=NULL, check=True)
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        text = open(out.name, errors="replace").read()
    times = collections.defaultdict(list)
    for line in text.splitlines():
        match = re.search(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed>).*<([\d.]+)>$", line)
        if match and match.group(1) not in WAITS:
            times[match.group(1)].append(float(match.group(2)) * 1000)
    return sorted(((name, len(ms), sum(ms)) for name, ms in times.items()), key=lambda row: -row[2])[:12]


# --- what is said ---


def figure(ms):
    return {"median": round(statistics.median(ms), 3), "min": round(min(ms), 3), "times": len(ms)}


def added(found, name):
    """What a login takes more than without us: by the medians, and by the quickest of each."""
    return [of(found[name]) - of(found[name + " without"]) for of in (statistics.median, min)]


# What bwrap took on the machine on which budgets in milliseconds were set: they are parts of that, so that the same code
# keeps the same budget on a slower machine.
BWRAP_MS = 3.0


class Report:
    def __init__(self):
        self.data = {"times": collections.OrderedDict(), "budgets": []}
        self.bwrap = None  # median, here

    def time(self, name, ms):
        if ms:
            self.data["times"][name] = figure(ms)

    def budget(self, name, value, limit, unit):
        self.data["budgets"].append({"name": name, "value": value, "limit": limit, "unit": unit, "kept": value <= limit})

    def budget_of_times(self, name, median, least, limit):
        self.budget(name, round(median, 3), limit, "ms")
        row = self.data["budgets"][-1]
        row["min"] = round(least, 3)
        if self.bwrap:
            row["scaled"] = round(median * BWRAP_MS / self.bwrap, 3)
            row["kept"] = row["scaled"] <= limit

    def print(self):
        print("%-58s %9s %9s" % ("milliseconds", "median", "min"))
        for name, row in self.data["times"].items():
            print("  %-56s %9.3f %9.3f" % (name, row["median"], row["min"]))
        if self.data.get("bwrap ratio"):
            print("  a container, as a part of bwrap's time: %.2f" % self.data["bwrap ratio"])
        if self.data.get("argument rule ratio"):
            print("  a call that an argument rule allows ÷ bare: %.2f" % self.data["argument rule ratio"])
        for name, (least, ours) in self.data.get("filter ratios", {}).items():
            print("  %s: a filter that allows everything ÷ bare: %.3f; ours ÷ that: %.3f" % (name, least, ours))
        for name, times in self.data.get("strace ratios", {}).items():
            print("  %s, strace -f ÷ bare: %.1f" % (name, times))
        if self.data.get("memory"):
            print("\n%-58s %s" % ("memory of nobody else's, KiB", "processes"))
        for name, programs in self.data.get("memory", {}).items():
            said = ", ".join("%s %s" % (program, "+".join(map(str, kib))) for program, kib in programs.items())
            print("  %-56s %s" % (name + (" adds" if name != "helper" else ""), said or "none"))
        if self.data.get("calls"):
            print("\n%-58s %9s %9s" % ("where a first session waits for the kernel (traced)", "calls", "ms"))
            for name, count, ms in self.data["calls"]:
                print("  %-56s %9d %9.3f" % (name, count, ms))
        launches.print_all(self.data)
        print("\n%-52s %7s %7s %7s %7s" % ("budget", "is", "at best", "scaled", "may be"))
        for b in self.data["budgets"]:
            print("  %-50s %7g %7s %7s %7g %-6s %s" % (b["name"], b["value"], b.get("min", ""), b.get("scaled", ""),
                                                       b["limit"], b["unit"], "" if b["kept"] else "MISSED"))
        if self.bwrap:
            print("  scaled: as if bwrap took %.1f ms; here it took %.1f" % (BWRAP_MS, self.bwrap))


def services_start():
    os.makedirs("/etc/carrel", exist_ok=True)
    with open("/etc/carrel/carrel.conf", "w") as f:
        f.write(CONFIG + launches.CONFIG)
    launches.prepare()
    subprocess.run(["bash", "-c", ". %s && world_start && /usr/sbin/sshd-plain -f /etc/ssh/sshd_config.world -p 23"
                    " -E /var/log/sshd-plain.log; tests_finished=yes" % LIB], check=True, stdin=NULL, stdout=NULL)
    wait_until(lambda: any(name.endswith(".good") for name in os.listdir("/run/carrel/filters")))


def measure_logins(report, times):
    found, peers = steps(times)
    for name, ms in found.items():
        report.time("  " + name if name != "container" else "a container, built", ms)
    report.time("bwrap --unshare-all --ro-bind / / /bin/true", peers["bwrap"])
    report.time("/bin/true", peers["true"])
    built = statistics.median(found["container"])
    if peers["bwrap"]:
        report.bwrap = statistics.median(peers["bwrap"])
        report.data["bwrap ratio"] = round(built / report.bwrap, 3)
    report.budget_of_times("a user's first container, in the helper", built, min(found["container"]), 1.5)

    found = asked(times)
    for name, ms in found.items():
        report.time("in the module: " + name, ms)
    report.budget_of_times("joining", statistics.median(found["join"]), min(found["join"]), 0.15)

    found = logins(times, ssh_login)
    for name, ms in found.items():
        report.time("ssh USER@HOST true: " + name, ms)
    report.budget_of_times("added to an ssh login, the first session", *added(found, "first"), 4)
    report.budget_of_times("added to an ssh login, the next", *added(found, "next"), 1.5)

    found = logins(times, su_login)
    SU.put(True)
    for name, ms in found.items():
        report.time("su - USER, to the prompt: " + name, ms)
    report.budget_of_times("added to the first prompt of su, the first session", *added(found, "first"), 5)
    report.budget_of_times("added to the first prompt of su, the next", *added(found, "next"), 5)

    report.data["memory"] = found = memory()
    inits = found["first ssh session"].get("carrel-init", [])
    door = [kib for program in found["su session"].values() for kib in program]
    report.budget("processes of ours for the first ssh session", sum(map(len, found["first ssh session"].values())), 1, "(init)")
    report.budget("processes of ours for the next", sum(map(len, found["next ssh session"].values())), 0, "")
    report.budget("processes of ours for a su session", len(door), 2, "")
    report.budget("carrel-init", sum(inits), 60, "KiB")
    report.budget("door and relay", sum(door), 120, "KiB")
    if shutil.which("strace"):
        report.data["calls"] = calls()


def main():
    parser = argparse.ArgumentParser(prog="run", description="what Carrel costs on this machine")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--times", type=int, default=40, metavar="N", help="of everything (40)")
    parser.add_argument("--only", choices=["logins", "filters", "launches"], help="one of the three parts")
    options = parser.parse_args()
    try:  # before everybody else who runs on the machine; all that is started from here inherits it
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        os.nice(-10)
    report = Report()

    services_start()
    if options.only in (None, "logins"):
        measure_logins(report, options.times)
    if options.only in (None, "launches"):
        launches.measure_launches(report, options.times)
    if options.only in (None, "filters"):
        filters.measure_filters(report, options.times)

    if options.json:
        json.dump(report.data, sys.stdout, indent="\t")
        print()
    else:
        report.print()


if __name__ == "__main__":
    import filters  # which import this file
    import launches

    main()
