#!/bin/sh
# make check works for an ordinary user without a network, as in a distribution's build chroot.

# shellcheck source=../lib/packaging.sh
. "$(dirname "$0")/../lib/packaging.sh"

name='make check passes as a user without privilege and network'
if [ "$(id -u)" -ne 0 ]; then
	pass 'make check runs as an ordinary user: this is it'
	finish
fi
need setpriv unshare

# An ID that no account has; no home, no groups, nothing in the environment.
copy_tree "$tmp/tree"
chmod 755 "$tmp"
chown -R 61234:61234 "$tmp/tree"
as_nobody() {
	unshare --net setpriv --reuid 61234 --regid 61234 --clear-groups --inh-caps=-all --bounding-set=-all \
		env -i PATH="$PATH" CARREL_NESTED=1 TMPDIR=/tmp sh -c "cd '$tmp/tree' && $1"
}
if ! as_nobody true 2>/dev/null; then
	skip "$name" 'cannot shed privilege here'
	finish
fi
as_nobody "./configure --quiet CFLAGS=-O0 && $make -j2 check" >"$tmp/log" 2>&1
status=$?
if [ $status -eq 0 ]; then
	pass "$name"
else
	fail "$name" "$(grep -A 12 -E '^FAIL|error:|Error' "$tmp/log" | head -n 60)"
fi
t_match 'and says how much was tried' "$(tail -n 1 "$tmp/log")" '^[1-9][0-9]* passed, 0 failed, [0-9]+ skipped$'
finish
