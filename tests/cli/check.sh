#!/bin/sh
# carrel check: what it finds, where it says it is, and what it makes of the command line.

# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"

carrel=$build/carrel
etc=$tmp/etc

# A good configuration, to be spoilt by each test in turn.
fresh() {
	rm -rf "$etc"
	mkdir -p "$etc/conf.d"
	cp -R "$src/etc/filters" "$etc/filters"
	cat >"$etc/carrel.conf" <<-'CONF'
		[profile shell]
		root = yes
		[assign]
		uid:1-999 = exempt
		* = shell
	CONF
}

# said COMMAND...: both streams, and the exit status as the last line.
said() {
	"$@" 2>&1 </dev/null
	echo "status $?"
}

fresh
t 'accepts a good configuration' "$carrel" check "$etc"
t_same 'has nothing to say about it' "$(said "$carrel" check "$etc")" "read $etc/carrel.conf
1 profile, 2 assignments, 0 errors, 0 warnings
status 0"
t 'accepts one file alone' "$carrel" check "$etc/carrel.conf"
t 'accepts a slash at the end' "$carrel" check "$etc/"

cp "$src/etc/carrel.conf" "$etc/carrel.conf"
t 'accepts the configuration we ship' "$carrel" check "$etc"

# finds NAME LINE-PATTERN STATUS: spoils nothing itself.
finds() {
	found=$(said "$carrel" check "$etc")
	t_match "$1" "$found" "$2"
	t_match "$1: exit status $3" "$found" "^status $3\$"
}

fresh
echo 'fliter = x' >>"$etc/carrel.conf"
finds 'names the profile that does not exist' "^error: $etc/carrel.conf:6: fliter = 'x': no such profile" 1
fresh
echo '[profile x]
fliter = x' >"$etc/conf.d/10.conf"
finds 'names file, line and word in a drop-in' "^error: $etc/conf.d/10.conf:2: unknown key 'fliter'" 1
fresh
sed 's/root = yes/filter = missing/' "$etc/carrel.conf" >"$etc/new" && mv "$etc/new" "$etc/carrel.conf"
finds 'names the filter that does not exist' "^error: $etc/carrel.conf:1: profile 'shell': .*missing" 1
fresh
echo 'rubbish' >"$etc/filters/default.filter"
finds 'names the filter that is broken' "^error: $etc/carrel.conf:1: .*default.filter:1: " 1
fresh
sed 's/root = yes/filter = small/' "$etc/carrel.conf" >"$etc/new" && mv "$etc/new" "$etc/carrel.conf"
printf '[filter]\nallow = socket\n[args]\nsocket.domain = AF_UNIX\n' >"$etc/filters/small.filter"
t_same 'has nothing to say of a filter for the own ABI' "$("$carrel" check "$etc" | grep -c socketcall)" 0
printf '[filter]\nallow = socket\narches = native i386\n[args]\nsocket.domain = AF_UNIX\n' >"$etc/filters/small.filter"
finds 'warns of rules that 32-bit programs go round' "^warning: $etc/filters/small.filter:3: .*socketcall" 0
# 64 comparisons under a mask, for each of 30 families: more instructions than the kernel takes.
{
	printf '[filter]\nallow = socket\n[args]\n'
	for family in $(seq 30); do
		printf 'socket(%d).protocol = not\n' "$family"
		for value in $(seq 8); do
			printf '\t0x%d1/0xff1 0x%d2/0xff2 0x%d3/0xff3 0x%d4/0xff4 0x%d5/0xff5 0x%d6/0xff6 0x%d7/0xff7 0x%d8/0xff8\n' \
				"$value" "$value" "$value" "$value" "$value" "$value" "$value" "$value"
		done
	done
} >"$etc/filters/small.filter"
finds 'refuses what is no program' "^error: $etc/carrel.conf:1: .*more than the 4096 instructions" 1
fresh
rm "$etc/carrel.conf"
finds 'misses carrel.conf' "^error: $etc/carrel.conf: No such file" 1

fresh
echo '@no-such-group-here = refuse' >>"$etc/carrel.conf"
finds 'warns of a group that does not exist' "^warning: $etc/carrel.conf:6: group 'no-such-group-here'" 0
finds 'warns of a line that is never reached' \
	"^warning: $etc/carrel.conf:6: '@no-such-group-here' is never reached: .*carrel.conf:5" 0
