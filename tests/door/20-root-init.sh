#!/bin/sh
# 20-root-init.sh - carrel-root and carrel-init, without a container: root of a pid namespace is all they need.

# /tmp is often mounted nosuid, and a setuid program is what is tried here.
TMPDIR=${TMPDIR:-/var/tmp}
. "$(dirname "$0")/../lib/test.sh"

if [ "$(id -u)" -ne 0 ]; then
	skip_rest 'needs root'
fi
need setpriv unshare script
link() {
	(cd "$src" && ${CC:-cc} -D_GNU_SOURCE -I. -O2 -g -fno-builtin -fno-PIE -U_FORTIFY_SOURCE \
		-o "$@" -static -nostdlib)
}
chmod 755 "$tmp"
t 'carrel-root links against nothing' link "$tmp/sudo" helper/door/root.c helper/door/root_options.c \
	helper/door/names.c helper/door/say.c helper/door/sys.c
t 'carrel-init links against nothing' link "$tmp/carrel-init" helper/door/init.c helper/door/end.c helper/door/sys.c
t_same 'neither looks up names or loads code' \
	"$(nm "$tmp/sudo" "$tmp/carrel-init" | grep -E 'dlopen|nss|getpw|getgr(nam|gid|ent)|iconv|malloc| U ')" ''

# ---- carrel-root, as uid 54321 who stands in no file ----

uid=54321
chown 0:$uid "$tmp/sudo"
chmod 4710 "$tmp/sudo"
if findmnt -n -o OPTIONS -T "$tmp" 2>/dev/null | grep -q nosuid; then
	skip_rest "needs a temporary directory without nosuid"
fi

# as COMMAND...: as the user, with a little environment
as() {
	setpriv --reuid $uid --regid $uid --clear-groups env -i PATH=/usr/bin:/bin HOME=/home/ada USER=ada \
		SHELL=/bin/sh TERM=xterm LC_TIME=C SECRET=1 "$@"
}
sudo() {
	as "$tmp/sudo" "$@" 2>&1
	echo "st $?"
}
nl='
'

t_same 'runs as root' "$(sudo id -u)" "0${nl}st 0"
t_same 'passes the status on' "$(sudo sh -c 'exit 7')" 'st 7'
t_same 'cleans the environment and says who asked' "$(sudo env | sort)" "HOME=/root
LC_TIME=C
LOGNAME=root
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
SHELL=/bin/bash
SUDO_COMMAND=/usr/bin/env
SUDO_GID=$uid
SUDO_UID=$uid
SUDO_USER=ada
TERM=xterm
USER=root
st 0"
t_same '-E keeps it, but not the path' "$(sudo -E sh -c "echo \$SECRET \$HOME \$PATH")" \
	"1 /home/ada /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin${nl}st 0"
t_same '-EH keeps all but the home' "$(sudo -EH sh -c "echo \$SECRET \$HOME")" "1 /root${nl}st 0"
t_same '--preserve-env names what to keep' "$(sudo --preserve-env=NONE,SECRET sh -c "echo \$SECRET")" "1${nl}st 0"
t_same 'variables may stand before the command' "$(sudo -n A=1 B='2 3' sh -c "echo \$A-\$B")" "1-2 3${nl}st 0"
t_same '-u takes a name' "$(sudo -u nobody id -un)" "nobody${nl}st 0"
t_same '-u takes a number' "$(sudo -u '#4321' id -u)" "4321${nl}st 0"
t_same '-u drops the groups of before' "$(sudo -u nobody id -G)" "$(id -g nobody)${nl}st 0"
t_same 'who became another cannot become root again' \
	"$(sudo -u nobody grep -E '^(Uid|CapPrm)' /proc/self/status | tr -s '\t' ' ')" \
	"Uid: $(id -u nobody | sed 's/.*/& & & &/')${nl}CapPrm: 0000000000000000${nl}st 0"
t_same '-g takes a name' "$(sudo -g daemon id -gn)" "daemon${nl}st 0"
t_same 'root keeps the groups that open the projects' "$(setpriv --reuid $uid --regid $uid --groups $uid,4242 \
	"$tmp/sudo" sh -c 'id -G')" "0 4242 $uid"
t_same 'options in one word, a value in the next' "$(sudo -nHu nobody --chdir=/usr pwd)" "/usr${nl}st 0"
t_same '-- ends the options' "$(sudo -n -- echo -n x)" 'xst 0'
t_same '-v, -k and -K succeed and do nothing' "$(sudo -v; sudo -k; sudo -K)" "st 0${nl}st 0${nl}st 0"
t_same '-k before a command runs it' "$(sudo -k echo x)" "x${nl}st 0"
t_same '-i is a login shell at home' "$(echo 'echo $0 $PWD' | as "$tmp/sudo" -i 2>&1)" '-bash /root'
t_same '-s quotes the command for the shell' "$(sudo -s echo 'a  b' ';' '*')" "a  b ; *${nl}st 0"
t_same 'nothing said: a shell' "$(echo 'id -u' | as "$tmp/sudo")" 0
printf 'echo "$@"\n' >"$tmp/script"
chmod 755 "$tmp/script"
t_same 'a script without #! is the shell'"'"'s' "$(sudo "$tmp/script" a b)" "a b${nl}st 0"
t_same 'closed stdio is filled' "$(as sh -c "exec 0<&- 2>&-; exec $tmp/sudo sh -c 'ls -l /proc/self/fd/0 /proc/self/fd/2'" |
	grep -c /dev/null)" 2
