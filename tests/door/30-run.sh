#!/bin/sh
# 30-run.sh - carrel run and carrel exec, without a container: what they ask for and refuse, terminals, pipes, signals, status.
#
# The helper is played by the tests themselves, which look at what arrives, or by fakehelper.py, which starts the relay as
# this machine's root. The tests are in run.py.

. "$(dirname "$0")/../lib/test.sh"

if [ "$(id -u)" -ne 0 ]; then
	skip_rest 'needs root'
fi
need python3 nsenter
# They ask at another place than the product, and are otherwise the same.
link() {
	# shellcheck disable=SC2086
	(cd "$src" && ${CC:-cc} -D_GNU_SOURCE -I. -O2 -g -fno-builtin -fno-PIE -U_FORTIFY_SOURCE \
		-DWIRE_SOCKET="\"$tmp/sock\"" -DWIRE_INSIDE="\"$tmp/inside\"" \
		-DCARREL_LIBEXECDIR="\"$tmp/libexec\"" -o "$@" -static -nostdlib)
}

chmod 755 "$tmp"
carrel='helper/door/carrel.c helper/door/launch.c helper/door/launch_options.c helper/door/client.c helper/door/ask.c
	helper/door/payload.c helper/door/terminal.c helper/door/say.c helper/door/sys.c'
# shellcheck disable=SC2086
t 'carrel links against nothing' link "$tmp/carrel" $carrel
# For those tests alone that wait until it gives up.
# shellcheck disable=SC2086
t 'so does one with less patience' link "$tmp/carrel-hasty" -DASK_WAIT_MS=5000 $carrel
t 'the relay links against nothing' link "$tmp/carrel-relay" helper/door/relay.c helper/door/command.c \
	helper/door/identity.c helper/door/names.c helper/door/end.c helper/public/program.c helper/door/sys.c
t_same 'carrel looks up no names and loads no code' \
	"$(nm "$tmp/carrel" | grep -E 'dlopen|nss|getpw|getgr(nam|gid|ent)|iconv|malloc| U ')" ''

# Its TAP follows ours in one stream, with a plan of its own.
python3 -B "$src/tests/door/run.py" "$tmp" "$@"
finish
