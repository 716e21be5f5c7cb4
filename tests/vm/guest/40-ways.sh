# Everything by which a systemd host would run a user's command without a login. See guest-ways.sh, 10-without.sh.
. /opt/carrel-vm/lib.sh
. /opt/carrel-vm/guest-ways.sh

cron_put ada dora
for way in user_unit systemd_run user_bus user_private system_bus linger_command at_command user_manager; do
	way_is "$way: works for the exempt" host $way dora
	way_is "$way: nowhere for the confined" nowhere $way ada
done
for way in at_queue cron; do
	way_is "$way: on the host for the exempt" host $way dora
	way_is "$way: inside for the confined" inside $way ada
done
is "nothing of the user is outside" "" "$(/opt/carrel-vm/guest-scan outside ada)"

# The tools of the host's own root-equivalent daemons, from root inside.
check "the exempt have a user manager" as dora systemctl --user --no-pager list-units
refuses "the confined have none" as ada systemctl --user --no-pager list-units
check "the exempt may ask the system manager" as dora systemctl --no-pager list-units
refuses "the confined may not" as ada systemctl --no-pager list-units
refuses "root inside cannot start a user manager" as ada sudo systemctl start user@1001.service
refuses "systemd-run to the system manager" as ada systemd-run true
refuses "systemd-run to the system manager, as root inside" as ada sudo systemd-run true
is "nothing of the user is outside, still" "" "$(/opt/carrel-vm/guest-scan outside ada)"
end_sessions ada ben dora
rm -rf /home/ada/.config /home/dora/.config
