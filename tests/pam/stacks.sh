#!/bin/sh
# What `carrel pam enable` writes, in the hands of libpam and of the real services: a module that only says when it is called
# stands where pam_carrel.so would. Everything happens in a private mount namespace, over copies.
# shellcheck source-path=SCRIPTDIR
if [ "$(id -u)" = 0 ] && [ "${STACKS_INSIDE:-}" != 1 ]; then
	STACKS_INSIDE=1 exec unshare --mount --propagation private "$0" "$@"
fi
. "$(dirname "$0")/../lib/test.sh"

carrel=${CARREL:-$build/carrel}
cc=${CC:-cc}
[ "${STACKS_INSIDE:-}" = 1 ] || skip_rest 'needs root'
[ -x "$carrel" ] || skip_rest "needs $carrel"
need "${cc%% *}" pamtester su runuser sudo /usr/sbin/sshd ssh useradd chpasswd

security=
for dir in /lib/x86_64-linux-gnu/security /lib/aarch64-linux-gnu/security /lib64/security /lib/security; do
	[ -e $dir/pam_permit.so ] && security=$dir && break
done
[ -n "$security" ] || skip_rest 'cannot tell where libpam keeps its modules'

world=$tmp/world
mkdir "$world"
mount -t tmpfs -o mode=755 none "$world"
# $CC may be a compiler with words behind it
# shellcheck disable=SC2086
compile() {
	$cc -D_GNU_SOURCE -fPIC -shared -o "$world/pam_say.so" "$src/tests/pam/pam_say.c" -lpam &&
		$cc -D_GNU_SOURCE -I"$src" -o "$world/oracle" "$src/tests/pam/stack-oracle.c" "$src/policy/pamline.c" \
			"$src/policy/pamsteps.c" "$src/policy/pamstack.c" "$src/policy/pamstack_edit.c" \
			"$src/policy/base/err.c" -lpam
}
t 'the oracle compiles' compile
cp "$world/pam_say.so" "$world/pam_carrel.so"

mkdir "$world/stacks"
oracle() {
	# shellcheck disable=SC2016
	unshare --mount --propagation private sh -c 'mount --bind "$1" /etc/pam.d && shift && exec "$@"' - \
		"$world/stacks" timeout 300 "$world/oracle" "$world/pam_say.so" "$world/pam_carrel.so" "$@"
}
t 'what is judged sound is so in libpam, in 2000 stacks' oracle "$(date +%s)" 2000

# ---- the services of this machine, over copies ----

cp -a /etc "$security" "$world/"
mount --bind "$world/etc" /etc
mount --bind "$world/security" "$security"
for dir in /home /run /var/lib /var/log /var/mail; do
	mount -t tmpfs -o mode=755 none $dir
done
mkdir -p /run/sshd
: >/var/log/wtmp
chmod 711 "$tmp" "$world"
log=$world/log

useradd -m -s /bin/sh pamann
useradd -m -s /bin/sh -G adm pambob
printf '%s:pw\n' pamann pambob root | chpasswd
cp "$world/pam_say.so" "$security/pam_carrel.so"
services=
for service in sshd login su su-l runuser runuser-l cron atd sudo sudo-i; do
	[ -e /etc/pam.d/$service ] && services="$services $service"
