#!/bin/sh
# carrel learn: what it hears, reads, writes and merges; how the command runs; and whether a filter learned from one use of
# a program holds for its other uses.

# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"

carrel=$build/carrel
etc=$tmp/etc
mkdir -p "$etc" "$tmp/work" "$tmp/home"
cp -R "$src/etc/filters" "$etc/filters"
printf '[profile shell]\n[assign]\n* = shell\n' >"$etc/carrel.conf"
export HOME="$tmp/home" LC_ALL=C GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
cd "$tmp/work" || exit 1

# learn ARGUMENT...: both streams, and the exit status as the last line.
learn() {
	timeout 120 "$carrel" learn --config "$etc" "$@" 2>&1 </dev/null
	echo "status $?"
}

if [ "$(learn --no-proof -o "$tmp/try" -- true | tail -n 1)" != 'status 0' ]; then
	if learn --no-proof -- true | grep -q 'listens to this process'; then
		skip_rest 'needs to be no child of a seccomp listener'
	fi
fi

# ---- the command line ----

t_match 'has help' "$(learn --help)" '^usage: carrel learn'
t_match 'names an unknown option' "$(learn --mrege x -- true)" 'mrege'
t_match 'an unknown option is wrong usage' "$(learn --mrege x -- true)" '^status 2$'
t_match 'no command is wrong usage' "$(learn)" '^status 2$'
t_match 'no run at all is wrong usage' "$(learn --runs 0 -- true)" '^status 2$'
echo mine >"$tmp/mine"
t_match 'writes over nothing' "$(learn -o "$tmp/mine" -- true)" "$tmp/mine exists"
t_same 'and leaves it as it was' "$(cat "$tmp/mine")" mine
t_match 'unless it is told to' "$(learn --no-proof --force -o "$tmp/mine" -- true)" '^status 0$'
t_match 'and then does' "$(cat "$tmp/mine")" '^; learnt 1$'

t_match 'a directory that is not there is said before it runs' \
	"$(learn -o "$tmp/no/such" -- touch "$tmp/ran")" 'no/such: cannot be written'
t_match 'and what is no file' "$(learn --force -o /dev/null -- touch "$tmp/ran")" 'no regular file'
t_not 'so that nothing runs' test -e "$tmp/ran"
t_match 'a name that nobody finds is said' "$(learn --no-proof -o "$tmp/Odd" -- true)" 'only files called NAME.filter'

# ---- how the command runs ----

t_match 'the status is that of the command' "$(learn --no-proof -o "$tmp/s3" -- sh -c 'exit 3')" '^status 3$'
# shellcheck disable=SC2016
t_match '128 and the signal that ended it' "$(learn --no-proof -o "$tmp/s9" -- sh -c 'kill -9 $$')" '^status 137$'
t_match 'a command that is not there' "$(learn --no-proof -o "$tmp/none" -- no-such-command)" '^status 127$'
t_match 'is named' "$(learn -- no-such-command)" "cannot execute 'no-such-command'"
t_match 'a file that is no program' "$(learn -- "$src/README.md")" '^status 12[67]$'
t_not 'and nothing is written' test -e "$tmp/none"
t_same 'the command has its input and its output' \
	"$(echo hello | timeout 60 "$carrel" learn --no-proof -o "$tmp/cat" --config "$etc" -- cat 2>/dev/null)" hello
# shellcheck disable=SC2016
# Not below timeout, which would send it to the whole group.
"$carrel" learn --no-proof --config "$etc" -o "$tmp/term" -- sh -c \
	'sleep 60 & sleeper=$!; trap "kill $sleeper; exit 7" TERM; : >ready; wait' \
	2>/dev/null &
learner=$!
until [ -e ready ] || ! kill -0 "$learner" 2>/dev/null; do
	sleep 0.1
done
kill -TERM "$learner"
wait "$learner"
t_same 'a signal to us is passed on' "$?" 7
# What the command left behind is heard as well: it makes its call after the command has ended, and after that was said.
# shellcheck disable=SC2016
learn --no-proof -o "$tmp/late" -- sh -c \
	'(i=0; until grep -q waiting said || [ $i -ge 300 ]; do sleep 0.2; i=$((i + 1)); done; nice true) & exit 0' >said
seen=$(cat said)
t_match 'waits for what is left running' "$(cat "$tmp/late")" '^allow = [sg]etpriority .*; seen 1 of 1 runs: (nice|coreutils|busybox)'
t_match 'and says so' "$seen" 'go(es)? on; waiting'

