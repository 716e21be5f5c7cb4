#!/bin/sh
# carrel list and carrel kill: what they ask a helper, which fakehelper.py plays, and what they make of its answers.

# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"

need python3 unshare setpriv
# The sockets have fixed places: a /run of this test's own.
if [ -z "${CARREL_LIST_INSIDE-}" ]; then
	tests_finished=yes
	rm -rf "$tmp"
	trap - EXIT
	export CARREL_LIST_INSIDE=yes
	if [ "$(id -u)" -eq 0 ]; then
		exec unshare -m sh "$0"
	elif unshare -Urm true 2>/dev/null; then
		exec unshare -Urm sh "$0"
	fi
	tmp=$(mktemp -d)
	skip_rest 'needs root'
fi
mount --make-rprivate / && mount -t tmpfs none /run || exit 1
mkdir -p /run/carrel/inside
# Where the user of the tests can read it.
mkdir /run/bin
cp "$build/carrel" "$build/carrel-cli" /run/bin
chmod 755 "$tmp" /run/bin

log=$tmp/log
mode=$tmp/mode
echo run >"$mode"
helpers=
listen() {
	mkfifo "$tmp/ready"
	python3 "$src/tests/cli/fakehelper.py" "$1" "$log" "$mode" >"$tmp/ready" &
	helpers="$helpers $!"
	read -r _ <"$tmp/ready"
	rm "$tmp/ready"
}
listen /run/carrel/inside/helper.sock
TZ=UTC
export TZ

# asked COMMAND...: what arrived
asked() {
	: >"$log"
	"$@" >/dev/null 2>&1
	cat "$log"
}
carrel=/run/bin/carrel
all=4294967295

# ---- list ----

t_same 'list shows the own ones, and none of sessions' "$("$carrel" list)" "\
name  user   profile  image   pid  range          started              command
web   54321  lab      debian   77  600000-665535  2026-11-21 23:52:11  nginx -g 'daemon off;'"
t_same 'and asks for no other' "$(asked "$carrel" list)" 'list 0 True'
t_same '--sessions shows those as well' "$("$carrel" list --sessions | sed 's/  .*//')" "name
@lab
web"
t_same 'with nothing where there is nothing' "$("$carrel" list -s | sed -n 2p)" \
	'@lab  54321  lab      -        78  700000-765535  -                    '
t_same '--all shows all, by user' "$("$carrel" list -a | sed 's/ .*//')" "name
a-very-long-name.of_a_container
web"
t_same 'and asks for all' "$(asked "$carrel" list --all)" 'list 1 True'
t_match 'no byte of others reaches the terminal' "$("$carrel" list -a)" "sh -c '.x1b\\]0;x.xff'\$"
t_same '-q names them' "$("$carrel" list -asq)" "a-very-long-name.of_a_container
@lab
web"
json() {
	"$carrel" list --json -as | python3 -c "import json,sys; d = json.load(sys.stdin); print($1)"
}
t_same '--json says all of it' "$(json 'sorted(d[2].items())')" "[('command', \"nginx -g 'daemon off;'\"), \
('digest', 'sha256:ab'), ('image', 'debian'), ('name', 'web'), ('pid', 77), ('profile', 'lab'), \
('range', {'start': 600000, 'count': 65536}), ('sessions', 0), ('started', '2026-11-21T23:52:11.000Z'), ('uid', 54321), \
('user', '54321')]"
t_same 'with null where there is nothing' "$(json '[d[1][k] for k in ("image", "digest", "started")]')" '[None, None, None]'
t_same 'it is one or the other' "$("$carrel" list --json -q 2>&1; echo $?)" "\
carrel list: --json and '--quiet'; see 'carrel list --help'
2"
echo none >"$mode"
t_same 'none is an empty list' "$("$carrel" list --json)" '[]'
t_same 'for people as well' "$("$carrel" list)" 'name  user  profile  image  pid  range  started  command'
t_same 'and no name' "$("$carrel" list -q)" ''

echo refuse >"$mode"
t_same 'a refusal has the words of the helper' "$("$carrel" list -a 2>&1; echo $?)" "\
carrel list: only root may see everybody's
1"
echo drop >"$mode"
t_same 'an end without a last word is a failure' "$("$carrel" list 2>&1; echo $?)" "\
carrel list: carrel-helper broke off: too many ask at once; try again
1"
echo odd >"$mode"
t_same 'another version is a failure' "$("$carrel" list 2>&1; echo $?)" "\
carrel list: carrel-helper is of another version; restart it
1"
echo run >"$mode"
t 'and it works again' "$carrel" list
t_same 'an argument is a mistake' "$("$carrel" list web 2>&1; echo $?)" "\
carrel list: unknown argument 'web'; see 'carrel list --help'
2"
t_same 'an unknown option as well' "$("$carrel" list --foo >/dev/null 2>&1; echo $?)" 2

