#!/bin/sh
# carrel filter: which filters there are, what they come to, how two differ, which line decides; and what a command does
# under one. Without privilege.

# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"

carrel=$build/carrel
etc=$tmp/etc

mkdir -p "$etc/filters"
cp "$src"/etc/filters/*.filter "$etc/filters"
cat >"$etc/carrel.conf" <<'CONF'
[profile shell]
filter = small
root = yes
[profile batch]
filter = small
[assign cron]
bin = refuse
[assign at]
bin = exempt
[assign login]
bin = batch
[assign]
* = shell
CONF
cat >"$etc/filters/small.filter" <<'FILTER'
; small - head.
[filter]
description = a small one

; What programs need.
allow = @default @basic-io @io-event @sync
	openat ioctl
; A second reason,
;   on two lines.
	socket clone clone3 ?nonsense_of_tomorrow
refuse = mkdir:EACCES mkdirat:EACCES

kill = reboot ; never
log = kcmp

; Only for root inside.
[filter root=yes]
allow = mount

[args]
; No other families.
socket.domain = AF_UNIX AF_INET else EAFNOSUPPORT
; Interfaces.
socket(AF_INET).protocol = 0 IPPROTO_TCP else EPROTONOSUPPORT

clone.flags = not CLONE_NEWUSER
ioctl.request = not TIOCSTI TIOCLINUX
FILTER

# asked SUBCOMMAND ARGUMENT...: both streams, and the exit status as the last line.
asked() {
	subcommand=$1
	shift
	"$carrel" filter "$subcommand" --config "$etc" "$@" 2>&1 </dev/null
	echo "status $?"
}

# ---- list ----

seen=$(asked list)
t_match 'list names a filter, its place and what it is' "$seen" '^small +admin +a small one$'
t_match 'its file' "$seen" "^  $etc/filters/small.filter$"
t_match 'and who uses it' "$seen" '^  used by profile shell, batch$'
t_match 'all good is status 0' "$seen" '^status 0$'

printf '[filter]\nallow = raed\n' >"$etc/filters/broken.filter"
seen=$(asked list)
t_match 'list says what is wrong with a broken one' "$seen" "error: .*broken.filter:2: unknown system call 'raed'"
t_match 'and that is status 1' "$seen" '^status 1$'
rm "$etc/filters/broken.filter"
sed 's/filter = small/filter = gone/' "$etc/carrel.conf" >"$tmp/carrel.conf"
seen=$("$carrel" filter list --config "$tmp/carrel.conf" 2>&1)
t_match 'list has a filter that only a profile knows' "$seen" '^gone +missing'
t_match 'list wants no names' "$(asked list small)" "'small': list takes no names"

# ---- show ----

seen=$(asked show small)
t_match 'show folds calls into groups' "$seen" '^  @default .*@basic-io|^  @basic-io'
t_match 'and names the others' "$seen" '(^| )openat( |$)'
t_match 'show counts by verdict' "$seen" '^refused with EACCES: 2 calls$'
t_match 'killed calls' "$seen" '^killed: 1 call$'
t_match 'logged calls' "$seen" '^allowed and logged: 1 call$'
t_match 'calls that no line mentions' "$seen" '^refused with EPERM, as no line mentions them: '
t_match 'rules are sentences' "$seen" '^  socket.domain must be one of AF_UNIX, AF_INET, else EAFNOSUPPORT$'
t_match 'flags too' "$seen" '^  clone.flags must not have CLONE_NEWUSER, else EPERM$'
t_match 'protocols have the names of their family' "$seen" 'protocol must be one of 0, IPPROTO_TCP,'
t_match 'rules have a line' "$seen" '^    .*small.filter:22$'
t_match 'show counts instructions' "$seen" '^  programs +[1-9][0-9]* instructions'
mount_shown() {
	asked show "$@" small | sed -n '/^allowed: /,/^$/p' | grep -cw mount
}
t_same 'root inside is a condition' "$(mount_shown) $(mount_shown --root yes)" '0 1'
t_match 'show takes a path' "$(asked show "$etc/filters/small.filter")" '^small: a small one$'
t_match 'show knows other machines' "$(asked show --arch aarch64 small)" '^  ABIs +aarch64;'
t_match 'and a 32-bit ABI that is not let in' "$(asked show --arch i386 small)" "no line 'arches = native i386'"
t_match 'show names an unknown filter, and where it looked' "$(asked show smal)" "no filter 'smal'; looked in $etc/filters"
t_match 'that is status 2' "$(asked show smal)" '^status 2$'
t_match 'show names an unknown architecture' "$(asked show --arch vax small)" "'vax': not x86-64"
t_match 'show says what --root takes' "$(asked show --root maybe small)" "'maybe': yes or no"

# ---- diff ----

sed 's/TIOCSTI TIOCLINUX/TIOCLINUX TIOCSTI/; s/openat ioctl/ioctl openat/' "$etc/filters/small.filter" >"$etc/filters/same.filter"
seen=$(asked diff small same)
t_same 'two ways to write the same are the same' "$seen" 'status 0'

cat >"$etc/filters/other.filter" <<'FILTER'
[filter]
include = small
; Own reasons.
allow = mkdir
refuse = socket

[args]
; Typing only.
ioctl.request = not TIOCSTI
FILTER
seen=$(asked diff small other)
t_match 'diff: a call, with both verdicts' "$seen" '^small: refused with EACCES; other: allowed$'
t_match 'the line and reason of one side' "$seen" '^    other: .*/other.filter:4: Own'
t_match 'the line of the other, which has no reason' "$seen" '^    small: .*/small.filter:11: no'
t_match 'diff: an argument' "$seen" '^ioctl.request$'
t_match 'the values that differ, and no others' "$seen" '^    TIOCLINUX$'
t_match 'the rules of both' "$seen" '^  other: may be anything but TIOCSTI, else EPERM$'
t_match 'a call that one refuses is no matter of arguments' "$(echo "$seen" | grep -c '^socket')" '^0$'
t_match 'diff counts' "$seen" '^2 calls and 1 argument differ$'
t_match 'differing is status 1' "$seen" '^status 1$'
t_match 'trouble is status 2' "$(asked diff small nothing)" '^status 2$'
t_match 'diff wants two' "$(asked diff small)" '^status 2$'
seen=$(asked diff --root yes small other | grep -c mount)
t_same 'what both say under a condition is no difference' "$seen" 0
printf '[filter]\ninclude = small\n[args]\nsocket.domain = AF_UNIX else EAFNOSUPPORT\n' >"$etc/filters/local.filter"
cp "$etc/filters/local.filter" "$etc/filters/local-any.filter"
echo 'socket(AF_INET).protocol = any' >>"$etc/filters/local-any.filter"
t_same 'a rule on what is refused anyway makes no difference' "$(asked diff local local-any)" 'status 0'
printf '[filter]\ninclude = small\n; Old games.\narches = native i386\nallow = socketcall\n' >"$etc/filters/old.filter"
t_match 'diff: an ABI' "$(asked diff small old)" '^    old: .*/old.filter:4: Old'
printf '[filter]\ninclude = small\n[args]\nclone.flags = any\n' >"$etc/filters/spawn.filter"
seen=$(asked diff small spawn)
t_match 'clone3 goes with the flags of clone' "$seen" '^  clone3$'
t_match 'and diff says why' "$seen" '^    small: .*small.filter:26: its'
seen=$(asked diff default "$src/etc/peers/docker.filter")
t_match 'diff takes a peer by its path, and finds what is tighter here' "$seen" '^    TIOCSTI TIOCLINUX TIOCSETD$'
cat >"$tmp/foreign.json" <<'JSON'
{ "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
  "syscalls": [ { "names": [ "read", "mkdir" ], "action": "SCMP_ACT_ALLOW" },
    { "names": [ "socket" ], "action": "SCMP_ACT_ALLOW", "args": [ { "index": 0, "value": 40, "op": "SCMP_CMP_NE" } ] } ] }
