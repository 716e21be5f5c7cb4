#!/bin/sh
# carrel explain: the line that decides, the profile that comes of it, IDs and maps; without privilege.

# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"

carrel=$build/carrel
etc=$tmp/etc
user=bin # on every machine, with a low uid, and in nobody's subuid
uid=$(id -u "$user") || skip_rest "there is no user $user"
if grep -qs "^$user:" /etc/subuid; then
	skip_rest "$user has subordinate IDs here"
fi
group=$(id -gn "$user")
first=$((3000000000 + (uid - 1) * 65536))

mkdir -p "$etc"
cp -R "$src/etc/filters" "$etc/filters"
cat >"$etc/carrel.conf" <<CONF
[profile shell]
memory-max = 1536M
cpu-quota = 150%
bind = /srv/a -/srv/b
[profile batch]
filter = missing
[profile broken-ids]
[assign cron]
$user = batch
[assign at]
$user = refuse
[assign login]
$user = exempt
[assign]
@$group = shell
[ids]
pool = 3000000000-3100000000
uids = 1-999
CONF

# explained ARGUMENT...: both streams, and the exit status as the last line.
explained() {
	"$carrel" explain --config "$etc" "$@" 2>&1 </dev/null
	echo "status $?"
}

seen=$(explained --service sshd "$user")
t_match 'names the user' "$seen" "^user +$user \(uid $uid, [0-9]+ groups?\)"
t_match 'names file and line' "$seen" "^decided by +$etc/carrel.conf:15: \[assign\] @$group"
t_match 'names the verdict' "$seen" '^verdict +confine$'
t_match 'names the profile and its line' "$seen" "^profile +shell \($etc/carrel.conf:1\)"
t_match 'shows what the profile sets' "$seen" '^ +memory-max +1536M'
t_match 'shows percentages' "$seen" '^ +cpu-quota +150%'
t_match 'shows what it leaves open' "$seen" '^ +linger +processes'
t_match 'shows lists' "$seen" '^ +bind +/srv/a -/srv/b$'
t_match 'names the file of the filter' "$seen" "^filter files +$etc/filters/default.filter\$"
t_match 'shows where IDs come from' "$seen" '^IDs +from pool'
t_match 'shows the range' "$seen" "^ +uids +$first-$((first + 65535))"
t_match 'maps the user to themselves' "$seen" "^( +uid map)? +$uid +$uid +1\$"
t_match 'maps root into the range' "$seen" "^ +uid map +0 +$first +$uid\$"
t_match 'succeeds when the session would open' "$seen" '^status 0$'

t_match 'shows that containers are not allowed' "$seen" '^ +run +no$'
t_same 'and nothing of what they might be' "$(printf '%s\n' "$seen" | grep -c max-containers)" 0

seen=$(explained --service cron "$user")
t_match 'the service comes first' "$seen" 'carrel.conf:9: \[assign cron\]'
t_match 'a missing filter refuses' "$seen" '^verdict +refuse: .*missing'
t_match 'and is no success' "$seen" '^status 1$'
t_match 'a line that refuses' "$(explained --service at "$user")" '^verdict +refuse'
t_match 'refusal is no success' "$(explained --service at "$user")" '^status 1$'
t_match 'a line that exempts' "$(explained --service login "$user")" '^verdict +exempt'
t_match 'exemption is success' "$(explained --service login "$user")" '^status 0$'
t_match 'root is exempt before any line' "$(explained root)" 'uid 0 is always exempt'
t_match 'no line refuses' "$(explained nobody)" '^verdict +refuse: no line'
t_match 'a user manager is refused to the confined' "$(explained --service systemd-user "$user")" \
	"^verdict +refuse: 'systemd-user' would run on the host"

cat >"$etc/run.conf" <<CONF
[profile shell]
[profile box]
run = yes
images = debian-*
	alpine
signed = yes
keep-size = 2G
run-profiles = gpu shell
[profile gpu]
run = yes
images = cuda
[profile one]
run = yes
images = *
[assign run]
$user = box
nobody = exempt
@$group = refuse
[assign]
* = shell
CONF

# launched ARGUMENT...: as explained, with these profiles.
launched() {
	"$carrel" explain --config "$etc/run.conf" "$@" 2>&1 </dev/null
	echo "status $?"
}

seen=$(launched --service run "$user")
t_match 'run: the line that decides' "$seen" "^decided by +$etc/run.conf:16: \[assign run\] $user\$"
t_match 'run: the profile' "$seen" "^profile +box \($etc/run.conf:2\)\$"
t_match 'run: the images' "$seen" '^ +images +debian-\* alpine$'
t_match 'run: the limits' "$seen" '^ +max-containers +16$'
t_match 'run: sizes' "$seen" '^ +keep-size +2G$'
t_match 'run: what else may be chosen, and not what has run = no' "$seen" '^--profile +box gpu$'
t_match 'run: where IDs come from' "$seen" '^IDs +a slot of the pool .*524288-1878982655$'
t_match 'run: succeeds' "$seen" '^status 0$'
t_match 'run: who has no such profile' "$(explained --service run "$user")" \
	"^verdict +refuse: $etc/carrel.conf:1: profile 'shell' has run = no"
