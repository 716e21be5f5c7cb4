"""filters - what a filter costs: a call, a program, compiling, a reload of many, learning. A part of measure.py.

Of a pair the two are run one after the other, and of all pairs the median of the ratios is reported.
"""
import os
import shutil
import signal
import statistics
import subprocess
import threading
import time

from measure import BENCH, CONFIG, Holder, spawned, ssh_login

FILTER = BENCH + "filter"
NAME = "default"
PROGRAM = "/run/carrel-bench.program"
WORK = "/var/tmp/carrel-bench"
CACHE = "/run/carrel/filters"
PROFILES = 200
MAKEFILE = """
OBJECTS = idrange.o idmap.o bpf_eval.o pamline.o
all: $(OBJECTS)
%.o: /usr/src/carrel/policy/%.c
	gcc -D_GNU_SOURCE -O2 -I/usr/src/carrel -c -o $@ $<
"""
PROGRAMS = [
    ("find /usr", ["find", "/usr", "-type", "f", "-size", "+1k"]),
    ("tar", ["sh", "-c", "tar -cPf - /usr/include /usr/share/perl* /usr/src | cat >/dev/null"]),
    ("a build", ["make", "-s", "-B", "-C", WORK]),
]
GIT = ("cd %s/tree && rm -rf .git && git init -q && git add -A && git -c user.name=a -c user.email=a@b commit -qm a && "
       "git status && git log -p | cat >/dev/null" % WORK)
# Of a second and more: what learning takes at the end, to read the programs, is told by "true".
LEARNT = [
    ("true", ["true"], None),
    ("find /usr", ["find", "/usr", "-type", "f", "-size", "+1k"], 1.1),
    ("tar", ["sh", "-c", "tar -cPf - /usr/share | cat >/dev/null"], 1.1),
    ("git", ["sh", "-c", GIT], 1.1),
]


def numbers(*argv):
    """What the bench program prints: a list of rows."""
    text = subprocess.check_output([FILTER] + [str(word) for word in argv], text=True)
    return [[float(word) for word in line.split()] for line in text.splitlines()]


def ratio(pairs):
    return statistics.median(dear / cheap for cheap, dear in pairs)


def budget_of_pairs(report, name, pairs, limit):
    """By the median of the ratios; at best, by the quickest of both."""
    report.budget(name, round(ratio(pairs), 4), limit, "times")
    report.data["budgets"][-1]["min"] = round(min(dear for _, dear in pairs) / min(cheap for cheap, _ in pairs), 4)


def prepare():
    os.makedirs(WORK, exist_ok=True)
    with open(WORK + "/Makefile", "w") as f:
        f.write(MAKEFILE)
    subprocess.run(["cp", "-r", "/usr/include/linux", WORK + "/tree"], check=True)
    subprocess.run([FILTER, "program", NAME, PROGRAM], check=True)


def calls_and_programs(report, times):
    rows = numbers("loop", NAME, times)
    for column, name in enumerate(("an allowed call, bare", "an allowed call", "with an argument rule, bare",
                                   "with an argument rule")):
        report.time("%s (in microseconds)" % name, [row[column] / 1000 for row in rows])
    budget_of_pairs(report, "an allowed call, tightest loop", [row[:2] for row in rows], 1.15)
    report.data["argument rule ratio"] = round(ratio([row[2:] for row in rows]), 3)

    for name, argv in PROGRAMS:
        kinds = ["-", "+", PROGRAM]
        found = {kind: [] for kind in kinds}
        for turn in range(times + 1):
            for kind in kinds[turn % 3:] + kinds[:turn % 3]:
                took = spawned([FILTER, "run", kind] + argv)
                if turn > 0:  # the first turn warms the caches
                    found[kind].append(took)
        bare, least, ours = (found[kind] for kind in kinds)
        report.time(name + ", bare", bare)
        report.time(name + ", with a filter that allows everything", least)
        report.time(name + ", with a filter", ours)
        # What no filter can be cheaper than is told apart from what this one adds.
        report.data.setdefault("filter ratios", {})[name] = [round(ratio(zip(bare, least)), 4), round(ratio(zip(least, ours)), 4)]
        budget_of_pairs(report, "%s with a filter" % name, list(zip(bare, ours)), 1.02)

    for what, limit, divisor in (("attach", 0.2, 1000), ("compile", 150, 1)):
        ms = [row[0] / divisor for row in numbers(what, NAME, times)]
        title = {"attach": "attaching", "compile": "compiling %s, with its proof" % NAME}[what]
        report.time(title, ms)
        report.budget_of_times(title, statistics.median(ms), min(ms), limit)


