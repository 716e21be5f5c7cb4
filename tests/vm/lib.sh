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

# check WHAT COMMAND...: the command succeeds within 60 s. Its output is in $out.
check()
{
	what=$1
	shift
	if timeout -k 5 60 "$@" >"$out" 2>&1 </dev/null; then
		pass "$what"
	else
		echo "(status $?)" >>"$out"
		fail "$what"
	fi
}

# refuses WHAT COMMAND...: the command fails, and by itself, not by our patience.
refuses()
{
	what=$1
	shift
	status=0
	timeout -k 5 60 "$@" >"$out" 2>&1 </dev/null || status=$?
	case $status in
	0|124|137)
		echo "(status $status)" >>"$out"
		fail "$what"
		;;
	*) pass "$what" ;;
	esac
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
	left=$(($1 * 5))
	shift
	while ! "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || return 1
		sleep 0.2
	done
}

# as USER COMMAND: logs in by sshd over the loopback, with a public key.
as()
{
	who=$1
	shift
	timeout -k 5 60 ssh -n -q -o BatchMode=yes -o ConnectTimeout=20 -o ControlMaster=no "$who@localhost" "$@"
}

# get USER COMMAND: the same, for $(...): never fails.
get()
{
	as "$@" 2>&1 || echo "(status $?)"
}

host_ns() { readlink /proc/1/ns/user; }

# Restores the state of before: no processes of the user anywhere, no session.
end_sessions()
{
	for who; do
		loginctl terminate-user "$who" 2>/dev/null || :
		until_true 10 sh -c "! /opt/carrel-vm/guest-scan all $who | grep -q ." || :
	done
}