# ---- what is heard and written ----

if command -v python3 >/dev/null 2>&1; then
	cat >use.py <<-'PYTHON'
		import ctypes, socket, sys
		libc = ctypes.CDLL(None)
		socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
		try:
		    socket.socket(38, socket.SOCK_SEQPACKET)
		except OSError:
		    pass
		if "ns" in sys.argv:
		    libc.unshare(0x400)
		libc.personality(0xffffffff)
	PYTHON
	seen=$(learn -o "$tmp/use.filter" -- python3 use.py)
	text=$(cat "$tmp/use.filter")
	t_match 'a call that was seen, with its program' "$text" '^allow = socket +; seen 1 of 1 runs: python3'
	t_match 'the values of its argument' "$text" '^; values of socket.domain: AF_INET6 AF_ALG$'
	t_match 'make the rule wider' "$text" '^socket.domain = AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_ALG else'
	t_match 'relatives' "$text" '^allow = getpeername +; [a-z]+'
	t_match 'what the code can do' "$text" '^allow = setpriority +; (static: |family)'
	t_match 'what is dangerous waits' "$text" '^; allow = chroot +; waits, static: '
	t_match 'the libraries it loaded' "$text" '^; file /.*libc[.-]'
	t_match 'wider than default is named' "$text" '^;   socket.domain AF_ALG$'
	t_match 'and said' "$seen" 'wider than default: socket.domain AF_ALG'
	t_match 'the proof holds' "$seen" 'proof: under the filter it ends as before'
	t_match 'the status after a good proof' "$seen" '^status 0$'
	t 'the text is a good filter' "$carrel" trace --config "$etc" --filter "$tmp/use.filter" -- true

	seen=$(learn --merge "$tmp/use.filter" -o "$tmp/use.filter" -- python3 use.py ns)
	text=$(cat "$tmp/use.filter")
	t_match 'merging counts runs' "$text" '^; runs 2$'
	t_match 'a call of both' "$text" '^allow = socket +; seen 2 of 2 runs: python3'
	t_match 'a call of one' "$text" '^allow = unshare +; seen 1 of 2 runs: python3'
	t_match 'flags that were seen' "$text" '^; values of unshare.flags: CLONE_FILES$'
	t_match 'and both commands' "$text" '^; command python3 use.py ns$'
	t_match 'what waited still waits' "$text" '^; allow = chroot '
	sed 's/^; allow = chroot/allow = chroot/' "$tmp/use.filter" >"$tmp/approved.filter"
	seen=$(learn --no-proof --runs 2 --merge "$tmp/approved.filter" -o "$tmp/three.filter" -- true)
	t_match 'what somebody approved is allowed from then on' "$(cat "$tmp/three.filter")" '^allow = chroot '
	t_match 'runs of --runs count' "$(cat "$tmp/three.filter")" '^; runs 4$'
	echo 'allow = mount' >>"$tmp/approved.filter"
	t_match 'a line of another hand is refused, with its number' \
		"$(learn --no-proof --merge "$tmp/approved.filter" -- true)" 'approved.filter:[0-9]+: .allow = mount'
	t_match 'a text of another hand as well' "$(learn --no-proof --merge "$etc/filters/default.filter" -- true)" \
		'default.filter:[0-9]+: '
	t_match 'and that is no success' "$(learn --no-proof --merge "$etc/filters/default.filter" -- true)" '^status 125$'

	# Arguments that act on others are allowed to whoever used them; the rest of each call is not told apart.
	cat >reach.py <<-'PYTHON'
		import ctypes, os, signal, sys, time
		libc = ctypes.CDLL(None, use_errno=True)
		child = os.fork()
		if child == 0:
		    time.sleep(60)
		if len(sys.argv) > 1:
		    libc.ptrace(int(sys.argv[1], 0), child, None, None)
		libc.prctl(15, b"renamed", 0, 0, 0)
		os.kill(child, signal.SIGKILL)
		os.waitpid(child, 0)
	PYTHON
	learn --no-proof -o "$tmp/reach.filter" -- python3 reach.py 0x4206 >/dev/null
	text=$(cat "$tmp/reach.filter")
	t_match 'taking hold of a process was seen' "$text" '^; values of ptrace.request: PTRACE_SEIZE$'
	t_match 'and is all that is let' "$text" '^ptrace.request = not PTRACE_ATTACH$'
	t_match 'options of prctl that reach far are named' "$text" '^prctl.option = not PR_SET_MM PR_SET_SECUREBITS'
	t_same 'and the common ones are nobody'"'"'s concern' "$(printf '%s\n' "$text" | grep -c '^; values of prctl')" 0
	seen=$("$carrel" trace --config "$etc" --filter "$tmp/reach.filter" -- python3 reach.py 0x4206 2>&1)
	t_match 'what was seen passes' "$seen" "refused 0 calls"
	seen=$("$carrel" trace --config "$etc" --filter "$tmp/reach.filter" -- python3 reach.py 0x10 2>&1)
	t_match 'another way to take hold is refused' "$seen" '^python3.*ptrace\(PTRACE_ATTACH.* = EPERM  reach.filter:[0-9]+$'

	# A call that only the second run makes: with the number that came first in a file.
	cat >twice.py <<-'PYTHON'
		import ctypes, os
		if os.path.exists("been"):
		    if ctypes.CDLL(None).unshare(0x400) != 0:
		        raise SystemExit(4)
		open("been", "w")
	PYTHON
	seen=$(learn -o "$tmp/twice.filter" -- python3 twice.py)
	t_match 'a proof that fails says so' "$seen" 'the proof FAILED: status 4 under the filter, 0 without'
	t_match 'and names the call' "$seen" 'refused 1 times: unshare by python3'
	t_match 'and is no success' "$seen" '^status 125$'

	timeout 60 "$carrel" learn --json --config "$etc" -- python3 use.py >"$tmp/json" 2>/dev/null </dev/null
	t '--json: one object with all of it' python3 - "$tmp/json" <<-'PYTHON'
		import json, sys
		o = json.load(open(sys.argv[1]))
		calls = {c["call"]: c for c in o["calls"]}
		assert calls["socket"]["source"] == "seen" and calls["socket"]["runs"] == 1
		assert calls["socket"]["count"] >= 2 and calls["socket"]["allowed"]
		assert calls["chroot"]["source"] == "waiting" and not calls["chroot"]["allowed"]
		assert o["arguments"]["socket.domain"] == ["AF_INET6", "AF_ALG"]
		assert o["proof"]["ok"] and o["rating"]["wider"] == ["socket.domain AF_ALG"]
		assert o["filter"].startswith("; Made by") and o["status"] == 0
	PYTHON