JSON
mkdir "$tmp/tmp"
seen=$(TMPDIR=$tmp/tmp asked diff small "$tmp/foreign.json")
t_match 'diff takes a profile in JSON' "$seen" '^small: refused with EACCES; foreign.json: allowed$'
t_match 'with its arguments' "$(asked why "$tmp/foreign.json" 'socket(AF_VSOCK)')" 'refused with EPERM$'
t 'and leaves nothing behind' rmdir "$tmp/tmp"
t_match 'one that is no profile is named' "$(asked show "$tmp/none.json")" "'$tmp/none.json' cannot be taken for a filter"

# ---- why ----

seen=$(asked why small 'socket(AF_VSOCK, SOCK_STREAM, 0)')
t_match 'why: verdict and errno' "$seen" "^socket\(AF_VSOCK, SOCK_STREAM, 0\) under 'small': refused with EAFNOSUPPORT$"
t_match 'the line and its text' "$seen" '^  .*/small.filter:22: socket.domain = AF_UNIX AF_INET else EAFNOSUPPORT$'
t_match 'its reason' "$seen" '^    because: No other families\.$'
t_match 'the program agrees' "$seen" '^  checked: the compiled program does the same \(1 case\)$'
t_match 'refused is status 1' "$seen" '^status 1$'
seen=$(asked why small 'socket(AF_UNIX, 1, 0)')
t_match 'why: allowed, by the line of its group' "$seen" '/small.filter:10: socket clone clone3'
t_match 'allowed is status 0' "$seen" '^status 0$'
t_match 'bits that the kernel drops open nothing' "$(asked why small 'socket(0x100000028)')" 'refused with EAFNOSUPPORT$'
t_match 'nor do they close' "$(asked why small 'socket(0x100000001)')" "'small': allowed$"
seen=$(asked why small socket)
t_match 'why: without arguments it depends' "$seen" "'small': allowed, depending on its arguments$"
t_match 'on one rule' "$seen" '^    socket.domain must be one of'
t_match 'and the other' "$seen" '^    socket\(AF_INET\).protocol must be one of'
t_match 'depending is status 1' "$seen" '^status 1$'
t_match 'a selected rule depends no more' "$(asked why small 'socket(AF_UNIX)')" "'small': allowed$"
t_match 'a comment behind the line is its reason' "$(asked why small reboot)" 'because: never$'
t_match 'why: killed' "$(asked why small reboot)" "'small': killed$"
t_match 'why: logged' "$(asked why small kcmp)" "'small': allowed and logged$"
t_match 'why: no line' "$(asked why small bpf)" '^  no line mentions it$'
t_match 'why: clone3' "$(asked why small clone3)" 'small.filter:26: clone.flags = not CLONE_NEWUSER$'
t_match 'why: flags joined' "$(asked why small 'clone(CLONE_VM|CLONE_NEWUSER)')" 'refused with EPERM$'
t_match 'why --root' "$(asked why --root yes small mount)" 'because: Only for root inside\.$'
t_match 'an unknown call is named' "$(asked why small sokcet)" "unknown system call 'sokcet'"
t_match 'an unknown constant is named' "$(asked why small 'socket(AF_VSOK)')" "unknown value 'AF_VSOK' for socket.domain"
t_match 'a group is no call' "$(asked why small @mount)" "'@mount' is a group"
t_match 'these are status 2' "$(asked why small @mount)" '^status 2$'
t_match 'no call is wrong usage' "$(asked why small)" '^status 2$'
t_match 'a 32-bit call' "$(asked why --arch i386 old 'socketcall(1)')" 'its arguments lie in memory'
t_match 'is killed where it is not let in' "$(asked why --arch i386 small 'socketcall(1)')" "'small': killed$"
if id -u bin >/dev/null 2>&1; then
	t_match 'a user has the filter of the profile' "$(asked why --user bin mount)" 'Only for root inside'
	t_match 'and that is said' "$(asked why --user bin mount)" "^mount under 'small', filter of bin's profile 'shell': allowed$"
	t_match 'which may be another for a service' "$(asked why --user bin --service login mount)" 'no line mentions it'
	t_match 'an exempt one has none' "$(asked why --user bin --service at mount)" "'bin' has no filter: exempt"
	t_match 'nor has a refused one' "$(asked why --user bin --service cron mount)" 'no session is opened'
