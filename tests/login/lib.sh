# lib.sh - what the login tests share. Runs as root in a world (tests/lib/world.sh), never on the machine itself.
# shellcheck shell=bash

set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LC_ALL=C.UTF-8
# shellcheck source=tests/lib/test.sh
. "$here/../lib/test.sh"
# The users of a world must be able to read what a test leaves for them.
chmod 755 "$tmp"

# t_fails NAME COMMAND…: it ends with any status but 0; ssh says 255.
t_fails()
{
	local name=$1 out
	shift
	if out=$("$@" 2>&1 </dev/null); then fail "$name" "status 0: $out"; else pass "$name"; fi
}

# t_lacks NAME TEXT ERE: no line matches.
t_lacks()
{
	if grep -Eq -e "$3" <<<"$2"; then fail "$1" "a line matches '$3' in: $2"; else pass "$1"; fi
}

# Last line of every test. What the services said goes after a failure: the world is gone in a moment.
test_finish()
{
	if [ "$tests_failed" != 0 ]; then
		for log in /var/log/world.log /var/log/helper.log /var/log/sshd-*.log; do
			[ ! -s "$log" ] || grep -v pam_env "$log" | tail -n 15 | sed "s|^|# ${log##*/}: |"
		done
	fi
	finish
}

# wait_until COMMAND…: at most a minute, which only what never comes takes: a machine may have much else to do.
wait_until()
{
	local end=$((SECONDS + 60))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# --- who runs where -------------------------------------------------------------------------------------------------

# A user namespace is told by its inode: user:[4026531837].
host_userns=$(readlink /proc/self/ns/user)

# userns_of PID
userns_of()
{
	readlink "/proc/$1/ns/user"
}

# owner_of PID: of its user namespace.
owner_of()
{
	python3 -c '
import fcntl, os, struct, sys
fd = os.open("/proc/%s/ns/user" % sys.argv[1], os.O_RDONLY)
print(struct.unpack("I", fcntl.ioctl(fd, 0xb704, b"\0\0\0\0"))[0])' "$1" # NS_GET_OWNER_UID
}

# inside NAME USERNS: the namespace is one, and not the machine's.
inside()
{
	case $2 in
	"$host_userns") fail "$1" "in the user namespace of the machine" ;;
	'user:['*) pass "$1" ;;
	*) fail "$1" "not a user namespace: '$2'" ;;
	esac
}

# outside NAME USERNS
outside()
{
	t_same "$1" "$2" "$host_userns"
}

# Processes of a user in the machine's user namespace that are not the door, whatever name it was called by.
host_processes_of()
{
	local uid pid
	uid=$(id -u "$1")
	for pid in $(ps -eo pid=,uid= | awk -v u="$uid" '$2 == u { print $1 }'); do
		[ "$(userns_of "$pid" 2>/dev/null)" = "$host_userns" ] || continue
		cmp -s "/proc/$pid/exe" /usr/libexec/carrel/carrel-door || ps -o pid=,comm=,args= -p "$pid"
	done
}

# Pids of all doors.
doors()
{
	local exe
	for exe in /proc/[0-9]*/exe; do
		cmp -s "$exe" /usr/libexec/carrel/carrel-door && tr -dc 0-9 <<<"$exe" && echo
	done
}

# no_host_execution NAME FILE: FILE is where the user's own program would have left the name of its user namespace.
no_host_execution()
{
	if [ -e "$2" ] && grep -qF "$host_userns" "$2"; then
		fail "$1" "ran outside: $(cat "$2")"
	else
		pass "$1"
	fi
}

# --- services -------------------------------------------------------------------------------------------------------

helper=/usr/libexec/carrel/carrel-helper
socket=/run/carrel/helper.sock

# Everything that was sent to /dev/log so far is in the file: what comes after the mark was said later.
log_settled()
{
	marks=$((${marks:-0} + 1))
	logger --socket /dev/log -t mark "$$ $marks"
	wait_until grep -q "mark.*: $$ $marks\$" /var/log/world.log
}

# t_logged NAME ERE [SAID]: what was said, or the log by and by, matches.
t_logged()
{
	wait_until grep -Eqh -e "$2" - /var/log/world.log /var/log/helper.log <<<"${3:-}"
	t_match "$1" "${3:-}
$(cat /var/log/world.log /var/log/helper.log)" "$2"
}

