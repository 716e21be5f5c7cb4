# For the tests in the guest. Lines are numbered by tests/vm/run.
# shellcheck shell=sh

# Users of 00-setup: ada and ben are confined, dora is exempt.
out=/run/carrel-vm.out

pass() { echo "ok - $CARREL_VM_TEST: $1"; }

fail()
{
	echo "not ok - $CARREL_VM_TEST: $1"
	[ ! -s "$out" ] || sed 's/^/#   /' "$out" | head -n "${2:-20}"
}

# "as" brings its own time limit; timeout(1) cannot run a function.
bounded()
{
	if [ "$1" = as ]; then "$@"; else timeout -k 5 120 "$@"; fi
}

# check WHAT COMMAND...: the command succeeds within two minutes. Its output is in $out.
check()
{
	what=$1
	shift
	status=0
	bounded "$@" >"$out" 2>&1 </dev/null || status=$?
	echo "(status $status)" >>"$out"
	if [ "$status" = 0 ]; then pass "$what"; else fail "$what"; fi
}

# refuses WHAT COMMAND...: the command ran and failed; not found, killed, timed out or no login are no refusal.
refuses()
{
	what=$1
	shift
	status=0
	bounded "$@" >"$out" 2>&1 </dev/null || status=$?
	echo "(status $status)" >>"$out"
	if [ "$status" -ge 1 ] && [ "$status" -le 123 ]; then pass "$what"; else fail "$what"; fi
}

# no_login WHAT USER: sshd does not run the user's command anywhere.
no_login()
{
	rm -f "/home/$2/login.proof"
	status=0
	as "$2" 'touch login.proof' >"$out" 2>&1 || status=$?
	echo "(status $status)" >>"$out"
	if [ "$status" != 0 ] && [ "$status" != 124 ] && [ ! -e "/home/$2/login.proof" ]; then pass "$1"; else fail "$1"; fi
}

# is WHAT WANTED GOT
is()
{
	printf 'wanted: %s\ngot:    %s\n' "$2" "$3" >"$out"
	if [ "$2" = "$3" ]; then pass "$1"; else fail "$1"; fi
}

# isnt WHAT UNWANTED GOT: GOT is something, and something else.
isnt()
{
	printf 'unwanted: %s\ngot:      %s\n' "$2" "$3" >"$out"
	if [ -n "$3" ] && [ "$2" != "$3" ]; then pass "$1"; else fail "$1"; fi
}

# has WHAT PATTERN TEXT: the extended pattern is found in TEXT.
has()
{
	printf 'pattern: %s\nin:      %s\n' "$2" "$3" >"$out"
	if printf '%s\n' "$3" | grep -qE "$2"; then pass "$1"; else fail "$1"; fi
}

# until_true SECONDS COMMAND...: waits for something that comes by itself.
until_true()
{
	deadline=$(($(date +%s) + $1))
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -le "$deadline" ] || return 1
		sleep 0.2
	done
}

# typed LINE COMMAND...: for a terminal's input. Again until the command succeeds: login throws away what comes before it asks.
typed()
{
	line=$1
	shift
	until_true 120 typed_once "$@" 3>&1
}

typed_once()
{
	"$@" && return
	echo "$line" >&3
	sleep 1
	"$@"
}

# as USER COMMAND: logs in by sshd over the loopback, with a public key.
as()
{
	who=$1
	shift
	timeout -k 5 120 ssh -n -q -o BatchMode=yes -o ConnectTimeout=60 -o ControlMaster=no "$who@localhost" "$@"
}

# get USER COMMAND: the same, for $(...): never fails.
get()
{
	as "$@" 2>&1 || echo "(status $?)"
}

host_ns() { readlink /proc/1/ns/user; }

# Restores the state of before: no processes of the users anywhere, no session.
end_sessions()
{
	for who; do
		loginctl terminate-user "$who" 2>/dev/null || :
		until_true 5 no_process "$who" || pkill -KILL -u "$who"
		until_true 120 no_process "$who" || :
	done
}

no_process() { ! pgrep -u "$1"; }

# process_gone PID, no_session USER: for until_true.
process_gone() { [ ! -d "/proc/$1" ]; }
no_session() { ! loginctl --no-legend list-sessions | awk -v u="$1" '$3 == u' | grep -q .; }

# within SECONDS WHAT COMMAND...: becomes true by itself.
within()
{
	within=$1
	what=$2
	shift 2
	echo "not after $within s: $*" >"$out"
	if until_true "$within" "$@"; then pass "$what"; else fail "$what"; fi
}