t_match 'run: is refused' "$(explained --service run "$user")" '^status 1$'
seen=$(launched --service run nobody)
t_match 'run: what the exempt may choose' "$seen" '^--profile +box gpu one$'
t_match 'run: which is no refusal' "$seen" '^status 0$'

seen=$(launched --run alpine "$user")
t_match '--run: an image that is allowed' "$seen" '^verdict +confine$'
t_match '--run: tells what is known later' "$seen" '^image +alpine, if a trusted key has signed it$'
t_match '--run: and succeeds' "$seen" '^status 0$'
seen=$(launched --run fedora "$user")
t_match '--run: an image that is not, and the line' "$seen" \
	"^verdict +refuse: $etc/run.conf:4: profile 'box' has images = debian-\* alpine: 'fedora' is none of them"
t_match '--run: is no success' "$seen" '^status 1$'
seen=$(launched --run cuda --profile gpu "$user")
t_match '--profile: its own keys count' "$seen" "^profile +gpu \($etc/run.conf:9\)\$"
t_match '--profile: without a signature' "$seen" '^image +cuda$'
t_match '--profile: succeeds' "$seen" '^status 0$'
t_match '--profile: one that may not be chosen' "$(launched --run cuda --profile one "$user")" \
	"^verdict +refuse: $etc/run.conf:8: profile 'box' has run-profiles = gpu shell: 'one' cannot be chosen"
t_match '--run: the exempt must choose' "$(launched --run cuda nobody)" '^verdict +refuse: .*from box gpu one$'
seen=$(launched --run cuda --profile gpu nobody)
t_match '--run: and are exempt' "$seen" '^verdict +exempt$'
t_match '--run: under that profile' "$seen" '^profile +gpu '
seen=$(launched --json --run fedora "$user")
t_match '--json: the image' "$seen" '"image": "fedora"'
t_match '--json: the line that refuses' "$seen" '"reason": ".*run.conf:4: '
t_match '--run with another service is wrong usage' "$(launched --run x --service sshd "$user")" '^status 2$'
t_match '--profile for a login is wrong usage' "$(launched --profile gpu "$user")" '^status 2$'
t_match 'an image without a name is wrong usage' "$(launched --run '' "$user")" '^status 2$'

t_match 'an unknown user' "$(explained no-such-user-here)" "^verdict +refuse: .*'no-such-user-here'"
t_match 'an unknown user is no success' "$(explained no-such-user-here)" '^status 1$'
sed "s/^uids = .*/uids = 900-999/" "$etc/carrel.conf" >"$etc/far.conf"
t_match 'no range refuses and says which key' "$("$carrel" explain --config "$etc/far.conf" "$user")" \
	"^verdict +refuse: .*'uids'"
cp "$etc/carrel.conf" "$etc/negative.conf"
printf '[groups]\nnegative = %s\n' "$group" >>"$etc/negative.conf"
t_match 'a negative group forbids setgroups' "$("$carrel" explain --config "$etc/negative.conf" "$user")" \
	"^setgroups +deny, as a member of $group\$"
echo rubbish >"$tmp/bad.conf"
t_match 'a broken configuration refuses' "$("$carrel" explain --config "$tmp/bad.conf" "$user")" \
	"^verdict +refuse: $tmp/bad.conf:1: "

seen=$(explained --json --service sshd "$user")
t_match '--json: verdict' "$seen" '"verdict": "confine"'
t_match '--json: no limit is null' "$seen" '"tasks-max": null'
t_match '--json: keys of launches' "$seen" '"max-containers": 16'
t_match '--json: bytes' "$seen" '"memory-max": 1610612736'
if command -v python3 >/dev/null 2>&1; then
	"$carrel" explain --config "$etc" --json --service sshd "$user" >"$tmp/json"
	t '--json: the maps cover the range' python3 - "$tmp/json" "$uid" "$first" <<-'PYTHON'
		import json, sys
		o = json.load(open(sys.argv[1]))
		uid, first = int(sys.argv[2]), int(sys.argv[3])
		inside = {}
		for i, h, n in o["ids"]["uid-map"]:
		    inside.update((i + k, h + k) for k in range(n))
		assert inside == {k: uid if k == uid else first + k for k in range(65536)}
		assert o["rule"]["line"] == 15 and o["ids"]["dropped-gids"] == 0
	PYTHON
else
	skip '--json: the maps cover the range' 'needs python3'
fi

t_match 'names an unknown option' "$(explained --sevrice x "$user")" 'sevrice'
t_match 'an unknown option is wrong usage' "$(explained --sevrice x "$user")" '^status 2$'
t_match 'a second user is wrong usage' "$(explained "$user" root)" '^status 2$'
t_match 'names the second user' "$(explained "$user" root)" "'root'"
t_match 'no user is wrong usage' "$(explained)" '^status 2$'
t_match 'has help' "$(explained --help)" '^usage: carrel explain'
finish