def write_profiles():
    """As many filters as profiles, and all differ."""
    text = CONFIG
    for number in range(PROFILES):
        with open("/etc/carrel/filters/bench%d.filter" % number, "w") as f:
            f.write("[filter]\n# %d\ninclude = %s\nrefuse = kcmp\n" % (number, NAME))
        text = "[profile bench%d]\nfilter = bench%d\n\n" % (number, number) + text
    with open("/etc/carrel/carrel.conf", "w") as f:
        f.write(text)


def compiled_profiles():
    return sum(name.startswith("bench") and name.endswith(".good") for name in os.listdir(CACHE))


def reload(report, times):
    """The next sessions of a user who is logged in: before, and while all the filters are compiled."""
    holder = Holder("bob")
    quiet = [ssh_login("bob", True) for _ in range(times)]
    helper = int(subprocess.check_output(["pgrep", "-o", "-x", "carrel-helper"]))
    write_profiles()
    ended = []

    def watch():
        while compiled_profiles() < PROFILES and time.monotonic() < start + 60:
            time.sleep(0.01)
        ended.append(time.monotonic())

    start = time.monotonic()
    os.kill(helper, signal.SIGHUP)
    watcher = threading.Thread(target=watch)
    watcher.start()
    busy = []
    while watcher.is_alive():
        busy.append(ssh_login("bob", True))
    watcher.join()
    holder.end()
    found = compiled_profiles()
    report.time("ssh USER@HOST true, before a reload", quiet)
    report.time("ssh USER@HOST true, while %d of %d filters are compiled" % (found, PROFILES), busy)
    report.time("the first of them", busy[:1])
    report.time("the slowest of them", [max(busy)])
    report.budget("%d profiles, each with its filter, reloaded" % found, round(ended[0] - start, 2), 10, "s")
    slower = statistics.median(busy) / statistics.median(quiet)
    report.budget("a login meanwhile, of one before", round(slower, 3), 2, "times")


def learning(report, times):
    # The proof would be a second run.
    learn = ["carrel", "learn", "--no-proof", "--force", "-o", WORK + "/learnt.filter", "--"]
    ways = {"bare": [], "carrel learn": learn}
    if shutil.which("strace"):
        ways["strace -f"] = ["strace", "-f", "-o", "/dev/null"]
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))  # in the other class a tracer waits for its tracee
    for name, argv, limit in LEARNT:
        if name == "git" and not shutil.which("git"):
            continue
        found = {way: [] for way in ways}
        for turn in range(times + 1):
            for way, prefix in ways.items():
                if way == "strace -f" and turn != 1:  # takes minutes, and nobody's budget hangs on it
                    continue
                took = spawned(prefix + argv, silent=(0, 1, 2))
                if turn > 0:
                    found[way].append(took)
        for way, ms in found.items():
            report.time("to learn: %s, %s" % (name, way), ms)
        if limit:
            budget_of_pairs(report, "%s, learnt" % name, list(zip(found["bare"], found["carrel learn"])), limit)
        if "strace -f" in found:
            pairs = list(zip(found["bare"], found["strace -f"]))
            report.data.setdefault("strace ratios", {})[name] = round(ratio(pairs), 3)
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def measure_filters(report, times):
    prepare()
    calls_and_programs(report, times)
    learning(report, max(3, times // 8))
    reload(report, times)
