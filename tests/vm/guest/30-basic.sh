# The main promises, on this kernel: who is confined, what is mapped, who is root, what is refused.
. /opt/carrel-vm/lib.sh

# ns_by_WAY USER: the user namespace of what the service runs for the user.
ns_by_ssh() { get "$1" readlink /proc/self/ns/user; }
ns_by_su() { timeout -k 5 120 su "$1" -c 'readlink /proc/self/ns/user' </dev/null 2>&1; }
ns_by_su_l() { timeout -k 5 120 su - "$1" -c 'readlink /proc/self/ns/user' </dev/null 2>&1; }
ns_by_runuser() { timeout -k 5 120 runuser -u "$1" -- readlink /proc/self/ns/user </dev/null 2>&1; }
ns_by_sudo() { timeout -k 5 120 sudo -n -u "$1" readlink /proc/self/ns/user </dev/null 2>&1; }
ns_by_login()
{
	rm -f "/home/$1/login.out"
	{
		typed 'readlink /proc/self/ns/user >~/login.out' test -s "/home/$1/login.out"
		echo exit
	} | timeout -k 5 300 script -qec "login -f $1" /dev/null >"$out" 2>&1
	cat "/home/$1/login.out" 2>&1
	rm -f "/home/$1/login.out"
}

for way in ssh su su_l runuser sudo login; do
	is "$way: the exempt stay on the host" "$(host_ns)" "$(ns_by_$way dora)"
	isnt "$way: the others do not" "$(host_ns)" "$(ns_by_$way ada | grep '^user:')"
done
is "root stays on the host" "$(host_ns)" "$(get root readlink /proc/self/ns/user)"

ssh -q ada@localhost 'sleep 600; exit 7' </dev/null >/dev/null 2>&1 &
first=$!
until_true 120 sh -c '/opt/carrel-vm/guest-scan inside ada | grep -q "sleep 600"'
is "two sessions of a user share a container" \
	"$(readlink /proc/"$(pgrep -n -u ada -f '^sleep 600')"/ns/user)" "$(ns_by_ssh ada)"
is "nothing of the user is outside" "" "$(/opt/carrel-vm/guest-scan outside ada)"
isnt "two users, two containers" "$(ns_by_ssh ben)" "$(ns_by_ssh ada)"
has "the session is inside" 'sleep 600' "$(/opt/carrel-vm/guest-scan inside ada)"
monitor=$(pgrep -n -f '^sshd: ada \[priv\]')
is "sshd's monitor is on the host" "$(host_ns)" "$(readlink "/proc/$monitor/ns/user")"
is "in the host's mount namespace" "$(readlink /proc/1/ns/mnt)" "$(readlink "/proc/$monitor/ns/mnt")"
is "another user sees nothing of it" "" "$(get ben ps -eo user:20,args | grep -E '^ada|sleep 600')"

map=$(get ada cat /proc/self/uid_map)
is "the user is mapped to themselves" "1001 1001 1" "$(echo "$map" | awk '$1 == 1001 { print $1, $2, $3 }')"
is "the host's root is not mapped" "" "$(echo "$map" | awk '$2 == 0')"
isnt "container root is somebody else" 0 "$(echo "$map" | awk '$1 == 0 { print $2 }')"
is "root inside by carrel root and by sudo" "0 0" "$(get ada 'echo $(carrel root id -u) $(sudo id -u)')"
check "root on the host reads /etc/shadow" as root head -c 1 /etc/shadow
refuses "the user does not" as ada head -c 1 /etc/shadow
refuses "nor root inside" as ada sudo head -c 1 /etc/shadow
check "the exempt see that there are other homes" as dora test -d /home/ben
refuses "other homes are hidden" as ada test -d /home/ben
refuses "also from root inside" as ada sudo test -d /home/ben
check "root on the host writes to /usr" as root 'touch /usr/carrel-vm && rm /usr/carrel-vm'
refuses "root inside does not" as ada sudo touch /usr/carrel-vm
check "the user writes at home" as ada 'echo x >mine && test "$(cat mine)" = x && rm mine'
has "a terminal is seen as one" '^/dev/pts/[0-9]' "$(timeout 120 ssh -tt -q ada@localhost tty </dev/null 2>&1)"
check "tmux" as ada 'tmux new-session -d "sleep 100" && tmux ls && tmux kill-server'
check "python" as ada 'python3 -c "import socket, subprocess; subprocess.check_call([\"true\"])"'
is "the exit status comes back" 7 "$(as ada exit 7; echo $?)"
check "many sessions at once" as root 'for i in 1 2 3 4 5 6; do
	ssh -n -q -i /root/.ssh/id_ed25519 ada@localhost true & pids="$pids $!"; done; for p in $pids; do wait $p || exit 1; done'

host_shm=$(stat -f -c %i /dev/shm)
isnt "/dev/shm is private" "$host_shm" "$(get ada stat -f -c %i /dev/shm)"
check "the exempt reach the system bus" as dora busctl --no-pager list
refuses "the confined have no bus" as ada busctl --no-pager list
refuses "nor has root inside" as ada sudo busctl --no-pager list
is "no socket of the host's /run inside but the helper's" "" \
	"$(get ada "find /run -type s ! -path '/run/carrel/*' 2>/dev/null; true")"
kill $first
wait $first 2>/dev/null
end_sessions ada ben dora
