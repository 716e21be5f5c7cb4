#!/bin/sh
# A user in 400 groups, ranges in /etc/subuid, ranges that collide: with account files of this test's own,
# bound over the machine's in a private mount namespace, so that the real libc and libsubid read them.

# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"

carrel=$build/carrel
etc=$tmp/etc
if ! unshare -m true 2>/dev/null; then
	skip_rest 'needs root, for a mount namespace'
fi
for file in passwd group subuid subgid nsswitch.conf; do
	[ -e "/etc/$file" ] || skip_rest "needs /etc/$file to bind over"
done

mkdir -p "$etc" "$tmp/world"
cp -R "$src/etc/filters" "$etc/filters"
cat >"$etc/carrel.conf" <<'CONF'
[profile shell]
[assign]
@last-group = shell
@many200 = refuse
* = refuse
CONF

# world GROUPS STEP: account files with user ada, who is in GROUPS groups besides her own.
world() {
	printf 'passwd: files\ngroup: files\nsubid: files\n' >"$tmp/world/nsswitch.conf"
	printf 'root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n' \
		>"$tmp/world/passwd"
	{
		printf 'root:x:0:\nada:x:1000:\n'
		awk -v n="$1" -v step="$2" 'BEGIN {
			for (i = 1; i <= n; i++)
				printf "%s:x:%d:bob,ada\n", i == n ? "last-group" : "many" i, 200000 + i * step
		}'
	} >"$tmp/world/group"
	: >"$tmp/world/subuid"
	: >"$tmp/world/subgid"
}

# inside COMMAND...: in that world.
inside() {
	# shellcheck disable=SC2016
	unshare -m sh -c '
		for file in passwd group subuid subgid nsswitch.conf; do
			mount --bind "$tmp/world/$file" "/etc/$file" || exit 99
		done
		exec "$@"' sh "$@" 2>&1
	echo "status $?"
}

explained() {
	inside "$carrel" explain --config "$etc" ada
}

world 1 1
t_match 'one group' "$(explained)" '^user +ada \(uid 1000, 2 groups\)'
echo 'same:x:200001:ada' >>"$tmp/world/group"
t_match 'two names of one group count once' "$(explained)" '^user +ada \(uid 1000, 2 groups\)'
world 64 2
seen=$(explained)
t_match '64 scattered groups: all are known' "$seen" '^user +ada \(uid 1000, 65 groups\)'
t_same '64 scattered groups: all are mapped' \
	"$(printf '%s\n' "$seen" | grep -Ec ' +2[0-9]{5} +2[0-9]{5} +1$')" 64
world 400 1
seen=$(explained)
t_match '400 neighbouring groups: all are known' "$seen" '^user +ada \(uid 1000, 401 groups\)'
t_match '400 neighbouring groups: one line' "$seen" '^ +200001 +200001 +400$'
t_match '400 neighbouring groups: the last one decides' "$seen" 'carrel.conf:3: \[assign\] @last-group'
world 400 7
seen=$(explained)
t_match '400 scattered groups: the session would open' "$seen" '^verdict +confine$'
t_match '400 scattered groups: the last one still decides' "$seen" '@last-group'
t_match '400 scattered groups: tells how many do not fit' "$seen" '^ +[0-9]+ groups do not fit'
sed 's/bob,ada/bob/' "$tmp/world/group" >"$tmp/world/new" && mv "$tmp/world/new" "$tmp/world/group"
t_match 'a group of others decides nothing' "$(explained)" '\[assign\] \*'

world 1 1
echo 'ada:300000:70000' | tee "$tmp/world/subuid" >"$tmp/world/subgid"
seen=$(explained)
t_match 'a range from /etc/subuid' "$seen" '^IDs +from /etc/subuid, /etc/subgid$'
t_match 'one slot of it' "$seen" '^ +uids +300000-365535$'
t_match 'and it stands' "$seen" '^verdict +confine$'
echo '1000:300000:70000' | tee "$tmp/world/subuid" >"$tmp/world/subgid"
t_match 'an owner may be a number' "$(explained)" '^ +uids +300000-365535$'
echo 'ada:300000:65536
bob:365535:65536' >"$tmp/world/subuid"
echo 'ada:300000:65536' >"$tmp/world/subgid"
t_match 'a range that meets another is refused' "$(explained)" "^verdict +refuse: .*'ada' meets .*'bob'"
t_match 'which is no success' "$(explained)" '^status 1$'
echo 'bob:65994752:1' >"$tmp/world/subuid"
: >"$tmp/world/subgid"
t_match 'a slot that meets a range is refused' "$(explained)" "^verdict +refuse: .*'bob' in /etc/subuid"
: >"$tmp/world/subuid"
echo 'stranger:x:66000000:1::/:' >>"$tmp/world/passwd"
t_match 'a slot that holds an account is refused' "$(explained)" "^verdict +refuse: .*'stranger'"
world 1 1
echo 'rooted:x:0:ada' >>"$tmp/world/group"
t_match 'a user in group 0 is refused' "$(explained)" '^verdict +refuse: .*group 0'

world 1 1
cp "$src/etc/carrel.conf" "$etc/shipped.conf"
t_match 'what we ship confines a user' "$(inside "$carrel" explain --config "$etc/shipped.conf" ada)" \
	'^verdict +confine$'
echo 'sudo:x:27:ada' >>"$tmp/world/group"
t_match 'and exempts an admin' "$(inside "$carrel" explain --config "$etc/shipped.conf" ada)" \
	'^verdict +exempt$'
finish
