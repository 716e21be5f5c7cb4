#!/bin/sh
# carrel run --bundle: which options of carrel run a bundle becomes, and that those of the caller stand above them.
#
# What it executes is played here by a script that tells its arguments. What is taken from config.json and what is refused,
# tests/unit/test-bundle.c knows.

# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"

b=$tmp/bundle
mkdir -p "$tmp/bin" "$b/rootfs" "$b/beside" || exit 1
cp "$build/carrel-cli" "$tmp/bin/carrel-cli"
cat >"$tmp/bin/carrel" <<'END'
#!/bin/sh
shift
line=
for word do
	[ "$was" != --narrow ] || { narrow=$word word=FD; }
	line="$line $word"
	was=$word
done
printf '%s\n' "${line# }"
[ -z "$narrow" ] || readlink "/proc/self/fd/$narrow"
END
chmod 755 "$tmp/bin/carrel"

# config PROCESS TOP: config.json, with more in its process and beside it.
config() {
	printf '%s\n' '{ "ociVersion": "1.0.2", "root": { "path": "rootfs" },
		"process": { "cwd": "/srv", "args": ["a", "b c"], "terminal": true '"${1-}"' } '"${2-}"' }' >"$b/config.json"
}

# told ARGUMENT...: what carrel run is executed with.
told() {
	env -i A=outside PATH="$PATH" "$tmp/bin/carrel-cli" run-bundle --bundle "$b" "$@" 2>&1
}

tree="--rootfs $b/rootfs"
config
t_same 'the least' "$(told)" "$tree --workdir /srv --caps 0 -- a b c"
t_same 'another command' "$(told x -d y)" "$tree --workdir /srv --caps 0 -- x -d y"
t_same 'also behind --' "$(told -- -d)" "$tree --workdir /srv --caps 0 -- -d"
t_same 'what does not meet the bundle goes through' \
	"$(told -d --home --rm --keep --name n --profile p --narrow 9 -v /x:/y --bind=/z:/w:ro)" "$(
		echo "--detach --home --rm --keep --name n --profile p --narrow FD --bind /x:/y --bind /z:/w:ro" \
			"$tree --workdir /srv --caps 0 -- a b c"
	)"
config ', "user": { "uid": 7, "gid": 8 }, "noNewPrivileges": true, "capabilities": { "bounding": ["CAP_CHOWN", "CAP_KILL"] }'
t_same 'user, capabilities, no_new_privs' "$(told)" "$tree --workdir /srv --user 7:8 --caps 21 --no-new-privs -- a b c"
t_same 'the command line stands above them' "$(told -w /w -u u --caps ff --no-new-privs)" \
	"--workdir /w --user u --caps ff --no-new-privs $tree -- a b c"
config ', "user": { "uid": 0, "gid": 8 }'
t_same 'a gid alone' "$(told)" "$tree --workdir /srv --user 0:8 --caps 0 -- a b c"
printf '%s\n' '{ "ociVersion": "1.0.2", "root": { "path": "rootfs", "readonly": true }, "process": { "cwd": "/", "args": ["a"] },
	"linux": { "namespaces": [{ "type": "network" }] } }' >"$b/config.json"
t_same 'no terminal, no network, read-only' "$(told)" "$tree --read-only --net none --workdir / --caps 0 --no-tty -- a"
t_same 'unless the command line has them' "$(told -t --net host)" "--net host $tree --read-only --workdir / --caps 0 -- a"
t_same 'or says the same' "$(told -T --read-only --net none)" "--no-tty --read-only --net none $tree --workdir / --caps 0 -- a"

config '' ', "mounts": [{ "destination": "/o", "type": "bind", "source": "/x:y\\z", "options": ["ro"] },
	{ "destination": "/p:q", "type": "bind", "source": "beside" }]'