else
	skip 'a user has the filter of the profile' 'there is no user bin'
fi
t_match 'an unknown user is named' "$(asked why --user nobody-there mount)" 'nobody-there'
t_match '--service alone is wrong usage' "$(asked why --service at small mount)" '^status 2$'

# ---- for programs ----

if command -v python3 >/dev/null 2>&1; then
	field() {
		"$carrel" filter "$1" --config "$etc" --json "$2" "${3-}" | python3 -c "
import json, sys
o = json.load(sys.stdin)
print($4)"
	}
	listed() {
		"$carrel" filter list --config "$etc" --json | python3 -c "
import json, sys
print([f for f in json.load(sys.stdin) if f['name'] == 'other'][0]['$1'])"
	}
	t_same 'list as JSON' "$(listed file)" "$etc/filters/other.filter"
	shown() {
		"$carrel" filter show --config "$etc" --json small | python3 -c "
import json, sys
o = json.load(sys.stdin)
print([(c['verdict'], c['error'], c['line']) for c in o['abis'][0]['calls'] if c['name'] == '$1'])"
	}
	t_same 'show as JSON' "$(shown mkdir)" "[('refuse', 'EACCES', 11)]"
	t_same 'diff as JSON' "$(field diff small other "o['same'], sorted(c['call'] for c in o['calls']), o['rules'][0]['values']")" \
		"False ['mkdir', 'socket'] ['TIOCLINUX']"
	t_same 'why as JSON' "$(field why small 'socket(AF_ALG)' "o['verdict'], o['error'], o['decided-by']['line'], o['checked']")" \
		'refuse EAFNOSUPPORT 22 1'
