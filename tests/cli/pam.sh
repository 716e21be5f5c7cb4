#!/bin/sh
# carrel pam: on trees of Debian 12's and RHEL 9's files, as anybody.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../lib/test.sh"

carrel=${CARREL:-$build/carrel}
[ -x "$carrel" ] || skip_rest "needs $carrel"

# tree NAME: a fresh copy of a sample, with what libpam would load
tree() {
	chmod -R u+w "$tmp/t" 2>/dev/null
	rm -rf "$tmp/t" "$tmp/before"
	cp -a "$src/tests/pam/samples/$1" "$tmp/t"
	chmod -R u+w,go-w "$tmp/t"
	mkdir -p "$tmp/t/lib64/security"
	touch "$tmp/t/lib64/security/pam_permit.so" "$tmp/t/lib64/security/pam_succeed_if.so" \
		"$tmp/t/lib64/security/pam_carrel.so"
	cp -a "$tmp/t/etc/pam.d" "$tmp/before"
}

pam() {
	verb=$1
	shift
	"$carrel" pam "$verb" --root "$tmp/t" "$@"
}

state() {
	pam status "$1" | sed -n '2s/  */ /gp' | cut -d' ' -f2
}

unchanged() {
	diff -r --no-dereference "$tmp/before" "$tmp/t/etc/pam.d"
}

# told NAME ERE COMMAND...: refuses, says why, leaves every file as it was
told() {
	name=$1
	pattern=$2
	shift 2
	"$@" >"$tmp/out" 2>&1
	status=$?
	if [ "$status" = 1 ] && grep -Eq -e "$pattern" "$tmp/out" && unchanged >>"$tmp/out"; then
		pass "$name"
	else
		fail "$name" "status $status; expected 1 and '$pattern':
$(cat "$tmp/out")"
	fi
}

everything='sshd login su-l su runuser-l runuser atd sudo-i sudo systemd-user'

for sample in debian12 rhel9; do
	tree $sample
	case $sample in
	debian12) services="$everything cron" ;;
	rhel9) services="$everything crond" ;;
	esac
	# shellcheck disable=SC2086
	t "$sample: a dry run succeeds" pam enable --dry-run $services
	t "$sample: and changes nothing" unchanged
	# shellcheck disable=SC2086
	t "$sample: enables all services" pam enable --exempt adm --exempt wheel $services
	for service in $services; do
		t_same "$sample: $service is enabled" "$(state "$service")" enabled
	done
	cp -a "$tmp/t/etc/pam.d" "$tmp/enabled"
	# shellcheck disable=SC2086
	t "$sample: enabling again succeeds" pam enable $services
	t "$sample: and changes nothing" diff -r --no-dereference "$tmp/enabled" "$tmp/t/etc/pam.d"
	rm -rf "$tmp/enabled"
	# shellcheck disable=SC2086
	t "$sample: disables all services" pam disable $services
	t "$sample: to the byte" unchanged
done

tree debian12
pam enable --exempt adm sshd >"$tmp/diff" 2>"$tmp/err"
t 'the diff is what patch applies' patch -s "$tmp/before/sshd" "$tmp/diff"
t 'and leads to the same file' cmp "$tmp/before/sshd" "$tmp/t/etc/pam.d/sshd"
t 'the backup is the file as it was' cmp "$src/tests/pam/samples/debian12/etc/pam.d/sshd" \
	"$(sed -n 's/.*as it was: //p' "$tmp/err")"
t_same 'no other name appears in pam.d' "$(find "$tmp/t/etc/pam.d" -name '*carrel*')" ''

tree debian12
chmod 640 "$tmp/t/etc/pam.d/sshd"
attribute() {
	python3 -c 'import os, sys
if len(sys.argv) > 2: os.setxattr(sys.argv[1], "user.carrel", sys.argv[2].encode())
print(os.getxattr(sys.argv[1], "user.carrel").decode())' "$@" 2>&1
}
if attribute "$tmp/t/etc/pam.d/sshd" kept >/dev/null; then
	pam enable sshd >"$tmp/out" 2>&1
	t_same 'extended attributes are kept' "$(attribute "$tmp/t/etc/pam.d/sshd")" kept