else
	skip 'what is heard and written' 'needs python3'
fi

# A call by the other ABI: only a filter that lets it in can be proven.
cat >other.c <<'C'
int main(void)
{
	int pid;
	__asm__ volatile("int $0x80" : "=a"(pid) : "a"(20) : "memory");
	return pid > 0 ? 0 : 2;
}
C
if [ "$(uname -m)" = x86_64 ] && gcc -o other other.c 2>/dev/null && ./other; then
	seen=$(learn -o "$tmp/other.filter" -- ./other)
	t_match 'calls of 32-bit programs open the filter for them' "$(cat "$tmp/other.filter")" '^arches = native i386 ; seen 1 of 1 runs'
	t_match 'and it holds' "$seen" 'proof: under the filter it ends as before'
	t_match 'and can be merged' "$(learn --merge "$tmp/other.filter" -- ./other)" '^arches = native i386 ; seen 2 of 2 runs'
else
	skip 'calls of 32-bit programs' 'needs gcc, x86-64 and a kernel with 32-bit calls'
fi
t_match 'who wants to listen hears that it cannot' \
	"$(learn --no-proof -o "$tmp/nested" -- "$carrel" trace --config "$etc" -- true)" 'wanted to be a listener itself'

# ---- what sessions were observed to do ----

# record SESSION PROGRAM NUMBER CODE [USER]
record() {
	printf 'type=SECCOMP msg=audit(1795305131.%d:%d): auid=%s uid=1000 gid=1000 ses=%s pid=7 comm="x" exe="%s" sig=0 arch=c000003e syscall=%s compat=0 ip=0x7f code=%s\n' \
		"$1" "$1$3" "${5:-1000}" "$1" "$2" "$3" "$4"
}
{
	record 3 /usr/bin/mount 165 0x7ffc0000
	record 4 /usr/bin/mount 165 0x7ffc0000
	record 4 /usr/bin/python3 41 0x7ffc0000
	record 4 /usr/bin/python3 101 0x50000
	record 5 /usr/bin/x 272 0x7ffc0000 1001
} >"$tmp/records"
seen=$(learn --observed 1000 --from "$tmp/records" -o "$tmp/observed.filter")
t_match 'observed: is written' "$seen" '^status 0$'
seen=$(cat "$tmp/observed.filter")
t_match 'observed: a call, with how many sessions made it' "$seen" '^allow = mount +; seen in 2 of 2 sessions: mount$'
t_match 'observed: an argument that no log tells' "$seen" '^; socket was made with an argument that default refuses, in 1 of 2'
t_same 'observed: neither what was refused nor other users' "$(printf '%s\n' "$seen" | grep -Ec 'ptrace|unshare')" 0
t 'observed: the text is a good filter' "$carrel" trace --config "$etc" --filter "$tmp/observed.filter" -- true
t_match 'observed: nothing logged' "$(learn --observed 1002 --from "$tmp/records")" 'nothing was logged'
t_match 'observed: is no success' "$(learn --observed 1002 --from "$tmp/records")" '^status 125$'
t_match 'observed: runs no command' "$(learn --observed 1000 --from "$tmp/records" -- true)" '^status 2$'
t_match 'observed: --from goes with it alone' "$(learn --from "$tmp/records" -- true)" '^status 2$'

