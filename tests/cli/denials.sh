#!/bin/sh
# carrel denials: what other machines' logs say, joined to this machine's users and to a configuration of our own.

# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"

carrel=$build/carrel
etc=$tmp/etc
user=bin # on every machine, with a low uid, and in nobody's subuid
uid=$(id -u "$user") || skip_rest "there is no user $user"
if grep -qs "^$user:" /etc/subuid; then
	skip_rest "$user has subordinate IDs here"
fi
other=$(id -u games) || skip_rest "there is no user games"
first=$((3000000000 + (uid - 1) * 65536))
case $(uname -m) in
x86_64) ;;
*) skip_rest "the samples hold numbers of x86-64" ;;
esac

mkdir -p "$etc/filters"
cat >"$etc/carrel.conf" <<CONF
[profile shell]
filter = tight
root = yes
[assign]
$user = shell
games = exempt
[ids]
pool = 3000000000-3100000000
uids = 1-999
CONF
cat >"$etc/filters/tight.filter" <<'FILTER'
[filter]
allow = @default @basic-io @file-system @process socket
; Mounting is the machine's business.
refuse = mount umount2
	reboot:EACCES
kill = swapon ; never here

log = sync
[args]
; Other families reach drivers that nobody reads.
socket.domain = AF_UNIX AF_INET else EAFNOSUPPORT
FILTER

TZ=UTC
export TZ

# record SERIAL SECOND AUID UID CALL [CODE [EXE [ARCH]]]
record() {
	printf 'type=SECCOMP msg=audit(17953%s.593:%s): auid=%s uid=%s gid=7 ses=3 pid=9 comm="x" exe=%s sig=0 arch=%s syscall=%s compat=0 ip=0x7f code=%s\n' \
		"$2" "$1" "$3" "$4" "${7:-\"/usr/bin/x\"}" "${8:-c000003e}" "$5" "${6:-0x50000}"
}

{
	record 1 05131 "$uid" "$uid" 165             # mount
	record 2 05132 "$uid" "$uid" 165
	record 2 05132 "$uid" "$uid" 165             # the same again, as in a second log
	record 3 05133 "$uid" "$first" 165           # root inside
	record 4 05134 "$uid" "$uid" 41              # socket
	record 5 05135 "$uid" "$uid" 167 0x80000000  # swapon
	record 6 05136 "$uid" "$uid" 162 0x7ffc0000  # sync
	record 7 05137 "$uid" "$uid" 101             # ptrace, which no line mentions
	record 8 05138 "$uid" "$uid" 0               # read, which is allowed
	record 9 05139 "$uid" "$uid" 169 0x50000 2F746D702F611B5B336D0A5B666F6F5D # reboot; a name with escape and newline
	record 10 05140 "$other" "$other" 165        # exempt
	record 11 05141 4294967295 0 165             # a service
	record 12 05142 4294967295 "$first" 155      # su without a login: pivot_root
	record 13 05143 "$uid" "$uid" 5 0x80000000 '"/usr/bin/x"' 40000003
	record 14 05144 rubbish 1 1
	echo '[10.1] audit_printk_skb: 4 callbacks suppressed'
} >"$tmp/audit.log"

denials() {
	"$carrel" denials --config "$etc" --from "$tmp/audit.log" "$@" 2>&1 </dev/null
	echo "status $?"
}

seen=$(denials)
# has_row NAME COUNT FIRST LAST PROGRAM CALL OUTCOME WHERE
has_row() {
	# shellcheck disable=SC2059
	t_match "$1" "$seen" "$(printf '^ +%s  2026-11-21 23:%s  2026-11-21 23:%s  %s +tight\\* +%s +%s +%s +%s$' \
		"$2" "$3" "$4" "$user" "$5" "$6" "$7" "$8")"
}
has_row 'names user, filter, program, call, line and reason' 3 52:11 52:13 /usr/bin/x mount 'refused with EPERM' \
	"$etc/filters/tight.filter:4: Mounting is the machine's business\."
has_row 'names the rule about an argument' 1 52:14 52:14 /usr/bin/x socket 'refused with EAFNOSUPPORT' \
	"$etc/filters/tight.filter:11: Other families .*\(by its arguments, which are not recorded\)"
has_row 'names what was killed' 1 52:15 52:15 /usr/bin/x swapon killed "$etc/filters/tight.filter:6: never here"
has_row 'names what was let pass and logged' 1 52:16 52:16 /usr/bin/x sync logged "$etc/filters/tight.filter:8"
has_row 'says when no line mentions a call' 1 52:17 52:17 /usr/bin/x ptrace 'refused with EPERM' '\(no line mentions it\)'
has_row 'says when the filter would let it pass' 1 52:18 52:18 /usr/bin/x read refused '\(not by this filter as it is now: .*\)'
has_row 'shows names without what a terminal obeys' 1 52:19 52:19 '/tmp/a\\x1b\[3m\\x0a\[foo\]' reboot 'refused with EACCES' \
	"$etc/filters/tight.filter:5: Mounting .*"