else
	skip 'extended attributes are kept' 'needs python3 and a file system with user attributes'
	pam enable sshd >"$tmp/out" 2>&1
fi
t_same 'the mode is kept' "$(stat -c %a "$tmp/t/etc/pam.d/sshd")" 640
t_match 'status --json says where' "$(pam status --json sshd)" '"line": [0-9]+'
t_match 'status --json says the state' "$(pam status --json sshd)" '"state": "enabled"'

tree debian12
rm "$tmp/t/lib64/security/pam_carrel.so"
told 'refuses when the module is not there' "module 'pam_carrel.so' is not there" pam enable sshd
t 'unless forced' pam enable --force sshd
t_same 'and calls that broken' "$(state sshd)" broken
tree debian12
rm "$tmp/t/lib64/security/pam_succeed_if.so"
told 'refuses when the guard cannot work' 'locks root out' pam enable sshd

tree debian12
told 'refuses an unknown service and lists what there is' "no service 'sshdd'.* su su-l sudo" pam enable sshdd
told 'refuses a path' 'not the name of a service' pam enable ../sshd
told 'refuses a part of other services' 'a part that services include' pam enable common-session
told 'refuses the fallback' 'a part that services include' pam enable other
told 'refuses a service that opens no sessions' "'passwd' opens no sessions" pam enable passwd
told 'refuses an unknown exempt group' "no group 'whel'" pam enable --exempt whel sshd
told 'says which service reaches another' "disable that one" sh -c "
	'$carrel' pam enable --root '$tmp/t' su && '$carrel' pam disable --root '$tmp/t' su-l; r=\$?
	'$carrel' pam disable --root '$tmp/t' su; exit \$r"
told 'refuses lines beside those of an including service' "'su-l' includes 'su' and has lines of its own" sh -c "
	'$carrel' pam enable --root '$tmp/t' su-l && '$carrel' pam enable --root '$tmp/t' su; r=\$?
	'$carrel' pam disable --root '$tmp/t' su-l; exit \$r"
t_not 'status of an unknown service fails' pam status sshdd

# file NAME LINE...: a service of its own in the tree and in the copy to compare with
file() {
	tree debian12
	printf '%s\n' "$2" >"$tmp/t/etc/pam.d/$1"
	cp -a "$tmp/t/etc/pam.d/$1" "$tmp/before/$1"
}

file x 'session sufficient pam_unix.so'
told 'refuses a sufficient line before it' "/x:1: 'pam_unix.so' can end or leave" pam enable x
file x 'session [success=1 default=ignore] pam_unix.so'
told 'refuses a jump past the guard' "/x:1: 'pam_unix.so' can jump in behind the guard" pam enable x
file x 'session [success=2 default=ignore] pam_unix.so'
told 'refuses a jump past the module' "/x:1: 'pam_unix.so' can end or leave" pam enable x
file x 'session wanted pam_unix.so'
told 'refuses an unknown control' "/x:1: unknown control 'wanted'" pam enable x
file x 'session include gone'
told 'refuses an include of nothing' "/x:1: 'gone'" pam enable x
file x "$(printf 'session required pam_unix.so\r')"
told 'refuses DOS line ends' '/x:1: control character 0x0d' pam enable x
file x "session required pam_unix.so \\"
told 'refuses an unfinished line' "/x:1: ends in a" pam enable x
printf 'session required pam_unix.so\0\n' >"$tmp/t/etc/pam.d/x"
cp "$tmp/t/etc/pam.d/x" "$tmp/before/x"
told 'refuses a NUL byte' 'NUL byte' pam enable x

tree debian12
printf '@include sshd\nsession sufficient pam_unix.so\n' >"$tmp/t/etc/pam.d/x"
printf 'session [success=1 default=ignore] pam_echo.so\n@include su\n' >"$tmp/t/etc/pam.d/y"
cp -a "$tmp/t/etc/pam.d/x" "$tmp/t/etc/pam.d/y" "$tmp/before"
t 'a service that includes it changes with it' pam enable sshd
t_same 'and is enabled through it' "$(state x)" enabled
pam disable sshd >"$tmp/out" 2>&1
printf 'session sufficient pam_echo.so\n@include su\n' >"$tmp/t/etc/pam.d/y"
cp -a "$tmp/t/etc/pam.d/y" "$tmp/before"
told 'refuses when a service that includes it would skip the line' "'y', which includes it: .*/y:1:" pam enable su

