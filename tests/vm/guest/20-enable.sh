# The product as an admin enables it, on a machine where nobody is logged in.
. /opt/carrel-vm/lib.sh

mkdir -p /etc/carrel
cat >/etc/carrel/carrel.conf <<'CONF'
[profile shell]
root = yes

[profile tight]
inherit = shell
memory-max = 96M
tasks-max = 40

[assign]
@staffers = exempt
ben = tight
* = shell
CONF
systemd-tmpfiles --create carrel.conf
systemctl daemon-reload
check "the configuration is good" carrel check
check "the socket is enabled and started" systemctl enable --now carrel-helper.socket
# Emulated and on a busy machine, the helper may take longer to start and to compile than a login waits for it. That is a
# refusal, and rightly; the next tests are about other things.
check "the helper starts" systemctl start carrel-helper.service
within 120 "and compiles the filters" sh -c 'ls /run/carrel/filters/*.good'
check "the service files are good" systemd-analyze verify --man=no carrel-helper.socket carrel-helper.service
cp -a /etc/pam.d /root/pam.d
for service in sshd login su su-l sudo sudo-i cron atd runuser runuser-l systemd-user; do
	check "carrel pam enable $service" carrel pam enable --exempt staffers $service
	# The module waits two seconds, which are few for a helper that is emulated beside other work.
	sed -i '/pam_carrel\.so/s/$/ timeout=10/' /etc/pam.d/$service
done
check "carrel pam status" carrel pam status
files="/usr/libexec/carrel /usr/bin/carrel /usr/lib/x86_64-linux-gnu/security/pam_carrel.so"
check "the product's files are there" ls -lR $files
is "none of them is setuid, setgid or has capabilities" "" "$(find $files -perm /6000; getcap -r $files)"