t_same 'other descriptors are closed' "$(as sh -c "exec 9</etc/passwd; exec $tmp/sudo ls /proc/self/fd" | tr '\n' ' ')" '0 1 2 3 '

t_match 'refuses an unknown option and names it' "$(sudo -nx id)" "^carrel: unknown option '-nx'$"
t_match 'refuses an unknown long option' "$(sudo --nonsense id)" "^carrel: unknown option '--nonsense'$"
t_match 'refuses a missing value' "$(sudo -u)" "^carrel: value missing after option '-u'$"
t_match 'refuses an unknown user' "$(sudo -u nosuchuser id)" "^carrel: there is no user 'nosuchuser'"
t_match 'refuses an unknown group' "$(sudo -g nosuchgroup id)" "^carrel: there is no group 'nosuchgroup'"
t_match 'refuses the ID that is none' "$(sudo -u 4294967295 id)" '^st 1$'
t_same 'says what is not there' "$(sudo nosuchprogram)" "carrel: nosuchprogram: command not found${nl}st 1"
t_same 'says what cannot be executed' "$(sudo /etc/passwd)" "carrel: /etc/passwd: Permission denied${nl}st 1"
t_match 'refuses where no_new_privs is set' \
	"$(setpriv --no-new-privs --reuid $uid --regid $uid --clear-groups "$tmp/sudo" id 2>&1)" \
	'^carrel: this session may not have root'
t_match 'refuses who has not its group' "$(setpriv --reuid 54322 --regid 54322 --clear-groups sh -c "exec $tmp/sudo id" 2>&1)" \
	'Permission denied'

# ---- carrel-init ----

# init SCRIPT: a pid namespace whose pid 1 is carrel-init, after the script has started its processes
echo g >"$tmp/go"
init() {
	timeout 120 unshare --pid --fork --kill-child --mount-proc sh -c "$1
		exec $tmp/carrel-init 3<${2:-$tmp/go}"
}
# What is sent to pid 1 before it listens is lost.
listens='until grep -q "^SigBlk:.fffffff" /proc/1/status; do sleep 0.05; done'
end="$listens; date +%s%N >$tmp/told; kill -TERM 1"
# ends_within LOW HIGH SCRIPT: from the word to the end, in ms. Sooner than LOW it never is; on a busy machine it may
# take several tries until it is sooner than HIGH.
ends_within() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		init "$3" || return
		took=$((($(date +%s%N) - $(cat "$tmp/told")) / 1000000))
		echo "took $took ms"
		[ $took -ge "$1" ] || return
		[ $took -ge "$2" ] || return 0
	done
	return 1
}

t 'ends with 0 when told' init "sleep 1000 & ($end) &"
init 'sleep 1000 &' /dev/null
t_same 'does not begin without being told to go' "$?" 1
t 'does not mind other signals' init "($listens; kill -HUP 1; kill -INT 1; kill -USR1 1; kill -34 1; kill -KILL 1
	sleep 0.2; $end) &"
t 'is quick when all end' ends_within 0 1000 "sleep 1000 & ($end) &"
t 'waits a second for those who do not' ends_within 1000 4000 "(trap '' TERM HUP; sleep 1000; sleep 1000) & ($end) &"
# shellcheck disable=SC2016
t 'wakes the stopped so that they can end' ends_within 0 1000 'sleep 1000 & kill -STOP $!; ('"$end"') &'
init '(trap "" TERM; trap "echo hup >>'"$tmp/heard"'; exit" HUP; : >'"$tmp/armed"'; while :; do sleep 0.05; done) &
	(until [ -e '"$tmp/armed"' ]; do sleep 0.05; done; '"$end"') &'
t_same 'hangs up shells, which do not mind SIGTERM' "$(cat "$tmp/heard")" hup
# shellcheck disable=SC2016
init 'i=0; while [ $i -lt 50 ]; do (sh -c "sleep 0.1 &" &); i=$((i + 1)); done
	('"$listens"'; i=0
	while [ "$(ps -A -o ppid= | grep -cx " *1")" -gt 1 ] && [ $i -lt 300 ]; do sleep 0.1; i=$((i + 1)); done
	ps -A -o stat= | grep -c Z >'"$tmp/zombies"'; cat /proc/1/comm /proc/1/stat >'"$tmp/stat"'
	ls /proc/1/fd | wc -l >'"$tmp/fds"'; grep -E "^Private" /proc/1/smaps_rollup >'"$tmp/memory"'; kill -TERM 1) &'
t_same 'leaves no zombies' "$(cat "$tmp/zombies")" 0
t_same 'is called carrel-init' "$(head -n 1 "$tmp/stat")" carrel-init
t_same 'holds no descriptor' "$(cat "$tmp/fds")" 0
memory=$(awk '{ n += $2 } END { print n }' "$tmp/memory")
echo "# unique memory: $memory KiB"
t 'needs at most 60 KiB' test "$memory" -gt 0 -a "$memory" -le 60
finish