tree debian12
mv "$tmp/t/etc/pam.d/sshd" "$tmp/t/etc/sshd"
ln -s ../sshd "$tmp/t/etc/pam.d/sshd"
rm "$tmp/before/sshd" && cp -a "$tmp/t/etc/pam.d/sshd" "$tmp/before/sshd" && cp "$tmp/t/etc/sshd" "$tmp/"
told 'refuses a symbolic link' "symbolic link to '../sshd'" pam enable sshd
tree rhel9
told "refuses authselect's files" 'a part that services include' pam enable password-auth
ln -sf /etc/authselect/password-auth "$tmp/t/etc/pam.d/vsftpd"
cp -a "$tmp/t/etc/pam.d/vsftpd" "$tmp/before"
told 'refuses a link of authselect with a hint' 'authselect create-profile' pam enable vsftpd
tree debian12
chmod g+w "$tmp/t/etc/pam.d/sshd"
told 'refuses a file that others may write' 'writable by someone other' pam enable sshd
tree debian12
ln "$tmp/t/etc/pam.d/sshd" "$tmp/t/etc/second"
told 'refuses a file with two names' 'hard links' pam enable sshd
tree debian12
exec 9<"$tmp/t/etc/pam.d"
if command -v flock >/dev/null 2>&1 && flock -n 9; then
	told 'refuses while another is at work' "another 'carrel pam'" pam enable sshd
else
	skip 'refuses while another is at work' 'needs flock'
fi
exec 9<&-

tree debian12
mkdir -p "$tmp/t/opt"
t_not 'a module elsewhere must exist' pam enable --module /opt/pam_carrel.so sshd
touch "$tmp/t/opt/pam_carrel.so"
t 'and is written with its path' pam enable --module /opt/pam_carrel.so sshd
t_same 'in both stacks' "$(grep -c ' /opt/pam_carrel.so$' "$tmp/t/etc/pam.d/sshd")" 2
t_same 'and found by status' "$(state sshd)" enabled
rm "$tmp/t/opt/pam_carrel.so"
t_same 'or missed' "$(state sshd)" broken

tree debian12
pam enable systemd-user >"$tmp/out" 2>&1
t_match 'a vendor file is copied' "$(head -n 1 "$tmp/t/etc/pam.d/systemd-user")" 'from /usr/lib/pam.d/systemd-user;'
t_same 'without an auth line' "$(grep -c '^auth' "$tmp/t/etc/pam.d/systemd-user")" 0
echo '# mine' >>"$tmp/t/etc/pam.d/systemd-user"
pam disable systemd-user >"$tmp/out" 2>&1
t 'a copy that somebody changed stays' test -e "$tmp/t/etc/pam.d/systemd-user"

tree debian12
pam enable sshd >"$tmp/out" 2>&1
sed -i '/^session required pam_carrel/d' "$tmp/t/etc/pam.d/sshd"
t_same 'a lost session line is broken' "$(state sshd)" broken
t 'enabling repairs it' pam enable sshd
t_same 'fully' "$(state sshd)" enabled
sed -i '/^auth optional pam_carrel/d' "$tmp/t/etc/pam.d/sshd"
t_same 'a lost auth line is partial' "$(state sshd)" partial
sed -i '/pam_succeed_if/d' "$tmp/t/etc/pam.d/sshd"
t_match 'a lost guard is told' "$(pam status sshd)" 'root is locked out'
t_not 'status fails when something is broken' sh -c "sed -i 's/^session required pam_carrel/session optional pam_carrel/' \
	'$tmp/t/etc/pam.d/sshd'; '$carrel' pam status --root '$tmp/t'"

t_same 'wrong usage is status 2' "$("$carrel" pam enable >/dev/null 2>&1; echo $?)" 2
t_same 'an unknown option is status 2' "$("$carrel" pam status --dry-run >/dev/null 2>&1; echo $?)" 2
t_same 'a bad group is status 2' "$("$carrel" pam enable --exempt 'a b' sshd >/dev/null 2>&1; echo $?)" 2

finish
