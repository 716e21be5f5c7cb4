#!/bin/sh
# 10-door.sh - carrel-door and carrel-relay together, without a container: terminals, pipes, signals, status.
#
# A program that plays the helper (fakehelper.py) starts the relay as this machine's root; the door runs as a user in
# a mount namespace where it lies over bash, cat and others. The tests are in door.py.

. "$(dirname "$0")/../lib/test.sh"

if [ "$(id -u)" -ne 0 ]; then
	skip_rest 'needs root'
fi
need python3 unshare
# The door of the tests asks at another place than that of the product, and is otherwise the same.
link() {
	# shellcheck disable=SC2086
	(cd "$src" && ${CC:-cc} -D_GNU_SOURCE -I. -O2 -g -fno-builtin -fno-PIE -U_FORTIFY_SOURCE \
		-DWIRE_SOCKET="\"$tmp/sock\"" -o "$@" -static -nostdlib)
}

chmod 755 "$tmp"
t 'the door links against nothing' link "$tmp/carrel-door" helper/door/door.c helper/door/client.c helper/door/ask.c \
	helper/door/payload.c helper/door/terminal.c helper/door/say.c helper/door/sys.c
t 'the relay links against nothing' link "$tmp/carrel-relay" helper/door/relay.c helper/door/command.c \
	helper/door/identity.c helper/door/names.c helper/door/end.c helper/public/program.c helper/door/sys.c
t_same 'neither looks up names or loads code' \
	"$(nm "$tmp/carrel-door" "$tmp/carrel-relay" | grep -E 'dlopen|nss|getpw|getgr(nam|gid|ent)|iconv|malloc| U ')" ''

# Its TAP follows ours in one stream, with a plan of its own.
unshare -m python3 "$src/tests/door/door.py" "$tmp" "$@"
finish