# ---- recall: learned from one use, held to in others ----

cat >one.c <<'C'
#include <pthread.h>
#include <stdio.h>
static void *thread(void *p) { return p; }
int main(void) { pthread_t t; pthread_create(&t, 0, thread, 0); pthread_join(t, 0); return puts("hello") < 0; }
C
printf 'all: one.o\n\techo made\none.o: one.c\n\tcp one.c one.o\nclean:\n\trm -f one.o\n' >Makefile
mkdir -p tree/a tree/b && echo x >tree/a/x && ln -sf x tree/a/y && echo y >tree/b/y
if command -v git >/dev/null 2>&1; then
	(git init -q r && cd r && echo a >a && git add a && git commit -qm one) || exit 1
fi
cat >One.java <<'JAVA'
public class One { public static void main(String[] a) throws Exception {
	Thread t = new Thread(() -> System.out.println("hello")); t.start(); t.join();
	new java.net.ServerSocket(0).close(); new ProcessBuilder("true").start().waitFor();
	java.nio.file.Files.list(java.nio.file.Path.of(".")).count();
} }
JAVA

# Each use finds the same files.
fresh() {
	cd "$tmp" && rm -rf "$tmp/run" && cp -R "$tmp/work" "$tmp/run" && cd "$tmp/run" || exit 1
}

# holds NAME COMMAND...: under the learned filter it ends as it does without, and nothing was refused but what never is there.
holds() {
	name=$1
	shift
	fresh
	timeout 120 "$@" >"$tmp/bare.out" 2>&1 </dev/null
	bare=$?
	fresh
	timeout 120 "$carrel" trace --config "$etc" --filter "$tmp/$name.filter" -o "$tmp/refused" -- "$@" \
		>"$tmp/under.out" 2>&1 </dev/null
	under=$?
	refused=$(grep -Ev '= ENOSYS|^carrel trace|^ +[0-9]+ ' "$tmp/refused")
	if [ "$bare" = "$under" ] && [ -z "$refused" ]; then
		pass "$name: $*"
	else
		fail "$name: $*" "status $under, bare $bare; refused: $refused
$(head -n 5 "$tmp/under.out")"
	fi
}

# recall NAME PROGRAM COMMAND...: learns, from one use; then the lines of standard input are the other uses.
recall() {
	name=$1
	program=$2
	shift 2
	fresh
	if ! command -v "$program" >/dev/null 2>&1 || ! "$@" >/dev/null 2>&1 </dev/null; then
		skip "recall of $name" "needs a $program that works"
		return
	fi
	fresh
	learn --no-proof --force -o "$tmp/$name.filter" -- "$@" >"$tmp/learned" 2>&1
	t_match "$name: learns from '$*'" "$(cat "$tmp/learned")" '^status 0$'
	t "$name: 'carrel filter test' takes it" "$carrel" filter test --config "$etc" "$tmp/$name.filter" -- true
	while IFS= read -r use; do
		holds "$name" sh -c "$use"
	done
}

recall bash bash bash -c 'echo hello' <<'USES'
bash -c 'for i in 1 2 3; do echo $i; done | sort | wc -l'
bash -c 'x=$(date +%s); exec 3<>one.c; read -r l <&3; echo "$l" "$x"'
bash -c 'trap "echo bye" EXIT; (sleep 0.1) & wait; ulimit -c 0; umask 022'
bash -c 'cat <(echo a) <(echo b); kill -0 $$; printf "%s\n" ./*'
bash -ic 'set -m; sleep 0.1 & fg; true'
bash -c 'exec 5<>/dev/tcp/127.0.0.1/9; true'
USES

