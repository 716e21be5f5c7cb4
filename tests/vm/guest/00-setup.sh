. /opt/carrel-vm/lib.sh

has "the kernel is Debian's 6.1" '^6\.1\.' "$(uname -r)"
is "systemd is pid 1" systemd "$(cat /proc/1/comm)"
is "cgroup v2 alone" cgroup2fs "$(stat -f -c %T /sys/fs/cgroup)"
is "AppArmor is enabled" Y "$(cat /sys/module/apparmor/parameters/enabled)"

[ -e /root/.ssh/id_ed25519 ] || {
	groupadd -g 990 staffers
	useradd -u 1001 -m -s /bin/bash ada
	useradd -u 1002 -m -s /bin/bash ben
	useradd -u 1003 -m -s /bin/bash -G staffers dora
	# The confined windows of the pool need no lines here; whoever useradd gave some keeps them.
	install -d -m 700 /root/.ssh
	ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
	echo "localhost $(cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub)" >/root/.ssh/known_hosts
	# The cheapest that both ends speak: an emulated machine pays for every handshake, and there are hundreds.
	printf 'KexAlgorithms curve25519-sha256\nCiphers chacha20-poly1305@openssh.com\nCompression no\n' >/root/.ssh/config
	cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
	for u in ada ben dora; do
		mkdir -m 700 /home/$u/.ssh
		cp /root/.ssh/id_ed25519.pub /home/$u/.ssh/authorized_keys
		chown -R $u: /home/$u/.ssh
		touch /home/$u/.hushlogin
		chmod 700 /home/$u
	done
}
for u in root ada ben dora; do
	is "sshd lets $u in" $u "$(get $u id -un)"
done