else
	skip 'output as JSON' 'needs python3'
fi

# ---- test ----

seen=$(asked test small -- true)
t_match 'small is too small for a program, which fails here' "$seen" '^status (1|127|126|159|134|13[0-9])$'
cat >"$etc/filters/run.filter" <<'FILTER'
[filter]
include = default
; Made for this test.
refuse = mkdir:EXDEV mkdirat:EXDEV
kill = chroot
FILTER
t_same 'a command runs' "$(asked test run -- echo ran)" "ran
status 0"
seen=$(asked test run -- mkdir "$tmp/new")
t_match 'the filter holds' "$seen" 'Invalid cross-device link'
t_match 'and that is said' "$seen" '^carrel filter test: the command ended with status 1$'
t_match 'with what was refused' "$seen" "^carrel filter test: 'run' refused 1 call:$"
t_match 'how often, of whom and how' "$seen" '^ +1  mkdir(at)? by (mkdir|coreutils|busybox): refused with EXDEV$'
t_match 'by which line' "$seen" "^ +$etc/filters/run.filter:4: refuse = mkdir:EXDEV mkdirat:EXDEV$"
t_match 'and for what reason' "$seen" '^ +because: Made for this test[.]$'
t_match 'with what would say more' "$seen" "^carrel filter test: 'carrel trace --filter run -- COMMAND' shows"
t_not 'nothing was made' test -e "$tmp/new"
t 'without the filter it can be made' mkdir "$tmp/new"
t_match 'exit status passes' "$(asked test run -- sh -c 'exit 7')" '^status 7$'
t_match 'and that the filter is not to blame' "$(asked test run -- sh -c 'exit 7')" 'status 7, and nothing was refused'
seen=$(asked test run -- sh -c "mkdir $tmp/a; (mkdir $tmp/b); mkdir $tmp/c; exit 0")
t_match 'what children do counts' "$seen" '^ +3  mkdir(at)? by '
t_match 'although the command went well' "$seen" '^status 0$'
seen=$(timeout 60 "$carrel" trace --config "$etc" -- "$carrel" filter test --config "$etc" run -- mkdir "$tmp/a" 2>&1)
t_match 'below a listener there is no telling' "$seen" '^carrel filter test: refused calls cannot be told: somebody listens'
t_match 'but the filter holds' "$seen" 'Invalid cross-device link'
# shellcheck disable=SC2016
t_match 'a signal is 128 and its number' "$(asked test run -- sh -c 'kill -TERM $$')" '^status 143$'
t_match 'no privilege can be gained' "$(asked test run -- grep NoNewPrivs /proc/self/status)" '^NoNewPrivs:.*1$'
t_match 'a missing command is 127' "$(asked test run -- "$tmp/none")" '^status 127$'
t_match 'one that is no program 126' "$(asked test run -- "$tmp/carrel.conf")" '^status 126$'
t_match 'a missing filter 125' "$(asked test none -- true)" '^status 125$'
t_match 'no command is wrong usage' "$(asked test run)" '^status 2$'
if command -v python3 >/dev/null 2>&1; then
	seen=$(asked test run -- python3 -c 'import os; os.chroot("/")')
	t_match 'a killing is told' "$seen" "^carrel filter test: the command was killed by SIGSYS: 'run' "
	t_match 'and is 159' "$seen" '^status 159$'
	t_match 'with the line' "$seen" '^ +1  chroot by python3[0-9.]*: killed$'
	cat >"$tmp/refused.py" <<-'PYTHON'
		import os, socket, subprocess, threading
		print("out")
		for family in 38, 40, 38:
		    try:
		        socket.socket(family, socket.SOCK_STREAM)
		    except OSError:
		        pass
		thread = threading.Thread(target=os.getpid)
		thread.start()
		thread.join()
		subprocess.run(["mkdir", "/none/such"], stderr=subprocess.DEVNULL)
		raise SystemExit(5)
	PYTHON
	t_match 'the value that a rule refused is told' "$(asked test run -- python3 "$tmp/refused.py")" \
		'^ +2  socket by python3[0-9.]*: refused with EAFNOSUPPORT, as socket.domain is AF_ALG$'
	"$carrel" filter test --config "$etc" --json run -- python3 "$tmp/refused.py" >"$tmp/refused.json" 2>"$tmp/refused.err"
	t_same 'test --json: the status is the same' "$?" 5
	t_same 'and standard error is the command'"'"'s' "$(cat "$tmp/refused.err")" ''
	t 'and one object has all of it' python3 - "$tmp/refused.json" "$etc" <<-'PYTHON'
		import json, sys
		text = open(sys.argv[1]).read()
		assert text.startswith("out\n{")
		o = json.loads(text[4:])
		assert (o["filter"], o["status"], o["heard"]) == ("run", 5, True)
		calls = {(c["call"], c["value"]): c for c in o["refused"]}
		assert o["count"] == sum(c["count"] for c in o["refused"])
		alg = calls["socket", "AF_ALG"]
		assert (alg["count"], alg["verdict"], alg["error"], alg["argument"]) == (2, "refuse", "EAFNOSUPPORT", "socket.domain")
		assert alg["decided-by"]["text"].startswith("socket.domain = ")
		assert calls["socket", "AF_VSOCK"]["count"] == 1
		made = [c for c in o["refused"] if c["call"].startswith("mkdir")][0]
		assert made["decided-by"]["file"] == sys.argv[2] + "/filters/run.filter" and made["decided-by"]["line"] == 4
		assert made["error"] == "EXDEV" and made["program"] != alg["program"]
	PYTHON
