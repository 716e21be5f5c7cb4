# Before the product is enabled: every way out that the later tests close is open. A test of a closed door proves
# nothing on a machine where that door does not exist.
. /opt/carrel-vm/lib.sh
. /opt/carrel-vm/guest-ways.sh

cron_put ada
for way in user_unit systemd_run user_bus user_private system_bus linger_command at_queue at_command user_manager cron; do
	way_is "without carrel, $way runs on the host" host $way ada
done
is "a session is on the host" "$(host_ns)" "$(get ada readlink /proc/self/ns/user)"
rm -rf /home/ada/.config
end_sessions ada dora