fresh
echo '[assign cron]
no-such-user-here = refuse' >>"$etc/carrel.conf"
finds 'warns of a user that does not exist' "^warning: $etc/carrel.conf:7: user 'no-such-user-here'" 0
t_same 'another service is another list' "$("$carrel" check "$etc" | grep -c 'never reached')" 0
fresh
echo '[profile spare]
linger = yes' >"$etc/conf.d/10.conf"
finds 'warns of a profile nobody has' "^warning: $etc/conf.d/10.conf:1: profile 'spare' is assigned" 0
finds 'warns of linger without limits' "^warning: $etc/conf.d/10.conf:1: profile 'spare': linger" 0
echo 'memory-max = 1G
tasks-max = 100' >>"$etc/conf.d/10.conf"
t_same 'linger with limits is well' "$("$carrel" check "$etc" | grep -c linger)" 0
fresh
echo '[profile box]
images = *
home = yes' >"$etc/conf.d/10.conf"
finds 'warns of images that nobody may run' "^warning: $etc/conf.d/10.conf:2: profile 'box': 'images' means nothing" 0
finds 'and of every other such key' "^warning: $etc/conf.d/10.conf:3: profile 'box': 'home' means nothing" 0
echo 'run = yes
[profile guest]
inherit = box
run = no' >>"$etc/conf.d/10.conf"
t_same 'has nothing to say when they may, or of what is inherited' \
	"$("$carrel" check "$etc" | grep -c 'means nothing')" 0
t_same 'a profile for containers needs no assignment' "$("$carrel" check "$etc" | grep -c "'box' is assigned")" 0
echo '[profile bare]
run = yes
run-profiles = box guest
[profile tree]
inherit = bare
bundles = yes
[profile none]
run = yes
bundles = yes
signed = yes' >>"$etc/conf.d/10.conf"
finds 'warns when there is nothing to start' "^warning: $etc/conf.d/10.conf:8: profile 'bare': run = yes without" 0
finds 'warns of a choice that is none' "^warning: $etc/conf.d/10.conf:10: profile 'bare': 'guest' of run-profiles" 0
t_same 'a choice that is one is well' "$("$carrel" check "$etc" | grep -c "'box' of run-profiles")" 0
finds 'warns of bundles that had to be signed' "^warning: $etc/conf.d/10.conf:16: profile 'none': bundles = yes means" 0
t_same 'a bundle is something to start' "$("$carrel" check "$etc" | grep -c "'tree': ")" 0
fresh
printf '[profile box]\nrun-profiles = shell\n\tbix\n' >"$etc/conf.d/10.conf"
finds 'names a choice that does not exist, and its line' "^error: $etc/conf.d/10.conf:3: run-profiles = 'bix': no such" 1
fresh
echo '[ids]
uids = 1-60000
[groups]
negative = no-such-group-here' >>"$etc/carrel.conf"
finds 'warns of uids beyond the pool' "^warning: .*'pool'" 0
finds 'warns of a negative group that does not exist' "^warning: .*no-such-group-here" 0
fresh
sed '/^\*/d; /^uid/d' "$etc/carrel.conf" >"$etc/new" && mv "$etc/new" "$etc/carrel.conf"
finds 'warns when not everybody is assigned' "^warning: no '\* ='" 0
finds 'warns when nobody is exempt' '^warning: nobody is exempt' 0

fresh
echo 'x = y' >>"$etc/carrel.conf"
t_match '--json tells the error' "$("$carrel" check --json "$etc")" "\"text\": \"$etc/carrel.conf:6: "
t_match '--json says it is not ok' "$("$carrel" check --json "$etc")" '"ok": false'
t_not '--json keeps the exit status' "$carrel" check --json "$etc"
printf '[profile \344]\n' >"$etc/carrel.conf"
t_match '--json stays UTF-8 whatever the file holds' "$("$carrel" check --json "$etc")" 'profile \?\]'
fresh
echo 'root = refuse' >>"$etc/carrel.conf"
t_match '--json tells a warning with its line' "$("$carrel" check "$etc" --json)" '"line": 6'
if command -v python3 >/dev/null 2>&1; then
	"$carrel" check --json "$etc" >"$tmp/json"
	t '--json is JSON' python3 -m json.tool "$tmp/json"
else
	skip '--json is JSON' 'needs python3'
fi

t_match 'names an unknown option' "$(said "$carrel" check --jsno "$etc")" "jsno"
t_match 'an unknown option is wrong usage' "$(said "$carrel" check --jsno "$etc")" '^status 2$'
t_match 'names a second operand' "$(said "$carrel" check "$etc" surplus)" "'surplus'"
t_match 'a second operand is wrong usage' "$(said "$carrel" check "$etc" surplus)" '^status 2$'
t_match 'has help' "$(said "$carrel" check --help)" '^usage: carrel check'
t_match 'names an unknown command' "$(said "$carrel" chekc)" "unknown command 'chekc'"
t_match 'an unknown command is wrong usage' "$(said "$carrel" chekc)" '^status 2$'
t_match 'no command is wrong usage' "$(said "$carrel")" '^status 2$'
t_match 'names an unknown option before the command' "$(said "$carrel" --vresion)" "unknown option '--vresion'"
t_match 'knows its version' "$(said "$carrel" --version)" '^carrel [0-9]'
if [ -w /dev/full ]; then
	"$carrel" check "$etc" >/dev/full 2>"$tmp/said"
	t_same 'a full disk is no success' "$?" 1
	t_match 'and is told' "$(cat "$tmp/said")" 'standard output'
else
	skip 'a full disk is no success' 'needs /dev/full'
fi
finish