t_same 'binds, with colons and backslashes' "$(told -v /l:/m)" \
	"--bind /l:/m $tree --workdir /srv --caps 0 --bind /x\\:y\\\\z:/o:ro --bind $b/beside:/p\\:q:rw -- a b c"
t_not 'no places are made for them here' test -d "$b/rootfs/p:q"
config '' ', "mounts": [{ "destination": "/v:w", "type": "tmpfs", "options": ["ro", "mode=700", "tmpcopyup"] }, { "destination": "/x", "type": "tmpfs" }]'
t_same 'memory' "$(told)" "$tree --workdir /srv --caps 0 --tmpfs /v\\:w:ro,mode=700 --tmpfs /x: -- a b c"
mkdir "$b/rootfs/x" && touch "$b/rootfs/x/y"
config '' ', "mounts": [{ "destination": "/x", "type": "tmpfs", "options": ["tmpcopyup"] }]'
t_match 'which does not begin with what is there' "$(told)" "tmpfs at '/x' has 'tmpcopyup'"

config ', "env": ["A=1", "B=2", "A=3", "TERM=vt52"]'
t_same 'variables, each once' "$(told)" "$tree --workdir /srv --caps 0 --env B --env A --env TERM -- a b c"
shown=$(config ', "env": ["A=secret", "B=2"]' && env -i A=outside C=c TERM=vt100 PATH="$PATH" \
	"$tmp/bin/carrel-cli" run-bundle --bundle "$b" -e B=five -e C -e GONE -e D=d x)
t_same 'values are in no argument' "$(echo "$shown" | grep -c 'secret\|five\|vt100')" 0
sed -i '2i env | sort' "$tmp/bin/carrel"
shown=$(env -i A=outside C=c OTHER=o TERM=vt100 PATH="$PATH" \
	"$tmp/bin/carrel-cli" run-bundle --bundle "$b" -e B=five -e C -e GONE -e D=d x | grep -v '^PWD=\|^_=\|^SHLVL=\|^OLDPWD=' | xargs)
t_same 'but in the environment, and nothing besides but TERM' "$shown" \
	"A=secret B=five C=c D=d TERM=vt100 $tree --workdir /srv --caps 0 --env A --env B --env C --env D -- x"
sed -i 2d "$tmp/bin/carrel"

config '' ', "linux": { "seccomp": { "defaultAction": "SCMP_ACT_ALLOW" } }'
t_same 'a filter, in memory' "$(told | sed 's/ (deleted)//' | xargs)" \
	"$tree --narrow FD --workdir /srv --caps 0 -- a b c /memfd:carrel-bundle-filter"
printf '%s\n' '{ "ociVersion": "1.0.2", "root": { "path": "rootfs" }, "process": { "cwd": "/" } }' >"$b/config.json"
t_match 'no command at all' "$(told)" 'process has no args, and no command was given'
t_same 'is one with the command line' "$(told -t x)" "$tree --workdir / --caps 0 -- x"

# Two programs read the options of carrel run: what the one takes the other must know.
for option in $("$build/carrel" run --help | grep -o -- '--[a-z][a-z-]*' | sort -u); do
	case $option in
	--help | --image | --rootfs | --bundle) continue ;; # do not come here
	esac
	if "$build/carrel" run --help | grep -Eq -- "$option ([A-Z]|host)"; then
		t_match "$option goes with it" "$(told "$option" 1 x)" '^(.* )?-- x'
	else
		t_match "$option goes with it" "$(told "$option" x)" '^(.* )?-- x'
	fi
done
t_match 'and so do the words of others for them' "$(told --volume /a:/b --network host x)" '^--volume /a:/b --network host .*-- x'
t_match 'others do not' "$(told --frobnicate x)" "'--frobnicate': no option that goes with --bundle"
t_match 'and it needs a bundle' "$("$tmp/bin/carrel-cli" run-bundle x 2>&1)" 'which --bundle[?]'
t_not 'nobody is told to type it' sh -c "'$build/carrel-cli' --help | grep run-bundle"
finish