has_row 'knows root inside by its range' 1 52:22 52:22 /usr/bin/x pivot_root 'refused with EPERM' '\(no line mentions it\)'
has_row 'knows other ABIs' 1 52:23 52:23 /usr/bin/x open/i386 killed '\(the filter lets no program of this ABI in\)'
t_same 'leaves out who is exempt, and services' "$(printf '%s\n' "$seen" | grep -cE ' games | root ')" 0
t_match 'names the source' "$seen" "^source: $tmp/audit.log: 13 records, the oldest of 2026-11-21 23:52:11$"
t_match 'says what could not be read' "$seen" '^warning: .*: 1 records could not be understood'
t_match 'says what was dropped, and what to do' "$seen" '^warning: .*dropped 4 audit records.*install auditd'
t_match 'says how the filter is known' "$seen" '^\* the session is not on record'
t_match 'says so by its status' "$seen" '^status 0$'
t_match 'has the most frequent first' "$(printf '%s\n' "$seen" | sed -n 2p)" ' mount '

seen=$(denials --all)
t_match 'with --all shows a service' "$seen" ' root +- +/usr/bin/x +mount +refused +\(outside the sessions of carrel\)$'
t_match 'and who is exempt' "$seen" ' games +- '

t_match 'of one user alone' "$(denials --all games | grep -c ' mount ')" '^1$'
t_match 'by uid as well' "$(denials --all "$other" | grep -c ' mount ')" '^1$'
t_match 'since a time' "$(denials --since '2026-11-21 23:52:14')" '^source: .*: 10 records'
t_match 'until a time' "$(denials --until @1795305134)" '^source: .*: 3 records'
t_match 'between two' "$(denials --since 2026-11-21T23:52:12 --until '2026-11-21 23:52:14')" '^source: .*: 2 records'
t_match 'long ago' "$(denials --until 20000d)" '^nothing was refused, as far as the logs tell$'

sed 's/^type=SECCOMP msg=/Nov 22 00:52:11 one kernel: [10.1] audit: type=1326 /' "$tmp/audit.log" >"$tmp/kern.log"
t_same 'reads a kernel log the same' \
	"$("$carrel" denials --config "$etc" --from "$tmp/kern.log" | sed "s|kern.log|audit.log|")" \
	"$("$carrel" denials --config "$etc" --from "$tmp/audit.log")"

if command -v python3 >/dev/null 2>&1; then
	json() {
		"$carrel" denials --config "$etc" --from "$tmp/audit.log" --json | python3 -c "import json,sys
d = json.load(sys.stdin)
$1"
	}
	t_same 'says the same in JSON' "$(json "x = d['denials'][0]
print(x['count'], x['first'], x['last'], x['user'], x['profile'], x['filter'], x['call'], x['number'], x['known-by'], x['outcome'], x['lines'][0]['line'], x['lines'][0]['reason'])")" \
		"3 2026-11-21T23:52:11.593Z 2026-11-21T23:52:13.593Z $user shell tight mount 165 configuration refused with EPERM 4 Mounting is the machine's business."
	t_same 'with sources and warnings' "$(json "print(len(d['sources']), len(d['warnings']), d['left-out'])")" '1 2 0'
else
	skip 'says the same in JSON' 'needs python3'
fi

# ---- what a filter would have to say ----

suggested=$(denials --suggest | sed '$d')
t_match 'suggests the line' "$suggested" '^allow = mount$'
t_match 'with an include of the filter itself' "$suggested" '^include = tight$'
t_match 'and what it was for' "$suggested" "^; mount: /usr/bin/x of $user, 3 times, refused with EPERM$"
t_match 'warns of what gives much power' "$suggested" '^; WARNING: mount '
t_match 'never suggests what acts on the whole machine' "$suggested" '^; NOT SUGGESTED: reboot '
t_same 'not as a line at all' "$(printf '%s\n' "$suggested" | grep -cE '^ *(allow = )?.*(reboot|swapon)$')" 0
t_match 'sends on to trace for arguments' "$suggested" "^; by its arguments, .*'carrel trace'"
t_same 'suggests nothing for what was only logged' "$(printf '%s\n' "$suggested" | grep -c sync)" 0
# The name with a newline in it must not have become a section.
t_same 'lets nobody write into the filter' "$(printf '%s\n' "$suggested" | grep -vE '^(;.*|\[filter\]|include = tight|allow = [a-z0-9_]+|)$')" ''
mkdir -p "$etc/conf.d" "$tmp/own"
cp "$etc/carrel.conf" "$tmp/own/carrel.conf"
mkdir "$tmp/own/filters"
cp "$etc/filters/tight.filter" "$tmp/own/filters/base.filter"
printf '%s\n' "$suggested" | sed 's/^include = tight$/include = base/' >"$tmp/own/filters/tight.filter"
t 'suggests a filter that is one' "$carrel" check "$tmp/own"
t_match 'under which the call is allowed' \
	"$("$carrel" denials --config "$tmp/own" --from "$tmp/audit.log" | grep ' mount ')" 'not by this filter as it is now'

# ---- wrong usage ----

t_not 'refuses an unknown option' "$carrel" denials --nonsense
t_not 'refuses two users' "$carrel" denials alice bob
t_not 'refuses a time that is none' "$carrel" denials --since noon
t_not 'refuses a missing file' "$carrel" denials --from "$tmp/none"
t_not 'refuses a directory' "$carrel" denials --from "$tmp"
t_match 'and says which' "$("$carrel" denials --from "$tmp/none" 2>&1)" "^carrel denials: cannot open '$tmp/none': No such file"
t_not 'refuses a user who is none' "$carrel" denials --config "$etc" --from "$tmp/audit.log" no-such-user
t_not 'refuses --json with --suggest' "$carrel" denials --json --suggest
"$carrel" denials --since noon >/dev/null 2>&1
t_same 'with status 2 for wrong usage' $? 2
t_match 'explains itself' "$("$carrel" denials --help)" '^usage: carrel denials'
finish
