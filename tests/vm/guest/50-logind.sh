# logind keeps its books: a confined session is a session, its processes are in its scope.
. /opt/carrel-vm/lib.sh

sessions_of() { loginctl --no-legend list-sessions | awk -v u="$1" '$3 == u { print $1 }' | sort -n; }

ssh -q ada@localhost 'exec sleep 601' </dev/null >/dev/null 2>&1 &
client=$!
until_true 120 pgrep -u ada -f '^sleep 601' || :
pid=$(pgrep -u ada -f '^sleep 601')
id=$(sessions_of ada | tail -n 1)
isnt "loginctl lists the session" "" "$id"
is "its service" sshd "$(loginctl show-session "$id" -p Service --value)"
is "its user" 1001 "$(loginctl show-session "$id" -p User --value)"
is "its state" active "$(loginctl show-session "$id" -p State --value)"
has "its processes are shown" 'sleep 601' "$(loginctl --no-pager session-status "$id")"
has "its processes are in its scope" "^0::/user.slice/user-1001.slice/session-$id.scope" "$(cat "/proc/$pid/cgroup")"
isnt "they are not on the host" "$(host_ns)" "$(readlink "/proc/$pid/ns/user")"
is "the audit login uid is the user's" 1001 "$(cat "/proc/$pid/loginuid")"
isnt "no user manager for the confined" active "$(systemctl is-active user@1001.service)"
check "loginctl terminate-session" loginctl terminate-session "$id"
within 120 "ends its processes" process_gone "$pid"
wait $client 2>/dev/null
within 120 "and the session" no_session ada

# The same from a terminal, through the door.
{ typed 'exec sleep 602' pgrep -u ada -f '^sleep 602'; until_true 120 process_gone "$(pgrep -u ada -f '^sleep 602')"; } |
	timeout -k 5 400 script -qec "login -f ada" /dev/null >/dev/null 2>&1 &
client=$!
until_true 120 pgrep -u ada -f '^sleep 602' || :
pid=$(pgrep -u ada -f '^sleep 602')
id=$(sessions_of ada | tail -n 1)
is "login's session: its service" login "$(loginctl show-session "$id" -p Service --value)"
has "login's session: its processes are in its scope" "/session-$id.scope" "$(cat "/proc/$pid/cgroup")"
is "login's session: nothing of the user is outside but the door" "" "$(/opt/carrel-vm/guest-scan outside ada)"
isnt "no user manager for login either" active "$(systemctl is-active user@1001.service)"
check "login's session: terminate" loginctl terminate-session "$id"
within 120 "login's session: ends its processes" process_gone "$pid"
kill $client 2>/dev/null
wait $client 2>/dev/null
within 120 "login's session: it is gone" no_session ada

# A container ends with its last process; what the user left running on purpose lives on, inside.
until_true 120 sh -c '! /opt/carrel-vm/guest-scan all ada | grep -q .' || :
is "nothing is left of ended sessions" "" "$(/opt/carrel-vm/guest-scan all ada)"
check "tmux is started" as ada tmux new-session -d 'sleep 603'
sleep 3
check "tmux outlives the session" pgrep -u ada -f '^sleep 603'
isnt "inside" "$(host_ns)" "$(readlink "/proc/$(pgrep -n -u ada -f '^sleep 603')/ns/user")"
check "the next session finds it" as ada tmux ls
check "and ends it" as ada tmux kill-server
end_sessions ada
is "then everything is gone" "" "$(/opt/carrel-vm/guest-scan all ada)"
