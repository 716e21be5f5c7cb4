# After a reboot, before anybody logged in.
. /opt/carrel-vm/lib.sh
. /opt/carrel-vm/guest-ways.sh

isnt "the machine was rebooted" "$(cat /root/boot_id)" "$(cat /proc/sys/kernel/random/boot_id)"
is "the socket is there by itself" active "$(systemctl is-active carrel-helper.socket)"
within 120 "the exempt user's manager lingers" systemctl is-active "user@1003.service"
is "and ran his unit" host "$(where dora unit)"
is "ada's manager did not" nowhere "$(where ada unit 10)"
isnt "nor is it there" active "$(systemctl is-active user@1001.service)"
is "nothing of ada runs" "" "$(/opt/carrel-vm/guest-scan all ada)"
isnt "she logs in, inside" "$(host_ns)" "$(get ada readlink /proc/self/ns/user)"
is "and is root there" 0 "$(get ada sudo id -u)"
is "her unit still did not run" nowhere "$(where ada unit 3)"
is "nothing of the user is outside" "" "$(/opt/carrel-vm/guest-scan outside ada)"
rm -f /var/lib/systemd/linger/ada /var/lib/systemd/linger/dora
