#!/bin/sh
# carrel trace: refused calls with their arguments and lines, answered as the filter says; the command otherwise undisturbed.

# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"

carrel=$build/carrel
etc=$tmp/etc
mkdir -p "$etc"
cp -R "$src/etc/filters" "$etc/filters"
printf '[profile shell]\n[assign]\n* = shell\n' >"$etc/carrel.conf"
cat >"$etc/filters/sharp.filter" <<'FILTER'
[filter]
include = default
refuse = mkdir:EROFS mkdirat:EROFS
kill = sethostname
FILTER

# trace ARGUMENT...: both streams, and the exit status as the last line.
trace() {
	timeout 60 "$carrel" trace --config "$etc" "$@" 2>&1 </dev/null
	echo "status $?"
}

t_match 'has help' "$(trace --help)" '^usage: carrel trace'
t_match 'names an unknown option' "$(trace --fliter x -- true)" 'fliter'
t_match 'an unknown option is wrong usage' "$(trace --fliter x -- true)" '^status 2$'
t_match 'no command is wrong usage' "$(trace)" '^status 2$'
t_match '--root takes yes or no' "$(trace --root maybe -- true)" '^status 2$'
t_match 'an unknown filter' "$(trace --filter none-such -- true)" "none-such"
t_match 'is no success' "$(trace --filter none-such -- true)" '^status 125$'

seen=$(trace -- true)
case $seen in
*'listens to this process'*) skip_rest 'needs to be no child of a seccomp listener' ;;
esac
t_match 'nothing refused is said as well' "$seen" "filter 'default' refused 0 calls"
t_match 'the status is that of the command' "$(trace -- sh -c 'exit 3')" '^status 3$'
# shellcheck disable=SC2016
t_match '128 and the signal that ended it' "$(trace -- sh -c 'kill -9 $$')" '^status 137$'
t_match 'a command that is not there' "$(trace -- no-such-command)" '^status 127$'

t_same 'without the filter the directory can be made' "$(mkdir "$tmp/dir" 2>&1)" ''
seen=$(trace --filter sharp -- mkdir "$tmp/dir2")
t_match 'a path is read from memory' "$seen" "^(mkdir|busybox)\[[0-9]+\] mkdir(at)?\((AT_FDCWD, )?\"$tmp/dir2\", 0777\) = EROFS  sharp.filter:3\$"
t_match 'the program gets that error' "$seen" 'Read-only file system'
t_match 'and ends with its own status' "$seen" '^status 1$'
t_not 'and the call was not made' test -e "$tmp/dir2"
trace --filter sharp -o "$tmp/out" -- mkdir "$tmp/dir2" >/dev/null
t_match '-o: the lines go there' "$(cat "$tmp/out")" ' = EROFS  sharp.filter:3$'

if command -v python3 >/dev/null 2>&1; then
	cat >"$tmp/calls.py" <<-'PYTHON'
		import ctypes, errno, os, socket, sys
		libc = ctypes.CDLL(None, use_errno=True)
		libc.syscall.argtypes = [ctypes.c_long] * 7
		def made(n, *a):
		    r = libc.syscall(n, *(a + (0,) * (6 - len(a))))
		    return 0 if r >= 0 else ctypes.get_errno()
		if sys.argv[1] == "kill":
		    libc.sethostname(b"x", 1)
		    print("survived")
		if sys.argv[1] == "thread":
		    import threading
		    t = threading.Thread(target=print, args=("in a thread",))
		    t.start()
		    t.join()
		if sys.argv[1] == "some":
		    print("unshare", libc.unshare(0x10020000), ctypes.get_errno())
		    try:
		        socket.socket(38, socket.SOCK_SEQPACKET)
		    except OSError as e:
		        print("alg", e.errno)
		    if os.uname().machine == "x86_64":
		        print("high", made(41, 40 + (1 << 32), 1, 0))
		    print("new", made(500))
		    for i in range(5):
		        libc.vhangup()
	PYTHON
	seen=$(trace -- python3 "$tmp/calls.py" some)
	t_match 'flags by name' "$seen" '\] unshare\(CLONE_NEWNS\|CLONE_NEWUSER\) = EPERM  default.filter:[0-9]+$'
	t_match 'a socket by name' "$seen" '\] socket\(AF_ALG, SOCK_SEQPACKET\|SOCK_CLOEXEC, 0\) = EAFNOSUPPORT  default.filter:[0-9]+$'
	t_match 'the program gets that error too' "$seen" '^alg 97$'
	if [ "$(uname -m)" = x86_64 ]; then
		t_match 'bits above an int are shown' "$seen" '\] socket\(AF_VSOCK\+0x100000000, SOCK_STREAM, 0\) = EAFNOSUPPORT'
	fi
	t_match 'a number that nobody knows' "$seen" '\] syscall_500\(.*\) = ENOSYS  '
	t_match 'and its error' "$seen" '^new 38$'
	t_match 'what was refused often is counted' "$seen" '^ +5  vhangup = EPERM by python3'
	seen=$(trace --filter sharp -- python3 "$tmp/calls.py" kill)
	t_match 'a call that kills' "$seen" '\] sethostname\("x", 1\) = killed  sharp.filter:4$'
	t_match 'kills' "$seen" '^status 159$'
	t_same 'at once' "$(printf '%s\n' "$seen" | grep -c survived)" 0
	t_match 'threads start although clone3 is not there' "$(trace -- python3 "$tmp/calls.py" thread)" '^in a thread$'
else
	skip 'calls with arguments' 'needs python3'
fi

# The kernel has one listener for a chain, and says EBUSY to the second.
t_match 'a listener below another one' "$(trace -- "$carrel" trace --config "$etc" -- true)" 'one listener: run it outside'
t_match 'is refused' "$(trace -- "$carrel" trace --config "$etc" -- true)" '^status 125$'
finish