syslog_start()
{
	[ -S /dev/log ] || python3 "$here/tool/syslogd.py" /dev/log /var/log/world.log &
	wait_until test -S /dev/log
}

# Starts the helper, pid in $helper_pid. A command before it ("strace …") may be given. Not as a job of this shell, which
# would report each of its deaths.
helper_start()
{
	local end=$((SECONDS + 60))
	# shellcheck disable=SC2016 # the inner shell expands these
	helper_pid=$(sh -c 'log=$1; shift; "$@" >>"$log" 2>&1 </dev/null & echo $!' sh /var/log/helper.log "$@" "$helper" --listen)
	until [ -S "$socket" ] && helper_answers; do
		if [ $SECONDS -ge $end ] || ! kill -0 "$helper_pid" 2>/dev/null; then
			echo "# the helper does not start: $(tail -n 3 /var/log/helper.log)"
			return 1
		fi
		sleep 0.05
	done
}

helper_answers()
{
	perl -MSocket -e 'socket(S, AF_UNIX, SOCK_SEQPACKET, 0) && connect(S, pack_sockaddr_un($ARGV[0])) or exit 1' "$socket" 2>/dev/null
}

# helper_stop [SIGNAL]: and what it leaves of its socket.
helper_stop()
{
	kill "${1:--TERM}" "$helper_pid" 2>/dev/null
	wait_until helper_gone
	rm -f "$socket"
}

helper_gone()
{
	! kill -0 "$helper_pid" 2>/dev/null
}

# sshd_start [PORT [OPTION…]]: 22, with internal-sftp; its log is /var/log/sshd-PORT.log.
sshd_start()
{
	local port=${1:-22}
	shift $(($# > 0))
	/usr/sbin/sshd -f /etc/ssh/sshd_config.world -p "$port" -E "/var/log/sshd-$port.log" "$@"
	wait_until ssh-keyscan -t ed25519 -p "$port" 127.0.0.1
}

# What most tests need.
world_start()
{
	syslog_start
	[ "${CARREL_UNCONFINED:-}" = 1 ] || helper_start || {
		fail "the helper starts" "$(cat /var/log/helper.log)"
		test_finish
	}
	sshd_start
}

# default_timeout SERVICE…: the module waits for the helper as it does where nobody says how long. See enable-pam.
default_timeout()
{
	local service
	for service do
		sed -i 's/ timeout=30$//' "/etc/pam.d/$service"
	done
}

# in_ssh USER [OPTION…] COMMAND: one command through ssh with the public key.
in_ssh()
{
	local user=$1
	shift
	timeout -k 1 "${ssh_seconds:-60}" ssh -F /etc/ssh/ssh_config.world "$user@127.0.0.1" "$@"
}

# with_password USER COMMAND…: the answer to every question is the user's password, which is his name twice.
with_password()
{
	local user=$1
	shift
	SSH_ASKPASS=$here/tool/askpass SSH_ASKPASS_REQUIRE=force ASKPASS_ANSWER=$user$user "$@"
}

# world_fresh: no session, and no container that the next login or the next helper could find while it still ends.
world_fresh()
{
	world_quiet
	pkill -KILL -x carrel-init
	wait_until no_container
}

no_container()
{
	! pgrep -x carrel-init
}

# That the helper has not waited for.
no_zombie()
{
	! ps -eo ppid=,stat= | awk -v p="$helper_pid" '$1 == p && $2 ~ /Z/' | grep -q .
}

# logged_out USER: sshd has nothing left to do for the user, nor anything to tell the helper about the last session.
logged_out()
{
	! pgrep -f "^sshd: $1"
}

# idle DAEMON: what it started has ended.
idle()
{
	! pgrep -P "$(pgrep -o -x "$1")"
}

# Ends all containers and sessions.
world_quiet()
{
	local user
	for user in alice bob dave erin; do # also sshd's side of them
		pkill -KILL -u "$user" 2>/dev/null
	done
	return 0
}

write_config()
{
	mkdir -p /etc/carrel
	cat >/etc/carrel/carrel.conf
	chmod 644 /etc/carrel/carrel.conf
}