# ---- kill ----

t_same 'kill ends what is the own' "$(asked "$carrel" kill web; "$carrel" kill web; echo $?)" "kill $all 0 web True
0"
t_same 'one after the other' "$(asked "$carrel" kill web db)" "kill $all 0 web True
kill $all 0 db True"
for word in TERM SIGTERM term 15; do
	t_same "-s $word is a signal" "$(asked "$carrel" kill -s $word web)" "kill $all 15 web True"
done
t_same '-s takes all signals' "$(asked sh -c 'for word in HUP sigkill Stop CONT winch IO iot CLD RTMIN rtmin+1 SIGRTMAX-2 RTMAX 64 32
	do "$0" kill -s $word web; done' "$carrel" | cut -d' ' -f3 | xargs)" "1 9 19 18 28 29 6 17 34 35 62 64 64 32"
t_same 'and so does the way of kill(1)' "$(asked sh -c 'for word in -9 -KILL -INT -SIGUSR1 -stop -sys -segv -RTMIN+3 -sHUP -64
	do "$0" kill $word web; done; "$0" kill web -CONT; "$0" kill -s CONT -- web' "$carrel" | cut -d' ' -f3 | xargs)" \
	"9 9 2 10 19 31 11 37 1 64 18 18"
for word in -0 -65 -FOO -RTMIN+31 -RTMAX-31 -RTMIN-1; do
	t_same "'$word' is none" "$(asked "$carrel" kill "$word" web; "$carrel" kill "$word" web 2>&1; echo $?)" "\
carrel kill: no such signal: '${word#-}'; see 'carrel kill --help'
2"
done
t_same '--user says whose' "$(asked "$carrel" kill --user bin --signal=HUP @lab)" "kill $(id -u bin) 1 @lab True"
t_same 'also by number' "$(asked "$carrel" kill --user 54321 web)" "kill 54321 0 web True"
for word in 0 65 FOO SIG ''; do
	t_same "'$word' is no signal" "$(asked "$carrel" kill -s "$word" web; "$carrel" kill -s "$word" web 2>&1; echo $?)" "\
carrel kill: no such signal: '$word'; see 'carrel kill --help'
2"
done
t_same 'nor nobody a user' "$(asked "$carrel" kill --user no-such web; "$carrel" kill --user no-such web 2>&1; echo $?)" "\
carrel kill: no such user: 'no-such'; see 'carrel kill --help'
2"
t_same 'nothing to end is a mistake' "$("$carrel" kill 2>&1; echo $?)" "\
carrel kill: which container? nothing follows 'kill'; see 'carrel kill --help'
2"
name=$(printf '%0100d' 0)
t_same 'a name that none can have is not asked for' "$(asked "$carrel" kill "$name"; "$carrel" kill "$name" 2>&1; echo $?)" "\
carrel kill: $name: no container has so long a name
1"
echo slow >"$mode"
t_same 'all are told before one is waited for, and then it is the same one' "$(asked "$carrel" kill a b)" "kill $all 0 a True
kill $all 0 b True
kill $all 0 @77 a True
kill $all 0 @77 b True"
echo refuse >"$mode"
t_same 'a refusal is told, and the next one still tried' "$(asked "$carrel" kill a b; "$carrel" kill a b 2>&1; echo $?)" "\
kill $all 0 a True
kill $all 0 b True
carrel kill: a: there is no container of yours called so
carrel kill: b: there is no container of yours called so
1"
echo drop >"$mode"
t_same 'no answer is a failure' "$("$carrel" kill web 2>&1; echo $?)" "\
carrel kill: web: carrel-helper broke off: too many ask at once; try again
1"
echo odd >"$mode"
t_same 'and that of another version' "$("$carrel" kill web 2>&1; echo $?)" "\
carrel kill: web: carrel-helper is of another version; restart it
1"
echo run >"$mode"

# ---- where they ask ----

as_user() {
	setpriv --reuid 54321 --regid 54321 --clear-groups "$@"
}
if as_user true 2>/dev/null; then
	t 'where only a container could be heard, a user asks there' as_user "$carrel" list
	mv /run/carrel/inside/helper.sock /run/carrel/inside/away
	listen /run/carrel/helper.sock
	t 'else at the place for users' as_user "$carrel" list
	t_same 'where root is not heard' "$("$carrel" list 2>&1; echo $?)" "\
carrel list: carrel-helper does not answer at /run/carrel/inside/helper.sock: No such file or directory
1"
elif grep -q ' 0 *0 *4294967295' /proc/self/uid_map; then
	skip 'users ask at another place' 'needs root'
else
	echo '# in a namespace of an ordinary user there is nobody else; root runs this again'
fi

# shellcheck disable=SC2086
kill $helpers
finish
