# The helper comes and goes; sessions stay. Without it the confined stay out, root and the exempt do not.
. /opt/carrel-vm/lib.sh

container() { get ada readlink /proc/self/ns/user; }
main_pid() { systemctl show -p MainPID --value carrel-helper.service; }

ssh -q ada@localhost 'exec sleep 606' </dev/null >/dev/null 2>&1 &
client=$!
until_true 120 pgrep -u ada -f '^sleep 606' || :
pid=$(pgrep -u ada -f '^sleep 606')
ns=$(readlink "/proc/$pid/ns/user")
is "a second session joins the first" "$ns" "$(container)"

before=$(main_pid)
check "systemctl restart" systemctl restart carrel-helper.service
check "the session lives on" test -d "/proc/$pid"
is "new sessions join the same container" "$ns" "$(container)"
isnt "the helper is another one" "$before" "$(main_pid)"

before=$(main_pid)
[ "$before" -gt 0 ] && kill -9 "$before"
# Started by the login that needs it, it may be slower than that waits.
within 120 "after kill -9: logins work" as ada true
is "after kill -9: the same container" "$ns" "$(container)"
isnt "after kill -9: the helper is another one" "$before" "$(main_pid)"
check "after kill -9: the session lives on" test -d "/proc/$pid"
for delay in 0.1 0.2 0.3 0.5 1; do
	# 0 while there is none: that would be this test's own process group.
	helper=$(main_pid)
	[ "$helper" -le 0 ] || kill -9 "$helper" 2>/dev/null
	get ada true >/dev/null &
	sleep $delay
done
wait $! 2>/dev/null
within 120 "after five more: logins work" as ada true
is "after five more: the same container" "$ns" "$(container)"
is "the other user's is another" 1 "$([ "$(get ben readlink /proc/self/ns/user)" != "$ns" ] && echo 1)"

kill $client
wait $client 2>/dev/null
sleep 2
check "without a terminal its program outlives it, as anywhere" test -d "/proc/$pid"
kill "$pid"
within 120 "ended from the host, it ends" process_gone "$pid"
within 120 "and is forgotten by logind" no_session ada

# The container's end while the helper is away: the next helper must not hand out a dead one.
ssh -q ada@localhost 'exec sleep 607' </dev/null >/dev/null 2>&1 &
client=$!
until_true 120 pgrep -u ada -f '^sleep 607' || :
systemctl stop carrel-helper.service carrel-helper.socket
kill $client
wait $client 2>/dev/null
end_sessions ada
no_login "no socket: the confined are refused" ada
check "no socket: root gets in" as root true
check "no socket: the exempt group of the PAM line gets in" as dora true
for who in dora ada; do
	rm -f /home/$who/proof.*
	timeout 120 su $who -c 'touch ~/proof.su' </dev/null
	timeout 120 su - $who -c 'touch ~/proof.su-l' </dev/null
	timeout 120 runuser -u $who -- touch /home/$who/proof.runuser </dev/null
	timeout 120 runuser - $who -c 'touch ~/proof.runuser-l' </dev/null
	timeout 120 sudo -n -u $who touch /home/$who/proof.sudo </dev/null
	timeout 120 sudo -n -i -u $who touch /home/$who/proof.sudo-i </dev/null
done >/dev/null 2>&1
is "no socket: su, runuser and sudo run the exempt's commands" 6 "$(ls /home/dora/proof.* | wc -l)"
is "no socket: and nobody else's" "" "$(ls /home/ada/proof.* 2>/dev/null)"
check "systemctl start" systemctl start carrel-helper.socket
within 120 "logins work again" as ada true
isnt "in a container" "$(host_ns)" "$(container)"

# A helper that is started and dies at once.
mkdir -p /run/systemd/system/carrel-helper.service.d
printf '[Service]\nExecStart=\nExecStart=/bin/false\n' >/run/systemd/system/carrel-helper.service.d/broken.conf
systemctl daemon-reload
systemctl stop carrel-helper.service
no_login "a helper that does not start: the confined are refused" ada
check "a helper that does not start: root gets in" as root true
rm -r /run/systemd/system/carrel-helper.service.d
systemctl daemon-reload
systemctl reset-failed carrel-helper.service carrel-helper.socket 2>/dev/null
systemctl restart carrel-helper.socket
within 120 "repaired: logins work again" as ada true
is "the journal has no failed assertion or fault of ours" "" \
	"$(journalctl -b -o cat -k | grep -E 'segfault|traps:|general protection' | grep carrel)"
end_sessions ada ben dora