done
# shellcheck disable=SC2086
t 'enables the services of this machine' "$carrel" pam enable --exempt adm $services
sed -i "s#^\(auth.* pam_carrel\.so\|session.* pam_carrel\.so\)#& ret=0 log=$log#" /etc/pam.d/*

# logged EXPECTED: what was called, in order, once it is this. Who closes the session may still be about it; and more
# than that should not come.
logged() {
	for _ in $(seq 300); do
		[ "$(cut -d' ' -f1 "$log" | paste -sd' ' -)" != "$1" ] || break
		sleep 0.1
	done
	sleep 0.2
	cut -d' ' -f1 "$log" | paste -sd' ' -
}
# calls NAME EXPECTED COMMAND...: what is called while it runs
calls() {
	name=$1 expected=$2
	shift 2
	: >"$log"
	timeout 60 "$@" >"$tmp/out" 2>&1 </dev/null || echo "status $?: $*" >>"$tmp/out"
	t_same "$name" "$(logged "$expected")" "$expected"
}

whole='setcred open_session close_session setcred'
calls 'su' "authenticate $whole" su pamann -c true
calls 'su -' "authenticate $whole" su - pamann -c true
calls 'runuser' "$whole" runuser pamann -c true
calls 'runuser -' "$whole" runuser - pamann -c true
calls 'runuser -u' "$whole" runuser -u pamann true
calls 'sudo' "$whole" sudo -u pamann true
calls 'sudo -i' "$whole" sudo -i -u pamann true
calls 'su to an exempt user opens nothing' 'authenticate setcred setcred' su pambob -c true
calls 'su to root opens nothing' 'authenticate setcred setcred' su root -c true
for service in $services; do
	calls "$service reaches it when nothing was authenticated" 'setcred open_session close_session' \
		pamtester "$service" pamann setcred open_session close_session
done

ssh-keygen -q -t ed25519 -N '' -f "$world/host"
ssh-keygen -q -t ed25519 -N '' -f "$world/key"
cat >"$world/sshd_config" <<END
ListenAddress 127.0.0.1
HostKey $world/host
PidFile none
UsePAM yes
StrictModes no
PermitRootLogin yes
PasswordAuthentication yes
KbdInteractiveAuthentication yes
AuthorizedKeysFile $world/key.pub
END
printf '#!/bin/sh\necho pw\n' >"$world/ask"
chmod 755 "$world/ask"
# One connection each, over inetd's way: no port is needed.
ssh_to() {
	user=$1
	how=$2
	shift 2
	SSH_ASKPASS=$world/ask SSH_ASKPASS_REQUIRE=force setsid -w ssh -q -F none -i "$world/key" \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o NumberOfPasswordPrompts=1 \
		-o "ProxyCommand=/usr/sbin/sshd -i -f $world/sshd_config" -o PreferredAuthentications="$how" \
		"$user@host" "$@"
}
export SSH_AUTH_SOCK=
# ssh_calls NAME EXPECTED USER HOW
ssh_calls() {
	: >"$log"
	ssh_to "$3" "$4" true >"$tmp/out" 2>&1 </dev/null
	t_same "$1" "$(logged "$2")" "$2"
}
child='setcred open_session setcred close_session setcred'
ssh_calls 'sshd, public key' "$child" pamann publickey
t_same 'the setcred behind open_session is another process' \
	"$(awk 'NR == 2 { opener = $3 } NR == 3 { print $3 != opener }' "$log")" 1
ssh_calls 'sshd, password' "authenticate $child" pamann password
ssh_calls 'sshd, keyboard-interactive' "authenticate $child" pamann keyboard-interactive
ssh_calls 'sshd, an exempt user: no open_session' 'setcred setcred setcred' pambob publickey

# ---- with the module broken ----

# everyone NAME: root and exempt users get in everywhere, the confined nowhere
everyone() {
	for user in root pambob; do
		t_same "$1: $user, su" "$(timeout 60 su $user -c 'id -un' 2>&1)" $user
		t_same "$1: $user, runuser" "$(timeout 60 runuser $user -c 'id -un' 2>&1)" $user
		t_same "$1: $user, sudo" "$(timeout 60 sudo -u $user id -un 2>&1)" $user
		t_same "$1: $user, sshd with a key" "$(ssh_to $user publickey id -un 2>/dev/null)" $user
		t_same "$1: $user, sshd with a password" "$(ssh_to $user password id -un 2>/dev/null)" $user
		t "$1: $user, login" pamtester login $user setcred open_session close_session
	done
	t_not "$1: pamann, su" timeout 60 su pamann -c true
	t_not "$1: pamann, runuser" timeout 60 runuser pamann -c true
	t_not "$1: pamann, sudo" timeout 60 sudo -u pamann true
	t_not "$1: pamann, login" pamtester login pamann setcred open_session close_session
	t_same "$1: pamann, sshd" "$(ssh_to pamann publickey echo inside 2>/dev/null | grep -c inside)" 0
}

rm "$security/pam_carrel.so"
t_not 'status says so when the module is gone' "$carrel" pam status
everyone 'no module'
echo 'no library' >"$security/pam_carrel.so"
everyone 'a module that is none'

# A hand that deletes the line only: nobody may be locked out by the jumps that are left.
sed -i '/ pam_carrel\.so/d' /etc/pam.d/*
for user in root pambob pamann; do
	t_same "lines deleted by hand: $user, su" "$(timeout 60 su $user -c 'id -un' 2>&1)" $user
	t_same "lines deleted by hand: $user, sshd" "$(ssh_to $user publickey id -un 2>/dev/null)" $user
done

cd /
umount -l /home /run /var/lib /var/log /var/mail "$security" /etc "$world"
finish
