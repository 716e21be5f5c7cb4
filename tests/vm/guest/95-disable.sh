# Taken out again, the machine is as it was.
. /opt/carrel-vm/lib.sh

# The file that libpam reads: the distribution's own when the admin has none.
in_use()
{
	if [ -e "$1/$2" ]; then echo "$1/$2"; else echo "/usr/lib/pam.d/$2"; fi
}

for service in sshd login su su-l sudo sudo-i cron atd runuser runuser-l systemd-user; do
	check "carrel pam disable $service" carrel pam disable $service
	check "$service is what it was, byte for byte" cmp "$(in_use /root/pam.d $service)" "$(in_use /etc/pam.d $service)"
done
check "systemctl disable" systemctl disable --now carrel-helper.socket carrel-helper.service
is "sessions are on the host again" "$(host_ns)" "$(get ada readlink /proc/self/ns/user)"
within 120 "with a user manager" as ada systemctl --user --no-pager list-units
is "root's too" "$(host_ns)" "$(get root readlink /proc/self/ns/user)"
end_sessions ada dora