else
	skip 'a killing is told' 'needs python3'
fi

# ---- the shipped filters under the administrator's ----

datadir=$("${MAKE:-make}" -s --no-print-directory -C "$build" print-datadir)
# shellcheck disable=SC2016
stacked() {
	unshare -rm sh -c '
		mount -t tmpfs none "$3" && mkdir -p "$3/carrel/filters" "$3/carrel/peers" &&
		cp "$2"/etc/filters/*.filter "$3/carrel/filters" && cp "$2"/etc/peers/*.filter "$3/carrel/peers" &&
		"$1" filter "$4" --config "$5" $6 $7' sh "$carrel" "$src" "$datadir" "$1" "$etc" "${2-}" "${3-}" 2>&1
}
rm "$etc/filters/default.filter" "$etc/filters/strict.filter"
printf '[filter]\ndescription = ours\ninclude = default\nallow = mbind\n' >"$etc/filters/default.filter"
if [ -d "$datadir" ] && unshare -rm mount -t tmpfs none "$datadir" 2>/dev/null; then
	seen=$(stacked list)
	t_match 'list has shipped filters' "$seen" '^strict +shipped '
	t_match 'and peers' "$seen" '^docker +peer '
	t_match 'it says what goes on from the shipped one' "$seen" "^  goes on from $datadir/carrel/filters/default.filter$"
	t_match 'and what that hides' "$seen" "not the one that the name means: $etc/filters/default.filter stands before it"
	seen=$(stacked show default)
	t_match 'show names both files' "$seen" "^  includes +$datadir/carrel/filters/default.filter$"
	t_match 'peers have names' "$(stacked diff default docker)" '^default: allowed; docker: refused with EPERM$'
else
	skip 'shipped filters and peers are found' 'needs root, or user namespaces'
fi

# ---- usage ----

t_match 'has help' "$("$carrel" filter --help)" '^usage: carrel filter list'
t_match 'so have its words' "$("$carrel" filter diff --help)" '^usage: carrel filter list'
t_match 'an unknown word is wrong usage' "$("$carrel" filter lits 2>&1; echo "status $?")" '^status 2$'
t_match 'and is named' "$("$carrel" filter lits 2>&1)" "'lits'"
t_match 'an unknown option is named' "$(asked show --frob small)" "unknown option '--frob'"
t_match 'an option of another word too' "$(asked show --user bin small)" "unknown option"
finish