recall git git git --version <<'USES'
git init -q n && cd n && echo a >a && git add a && git commit -qm one && git status --short
cd r && git log -p && git branch b && git checkout -q b && echo b >b && git add b && git commit -qm two && git diff HEAD~
cd r && git gc -q && git fsck && git clone -q . ../r2 && git -C ../r2 fetch -q && git grep -c a
cd r && git stash list && git archive HEAD | tar tf - && git rebase -q master || true
git ls-remote git://127.0.0.1:9/none
USES

recall tar tar tar cf t.tar tree <<'USES'
tar cf u.tar tree && tar tvf u.tar
mkdir -p out && tar cf u.tar tree && tar xf u.tar -C out && tar df u.tar
tar czf u.tgz tree && tar tzf u.tgz
tar --xattrs --sparse -cf s.tar tree && tar xpf s.tar -C out --same-owner
tar cf u.tar tree && tar --delete -f u.tar tree/a/x
USES

recall python3 python3 python3 -c 'print(1)' <<'USES'
python3 -c 'import threading; t = threading.Thread(target=print); t.start(); t.join()'
python3 -c 'import subprocess; print(subprocess.run(["ls"], capture_output=True).returncode)'
python3 -c 'import socket; a, b = socket.socketpair(); a.send(b"x"); print(b.recv(1)); s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()'
python3 -c 'import multiprocessing as m; p = m.Process(target=print); p.start(); p.join(); print(m.cpu_count())'
python3 -c 'import asyncio, tempfile, shutil, sqlite3; asyncio.run(asyncio.sleep(0)); shutil.rmtree(tempfile.mkdtemp()); sqlite3.connect("x.db").execute("create table if not exists t(a)")'
python3 -c 'import mmap, select, signal, os; mmap.mmap(-1, 4096); select.epoll(); os.nice(1); os.sched_setaffinity(0, os.sched_getaffinity(0))'
python3 -c 'import os, pty, resource; resource.getrlimit(0); os.openpty(); os.pipe(); os.setpgid(0, 0)'
USES

recall gcc gcc gcc -E one.c <<'USES'
gcc -o one one.c -pthread && ./one
gcc -O2 -c one.c && gcc -S -g one.c && gcc -M one.c
gcc -shared -fPIC -o one.so one.c && gcc -save-temps -pipe -c one.c
gcc -c no-such-file.c
USES

recall ssh-keygen ssh-keygen ssh-keygen -q -t ed25519 -N '' -f k0 <<'USES'
ssh-keygen -q -t rsa -b 2048 -N x -f k2 && ssh-keygen -l -f k2.pub
ssh-keygen -q -t ecdsa -N '' -f k1 && ssh-keygen -y -f k1; ssh-keygen -R host -f known; true
USES

recall ssh ssh ssh -G localhost <<'USES'
ssh -V
ssh -oBatchMode=yes -oConnectTimeout=2 -p 9 127.0.0.1 true
ssh -oBatchMode=yes -oProxyCommand=false 127.0.0.1 true
USES

recall tmux tmux tmux -f /dev/null -S "$tmp/sock1" new-session -d true <<'USES'
tmux -V
w='until test -e go; do sleep 0.1; done'; t='tmux -f /dev/null -S s2'; $t new-session -d "$w" \; list-sessions \; split-window "$w" && : >go && while $t list-sessions; do sleep 0.1; done
tmux -f /dev/null -S s3 new-session -d 'cat' \; send-keys x Enter \; run-shell -b true \; kill-server
USES

recall make make make <<'USES'
make clean && make -j4
make -n && make -p >/dev/null && make -k nothing
USES

recall node node node -e 'console.log(1)' <<'USES'
node -e 'require("fs").readFile("one.c", () => console.log(2))'
node -e 'const s = require("net").createServer().listen(0, () => s.close())'
node -e 'require("child_process").execSync("ls"); new (require("worker_threads").Worker)("", { eval: true })'
node -e 'require("dns").lookup("localhost", () => 0); require("crypto").randomBytes(8); setTimeout(() => 0, 10)'
USES

recall java java java -version <<'USES'
java One.java
java -Xmx64m -XX:+UseSerialGC One.java
USES
finish
